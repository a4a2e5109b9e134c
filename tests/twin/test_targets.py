"""Conditions from printed cells: sums by hand, and windows against every choice of few patients."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from openlupus.audit import Published
from openlupus.audit.printed import Mean, Median, read_cell
from openlupus.twin.pool import Pool
from openlupus.twin.targets import Target, bundles_of, is_course, targets

ARM = "examplimab"
AGE, DURATION = "Age — yr", "Median time since diagnosis (range) — yr"
SIZES = {"examplimab": 58, "placebo": 59, "everyone": 117}


def asked(
    pool: Pool, published: Published, row: str, text: str, n: int, column: str = ARM
) -> list[Target]:
    """Conditions of one cell that says something else, in a column of n patients."""
    cell = next(c for c in published.cells if c.row == row and c.column == column)
    changed = replace(published, cells=(replace(cell, text=text, content=read_cell(text)),))
    found = targets(pool, changed, SIZES | {column: n})
    return [t for t in found if t.place == (cell.table, row, column)]


def of_arm(pool: Pool, arm: str = ARM) -> np.ndarray:
    return (pool.people["ARMCD"] == {"examplimab": "EXA", "placebo": "PBO"}[arm]).to_numpy()


def holding(found: list[Target], chosen: np.ndarray) -> np.ndarray:
    """Which choices hold all conditions; `chosen` has shape (choices, patients)."""
    sums = np.stack([t.weight[chosen].sum(axis=1) for t in found])
    low, high = (np.array([getattr(t, end) for t in found])[:, None] for end in ("low", "high"))
    return ((sums >= low) & (sums <= high)).all(axis=0)


def choices(pool: Pool, variable: str, size: int) -> np.ndarray:
    known = ~np.isnan(pool.column(variable))
    treated = (pool.people["TREATFL"] == "Y").to_numpy()
    first = np.flatnonzero(of_arm(pool) & known & treated)[:14]
    return np.array(list(combinations(first, size)))


def test_a_count_is_the_number_of_such_patients_of_the_arm(pool, print_):
    (count,) = asked(pool, print_, "Female sex — no. (%)", "54 (93.1)", 58)
    people = pool.people.select((pl.col("SEX") == "F") & (pl.col("TREATFL") == "Y"))
    by_hand = people.to_series().to_numpy() & of_arm(pool)
    assert (count.weight == by_hand).all()
    assert (count.low, count.high, count.whole) == (54, 54, True)


def test_a_count_of_a_total_is_over_its_arms(pool, print_):
    (count,) = asked(pool, print_, "Female sex — no. (%)", "110 (94.0)", 117, "everyone")
    assert set(pool.arm[count.weight > 0].tolist()) == {"examplimab", "placebo"}


def test_a_count_of_a_total_holds_its_denominator_too(pool, print_):
    row = "BICLA response — no./total no. (%)"
    found = {t.part: t for t in asked(pool, print_, row, "24/58 (41.4)", 58)}
    assert {part: (t.low, t.high) for part, t in found.items()} == {"n": (24, 24), "N": (58, 58)}
    treated = (pool.people["TREATFL"] == "Y").to_numpy()
    assert (found["N"].weight == (treated & of_arm(pool))).all()
    verdicts = pool.data.frame("ADRESP").filter(PARAMCD="BICLA", AVISIT="Week 12", AVALC="Y")
    responders = pool.people["USUBJID"].is_in(verdicts["USUBJID"].implode()).to_numpy()
    assert (found["n"].weight == (responders & treated & of_arm(pool))).all()
    assert all(t.course for t in found.values())


def test_events_are_counted_by_patient(pool, print_):
    (count,) = asked(pool, print_, "Any serious adverse event", "4 (6.9)", 58)
    serious = pool.data.frame("ADAE").filter(TRTEMFL="Y", AESER="Y")["USUBJID"].unique()
    by_hand = pool.people["USUBJID"].is_in(serious.implode()).to_numpy()
    assert (count.weight == (by_hand & of_arm(pool))).all()


@pytest.mark.parametrize("text", ["40±11", "42±9", "40.2±12"])
def test_who_holds_the_windows_of_mean_and_sd_prints_them(pool, print_, text):
    chosen = choices(pool, "AGE", 5)
    held = holding(asked(pool, print_, AGE, text, 5), chosen)
    ages, content = pool.column("AGE")[chosen], read_cell(text)
    assert isinstance(content, Mean)

    def near(share: float) -> np.ndarray:
        """Choices whose mean and SD are within a share of the half digit."""
        both = ((content.mean, ages.mean(axis=1)), (content.spread, ages.std(axis=1, ddof=1)))
        return np.all([np.abs(x - float(said)) <= share * said.half for said, x in both], axis=0)

    assert held.any()
    assert near(1)[held].all()
    # Rounding costs no more than the edges.
    assert held[near(0.85)].all()


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("digits", [0, 1])
def test_who_holds_the_conditions_of_a_median_prints_it(pool, print_, digits, size):
    chosen = choices(pool, "DISDUR", size)
    years = pool.column("DISDUR")[chosen]
    middle = np.median(years, axis=1)
    at = len(chosen) // 2  # Some choice has this print.
    text = f"{middle[at]:.{digits}f} ({years[at].min():.0f}–{years[at].max():.0f})"
    held = holding(asked(pool, print_, DURATION, text, size), chosen)
    content = read_cell(text)
    assert isinstance(content, Median)
    prints = np.array(
        [
            content.median.prints(m) and content.low.prints(low) and content.high.prints(high)
            for m, low, high in zip(middle, years.min(axis=1), years.max(axis=1), strict=True)
        ]
    )
    assert prints[at]
    assert prints[held].all()


def test_the_conditions_of_a_median_can_be_held(pool, print_):
    chosen = choices(pool, "DISDUR", 5)
    years = pool.column("DISDUR")[chosen]
    texts = {f"{np.median(y):.0f} ({y.min():.0f}–{y.max():.0f})" for y in years[::50]}
    held = [holding(asked(pool, print_, DURATION, t, 5), chosen).any() for t in sorted(texts)]
    assert np.mean(held) > 0.9


@pytest.mark.parametrize(("n", "counts"), [(58, (24, 24)), (300, (122, 124)), (40, None)])
def test_a_percentage_alone_is_every_count_that_prints_so(pool, print_, n, counts):
    """41%: 24 of 58 (41.4); 122 to 124 of 300 (40.7 to 41.3); none of 40 (40.0, 42.5)."""
    row = "BICLA response — no./total no. (%)"
    found = asked(pool, print_, row, "41%", n)
    assert [(t.low, t.high) for t in found] == ([counts] if counts else [])


@pytest.mark.parametrize(("n", "most"), [(58, 4), (50, 3)])
def test_terms_that_are_not_printed_are_rarer_than_the_rule(pool, print_, n, most):
    """At least 8%: 5 of 58 (8.6) would be printed, and so would 4 of 50 (8.0)."""
    rare = [
        t for t in targets(pool, print_, SIZES | {ARM: n}) if t.part == "rarer" and t.group == ARM
    ]
    printed = {row.rpartition("|")[2] for table, row in print_.rows if table == "safety"}
    assert {t.place[1] for t in rare}.isdisjoint(printed)
    assert {(t.low, t.high) for t in rare} == {(0, most)}
    assert "Headache" in {t.place[1] for t in rare}


@pytest.mark.parametrize(
    ("table", "row", "bundle", "course"),
    [
        ("baseline", AGE, "base", False),
        ("baseline", "Race — no. (%)|Asian", "place", False),
        ("baseline", DURATION, "history", False),
        ("baseline", "SLEDAI-2K score", "base", False),
        ("efficacy", "SRI-4 response — no./total no. (%)", "base", True),
        ("safety", "Any adverse event", "events", False),
    ],
)
def test_a_cell_belongs_to_the_records_that_it_rests_on(pool, table, row, bundle, course):
    for result in pool.rests_on[table, row, ARM]:
        assert bundles_of(pool.protocol, result) == {bundle}
        assert is_course(pool.protocol, result) == course
