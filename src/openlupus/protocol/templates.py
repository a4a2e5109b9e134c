"""The templates of cells, `{n}/{N} ({proportion:pct})`: which statistics, printed how."""

import re

STATISTICS = (
    "N", "n", "events", "mean", "sd", "median", "q1", "q3", "minimum", "maximum", "proportion",
    "difference", "se", "lower", "upper", "p", "p_adjusted", "rejected", "lsmean",
    "statistic", "df",
)  # fmt: skip
"""Names of statistics in results."""

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
    return [(name, form or "int") for name, form in _FIELD.findall(template)]


def substitute(template: str, texts: dict[tuple[str, str], str]) -> str:
    """The template with the text of each field put in its place."""
    return _FIELD.sub(lambda match: texts[match[1], match[2] or "int"], template)
