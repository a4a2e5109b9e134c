"""Totals of forms set by their items: the total comes out, and it agrees with other records."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from openlupus import pipeline
from openlupus.records import from_frames
from openlupus.twin.forms import WRITERS

FEW = 30


@pytest.fixture(scope="module")
def study():
    """The shipped study with its first randomised patients."""
    loaded = pipeline.load("nct03161483")
    people = loaded.records.subjects().head(FEW)
    domains = {n: f.collect() for n, f in loaded.records.domains.items()}
    some = {
        n: f.filter(pl.col("USUBJID").is_in(people.implode())) if "USUBJID" in f.columns else f
        for n, f in domains.items()
    }
    return replace(loaded, records=from_frames(some))


def frames(study):
    return {name: frame.collect() for name, frame in study.records.domains.items()}


def assessments(study, parameter):
    scores = pipeline.derive(study).frame("ADQS")
    after = pl.col("CHG").is_not_null() & (pl.col("PARAMCD") == parameter)
    return scores.filter(after).select("USUBJID", "VISITNUM", "ADT", "AVAL")


def random_totals(limits, step, value):
    rng = np.random.default_rng(3)
    wanted = limits.low + rng.random(limits.low.size) * (limits.high - limits.low)
    fixed = ~np.isfinite(wanted)
    return np.where(fixed, np.nan, np.round(np.round(wanted / step) * step, 6)), fixed, value


@pytest.mark.parametrize("parameter", list(WRITERS))
def test_the_total_that_was_asked_for_is_derived_from_the_items(study, parameter):
    writer, held = WRITERS[parameter], frames(study)
    asked = assessments(study, parameter)
    totals, fixed, before = random_totals(
        writer.limits(held, asked), writer.step, asked["AVAL"].to_numpy()
    )
    changed = writer.write(held, asked, totals, np.random.default_rng(1))
    after = assessments(
        replace(study, records=from_frames({**held, writer.domain: changed})), parameter
    )
    assert after.select("USUBJID", "VISITNUM", "ADT").equals(asked.drop("AVAL"))
    np.testing.assert_allclose(after["AVAL"].to_numpy(), np.where(fixed, before, totals))


@pytest.mark.parametrize("parameter", list(WRITERS))
def test_only_results_of_the_items_change(study, parameter):
    writer, held = WRITERS[parameter], frames(study)
    asked = assessments(study, parameter)
    totals, _, _ = random_totals(writer.limits(held, asked), writer.step, asked["AVAL"].to_numpy())
    changed = writer.write(held, asked, totals, np.random.default_rng(1))
    results = [f"{writer.domain}STRESC", f"{writer.domain}STRESN"]
    before = held[writer.domain]
    assert changed.drop(results).equals(before.drop(results))
    visits = before.join(asked.select("USUBJID", "VISITNUM").unique(), on=["USUBJID", "VISITNUM"])
    touched = (before[results[0]] != changed[results[0]]).fill_null(False).sum()
    assert 0 < touched <= visits.height


def test_no_total_leaves_the_domain_as_it_is(study):
    held, asked = frames(study), assessments(study, "TENDER")
    none = np.full(asked.height, np.nan)
    changed = WRITERS["TENDER"].write(held, asked, none, np.random.default_rng(1))
    assert changed.equals(held["MK"])


def test_joints_agree_with_the_arthritis_of_the_sledai(study):
    """Least and largest counts: two joints that are both with the descriptor, one without it."""
    held = frames(study)
    for end in ("low", "high"):
        for parameter in ("SWOLLEN", "TENDER"):
            writer, asked = WRITERS[parameter], assessments(study, parameter)
            totals = getattr(writer.limits(held, asked), end)
            held |= {"MK": writer.write(held, asked, totals, np.random.default_rng(2))}
        data = pipeline.derive(replace(study, records=from_frames(held)))
        scores = data.frame("ADQS").filter(pl.col("CHG").is_not_null())
        both = scores.filter(pl.col("PARAMCD") == "ACTJOINT").select(
            "USUBJID", "VISITNUM", both="AVAL"
        )
        code = (pl.col("RSTESTCD") == "SLED09") & pl.col("RSSTRESC").is_not_null()
        told = held["RS"].filter(code).select("USUBJID", "VISITNUM", "RSSTRESC")
        seen = both.join(told, on=["USUBJID", "VISITNUM"])
        assert seen.height > 50
        arthritis = pl.col("RSSTRESC") == "Y"
        assert seen.filter(arthritis)["both"].min() >= 2
        assert seen.filter(~arthritis)["both"].max() <= 1


def test_swollen_joints_are_tender(study):
    held = frames(study)
    asked = assessments(study, "TENDER")
    low = WRITERS["TENDER"].limits(held, asked).low
    held |= {"MK": WRITERS["TENDER"].write(held, asked, low, np.random.default_rng(2))}
    scores = pipeline.derive(replace(study, records=from_frames(held))).frame("ADQS")
    counts = scores.filter(pl.col("CHG").is_not_null()).pivot(
        on="PARAMCD", index=["USUBJID", "VISITNUM"], values="AVAL"
    )
    assert counts.select((pl.col("ACTJOINT") == pl.col("SWOLLEN")).all()).item()
