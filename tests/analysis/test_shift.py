"""Shift tables, and tests of categories over strata, by hand."""

import polars as pl
import pytest
from scipy.stats import fisher_exact

from openlupus.analysis import records_behind, subjects_behind
from openlupus.errors import AnalysisError
from openlupus.statistics.cmh import generalised_cmh

SHIFT = """
[analysis.shift]
dataset = "ADLB"
population = "all"
groups = ["high", "placebo"]
[analysis.shift.method]
name = "shift"
start = "BNRIND"
end = "ANRIND"
start_levels = ["N", "H"]
end_levels = ["N", "H", "HH"]
test = "cmh"
MORE
"""
# Arm, level at the start and at the end, subjects.
CELLS = [
    ("H", "N", "N", 6), ("H", "N", "H", 4), ("H", "H", "H", 2), ("H", "H", "N", 1),
    ("P", "N", "N", 9), ("P", "N", "H", 1), ("P", "H", "H", 1), ("P", "H", "N", 2),
]  # fmt: skip


def frames(adsl, cells=CELLS):
    sizes = {}
    for arm, _, _, n in cells:
        sizes[arm] = sizes.get(arm, 0) + n
    levels = [(start, end) for arm in sizes for a, start, end, n in cells if a == arm
              for _ in range(n)]  # fmt: skip
    subjects = adsl(sizes)
    records = pl.DataFrame({
        "USUBJID": subjects["USUBJID"],
        "BNRIND": [start for start, _ in levels],
        "ANRIND": [end for _, end in levels],
        "AVAL": [float(i) for i in range(len(levels))],
    })  # fmt: skip
    return {"ADSL": subjects, "ADLB": records}


def test_counts_by_level_at_the_start_and_at_the_end(analysed, adsl, value):
    results = analysed(SHIFT.replace("MORE", ""), **frames(adsl))
    for group, start, end, n, among in (
        ("high", "N", "N", 6, 10), ("high", "N", "H", 4, 10), ("high", "H", "N", 1, 3),
        ("placebo", "N", "H", 1, 10), ("placebo", "H", "HH", 0, 3),
    ):  # fmt: skip
        key = {"parameter": end, "group": group, "subgroup": f"BNRIND={start}"}
        assert value(results, "shift", "n", **key) == n
        assert value(results, "shift", "proportion", **key) == pytest.approx(n / among)
    assert value(results, "shift", "n", group="high") == 13
    assert value(results, "shift", "n", group="high", parameter="H") == 6


def test_the_test_controls_for_the_start(analysed, adsl, value):
    results = analysed(SHIFT.replace("MORE", ""), **frames(adsl))
    tables = [[[6, 1], [4, 2], [0, 0]], [[9, 2], [1, 1], [0, 0]]]
    assert value(results, "shift", "p") == pytest.approx(generalised_cmh(tables).p)


def test_levels_that_nobody_has_can_be_left_out(analysed, adsl):
    results = analysed(SHIFT.replace("MORE", 'empty_levels = "left_out"'), **frames(adsl))
    assert set(results.values("shift", "parameter")) == {"", "N", "H"}


def test_a_test_may_need_two_strata(analysed, adsl, row):
    own = frames(adsl, [c for c in CELLS if c[1] == "N" or c == ("H", "H", "N", 1)])
    assert row(analysed(SHIFT.replace("MORE", ""), **own), "shift", "p").value is not None
    found = row(analysed(SHIFT.replace("MORE", "strata_needed = 2"), **own), "shift", "p")
    assert (found.value, found.warnings) == (
        None, "1 strata hold two subjects or more; the test needs 2"
    )  # fmt: skip


def test_who_lacks_a_level_is_left_out_and_told(analysed, adsl, row):
    own = frames(adsl)
    first = pl.col("USUBJID") == "S000"
    own["ADLB"] = own["ADLB"].with_columns(BNRIND=pl.when(first).then(None).otherwise("BNRIND"))
    found = row(analysed(SHIFT.replace("MORE", ""), **own), "shift", "n", group="high")
    assert found.value == 12
    assert "1 subject(s) without a level" in found.warnings


def test_conditions_may_say_the_levels(analysed, adsl, value):
    text = SHIFT.replace("MORE", "").replace('end = "ANRIND"', (
        'end = [{ id = "any", where = { ANRIND = ["H", "HH"] } }, '
        '{ id = "none", where = { ANRIND = "N" } }]'
    )).replace('end_levels = ["N", "H", "HH"]', "")  # fmt: skip
    results = analysed(text, **frames(adsl))
    assert value(results, "shift", "n", parameter="any", group="high", subgroup="BNRIND=N") == 4


def test_a_level_that_is_not_listed_is_refused(analysed, adsl):
    own = frames(adsl, [*CELLS, ("P", "N", "L", 1)])
    with pytest.raises(AnalysisError, match="takes the value L"):
        analysed(SHIFT.replace("MORE", ""), **own)


COUNTS = """
[analysis.end]
dataset = "ADLB"
population = "all"
groups = ["high", "placebo"]
method = { name = "counts", variable = "ANRIND", levels = ["N", "H", "HH"]MORE }
"""


def test_categories_over_strata(analysed, adsl, value):
    more = ', test = "cmh", controlling = ["BNRIND"]'
    tables = [[[6, 1], [4, 2], [0, 0]], [[9, 2], [1, 1], [0, 0]]]
    for association, kind in (("general", "general"), ("row_means", "row-means")):
        text = COUNTS.replace("MORE", f'{more}, association = "{association}"')
        got = value(analysed(text, **frames(adsl)), "end", "p")
        assert got == pytest.approx(generalised_cmh(tables, kind=kind).p)
    text = COUNTS.replace("MORE", f'{more}, association = "row_means", scores = [0, 1, 5]')
    expected = generalised_cmh(tables, kind="row-means", column_scores=[0, 1, 5]).p
    assert value(analysed(text, **frames(adsl)), "end", "p") == pytest.approx(expected)


def test_fisher_of_all_arms_where_none_are_compared(analysed, adsl, value):
    results = analysed(COUNTS.replace("MORE", ', test = "fisher"'), **frames(adsl))
    # 13 and 13 subjects, 7 and 11 of them N.
    expected = fisher_exact([[7, 6], [11, 2]]).pvalue
    assert value(results, "end", "p") == pytest.approx(expected, rel=1e-9)


def test_levels_that_nobody_has_can_be_left_out_of_counts(analysed, adsl):
    results = analysed(COUNTS.replace("MORE", ', empty_levels = "left_out"'), **frames(adsl))
    assert set(results.values("end", "parameter")) == {"", "N", "H"}


BY = """
[analysis.levels]
dataset = "ADLB"
population = "all"
by = ["BNRIND", { column = "ANRIND", levels = ["H", "N"] }]
method = { name = "summary", variable = "AVAL" }

[analysis.several]
dataset = "ADLB"
population = "all"
by = ["BNRIND"]
take = { highest = "AVAL" }
method = { name = "summary", variable = ["AVAL", "CHG"] }
"""


def test_by_repeats_an_analysis_in_each_combination(analysed, adsl, value):
    own = frames(adsl)
    own["ADLB"] = own["ADLB"].with_columns(CHG=pl.col("AVAL") - 1)
    results = analysed(BY, **own)
    assert results.values("levels", "parameter") == ("H|H", "H|N", "N|H", "N|N")
    here = own["ADLB"].join(own["ADSL"], on="USUBJID").filter(ARMCD="H", BNRIND="N", ANRIND="H")
    got = value(results, "levels", "mean", parameter="N|H", group="high")
    assert got == pytest.approx(here["AVAL"].mean())
    assert results.values("several", "parameter") == ("H|AVAL", "H|CHG", "N|AVAL", "N|CHG")


def test_numbers_of_levels_order_them(analysed, adsl):
    own = frames(adsl)
    number = pl.col("BNRIND").replace_strict({"N": 1.0, "H": 2.0})
    own["ADLB"] = own["ADLB"].with_columns(BNRINDN=number, CHG=pl.lit(0.0))
    results = analysed(BY, **own)
    assert results.values("levels", "parameter")[0] == "N|H"
    sorted_ = BY.replace('["BNRIND", ', '[{ column = "BNRIND", order = "alphabetical" }, ')
    assert analysed(sorted_, **own).values("levels", "parameter")[0] == "H|H"


def test_take_keeps_one_record_of_a_subject_and_the_pointer_finds_it(
    analysed, adsl, data_of, row
):  # fmt: skip
    own = frames(adsl)
    later = own["ADLB"].with_columns(AVAL=pl.col("AVAL") + 100)
    both = pl.concat([own["ADLB"], later]).with_columns(CHG=pl.lit(1.0))
    results = analysed(BY.split("[analysis.several]")[1].join(["[analysis.several]", ""]),
                       ADSL=own["ADSL"], ADLB=both)  # fmt: skip
    found = row(results, "several", "n", parameter="N|AVAL", group="high")
    data = data_of(ADSL=own["ADSL"], ADLB=both)
    behind = records_behind(data, found.source)
    assert (found.value, behind.height, behind["AVAL"].min()) == (10, 10, 100)
    assert len(subjects_behind(data, [found.source])[found.source]) == 10
    with pytest.raises(AnalysisError, match="several records"):
        analysed(BY.split("[analysis.several]")[0], ADSL=own["ADSL"], ADLB=both)


def test_a_column_that_is_nowhere_is_refused(analysed, adsl):
    with pytest.raises(AnalysisError, match="neither ADLB nor ADSL has the column NOWHERE"):
        analysed(BY.replace('["BNRIND"]', '["NOWHERE"]'), **frames(adsl))


def test_records_can_be_counted_in_place_of_subjects(analysed, adsl, value):
    own = frames(adsl)
    own["ADLB"] = pl.concat([own["ADLB"], own["ADLB"]])
    with pytest.raises(AnalysisError, match="several records"):
        analysed(COUNTS.replace("MORE", ""), **own)
    results = analysed(COUNTS.replace("MORE", ', counted = "records"'), **own)
    assert value(results, "end", "n", parameter="H", group="high") == 12
    assert value(results, "end", "N", parameter="H", group="high") == 26
    assert value(results, "end", "proportion", parameter="H", group="high") == 12 / 26
    text = BY.split("[analysis.several]")[0].replace('"AVAL" }', '"AVAL", several_records = true }')
    assert value(analysed(text, **own), "levels", "n", parameter="N|H", group="high") == 8
