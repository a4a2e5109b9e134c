"""Whether the chains of an imputation have settled: numbers and a picture of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openlupus.display.figures.diagnostics import TracePicture, chains_figure, write_figure
from openlupus.modelling.frames import Table, table
from openlupus.modelling.tidy import generator_of, numbers, printed
from openlupus.statistics.imputation.augmentation import trace
from openlupus.statistics.imputation.diagnostics import (
    autocorrelation,
    scale_reduction,
    worst_linear_function,
)
from openlupus.statistics.imputation.normal import Prior, em
from openlupus.statistics.interval import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Settling:
    """Parameters along the chains of data augmentation; `print` it for a summary.

    Attributes:
        series: By parameter, the worst linear function first, shape (chains, steps).
        centres: The EM estimate of each.
        fraction: Largest fraction of missing information, from EM's last steps.
        lags: Up to which the autocorrelation is taken.
        source: The library of the frame.
    """

    series: Mapping[str, Floats]
    centres: Mapping[str, float]
    fraction: float
    lags: int
    source: Table

    def summary(self) -> Any:
        """One row a parameter: scale reduction, autocorrelation at lag 1 and at the largest lag."""
        return self.source.frame(self._columns())

    def figure(self, out: str | Path | None = None, *, force: bool = False) -> Any:
        """Chains and autocorrelations as a picture; written where `out` (PNG, SVG, PDF) says."""
        traces = [
            TracePicture(
                label=name,
                chains=values.tolist(),
                correlation=autocorrelation(values, lags=self.lags).tolist(),
                centre=self.centres[name],
                note=f"scale reduction {scale_reduction(values):.3f}",
            )
            for name, values in self.series.items()
        ]
        made = chains_figure(traces, title="Data augmentation, from the EM estimate (line)")
        if out is not None:
            write_figure(made, Path(out), force=force)
        return made

    def __str__(self) -> str:
        chains, steps = next(iter(self.series.values())).shape
        facts = {
            "chains": f"{chains} of {steps} steps",
            "largest fraction of missing information": f"{self.fraction:.3f}",
        }
        return printed("Chains of data augmentation", facts, self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        found = {
            name: np.nanmean(autocorrelation(values, lags=self.lags), axis=0)
            for name, values in self.series.items()
        }
        return {
            "parameter": list(found),
            "scale_reduction": [scale_reduction(values) for values in self.series.values()],
            "lag_1": [float(each[1]) for each in found.values()],
            f"lag_{self.lags}": [float(each[-1]) for each in found.values()],
        }


def settling(
    data: Any,
    columns: Sequence[str],
    *,
    steps: int = 500,
    chains: int = 4,
    lags: int = 50,
    seed: int | np.random.Generator = 1,
    prior: Prior | None = None,
) -> Settling:
    """Run chains of data augmentation and look at the worst linear function and at the means.

    Args:
        data: A frame of pandas, polars or pyarrow, one row a subject.
        columns: Numeric columns that take part.
        steps: Of each chain, all from the EM estimate.
        chains: Side by side.
        lags: The largest lag of the autocorrelation.
        seed: A seed, or a generator.
        prior: Of the covariance.
    """
    source = table(data, columns)
    matrix = np.column_stack([numbers(source, name) for name in columns])
    declared = prior or Prior("jeffreys")
    fit = em(matrix, prior=declared if declared.name == "ridge" else None, names=columns)
    found = trace(
        matrix, steps=steps, chains=chains, generator=generator_of(seed), prior=declared,
        start=fit, names=columns,
    )  # fmt: skip
    series = {"worst linear function": worst_linear_function(found, fit)}
    centres = {"worst linear function": 0.0}
    for j in np.flatnonzero(fit.data.missing.any(axis=0)).tolist():
        series[f"mean of {columns[j]}"] = found.mean[:, :, j]
        centres[f"mean of {columns[j]}"] = float(fit.mean[j])
    return Settling(series, centres, fit.rate, lags, source)
