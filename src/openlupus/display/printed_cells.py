"""The cells that a run prints, by the table of the paper that they are laid beside."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from openlupus.display.model import Cell
from openlupus.display.rounding import number, p_value
from openlupus.display.table import build_table
from openlupus.protocol import Protocol
from openlupus.protocol.displays import Table
from openlupus.results import ResultRow, Results

if TYPE_CHECKING:
    from openlupus.audit import Published
    from openlupus.audit.model import Cell as Printed

Place = tuple[str, str, str]
"""Table of the paper, row, column."""

Values = Callable[..., list[float]]
"""Statistics to their values, all or none of them."""


def printed_cells(
    protocol: Protocol, published: "Published", results: Results
) -> Mapping[Place, str]:
    """Our text of every cell that a declared display, or a named result, prints beside one.

    Cells without a display come from the results that their rows name, with the paper's digits.
    """
    cells = {**_named(published, results), **_displayed(protocol, results)}
    return {place: cell.text for place, cell in cells.items()}


def printed_rows(
    protocol: Protocol, published: "Published", results: Results
) -> Mapping[Place, tuple[ResultRow, ...]]:
    """The result rows that each printed cell rests on, in the order of its numbers.

    Cells that the run does not print are left out.
    """
    cells = {**_named(published, results), **_displayed(protocol, results)}
    places = ((cell.table, cell.row, cell.column) for cell in published.cells)
    return {place: cells[place].rests_on for place in places if place in cells}


def _displayed(protocol: Protocol, results: Results) -> Mapping[Place, Cell]:
    labels = {name: protocol.label(name) for name in (*protocol.arms, *protocol.groups)}
    labels |= {name: population.label for name, population in protocol.populations.items()}
    found: dict[Place, Cell] = {}
    for name, declared in protocol.displays.items():
        if not isinstance(declared, Table) or not declared.published:
            continue
        table = build_table(
            declared, results, labels=labels, synthetic=False, dummy_arms=False, id=name
        )
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if cell.text:
                    found[declared.published, row.key, column.key] = cell
    return found


def _named(published: "Published", results: Results) -> Mapping[Place, Cell]:
    found: dict[Place, Cell] = {}
    for printed in published.cells:
        named = published.fact(printed.table, printed.row).result
        cell = _from_results(printed, named, published.control, results) if named else Cell()
        if cell.text:
            found[printed.table, printed.row, printed.column] = cell
    return found


def _from_results(
    printed: "Printed", named: Mapping[str, str], control: str, results: Results
) -> Cell:
    """One cell; blank where the run has no such result."""
    arm = printed.column.removesuffix("_difference").removesuffix("_p")
    place = {**named, "group": named.get("group", arm)}
    place.pop("statistic", None)
    if arm != printed.column:
        place["comparator"] = control
    used: list[ResultRow] = []

    def values(*statistics: str) -> list[float]:
        rows = [found[0] for s in statistics if (found := results.find(**place, statistic=s))]
        given = [row.value for row in rows if row.value is not None]
        if len(given) < len(statistics):
            return []
        used.extend(rows)
        return given

    shares = bool(results.find(**{**place, "comparator": ""}, statistic="proportion"))
    text = _text(printed, named.get("statistic", ""), values, shares=shares, arm=arm)
    return Cell(text=text, kind="value", rests_on=tuple(used)) if text else Cell()


def _text(printed: "Printed", statistic: str, values: Values, *, shares: bool, arm: str) -> str:
    from openlupus.audit.printed import Count, Estimate, Plain, Share

    match printed.content:
        case Plain(value) if statistic:
            return "".join(number(v, digits=value.decimals) for v in values(statistic))
        case Count(_, of, _) if of is not None:
            return "/".join(number(v, digits=0) for v in values("n", "N"))
        case Share(percent):
            given = values("proportion")
            return "".join(f"{number(v, digits=percent.decimals, shift=2)}%" for v in given)
        case Estimate(estimate, _, _):
            points, digits = 2 if shares else 0, estimate.decimals
            given = values("difference", "lower", "upper")
            texts = [number(v, digits=digits, shift=points) for v in given]
            return f"{texts[0]} ({texts[1]} to {texts[2]})" if texts else ""
        case Plain(value) if arm != printed.column:
            least = "<" + number(10.0**-value.decimals, digits=value.decimals)
            return "".join(p_value(v, digits=value.decimals, low=least) for v in values("p"))
        case Count() | Plain():
            return "".join(number(v, digits=0) for v in values("n"))
        case _:
            return ""
