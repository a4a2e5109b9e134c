"""What the report's templates ask of values: typeset words, grouped rows, notes, evidence."""

import json
import re
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from openlupus.display.model import Cell, FigureModel, TableModel, TableRow
from openlupus.display.outline import MARKS, unmarked
from openlupus.results import COLUMNS, ResultRow

_MINUS = re.compile(r"(?<![\w.)])-(?=[\d.])")


def lines(text: str) -> Markup:
    """Words of a declaration: line breaks kept, trailing footnote marks raised."""
    marked = [
        re.sub(rf"({MARKS})$", r'<sup class="mark">\1</sup>', str(escape(line)))
        for line in text.split("\n")
    ]
    return Markup("<br>".join(marked))


def footnote(text: str) -> Markup:
    """A footnote, its leading mark raised."""
    return Markup(re.sub(rf"^({MARKS})\s*", r'<sup class="mark">\1</sup> ', str(escape(text))))


def typeset(text: str, style: str) -> str:
    """A printed number; journals set a minus sign where programs print a hyphen."""
    return _MINUS.sub("−", text) if style == "journal" else text


def words(name: str) -> str:
    """A column or key as words."""
    return str(name).replace("_", " ")


def mapping(value: object) -> object:
    """The value where it is a mapping, else None."""
    return value if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownVariableType]


def drawing(figure: FigureModel) -> Markup:
    """The SVG of a figure, which has escaped its own words."""
    return Markup(figure.svg)


def groups(rows: tuple[TableRow, ...]) -> list[list[tuple[int, TableRow]]]:
    """Numbered rows, cut where a group begins or ends."""
    cut: list[list[tuple[int, TableRow]]] = []
    last = None
    for i, row in enumerate(rows):
        name = row.group or (row.key if row.heading else "")
        if name != last or (row.heading and not row.group):
            cut.append([])
        cut[-1].append((i, row))
        last = name
    return cut


def methods(table: TableModel, notes: Mapping[str, str]) -> list[tuple[list[str], str]]:
    """Method notes of a table's analyses; analyses with the same note share it."""
    shared: dict[str, list[str]] = {}
    for analysis in table.analyses:
        shared.setdefault(notes.get(analysis, "No method note was given."), []).append(analysis)
    return [(analyses, note) for note, analyses in shared.items()]


def warned(table: TableModel) -> list[tuple[str, str, str]]:
    """Row, column and words of every warning that the results carry."""
    headers = [unmarked(header.text) for header in table.columns]
    return [
        (row.key.replace("|", ": "), header, warning)
        for row in table.rows
        for header, cell in zip(headers, row.cells, strict=True)
        for warning in cell.warnings
    ]


def record(cell: Cell, evidence: dict[ResultRow, int]) -> str:
    """Places of the cell's result rows in the table's evidence, adding them where new."""
    return " ".join(str(evidence.setdefault(row, len(evidence))) for row in cell.rests_on)


def embedded(evidence: Mapping[ResultRow, int]) -> Markup:
    """The result rows behind a table, at full precision, as JSON that is safe inside HTML.

    A text stands in `words` once, and in a row as `[its place there]`.
    """
    texts: dict[str, int] = {}
    rows = [
        [
            [texts.setdefault(value, len(texts))] if isinstance(value, str) else value
            for value in (getattr(row, name) for name in COLUMNS)
        ]
        for row in evidence
    ]
    held = {"columns": COLUMNS, "words": list(texts), "rows": rows}
    text = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


FILTERS: Mapping[str, Callable[..., object]] = {
    made.__name__: made
    for made in (
        lines, unmarked, footnote, typeset, words, mapping, drawing, groups, methods, warned,
        record, embedded,
    )
}  # fmt: skip
"""Every filter by the name that the templates know it by."""
