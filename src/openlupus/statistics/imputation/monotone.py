"""Monotone imputation: each column drawn once, from a regression on the columns before it.

Mathematics, with the named equations: docs/methods/imputation.md.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.augmentation import Chains, augment
from openlupus.statistics.imputation.conditional import impute_chained
from openlupus.statistics.imputation.imputations import Imputations, check_number
from openlupus.statistics.imputation.incomplete import breaks_monotone, is_monotone
from openlupus.statistics.imputation.mixed import Column, Table, read_table, unseen
from openlupus.statistics.imputation.regressions import SeparationPrior
from openlupus.statistics.interval import Floats


def impute_monotone(
    data: ArrayLike,
    columns: Sequence[Column | str],
    *,
    m: int,
    generator: np.random.Generator,
    by: ArrayLike | None = None,
    prior: SeparationPrior = "augmented",
    otherwise: Literal["refuse", "augment", "chained"] = "refuse",
    completion: Chains | None = None,
) -> Imputations:
    """Impute a monotone pattern column by column (eq. mi-monotone).

    Args:
        data: Shape (rows, columns), in the order of the pattern: complete columns first, then
            visits; a value is missing wherever the one before it is.
        columns: Kind and model of each column; a name alone is a numeric one.
        m: Number of imputations, at least 2.
        generator: Source of the random numbers.
        by: Group of each row: every group is imputed from its own rows alone.
        prior: What keeps the coefficients of categories finite.
        otherwise: What is done with a pattern that is not monotone: it is refused; or the values
            that break it are drawn first, by data augmentation (numeric columns alone) or by
            chained equations, and the result says so.
        completion: How the chains of that augmentation run.

    Raises:
        ImputationError: a pattern that is not monotone, or a column that cannot be imputed.

    Source:
        Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, section 5.4.
    """
    check_number(m)
    values = np.array(data, dtype=np.float64)
    read_table(values, columns)
    missing = np.isnan(values)
    if is_monotone(missing):
        return _impute(values[None], columns, m, generator, by, prior, values, ())
    breaking = breaks_monotone(missing)
    if otherwise == "refuse":
        raise ImputationError(
            f"the pattern is not monotone: {int(breaking.any(axis=1).sum())} rows have a value "
            f"after a missing one, first in row {int(np.argmax(breaking.any(axis=1))) + 1}; use "
            "otherwise='augment' or 'chained', or another method"
        )
    first = _completion(values, columns, m, generator, by, prior, otherwise, completion)
    stacked = np.repeat(values[None], m, axis=0)
    stacked[:, breaking] = first.stacked()[:, breaking]
    note = (
        f"the pattern was not monotone: {int(breaking.sum())} values were drawn first by "
        f"{first.method}"
    )
    return _impute(stacked, columns, m, generator, by, prior, values, (note,))


def _completion(
    values: Floats,
    columns: Sequence[Column | str],
    m: int,
    generator: np.random.Generator,
    by: ArrayLike | None,
    prior: SeparationPrior,
    otherwise: str,
    completion: Chains | None,
) -> Imputations:
    if otherwise == "chained":
        return impute_chained(values, columns, m=m, generator=generator, by=by, prior=prior)
    if by is not None or any(isinstance(c, Column) and c.kind != "numeric" for c in columns):
        raise ImputationError(
            "otherwise='augment' is for numeric columns without groups; use otherwise='chained'"
        )
    return augment(values, m=m, generator=generator, chains=completion, only_monotone=True)


def _impute(
    start: Floats,
    columns: Sequence[Column | str],
    m: int,
    generator: np.random.Generator,
    by: ArrayLike | None,
    prior: SeparationPrior,
    data: Floats,
    warnings: tuple[str, ...],
) -> Imputations:
    """Complete one matrix for all imputations, or one for each, group by group."""
    group = np.zeros(len(data)) if by is None else np.asarray(by)
    if group.shape != data.shape[:1]:
        raise ImputationError(f"by has shape {group.shape} and there are {len(data)} rows")
    whole = np.repeat(data[None], m, axis=0)
    names, notes = tuple[Column, ...](), warnings
    for name in np.unique(group):
        rows = group == name
        for block in [slice(0, m)] if len(start) == 1 else [slice(i, i + 1) for i in range(m)]:
            table = read_table(start[block.start % len(start)][rows], columns)
            names = table.columns
            notes += unseen(table, np.tri(len(names), k=-1, dtype=np.bool_))
            whole[block, rows] = _sequence(table, block.stop - block.start, generator, prior)
    missing = np.isnan(data)
    text = "monotone regression, each column on those before it: " + ", ".join(
        f"{c.name} {c.used}" for c in names
    )
    labels = tuple(c.name for c in names)
    told = tuple(dict.fromkeys(notes))
    return Imputations(data, missing, whole[:, missing], labels, text, told)


def _sequence(
    table: Table, chains: int, generator: np.random.Generator, prior: SeparationPrior
) -> Floats:
    """Completed values of one table, shape (chains, rows, columns)."""
    n, k = table.codes.shape
    design = np.ones((chains, n, int(table.places[-1][-1]) + 1))
    whole = np.empty((chains, n, k))
    for j in range(k):
        gone = table.missing[:, j]
        codes = np.repeat(table.codes[None, :, j], chains, axis=0)
        if gone.any():
            x = design[:, :, : int(table.places[j][0])]
            codes[:, gone] = table.draw(j, x[:, ~gone], x[:, gone], generator, prior)
        design[:, :, table.places[j]] = table.features(j, codes)
        whole[:, :, j] = table.values(j, codes)
    return whole
