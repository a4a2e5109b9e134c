"""Numbers that are printed in several places, or that count some of the same patients."""

from collections.abc import Iterator, Mapping

from openlupus.audit.finding import Finding
from openlupus.audit.model import COLUMNS, Published, Ref, Relation


def relations(published: Published) -> Iterator[Finding]:
    """Every declared relation, in each column where both sides are printed (eq. audit-relation)."""
    for relation in published.relations:
        left = values(published, relation.left)
        sides = [_spread_over(published, values(published, ref), left) for ref in relation.right]
        for column, number in left.items():
            found = [side[column] for side in sides if column in side]
            if len(found) == len(sides):
                yield _compared(published, relation, column, number, found)


def values(published: Published, ref: Ref) -> Mapping[str, int]:
    """The counts or denominators that a reference names, by column."""
    if ref.table == COLUMNS:
        found = {key: c.n for key, c in published.columns.items() if c.n is not None}
    else:
        found = dict[str, int]()
        for key, cell in published.rows.get((ref.table, ref.row), {}).items():
            count = published.count(cell)
            number = None if count is None else count.n
            if ref.part == "denominator":
                number = published.patients(cell)
            if number is not None and key in published.columns:
                found[key] = number
    return {key: n for key, n in found.items() if ref.column in ("", key)}


def summed(published: Published, ref: Ref, column: str) -> int | None:
    """The number that a reference names in a column, or the sum of the column's members."""
    found = values(published, ref)
    return _spread_over(published, found, {column: 0}).get(column)


def _spread_over(
    published: Published, found: Mapping[str, int], wanted: Mapping[str, int]
) -> Mapping[str, int]:
    """The same, and for each wanted column that is not printed the sum of its members."""
    whole = dict(found)
    for key in wanted:
        members = published.columns[key].members
        if key not in whole and members and all(member in found for member in members):
            whole[key] = sum(found[member] for member in members)
    return whole


def _compared(
    published: Published, relation: Relation, column: str, left: int, right: list[int]
) -> Finding:
    others = " + ".join(_named(published, ref) for ref in relation.right)
    match relation.kind:
        case "same":
            holds, recomputed = left == sum(right), str(sum(right))
            sentence = f"{sum(right)} in {others}"
        case "at-most":
            holds, recomputed = all(left <= n for n in right), f"<={min(right)}"
            sentence = f"some of the {min(right)} of {others}"
        case "union":
            low, high = max(right), sum(right)
            holds, recomputed = low <= left <= high, f"{low} to {high}"
            sentence = f"patients with any of {len(right)} rows: between {low} and {high}"
    at = relation.right[0] if relation.left.table == COLUMNS else relation.left
    printed = published.cell(at.table, at.row, column)
    where = "in the header" if relation.left.table == COLUMNS else "here"
    why = f"{left} {where}, {sentence}" if not holds else sentence
    if relation.why:
        why += f" ({relation.why})"
    return Finding(
        check="relation", table=at.table, row=at.row, column=column,
        printed=printed.text if printed else str(left), recomputed=recomputed,
        verdict="ok" if holds else "inconsistent", why=why,
    )  # fmt: skip


def _named(published: Published, ref: Ref) -> str:
    if ref.table == COLUMNS:
        return "the header"
    where = f"{published.title(ref.table)}, {ref.row.replace('|', ' / ')}"
    return f"the totals of {where}" if ref.part == "denominator" else where


def sizes(published: Published) -> Iterator[Finding]:
    """No cell rests on more patients than the header of its column says."""
    for cell in published.cells:
        column = published.columns.get(cell.column)
        of = published.patients(cell)
        if column is None or column.n is None or of is None or of == column.n:
            continue
        fits = of <= column.n
        yield Finding(
            check="denominator", table=cell.table, row=cell.row, column=cell.column,
            printed=cell.text, recomputed=f"<={column.n}",
            verdict="ok" if fits else "inconsistent",
            why=f"{of} of the {column.n} patients in the header" if fits else
            f"{of} patients here, {column.n} in the header",
        )  # fmt: skip
