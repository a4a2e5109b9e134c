"""The domains of what is taken and what happens, of a chunk: EX, CM, DS, AE."""

import numpy as np
import polars as pl

from openlupus.instruments.arrays import Floats, Ints
from openlupus.simulation.people import Texts, draw
from openlupus.simulation.subjects import Trial, blank, iso, numbered, partly, sequence, yes
from openlupus.simulation.visits import COMPLETED, DEATH, EVENT, NOT_TREATED

WITHDRAWAL = "WITHDRAWAL BY SUBJECT"


def ex(trial: Trial) -> pl.DataFrame:
    """Courses of the trial's treatment: one a patient, more after interruptions."""
    arms = list(trial.protocol.arms.values())
    low, high = trial.model.events.interruption_days
    events, last = trial.events, trial.stops.last
    pauses = events.interrupted & (events.start >= 1) & (events.start + high < last[events.patient])
    length = trial.streams.rng("ex").integers(low, high + 1, len(pauses))
    treated, paused = np.flatnonzero(trial.stops.treated), events.patient[pauses]
    patient = np.concatenate([treated, paused])
    start = np.concatenate([np.zeros(len(treated)), (events.start + length)[pauses]])
    end = np.concatenate([last[treated], events.start[pauses] - 1])
    # In order of patient and day, the first start belongs to the first end, and so on.
    start, end = start[np.lexsort((start, patient))], end[np.lexsort((end, patient))]
    patient = np.sort(patient)
    arm = pl.Series(trial.arm[patient])
    active = np.array([a.dose > 0 for a in arms])[trial.arm[patient]]
    drug = (trial.protocol.study.intervention or "INVESTIGATIONAL PRODUCT").upper()
    return trial.table(
        "EX",
        patient,
        {
            "EXSEQ": sequence(patient),
            "EXTRT": pl.Series(np.where(active, drug, "PLACEBO"), dtype=pl.String),
            "EXDOSE": pl.Series([a.dose for a in arms]).gather(arm),
            "EXDOSU": pl.Series([a.unit for a in arms]).gather(arm),
            "EXDOSFRM": pl.lit("CAPSULE"),
            "EXDOSFRQ": pl.lit("QD"),
            "EXROUTE": pl.lit("ORAL"),
            "EXSTDTC": trial.day(start, patient),
            "EXENDTC": trial.day(end, patient),
        },
    )


def ds(trial: Trial) -> pl.DataFrame:
    """Consent, randomisation, and how screening or treatment ended."""
    people, stops, n = trial.people, trial.stops, len(trial.people)
    everyone, randomised = np.arange(n), people.randomised
    reasons = [reason.term for reason in trial.model.conduct.reasons]
    other = draw(
        [reason.share for reason in trial.model.conduct.reasons], n, trial.streams.rng("reasons")
    )
    named_other = trial.streams.rng("other reasons").random(n) < trial.model.conduct.other_reason
    for_event = (stops.cause == EVENT) & ~named_other
    ending = np.select(
        [~randomised, stops.cause == COMPLETED, for_event, stops.cause == DEATH],
        ["SCREEN FAILURE", "COMPLETED", "ADVERSE EVENT", "DEATH"],
        default=np.array(reasons)[other],
    )
    ending = np.where(randomised & (stops.cause == NOT_TREATED), WITHDRAWAL, ending)
    criteria = np.array([failure.criterion for failure in trial.model.screening.failures])
    words = np.where(randomised, ending, criteria[people.failure])
    consent = (people.consent - trial.first_dose).astype(np.float64)
    treated = randomised & stops.treated
    event, milestone = "DISPOSITION EVENT", "PROTOCOL MILESTONE"
    frames = [
        (everyone, "INFORMED CONSENT OBTAINED", milestone, "SCREENING", consent),
        (np.flatnonzero(randomised), "RANDOMIZED", milestone, "SCREENING", np.zeros(n)),
    ]
    rows = [
        _disposition(trial, patient, np.full(n, term), np.full(n, term), category, epoch, day)
        for patient, term, category, epoch, day in frames
    ]
    for chosen, epoch in ((~treated, "SCREENING"), (treated, "TREATMENT")):
        patient = np.flatnonzero(chosen)
        rows.append(_disposition(trial, patient, words, ending, event, epoch, trial.ended))
    return numbered("DS", pl.concat(rows).sort("USUBJID", maintain_order=True))


def _disposition(
    trial: Trial,
    patient: Ints,
    term: Texts,
    decoded: Texts,
    category: str,
    epoch: str,
    offset: Floats,
) -> pl.DataFrame:
    return trial.table(
        "DS",
        patient,
        {
            "DSTERM": pl.Series(term[patient], dtype=pl.String),
            "DSDECOD": pl.Series(decoded[patient], dtype=pl.String),
            "DSCAT": pl.lit(category),
            "EPOCH": pl.lit(epoch),
            "DSSTDTC": trial.day(offset[patient], patient),
        },
    )


def ae(trial: Trial) -> pl.DataFrame:
    """Adverse events."""
    events, terms = trial.events, trial.model.events.terms
    term = pl.Series(events.term)
    serious = np.array([t.serious or t.fatal for t in terms])[events.term]
    # What goes on beyond the last contact has no end on record.
    end = np.where(events.end <= trial.ended[events.patient], events.end, np.nan)
    end = np.where(events.fatal, events.end, end)
    resolved = ~np.isnan(end)
    action = np.select(
        [events.withdrawn, events.interrupted, events.start < 0],
        ["DRUG WITHDRAWN", "DRUG INTERRUPTED", "NOT APPLICABLE"],
        default="DOSE NOT CHANGED",
    )
    outcome = np.where(resolved, "RECOVERED/RESOLVED", "NOT RECOVERED/NOT RESOLVED")
    severity = np.where(events.severe, "SEVERE", np.where(events.moderate, "MODERATE", "MILD"))
    names = pl.Series([t.term for t in terms], dtype=pl.String).gather(term)
    return trial.table(
        "AE",
        events.patient,
        {
            "AESEQ": sequence(events.patient),
            "AETERM": names,
            "AEDECOD": names,
            "AEBODSYS": pl.Series([t.body_system for t in terms]).gather(term),
            "AESEV": pl.Series(severity),
            "AESER": yes(serious),
            "AEREL": pl.Series(np.where(events.related, "RELATED", "NOT RELATED")),
            "AEACN": pl.Series(np.where(events.fatal, "NOT APPLICABLE", action)),
            "AEOUT": pl.Series(np.where(events.fatal, "FATAL", outcome)),
            "AESDTH": yes(events.fatal),
            "AESTDTC": trial.day(events.start, events.patient),
            "AEENDTC": trial.day(end, events.patient),
        },
    )


def cm(trial: Trial, courses: pl.DataFrame) -> pl.DataFrame:
    """Medicines: courses begun before the trial have partial dates here and there."""
    courses = courses.sort("patient", "CMCLAS", "start", maintain_order=True)
    patient = courses["patient"].to_numpy()
    start, end = courses["start"].to_numpy(), courses["end"].to_numpy()
    old = start < trial.people.consent[patient] - np.timedelta64(90, "D")
    written = partly(trial.model, iso(start), trial.streams.rng("cm"), among=old)
    ongoing = np.isnat(end)
    columns = {name: courses[name] for name in courses.columns if name.startswith("CM")}
    columns |= {
        "CMSTDTC": written,
        "CMENDTC": iso(end),
        "CMENRF": blank(np.where(ongoing, "ONGOING", "")),
    }
    return trial.table("CM", patient, {"CMSEQ": sequence(patient), **columns})
