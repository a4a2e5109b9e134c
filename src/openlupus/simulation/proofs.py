"""Laboratory values that events are named after: when they were first seen, and when no longer."""

from dataclasses import dataclass

import numpy as np

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.simulation.chart import Chart
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.treatment import Follows
from openlupus.simulation.visits import Stops

DAYS = 100_000
"""More days than a trial has, so that patient and day make one number in order."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """Values of one kind: `first` and `standing` have shape (patients,), nan where none.

    `first` is the offset of the first until the day after the last dose; `standing` that of the
    last visit until then, or of the last dose, if the value was there still. `passed` holds
    patient and offset, as one number, of the visits without it, in order.
    """

    first: Floats
    standing: Floats
    passed: Ints

    def dated(
        self, patient: Ints, withdrawn: Bools, start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """Start and end of the events of these patients; as given where there was no value.

        An event that ended treatment is dated by the last visit, or, if the value was not there
        any more, as given: it was seen between visits.
        """
        seen = np.where(withdrawn, self.standing[patient], self.first[patient])
        known = ~np.isnan(seen)
        key = patient * DAYS + np.nan_to_num(seen).astype(np.int64)
        later = np.append(self.passed, -1)[np.searchsorted(self.passed, key, side="right")]
        until = np.where(later // DAYS == patient, later - patient * DAYS, np.nan)
        return np.where(known, seen, start), np.where(known, until, end)


def find(model: Model, chart: Chart, stops: Stops) -> dict[int, Proofs]:
    """By position of the term, for the terms that follow a value."""
    return {
        i: _of(term.follows, chart, stops)
        for i, term in enumerate(model.events.terms)
        if term.follows
    }


def _of(follows: Follows, chart: Chart, stops: Stops) -> Proofs:
    value, day = chart.values[follows.test], chart.offset
    there = value < follows.limit if follows.side == "below" else value > follows.limit
    last = np.nan_to_num(stops.last, nan=-1.0)
    treated = (day > 0) & (day <= last[chart.patient] + 1)
    first, standing = np.full((2, len(last)), np.nan)
    # Rows are in order of patient and day: of several, the last one written stays.
    seen, visited = np.flatnonzero(there & treated)[::-1], np.flatnonzero(treated)
    first[chart.patient[seen]] = day[seen]
    standing[chart.patient[visited]] = np.where(there, day, np.nan)[visited]
    passed = ~there & (day > 0)
    return Proofs(first, np.minimum(standing, last), (chart.patient * DAYS + day)[passed])
