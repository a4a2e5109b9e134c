"""What is measured besides: ECG, cells and cytokines, concentrations, further laboratory tests.

Nothing else depends on these, and each has its own random numbers: a model with more of them has
the same records otherwise.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from openlupus.instruments.arrays import Bools, Floats
from openlupus.simulation import effect, findings
from openlupus.simulation.chart import Chart
from openlupus.simulation.laboratory import reported
from openlupus.simulation.parameters.disease import Further
from openlupus.simulation.subjects import Trial

MS_A_MINUTE = 60_000.0
"""Heart rate (beats a minute) to the interval between beats (ms)."""


def added(
    tables: Mapping[str, pl.DataFrame], trial: Trial, chart: Chart, labels: findings.Labels
) -> dict[str, pl.DataFrame]:
    """The tables with the further measurements, in LB after the rows that a subject has."""
    full = dict(tables)
    tests = trial.model.laboratory.further
    for domain in dict.fromkeys(test.domain for test in tests):
        mine = [test for test in tests if test.domain == domain]
        values: dict[str, Floats] = {}
        for test in mine:
            values[test.code] = _measured(test, values, trial, chart)
        taken = np.stack([_taken(test, trial, chart) for test in mine], axis=1)
        rows = findings.measurements(mine, values, labels, domain, taken=taken)
        full[domain] = _after(full[domain], rows, domain) if domain in full else rows
    return full


def _measured(test: Further, before: Mapping[str, Floats], trial: Trial, chart: Chart) -> Floats:
    """Values at every row of the chart, rounded as reported."""
    if test.uncorrected is not None:
        corrected, rate = (before[code] for code in test.uncorrected)
        seconds = MS_A_MINUTE / rate / 1000
        return reported(test, corrected * np.cbrt(seconds))
    rng, patients = trial.streams.rng(f"further {test.code}"), len(trial.people)
    deviation = rng.normal(0, test.between, patients)[chart.patient]
    deviation += rng.normal(0, test.within, len(chart.patient))
    rare = np.where(rng.random(len(chart.patient)) < test.rare, test.rare_factor, 1.0)
    arms = trial.protocol.arms
    there = effect.onset(trial.model, chart.offset)
    ratio = effect.ratio(trial.protocol, test, trial.arm, chart.patient, there, trial.streams)
    dose = np.array([arm.dose for arm in arms.values()] + [0.0])[trial.arm]
    typical = test.typical * (dose[chart.patient] if test.per_dose else 1.0)
    return reported(test, typical * ratio * np.exp(deviation) * rare)


def _taken(test: Further, trial: Trial, chart: Chart) -> Bools:
    """At which rows of the chart it is taken."""
    numbers = {visit.id: visit.number for visit in trial.protocol.schedule.visits}
    at = np.isin(chart.number, [numbers[visit] for visit in test.visits])
    at &= trial.people.randomised[chart.patient]
    if test.per_dose:
        dose = np.array([arm.dose for arm in trial.protocol.arms.values()] + [0.0])[trial.arm]
        last = np.nan_to_num(trial.stops.last, nan=-1.0)
        at &= (dose > 0)[chart.patient] & (chart.offset > 0)
        at &= chart.offset <= last[chart.patient] + 1
    return at


def _after(there: pl.DataFrame, rows: pl.DataFrame, domain: str) -> pl.DataFrame:
    """Rows of a domain after those that its subjects have, numbered on."""
    number = f"{domain}SEQ"
    last = there.group_by("USUBJID").agg(pl.col(number).max().alias("_LAST"))
    numbered = rows.join(last, on="USUBJID", how="left", maintain_order="left").with_columns(
        pl.col(number) + pl.col("_LAST").fill_null(0)
    )
    both = pl.concat([there, numbered.drop("_LAST")])
    return both.sort("USUBJID", maintain_order=True)
