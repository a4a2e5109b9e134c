"""Labels of a paper as sets of words: which row does a sentence of the text speak of?"""

import re
from collections.abc import Iterable

from openlupus.audit.model import COLUMNS, Column, Published, Ref, Relation

_SAME_WORD = {
    "discontinued": "withdraw", "discontinuation": "withdraw", "withdrawn": "withdraw",
    "withdrawal": "withdraw", "withdrew": "withdraw", "ifn": "interferon", "deaths": "death",
    "randomised": "randomized", "analyzed": "analysed", "swollen": "swollen", "joints": "joint",
}  # fmt: skip
_NO_CONTENT = frozenset({
    "a", "an", "and", "any", "at", "because", "by", "for", "from", "ge", "gt", "in", "le",
    "leading", "lt", "n", "no", "of", "on", "or", "pct", "percent", "text", "the", "to", "total",
    "week", "with",
})  # fmt: skip
_WITHDRAW, _EVENT = frozenset({"withdraw"}), frozenset({"adverse", "event"})
_TREATED = frozenset({"treated", "safety", "mitt", "analysed"})


def words(label: str) -> frozenset[str]:
    """The words of a label or key that say something, in one spelling and number."""
    plain = re.sub(r"(?<=[A-Za-z0-9])-(?=[A-Za-z0-9])", "", label.lower())
    found = re.findall(r"[a-z0-9.]+", plain.replace("_", " "))
    stripped = (re.sub(r"^(ge|gt|le|lt)(?=\d)", "", word.strip(".")) for word in found)
    singular = (_SAME_WORD.get(word, word) for word in stripped)
    return frozenset(
        word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word
        for word in singular
        if word and word not in _NO_CONTENT
    )


def inferred_relations(published: Published, text_tables: Iterable[str]) -> tuple[Relation, ...]:
    """How the numbers hang together, as far as their labels say it.

    Args:
        published: Tables and text.
        text_tables: Keys of the tables that hold numbers of the text.
    """
    text = set(text_tables)
    found: list[Relation] = []
    for table, row in published.rows:
        if table in text:
            found += _of_text(published, table, row, text)
        else:
            found += _of_table(published, table, row)
            found += _same_patients(published, table, row)
    return tuple(dict.fromkeys(found))


# -- numbers of the text --------------------------------------------------------------------


def _of_text(published: Published, table: str, row: str, text: set[str]) -> Iterable[Relation]:
    spoken = _spoken(row)
    own = Ref(table, row)
    of_patients = set(published.rows[table, row]) - {text_column(published)}
    if not of_patients or not _counted(published, table, row):
        return
    if spoken & {"randomized"}:
        yield Relation("at-most", Ref(COLUMNS), (own,), "treated are some of the randomized")
        return
    if spoken & _TREATED:
        yield Relation("same", own, (Ref(COLUMNS),), "patients in the headers of tables")
        return
    if "completed" in spoken:
        yield Relation("at-most", own, (Ref(COLUMNS),), "completers are some of the patients")
        return
    if spoken == _WITHDRAW:
        yield from _completers(published, table, own)
        return
    what, _, whom = row.rpartition("|")[0].rpartition("_by_")
    if what and whom:
        subgroup = words(whom) | spoken
        for ref in _rows_with(published, subgroup, text):
            part = Ref(table, row, part="denominator")
            yield Relation("same", part, (ref,), "the subgroup's size")
        for ref in _rows_with(published, words(what.rpartition("|")[2]), text):
            yield Relation("at-most", own, (ref,), "the subgroup's responders")
        return
    places = _rows_with(published, spoken, text)
    if row.endswith("_n"):
        for ref in places:
            if _with_denominators(published, ref):
                part = Ref(ref.table, ref.row, part="denominator")
                yield Relation("same", own, (part,), "the subgroup's size")
    elif len(places) == 1:
        yield Relation("same", own, (places[0],), "the same patients, in text and table")


def text_column(published: Published) -> str:
    """The column of numbers that are not of patients: no header, no members."""
    return next((k for k, c in published.columns.items() if c.n is None and not c.members), "")


def _spoken(row: str) -> frozenset[str]:
    """Words of the last parts of a text's path; its first part is only a chapter."""
    parts = row.split("|")
    return words(" ".join(parts[1:] if "_by_" not in row else parts[-1:]) or row)


def _completers(published: Published, table: str, own: Ref) -> Iterable[Relation]:
    for other_table, other in published.rows:
        if other_table == table and "completed" in words(other):
            right = (Ref(table, other), own)
            yield Relation("same", Ref(COLUMNS), right, "completers and the others")


def _rows_with(published: Published, wanted: frozenset[str], text: set[str]) -> list[Ref]:
    """Rows of tables whose labels hold all the words; one printed twice counts once."""
    found = {
        row.rpartition("|")[2]: Ref(table, row)
        for table, row in published.rows
        if table not in text and wanted and wanted <= words(row)
        and _counted(published, table, row)
    }  # fmt: skip
    return list(found.values())


def subgroup_rows(published: Published, row: str, text: set[str]) -> list[tuple[str, str]]:
    """Rows of means in a subgroup whose size the text prints."""
    spoken = _spoken(row)
    return [
        (table, other)
        for table, other in published.rows
        if table not in text and spoken <= words(other) and not _counted(published, table, other)
    ]


def _counted(published: Published, table: str, row: str) -> bool:
    return any(published.count(cell) is not None for cell in published.rows[table, row].values())


def _with_denominators(published: Published, ref: Ref) -> bool:
    counts = [published.count(cell) for cell in published.rows[ref.table, ref.row].values()]
    return any(count is not None and count.of is not None for count in counts)


# -- rows of tables -------------------------------------------------------------------------


def _of_table(published: Published, table: str, row: str) -> Iterable[Relation]:
    """Any event and its kinds, under one heading and over the whole table."""
    heading, _, label = row.rpartition("|")
    if not _counted(published, table, row):
        return
    own, rows = Ref(table, row), [r for t, r in published.rows if t == table]
    if label.lower().startswith("any ") and heading and words(heading) <= words(label):
        below = [r for r in rows if r != row and r.rpartition("|")[0] == heading]
        if len(below) > 1:
            yield Relation("union", own, tuple(Ref(table, r) for r in below), "any of the list")
    if heading and label in rows:
        yield Relation("same", own, (Ref(table, label),), "printed twice in the table")
    if not heading and words(label) == _EVENT and label.lower().startswith("any"):
        for other in rows:
            if other != row and words(other) >= _EVENT and _counted(published, table, other):
                yield Relation("at-most", Ref(table, other), (own,), "kinds of adverse events")


def _same_patients(published: Published, table: str, row: str) -> Iterable[Relation]:
    """A subgroup whose sizes are the counts of one row of another table, in all arms but one."""
    arms = published.arms
    sizes = {
        arm: count.of
        for arm in arms
        if (count := published.count(published.cell(table, row, arm))) is not None
        and count.of is not None and count.of != published.columns[arm].n
    }  # fmt: skip
    if len(sizes) < 3:
        return
    for other_table, other in published.rows:
        if other_table == table:
            continue
        same = sum(
            (count := published.count(published.cell(other_table, other, arm))) is not None
            and count.n == of
            for arm, of in sizes.items()
        )
        if same >= max(3, len(sizes) - 1):
            part = Ref(table, row, part="denominator")
            yield Relation("same", part, (Ref(other_table, other),), "the subgroup's size")


def members_of(key: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Arms that a column of a total sums up; none for an arm."""
    if not (key == "total" or key.endswith("_total")):
        return ()
    arms = [c for c in columns if not (c == "total" or c.endswith("_total"))]
    prefix = key.removesuffix("total").rstrip("_")
    return tuple(arm for arm in arms if arm.startswith(prefix))


def column_of(key: str, columns: Iterable[Column]) -> str:
    """The column that a key of the text names: itself, its total, or the end of the key."""
    names = [column.key for column in columns]
    for name in (key, f"{key}_total"):
        if name in names:
            return name
    ends = [
        name
        for name in names
        if key.endswith(("_" + name, "_" + name.removesuffix("_total")))
        or (not name.endswith("total") and key.endswith("_" + name.rpartition("_")[2]))
    ]
    return ends[0] if len(ends) == 1 else ""
