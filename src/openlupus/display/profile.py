"""The profile of one patient: what happened, day by day, on a page that can be printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from openlupus.display.figures.course import Bar, Course, Mark, Track, drawn
from openlupus.display.pages import Page
from openlupus.display.rounding import number
from openlupus.errors import DisplayError
from openlupus.protocol import Protocol

Row = dict[str, Any]

_SCORES: Sequence[Sequence[tuple[str, str, str]]] = (
    (("ADSLEDAI", "SLEDTOT", "SLEDAI-2K"), ("ADSLEDAI", "SLEDCLIN", "clinical")),
    (("ADQS", "PGA", "PGA"),),
    (("ADQS", "CLASIA", "CLASI-A"),),
    (("ADQS", "ACTJOINT", "Active joints"),),
)
_SYSTEMS = "BIL0"
"""Parameters of ADBILAG that are grades of a system begin so."""
_FACTS = {
    "ARM": "Arm", "AGE": "Age", "SEX": "Sex", "RACE": "Race", "COUNTRY": "Country",
    "RANDDT": "Randomised", "TRTSDT": "First dose", "TRTEDT": "Last dose", "EOTSTT": "Treatment",
    "DCTREAS": "Reason for stopping treatment", "EOSSTT": "Trial", "DCSREAS": "Reason for leaving",
    "DTHDT": "Died",
}  # fmt: skip
_EVENTS: Sequence[tuple[str, str, Mapping[str, str]]] = (
    ("AE", "Adverse events", {
        "AEDECOD": "Event", "AEBODSYS": "System", "AESEV": "Severity", "AESER": "Serious",
        "AEREL": "Relation", "AEACN": "Action", "AEOUT": "Outcome",
    }),
    ("CM", "Concomitant medication", {
        "CMDECOD": "Drug", "CMCLAS": "Class", "CMDOSE": "Dose", "CMDOSU": "Unit",
        "CMDOSFRQ": "Frequency", "CMROUTE": "Route",
    }),
    ("EX", "Study drug", {
        "EXTRT": "Drug", "EXDOSE": "Dose", "EXDOSU": "Unit", "EXDOSFRQ": "Frequency",
    }),
    ("MH", "Medical history", {"MHCAT": "Category", "MHDECOD": "Term", "MHTERM": "As recorded"}),
    ("DV", "Protocol deviations", {"DVCAT": "Category", "DVTERM": "Deviation"}),
)  # fmt: skip


def profile_page(
    frames: Mapping[str, pl.DataFrame],
    subject: str,
    *,
    protocol: Protocol,
    synthetic: bool,
    dummy_arms: bool,
) -> Page:
    """The page of one patient, from the analysis data and the records that there are.

    Args:
        frames: Data sets and domains by name; rows of other subjects do not count.
        subject: USUBJID.
        protocol: The declaration, for visits and end points.
        synthetic, dummy_arms: What must be said of the page.

    Raises:
        DisplayError: no such subject.
    """
    own = _Subject(frames, subject, protocol)
    name = f"Patient {subject}"
    words = "Scores, organ grades, doses, medication, adverse events and verdicts by visit."
    tables = [own.verdicts(), own.laboratory(), *own.events(), own.intercurrent()]
    return Page(
        title=name,
        subtitle=protocol.study.title,
        facts=own.facts(),
        picture=drawn(own.course(), title=name, words=words),
        tables=tuple(table for table in tables if table is not None),
        synthetic=synthetic,
        dummy_arms=dummy_arms,
    )


@dataclass(frozen=True)
class _Subject:
    """One subject's rows of every frame."""

    frames: Mapping[str, pl.DataFrame]
    subject: str
    protocol: Protocol

    def rows(self, name: str) -> list[Row]:
        frame = self.frames.get(name)
        if frame is None or "USUBJID" not in frame.columns:
            return []
        return frame.filter(pl.col("USUBJID") == self.subject).to_dicts()

    @cached_property
    def adsl(self) -> Row:
        found = self.rows("ADSL")
        if not found:
            raise DisplayError(f"no subject {self.subject} in ADSL")
        return found[0]

    @cached_property
    def first(self) -> date | None:
        """Day 1."""
        return self.adsl.get("TRTSDT") or self.adsl.get("RANDDT")

    def day(self, when: object) -> int | None:
        """Day of the study of a date or of an ISO 8601 text; None where it is not a whole date."""
        if isinstance(when, str):
            try:
                when = date.fromisoformat(when[:10])
            except ValueError:
                return None
        if not isinstance(when, date) or not isinstance(self.first, date):
            return None
        days = (when - self.first).days
        return days + 1 if days >= 0 else days

    # -- the picture ------------------------------------------------------------------------

    def course(self) -> Course:
        visits = tuple((float(v.day), v.label) for v in self.protocol.schedule.visits)
        return Course(
            scores=(*(tuple(self._track(*of) for of in panel) for panel in _SCORES), self._doses()),
            grades=self._grades(),
            bars=(
                ("Study drug", self._bars("EX", "EXTRT", dose="EXDOSE")),
                ("Medication", self._bars("CM", "CMDECOD", dose="CMDOSE")),
                ("Adverse event", self._bars("AE", "AEDECOD", kind="AESEV")),
            ),
            verdicts=self._verdict_marks(),
            visits=visits,
        )

    def _points(self, dataset: str, parameter: str) -> list[tuple[float, float]]:
        rows = [row for row in self.rows(dataset) if row.get("PARAMCD") == parameter]
        pairs = [(row.get("ADY"), row.get("AVAL")) for row in rows]
        return sorted((float(x), float(y)) for x, y in pairs if x is not None and y is not None)

    def _track(self, dataset: str, parameter: str, label: str) -> Track:
        return Track(label, tuple(self._points(dataset, parameter)))

    def _doses(self) -> tuple[Track, ...]:
        points = tuple(self._points("ADGC", "GCDOSE"))
        return (Track("Prednisone, mg/day", points, steps=True),)

    def _grades(self) -> tuple[tuple[str, tuple[Mark, ...]], ...]:
        found: dict[str, list[Mark]] = {}
        for row in self.rows("ADBILAG"):
            graded = str(row.get("PARAMCD", "")).startswith(_SYSTEMS) and row.get("AVALC")
            if graded and row.get("ADY") is not None:
                label = str(row["PARAM"]).removeprefix("BILAG-2004 ").removeprefix("grade, ")
                found.setdefault(label, []).append(Mark(float(row["ADY"]), str(row["AVALC"])))
        return tuple((f"BILAG: {name}", tuple(marks)) for name, marks in found.items())

    def _bars(self, domain: str, label: str, *, dose: str = "", kind: str = "") -> tuple[Bar, ...]:
        made: list[Bar] = []
        for row in self.rows(domain):
            words = str(row.get(label) or row.get(f"{domain}TRT") or row.get(f"{domain}TERM") or "")
            given = row.get(dose)
            amount = f" {given:g} {row.get(f'{domain}DOSU') or ''}".rstrip() if given else ""
            start, end = (self.day(row.get(f"{domain}{at}DTC")) for at in ("ST", "EN"))
            severity = str(row.get(kind) or "").upper()
            made.append(Bar(words.capitalize() + amount, start, end, severity))
        return tuple(sorted(made, key=lambda bar: bar.start if bar.start is not None else -(10**6)))

    def _verdict_marks(self) -> tuple[tuple[str, tuple[Mark, ...]], ...]:
        days = {visit.label: visit.day for visit in self.protocol.schedule.visits}
        found: dict[str, list[Mark]] = {}
        for row in self.rows("ADRESP"):
            day = days.get(str(row.get("AVISIT")))
            if day is not None and row.get("AVALC"):
                found.setdefault(str(row["PARAM"]), []).append(Mark(day, str(row["AVALC"])))
        return tuple((name, tuple(marks)) for name, marks in found.items())

    # -- the tables -------------------------------------------------------------------------

    def facts(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (words, _text(self.adsl[column]))
            for column, words in _FACTS.items()
            if self.adsl.get(column) is not None
        )

    def verdicts(self) -> tuple[str, pl.DataFrame] | None:
        """The verdict of each end point at each visit, with its reason."""
        cells: dict[str, dict[str, str]] = {}
        for row in self.rows("ADRESP"):
            said = [_text(row.get("AVALC")) or "missing", _text(row.get("REASON"))]
            text = ": ".join(part for part in said if part)
            cells.setdefault(str(row["PARAM"]), {})[str(row["AVISIT"])] = text
        return _wide("Verdicts and their reasons", "End point", cells)

    def laboratory(self) -> tuple[str, pl.DataFrame] | None:
        """Each test at each visit, with CTCAE grades above 0, or L and H where there is none."""
        cells: dict[str, dict[str, str]] = {}
        for row in self.rows("ADLB") or self.rows("LB"):
            value = row.get("AVAL", row.get("LBSTRESN"))
            test = row.get("PARAM") or " ".join(
                filter(
                    None, (row.get("LBTEST"), f"({row['LBSTRESU']})" if row.get("LBSTRESU") else "")
                )
            )
            visit = row.get("AVISIT") or row.get("VISIT")
            if value is not None and visit:
                text = _plain(float(value)) + _graded(row)
                cells.setdefault(str(test), {}).setdefault(str(visit), text)
        return _wide("Laboratory", "Test", cells)

    def events(self) -> Iterable[tuple[str, pl.DataFrame] | None]:
        """Listings of the domains that were recorded, by the day that each began."""
        for domain, title, columns in _EVENTS:
            if domain not in self.frames:
                continue
            held = [
                {
                    **{words: _text(row.get(column)) for column, words in columns.items()},
                    "From day": self.day(row.get(f"{domain}STDTC")),
                    "To day": self.day(row.get(f"{domain}ENDTC")),
                }
                for row in self.rows(domain)
            ]
            held.sort(key=lambda row: row["From day"] if row["From day"] is not None else -(10**6))
            schema = {**dict.fromkeys(columns.values(), pl.String()),
                      "From day": pl.Int64(), "To day": pl.Int64()}  # fmt: skip
            frame = pl.DataFrame(held, schema=schema)
            empty = [c for c in columns.values() if frame.height and (frame[c] == "").all()]
            yield title, frame.drop(empty)

    def intercurrent(self) -> tuple[str, pl.DataFrame] | None:
        rows = self.rows("ADICE")
        if not rows:
            return None
        held = [
            {"Event": _text(row.get("ICETERM")), "What": _text(row.get("ICEDESC")),
             "Day": _text(row.get("ASTDY"))}
            for row in rows
        ]  # fmt: skip
        return "Intercurrent events", pl.DataFrame(held)


def _wide(
    title: str, stub: str, cells: Mapping[str, Mapping[str, str]]
) -> tuple[str, pl.DataFrame] | None:
    """A row a name, a column a visit."""
    if not cells:
        return None
    visits = list(dict.fromkeys(visit for held in cells.values() for visit in held))
    rows = [
        {stub: name, **{visit: held.get(visit, "") for visit in visits}}
        for name, held in cells.items()
    ]
    return title, pl.DataFrame(rows)


def _graded(row: Row) -> str:
    grades = [row.get(name) for name in ("ATOXGRL", "ATOXGRH")]
    known = [str(grade) for grade in grades if grade not in (None, "", "0")]
    if known:
        return f" (grade {max(known)})"
    side = str(row.get("ANRIND") or row.get("LBNRIND") or "")
    return f" ({side[0]})" if side in ("LOW", "HIGH", "L", "H") else ""


def _text(value: object) -> str:
    if value is None:
        return ""
    return _plain(value) if isinstance(value, float) else str(value)


def _plain(value: float) -> str:
    text = number(value, digits=3)
    return text.rstrip("0").rstrip(".") if "." in text else text
