"""The invented trial of which twins are made: declaration, print, and a contradictory print."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from openlupus.analysis import analyse
from openlupus.audit import Published, audit
from openlupus.derivation import AnalysisData, Arms, derive
from openlupus.display.printed_cells import printed_cells
from openlupus.exchange.published import read_published
from openlupus.protocol import load
from openlupus.records import from_frames
from openlupus.simulation import load_model, simulate
from openlupus.twin.conflict import in_words, relaxed, smallest_conflict

BICLA2 = Path(__file__).parent / "examples" / "bicla2"
POSSIBLE = read_published(BICLA2 / "published.toml")
CONTRADICTORY = read_published(BICLA2 / "published_contradictory.toml")
EVENTS = "Adverse events with frequency of ≥8%|"


@cache
def candidates() -> AnalysisData:
    protocol, model = load(BICLA2), load_model(BICLA2)
    records = from_frames(simulate(protocol, model, seed=7, patients=600))
    return derive(protocol, records, arms=Arms.unblinded("invented patients"))


@cache
def weights() -> Mapping[tuple[str, str], np.ndarray]:
    """Printed rows of counts to 0 or 1 for each candidate of the placebo group."""
    people = candidates().frame("ADSL").filter(TREATFL="Y", ARMCD="PBO").sort("USUBJID")
    events = candidates().frame("ADAE").filter(TRTEMFL="Y")

    def of(where: pl.Expr) -> np.ndarray:
        return people.select(where.cast(pl.Float64)).to_series().to_numpy()

    def had(*where: pl.Expr) -> np.ndarray:
        return of(pl.col("USUBJID").is_in(events.filter(*where)["USUBJID"].unique().implode()))

    races = {"Asian": "ASIAN", "White": "WHITE", "Other": "OTHER"}
    named = [row for table, row in POSSIBLE.rows if table == "safety" and row.startswith(EVENTS)]
    return {
        ("baseline", "Female sex — no. (%)"): of(pl.col("SEX") == "F"),
        **{
            ("baseline", f"Race — no. (%)|{label}"): of(pl.col("RACEGR1") == code)
            for label, code in races.items()
        },
        ("safety", "Any adverse event"): had(pl.lit(value=True)),
        ("safety", "Any serious adverse event"): had(pl.col("AESER") == "Y"),
        **{
            ("safety", row): had(
                pl.col("AEDECOD").str.to_lowercase() == row.removeprefix(EVENTS).lower()
            )
            for row in named
        },
    }


def wanted(published: Published) -> list[int]:
    cells = [published.count(published.cell(*row, "placebo")) for row in weights()]
    return [cell.n for cell in cells if cell is not None]


def test_every_row_of_the_print_is_one_of_the_declared_displays():
    protocol = load(BICLA2)
    ours = printed_cells(protocol, POSSIBLE, analyse(protocol, candidates()))
    absent = [c for c in POSSIBLE.cells if not ours.get((c.table, c.row, c.column))]
    # Which events are frequent is up to the patients.
    assert [cell for cell in absent if not cell.row.startswith(EVENTS)] == []


def test_the_print_is_consistent_and_tells_its_method():
    found = audit(POSSIBLE, seed=1)
    assert {finding.verdict for finding in found.findings} == {"ok"}
    assert "Sato" in str(found.methods)


def test_counts_of_the_print_can_hold_together():
    rows = np.vstack(list(weights().values()))
    assert smallest_conflict(rows, wanted(POSSIBLE), wanted(POSSIBLE), 59) is None


def test_of_the_contradictory_print_the_cells_in_conflict_are_named():
    rows, names = np.vstack(list(weights().values())), list(weights())
    rest = relaxed(rows, wanted(CONTRADICTORY), wanted(CONTRADICTORY), 59)
    place = CONTRADICTORY.columns["placebo"].label
    said = [
        in_words(
            [
                (
                    CONTRADICTORY.title(table),
                    row,
                    place,
                    CONTRADICTORY.rows[table, row]["placebo"].text,
                )
                for table, row in (names[i] for i in conflict)
            ]
        )
        for conflict, _ in rest.dropped
    ]
    assert sorted(said) == [
        (
            "These 2 cells cannot hold together: Table 3, Any adverse event, Placebo: 7 (11.9);"
            " Table 3, Adverse events with frequency of ≥8%, Insomnia, Placebo: 8 (13.6)."
        ),
        (
            "These 3 cells cannot hold together:"
            " Table 1, Race — no. (%), Asian, Placebo: 27 (45.8);"
            " Table 1, Race — no. (%), White, Placebo: 29 (49.2);"
            " Table 1, Race — no. (%), Other, Placebo: 13 (22.0)."
        ),
    ]
