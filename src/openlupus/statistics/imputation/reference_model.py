"""The mixed model beneath reference-based imputation: fitted, refitted, drawn from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from openlupus.errors import ConvergenceError, ImputationError
from openlupus.statistics.imputation.incomplete import Indices
from openlupus.statistics.imputation.reference import Parameters, Trial
from openlupus.statistics.interval import Floats
from openlupus.statistics.mmrm.fit import Fit
from openlupus.statistics.mmrm.fit import fit as fit_mmrm
from openlupus.statistics.mmrm.likelihood import Evaluation, evaluate
from openlupus.statistics.mmrm.optimise import maximise
from openlupus.statistics.mmrm.sufficient import Panel, panels


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """The fitted model, in units of its own, ready to be refitted with other weights of subjects.

    Attributes:
        trial: The trial.
        fit: The fit to all subjects, columns and outcomes in units of their own spread.
        column_scale: Units of the columns.
        scale: Unit of the outcomes.
        panels: The subjects one by one.
        position: Number in the fit of each subject of the trial; -1 without a modelled outcome.
    """

    trial: Trial
    fit: Fit
    column_scale: Floats
    scale: float
    panels: tuple[Panel, ...]
    position: Indices

    @property
    def parameters(self) -> Parameters:
        """Estimates from all subjects, one set."""
        return self._parameters([(self.fit.beta, self.fit.theta)])

    def refitted(self, weights: Iterable[Floats]) -> Parameters:
        """Estimates with other weights of the subjects, each started from the whole fit.

        Args:
            weights: Each of shape (subjects,): 0 leaves a subject out, 2 takes it twice.

        Raises:
            ConvergenceError: a refit has no maximum; the message gives its number.
        """
        found: list[tuple[Floats, Floats]] = []
        for number, weight in enumerate(weights):
            try:
                found.append(self._refit(weight))
            except (ConvergenceError, np.linalg.LinAlgError) as error:
                raise ConvergenceError(f"refit {number + 1}: {error}") from error
        return self._parameters(found)

    def _refit(self, weight: Floats) -> tuple[Floats, Floats]:
        used = np.zeros(self.fit.n_subjects)
        used[self.position[self.position >= 0]] = weight[self.position >= 0]
        weighted = tuple(_reweighted(panel, used) for panel in self.panels)

        def likelihood(theta: Floats) -> Evaluation:
            return evaluate(weighted, self.fit.structures, theta, reml=self.fit.reml)

        theta = maximise(likelihood, self.fit.theta, lambda theta: ("",) * theta.size)
        return likelihood(theta).beta, theta

    def _parameters(self, sets: list[tuple[Floats, Floats]]) -> Parameters:
        beta = np.array([own for own, _ in sets]) * self.scale / self.column_scale
        covariance = np.array(
            [
                [
                    structure.evaluate(part).value[0]
                    for structure, part in zip(
                        self.fit.structures,
                        np.split(theta, len(self.fit.structures)),
                        strict=True,
                    )
                ]
                for _, theta in sets
            ]
        )
        return Parameters(beta, covariance * self.scale**2)


def fit_base(trial: Trial, *, covariance: str = "us", reml: bool = True) -> Base:
    """Fit the imputation model to the outcomes before events (eq. ref-model).

    Args:
        trial: The trial.
        covariance: A structure of visits of `mmrm.STRUCTURES`; each covariance group of the trial
            has its own parameters.
        reml: Restricted maximum likelihood, else maximum likelihood.

    Raises:
        RankDeficiencyError: columns of the design that depend on each other.
        ConvergenceError: the model cannot be fitted, and why.
    """
    if covariance.startswith("sp_"):
        raise ImputationError(f"{covariance!r} is spatial; imputation needs a structure of visits")
    y, design = trial.modelled, trial.design
    there = ~np.isnan(y)
    subject, visit = np.nonzero(there)
    rows = design[there]
    column_scale = np.sqrt(np.mean(rows**2, axis=0))
    column_scale = np.where(column_scale > 0, column_scale, 1.0)
    scale = float(np.nanstd(y)) or 1.0
    fit = fit_mmrm(
        y[there] / scale, rows / column_scale, visit, subject, covariance=covariance, reml=reml,
        group=trial.group[subject], names=trial.names,
    )  # fmt: skip
    position = np.full(len(y), -1)
    used = there.any(axis=1)
    position[used] = np.arange(int(used.sum()))
    single = panels(fit.data, compress=False)
    return Base(trial, fit, column_scale, scale, single, position)


def _reweighted(panel: Panel, weight: Floats) -> Panel:
    own = weight[panel.subject]
    return replace(
        panel,
        counts=np.bincount(panel.pattern, own, minlength=panel.counts.size).astype(np.float64),
        rows=panel.rows * np.sqrt(own)[:, None, None],
    )
