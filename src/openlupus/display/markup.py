"""What the report's templates ask of values: typeset words, grouped rows, notes, evidence."""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from openlupus.display.model import Cell, FigureModel, TableModel, TableRow
from openlupus.display.outline import MARKS, unmarked
from openlupus.results import COLUMNS, ResultRow

if TYPE_CHECKING:
    from openlupus.display.render_html import Report

Told = Sequence[tuple[list[str], str]]
NO_NOTE = "No method note was given."
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


def markup(svg: str) -> Markup:
    """A drawing that has escaped its own words."""
    return Markup(svg)


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


def told(displays: Iterable[TableModel | FigureModel], notes: Mapping[str, str]) -> Told:
    """Method notes of all that is displayed, each once, with the analyses that share it."""
    shared: dict[str, list[str]] = {}
    for display in displays:
        table = display if isinstance(display, TableModel) else display.numbers
        for analysis in table.analyses if table else ():
            sharing = shared.setdefault(notes.get(analysis, NO_NOTE), [])
            if analysis not in sharing:
                sharing.append(analysis)
    return [(analyses, note) for note, analyses in shared.items()]


def warned(table: TableModel) -> list[tuple[str, str, str]]:
    """Row, columns and words of every warning that the results carry."""
    found: dict[tuple[str, str], list[str]] = {}
    headers = [unmarked(header.text) for header in table.columns]
    for row in table.rows:
        for header, cell in zip(headers, row.cells, strict=True):
            for warning in cell.warnings:
                found.setdefault((row.key.replace("|", ": "), warning), []).append(header)
    return [(row, "; ".join(columns), words) for (row, words), columns in found.items()]


def record(cell: Cell, evidence: dict[ResultRow, int]) -> str:
    """Places of the cell's result rows in the table's evidence, adding them where new."""
    return " ".join(str(evidence.setdefault(row, len(evidence))) for row in cell.rests_on)


def embedded(
    evidence: Mapping[ResultRow, int], report: "Report", methods: Mapping[str, int]
) -> Markup:
    """What the cells rest on: JSON, compressed by gzip, in base 64 (a fifteenth of its size).

    Result rows stand at full precision; a text stands in `words` once, and in a row as
    `[its place there]`. `behind` gives the places of subjects by the place of the pointer.
    """
    texts: dict[str, int] = {}

    def short(values: Iterable[object]) -> list[object]:
        return [
            [texts.setdefault(value, len(texts))] if isinstance(value, str) else value
            for value in values
        ]

    rows = [short(getattr(row, name) for name in COLUMNS) for row in evidence]
    people = report.patients
    behind = people.behind if people else dict[str, tuple[int, ...]]()
    held = {
        "study": report.study,
        "columns": COLUMNS,
        "rows": rows,
        "methods": methods,
        "behind": {
            texts[source]: gaps(subjects) for source, subjects in behind.items() if source in texts
        },
        "subjects": {
            "columns": people.columns if people else (),
            "rows": [short(row) for row in people.rows] if people else [],
        },
        "words": list(texts),
    }
    text = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    return Markup(b64encode(gzip.compress(text.encode(), mtime=0)).decode())


def gaps(places: Sequence[int]) -> str:
    """Ascending places as gaps, six bits a letter of which the highest says that more follow."""
    letters: list[str] = []
    last = -1
    for place in places:
        gap, last = place - last - 1, place
        while gap > 31:
            letters.append(_DIGITS[32 + (gap & 31)])
            gap >>= 5
        letters.append(_DIGITS[gap])
    return "".join(letters)


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FILTERS: Mapping[str, Callable[..., object]] = {
    made.__name__: made
    for made in (
        lines, unmarked, footnote, typeset, words, mapping, drawing, markup, groups, warned,
        record, embedded,
    )
}  # fmt: skip
"""Every filter by the name that the templates know it by."""
