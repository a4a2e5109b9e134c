"""The latent disease: severities of all manifestations over time, and who is eligible by them.

A severity is the latent activity minus the threshold above which the manifestation is active; it
is a sum of the patient's shared activity, the patient's tendency, and the manifestation's own
variation, less the fall under treatment.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from openlupus.errors import SimulationError
from openlupus.instruments import sledai2k
from openlupus.instruments.arrays import Bools, Codes, Floats
from openlupus.simulation.model import Model

ROUNDS = 400
"""Draws of a patient who must meet a condition, before the model is called impossible."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Latent state of n patients at screening (0) and baseline (1); m manifestations."""

    tendency: Floats  # (n, m)
    shared: Floats  # (n, 2)
    own: Floats  # (n, 2, m)


@dataclass(frozen=True, slots=True)
class Activity:
    """Severities, shape (n, occasions, m), and shared activity, shape (n, occasions)."""

    severity: Floats
    shared: Floats


def thresholds(model: Model) -> Floats:
    """Latent activity above which each manifestation is active, shape (m,)."""
    return -ndtri(np.array([m.prevalence for m in model.disease.manifestations]))


def begin(
    model: Model, gap: Floats, failing: Bools, antibodies: Bools, rng: np.random.Generator
) -> Beginning:
    """Patients at screening and baseline, each drawn again until the records say what they must.

    Args:
        model: The parameters.
        gap: Days from screening to baseline, shape (n,).
        failing: Who must miss the least activity at screening, shape (n,).
        antibodies: Who must lack the antibodies at screening, shape (n,). All others meet both.
        rng: Source of randomness.

    Raises:
        SimulationError: the criteria are met by (almost) nobody under this model.
    """
    n, m = len(gap), len(model.disease.manifestations)
    state = Beginning(np.empty((n, m)), np.empty((n, 2)), np.empty((n, 2, m)))
    open_: np.ndarray[tuple[int, ...], np.dtype[np.intp]] = np.arange(n)
    meets = _criteria(model)
    for _ in range(ROUNDS):
        if not len(open_):
            return state
        drawn = _draw(model, gap[open_], rng)
        low, active, positive = meets(_severity(model, drawn.tendency, drawn.shared, drawn.own))
        right = np.where(failing[open_], low, active) & (positive != antibodies[open_])
        chosen = open_[right]
        state.tendency[chosen] = drawn.tendency[right]
        state.shared[chosen] = drawn.shared[right]
        state.own[chosen] = drawn.own[right]
        open_ = open_[~right]
    raise SimulationError(
        f"{len(open_)} of {n} patients could not be drawn in {ROUNDS} rounds: under the "
        "prevalences of [disease] the criteria of [screening] are almost never, or always, met"
    )


def follow(
    model: Model, start: Beginning, day: Floats, fall: Floats, rng: np.random.Generator
) -> Activity:
    """The disease from baseline on.

    Args:
        model: The parameters.
        start: Screening and baseline, which are the first two occasions.
        day: Of each occasion, in order of time, shape (n, k).
        fall: Latent fall at each occasion, shape (n, k).
        rng: Source of randomness.
    """
    process, (n, k), m = model.disease, day.shape, len(model.disease.manifestations)
    shared, own = np.empty((n, k)), np.empty((n, k, m))
    shared[:, :2], own[:, :2] = start.shared, start.own
    for j in range(2, k):
        elapsed = day[:, j] - day[:, j - 1]
        shared[:, j] = _next(shared[:, j - 1], elapsed, process.shared_half_life, rng)
        own[:, j] = _next(own[:, j - 1], elapsed[:, None], process.own_half_life, rng)
    severity = _severity(model, start.tendency, shared, own)
    sensitivity = np.array(
        [manifestation.sensitivity for manifestation in model.disease.manifestations]
    )
    severity -= fall[:, :, None] * sensitivity
    return Activity(severity, shared)


def at_start(model: Model, start: Beginning) -> Floats:
    """Severities at screening and baseline, shape (n, 2, m)."""
    return _severity(model, start.tendency, start.shared, start.own)


def sledai_items(model: Model, severity: Floats) -> Codes:
    """SLEDAI-2K items, shape (..., 24), of severities, shape (..., m)."""
    items = np.zeros((*severity.shape[:-1], len(sledai2k.ITEMS)), np.int8)
    for i, manifestation in enumerate(model.disease.manifestations):
        if manifestation.sledai:
            column = sledai2k.KEYS.index(manifestation.sledai)
            items[..., column] |= (severity[..., i] > 0).astype(np.int8)
    return items


def _draw(model: Model, gap: Floats, rng: np.random.Generator) -> Beginning:
    process, n, m = model.disease, len(gap), len(model.disease.manifestations)
    shared, own = np.empty((n, 2)), np.empty((n, 2, m))
    tendency = rng.standard_normal((n, m))
    shared[:, 0], own[:, 0] = rng.standard_normal(n), rng.standard_normal((n, m))
    shared[:, 1] = _next(shared[:, 0], gap, process.shared_half_life, rng)
    own[:, 1] = _next(own[:, 0], gap[:, None], process.own_half_life, rng)
    return Beginning(tendency, shared, own)


def _next(now: Floats, days: Floats, half_life: float, rng: np.random.Generator) -> Floats:
    """A standard normal after some days, correlated with itself by 1/2 after the half-life."""
    kept = np.exp2(-days / half_life)
    return kept * now + np.sqrt(1 - kept**2) * rng.standard_normal(now.shape)


def _severity(model: Model, tendency: Floats, shared: Floats, own: Floats) -> Floats:
    process = model.disease
    rest = np.sqrt(1 - process.shared - process.trait)
    latent = rest * own
    latent += np.sqrt(process.shared) * shared[:, :, None]
    latent += (np.sqrt(process.trait) * tendency - thresholds(model))[:, None, :]
    return latent


def _criteria(model: Model) -> Callable[[Floats], tuple[Bools, Bools, Bools]]:
    """For severities at screening and baseline: too little activity at screening; as much at both
    as is asked for, and no more than is allowed; antibodies at screening.
    """
    rule = model.screening
    counted = sledai2k.WEIGHT * sledai2k.used(rule.convention)
    specific = [model.keys.index(key) for key in rule.antibodies]

    def meets(severity: Floats) -> tuple[Bools, Bools, Bools]:
        items = sledai_items(model, severity).astype(np.float64)
        total, clinical = items @ sledai2k.WEIGHT, items @ counted
        low = (total[:, 0] < rule.total) | (clinical[:, 0] < rule.clinical)
        active = ~low & (clinical[:, 1] >= rule.clinical)
        allowed = (total <= rule.maximum).all(axis=1)
        # Without antibodies to look at, everybody has them.
        highest = severity[:, 0, specific].max(axis=1, initial=-np.inf if specific else np.inf)
        return low, active & allowed, highest > 0

    return meets
