"""Groups of events, worst level, rates and differences, against numbers worked out elsewhere."""

from datetime import date

import polars as pl
import pytest
from scipy import stats

from openlupus.errors import AnalysisError, ProtocolError

ANALYSIS = """
[analysis.ae]
dataset = "ADAE"
population = "treated"
groups = ["high", "placebo", "active"]
compare = {{ test = ["high"], control = "placebo" }}

[analysis.ae.method]
name = "incidence"
{method}
"""
# subject, term, severity, day of onset in March 2020; from S000 high, S005 low, S010 placebo
EVENTS = [
    ("S000", "RASH", "MILD", 11), ("S000", "RASH", "SEVERE", 21), ("S001", "RASH", "MILD", 31),
    ("S002", "CLOT", "MODERATE", 6), ("S010", "RASH", "MODERATE", 2), ("S010", "CLOT", None, 3),
]  # fmt: skip


@pytest.fixture
def adam(adsl):
    subjects = adsl({"H": 5, "L": 5, "P": 5}).with_columns(
        TRTSDT=pl.lit(date(2020, 3, 1)), TAEEDT=pl.lit(date(2020, 4, 9))
    )
    rows = [
        {"USUBJID": u, "AEDECOD": t, "AESEV": s, "ASTDT": date(2020, 3, d)} for u, t, s, d in EVENTS
    ]
    return {"ADSL": subjects, "ADAE": pl.DataFrame(rows)}


def parts(method):
    return ANALYSIS.format(method=method)


ROWS = """
rows = [
  { id = "skin", where = { AEDECOD = ["RASH", "ITCH"] } },
  { id = "clots", where = { AEDECOD = "CLOT" } },
  { id = "deaths", where = { AEDECOD = "DEATH" } },
]
"""


def test_groups_of_events_are_all_shown_in_the_declared_order(analysed, adam, value):
    results = analysed(parts(f'by = ["AEDECOD"]\n{ROWS}'), **adam)
    assert results.values("ae", "parameter") == (
        "skin", "skin|RASH", "clots", "clots|CLOT", "deaths",
    )  # fmt: skip
    assert value(results, "ae", "n", parameter="skin", group="high") == 2
    assert value(results, "ae", "events", parameter="skin", group="high") == 3
    assert value(results, "ae", "n", parameter="deaths", group="high") == 0


def test_a_subject_counts_once_at_the_worst_level(analysed, adam, value):
    method = 'by = ["AEDECOD"]\nworst = "AESEV"\nworst_levels = ["MILD", "MODERATE", "SEVERE"]'
    results = analysed(parts(method), **adam)

    def worst(level, group, parameter="RASH"):
        key = {"parameter": parameter, "group": group, "subgroup": f"AESEV={level}"}
        return value(results, "ae", "n", **key)

    assert [worst(level, "high") for level in ("MILD", "MODERATE", "SEVERE")] == [1, 0, 1]
    assert [worst(level, "active") for level in ("MILD", "MODERATE", "SEVERE")] == [1, 0, 1]
    # A record without a severity has no level.
    assert [worst(level, "placebo", "CLOT") for level in ("MILD", "MODERATE", "SEVERE")] == [0] * 3


@pytest.mark.independent
def test_rate_to_the_first_event_with_limits_of_chi_square(analysed, adam, value):
    method = 'rate = "first_event"\noverall = "ANY"'
    results = analysed(parts(method), **adam)
    # 40 days each at risk; first events on days 11, 31 and 6.
    years = (11 + 31 + 6 + 40 + 40) / 365.25
    key = {"parameter": "ANY", "group": "high"}
    assert value(results, "ae", "exposure", **key) == pytest.approx(years, rel=1e-12)
    assert value(results, "ae", "rate", **key) == pytest.approx(100 * 3 / years, rel=1e-12)
    lower, upper = stats.chi2.ppf(0.025, 6) / 2, stats.chi2.ppf(0.975, 8) / 2
    assert value(results, "ae", "lower", **key) == pytest.approx(100 * lower / years, rel=1e-9)
    assert value(results, "ae", "upper", **key) == pytest.approx(100 * upper / years, rel=1e-9)
    (row,) = results.find(analysis="ae", statistic="rate", **key)
    assert (row.unit, row.n) == ("per 100 patient-years", 5)


def test_rate_of_all_events_over_all_time(analysed, adam, value):
    results = analysed(parts('rate = "events"\nper_years = 1\noverall = "ANY"'), **adam)
    key = {"parameter": "ANY", "group": "high"}
    assert value(results, "ae", "rate", **key) == pytest.approx(4 / (5 * 40 / 365.25), rel=1e-12)


def test_nobody_at_risk_has_no_rate(analysed, adam, row):
    adam["ADSL"] = adam["ADSL"].with_columns(TRTSDT=pl.lit(None, pl.Date))
    results = analysed(parts('rate = "first_event"\noverall = "ANY"'), **adam)
    found = row(results, "ae", "rate", parameter="ANY", group="high")
    assert found.value is None
    assert "no time at risk" in found.warnings


def score_limits(x1, n1, x0, n0):
    """Miettinen and Nurminen's limits by bisection, from their paper, in plain Python."""
    z2 = stats.chi2.ppf(0.95, 1)

    def z_of(d):
        # Likeliest p0 under p1 - p0 = d, by a fine search that needs no algebra.
        low, high = max(0.0, -d), min(1.0, 1 - d)
        best = low
        for _ in range(200):
            a, b = low + (high - low) / 3, high - (high - low) / 3

            def loglik(p):
                p1 = p + d
                terms = [(x1, p1), (n1 - x1, 1 - p1), (x0, p), (n0 - x0, 1 - p)]
                from math import log

                return sum(k * log(q) if q > 0 else (0 if k == 0 else -1e300) for k, q in terms)

            low, high = (a, high) if loglik(a) < loglik(b) else (low, b)
            best = (low + high) / 2
        p1 = best + d
        variance = (p1 * (1 - p1) / n1 + best * (1 - best) / n0) * (n1 + n0) / (n1 + n0 - 1)
        return (x1 / n1 - x0 / n0 - d) ** 2 / max(variance, 1e-300)

    def limit(inside, outside):
        for _ in range(80):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if z_of(middle) < z2 else (inside, middle)
        return inside

    value = x1 / n1 - x0 / n0
    return limit(value, -0.999999), limit(value, 0.999999)


@pytest.mark.independent
def test_difference_has_the_score_limits_of_miettinen_and_nurminen(analysed, adam, value):
    results = analysed(parts('difference = "miettinen_nurminen"\noverall = "ANY"'), **adam)
    key = {"parameter": "ANY", "group": "high", "comparator": "placebo"}
    assert value(results, "ae", "difference", **key) == pytest.approx(3 / 5 - 1 / 5)
    lower, upper = score_limits(3, 5, 1, 5)
    assert value(results, "ae", "lower", **key) == pytest.approx(lower, abs=1e-5)
    assert value(results, "ae", "upper", **key) == pytest.approx(upper, abs=1e-5)


def test_the_note_says_how_rates_and_differences_are_made(analysed, adam):
    method = 'rate = "first_event"\ndifference = "newcombe"\n' + ROWS
    note = analysed(parts(method), **adam).notes["ae"]
    assert "per 100 patient-years at risk, which end at a subject's first event" in note
    assert "from TRTSDT to TAEEDT" in note
    assert "Garwood" in note
    assert "Newcombe" in note
    assert "skin: AEDECOD is one of RASH, ITCH" in note


def test_dates_of_time_at_risk_must_be_there(analysed, adam):
    adam["ADSL"] = adam["ADSL"].drop("TAEEDT")
    with pytest.raises(AnalysisError, match="ADSL lacks TAEEDT"):
        analysed(parts('rate = "events"'), **adam)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ('worst = "AESEV"', "worst and worst_levels go together"),
        ('rows = [{ id = "a", where = {} }, { id = "a", where = {} }]', 'row "a" is declared more'),
    ],
)
def test_options_that_do_not_go_together_are_refused(declare, method, words):
    with pytest.raises(ProtocolError, match=words):
        declare(parts(method))


def test_a_difference_needs_a_comparison(declare):
    text = parts('difference = "newcombe"').replace("compare = ", "# compare = ")
    with pytest.raises(ProtocolError, match="needs comparisons"):
        declare(text)


REPRESENTATION = """
[analysis.whom]
population = "all"
groups = ["active"]
everyone = true

[analysis.whom.method]
name = "representation"
rows = [
  { id = "female", where = { SEX = "F" }, share = 0.5, source = "a registry" },
  { id = "old", where = { AGE = { at_least = 65 } } },
]
"""


@pytest.mark.independent
def test_enrolled_shares_against_reference_shares(analysed, adsl, value):
    subjects = adsl(
        {"H": 2, "P": 2}, SEX=["F", "F", "M", None], AGE=[70.0, 20.0, 30.0, 40.0]
    )  # fmt: skip
    results = analysed(REPRESENTATION, ADSL=subjects)
    key = {"parameter": "female", "group": ""}
    assert value(results, "whom", "N", **key) == 3
    assert value(results, "whom", "proportion", **key) == pytest.approx(2 / 3)
    wilson = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert value(results, "whom", "lower", **key) == pytest.approx(wilson.low, rel=1e-9)
    assert value(results, "whom", "reference", **key) == 0.5
    assert value(results, "whom", "ratio", **key) == pytest.approx(4 / 3)
    assert not results.find(analysis="whom", statistic="ratio", parameter="old", group="")
    assert "a registry" in results.notes["whom"]


SCATTER = """
[analysis.liver]
dataset = "ADLB"
population = "all"
groups = ["high", "placebo"]
method = { name = "scatter", x = ["ALT", "AST"], y = ["BILI"], x_limit = 3, y_limit = 2 }
"""


def test_points_are_the_highest_values_and_are_counted_by_quadrant(analysed, adsl, value, row):
    lab = [
        ("S000", "ALT", 2.0), ("S000", "AST", 4.0), ("S000", "BILI", 2.5), ("S000", "BILI", 1.0),
        ("S001", "ALT", 3.0), ("S001", "BILI", 1.0), ("S002", "ALT", 9.0),
    ]  # fmt: skip
    adlb = pl.DataFrame(lab, schema=["USUBJID", "PARAMCD", "R2ANRHI"], orient="row")
    results = analysed(SCATTER, ADSL=adsl({"H": 2, "P": 2}), ADLB=adlb)
    assert value(results, "liver", "x", parameter="S000", group="high") == 4
    assert value(results, "liver", "y", parameter="S000", group="high") == 2.5
    assert value(results, "liver", "n", parameter="both", group="high") == 1
    # 3 is not above 3.
    assert value(results, "liver", "n", parameter="neither", group="high") == 1
    found = row(results, "liver", "n", parameter="both", group="high")
    assert found.warnings == "1 of the points are without AST"
    found = row(results, "liver", "n", parameter="both", group="placebo")
    assert (found.value, found.n) == (0, 0)
    assert "2 subject(s) have no value on one of the axes" in found.warnings
