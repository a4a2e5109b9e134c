"""The efficacy part of the founding declaration on the embedded patients."""

import polars as pl
import pytest

import openlupus
from openlupus import pipeline
from openlupus.derivation import AnalysisData
from openlupus.exchange.study import demo_study
from openlupus.results import Results

ROWS = {
    "table2": 9, "table_s_sensitivity": 7, "table_s_composites": 11, "table_s_visits": 6,
    "table_s_subgroups": 25,
}  # fmt: skip


@pytest.fixture(scope="module")
def study() -> pipeline.Study:
    return openlupus.load(demo_study())


@pytest.fixture(scope="module")
def data(study: pipeline.Study) -> AnalysisData:
    return openlupus.derive(study)


@pytest.fixture(scope="module")
def results(study: pipeline.Study, data: AnalysisData) -> Results:
    shown = {row.analysis for name in ROWS for row in study.protocol.displays[name].rows}  # pyright: ignore
    more = ["sri4_bicla", "time_to_sri4", "dose_response", "exposure_response"]
    return openlupus.analyse(study, data, only=[*filter(None, shown), *more])


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_a_table_is_filled(name: str, study, data, results):
    (table,) = pipeline.displays(study, data, results, only=[name])
    filled = [row for row in table.rows if not row.heading]
    assert len(filled) == ROWS[name]
    for row in filled:
        kinds = {cell.kind for cell in row.cells}
        assert kinds & {"value", "zero"}, row.labels
        # An arm and its comparator without any responder have no test: the cell says so.
        assert all(cell.warnings for cell in row.cells if cell.kind == "missing"), row.labels


def responders(data: AnalysisData, parameter: str) -> set[tuple[str, float]]:
    rows = data.frame("ADRESP").filter((pl.col("PARAMCD") == parameter) & (pl.col("AVAL") == 1))
    return set(rows.select("USUBJID", "AVISITN").iter_rows())


@pytest.mark.parametrize(
    ("stricter", "than"),
    [
        ("SRI5", "SRI4"), ("SRI6", "SRI5"), ("SRI7", "SRI6"), ("SRI8", "SRI7"),
        ("SRI4GC", "SRI4"), ("GCLE75", "GCLT10"), ("SRI4", "SLED4"), ("BICLA", "NONEWBIL"),
    ],
)  # fmt: skip
def test_who_meets_the_stricter_end_point_meets_the_other(stricter: str, than: str, data):
    some, more = responders(data, stricter), responders(data, than)
    assert some
    assert some <= more


def test_clinical_falls_are_those_of_the_clinical_score(data):
    score = data.frame("ADSLEDAI").filter(
        (pl.col("PARAMCD") == "SLEDCLIN") & (pl.col("ANL01FL") == "Y")
    )
    fallen = score.select("USUBJID", "AVISITN", FALL=(pl.col("BASE") - pl.col("AVAL")) >= 4)
    verdict = data.frame("ADRESP").filter(
        (pl.col("PARAMCD") == "CSLED4") & pl.col("DTYPE").is_null()
    )
    both = verdict.join(fallen, on=["USUBJID", "AVISITN"])
    assert both.height == verdict.height > 1000
    assert (both["FALL"] == (both["AVAL"] == 1)).all()


def test_low_disease_activity_in_plain_terms(data):
    """Total at most 4, PGA at most 1, dose at most 7.5 in every responder, by the frames."""
    at = (pl.col("ANL01FL") == "Y") & (pl.col("AVISITN") == 8)
    limits = {("ADSLEDAI", "SLEDTOT"): 4, ("ADQS", "PGA"): 1, ("ADGC", "GCDOSE"): 7.5}
    who = pl.DataFrame({"USUBJID": sorted(s for s, v in responders(data, "LLDAS") if v == 8)})
    assert who.height > 5
    for (dataset, parameter), most in limits.items():
        rows = data.frame(dataset).filter(at & (pl.col("PARAMCD") == parameter))
        found = who.join(rows, on="USUBJID")
        assert found.height == who.height
        assert (found["AVAL"] <= most).all(), parameter


def test_a_sustained_response_ends_as_a_response(data):
    times = data.frame("ADTTE").filter((pl.col("PARAMCD") == "TTSRI4") & (pl.col("CNSR") == 0))
    last = {subject for subject, visit in responders(data, "SRI4") if visit == 8}
    assert set(times["USUBJID"]) == last


def test_the_curve_of_sustained_response_ends_at_the_rate_of_responders(results: Results):
    """A response that holds to the last visit is a response there; nobody is lost to a failure."""
    rows = results.rows
    last = rows.filter((pl.col("analysis") == "time_to_sri4") & (pl.col("statistic") == "survival"))
    last = last.filter(pl.col("parameter") == "169").select("group", ended=1 - pl.col("value"))
    rate = rows.filter((pl.col("analysis") == "primary") & (pl.col("statistic") == "proportion"))
    both = last.join(rate.filter(pl.col("comparator") == "").select("group", "value"), on="group")
    assert both.height == 4
    assert both["ended"].to_list() == pytest.approx(both["value"].to_list(), abs=1e-12)
