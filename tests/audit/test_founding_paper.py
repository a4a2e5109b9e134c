"""The founding paper's tables: its six known faults are found, and nothing else is alarmed."""

from collections import Counter
from dataclasses import replace

import pytest

from openlupus.audit import VERDICTS, Audit, audit, read_cell
from openlupus.exchange.published import read_published
from openlupus.exchange.published_json import import_published
from reference import ROOT, need_reference

PAPER = ROOT / "src" / "openlupus" / "studies" / "nct03161483" / "published.toml"


@pytest.fixture(scope="module")
def found() -> Audit:
    return audit(read_published(PAPER))


def test_the_misprinted_percentage(found: Audit):
    (misprint,) = [f for f in found.findings if f.verdict == "misprint"]
    assert misprint.row == "High gene signature — no. (%)|Ikaros"
    assert (misprint.printed, misprint.recomputed) == ("56 (68)", "67")


def test_standard_errors_that_are_called_deviations(found: Audit):
    faults = [f for f in found.faults if f.check == "standard error or deviation"]
    assert Counter(f.row.partition("no. of ")[2].partition(" ")[0] for f in faults) == {
        "swollen": 4, "tender": 4,
    }  # fmt: skip
    assert {f.recomputed for f in faults} == {"SE"}


def test_withdrawals_because_of_adverse_events(found: Audit):
    (fault,) = [f for f in found.faults if f.check == "relation"]
    assert (fault.printed, fault.recomputed) == ("19", "23")


def test_the_lopsided_interval_of_the_imputation_analysis(found: Audit):
    (fault,) = [f for f in found.faults if f.check == "symmetry"]
    assert fault.printed == "17.5 (1.1 to 28.9)"


def test_nothing_else_is_alarmed(found: Audit):
    assert len(found.faults) == 1 + 8 + 1 + 1


def test_the_remarks_of_the_file_name_the_cells_that_the_audit_does(found: Audit):
    said = {
        (cell.table, cell.row, cell.column): remark.verdict
        for cell in found.published.cells
        if (remark := found.published.remark(cell.table, cell.row, cell.column)) and remark.verdict
    }
    assert said == {(f.table, f.row, f.column): f.verdict for f in found.faults}


def test_the_power_is_that_of_hochberg(found: Audit):
    (power,) = [f for f in found.findings if f.check == "power"]
    assert power.verdict == "ok"
    assert power.remark
    assert power.why.startswith("given only with multiplicity: Hochberg, others ineffective")


def test_the_intervals_are_stratified_newcombe(found: Audit):
    (method,) = [f for f in found.findings if f.check == "interval method"]
    assert method.recomputed == "stratified Newcombe"
    (decades,) = found.methods.values()
    assert max(v for name, v in decades.items() if name != "stratified Newcombe") < -10


def test_one_table_of_patients_prints_twelve_comparisons(found: Audit):
    (shared,) = found.shared.values()
    assert sum(len(arms) - 1 for arms in shared.responders.values()) == 12
    for arm, patients in shared.patients.items():
        assert sum(patients) == found.published.columns[arm].n


def test_most_cells_are_looked_at(found: Audit):
    printed, looked = found.cells
    assert looked >= 0.85 * printed
    assert found.rule == ("half up", 233, 234)


@pytest.mark.golden
def test_the_reference_tables_are_audited_as_imported():
    found = audit(import_published(need_reference() / "published").published)
    assert found.findings
    assert {f.verdict for f in found.findings} <= set(VERDICTS)
    assert all(f.why and f.check for f in found.findings)


def test_a_limit_that_is_three_points_off_is_found():
    paper = read_published(PAPER)
    cells = tuple(
        replace(cell, text="19.4 (4.1 to 36.4)", content=read_cell("19.4 (4.1 to 36.4)"))
        if cell.text == "19.4 (4.1 to 33.4)"
        else cell
        for cell in paper.cells
    )
    found = audit(replace(paper, cells=cells))
    assert [f.printed for f in found.faults if f.check == "interval"] == ["19.4 (4.1 to 36.4)"]
    (method,) = [f for f in found.findings if f.check == "interval method"]
    assert method.recomputed == "stratified Newcombe"
