"""The domains of subjects, exposure, disposition, history, deviations and visits of a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation import long
from openlupus.simulation.events import Events
from openlupus.simulation.medication import Changes
from openlupus.simulation.model import Model
from openlupus.simulation.people import Dates, People, Texts
from openlupus.simulation.streams import Streams
from openlupus.simulation.visits import DEATH, Stops

WITHDRAWAL = "WITHDRAWAL BY SUBJECT"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the domains of subjects are made of, of one chunk; shape (patients,) where arrays.

    `level` holds the id of the level of each stratification factor as randomised; `ended` the
    offset of the last contact of the treatment period.
    """

    protocol: Protocol
    model: Model
    study: str
    subject: list[str]
    people: People
    arm: Ints
    level: dict[str, Texts]
    first_dose: Dates
    stops: Stops
    ended: Floats
    events: Events
    streams: Streams

    def day(self, offset: Floats | Ints, patient: Ints | None = None) -> pl.Series:
        """ISO dates of offsets (null for nan), of all patients or of those given."""
        first = self.first_dose if patient is None else self.first_dose[patient]
        known = ~np.isnan(np.asarray(offset, np.float64))
        moved = np.nan_to_num(np.asarray(offset, np.float64)).astype("timedelta64[D]")
        return iso(np.where(known, first + moved, np.datetime64("NaT")))

    def table(
        self, domain: str, patient: Ints, columns: Mapping[str, pl.Series | pl.Expr]
    ) -> pl.DataFrame:
        """Rows of a domain, identified and numbered; `patient` in order."""
        subject = pl.Series(self.subject, dtype=pl.String).gather(
            pl.Series(patient, dtype=pl.Int64)
        )
        identity = (pl.lit(self.study).alias("STUDYID"), pl.lit(domain).alias("DOMAIN"))
        others = (column.alias(name) for name, column in columns.items())
        return pl.select(*identity, subject.alias("USUBJID"), *others)


def iso(dates: Dates) -> pl.Series:
    """Dates as ISO 8601 text; null where not a date."""
    return pl.Series(dates.astype("datetime64[D]")).cast(pl.Date).dt.to_string("%Y-%m-%d")


def dm(trial: Trial) -> pl.DataFrame:
    """One row a screened subject."""
    people, treated, n = trial.people, trial.stops.treated, len(trial.people)
    arms = list(trial.protocol.arms.values())
    codes = pl.Series([a.code for a in arms] + [None], dtype=pl.String)
    labels = pl.Series([a.label for a in arms] + [None], dtype=pl.String)
    planned = pl.Series(np.where(people.randomised, trial.arm, len(arms)))
    actual = pl.Series(np.where(treated, trial.arm, len(arms)))
    never = np.full(n, np.nan)
    dead = trial.stops.cause == DEATH
    reason = np.select(
        [~people.randomised, ~treated], ["SCREEN FAILURE", "ASSIGNED, NOT TREATED"], default=""
    )
    ended = np.where(people.randomised, trial.ended, np.nan)
    return trial.table(
        "DM",
        np.arange(n),
        {
            "SUBJID": pl.Series([subject.rsplit("-", 1)[1] for subject in trial.subject]),
            "RFSTDTC": trial.day(np.where(treated, 0.0, never)),
            "RFENDTC": trial.day(trial.stops.last),
            "RFXSTDTC": trial.day(np.where(treated, 0.0, never)),
            "RFXENDTC": trial.day(trial.stops.last),
            "RFICDTC": iso(people.consent),
            "RFPENDTC": trial.day(ended),
            "DTHDTC": trial.day(np.where(dead, trial.ended, np.nan)),
            "DTHFL": blank(np.where(dead, "Y", "")),
            "SITEID": pl.Series([f"{site:03d}" for site in people.site.tolist()], dtype=pl.String),
            "BRTHDTC": iso(people.birth).str.slice(0, 7),
            "AGE": pl.Series(people.age),
            "AGEU": pl.lit("YEARS"),
            "SEX": pl.Series(np.where(people.female, "F", "M")),
            "RACE": pl.Series(people.race),
            "ETHNIC": pl.Series(
                np.where(people.hispanic, "HISPANIC OR LATINO", "NOT HISPANIC OR LATINO")
            ),
            "ARMCD": codes.gather(planned),
            "ARM": labels.gather(planned),
            "ACTARMCD": codes.gather(actual),
            "ACTARM": labels.gather(actual),
            "ARMNRS": blank(reason),
            "COUNTRY": pl.Series(people.country),
        },
    )


def suppdm(trial: Trial) -> pl.DataFrame:
    """Stratification factors as randomised."""
    rows = np.flatnonzero(trial.people.randomised)
    frames = [
        _qualifier(trial, rows, factor.randomised, factor.label, pl.Series(level[rows]))
        for name, level in trial.level.items()
        for factor in (trial.protocol.strata[name],)
    ]
    nothing = _qualifier(trial, rows[:0], "", "", pl.Series(dtype=pl.String))
    return pl.concat([nothing, *frames]).sort("USUBJID", "QNAM")


def _qualifier(trial: Trial, rows: Ints, name: str, label: str, value: pl.Series) -> pl.DataFrame:
    none = pl.lit(None, pl.String)
    columns: dict[str, pl.Series | pl.Expr] = {
        "IDVAR": none,
        "IDVARVAL": none,
        "QNAM": pl.lit(name),
        "QLABEL": pl.lit(label),
        "QVAL": value,
        "QORIG": pl.lit("ASSIGNED"),
        "QEVAL": none,
    }
    frame = trial.table("", rows, columns).rename({"DOMAIN": "RDOMAIN"})
    return frame.with_columns(RDOMAIN=pl.lit("DM"))


def mh(trial: Trial, skin: Bools) -> pl.DataFrame:
    """Diagnosis and history; `skin` says whose skin is active at screening, shape (patients,)."""
    people, rng, n = trial.people, trial.streams.rng("history"), len(trial.people)
    entries = [
        (np.arange(n), "PRIMARY DIAGNOSIS", *[trial.model.people.diagnosis] * 2, people.diagnosis)
    ]
    for entry in trial.model.people.history:
        has = people.randomised & (rng.random(n) < entry.probability) & (skin | (not entry.skin))
        since = (people.consent - people.diagnosis).astype(int) * rng.random(n)
        begun = people.diagnosis + since.astype("timedelta64[D]")
        entries.append((np.flatnonzero(has), entry.category, entry.term, entry.coded, begun))
    tables = [
        trial.table(
            "MH",
            patient,
            {
                "MHTERM": pl.lit(term),
                "MHDECOD": pl.lit(coded.upper()),
                "MHCAT": pl.lit(category),
                "MHSTDTC": partly(trial.model, iso(begun[patient]), rng),
            },
        )
        for patient, category, term, coded, begun in entries
    ]
    return numbered("MH", pl.concat(tables).sort("USUBJID", maintain_order=True))


def ie(trial: Trial) -> pl.DataFrame:
    """The criterion that each screening failure did not meet."""
    failing = np.flatnonzero(~trial.people.randomised)
    failures = trial.model.screening.failures
    which = pl.Series(trial.people.failure[failing])
    category = pl.Series([f.category for f in failures]).gather(which)
    # The answer to an unmet inclusion criterion is no, to a met exclusion criterion yes.
    answer = yes((category == "EXCLUSION").to_numpy())
    return trial.table(
        "IE",
        failing,
        {
            "IESEQ": sequence(failing),
            "IETESTCD": pl.Series([f.code for f in failures]).gather(which),
            "IETEST": pl.Series([f.criterion for f in failures]).gather(which),
            "IECAT": category,
            "IEORRES": answer,
            "IESTRESC": answer,
            "IEDTC": trial.day(trial.ended[failing], failing),
        },
    )


def dv(trial: Trial, changes: Changes) -> pl.DataFrame:
    """Protocol deviations: those drawn by chance, and the medicines that were prohibited."""
    rng, n = trial.streams.rng("deviations"), len(trial.people)
    tables: list[pl.DataFrame] = []
    for deviation in trial.model.conduct.deviations:
        has = trial.stops.treated & (rng.random(n) < deviation.probability)
        day = np.floor(rng.random(n) * (np.nan_to_num(trial.stops.last) + 1))
        if deviation.kind == "prohibited_medication":
            has = trial.stops.treated & ~np.isnan(changes.prohibited)
            day = changes.prohibited
        patient = np.flatnonzero(has)
        columns = {
            "DVTERM": pl.lit(deviation.term),
            "DVCAT": pl.lit(deviation.category),
            "DVSTDTC": trial.day(day[patient], patient),
        }
        tables.append(trial.table("DV", patient, columns))
    if not tables:
        none = pl.lit(None, pl.String)
        tables = [
            trial.table(
                "DV", np.zeros(0, np.int64), {"DVTERM": none, "DVCAT": none, "DVSTDTC": none}
            )
        ]
    return numbered("DV", pl.concat(tables).sort("USUBJID", maintain_order=True))


def sv(trial: Trial, patient: Ints, number: Floats, visit: Texts, dates: Dates) -> pl.DataFrame:
    """One row a visit that was held."""
    day = iso(dates)
    columns = {
        "VISITNUM": pl.Series(number),
        "VISIT": pl.Series(visit),
        "SVSTDTC": day,
        "SVENDTC": day,
    }
    return trial.table("SV", patient, columns)


def partly(
    model: Model, dates: pl.Series, rng: np.random.Generator, *, among: Bools | None = None
) -> pl.Series:
    """Dates of which some have only their year, or year and month."""
    year, month = model.people.partial_dates
    u = rng.random(len(dates))
    length = np.where(u < year, 4, np.where(u < year + month, 7, 10))
    kept = pl.Series(length if among is None else np.where(among, length, 10))
    return pl.select(dates.str.slice(0, kept)).to_series() if len(dates) else dates


def sequence(patient: Ints) -> pl.Series:
    """1, 2, 3, ... within each patient, as a number of SDTM."""
    return pl.Series(long.sequence(patient)).cast(pl.Float64)


def numbered(domain: str, table: pl.DataFrame) -> pl.DataFrame:
    """The sequence number of each row within its subject, put beside it."""
    identity = ["STUDYID", "DOMAIN", "USUBJID"]
    number = pl.int_range(1, pl.len() + 1).over("USUBJID").cast(pl.Float64).alias(f"{domain}SEQ")
    return table.select(*identity, number, pl.exclude(identity))


def yes(flags: Bools) -> pl.Series:
    return pl.Series(np.where(flags, "Y", "N"), dtype=pl.String)


def blank(texts: Texts) -> pl.Series:
    """Text with the empty made missing."""
    return pl.Series(texts, dtype=pl.String).replace("", None)
