"""One point a subject, as in a plot of liver tests: the highest values on two axes."""

from typing import Any

import polars as pl

from openlupus.analysis.notes.words import listed, records_in_words
from openlupus.analysis.pointers import conjunction
from openlupus.analysis.select import SUBJECT, Scope, scope
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.methods import Scatter
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow

QUADRANTS = ("both", "x_only", "y_only", "neither")
"""Parameters of the counts: above both limits, above one of them, above neither."""


def scatter_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """`x` and `y` of each subject (parameter: USUBJID), and subjects by quadrant.

    Subjects without a value on either axis have no point; they are counted in a warning, and
    so are those with a point for which not every test of an axis has a value.

    Raises:
        AnalysisError: a column is absent.
    """
    method = protocol.analyses[name].method
    assert isinstance(method, Scatter)
    seen = scope(name, protocol, data, subjects, columns=method.asked)
    points = _points(seen, method)
    rows: list[ResultRow] = []
    for group in seen.groups:
        own = seen.of(points, group)
        if group in protocol.arms or group == "":
            for subject, x, y in own.select(SUBJECT, "x", "y").iter_rows():
                rows += _point(seen, method, group, subject, x, y)
        rows += _quadrants(seen, method, group, own)
    return rows


def _points(seen: Scope, method: Scatter) -> pl.DataFrame:
    value, code = pl.col(method.variable), pl.col("PARAMCD")
    axes = seen.records.group_by(SUBJECT, "_arm").agg(
        value.filter(code.is_in(list(method.x))).max().alias("x"),
        value.filter(code.is_in(list(method.y))).max().alias("y"),
        *[value.filter(code == each).count().alias(f"_{each}") for each in _codes(method)],
    )
    return axes.drop_nulls(["x", "y"]).sort(SUBJECT)


def _codes(method: Scatter) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*method.x, *method.y]))


def _incomplete(method: Scatter, own: pl.DataFrame) -> tuple[str, ...]:
    """Of an axis of several tests, how many points lack one: their highest may be too low."""
    lacking = {
        code: own.filter(pl.col(f"_{code}") == 0).height
        for axis in (method.x, method.y)
        for code in axis
        if len(axis) > 1
    }
    return tuple(f"{n} of the points are without {code}" for code, n in lacking.items() if n)


def _point(
    seen: Scope, method: Scatter, group: str, subject: str, x: float, y: float
) -> list[ResultRow]:
    of: Where = {
        SUBJECT: Test(equals=subject), "PARAMCD": Test(one_of=(*method.x, *method.y)),
    }  # fmt: skip
    return seen.rows(
        {"x": x, "y": y}, method="scatter", parameter=subject, group=group, n=1,
        source=seen.source([group], of),
    )  # fmt: skip


def _quadrants(seen: Scope, method: Scatter, group: str, own: pl.DataFrame) -> list[ResultRow]:
    size = seen.size(group)
    lacking = size - own.height
    said = (f"{lacking} subject(s) have no value on one of the axes",) if lacking else ()
    said += _incomplete(method, own)
    right, top = pl.col("x") > method.x_limit, pl.col("y") > method.y_limit
    conditions = (right & top, right & ~top, ~right & top, ~right & ~top)
    among, whom = _whom(seen, method, group)
    rows: list[ResultRow] = []
    for quadrant, condition, source in zip(QUADRANTS, conditions, whom, strict=True):
        n = own.filter(condition).height
        shared: dict[str, Any] = {
            "method": "scatter", "parameter": quadrant, "group": group, "n": own.height,
            "warnings": said if own.height else (*said, "nobody of the group has a point"),
        }  # fmt: skip
        values = {"n": float(n), "proportion": n / own.height if own.height else None}
        rows.append(seen.row("N", float(own.height), source=among, **shared))
        rows += seen.rows(values, source=source, **shared)
    return rows


def _whom(seen: Scope, method: Scatter, group: str) -> tuple[str, list[str]]:
    """Pointers to the subjects with a point, and to those of each quadrant."""
    axes = (method.x, method.x_limit), (method.y, method.y_limit)
    (x, right), (y, top) = (
        [_of_axis(seen, method, axis, test) for test in (Test(is_missing=False), Test(above=limit))]
        for axis, limit in axes
    )
    quadrants = ((right, top), (right, y), (x, top), (x, y))
    sources = [
        seen.source([group], having=met, lacking=[w for w in (right, top) if w not in met])
        for met in quadrants
    ]
    return seen.source([group], having=[x, y]), sources


def _of_axis(seen: Scope, method: Scatter, axis: tuple[str, ...], test: Test) -> Where:
    own: Where = {"PARAMCD": Test(one_of=axis), method.variable: test}
    return conjunction(seen.about_records, own)


def scatter_told(protocol: Protocol, analysis: Analysis, method: Scatter) -> list[str]:
    axes = f"{listed(method.x)} across, {listed(method.y)} up"
    said = (
        f"Of each subject the highest {method.variable} ({records_in_words(protocol, analysis)}):"
        f" {axes}; the two need not be of one day. Subjects are counted by quadrant: above"
        f" {method.x_limit:g} across, above {method.y_limit:g} up; proportions are of subjects"
        " with a value on both axes."
    )
    return [said]
