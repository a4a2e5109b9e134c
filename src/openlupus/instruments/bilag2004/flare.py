"""Flares by BILAG-2004 grades: what is new against the visit before."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.instruments.arrays import Bools, Codes
from openlupus.instruments.bilag2004.change import checked_grades, new_activity
from openlupus.instruments.bilag2004.criteria import C
from openlupus.instruments.verdicts import NOT_COMPUTABLE, Verdict, all_met, verdict

NO_FLARE, MILD, MODERATE, SEVERE = 0, 1, 2, 3

# How many new grades make each flare (Isenberg et al., Ann Rheum Dis 2011;70:54).
SEVERE_FROM_A = 1
MODERATE_FROM_B = 2
MILD_FROM_B, MILD_FROM_C = 1, 3


@dataclass(frozen=True, slots=True)
class Flare:
    """Flares of n visits. `severity`, shape (n,): 0 none, 1 mild, 2 moderate, 3 severe.

    -1 where a grade that could change it is not available. `new_a`, `new_b`, `new_c`, shape
    (n, 9): the systems with that grade now and a lower one before (a C: D or E before).
    """

    severity: Codes
    new_a: Bools
    new_b: Bools
    new_c: Bools


def flare(previous: ArrayLike, visit: ArrayLike) -> Flare:
    """Severity of the flare at each visit against the visit before.

    Severe: a new A. Moderate: two or more new B. Mild: one new B, or three or more new C.

    Args:
        previous: Grade codes, shape (n, 9), 4 = A to 0 = E, -1 not available.
        visit: The same at the visit.
    """
    new = new_activity(previous, visit)
    before, now = checked_grades(previous), checked_grades(visit)
    new_c = new.known & (now == C) & (before < C)
    b = new.new_b.sum(axis=1)
    severe = new.new_a.sum(axis=1) >= SEVERE_FROM_A
    mild = (b >= MILD_FROM_B) | (new_c.sum(axis=1) >= MILD_FROM_C)
    made = np.select([severe, b >= MODERATE_FROM_B, mild], [SEVERE, MODERATE, MILD], NO_FLARE)
    settled = severe | new.known.all(axis=1)
    severity = np.where(settled, made, NOT_COMPUTABLE).astype(np.int8)
    return Flare(severity, new.new_a, new.new_b, new_c)


@dataclass(frozen=True, slots=True)
class Steady(Verdict):
    """No worsening by BILAG-2004; verdicts of n visits, shape (n,)."""

    COMPONENTS: ClassVar[tuple[str, ...]] = ("no_new_a", "few_new_b")

    no_new_a: Codes
    few_new_b: Codes


def flare_free(
    *,
    bilag_previous: ArrayLike,
    bilag_visit: ArrayLike,
    new_a_at_most: float = 0,
    new_b_at_most: float = 1,
) -> Steady:
    """No flare as trials count them: against the visit before, a new A or two new B are one.

    Args:
        bilag_previous: Grade codes at the visit before, shape (n, 9), -1 not available.
        bilag_visit: The same at the visit.
        new_a_at_most: How many new A are allowed.
        new_b_at_most: How many new B are allowed.

    Source:
        Furie et al., Lupus 2021;30:1254 (pooled TULIP trials).
    """
    return _steady(bilag_previous, bilag_visit, new_a_at_most, new_b_at_most)


def worsening_free(
    *,
    bilag_baseline: ArrayLike,
    bilag_visit: ArrayLike,
    new_a_at_most: float = 0,
    new_b_at_most: float = 1,
) -> Steady:
    """The same against baseline: the BILAG component of the SRI on its own."""
    return _steady(bilag_baseline, bilag_visit, new_a_at_most, new_b_at_most)


def _steady(before: ArrayLike, now: ArrayLike, most_a: float, most_b: float) -> Steady:
    new = new_activity(before, now)
    known = np.all(new.known, axis=1)
    no_a = verdict(new.new_a.sum(axis=1) <= most_a, known)
    few_b = verdict(new.new_b.sum(axis=1) <= most_b, known)
    return Steady(all_met(no_a, few_b), no_a, few_b)
