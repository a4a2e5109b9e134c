"""Tests that the effect on responders is the same in all levels of a subgroup."""

from typing import Any

import numpy as np
import polars as pl
from scipy.special import gammaincc, xlogy

from openlupus.analysis.select import ARM
from openlupus.analysis.verdicts import WITH_VERDICT, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import StatisticsError
from openlupus.protocol.methods import Responder
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.homogeneity import breslow_day, woolf
from openlupus.statistics.interval import Floats
from openlupus.statistics.logistic import logistic_regression

_LEVEL = "_level"
Found = tuple[dict[str, float | None], tuple[str, ...]]
NAMES = {
    "logistic": "logistic_interaction", "breslow_day": "breslow_day", "tarone": "tarone",
    "woolf": "woolf",
}  # fmt: skip
TOLD = {
    "logistic": "likelihood-ratio test of the arm by subgroup terms in a logistic regression of the"
    " two arms with arm and subgroup as main effects, without the strata",
    "breslow_day": "Breslow and Day's test that the odds ratio is the same in all levels",
    "tarone": "Breslow and Day's test with Tarone's correction that the odds ratio is the same in"
    " all levels",
    "woolf": "Woolf's test that the odds ratio is the same in all levels",
}


def interaction_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame, column: str
) -> list[ResultRow]:
    """The test of each comparison; none where the declaration asks for none."""
    method = protocol.analyses[name].method
    assert isinstance(method, Responder)
    if method.interaction == "none":
        return []
    read = read_verdicts(name, protocol, data, subjects, columns=[column])
    levels = read.known.with_columns(pl.col(column).cast(pl.String).replace("", None).alias(_LEVEL))
    known = levels.drop_nulls(_LEVEL)
    rows: list[ResultRow] = []
    for pair in read.scope.analysis.compare.all:
        both = [read.scope.of(known, group) for group in pair]
        frame = pl.concat(both).with_columns(
            pl.Series(ARM, np.repeat([1, 0], [each.height for each in both]))
        )
        values, said = _tested(method, frame)
        shared: dict[str, Any] = {
            "method": NAMES[method.interaction], "parameter": read.endpoint.parameter,
            "group": pair[0], "comparator": pair[1], "n": frame.height,
            "source": read.scope.source(pair, WITH_VERDICT), "warnings": said,
        }  # fmt: skip
        rows += read.scope.rows(values, **shared)
    return rows


def _tested(method: Responder, frame: pl.DataFrame) -> Found:
    none: dict[str, float | None] = dict.fromkeys(("statistic", "df", "p"))
    try:
        match method.interaction:
            case "logistic":
                return _likelihood_ratio(frame)
            case "woolf":
                found = woolf(*_counts(frame))
            case _:
                found = breslow_day(*_counts(frame), tarone=method.interaction == "tarone")
    except StatisticsError as error:
        return none, (str(error),)
    values = {"statistic": float(found.statistic), "df": float(found.df), "p": float(found.p)}
    return {k: None if np.isnan(v) else v for k, v in values.items()}, found.warnings


def _counts(frame: pl.DataFrame) -> tuple[Floats, Floats]:
    """Responders and subjects, shape (2, levels), test in row 0."""
    _, code = np.unique(frame[_LEVEL].to_numpy(), return_inverse=True)
    row, y = 1 - frame[ARM].to_numpy(), frame["AVAL"].to_numpy()
    responders, n = np.zeros((2, code.max(initial=0) + 1)), np.zeros((2, code.max(initial=0) + 1))
    np.add.at(responders, (row, code), y)
    np.add.at(n, (row, code), 1.0)
    return responders, n


def _likelihood_ratio(frame: pl.DataFrame) -> Found:
    """Twice the gain in log likelihood of a rate for each arm and level over main effects.

    Levels without responders, or without non-responders, or with subjects of one arm alone fit
    either model as well and are left out.
    """
    responders, n = _counts(frame)
    total, events = n.sum(axis=0), responders.sum(axis=0)
    kept = (n > 0).all(axis=0) & (events > 0) & (events < total)
    left = int((~kept).sum())
    said = (f"{left} level(s) tell nothing of an interaction and are left out",) if left else ()
    if kept.sum() < 2:
        raise StatisticsError("fewer than two levels tell of an interaction")
    x, m = responders[:, kept].ravel(), n[:, kept].ravel()
    levels = int(kept.sum())
    row, level = np.divmod(np.arange(2 * levels), levels)
    design = np.column_stack([1 - row, level[:, None] == np.arange(levels)]).astype(np.float64)
    counts = np.column_stack([x, m - x]).astype(np.int64)
    y = np.repeat(np.tile([1.0, 0.0], 2 * levels), counts.ravel())
    main = logistic_regression(y, np.repeat(np.repeat(design, 2, axis=0), counts.ravel(), axis=0))
    every = float((xlogy(x, x / m) + xlogy(m - x, 1 - x / m)).sum())
    statistic, df = max(2 * (every - main.log_likelihood), 0.0), float(levels - 1)
    p = float(gammaincc(df / 2, statistic / 2))
    return {"statistic": statistic, "df": df, "p": p}, said
