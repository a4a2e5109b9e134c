"""Logistic regression, with separation found and named.

Mathematics, with the named equations: docs/methods/generalised-linear.md.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from openlupus.errors import ConvergenceError, SeparationError, StatisticsError
from openlupus.statistics.firth import firth_fit
from openlupus.statistics.generalised_linear import Data, Family, GlmFit, fit_glm, read_data
from openlupus.statistics.interval import Floats

# A linear predictor beyond this is a chance of 1e-6: rare enough to ask whether it runs away.
_SUSPICIOUS = 14.0

Separation = Literal["refuse", "firth"]


def logistic_regression(
    y: ArrayLike,
    design: ArrayLike,
    *,
    names: Sequence[str] = (),
    separation: Separation = "refuse",
    level: float = 0.95,
) -> GlmFit:
    """Maximum likelihood of a logistic regression.

    Args:
        y: 0 or 1 for each subject, shape (subjects,); NaN is left out, with a warning.
        design: Columns of the model, the intercept among them, shape (subjects, coefficients).
        names: One name a column; `column 1`, ... where empty.
        separation: What to do where columns tell the outcomes apart without fault: `refuse`, or
            fall back on Firth's penalised likelihood, with a warning that names the columns.
        level: Two-sided coverage of the intervals, in (0, 1).

    Raises:
        SeparationError: some coefficient has no finite estimate; its columns are named.
        RankDeficiencyError: columns depend on each other, by name.
    """
    if separation not in get_args(Separation):
        raise StatisticsError(f"separation={separation!r} is not one of {get_args(Separation)}")
    data = _read_outcomes(y, design, names)
    try:
        return _maximum_likelihood(data, level)
    except SeparationError as error:
        if separation == "refuse":
            raise
        fit = firth_fit(data, level=level)
        return replace(fit, warnings=(*fit.warnings, f"Firth's penalised likelihood: {error}"))


def firth_regression(
    y: ArrayLike, design: ArrayLike, *, names: Sequence[str] = (), level: float = 0.95
) -> GlmFit:
    """Firth's penalised likelihood of a logistic regression (eq. firth), separated or not.

    Args:
        y: As in `logistic_regression`.
        design: As in `logistic_regression`.
        names: As in `logistic_regression`.
        level: As in `logistic_regression`.

    Raises:
        RankDeficiencyError: columns depend on each other, by name.
    """
    return firth_fit(_read_outcomes(y, design, names), level=level)


def _read_outcomes(y: ArrayLike, design: ArrayLike, names: Sequence[str]) -> Data:
    data = read_data(y, design, names)
    if np.any((data.y != 0) & (data.y != 1)):
        raise StatisticsError("the outcome of a logistic regression is 0 or 1")
    return data


def _maximum_likelihood(data: Data, level: float) -> GlmFit:
    try:
        fit = fit_glm(data, BINOMIAL, level=level)
    except ConvergenceError:
        refuse_separation(data)
        raise
    if np.abs(fit.design @ fit.coefficients).max() > _SUSPICIOUS:
        refuse_separation(data)
    return fit


def refuse_separation(data: Data) -> None:
    """Refuse data in which a combination of columns is never on the wrong side (eq. separation).

    Source:
        Albert & Anderson, Biometrika 1984;71:1; as a linear programme, Konis (2007).
    """
    # Half a second to import, and needed in this case alone.
    from scipy.optimize import linprog  # pyright: ignore[reportUnknownVariableType]

    scale = np.abs(data.x).max(axis=0)
    towards = (data.x / scale) * (2 * data.y - 1)[:, None]
    found: Any = linprog(
        -towards.sum(axis=0), A_ub=-towards, b_ub=np.zeros(len(towards)), bounds=(-1, 1)
    )
    if found.status != 0 or -found.fun < 1e-6:
        return
    direction: Floats = np.asarray(found.x, dtype=np.float64)
    sides = towards @ direction
    columns = [n for n, part in zip(data.names, direction, strict=True) if abs(part) > 1e-7]
    # Another direction may have everybody on the right side: the largest margin tells.
    margin: Any = linprog(
        np.append(np.zeros(len(scale)), -1.0),
        A_ub=np.column_stack([-towards, np.ones(len(towards))]),
        b_ub=np.zeros(len(towards)),
        bounds=(-1, 1),
    )
    kind = "complete" if -margin.fun > 1e-9 else "quasi-complete"
    raise SeparationError(
        f"{kind} separation: a combination of {', '.join(columns)} tells outcomes 1 from 0 for"
        f" {int((sides > 1e-9).sum())} of {sides.size} subjects and is wrong for none, so these"
        " coefficients have no finite estimate; merge levels or take a column out"
    )


def _weight(eta: Floats) -> Floats:
    return expit(eta) * expit(-eta)


def _slope(y: Floats, eta: Floats) -> Floats:
    return y * expit(-eta) - (1 - y) * expit(eta)


def _log_likelihood(y: Floats, eta: Floats) -> Floats:
    return y * eta - np.logaddexp(0, eta)


def _start(y: Floats) -> Floats:
    return np.log(3.0) * (2 * y - 1)


BINOMIAL = Family(expit, _weight, _slope, _log_likelihood, _start)
