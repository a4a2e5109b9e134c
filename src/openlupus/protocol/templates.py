"""The templates of cells, `{n}/{N} ({proportion:pct})`: which statistics, printed how."""

import re

from openlupus.results import STATISTICS

COUNTS = frozenset({"N", "n", "events", "at_risk", "censored", "df", "rejected"})
"""Statistics that are whole numbers, and need no format."""

FORMATS = ("int", "0", "1", "2", "3", "4", "pct", "pct1", "pp1", "p")
"""Formats that every display knows; a table may declare more."""

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([A-Za-z0-9_]+))?\}")


class TemplateError(ValueError):
    """A template that cannot be read."""


def fields(template: str) -> list[tuple[str, str]]:
    """Statistic and format of each field; the format of a count is `int` when none is given."""
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        raise TemplateError("a brace is not closed or a field is not {statistic:format}")
    found: list[tuple[str, str]] = _FIELD.findall(template)
    for name, form in found:
        if not form and name in STATISTICS and name not in COUNTS:
            raise TemplateError(f"{name!r} needs a format, as in {{{name}:1}}")
    return [(name, form or "int") for name, form in found]


def substitute(template: str, texts: dict[tuple[str, str], str]) -> str:
    """The template with the text of each field put in its place."""
    return _FIELD.sub(lambda match: texts[match[1], match[2] or "int"], template)
