"""The small invented trial from forms to results: methods know only what is declared."""

from functools import cache

import numpy as np
import polars as pl
import pytest

from derivation.small_trial import LOCKED, PROTOCOL, Subject, Visit, derived
from openlupus.analysis import analyse, records_behind
from openlupus.derivation import AnalysisData
from openlupus.results import Results


def invented(number: int, rng: np.random.Generator) -> Subject:
    """A patient with some items at each visit, fewer on the active arm; some visits are missed."""
    arm = "ACT" if number % 3 else "PLA"
    gone = 113 if rng.random() < 0.15 else 500
    visits = [Visit(-28)]
    for on, share in ((1, 1.0), (57, 0.6), (113, 0.4 if arm == "ACT" else 0.7)):
        if on >= gone:
            continue
        present = [i for i in (9, 15, 16, 17, 20, 21) if rng.random() < 0.8 * share]
        grade = {item: 4.0 for item in (6, 42) if rng.random() < 0.5 * share}
        visits.append(Visit(on, present, grade, pga=float(np.round(2 * share * rng.random(), 2))))
    ended = ("COMPLETED", 113) if gone > 113 else ("LOST TO FOLLOW-UP", 70)
    south = rng.random() < 0.5
    return Subject(
        f"S{number:03d}", visits, arm=arm, doses=((1, ended[1]),), ended=ended,
        strata={"CONT": "S" if south else "N", "SEV": "HIGH" if rng.random() < 0.5 else "LOW"},
        dm={"COUNTRY": "ITA" if south else "SWE"},
    )  # fmt: skip


@cache
def data() -> AnalysisData:
    rng = np.random.default_rng(12)
    return derived(*(invented(i, rng) for i in range(90)), arms=LOCKED)


@cache
def results() -> Results:
    return analyse(PROTOCOL, data())


EFFICACY = (
    "bicla", "sri6", "sri6_by_visit", "bicla_adjusted", "bicla_rerandomised", "pga_imputed",
    "bicla_sri6", "sri6_dose", "pga_change", "time_to_sri6",
)  # fmt: skip


SHOWN = ("difference", "proportion", "p_adjusted", "survival", "statistic")


@pytest.mark.parametrize("name", EFFICACY)
def test_every_declared_analysis_has_numbers_and_a_note(name: str):
    rows = results().rows.filter(pl.col("analysis") == name)
    shown = rows.filter(pl.col("statistic").is_in(SHOWN))
    assert shown.height > 0
    assert shown["value"].null_count() == 0, shown.filter(pl.col("value").is_null())["warnings"]
    assert results().notes[name].startswith("Population: Treated patients")


def test_a_single_component_is_imputed_by_itself():
    found = results().rows.filter(pl.col("analysis") == "pga_imputed")
    missing = (
        data()
        .frame("ADRESP")
        .filter(
            (pl.col("PARAMCD") == "PGANW") & (pl.col("AVISITN") == 3) & pl.col("AVAL").is_null()
        )
    )
    arms = data().frame("ADSL").select("USUBJID", "ARMCD")
    for group, code in (("active", "ACT"), ("placebo", "PLA")):
        of_arm = missing.join(arms.filter(pl.col("ARMCD") == code), on="USUBJID").height
        row = found.filter((pl.col("group") == group) & (pl.col("parameter") == "PGANW|imputed"))
        assert row["value"].to_list() == [of_arm]
        assert of_arm > 0


def test_of_two_doses_the_line_is_the_difference_over_its_error():
    at = data().frame("ADRESP").filter((pl.col("PARAMCD") == "SRI6") & (pl.col("AVISITN") == 3))
    at = at.join(data().frame("ADSL"), on="USUBJID")
    rate, size = (
        [f(at.filter(pl.col("ARMCD") == arm)["AVAL"]) for arm in ("ACT", "PLA")]
        for f in (pl.Series.mean, pl.Series.len)
    )
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(rate, size, strict=True)))
    (row,) = results().find(
        analysis="sri6_dose", statistic="statistic", parameter="line", visit="W16"
    )
    assert row.value == pytest.approx((rate[0] - rate[1]) / error)


@pytest.mark.parametrize("name", EFFICACY)
def test_every_number_leads_to_records(name: str):
    rows = results().rows.filter((pl.col("analysis") == name) & pl.col("value").is_not_null())
    for source in rows["source"].unique():
        records_behind(data(), source)
