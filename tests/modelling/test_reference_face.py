"""Reference-based imputation of a long frame. R's rbmi is compared where its records are."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import openlupus
from openlupus.errors import ImputationError, OpenLupusError
from openlupus.validation.adapters.intercurrent import STRATEGIES, wide
from openlupus.validation.golden import read_records
from reference import need_reference

FORMULA = "change ~ base*visit + arm*visit"
NAMES = {"subject": "id", "visit": "visit", "arm": "arm", "reference": "placebo", "event": "event"}
ORDER = {"arm": ["placebo", "active"], "visit": ["W4", "W8", "W12"]}


def data(seed: int = 5, subjects: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(subjects):
        own, base = rng.normal(), round(float(rng.normal(30, 5)), 1)
        arm = "active" if number % 2 else "placebo"
        last = int(rng.choice([1, 2, 3, 3, 3, 3]))
        for k, visit in enumerate(ORDER["visit"][:last]):
            change = own + rng.normal() - (k + 1) * (1.2 if number % 2 else 0.2)
            event = ORDER["visit"][last] if last < 3 else None
            rows.append(
                {"id": f"S{number:02d}", "visit": visit, "arm": arm, "base": base, "event": event,
                 "plan": "CIR" if number % 4 == 1 else "J2R", "change": change}
            )  # fmt: skip
    return pl.DataFrame(rows)


def fitted(frame=None, **options):
    return openlupus.impute_reference(
        FORMULA, data() if frame is None else frame, **({**NAMES, "levels": ORDER} | options)
    )


def last(got, how="jackknife", **options):
    return got.effects(how, **options).filter(pl.col("visit") == "W12").row(0, named=True)


def test_jump_to_reference_is_nearer_to_none_than_missing_at_random():
    jump, random = last(fitted()), last(fitted(strategy="MAR"))
    assert jump["contrast"] == "active - placebo"
    assert random["estimate"] < jump["estimate"] < 0
    assert "J2R" in str(fitted())


def test_every_way_of_inference_finds_about_the_same():
    got = fitted()
    jackknife = last(got)
    for how in ("bootstrap", "approximate-bayes", "bayes"):
        other = last(got, how, m=60, seed=3)
        assert other["estimate"] == pytest.approx(jackknife["estimate"], abs=0.25)
        assert 0.5 < other["standard_error"] / jackknife["standard_error"] < 2


def test_strategies_by_subject_and_shifts_by_arm():
    mixed, jump = fitted(strategies="plan"), fitted()
    assert last(mixed)["estimate"] != last(jump)["estimate"]
    assert "CIR" in str(mixed)
    shifted = last(jump, delta={"active": 2.0})
    share = jump.base.trial.missing[jump.long.arm == 1, 2].mean()
    assert shifted["estimate"] - last(jump)["estimate"] == pytest.approx(2 * share, abs=0.05)


def test_a_pandas_frame_gives_pandas():
    got = fitted(data().to_pandas(), strategy="CR")
    assert isinstance(got.effects(control="active"), pd.DataFrame)
    assert got.effects(control="active")["contrast"][0] == "placebo - active"


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: pl.concat([d, d.head(1)]), {}, "two rows at W4"),
        (lambda d: d.with_columns(base=pl.int_range(d.height)), {}, "not the same in all rows"),
        (lambda d: d, {"reference": "none"}, "no arm"),
        (lambda d: d, {"strategy": "J3R"}, "not known"),
        (lambda d: d.with_columns(base=pl.lit(None, pl.Float64)), {}, "is missing for"),
    ],
)
def test_refusals(change, options, words):
    with pytest.raises(OpenLupusError, match=words):
        fitted(change(data()), **options)


def test_shifts_of_an_unknown_arm():
    with pytest.raises(ImputationError, match="no arm"):
        fitted().effects(delta={"none": 1.0})


@pytest.mark.golden
def test_the_frame_face_gives_rbmis_numbers():
    """Every record of the unstructured model by REML, without delta or separate covariances."""
    need_reference()
    found = [
        record
        for record in read_records(need_reference() / "stats")
        if record.method.startswith("reference-based imputation, conditional mean + jackknife")
        and record.options["delta_for_imputed_post_ICE"] == "none"
        and "/us/" in record.id
    ]
    assert found
    for record in found:
        table = wide(record)
        data_file, events = (record.folder / part.strip() for part in record.input.split("+"))
        ice = pl.read_csv(events)
        subject, visit = ice.columns[:2]
        frame = pl.read_csv(data_file).join(
            ice.select(subject, pl.col(visit).alias("from")), on=subject, how="left"
        )
        outcome = table.options["outcome"]
        got = openlupus.impute_reference(
            f"{outcome} ~ " + " + ".join(table.options["imputation_model"]), frame,
            subject=subject, visit=visit, arm=table.group, reference=table.options["references"],
            event="from", strategy=STRATEGIES[record.options["strategy_for_post_ICE"]],
            levels={visit: table.visits},
        ).effects()  # fmt: skip
        for number, name in enumerate(f"trt_{each}" for each in table.visits):
            at = record.results["parameter"].index(name)
            for ours, theirs in (("estimate", "estimate"), ("standard_error", "se"), ("p", "p")):
                want = record.results[theirs][at]
                assert got[ours][number] == pytest.approx(want, rel=1e-6, abs=1e-9)
