"""From a count to exactly the subjects that it counts, where several of their records decide."""

import numpy as np
import polars as pl
import pytest

from analysis.efficacy import analysis, results, trial
from openlupus.analysis import analyse, records_behind, subjects_behind
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.results import Results
from openlupus.results.model import pointer

LEVELS = ("MILD", "MODERATE", "SEVERE")
WORST = """
[analysis.ae]
dataset = "ADAE"
where = { TRTEMFL = "Y", SEX = ["F", "M"] }
population = "treated"
groups = ["high", "low", "placebo", "active"]
everyone = true

[analysis.ae.method]
name = "incidence"
by = ["AEBODSYS", "AEDECOD"]
overall = "ANY"
worst = "AESEV"
worst_levels = ["MILD", "MODERATE", "SEVERE"]
"""
GROUPS = WORST.replace(
    'overall = "ANY"',
    'rows = [{ id = "skin", where = { AEBODSYS = "SKIN" } }, { id = "all", where = {} }]',
)
LIVER = """
[analysis.liver]
dataset = "ADLB"
where = { ANL01FL = "Y" }
population = "all"
groups = ["high", "low", "placebo"]
everyone = true
method = { name = "scatter", x = ["ALT", "AST"], y = ["BILI"], x_limit = 3, y_limit = 2 }
"""


def agree(found: Results, data: AnalysisData, statistics: tuple[str, ...]) -> int:
    """How many of these numbers there are; each is that of the subjects behind it."""
    rows = found.rows.filter(
        pl.col("statistic").is_in(statistics), pl.col("analysis") != "population"
    )
    behind = subjects_behind(data, rows["source"])
    order = {subject: i for i, subject in enumerate(data.frame("ADSL")["USUBJID"])}
    for row in rows.iter_rows(named=True):
        people = records_behind(data, row["source"])["USUBJID"].unique()
        assert len(people) == row["value"], row
        assert behind[row["source"]] == tuple(sorted(order[subject] for subject in people))
    return rows.height


@pytest.fixture
def events(adsl, data_of) -> AnalysisData:
    """Events of 60 subjects, many of whom have a term several times, in several levels or none."""
    rng = np.random.default_rng(11)
    people = adsl({"H": 20, "L": 20, "P": 20}).with_columns(SEX=pl.Series(["F", "M", "U"] * 20))
    terms = {"SKIN": ["RASH", "ITCH"], "GUT": ["COLIC", None]}
    rows = [
        {"USUBJID": subject, "AEBODSYS": (part := str(rng.choice(["SKIN", "GUT"]))),
         "AEDECOD": terms[part][int(rng.integers(2))],
         "AESEV": [*LEVELS, None, "OTHER"][int(rng.integers(5))],
         "TRTEMFL": "Y" if rng.random() < 0.8 else None}
        for subject in people["USUBJID"] for _ in range(int(rng.integers(0, 7)))
    ]  # fmt: skip
    return data_of(ADSL=people, ADAE=pl.DataFrame(rows))


@pytest.mark.parametrize("parts", [WORST, GROUPS], ids=["terms", "groups"])
def test_subjects_by_their_worst_level(parts: str, declare, events: AnalysisData) -> None:
    assert agree(analyse(declare(parts), events), events, ("N", "n")) > 60


def test_whoever_has_a_worse_event_is_not_behind_a_lesser_level(
    declare, events: AnalysisData, row
) -> None:
    found = analyse(declare(WORST), events)
    counted = events.frame("ADAE").filter(
        pl.col("TRTEMFL") == "Y", pl.col("AEDECOD") == "RASH", pl.col("AESEV").is_in(LEVELS)
    ).join(events.frame("ADSL").filter(pl.col("SEX") != "U"), on="USUBJID")  # fmt: skip
    worst = {
        subject: max(levels, key=LEVELS.index)
        for subject, levels in counted.group_by("USUBJID").agg("AESEV").iter_rows()
    }
    for level in LEVELS:
        key = {"parameter": "SKIN|RASH", "group": "", "subgroup": f"AESEV={level}"}
        behind = records_behind(events, row(found, "ae", "n", **key).source)
        assert set(behind["USUBJID"]) == {s for s, highest in worst.items() if highest == level}
        assert set(behind["AESEV"]) == {level}


def test_subjects_of_each_quadrant_and_with_a_point(declare, adsl, data_of) -> None:
    rng = np.random.default_rng(12)
    people = adsl({"H": 30, "L": 20, "P": 30})
    rows = [
        (subject, code, [None, 1.0, 2.0, 2.5, 3.0, 4.0][int(rng.integers(6))],
         "Y" if rng.random() < 0.9 else None)
        for subject in people["USUBJID"]
        for code in rng.choice(["ALT", "AST", "BILI", "ALP"], int(rng.integers(0, 8)))
    ]  # fmt: skip
    schema = ["USUBJID", "PARAMCD", "R2ANRHI", "ANL01FL"]
    data = data_of(ADSL=people, ADLB=pl.DataFrame(rows, schema=schema, orient="row"))
    found = analyse(declare(LIVER), data)
    counts = {r["parameter"]: r["value"] for r in found.rows.filter(
        pl.col("statistic") == "n", pl.col("group") == "", pl.col("method") == "scatter"
    ).iter_rows(named=True)}  # fmt: skip
    assert min(counts.values()) > 0
    assert agree(found, data, ("N", "n")) == 4 * 4 * 2


def test_subjects_of_two_end_points_side_by_side() -> None:
    found = results(analysis("d", 'name = "discordance", other = "bicla"', compare="{}"))
    kinds = {*found.values("d", "parameter")}
    assert {"both", "neither", "SRI4 only", "BICLA only", "SRI4 only|bilag improved"} <= kinds
    assert agree(found, trial(), ("N", "n")) == len(kinds) * 3 * 2


def test_a_subject_may_have_and_lack_records(adsl, data_of) -> None:
    people = adsl({"H": 3, "P": 1}).with_columns(SEX=pl.Series(["F", "F", "M", "F"]))
    rows = [
        ("S000", "A", 1), ("S000", "B", 2), ("S001", "A", 1), ("S002", "A", 1), ("S002", "B", 9),
        ("S003", "A", 1), ("S003", "C", 3),
    ]  # fmt: skip
    data = data_of(
        ADSL=people, ADLB=pl.DataFrame(rows, ["USUBJID", "PARAMCD", "AVAL"], orient="row")
    )

    def who(**more: object) -> list[str]:
        source = pointer("ADLB", {"PARAMCD": "A"}, more=more)
        places = subjects_behind(data, [source])[source]
        subjects = records_behind(data, source)["USUBJID"].to_list()
        assert [people["USUBJID"][i] for i in places] == subjects
        return subjects

    assert who() == ["S000", "S001", "S002", "S003"]
    assert who(having=[{"PARAMCD": "B"}]) == ["S000", "S002"]
    assert who(having=[{"PARAMCD": "B"}, {"AVAL": {"above": 5}}]) == ["S002"]
    assert who(lacking=[{"PARAMCD": "B"}]) == ["S001", "S003"]
    assert who(lacking=[{"PARAMCD": "B"}, {"PARAMCD": "C"}]) == ["S001"]
    # SEX is of the subject: only the women who have a B are left out.
    assert who(lacking=[{"PARAMCD": "B", "SEX": "F"}]) == ["S001", "S002", "S003"]
    assert who(having=[{"PARAMCD": "B", "ADSL.SEX": "F"}], lacking=[{"AVAL": 9}]) == ["S000"]
    # The record that is taken is one of those of the same subjects.
    assert who(having=[{"PARAMCD": "B"}], take={"highest": "AVAL"}, then={"AVAL": 1}) == [
        "S000",
        "S002",
    ]


@pytest.mark.parametrize(
    "more", [{"having": {"PARAMCD": "A"}}, {"lacking": [{"AVAL": {"over": 3}}]}, {"take": {}}]
)
def test_a_pointer_that_cannot_be_read_is_refused(more: dict[str, object], adsl, data_of) -> None:
    source = pointer("ADSL", {}, more=more)
    with pytest.raises(AnalysisError, match="is no pointer to records"):
        records_behind(data_of(ADSL=adsl({"H": 1})), source)


def test_a_pointer_to_a_column_that_is_nowhere_does_not_fit(adsl, data_of) -> None:
    source = pointer("ADSL", {}, more={"lacking": [{"NOWHERE": "A"}]})
    data = data_of(ADSL=adsl({"H": 1}))
    with pytest.raises(AnalysisError, match="does not fit these data"):
        records_behind(data, source)
    assert subjects_behind(data, [source]) == {}
