"""Courses of a number in patients, moved by a few knobs or to have a summary that is wanted."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints

_EDITS, _MOST_STEPS = 200, 3
"""Single steps towards a summary, and how many of them one value may go."""


@dataclass(frozen=True, eq=False)
class Course:
    """Values after baseline, one entry a record.

    Attributes:
        value: As they are.
        low, high: Between which each may be moved.
        arm: Place of the arm.
        visit: Number of the visit.
        baseline: Of the patient, less the mean of all.
        part: Of the change at the end that is due at this time, 0 to 1.
        person: Place of the patient.
        last: Whether the record is what the model takes at its visit.
        step: Between two values that can be had.
        chance: In [0, 1), spread evenly within arm and visit: rounding up begins there, so that
            means move by less than a step.
    """

    value: Floats
    low: Floats
    high: Floats
    arm: Ints
    visit: Floats
    baseline: Floats
    part: Floats
    person: Ints
    last: Bools
    step: float
    chance: Floats

    @property
    def arms(self) -> int:
        return int(self.arm.max()) + 1

    @cached_property
    def mean(self) -> Floats:
        """Of the arm at the visit, one entry a record."""
        _, group = np.unique(np.stack([self.arm, self.visit]), axis=1, return_inverse=True)
        return (np.bincount(group, self.value) / np.bincount(group))[group]

    @property
    def spread(self) -> float:
        """Of all values about these means, at least a step."""
        return max(float(np.std(self.value - self.mean)), self.step)

    def rounded_anew(self, rng: np.random.Generator) -> "Course":
        """The course with another chance to round up in each record."""
        return replace(self, chance=evenly(self.arm, self.visit, rng))

    def near(self, values: Floats) -> "Course":
        """The course from these values on, with limits a few steps about them."""
        reach = _MOST_STEPS * self.step
        low = np.where(
            self.last, np.minimum(np.maximum(self.low, values - reach), values), self.low
        )
        high = np.where(
            self.last, np.maximum(np.minimum(self.high, values + reach), values), self.high
        )
        return replace(self, value=values, low=low, high=high)

    def tied(self, values: Floats, tie: Floats) -> Floats:
        """Values whose earlier visits go with the last one as the `tie` of the arm says.

        1 puts the earlier deviations of a patient where the last one is, 0 leaves them as they
        are in this course, less than 0 takes them further from it.
        """
        away, last = self.value - self.mean, self.last
        ending = np.full(int(self.person.max()) + 1, np.nan)
        ending[self.person[last]] = away[last] / max(float(np.std(away[last])), self.step)
        ending *= np.std(away[~last]) if not last.all() else 0.0
        pull = np.nan_to_num(tie[self.arm] * (ending[self.person] - away))
        steps = np.floor((self.value + pull) / self.step + self.chance + 1e-6)
        earlier = np.clip(steps * self.step, self.low, self.high)
        return np.where(self.last, values, earlier)

    def scale(self, each: tuple[float, float, float, float]) -> Floats:
        """Sizes of a mean, spread, slope and skewness as an array like a summary."""
        sizes = np.array([each[0] * self.spread, *each[1:]])
        return np.repeat(sizes, [self.arms, self.arms, 1, 1])

    def moved(self, knobs: Floats) -> Floats:
        """The values under knobs: shift and factor less 1 of each arm, and a slope.

        Knobs of 0 give the values as they are.
        """
        shift, factor = knobs[: self.arms], knobs[self.arms : -1]
        change = shift[self.arm] + factor[self.arm] * (self.value - self.mean)
        wanted = self.value + self.part * (change + knobs[-1] * self.baseline)
        # The tiny part keeps whole multiples of the step from falling below themselves.
        steps = np.floor(wanted / self.step + self.chance + 1e-6)
        return np.clip(steps * self.step, self.low, self.high)

    def summary(self, values: Floats) -> Floats:
        """At the last visit: mean and log spread of each arm, slope on the baseline, skewness."""
        return _Fit(self, values).summary

    def effects(self, values: Floats) -> Floats:
        """What one unit more in each record of the last visit does to the summary."""
        return _Fit(self, values).effects()

    def single_steps(self, values: Floats) -> tuple[Ints, Floats]:
        """Steps up and down that values at the last visit may take: the record, and the change."""
        places = np.flatnonzero(self.last)
        record = np.concatenate([places, places])
        change = np.repeat([self.step, -self.step], places.size)
        after = values[record] + change
        allowed = (after >= self.low[record]) & (after <= self.high[record])
        return record[allowed], change[allowed]


class _Fit:
    """A least-squares line of the values at the last visit on the baseline, parallel in arms."""

    def __init__(self, course: Course, values: Floats) -> None:
        arm, y = course.arm[course.last], values[course.last]
        x = course.baseline[course.last]
        self.arm, self.size = arm, np.bincount(arm, minlength=course.arms)
        self.x = x - (np.bincount(arm, x, course.arms) / self.size)[arm]
        mean = np.bincount(arm, y, course.arms) / self.size
        slope = float(self.x @ (y - mean[arm])) / float(self.x @ self.x)
        self.rest = y - mean[arm] - slope * self.x
        self.variance = np.maximum(
            np.bincount(arm, self.rest**2, course.arms) / self.size, course.step**2 / 100
        )
        self.whole = float(np.mean(self.rest**2))
        self.skewness = float(np.mean(self.rest**3)) / self.whole**1.5
        self.summary = np.concatenate([mean, np.log(self.variance) / 2, [slope, self.skewness]])

    def effects(self) -> Floats:
        """What one unit more in a record does to the summary; shape (summary, records)."""
        own = np.arange(self.size.size)[:, None] == self.arm
        z = self.rest / np.sqrt(self.whole)
        skew = 3 * (z**2 - 1 - self.skewness * z) / (self.rest.size * np.sqrt(self.whole))
        return np.vstack([
            own / self.size[:, None],
            own * self.rest / (self.size * self.variance)[:, None],
            self.x / float(self.x @ self.x),
            skew,
        ])  # fmt: skip


def evenly(arm: Ints, visit: Floats, rng: np.random.Generator) -> Floats:
    """Numbers in [0, 1), those of an arm and visit spread evenly, in random order."""
    order = rng.permutation(arm.size)
    chance = np.empty(arm.size)
    for group in np.unique(np.stack([arm, visit]), axis=1).T:
        inside = order[(arm[order] == group[0]) & (visit[order] == group[1])]
        chance[inside] = np.arange(inside.size) / inside.size
    return chance


# -- values that have a summary ------------------------------------------------------------------


def edited(course: Course, values: Floats, wanted: Floats, fine: Floats) -> Floats:
    """Values with the single steps, one at a time, that bring the summary nearest."""
    values = values.copy()
    places = np.flatnonzero(course.last)
    for _ in range(_EDITS):
        fit = _Fit(course, values)
        error = (fit.summary - wanted) / fine
        steps = course.step * np.array([1.0, -1.0])
        tried = error[:, None, None] + (fit.effects() / fine[:, None])[:, :, None] * steps
        after = values[places, None] + steps
        allowed = (after >= course.low[places, None]) & (after <= course.high[places, None])
        left = np.where(allowed, (tried**2).sum(axis=0), np.inf)
        record, way = np.unravel_index(int(left.argmin()), left.shape)
        if left[record, way] >= 0.999 * float(error @ error):
            break
        values[places[record]] += steps[way]
    return values
