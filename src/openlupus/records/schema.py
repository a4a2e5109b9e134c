"""The SDTM domains that OpenLupus knows, one table a domain.

A column that a table does not name is allowed and kept; a domain without a table is kept too, and
only its identifiers are checked. Source: CDISC SDTM Implementation Guide 3.4; the items of the
instruments, for which CDISC has no terminology, are described in docs/guide/joints.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import polars as pl

Type = Literal["text", "number", "date", "datetime"]

NUMERIC_NAME = re.compile(
    r"[A-Z]{2}(SEQ|DY|STDY|ENDY|DOSE|STRESN|STNRLO|STNRHI|TPTNUM)|VISIT(NUM|DY)|TAETORD"
)
"""Names of numeric columns in any domain, by the naming rules of SDTM."""

YES = ("Y",)
YES_NO = ("Y", "N")
NOT_DONE = ("NOT DONE",)
FREQUENCIES = (
    "ONCE", "QD", "BID", "TID", "QID", "QOD", "QW", "BIW", "TIW", "Q2W", "Q3W", "Q4W", "QM", "PRN",
    "CONTINUOUS", "OTHER", "UNKNOWN",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a domain: dates are ISO 8601 text, as collected, and may be partial.

    `terms` are the only values allowed; `low` and `high` bound a number, inclusive; `unit` is the
    unit of a number that has the same one in every row.
    """

    name: str
    label: str
    type: Type = "text"
    required: bool = False
    key: bool = False
    terms: tuple[str, ...] = ()
    unit: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def dtype(self) -> pl.DataType:
        """Numbers are `Float64`; all else is `String`."""
        return pl.Float64() if self.type == "number" else pl.String()


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: its columns in the order of the Implementation Guide."""

    name: str
    label: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that together name one row."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)

    @property
    def dates(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.type in ("date", "datetime"))

    @property
    def labels(self) -> Mapping[str, str]:
        return {column.name: column.label for column in self.columns}

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def column(self, name: str) -> Column | None:
        """The column of this name, or None when the table does not have it."""
        return next((column for column in self.columns if column.name == name), None)


def _text(name: str, label: str, *terms: str, required: bool = False) -> Column:
    return Column(name, label, terms=terms, required=required)


def _number(
    name: str, label: str, low: float | None = None, high: float | None = None, unit: str = ""
) -> Column:
    return Column(name, label, "number", low=low, high=high, unit=unit)


def _moment(name: str, label: str) -> Column:
    return Column(name, label, "datetime")


def _day(name: str, label: str) -> Column:
    return Column(name, label, "number", unit="days")


def _key(column: Column) -> Column:
    return replace(column, required=True, key=True)


STUDYID = _text("STUDYID", "Study Identifier", required=True)
DOMAIN = _text("DOMAIN", "Domain Abbreviation")
USUBJID = Column("USUBJID", "Unique Subject Identifier", required=True, key=True)
VISITNUM = _number("VISITNUM", "Visit Number")
VISIT = _text("VISIT", "Visit Name")


def _subject_domain(name: str, label: str, *columns: Column) -> Domain:
    """A domain of subjects whose rows are numbered within the subject."""
    sequence = _key(_number(f"{name}SEQ", "Sequence Number", low=1))
    return Domain(name, label, (STUDYID, DOMAIN, USUBJID, sequence, *columns))


def _findings_domain(name: str, label: str, *more: Column) -> Domain:
    """A domain of one result a row, with the columns that all findings share."""
    return _subject_domain(
        name,
        label,
        _text(f"{name}TESTCD", "Short Name of Test", required=True),
        _text(f"{name}TEST", "Name of Test"),
        _text(f"{name}CAT", "Category"),
        _text(f"{name}SCAT", "Subcategory"),
        _text(f"{name}ORRES", "Result or Finding in Original Units"),
        _text(f"{name}ORRESU", "Original Units"),
        _text(f"{name}STRESC", "Character Result/Finding in Std Format"),
        _number(f"{name}STRESN", "Numeric Result/Finding in Standard Units"),
        _text(f"{name}STRESU", "Standard Units"),
        _text(f"{name}STAT", "Completion Status", *NOT_DONE),
        _text(f"{name}REASND", "Reason Not Done"),
        *more,
        VISITNUM,
        VISIT,
        _moment(f"{name}DTC", "Date/Time of Collection"),
        _day(f"{name}DY", "Study Day of Collection"),
    )


_DM = Domain(
    "DM",
    "Demographics",
    (
        STUDYID,
        DOMAIN,
        USUBJID,
        _text("SUBJID", "Subject Identifier for the Study"),
        _moment("RFSTDTC", "Subject Reference Start Date/Time"),
        _moment("RFENDTC", "Subject Reference End Date/Time"),
        _moment("RFXSTDTC", "Date/Time of First Study Treatment"),
        _moment("RFXENDTC", "Date/Time of Last Study Treatment"),
        _moment("RFICDTC", "Date/Time of Informed Consent"),
        _moment("RFPENDTC", "Date/Time of End of Participation"),
        _moment("DTHDTC", "Date/Time of Death"),
        _text("DTHFL", "Subject Death Flag", *YES),
        _text("SITEID", "Study Site Identifier"),
        Column("BRTHDTC", "Date/Time of Birth", "date"),
        _number("AGE", "Age", low=0, high=120),
        _text("AGEU", "Age Units", "YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS"),
        _text("SEX", "Sex", "F", "M", "U", "INTERSEX", "UNDIFFERENTIATED"),
        _text("RACE", "Race"),
        _text("ETHNIC", "Ethnicity"),
        _text("ARMCD", "Planned Arm Code", required=True),
        _text("ARM", "Description of Planned Arm"),
        _text("ACTARMCD", "Actual Arm Code"),
        _text("ACTARM", "Description of Actual Arm"),
        _text("ARMNRS", "Reason Arm and/or Actual Arm is Null"),
        _text("COUNTRY", "Country"),
    ),
)

_EX = _subject_domain(
    "EX",
    "Exposure",
    _text("EXTRT", "Name of Treatment", required=True),
    _number("EXDOSE", "Dose", low=0),
    _text("EXDOSU", "Dose Units"),
    _text("EXDOSFRM", "Dose Form"),
    _text("EXDOSFRQ", "Dosing Frequency per Interval", *FREQUENCIES),
    _text("EXROUTE", "Route of Administration"),
    VISITNUM,
    VISIT,
    _moment("EXSTDTC", "Start Date/Time of Treatment"),
    _moment("EXENDTC", "End Date/Time of Treatment"),
)

_CM = _subject_domain(
    "CM",
    "Concomitant/Prior Medications",
    _text("CMTRT", "Reported Name of Drug, Med, or Therapy", required=True),
    _text("CMDECOD", "Standardized Medication Name"),
    _text("CMINDC", "Indication"),
    _text("CMCLAS", "Medication Class"),
    _number("CMDOSE", "Dose per Administration", low=0),
    _text("CMDOSU", "Dose Units"),
    _text("CMDOSFRQ", "Dosing Frequency per Interval"),
    _text("CMROUTE", "Route of Administration"),
    _moment("CMSTDTC", "Start Date/Time of Medication"),
    _moment("CMENDTC", "End Date/Time of Medication"),
    _text("CMENRF", "End Relative to Reference Period"),
)

_DS = _subject_domain(
    "DS",
    "Disposition",
    _text("DSTERM", "Reported Term for the Disposition Event"),
    _text("DSDECOD", "Standardized Disposition Term", required=True),
    _text(
        "DSCAT",
        "Category for Disposition Event",
        "PROTOCOL MILESTONE",
        "DISPOSITION EVENT",
        "OTHER EVENT",
    ),
    _text("EPOCH", "Epoch"),
    _moment("DSDTC", "Date/Time of Collection"),
    _moment("DSSTDTC", "Start Date/Time of Disposition Event"),
)

_AE = _subject_domain(
    "AE",
    "Adverse Events",
    _text("AETERM", "Reported Term for the Adverse Event", required=True),
    _text("AEDECOD", "Dictionary-Derived Term"),
    _text("AEBODSYS", "Body System or Organ Class"),
    _text("AESEV", "Severity/Intensity", "MILD", "MODERATE", "SEVERE"),
    _text("AETOXGR", "Standard Toxicity Grade", "1", "2", "3", "4", "5"),
    _text("AESER", "Serious Event", *YES_NO),
    _text("AEREL", "Causality"),
    _text(
        "AEACN",
        "Action Taken with Study Treatment",
        "DRUG WITHDRAWN",
        "DRUG INTERRUPTED",
        "DOSE REDUCED",
        "DOSE INCREASED",
        "DOSE NOT CHANGED",
        "DOSE RATE REDUCED",
        "NOT APPLICABLE",
        "UNKNOWN",
    ),
    _text(
        "AEOUT",
        "Outcome of Adverse Event",
        "RECOVERED/RESOLVED",
        "RECOVERED/RESOLVED WITH SEQUELAE",
        "RECOVERING/RESOLVING",
        "NOT RECOVERED/NOT RESOLVED",
        "FATAL",
        "UNKNOWN",
    ),
    _text("AESDTH", "Results in Death", *YES_NO),
    _moment("AESTDTC", "Start Date/Time of Adverse Event"),
    _moment("AEENDTC", "End Date/Time of Adverse Event"),
)

_MH = _subject_domain(
    "MH",
    "Medical History",
    _text("MHTERM", "Reported Term for the Medical History", required=True),
    _text("MHDECOD", "Dictionary-Derived Term"),
    _text("MHCAT", "Category for Medical History"),
    _moment("MHSTDTC", "Start Date/Time of Medical History Event"),
    _moment("MHENDTC", "End Date/Time of Medical History Event"),
)

_DV = _subject_domain(
    "DV",
    "Protocol Deviations",
    _text("DVTERM", "Protocol Deviation Term", required=True),
    _text("DVDECOD", "Protocol Deviation Coded Term"),
    _text("DVCAT", "Category for Protocol Deviation"),
    _moment("DVSTDTC", "Start Date/Time of Deviation"),
    _moment("DVENDTC", "End Date/Time of Deviation"),
)

_SV = Domain(
    "SV",
    "Subject Visits",
    (
        STUDYID,
        DOMAIN,
        USUBJID,
        _key(VISITNUM),
        VISIT,
        _moment("SVSTDTC", "Start Date/Time of Visit"),
        _moment("SVENDTC", "End Date/Time of Visit"),
    ),
)

_LB = _findings_domain(
    "LB",
    "Laboratory Test Results",
    _number("LBSTNRLO", "Reference Range Lower Limit-Std Units"),
    _number("LBSTNRHI", "Reference Range Upper Limit-Std Units"),
    _text("LBSPEC", "Specimen Type"),
)

DOMAINS: Mapping[str, Domain] = MappingProxyType(
    {
        domain.name: domain
        for domain in (
            _DM, _EX, _CM, _DS, _AE, _MH, _DV, _SV, _LB,
            _findings_domain("RS", "Disease Response and Clin Classification"),
            _findings_domain("QS", "Questionnaires"),
            _findings_domain("MK", "Musculoskeletal System Findings", _text("MKLOC", "Location")),
            _findings_domain("GF", "Genomics Findings", _text("GFGENSYM", "Genomic Symbol")),
            _findings_domain("VS", "Vital Signs"),
            _findings_domain("EG", "ECG Test Results"),
            _findings_domain("IE", "Inclusion/Exclusion Criteria Not Met"),
            _findings_domain("PC", "Pharmacokinetics Concentrations"),
        )
    }
)  # fmt: skip
"""The declared domains by name; `domain` also answers for SUPP-- and for any other domain."""

_TRIAL_DESIGN = frozenset({"TA", "TD", "TE", "TI", "TM", "TS", "TV", "DI", "OI"})


def domain(name: str) -> Domain:
    """The table of a domain: a declared one, that of SUPP--, or bare identifiers."""
    if name in DOMAINS:
        return DOMAINS[name]
    if name.startswith("SUPP"):
        return _supplemental(name)
    if name in _TRIAL_DESIGN or name == "RELREC":
        return Domain(name, name, (STUDYID, DOMAIN))
    return Domain(name, name, (STUDYID, DOMAIN, USUBJID))


def _supplemental(name: str) -> Domain:
    # In SUPPDM both IDVAR columns are blank: the subject and QNAM name the row.
    reference = () if name == "SUPPDM" else ("IDVAR", "IDVARVAL")
    columns = (
        STUDYID,
        _text("RDOMAIN", "Related Domain Abbreviation", required=True),
        USUBJID,
        Column("IDVAR", "Identifying Variable", key="IDVAR" in reference),
        Column("IDVARVAL", "Identifying Variable Value", key="IDVARVAL" in reference),
        _key(_text("QNAM", "Qualifier Variable Name")),
        _text("QLABEL", "Qualifier Variable Label"),
        _text("QVAL", "Data Value", required=True),
        _text("QORIG", "Origin"),
        _text("QEVAL", "Evaluator"),
    )
    return Domain(name, f"Supplemental Qualifiers for {name.removeprefix('SUPP')}", columns)


def is_numeric_name(name: str) -> bool:
    """Whether SDTM's naming rules make a column of this name a number."""
    return NUMERIC_NAME.fullmatch(name) is not None
