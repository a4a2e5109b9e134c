"""Response against exposure: logistic regression, and response rates by parts of the exposure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from openlupus.analysis.notes.endpoint import (
    MISSING,
    composite_in_words,
    events_in_words,
    when_in_words,
)
from openlupus.analysis.notes.words import in_words, listed
from openlupus.analysis.select import SUBJECT, Scope
from openlupus.analysis.summary import as_numbers
from openlupus.analysis.verdicts import WITH_VERDICT, Verdicts, read_verdicts
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, StatisticsError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import ExposureResponse
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats, normal_quantile
from openlupus.statistics.logistic import logistic_regression
from openlupus.statistics.proportion import wilson_limits

_EXPOSURE = "_exposure"


def exposure_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame
) -> list[ResultRow]:
    """Odds ratio of the exposure (parameter: its column), rates by parts, the fitted curve.

    Parameters: the column (`ratio`, `lower`, `upper`, `p`), `part|i` (`mean` exposure, `n`, `N`,
    `proportion`, `lower`, `upper`) and `curve|exposure` (`lsmean`, `lower`, `upper`).

    Where the data set of the exposure is not there, the rows say so.

    Raises:
        AnalysisError: the data set lacks a column.
    """
    analysis = protocol.analyses[name]
    method = analysis.method
    assert isinstance(method, ExposureResponse)
    verdicts = read_verdicts(name, protocol, data, subjects, columns=method.covariates)
    if method.dataset not in data.frames:
        why = f"there is no data set {method.dataset}, so no exposure is known"
        return _ratio(verdicts, method, None, 0, (why,))
    exposed = _exposures(verdicts.scope, data, method)
    frame = verdicts.known.join(exposed, on=SUBJECT, how="left", maintain_order="left")
    x, z = (
        frame[_EXPOSURE].fill_null(float("nan")).to_numpy(),
        _covariates(verdicts.scope, method, frame),
    )
    usable = ~np.isnan(x) & ~np.isnan(z).any(axis=1) & ((x > 0) | (not method.log))
    left = int((~usable).sum())
    said = (f"{left} subject(s) without exposure, or a covariate, are left out",) if left else ()
    x, y, z = x[usable], frame["AVAL"].to_numpy()[usable], z[usable]
    scaled = np.log(x) if method.log else x
    try:
        design = np.column_stack([np.ones(x.size), scaled, z])
        fit = logistic_regression(y, design, level=method.level)
    except StatisticsError as error:
        return _ratio(verdicts, method, None, x.size, (*said, str(error)))
    rows = _ratio(verdicts, method, fit, x.size, said)
    return rows + _parts(verdicts, method, x, y, said) + _curve(verdicts, method, fit, x, z, said)


def _exposures(seen: Scope, data: AnalysisData, method: ExposureResponse) -> pl.DataFrame:
    """Mean exposure of each subject over the records that count."""
    frame = data.frame(method.dataset)
    if absent := [c for c in (method.exposure, *method.where) if c not in frame.columns]:
        raise AnalysisError(
            f"analysis {seen.name}: {method.dataset} lacks the column {', '.join(absent)}"
        )
    records = frame.filter(expression(method.where, frame.schema))
    values = as_numbers(seen, records[method.exposure])
    held = records.select(SUBJECT, pl.Series(_EXPOSURE, values).fill_nan(None))
    mean = held.group_by(SUBJECT, maintain_order=True).agg(pl.col(_EXPOSURE).mean())
    return mean.with_columns(pl.col(_EXPOSURE).fill_null(float("nan")))


def _covariates(seen: Scope, method: ExposureResponse, frame: pl.DataFrame) -> Floats:
    columns = [as_numbers(seen, frame[name]) for name in method.covariates]
    return np.column_stack([np.empty((frame.height, 0)), *columns])


def _rows(
    verdicts: Verdicts, parameter: str, values: Mapping[str, float | None], n: int, said: Any
) -> list[ResultRow]:
    seen = verdicts.scope
    return seen.rows(
        values, method="exposure_response", parameter=parameter, n=n,
        source=seen.source((), WITH_VERDICT), warnings=said,
    )  # fmt: skip


def _ratio(
    verdicts: Verdicts, method: ExposureResponse, fit: Any, n: int, said: tuple[str, ...]
) -> list[ResultRow]:
    values: dict[str, float | None] = dict.fromkeys(("ratio", "lower", "upper", "p"))
    if fit is not None:
        found = fit.ratio("column 2")
        numbers = (found.value, found.lower, found.upper, fit.p("column 2"))
        values = {k: float(v) for k, v in zip(values, numbers, strict=True)}
        said = (*said, *fit.warnings)
    return _rows(verdicts, method.exposure, values, n, said)


def _parts(
    verdicts: Verdicts, method: ExposureResponse, x: Floats, y: Floats, said: tuple[str, ...]
) -> list[ResultRow]:
    order = np.argsort(x, kind="stable")
    rows: list[ResultRow] = []
    for i, part in enumerate(np.array_split(order, method.parts), 1):
        if not part.size:
            continue
        n, responders = part.size, float(y[part].sum())
        rate, size = np.array([responders / n]), np.array([float(n)])
        low, high = wilson_limits(rate, size, normal_quantile(method.level))
        values = {
            "mean": float(x[part].mean()), "n": responders, "N": float(n),
            "proportion": responders / n, "lower": float(low[0]), "upper": float(high[0]),
        }  # fmt: skip
        rows += _rows(verdicts, f"part|{i}", values, n, said)
    return rows


def _curve(
    verdicts: Verdicts,
    method: ExposureResponse,
    fit: Any,
    x: Floats,
    z: Floats,
    said: tuple[str, ...],
) -> list[ResultRow]:
    """Chance over the range of the exposure, covariates at their mean."""
    grid = np.linspace(float(x.min()), float(x.max()), method.points)
    scaled = np.log(grid) if method.log else grid
    others = np.repeat(z.mean(axis=0)[None], grid.size, axis=0)
    design = np.column_stack([np.ones(grid.size), scaled, others])
    value = design @ fit.coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", design, fit.covariance(), design))
    half = normal_quantile(method.level) * error
    rows: list[ResultRow] = []
    for at, v, h in zip(grid, value, half, strict=True):
        numbers = {"lsmean": expit(v), "lower": expit(v - h), "upper": expit(v + h)}
        shown = {k: float(n) for k, n in numbers.items()}
        rows += _rows(verdicts, f"curve|{at:.6g}", shown, x.size, said)
    return rows


def exposure_told(protocol: Protocol, analysis: Analysis, method: ExposureResponse) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    scale = f"the natural logarithm of {method.exposure}" if method.log else method.exposure
    others = f" and {listed(method.covariates)}" if method.covariates else ""
    zero = " or of 0" if method.log else ""
    condition = f" where {in_words(method.where)}" if method.where else ""
    return [
        (
            f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, ADRESP at"
            f" {protocol.visit(analysis.visit).label})."
        ),
        *composite_in_words(protocol, endpoint),
        *when_in_words(protocol, analysis),
        *events_in_words(protocol, endpoint),
        f"Verdicts: {MISSING[endpoint.missing]}.",
        (
            f"Exposure: a subject's mean {method.exposure} of {method.dataset}{condition};"
            f" subjects without exposure{zero} are left out."
        ),
        (
            f"Logistic regression of the response on {scale}{others}; odds ratio for one unit"
            f" more, {100 * method.level:.6g}% Wald limits and P. Curve: chance over the range of"
            " exposure, covariates at their mean, limits on the scale of log odds."
        ),
        (
            f"Rates in {method.parts} parts of the exposed of equal number, by exposure, with"
            " Wilson limits."
        ),
    ]
