"""Multiple imputation of responders and its tipping point, against plain recomputation."""

import gc
import itertools
from dataclasses import replace
from typing import Any
from weakref import ref

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm, t

from analysis.efficacy import CODES, analysis, declared, judged, results, table, trial
from openlupus.analysis import imputation
from openlupus.analysis.select import members
from openlupus.analysis.verdicts import read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ProtocolError

STRATA = 'strata = ["severity"]'
IMPUTED = f'name = "imputed_responder", seed = 5, imputations = 30, {STRATA}'
TIPPING = (
    f'name = "tipping_point", seed = 5, imputations = 30, measure = "sledai", {STRATA},'
    " test_shifts = [0, 2, 50], control_shifts = [0, -50]"
)


def whole() -> AnalysisData:
    return trial(missing=0.0)


def test_without_missing_data_it_is_the_stratified_newcombe_interval():
    plain = f'name = "responder", {STRATA}'
    found = results(analysis("mi", IMPUTED) + analysis("plain", plain), whole())
    mi, crude = table(found, "mi"), table(found, "plain")
    for arm in ("high", "low"):
        key = ("stratified_newcombe", "SRI4", arm, "placebo", "")
        for statistic in ("difference", "lower", "upper"):
            assert mi[*key, statistic] == pytest.approx(crude[*key, statistic], abs=1e-9)
        chi = crude["cmh", "SRI4", arm, "placebo", "", "statistic"]
        assert chi is not None
        # Wilson and Hilferty's cube root on one degree of freedom, upper tail.
        z = (chi ** (1 / 3) - (1 - 2 / 9)) / np.sqrt(2 / 9)
        assert mi["cmh", "SRI4", arm, "placebo", "", "p"] == pytest.approx(norm.sf(z), rel=1e-9)
    assert mi["count", "SRI4|imputed", "high", "", "", "n"] == 0


def completed_of(
    data: AnalysisData, endpoint: str = "sri4"
) -> tuple[imputation.Completed, pl.DataFrame]:
    protocol = declared(analysis("mi", IMPUTED, endpoint=endpoint))
    method = protocol.analyses["mi"].method
    verdicts = read_verdicts("mi", protocol, data, members(protocol, data, "all"))
    return imputation.complete(protocol, data, verdicts, method), verdicts.every  # pyright: ignore


def drawn(
    endpoint: str = "sri4",
) -> tuple[imputation.Completed, pl.DataFrame, np.ndarray[Any, Any]]:
    completed, every = completed_of(trial(), endpoint)
    return completed, every, completed.responders()


@pytest.mark.parametrize("endpoint", ["sri4", "bicla"])
def test_verdicts_are_passed_again_from_what_was_imputed_and_the_others_stay(endpoint: str):
    completed, every, responders = drawn(endpoint)
    known = every["AVAL"].is_not_nan().to_numpy()
    assert (responders[:, known] == every["AVAL"].to_numpy()[known]).all()
    gone = np.flatnonzero(~known)
    assert gone.size > 10
    kind = {"sri4": "SRI4", "bicla": "BICLA"}[endpoint]
    for m in (0, 17):
        before, now = dict[str, Any](), dict[str, Any]()
        for name, measure in (("SLEDTOT", "sledai"), ("PGA", "pga")):
            start, end = (values[m, gone] for values in completed.numbers[measure])
            top = 105 if name == "SLEDTOT" else 3
            before[name] = np.clip(start, 0, top)
            now[name] = np.clip(end, 0, top)
        now["SLEDTOT"] = np.rint(now["SLEDTOT"])
        before["GRADES"] = now["GRADES"] = np.ones((gone.size, 9))
        parts = judged(kind, before, now)
        for place, subject in enumerate(gone):
            imputed = {
                k.replace("_", " "): v[m, subject] == 1 for k, v in completed.components.items()
            }
            assert all(({**parts[place], **imputed}).values()) == responders[m, subject]


def test_pooled_numbers_by_plain_formulas():
    _, every, responders = drawn()
    found = table(results(analysis("mi", IMPUTED)), "mi")
    arm, stratum = every["_arm"].to_numpy(), every["STRAT1R"].to_numpy()
    code = dict(zip(("high", "low", "placebo"), CODES, strict=True))
    for name, letter in code.items():
        rate = responders[:, arm == letter].mean(axis=1)
        n, m = (arm == letter).sum(), len(rate)
        total = (rate * (1 - rate) / n).mean() + (1 + 1 / m) * rate.var(ddof=1)
        key = ("multiple_imputation", "SRI4", name, "", "")
        assert found[*key, "proportion"] == pytest.approx(rate.mean())
        assert found[*key, "se"] == pytest.approx(np.sqrt(total))
    for name in ("high", "low"):
        weight, difference, chi = [], np.zeros(30), np.zeros((3, 30))
        for level in ("A", "B"):
            x1, x0 = (
                responders[:, (arm == c) & (stratum == level)].sum(axis=1)
                for c in (code[name], "P")
            )
            n1, n0 = (((arm == c) & (stratum == level)).sum() for c in (code[name], "P"))
            weight.append(n1 * n0 / (n1 + n0))
            difference += weight[-1] * (x1 / n1 - x0 / n0)
            n, x = n1 + n0, x1 + x0
            chi += [x1, n1 * x / n, n1 * n0 * x * (n - x) / (n**2 * (n - 1))]
        key = ("stratified_newcombe", "SRI4", name, "placebo", "")
        assert found[*key, "difference"] == pytest.approx((difference / sum(weight)).mean())
        z = (np.cbrt((chi[0] - chi[1]) ** 2 / chi[2]) - 7 / 9) / np.sqrt(2 / 9)
        between = (1 + 1 / 30) * z.var(ddof=1)
        df = 29 * (1 + 1 / between) ** 2
        p = t.sf(z.mean() / np.sqrt(1 + between), df)
        assert found["cmh", "SRI4", name, "placebo", "", "p"] == pytest.approx(p)


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    first = results(analysis("mi", IMPUTED)).rows["value"]
    assert first.equals(results(analysis("mi", IMPUTED), replace(trial())).rows["value"])
    other = analysis("mi", IMPUTED.replace("seed = 5", "seed = 6"))
    assert not first.equals(results(other).rows["value"])


def test_imputations_are_made_once_for_data_and_go_with_them():
    data, other = replace(trial()), replace(trial())
    first, second = completed_of(data)[0], completed_of(other)[0]
    assert first is completed_of(data)[0]
    assert second is completed_of(other)[0]
    assert first is not second
    assert completed_of(data, "bicla")[0] is not first
    kept = ref(second)
    del second, other
    gc.collect()
    assert kept() is None


def test_what_is_imputed_follows_what_was_seen():
    data = trial()
    sledai = data.frames["ADSLEDAI"]
    # Nobody who is seen improves, so nobody imputed does.
    flat = sledai.with_columns(
        AVAL=pl.when(pl.col("AVAL").is_not_null()).then(pl.col("BASE") + pl.col("AVISITN") / 12)
    )
    verdicts = data.frames["ADRESP"].with_columns(
        AVAL=pl.when(pl.col("AVAL").is_not_null()).then(0.0)
    )
    noisy = flat.with_columns(
        AVAL=pl.col("AVAL") + pl.int_range(pl.len()).mod(3).cast(pl.Float64) * 0.5
    )
    frames = {**data.frames, "ADSLEDAI": noisy, "ADRESP": verdicts}
    found = table(
        results(analysis("mi", IMPUTED), AnalysisData(frames, data.arms, data.synthetic)), "mi"
    )
    for arm in ("high", "low", "placebo"):
        rate = found["multiple_imputation", "SRI4", arm, "", "", "proportion"]
        assert rate is not None
        assert rate < 0.01


def test_the_tipping_grid_begins_at_the_imputed_analysis_and_shifts_one_arm_at_a_time():
    found = results(analysis("mi", IMPUTED) + analysis("tip", TIPPING))
    mi, tip = table(found, "mi"), table(found, "tip")
    for arm in ("high", "low"):
        grid = {
            cell: tip["tipping_point", cell, arm, "placebo", "", "difference"]
            for cell in ("0|0", "2|0", "50|0", "0|-50", "50|-50")
        }
        start = mi["stratified_newcombe", "SRI4", arm, "placebo", "", "difference"]
        assert grid["0|0"] == pytest.approx(start)
        numbers = [grid[cell] for cell in ("0|0", "2|0", "50|0", "50|-50")]
        assert all(a >= b for a, b in itertools.pairwise(numbers))  # pyright: ignore
        p = tip["tipping_point", "0|0", arm, "placebo", "", "p"]
        assert p == pytest.approx(mi["cmh", "SRI4", arm, "placebo", "", "p"])


def test_an_imputed_test_arm_without_any_response_is_non_responder_imputation_of_that_arm():
    _, every, responders = drawn()
    tip = table(results(analysis("tip", TIPPING)), "tip")
    arm, stratum = every["_arm"].to_numpy(), every["STRAT1R"].to_numpy()
    nobody = np.where(every["AVAL"].is_nan().to_numpy(), 0.0, responders)
    value, weight = np.zeros(30), 0.0
    for level in ("A", "B"):
        here = stratum == level
        n1, n0 = (arm == "H")[here].sum(), (arm == "P")[here].sum()
        w = n1 * n0 / (n1 + n0)
        test = nobody[:, here & (arm == "H")].mean(axis=1)
        value += w * (test - responders[:, here & (arm == "P")].mean(axis=1))
        weight += w
    found = tip["tipping_point", "50|0", "high", "placebo", "", "difference"]
    assert found == pytest.approx((value / weight).mean())


def test_a_composite_without_a_model_is_refused_by_name():
    parts = (
        '\n[endpoint.low]\nlabel = "LLDAS"\nparameter = "LLDAS"\ncomposite = "lldas"\n'
        + analysis("mi", IMPUTED, endpoint="low")
    )
    data = trial()
    verdicts = (
        data.frames["ADRESP"]
        .with_columns(PARAMCD=pl.lit("LLDAS"))
        .unique(["USUBJID", "AVISITN"], keep="first")
    )
    frames = {**data.frames, "ADRESP": verdicts}
    with pytest.raises(AnalysisError, match=r"prednisone_visit.*no model of imputation"):
        results(parts, AnalysisData(frames, data.arms, data.synthetic))


def test_data_that_cannot_be_imputed_say_why_in_their_place():
    data = trial()
    empty = data.frames["ADQS"].filter(pl.col("AVISITN") != 12)
    frames = {**data.frames, "ADQS": empty}
    found = results(analysis("mi", IMPUTED), AnalysisData(frames, data.arms, data.synthetic))
    rows = found.rows.filter((pl.col("analysis") == "mi") & (pl.col("statistic") == "difference"))
    assert rows["value"].null_count() == rows.height == 2
    assert rows["warnings"].str.contains("no value is observed").all()


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (IMPUTED.replace("seed = 5, ", ""), "seed"),
        (IMPUTED.replace("imputations = 30", "imputations = 1"), "imputations"),
        (IMPUTED + ', visits = ["W9"]', 'visit "W9" is not declared'),
        (TIPPING.replace("test_shifts = [0, 2, 50], ", ""), "test_shifts"),
    ],
)
def test_bad_declarations_are_refused(method: str, said: str):
    with pytest.raises(ProtocolError, match=said):
        declared(analysis("mi", method))


def test_a_measure_that_the_end_point_does_not_have_is_refused():
    with pytest.raises(AnalysisError, match="clasi_activity is no number of the end point"):
        results(analysis("tip", TIPPING.replace('"sledai"', '"clasi_activity"')))


def test_the_whole_grid_says_why_it_is_empty():
    data = trial()
    frames = {**data.frames, "ADQS": data.frames["ADQS"].filter(pl.col("AVISITN") != 12)}
    found = results(analysis("tip", TIPPING), AnalysisData(frames, data.arms, data.synthetic))
    rows = found.rows.filter(pl.col("analysis") == "tip")
    assert rows["value"].null_count() == rows.height == 2 * 3 * 2 * 2
    assert rows["warnings"].str.contains("no value is observed").all()
    assert "50|-50" in rows["parameter"]
