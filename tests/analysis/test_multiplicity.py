"""Families of hypotheses, against statsmodels."""

import pytest
from statsmodels.stats.multitest import multipletests

PARTS = """
[analysis.main]
endpoint = "response"
visit = "W12"
population = "all"
compare = {{ test = ["high", "low"], control = "placebo" }}
method = {{ name = "responder", test = "fisher", interval = "newcombe" }}

[multiplicity.main]
procedure = "{procedure}"
analysis = "main"
tests = ["high", "low"]
alpha = 0.1
"""
KEY = {"parameter": "RESP", "visit": "W12", "comparator": "placebo"}
CELLS = [("H", "S1", 30, 40), ("L", "S1", 27, 40), ("P", "S1", 18, 40)]


@pytest.mark.independent
@pytest.mark.parametrize(
    ("procedure", "theirs"),
    [
        ("hochberg", "simes-hochberg"),
        ("holm", "holm"),
        ("hommel", "hommel"),
        ("bonferroni", "bonferroni"),
    ],
)
def test_adjusted_p_is_that_of_statsmodels(analysed, adresp, value, procedure, theirs):
    subjects, verdicts = adresp(*CELLS)
    results = analysed(PARTS.format(procedure=procedure), ADSL=subjects, ADRESP=verdicts)
    arms = ("high", "low")
    p = [value(results, "main", "p", group=arm, **KEY) for arm in arms]
    rejected, adjusted, *_ = multipletests(p, alpha=0.1, method=theirs)
    assert [value(results, "main", "p_adjusted", group=a, **KEY) for a in arms] == pytest.approx(
        list(adjusted)
    )
    assert [value(results, "main", "rejected", group=a, **KEY) for a in arms] == list(rejected)


def test_a_p_that_is_not_there_counts_as_one(analysed, adresp, row):
    subjects, verdicts = adresp(CELLS[0], CELLS[2])
    results = analysed(PARTS.format(procedure="hochberg"), ADSL=subjects, ADRESP=verdicts)
    p = row(results, "main", "p", group="high", **KEY).value
    found = row(results, "main", "p_adjusted", group="high", **KEY)
    assert found.value == pytest.approx(2 * p)
    assert "no P of low: it counts as 1 in the family" in found.warnings
    assert row(results, "main", "rejected", group="low", **KEY).value is None
