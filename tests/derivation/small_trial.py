"""Item-level records of a few invented subjects of the trial of tests/studies/twoarm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from openlupus.derivation import AnalysisData, Arms, derive
from openlupus.instruments import bilag2004, pga, sledai2k
from openlupus.protocol import Protocol, parse
from openlupus.records import Records, from_frames

DECLARATION = (Path(__file__).parent.parent / "studies" / "twoarm" / "study.toml").read_text(
    "utf-8"
)
PROTOCOL = parse(DECLARATION)
LOCKED = Arms.unblinded("invented data, nothing to lock")
FIRST_DOSE = date(2020, 3, 2)

Row = dict[str, Any]


def day(study_day: int) -> str:
    """The date of a study day; the first dose is day 1, the day before it -1."""
    after = study_day - 1 if study_day > 0 else study_day
    return (FIRST_DOSE + timedelta(days=after)).isoformat()


@dataclass(frozen=True)
class Visit:
    """What was filled in on one day; None leaves the form out.

    `sledai`: numbers of the items present; `bilag`: item number to value, the rest absent;
    `not_done`: codes of items that were asked but not done.
    """

    on: int
    sledai: Sequence[int] | None = ()
    bilag: Mapping[int, float] | None = field(default_factory=dict[int, float])
    pga: float | None = 1.0
    number: float | None = None
    not_done: Sequence[str] = ()


@dataclass(frozen=True)
class Subject:
    """A subject and all that was recorded of him or her."""

    id: str
    visits: Sequence[Visit] = ()
    arm: str | None = "ACT"
    doses: Sequence[tuple[int, int | None]] = ((1, 112),)
    ended: tuple[str, int] | None = ("COMPLETED", 112)
    strata: Mapping[str, str] = field(default_factory=lambda: {"CONT": "N", "SEV": "LOW"})
    dm: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cm: Sequence[Mapping[str, Any]] = ()
    ae: Sequence[Mapping[str, Any]] = ()
    mh: Sequence[Mapping[str, Any]] = ()
    lb: Sequence[Mapping[str, Any]] = ()
    rs: Sequence[Mapping[str, Any]] = ()
    vs: Sequence[Mapping[str, Any]] = ()


STEADY = (Visit(-28), Visit(1, sledai=(9, 15)), Visit(57), Visit(113))
"""Active at the first dose (SLEDAI-2K 6), nothing afterwards."""


def frames(*subjects: Subject) -> dict[str, pl.DataFrame]:
    """The domains of these subjects."""
    rows: dict[str, list[Row]] = {
        name: [] for name in ("DM", "SUPPDM", "EX", "DS", "CM", "AE", "MH", "LB", "RS", "VS")
    }
    for subject in subjects:
        for name, found in _rows(subject).items():
            rows[name] += [{"STUDYID": "TWOARM", "USUBJID": subject.id, **row} for row in found]
    made = {
        name: pl.DataFrame(found, infer_schema_length=None) for name, found in rows.items() if found
    }
    bare = {"STUDYID": pl.String, "USUBJID": pl.String}
    needed = {
        "EX": bare | {"EXSEQ": pl.Float64, "EXTRT": pl.String, "EXSTDTC": pl.String},
        "DS": bare | {"DSSEQ": pl.Float64, "DSDECOD": pl.String},
        "CM": bare | {"CMSEQ": pl.Float64, "CMTRT": pl.String},
        "RS": bare | {"RSSEQ": pl.Float64, "RSTESTCD": pl.String},
    }
    for name, schema in needed.items():
        made.setdefault(name, pl.DataFrame(schema=schema))
    return made


def records(*subjects: Subject) -> Records:
    """The records of these subjects."""
    return from_frames(frames(*subjects))


def derived(*subjects: Subject, protocol: Protocol = PROTOCOL, **options: Any) -> AnalysisData:
    """Analysis data of these subjects."""
    return derive(protocol, records(*subjects), **({"arms": LOCKED} | options))


def together(subjects: Mapping[str, Subject], **options: Any) -> AnalysisData:
    """Analysis data of many cases at once: each subject has the name of its case."""
    return derived(*(replace(subject, id=name) for name, subject in subjects.items()), **options)


def declared(old: str, new: str) -> Protocol:
    """The declaration with a piece of its text replaced; an empty `old` appends."""
    if not old:
        return parse(DECLARATION + new)
    assert old in DECLARATION
    return parse(DECLARATION.replace(old, new, 1))


def verdict(data: AnalysisData, subject: str, parameter: str, visit: str) -> Row:
    """The row of ADRESP of a subject, end point and visit (by its label)."""
    found = data.frame("ADRESP").filter(
        (pl.col("USUBJID") == subject)
        & (pl.col("PARAMCD") == parameter)
        & (pl.col("AVISIT") == visit)
    )
    return found.row(0, named=True)


def row_of(data: AnalysisData, dataset: str, **where: Any) -> Row:
    """The one row of a data set that has these values."""
    found = data.frame(dataset).filter(*(pl.col(name) == value for name, value in where.items()))
    assert found.height == 1, found
    return found.row(0, named=True)


def excluded(data: AnalysisData, dataset: str, reason: str) -> int:
    """How many records were left out of a data set for a reason."""
    rows = data.excluded.filter((pl.col("dataset") == dataset) & (pl.col("reason") == reason))
    return int(rows["records"].sum())


def drug(
    name: str, start: str | None, end: str | None = None, *, kind: str, dose: float | None = 10,
    often: str | None = "QD", route: str | None = "ORAL", unit: str = "mg",
) -> Row:  # fmt: skip
    """A record of a concomitant drug."""
    return {
        "CMTRT": name, "CMDECOD": name, "CMCLAS": kind, "CMDOSE": dose, "CMDOSU": unit,
        "CMDOSFRQ": often, "CMROUTE": route, "CMSTDTC": start, "CMENDTC": end,
    }  # fmt: skip


def _rows(subject: Subject) -> dict[str, list[Row]]:
    randomised = subject.arm is not None
    told = {"ACT": "Active, 10 mg", "PLA": "Placebo", None: "Screen Failure"}
    dm = {
        "ARMCD": subject.arm or "SCRNFAIL", "ARM": told.get(subject.arm, str(subject.arm)),
        "COUNTRY": "SWE", "SEX": "F", "AGE": 40.0, "RFICDTC": day(-30),
    }  # fmt: skip
    ds = [("PROTOCOL MILESTONE", "RANDOMIZED", "TREATMENT", day(1))] if randomised else []
    if subject.ended:
        term, on = subject.ended
        epoch = "TREATMENT" if randomised else "SCREENING"
        ds.append(("DISPOSITION EVENT", term, epoch, day(on)))
    return {
        "DM": [{**dm, **subject.dm}],
        "SUPPDM": [
            {"RDOMAIN": "DM", "QNAM": name, "QVAL": value} for name, value in subject.strata.items()
        ],
        "EX": _numbered("EX", [
            {"EXTRT": "X", "EXSTDTC": day(a), "EXENDTC": None if b is None else day(b)}
            for a, b in (subject.doses if randomised else ())
        ]),
        "DS": _numbered("DS", [
            {"DSCAT": category, "DSDECOD": term, "DSTERM": term, "EPOCH": epoch, "DSSTDTC": on}
            for category, term, epoch, on in ds
        ]),
        "CM": _numbered("CM", subject.cm),
        "AE": _numbered("AE", subject.ae),
        "MH": _numbered("MH", subject.mh),
        "LB": _numbered("LB", subject.lb),
        "VS": _numbered("VS", subject.vs),
        "RS": _numbered("RS", [row for visit in subject.visits for row in _forms(visit)]
                        + [dict(row) for row in subject.rs]),
    }  # fmt: skip


def _numbered(domain: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [{f"{domain}SEQ": float(i), **row} for i, row in enumerate(rows, 1)]


def item(
    category: str, code: str, on: str | None, *, text: str | None = None,
    number: float | None = None, visit: float | None = None, done: bool = True,
) -> Row:  # fmt: skip
    """One item row of RS."""
    return {
        "RSCAT": category, "RSTESTCD": code,
        "RSSTRESC": text if text is not None else None if number is None else f"{number:g}",
        "RSSTRESN": number, "RSSTAT": None if done else "NOT DONE",
        "VISITNUM": visit, "RSDTC": on,
    }  # fmt: skip


def _forms(visit: Visit) -> list[Row]:
    rows: list[Row] = []
    if visit.sledai is not None:
        rows += [
            item(sledai2k.CATEGORY, i.code, day(visit.on), visit=visit.number,
                 text="Y" if i.number in visit.sledai else "N")
            for i in sledai2k.ITEMS
        ]  # fmt: skip
    if visit.bilag is not None:
        rows += [_bilag_item(i, visit.bilag, visit) for i in bilag2004.ITEMS]
    if visit.pga is not None:
        rows.append(
            item(pga.CATEGORY, pga.CODE, day(visit.on), number=visit.pga, visit=visit.number)
        )
    return [
        {**row, "RSSTRESC": None, "RSSTRESN": None, "RSSTAT": "NOT DONE"}
        if row["RSTESTCD"] in visit.not_done
        else row
        for row in rows
    ]


NORMAL = {
    78: 120, 79: 80, 81: 0, 82: 1, 83: 5, 84: 0.05, 86: 80, 87: 100, 90: 13, 91: 6, 92: 3, 93: 2,
    94: 250,
}  # fmt: skip
"""Unremarkable values of the numeric items of BILAG-2004, by item number."""


def _bilag_item(i: bilag2004.Item, given: Mapping[int, float], visit: Visit) -> Row:
    normal = NORMAL.get(i.number, 0)
    value = float(given.get(i.number, normal))
    if i.type == "yesno":
        return item(bilag2004.CATEGORY, i.code, day(visit.on), text="Y" if value else "N",
                    visit=visit.number)  # fmt: skip
    return item(bilag2004.CATEGORY, i.code, day(visit.on), number=value, visit=visit.number)
