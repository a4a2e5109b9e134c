"""One analysis at several visits and within subgroups, with the tests of interaction."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import chi2

from analysis.efficacy import analysis, declared, results, table, trial
from openlupus.analysis import records_behind
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, ProtocolError

STRATA = 'strata = ["severity"]'
RESPONDER = f'name = "responder", {STRATA}'


def only(level: str) -> AnalysisData:
    data = trial()
    adsl = data.frames["ADSL"].filter(pl.col("OLD") == level)
    return AnalysisData({**data.frames, "ADSL": adsl}, data.arms, data.synthetic)


def test_within_a_level_the_rows_are_those_of_its_subjects_alone():
    found = table(results(analysis("sub", RESPONDER, subgroups='["OLD"]')), "sub")
    for level in ("Y", "N"):
        alone = table(results(analysis("sub", RESPONDER), only(level)), "sub")
        for key, value in alone.items():
            inside = (*key[:4], f"OLD={level}", key[5])
            assert found[inside] == value


def test_pointers_lead_to_the_subjects_of_the_level():
    found = results(analysis("sub", RESPONDER, subgroups='["OLD"]'))
    (row,) = found.find(
        analysis="sub", statistic="n", parameter="SRI4", visit="W12", group="high", subgroup="OLD=Y"
    )
    behind = records_behind(trial(), row.source)
    assert behind.height == row.value
    ids = trial().frames["ADSL"].filter(pl.col("OLD") == "Y")["USUBJID"]
    assert behind["USUBJID"].is_in(ids.implode()).all()


def counts(arm: str) -> np.ndarray:
    """Responders and subjects of an arm by level of OLD, shape (2, levels N and Y)."""
    data = trial()
    frame = data.frames["ADRESP"].filter(
        (pl.col("PARAMCD") == "SRI4") & (pl.col("AVISITN") == 12) & pl.col("AVAL").is_not_null()
    )
    frame = frame.join(data.frames["ADSL"], on="USUBJID").filter(pl.col("ARMCD") == arm)
    by = [frame.filter(pl.col("OLD") == level)["AVAL"] for level in ("N", "Y")]
    return np.array([[part.sum() for part in by], [part.len() for part in by]], float)


def test_the_likelihood_ratio_of_the_interaction():
    method = f'{RESPONDER}, interaction = "logistic"'
    found = table(results(analysis("sub", method, subgroups='["OLD"]')), "sub")
    (x1, n1), (x0, n0) = counts("H"), counts("P")

    def loss(b: np.ndarray) -> float:
        total = 0.0
        for x, n, own in ((x1, n1, b[0]), (x0, n0, 0.0)):
            eta = own + b[1:]
            total += (n * np.logaddexp(0, eta) - x * eta).sum()
        return float(total)

    main = -minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-10}).fun
    every = sum(
        x * np.log(x / n) + (n - x) * np.log(1 - x / n)
        for x, n in zip([*x1, *x0], [*n1, *n0], strict=True)
    )
    key = ("logistic_interaction", "SRI4", "high", "placebo", "OLD")
    assert found[*key, "statistic"] == pytest.approx(2 * (every - main), abs=1e-6)
    assert found[*key, "p"] == pytest.approx(chi2.sf(2 * (every - main), 1), abs=1e-6)


def test_breslow_and_day_of_the_levels():
    method = f'{RESPONDER}, interaction = "breslow_day"'
    found = table(results(analysis("sub", method, subgroups='["OLD"]')), "sub")
    (x1, n1), (x0, n0) = counts("H"), counts("P")
    ratio = (x1 * (n0 - x0) / (n1 + n0)).sum() / (x0 * (n1 - x1) / (n1 + n0)).sum()
    statistic = 0.0
    for a, n, c, m in zip(x1, n1, x0, n0, strict=True):
        total = a + c
        fit = brentq(
            lambda e, n=n, m=m, s=total: e * (m - s + e) - ratio * (n - e) * (s - e),
            max(0, total - m) + 1e-9, min(n, total) - 1e-9,
        )  # fmt: skip
        variance = 1 / (1 / fit + 1 / (n - fit) + 1 / (total - fit) + 1 / (m - total + fit))
        statistic += (a - fit) ** 2 / variance
    key = ("breslow_day", "SRI4", "high", "placebo", "OLD")
    assert found[*key, "statistic"] == pytest.approx(statistic, rel=1e-8)


def test_levels_that_tell_nothing_are_named_and_one_level_is_no_interaction():
    data = trial()
    adsl = data.frames["ADSL"].with_columns(SAME=pl.lit("x"))
    found = results(
        analysis("sub", f'{RESPONDER}, interaction = "logistic"', subgroups='["SAME"]'),
        AnalysisData({**data.frames, "ADSL": adsl}, data.arms, data.synthetic),
    )
    rows = found.rows.filter((pl.col("subgroup") == "SAME") & (pl.col("statistic") == "p"))
    assert rows["value"].null_count() == rows.height == 2
    assert rows["warnings"].str.contains("fewer than two levels").all()


def test_subjects_without_a_level_are_told():
    data = trial()
    adsl = data.frames["ADSL"].with_columns(
        OLD=pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise("OLD")
    )
    found = results(
        analysis("sub", f'{RESPONDER}, interaction = "woolf"', subgroups='["OLD"]'),
        AnalysisData({**data.frames, "ADSL": adsl}, data.arms, data.synthetic),
    )
    rows = found.rows.filter(pl.col("subgroup") == "OLD")
    assert rows["warnings"].str.contains("7 subject\\(s\\) have no OLD").all()


def test_each_visit_is_an_analysis_of_its_own():
    both = analysis("all", RESPONDER, visit="", visits='["W4", "W12"]')
    found = results(both + analysis("W4", RESPONDER, visit='"W4"') + analysis("W12", RESPONDER))
    drop = ["analysis", "source"]
    for visit in ("W4", "W12"):
        one = found.rows.filter(pl.col("analysis") == visit).drop(drop)
        again = found.rows.filter((pl.col("analysis") == "all") & (pl.col("visit") == visit))
        assert again.drop(drop).equals(one)
    assert "Repeated at Week 4, Week 12" in found.notes["all"]
    assert found.notes["all"].count("target day") == 0  # as given


def test_families_of_hypotheses_are_of_the_whole_at_each_visit():
    parts = analysis("all", RESPONDER, visit="", visits='["W4", "W12"]', subgroups='["OLD"]')
    parts += (
        '\n[multiplicity.one]\nprocedure = "hochberg"\nanalysis = "all"\ntests = ["high", "low"]\n'
    )
    rows = results(parts).rows.filter(pl.col("statistic") == "p_adjusted")
    assert rows.select("visit", "group", "subgroup").rows() == [
        (visit, group, "") for visit in ("W4", "W12") for group in ("high", "low")
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"visits": '["W4"]'}, "either a visit or visits"),
        ({"visit": "", "visits": '["W4", "W4"]'}, "more than once"),
        ({"visit": "", "visits": '["W5"]'}, 'visit "W5" is not declared'),
    ],
)
def test_bad_repeats_are_refused(more: dict[str, str], said: str):
    with pytest.raises(ProtocolError, match=said):
        declared(analysis("x", RESPONDER, **more))


def test_a_subgroup_that_is_not_there_is_refused():
    with pytest.raises(AnalysisError, match="ADSL lacks the column NOSUCH"):
        results(analysis("x", RESPONDER, subgroups='["NOSUCH"]'))


def test_a_level_that_the_population_lacks_says_so():
    parts = '\n[population.young]\nlabel = "Young"\nwhere = { OLD = "N" }\n'
    more = {"population": '"young"', "subgroups": '["OLD"]'}
    found = results(parts + analysis("x", f'{RESPONDER}, interaction = "logistic"', **more))
    rows = found.rows.filter(
        (pl.col("subgroup") == "OLD=Y") & (pl.col("statistic") == "difference")
    )
    assert rows["value"].null_count() == rows.height == 2
    assert (rows["warnings"] != "").all()
