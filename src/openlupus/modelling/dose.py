"""MCP-Mod from a formula and a frame, or from estimates by dose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openlupus.errors import StatisticsError
from openlupus.modelling.formula import parse
from openlupus.modelling.frames import Levels, Table, table
from openlupus.modelling.tidy import generator_of, printed, rows_of
from openlupus.statistics.dose_response import families
from openlupus.statistics.dose_response.contrasts import (
    Candidate,
    ContrastTest,
    contrast_test,
    optimal_contrasts,
)
from openlupus.statistics.dose_response.families import Family
from openlupus.statistics.dose_response.fit import (
    CurveFit,
    DoseMeans,
    dose_means,
    fit_curve,
    given_estimates,
)
from openlupus.statistics.dose_response.mcpmod import How, akaike_weights, dose_interval

Guesses = Mapping[str, Sequence[float] | Sequence[Sequence[float]] | None]


@dataclass(frozen=True, slots=True, eq=False)
class McpMod:
    """A tested and modelled dose response; `print` it for the contrast test.

    Attributes:
        means: Estimates by dose and their covariance.
        candidates: Shapes by name.
        test: The contrast test.
        fits: A fit of each family of the candidates, by its name.
        source: The library of the frame.
        notes: Rows left out.
    """

    means: DoseMeans
    candidates: Mapping[str, Candidate]
    test: ContrastTest
    fits: Mapping[str, CurveFit]
    source: Table
    notes: tuple[str, ...]

    @property
    def significant(self) -> tuple[str, ...]:
        """Candidates whose statistic reaches the critical value."""
        return tuple(
            name
            for name, found in zip(self.candidates, self.test.significant, strict=True)
            if found
        )

    def contrasts(self) -> Any:
        """Optimal contrasts, one row a dose, one column a candidate."""
        weights = dict(zip(self.candidates, self.test.contrasts.T.tolist(), strict=True))
        return self.source.frame({"dose": self.means.dose.tolist(), **weights})

    def tests(self) -> Any:
        """One row a candidate: statistic, critical value, adjusted P."""
        return self.source.frame(self._tests())

    def models(self, *, difference: float | None = None) -> Any:
        """One row a family: AIC, weight, ED50, and the dose with a difference from dose 0."""
        fits = list(self.fits.values())
        columns: dict[str, list[Any]] = {
            "model": list(self.fits),
            "aic": [fit.aic for fit in fits],
            "weight": akaike_weights([fit.aic for fit in fits]).tolist(),
            "ed50": [fit.effective_dose(0.5) for fit in fits],
        }
        if difference is not None:
            columns["target_dose"] = [fit.target_dose(difference) for fit in fits]
        return self.source.frame(columns)

    def dose(
        self,
        *,
        difference: float | None = None,
        share: float | None = None,
        how: How = "average",
        draws: int = 1000,
        seed: int | np.random.Generator = 1,
        level: float = 0.95,
    ) -> Any:
        """Target or effective dose with a bootstrap interval: dose, lower, upper, note.

        Args:
            difference: Effect over dose 0 (target dose); or
            share: of the largest effect (effective dose).
            how: `best` by AIC, or `average` by Akaike weights.
            draws: Of the bootstrap.
            seed: A seed, or a generator.
            level: Two-sided coverage.
        """
        kinds: list[Family] = [fit.family for fit in self.fits.values()]
        got = dose_interval(
            self.means, kinds, rng=generator_of(seed), difference=difference, share=share, how=how,
            draws=draws, level=level,
        )  # fmt: skip
        return self.source.frame(
            {
                "dose": [got.value], "lower": [got.lower], "upper": [got.upper],
                "note": ["; ".join(got.warnings)],
            }
        )  # fmt: skip

    def predict(self, doses: Sequence[float]) -> Any:
        """Fitted means (at covariates 0), one row a dose, one column a family."""
        fitted = {name: fit.predict(doses).tolist() for name, fit in self.fits.items()}
        return self.source.frame({"dose": [float(dose) for dose in doses], **fitted})

    def __str__(self) -> str:
        df = self.test.df
        best = min(self.fits, key=lambda name: self.fits[name].aic)
        facts = {
            "doses": ", ".join(f"{d:g}" for d in self.means.dose),
            "reference": f"multivariate t, {df:g} df" if np.isfinite(df) else "multivariate normal",
            "critical value": f"{self.test.critical:.4f}",
            "smallest AIC": best,
            "note": "; ".join((*self.notes, *(w for f in self.fits.values() for w in f.warnings))),
        }
        return printed("MCP-Mod: multiple contrast test", facts, self._tests())

    def _tests(self) -> dict[str, list[Any]]:
        return {
            "candidate": list(self.candidates),
            "t": self.test.t.tolist(),
            "p_adjusted": self.test.p.tolist(),
            "significant": list(self.test.significant),
        }


def mcpmod(
    formula: str,
    data: Any,
    *,
    models: Guesses,
    alpha: float = 0.025,
    rising: bool = True,
    offset: float | None = None,
    scale: float | None = None,
    levels: Levels | None = None,
) -> McpMod:
    """Test candidate dose-response shapes by their optimal contrasts, and fit their families.

    Args:
        formula: `response ~ dose + covariate`: the dose comes first.
        data: A frame of pandas, polars or pyarrow, one row a subject.
        models: By family the guesses of its nonlinear parameters, several sets as a list of lists:
            `{"linear": None, "emax": [0.2], "sigEmax": [[0.4, 4], [0.8, 2]]}`. Families: linear,
            linlog, quadratic, emax, sigEmax, exponential, logistic, betaMod.
        alpha: One-sided level over all candidates.
        rising: Whether a larger response is the effect that is looked for.
        offset: Of linlog; a hundredth of the largest dose unless given.
        scale: Of betaMod; 1.2 times the largest dose unless given.
        levels: Order of the levels of a covariate, the reference first.
    """
    read = parse(formula)
    if not read.terms or len(read.terms[0]) != 1:
        raise StatisticsError(f"{formula!r} names no dose; it is the first term after ~")
    dose = read.columns[read.terms[0][0]]
    source = table(data, [read.response, *read.columns.values()])
    rows = rows_of(source, formula=read, numeric=(read.response, dose), levels=levels)
    assert rows.design is not None
    others = [k for k, name in enumerate(rows.design.names) if name not in (dose, "(Intercept)")]
    means = dose_means(
        rows.numbers[dose], rows.numbers[read.response],
        covariates=rows.design.x[:, others] if others else None,
        names=[rows.design.names[k] for k in others] or None,
    )  # fmt: skip
    return _analysed(means, models, alpha, rising, offset, scale, source, rows.notes)


def mcpmod_estimates(
    data: Any,
    covariance: Sequence[Sequence[float]],
    *,
    models: Guesses,
    dose: str = "dose",
    estimate: str = "estimate",
    alpha: float = 0.025,
    rising: bool = True,
    offset: float | None = None,
    scale: float | None = None,
) -> McpMod:
    """Generalised MCP-Mod: estimates by dose with their covariance, as of a logistic regression.

    Args:
        data: A frame with one row a dose.
        covariance: Of the estimates, in the order of the rows.
        models: As in `mcpmod`, as are the further arguments.
        dose: Column of the dose.
        estimate: Column of the estimate.
        alpha: One-sided level over all candidates.
        rising: Whether a larger estimate is the effect that is looked for.
        offset: Of linlog.
        scale: Of betaMod.
    """
    source = table(data, [dose, estimate])
    rows = rows_of(source, numeric=(dose, estimate))
    if rows.notes:
        raise StatisticsError("a dose or an estimate is missing")
    means = given_estimates(rows.numbers[dose], rows.numbers[estimate], covariance)
    return _analysed(means, models, alpha, rising, offset, scale, source, ())


def _analysed(
    means: DoseMeans,
    models: Guesses,
    alpha: float,
    rising: bool,
    offset: float | None,
    scale: float | None,
    source: Table,
    notes: tuple[str, ...],
) -> McpMod:
    top = float(means.dose.max())
    shapes = _candidates(models, rising, offset or 0.01 * top, scale or 1.2 * top)
    weights = optimal_contrasts(list(shapes.values()), means.dose, means.covariance)
    test = contrast_test(means.estimate, means.covariance, weights, df=means.df, alpha=alpha)
    kinds = {shape.family.name: shape.family for shape in shapes.values()}
    fits = {name: fit_curve(means, family) for name, family in kinds.items()}
    return McpMod(means, shapes, test, fits, source, notes)


def _candidates(models: Guesses, rising: bool, offset: float, scale: float) -> dict[str, Candidate]:
    known = {
        "linear": families.linear, "quadratic": families.quadratic, "emax": families.emax,
        "sigEmax": families.sigmoid_emax, "exponential": families.exponential,
        "logistic": families.logistic, "linlog": lambda: families.linear_log(offset),
        "betaMod": lambda: families.beta(scale),
    }  # fmt: skip
    found: dict[str, Candidate] = {}
    for name, guesses in models.items():
        if name not in known:
            raise StatisticsError(f"{name!r} is no family; they are {list(known)}")
        sets = np.atleast_2d(np.asarray([] if guesses is None else guesses, np.float64))
        family = known[name]()
        for number, own in enumerate(sets, start=1):
            guess = tuple(float(g) for g in own)
            label = name if len(sets) == 1 else f"{name}{number}"
            found[label] = Candidate(family, guess, rising=rising)
    return found
