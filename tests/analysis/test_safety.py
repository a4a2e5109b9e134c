"""Incidence of events: hierarchy, thresholds, order, Fisher against scipy."""

import polars as pl
import pytest
from scipy import stats

ANALYSIS = """
[analysis.ae]
dataset = "ADAE"
where = {{ TRTEMFL = "Y" }}
population = "treated"
groups = ["high", "low", "placebo", "active"]
compare = {{ test = ["high"], control = "placebo" }}

[analysis.ae.method]
name = "incidence"
{method}
"""
EVENTS = [
    # subject, class, term; S000-S004 high, S005-S009 low, S010-S014 placebo
    ("S000", "SKIN", "RASH"), ("S000", "SKIN", "RASH"), ("S001", "SKIN", "RASH"),
    ("S010", "SKIN", "RASH"), ("S002", "SKIN", "ITCH"), ("S005", "SKIN", "ITCH"),
    ("S006", "SKIN", "ITCH"), ("S003", "GUT", "NAUSEA"), ("S011", "GUT", "NAUSEA"),
    ("S012", "GUT", "COLIC"),
]  # fmt: skip


@pytest.fixture
def frames(adsl):
    subjects = adsl({"H": 5, "L": 5, "P": 5})
    rows = [{"USUBJID": u, "AEBODSYS": c, "AEDECOD": t, "TRTEMFL": "Y"} for u, c, t in EVENTS] + [
        {"USUBJID": "S004", "AEBODSYS": "GUT", "AEDECOD": "COLIC", "TRTEMFL": None}
    ]
    return {"ADSL": subjects, "ADAE": pl.DataFrame(rows)}


def parts(method):
    return ANALYSIS.format(method=method)


def test_subjects_and_events_of_every_node(analysed, frames, value):
    results = analysed(parts('by = ["AEBODSYS", "AEDECOD"]\noverall = "ANY"'), **frames)
    assert results.values("ae", "parameter") == (
        "ANY", "GUT", "GUT|COLIC", "GUT|NAUSEA", "SKIN", "SKIN|ITCH", "SKIN|RASH",
    )  # fmt: skip
    for parameter, n, events in (("ANY", 4, 5), ("SKIN", 3, 4), ("SKIN|RASH", 2, 3)):
        key = {"parameter": parameter, "group": "high"}
        assert value(results, "ae", "n", **key) == n
        assert value(results, "ae", "events", **key) == events
        assert value(results, "ae", "proportion", **key) == n / 5
    assert value(results, "ae", "n", parameter="GUT|COLIC", group="high") == 0


def test_terms_by_frequency_then_next_group_then_alphabet(analysed, frames):
    method = 'by = ["AEDECOD"]\norder = "frequency"\norder_group = ["high", "active"]'
    results = analysed(parts(method), **frames)
    # high: rash 2, itch 1, nausea 1, colic 0; active: itch 3, nausea 1
    assert results.values("ae", "parameter") == ("RASH", "ITCH", "NAUSEA", "COLIC")


def test_order_may_differ_between_levels(analysed, frames):
    order = 'order = ["alphabetical", "frequency"]\norder_group = ["high"]'
    method = f'by = ["AEBODSYS", "AEDECOD"]\n{order}'
    assert analysed(parts(method), **frames).values("ae", "parameter") == (
        "GUT", "GUT|NAUSEA", "GUT|COLIC", "SKIN", "SKIN|RASH", "SKIN|ITCH",
    )  # fmt: skip


def test_a_threshold_that_is_met_exactly_is_met(analysed, frames):
    method = 'by = ["AEDECOD"]\nat_least = 0.4\nat_least_in = ["high", "low"]'
    assert analysed(parts(method), **frames).values("ae", "parameter") == ("ITCH", "RASH")


def test_no_term_reaches_the_threshold(analysed, frames):
    results = analysed(parts('by = ["AEDECOD"]\nat_least = 0.9'), **frames)
    assert results.values("ae", "parameter") == ()
    assert "at least 0.9" in results.notes["ae"]


@pytest.mark.independent
def test_fisher_is_that_of_scipy(analysed, frames, row):
    results = analysed(parts('by = ["AEDECOD"]\ntest = "fisher"'), **frames)
    key = {"group": "high", "comparator": "placebo"}
    got = row(results, "ae", "p", parameter="RASH", **key).value
    assert got == pytest.approx(stats.fisher_exact([[2, 3], [1, 4]]).pvalue)


def test_no_event_in_either_group_has_no_p(analysed, frames, row):
    events = frames["ADAE"].filter(~pl.col("USUBJID").is_in(["S012"]))
    events = events.with_columns(AEDECOD=pl.col("AEDECOD").replace("ITCH", "MIGRAINE"))
    events = events.filter(~((pl.col("AEDECOD") == "MIGRAINE") & (pl.col("USUBJID") == "S002")))
    results = analysed(parts('by = ["AEDECOD"]\ntest = "fisher"'), ADSL=frames["ADSL"], ADAE=events)
    found = row(results, "ae", "p", parameter="MIGRAINE", group="high", comparator="placebo")
    assert found.value is None
    assert "nothing to test" in found.warnings


def test_no_event_at_all(analysed, frames, value):
    results = analysed(parts('overall = "Any"'), ADSL=frames["ADSL"], ADAE=frames["ADAE"].clear())
    assert value(results, "ae", "n", parameter="Any", group="high") == 0
    assert value(results, "ae", "N", parameter="Any", group="high") == 5


def test_events_without_a_term_are_shown_as_uncoded(analysed, frames, value):
    events = frames["ADAE"].with_columns(AEDECOD=pl.col("AEDECOD").replace("RASH", ""))
    results = analysed(parts('by = ["AEDECOD"]'), ADSL=frames["ADSL"], ADAE=events)
    assert value(results, "ae", "n", parameter="UNCODED", group="high") == 2


def test_events_count_in_the_arm_that_was_taken(analysed, frames, value):
    subjects = frames["ADSL"].with_columns(
        ACTARMCD=pl.when(pl.col("USUBJID") == "S000").then(pl.lit("P")).otherwise("ACTARMCD")
    )
    results = analysed(parts('overall = "Any"'), ADSL=subjects, ADAE=frames["ADAE"])
    assert value(results, "ae", "N", parameter="Any", group="placebo") == 6
    assert value(results, "ae", "n", parameter="Any", group="placebo") == 4


WORST = 'overall = "ANY"\nworst = "AESEV"\nworst_levels = ["MILD", "SEVERE"]'


def test_events_without_a_listed_level_are_told_on_every_row(analysed, frames, value, row):
    levels = ["MILD", "SEVERE", None, "", "MILD", "DEADLY", "MILD", "MILD", "MILD", "MILD", None]
    adae = frames["ADAE"].with_columns(pl.Series("AESEV", levels))
    results = analysed(parts(WORST), **frames | {"ADAE": adae})
    assert value(results, "ae", "n", parameter="ANY", group="high", subgroup="AESEV=SEVERE") == 1
    said = (
        "2 event(s) without AESEV count at no level; 1 event(s) with AESEV DEADLY count at no level"
    )
    for subgroup in ("", "AESEV=MILD"):
        found = row(results, "ae", "n", parameter="ANY", group="high", subgroup=subgroup)
        assert found.warnings == said


def test_events_without_what_the_condition_compares_are_told(analysed, frames, value, row):
    related = ["RELATED", "NOT RELATED", None, None, *["RELATED"] * 6, None]
    adae = frames["ADAE"].with_columns(pl.Series("AEREL", related))
    declared = parts('overall = "ANY"').replace(
        'TRTEMFL = "Y" }', 'TRTEMFL = "Y", AEREL = "RELATED" }'
    )
    results = analysed(declared, **frames | {"ADAE": adae})
    assert value(results, "ae", "events", parameter="ANY", group="placebo") == 2
    # The third is not treatment-emergent; TRTEMFL, a flag, is not told although it is missing.
    found = row(results, "ae", "n", parameter="ANY", group="high")
    assert found.warnings == "2 record(s) without AEREL are not counted"


def test_a_value_outside_the_levels_that_another_analysis_lists_is_told(analysed, frames, row):
    related = ["RELATED", "POSSIBLY", *["NOT RELATED"] * 8, "POSSIBLY"]
    adae = frames["ADAE"].with_columns(pl.Series("AEREL", related))
    declared = parts('overall = "ANY"').replace(
        'TRTEMFL = "Y" }', 'TRTEMFL = "Y", AEREL = "RELATED" }'
    )
    levels = 'worst = "AEREL"\nworst_levels = ["NOT RELATED", "RELATED"]'
    declared += parts(levels).replace("analysis.ae", "analysis.relation")
    results = analysed(declared, **frames | {"ADAE": adae})
    found = row(results, "ae", "n", parameter="ANY", group="high")
    assert found.warnings == "1 record(s) with AEREL POSSIBLY are in no listed level"


def test_a_group_of_events_tells_its_own_missing_values_only(analysed, frames, row):
    serious = ["Y", "N", None, *["N"] * 8]
    adae = frames["ADAE"].with_columns(pl.Series("AESER", serious))
    declared = parts(
        'rows = [{ id = "serious", where = { AESER = "Y" } }, { id = "any", where = {} }]'
    )
    results = analysed(declared, **frames | {"ADAE": adae})
    found = row(results, "ae", "n", parameter="serious", group="high")
    assert found.warnings == "1 record(s) without AESER are not counted"
    assert row(results, "ae", "n", parameter="any", group="high").warnings == ""
