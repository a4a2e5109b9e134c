"""Times to an event, with curve and log-rank test by hand; and what cannot be computed."""

import polars as pl
import pytest

from openlupus.errors import AnalysisError

ANALYSIS = """
[analysis.time]
dataset = "ADTTE"
population = "all"
compare = { test = ["high"], control = "placebo" }
groups = ["high", "placebo"]
method = { name = "survival", times = [0, 5, 20]MORE }
"""
# Days and censoring of the two arms.
HIGH = [(2, 0), (4, 0), (4, 1), (6, 0), (9, 1)]
PLACEBO = [(1, 0), (3, 0), (3, 0), (8, 0), (10, 0)]


def frames(adsl, high=HIGH, placebo=PLACEBO, **columns):
    subjects = adsl({"H": len(high), "P": len(placebo)}, **columns)
    days, censored = zip(*high, *placebo, strict=True)
    times = pl.DataFrame({
        "USUBJID": subjects["USUBJID"], "AVAL": [float(d) for d in days], "CNSR": censored
    })  # fmt: skip
    return {"ADSL": subjects, "ADTTE": times}


def test_the_curve_by_hand(analysed, adsl, value):
    results = analysed(ANALYSIS.replace("MORE", ""), **frames(adsl))

    def at(time, statistic, group="high"):
        return value(results, "time", statistic, parameter=time, group=group)

    # High: 5 at risk, event at 2 (4/5); 4 at risk, event at 4 (3/4); 2 at risk, event at 6 (1/2).
    assert [at(t, "survival") for t in ("0", "2", "4", "5", "6")] == pytest.approx(
        [1, 0.8, 0.6, 0.6, 0.3]
    )
    assert [at(t, "at_risk") for t in ("0", "2", "4", "5", "6", "20")] == [5, 5, 4, 2, 2, 0]
    assert [at(t, "events") for t in ("0", "4", "6")] == [0, 2, 3]
    assert at("20", "survival") is None
    assert value(results, "time", "median", parameter="median", group="high") == 6
    assert value(results, "time", "events", group="high") == 3
    assert value(results, "time", "censored", group="high") == 2


def test_the_log_rank_test_by_hand(analysed, adsl, value):
    """Observed minus expected events over the times at which one happened."""
    results = analysed(ANALYSIS.replace("MORE", ""), **frames(adsl))
    n = {"high": HIGH, "placebo": PLACEBO}
    excess, variance = 0.0, 0.0
    for time in sorted({t for rows in n.values() for t, censored in rows if not censored}):
        risk = {arm: sum(t >= time for t, _ in rows) for arm, rows in n.items()}
        died = {arm: sum(t == time and not c for t, c in rows) for arm, rows in n.items()}
        total, events = sum(risk.values()), sum(died.values())
        share = risk["high"] / total
        excess += died["high"] - events * share
        if total > 1:
            variance += events * share * (1 - share) * (total - events) / (total - 1)
    key = {"parameter": "logrank", "group": "high", "comparator": "placebo"}
    got = value(results, "time", "statistic", **key)
    assert got == pytest.approx(excess**2 / variance)
    assert value(results, "time", "statistic", parameter="logrank") == pytest.approx(got)


def test_the_hazard_ratio_is_of_the_first_group_over_the_second(analysed, adsl, value):
    results = analysed(ANALYSIS.replace("MORE", ""), **frames(adsl))
    key = {"parameter": "cox", "group": "high", "comparator": "placebo"}
    ratio, lower, upper = (value(results, "time", s, **key) for s in ("ratio", "lower", "upper"))
    assert lower < ratio < upper
    assert ratio < 1


def test_strata_are_levels_of_columns(analysed, adsl, value):
    """With each subject of an arm paired with one of the other by stratum, the sums go by pair."""
    own = frames(adsl, SITE=[str(i) for i in (*range(5), *range(5))])
    results = analysed(ANALYSIS.replace("MORE", ', strata = ["SITE"]'), **own)
    excess, variance = 0.0, 0.0
    for (a, censored_a), (b, censored_b) in zip(HIGH, PLACEBO, strict=True):
        for time in {t for t, c in ((a, censored_a), (b, censored_b)) if not c}:
            if a >= time and b >= time:
                excess += (a == time and not censored_a) - 0.5
                variance += 0.25
    key = {"parameter": "logrank", "group": "high", "comparator": "placebo"}
    assert value(results, "time", "statistic", **key) == pytest.approx(excess**2 / variance)


def test_nobody_has_the_event(analysed, adsl, row):
    own = frames(adsl, high=[(5, 1)] * 4, placebo=[(5, 1)] * 4)
    results = analysed(ANALYSIS.replace("MORE", ""), **own)
    found = row(results, "time", "ratio", parameter="cox", group="high", comparator="placebo")
    assert found.value is None
    assert "no subject has the event" in found.warnings
    median = row(results, "time", "median", parameter="median", group="high")
    assert (median.value, "not reached" in median.warnings) == (None, True)


def test_an_arm_without_subjects(analysed, adsl, row):
    own = frames(adsl)
    own["ADTTE"] = own["ADTTE"].filter(pl.col("USUBJID") < "S005")
    results = analysed(ANALYSIS.replace("MORE", ""), **own)
    found = row(results, "time", "median", parameter="median", group="placebo")
    assert (found.value, found.warnings) == (None, "no subject of the group has a time")
    test = row(results, "time", "p", parameter="logrank", group="high", comparator="placebo")
    assert test.value is None


def test_missing_times_are_left_out_and_told(analysed, adsl, row):
    own = frames(adsl)
    first = pl.col("USUBJID") == "S000"
    own["ADTTE"] = own["ADTTE"].with_columns(AVAL=pl.when(first).then(None).otherwise("AVAL"))
    found = row(analysed(ANALYSIS.replace("MORE", ""), **own), "time", "n", group="high")
    assert found.value == 4
    assert "1 subject(s) with a missing value" in found.warnings


def test_several_records_of_a_subject_are_refused(analysed, adsl):
    own = frames(adsl)
    own["ADTTE"] = pl.concat([own["ADTTE"], own["ADTTE"]])
    with pytest.raises(AnalysisError, match="several records"):
        analysed(ANALYSIS.replace("MORE", ""), **own)


def test_every_option_is_said(analysed, adsl):
    own = frames(adsl, SITE=["1", "2"] * 5)
    more = ', strata = ["SITE"], ties = "breslow", limits = "log"'
    said = analysed(ANALYSIS.replace("MORE", more), **own).notes["time"]
    for words in ("on the log scale", "stratified by SITE", "ties by the breslow method"):
        assert words in said


def test_the_difference_of_the_curves_at_a_time_by_hand(analysed, adsl, value):
    results = analysed(ANALYSIS.replace("MORE", ""), **frames(adsl))
    key = {"parameter": "5", "group": "high", "comparator": "placebo"}
    # At 5: high 4/5 x 3/4 = 0.6, placebo 4/5 x 2/4 = 0.4; Greenwood sums 1/20 + 1/12, 1/20 + 2/8.
    variance = 0.6**2 * (1 / 20 + 1 / 12) + 0.4**2 * (1 / 20 + 2 / 8)
    assert value(results, "time", "difference", **key) == pytest.approx(0.2)
    assert value(results, "time", "se", **key) == pytest.approx(variance**0.5)
    upper = value(results, "time", "upper", **key)
    assert upper == pytest.approx(0.2 + 1.959964 * variance**0.5)
    assert value(results, "time", "difference", **{**key, "parameter": "20"}) is None
