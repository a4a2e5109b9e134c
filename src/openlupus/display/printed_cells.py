"""The cells that a run prints, by the table of the paper that they are laid beside."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openlupus.display.rounding import number, p_value
from openlupus.display.table import build_table
from openlupus.protocol import Protocol
from openlupus.protocol.displays import Table
from openlupus.results import Results

if TYPE_CHECKING:
    from openlupus.audit import Cell, Published


def printed_cells(protocol: Protocol, results: Results) -> Mapping[tuple[str, str, str], str]:
    """Table of the paper, row and column to our text, for every declared display beside one."""
    labels = {name: protocol.label(name) for name in (*protocol.arms, *protocol.groups)}
    labels |= {name: population.label for name, population in protocol.populations.items()}
    found: dict[tuple[str, str, str], str] = {}
    for name, declared in protocol.displays.items():
        if not isinstance(declared, Table) or not declared.published:
            continue
        table = build_table(
            declared, results, labels=labels, synthetic=False, dummy_arms=False, id=name
        )
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if cell.text:
                    found[declared.published, row.key, column.key] = cell.text
    return found


def result_cells(published: "Published", results: Results) -> Mapping[tuple[str, str, str], str]:
    """Cells without a display, from the results that their rows name, with the paper's digits."""
    found: dict[tuple[str, str, str], str] = {}
    for cell in published.cells:
        named = published.fact(cell.table, cell.row).result
        text = _from_results(cell, named, published.control, results) if named else ""
        if text:
            found[cell.table, cell.row, cell.column] = text
    return found


def _from_results(cell: "Cell", named: Mapping[str, str], control: str, results: Results) -> str:
    """One cell; empty where the run has no such result."""
    from openlupus.audit.printed import Count, Estimate, Plain, Share

    arm = cell.column.removesuffix("_difference").removesuffix("_p")
    place = {**named, "group": named.get("group", arm)}
    if arm != cell.column:
        place["comparator"] = control

    def value(statistic: str) -> float | None:
        rows = results.find(**{**place, "statistic": statistic})
        return rows[0].value if rows else None

    def all_of(*statistics: str) -> list[float]:
        values = [value(each) for each in statistics]
        return [v for v in values if v is not None] if None not in values else []

    match cell.content:
        case Count(_, of, _) if of is not None:
            counts = all_of("n", "N")
            return "/".join(number(v, digits=0) for v in counts)
        case Share(percent):
            shares = all_of("proportion")
            return "".join(f"{number(v, digits=percent.decimals, shift=2)}%" for v in shares)
        case Estimate(estimate, _, _):
            limits = all_of("difference", "lower", "upper")
            points = 2 if results.find(**{**named, "group": arm, "statistic": "proportion"}) else 0
            texts = [number(v, digits=estimate.decimals, shift=points) for v in limits]
            return f"{texts[0]} ({texts[1]} to {texts[2]})" if texts else ""
        case Plain(printed) if arm != cell.column:
            least = "<" + number(10.0**-printed.decimals, digits=printed.decimals)
            return "".join(p_value(v, digits=printed.decimals, low=least) for v in all_of("p"))
        case Count() | Plain():
            return "".join(number(v, digits=0) for v in all_of("n"))
        case _:
            return ""
