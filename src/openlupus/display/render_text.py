"""A table as plain text, for terminals and tests."""

from openlupus.display.model import Cell, Header, TableModel

_GAP = "  "


def table_text(table: TableModel) -> str:
    """The table in fixed-width characters, columns aligned, one line break at the end."""
    stubs = len(table.stub)
    header = _header_lines(table)
    body = [_row_texts(table, i) for i in range(len(table.rows))]
    every = header + body
    widths = [max((len(r[i]) for r in every), default=0) for i in range(stubs + len(table.columns))]
    _widen(widths, table.spanners, first=stubs)
    rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    lines = [f"{table.number}. {table.title}", *table.flags, rule]
    if table.spanners:
        lines.append(_spanner_line(table.spanners, widths, stubs))
    lines += [_line(texts, widths, stubs) for texts in header]
    lines.append(rule)
    if table.measure:
        first = sum(widths[:stubs]) + len(_GAP) * stubs
        lines.append(" " * first + table.measure.center(len(rule) - first))
    lines += [_line(texts, widths, stubs) for texts in body]
    lines += [rule, *table.footnotes, *_beside(table)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _beside(table: TableModel) -> list[str]:
    if table.beside is None:
        return []
    cells, same = table.beside
    return [f"Published cells in braces: {same} of {cells} say the same as ours."]


def _header_lines(table: TableModel) -> list[list[str]]:
    split = [text.split("\n") for text in (*table.stub, *(c.text for c in table.columns))]
    height = max(len(lines) for lines in split)
    padded = [[""] * (height - len(lines)) + lines for lines in split]
    return [[lines[i] for lines in padded] for i in range(height)]


def _row_texts(table: TableModel, i: int) -> list[str]:
    row = table.rows[i]
    labels = list(row.labels)
    labels[0] = "  " * row.indent + labels[0]
    return labels + [_cell(cell) for cell in row.cells]


def _cell(cell: Cell) -> str:
    if cell.published is None:
        return cell.text
    return f"{cell.text} {{{'=' if cell.matches else cell.published}}}"


def _widen(widths: list[int], spanners: tuple[Header, ...], *, first: int) -> None:
    """Make room for spanners that are wider than the columns beneath them."""
    at = first
    for spanner in spanners:
        there = sum(widths[at : at + spanner.span]) + len(_GAP) * (spanner.span - 1)
        widths[at + spanner.span - 1] += max(0, len(spanner.text) - there)
        at += spanner.span


def _spanner_line(spanners: tuple[Header, ...], widths: list[int], stubs: int) -> str:
    texts = [" " * width for width in widths[:stubs]]
    at = stubs
    for spanner in spanners:
        width = sum(widths[at : at + spanner.span]) + len(_GAP) * (spanner.span - 1)
        text = spanner.text.replace("\n", " ")
        texts.append(text.center(width, "-" if text and spanner.span > 1 else " "))
        at += spanner.span
    return _GAP.join(texts)


def _line(texts: list[str], widths: list[int], stubs: int) -> str:
    pairs = zip(texts, widths, strict=True)
    return _GAP.join(
        text.ljust(width) if i < stubs else text.center(width)
        for i, (text, width) in enumerate(pairs)
    )
