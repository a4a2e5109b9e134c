"""Printed tables as the text of a file, `published.toml`. The format: docs/guide/audit.md."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from openlupus.audit.model import Published, Ref


def published_text(published: Published) -> str:
    """The file of printed tables, ready to be read again."""
    return "\n".join(_parts(published)) + "\n"


def _parts(p: Published) -> Iterator[str]:
    yield f"source = {_quoted(p.source)}"
    yield f"level = {p.level:g}"
    if p.control:
        yield f"control = {_quoted(p.control)}"
    if p.strata is not None:
        yield f"strata = {p.strata}"
    yield "\n[columns]"
    for key, column in p.columns.items():
        given: dict[str, object] = {"label": column.label}
        given |= {"n": column.n} if column.n is not None else {}
        given |= {"sum": list(column.members)} if column.members else {}
        yield f"{bare(key)} = {_inline(given)}"
    for key, title in p.titles.items():
        yield f"\n[tables.{bare(key)}]\ntitle = {_quoted(title)}"
    table = ""
    for (name, row), cells in p.rows.items():
        if name != table:
            yield f"\n[cells.{bare(name)}]"
            table = name
        yield f"{_quoted(row)} = {_inline({key: cell.text for key, cell in cells.items()})}"
    yield from _facts_text(p)
    for relation in p.relations:
        yield f'\n[[relation]]\nkind = "{relation.kind}"\nleft = {_ref_text(relation.left)}'
        yield f"right = [{', '.join(_ref_text(ref) for ref in relation.right)}]"
        if relation.why:
            yield f"why = {_quoted(relation.why)}"
    for remark in p.remarks:
        yield "\n[[remark]]"
        given: dict[str, object] = {"table": remark.table, "row": remark.row}
        given |= {"columns": list(remark.columns)} if remark.columns else {}
        given |= {"verdict": remark.verdict} if remark.verdict else {}
        for name, value in {**given, "why": remark.why}.items():
            yield f"{name} = {_toml(value)}"
    if p.power is not None:
        s = p.power
        yield f"\n[power]\npower = {s.power}\nabout = {str(s.about).lower()}"
        yield f"difference = {s.difference:g}\nalpha = {s.alpha:g}\nsides = {s.sides}"
        yield f"n = {_inline(dict(s.n))}\nn_control = {s.n_control}"
        if s.family:
            yield f"family = [{', '.join(map(_quoted, s.family))}]"
        if s.procedure:
            yield f"procedure = {_quoted(s.procedure)}"


def _facts_text(p: Published) -> Iterator[str]:
    table = ""
    for (name, row), facts in p.facts.items():
        given: dict[str, object] = {}
        given |= {"plus_minus": facts.plus_minus} if facts.plus_minus else {}
        given |= {"n": dict(facts.n)} if facts.n else {}
        given |= {"granularity": facts.granularity} if facts.granularity is not None else {}
        given |= {"scale": list(facts.scale)} if facts.scale else {}
        given |= {"pooled": True} if facts.pooled else {}
        given |= {"shows": facts.shows} if facts.shows else {}
        given |= {"result": dict(facts.result)} if facts.result else {}
        if not given:
            continue
        if name != table:
            yield f"\n[rows.{bare(name)}]"
            table = name
        yield f"{_quoted(row)} = {_inline(given)}"


def _ref_text(ref: Ref) -> str:
    given = {"table": ref.table, "row": ref.row, "column": ref.column}
    given |= {"part": ref.part} if ref.part != "count" else {}
    return _inline({key: value for key, value in given.items() if value})


def _inline(given: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{bare(key)} = {_toml(value)}" for key, value in given.items()) + " }"


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return _inline(cast(Mapping[str, object], value))
        case list():
            return "[" + ", ".join(_toml(each) for each in cast(list[object], value)) + "]"
        case str():
            return _quoted(value)
        case _:
            return f"{value}"


def bare(key: str) -> str:
    """A key as TOML wants it: quoted only where it must be."""
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else _quoted(key)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
