"""Columns of derived records in words: flags, baselines, ranges, grades."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from openlupus.analysis.notes.words import BASELINE, CHOOSE, listed
from openlupus.derivation.laboratory import GRADED
from openlupus.instruments import ctcae
from openlupus.protocol.model import Protocol


def column_in_words(protocol: Protocol, column: str) -> str:
    """`TRTEMFL: how it is derived.`; empty where the name is none of these, or data are given."""
    if column not in _COLUMNS or protocol.data.adam == "given":
        return ""
    return f"{column}: {_COLUMNS[column](protocol)}."


def column_made_of(column: str) -> Iterable[str]:
    """The columns that its definition names and that have one."""
    return _MADE_OF.get(column, ())


def _emergent(protocol: Protocol) -> str:
    days = protocol.safety.days_after_last_dose
    until = "" if days is None else f", and at most {days} days after the last"
    return (
        f"Y where the event starts on or after the day of the first dose{until}, else N; a start"
        " that is partial or missing is the day of the first dose where it may be and the event did"
        " not end before, else the first day that it may be"
    )


def _on_treatment(protocol: Protocol) -> str:
    days = protocol.safety.days_after_last_dose
    end = "the end of the study" if days is None else f"{days} days after the last dose"
    return f"Y after the day of the first dose, up to {end}, but not after death or a data cut"


def _counts(protocol: Protocol) -> str:
    rule = CHOOSE[protocol.schedule.choose].format(ties=protocol.schedule.ties)
    return (
        "Y on the record that counts, of each subject, parameter and visit one: of several in the"
        f" window of the visit, usable ones before others, then {rule}"
    )


def _extreme(side: str) -> Callable[[Protocol], str]:
    return lambda _: (
        f"Y on the {side} value on treatment (ONTRTFL is Y) of each subject and parameter, of equal"
        f" ones the earliest; in ADLB the highest grade of too {_GRADE_OF[side]} values comes first"
    )


_GRADE_OF: Mapping[str, str] = {"lowest": "low", "highest": "high"}


def _said(words: str) -> Callable[[Protocol], str]:
    return lambda _: words


def _grades(side: str) -> str:
    """The CTCAE rules of every test with a term in this direction, from the terms themselves."""
    rules = [
        f"{test}{_rule(rule)}"
        for test, (_, terms) in GRADED.items()
        for rule in map(ctcae.TERMS.__getitem__, terms)
        if isinstance(rule, ctcae.Low) == (side == "low")
    ]
    baseline = (
        "" if side == "low"
        else "; a baseline is looked at after day 1 alone, and where there is one; a grade that"
        " looks at it is missing where its unit cannot be converted to that of the record"
    )  # fmt: skip
    return (
        f"grade of CTCAE 5.0 for too {side} values, by numbers alone, 0 where no mark is met,"
        " missing where the range that would tell is missing (LLN and ULN are the limits of the"
        f" laboratory's range){baseline}. Grades, from 1 on, of {'; '.join(rules)}"
    )


def _rule(rule: ctcae.Rule) -> str:
    match rule:
        case ctcae.Low():
            return f" ({rule.unit}): below LLN, {_numbers(rule.bounds)}"
        case ctcae.High():
            marks = listed([f"{level} above {limit:g}" for level, limit in rule.above])
            return f" ({rule.unit}): grade {marks}"
        case ctcae.Multiple():
            plain = f": above {_numbers(rule.normal)} x ULN"
            if rule.abnormal is None:
                return f"{plain}, whatever the baseline"
            first, *others = rule.abnormal
            marks = (
                f"at least {first:g}, above {_numbers(others)}"
                if rule.from_first
                else f"above {_numbers(rule.abnormal)}"
            )
            return f"{plain} or, where the baseline was above ULN, {marks} x baseline instead"
        case ctcae.Creatinine():
            marks = listed([f"{level} above {limit:g}" for level, limit in rule.baseline])
            return (
                f": above {_numbers(rule.normal)} x ULN, or by the baseline (grade {marks} x"
                " baseline), the higher of the two"
            )


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


_COLUMNS: Mapping[str, Callable[[Protocol], str]] = MappingProxyType({
    "TRTEMFL": _emergent,
    "ONTRTFL": _on_treatment,
    "ANL01FL": _counts,
    "ANL02FL": _extreme("lowest"),
    "ANL03FL": _extreme("highest"),
    "ABLFL": _said(f"Y on the baseline. {BASELINE.removesuffix('.')}"),
    "BASE": _said(
        "the value of the parameter at its baseline (ABLFL is Y), in the unit of the record;"
        " missing where its own cannot be converted"
    ),
    "CHG": _said("AVAL less BASE, after day 1"),
    "PCHG": _said("CHG in per cent of BASE, missing where that is 0"),
    "ANRIND": _said("LOW, NORMAL or HIGH as the laboratory says, else by its range"),
    "BNRIND": _said("ANRIND at baseline (ABLFL is Y)"),
    "R2ANRHI": _said("the value as a multiple of the upper limit of the laboratory's range"),
    "ATOXGRL": _said(_grades("low")),
    "ATOXGRH": _said(_grades("high")),
    "BTOXGRL": _said("ATOXGRL at baseline (ABLFL is Y)"),
    "BTOXGRH": _said("ATOXGRH at baseline (ABLFL is Y)"),
    "PREFL": _said("Y where the medication began before the first dose, or has no start, else N"),
    "CONFL": _said(
        "Y where the medication may have been taken between the first and the last dose, else N; a"
        " partial start counts as its first day and a partial end as its last, one without an end"
        " goes on"
    ),
})  # fmt: skip
_MADE_OF: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "ANL02FL": ("ONTRTFL",), "ANL03FL": ("ONTRTFL",),
    "BASE": ("ABLFL",), "CHG": ("BASE", "ABLFL"), "PCHG": ("CHG", "BASE", "ABLFL"),
    "BNRIND": ("ANRIND", "ABLFL"),
    "BTOXGRL": ("ATOXGRL", "ABLFL"), "BTOXGRH": ("ATOXGRH", "ABLFL"),
})  # fmt: skip
