"""Whom and what an analysis sees: the subjects of its population, the records of its data set."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import polars as pl

from openlupus.analysis.pointers import OF_SUBJECT, conjunction, taken, written
from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression
from openlupus.protocol.methods import Incidence
from openlupus.protocol.model import Protocol, Visit
from openlupus.results import ResultRow, pointer

SUBJECT = "USUBJID"
ARM = "_arm"
"""Column of `Scope` frames with the arm's code, planned or actual as the population has it."""
_UNKNOWN = "it cannot be computed from these records"


@dataclass(frozen=True, eq=False)
class Scope:
    """A declared analysis and the data that it sees.

    Attributes:
        name: Id of the analysis.
        subjects: ADSL of the population, by subject, with `ARM`.
        records: Records of these subjects under the analysis's condition and visit, by subject,
            with `ARM` and the columns of ADSL that were asked for.
        about_subjects: The condition that `subjects` meet.
        about_records: The condition that `records` meet (columns of ADSL with their prefix).
        arm: ADSL variable with the code of the arm.
        dataset: Name of the data set that the records are of.
        cautions: Warnings of every row.
    """

    name: str
    analysis: Analysis
    protocol: Protocol
    subjects: pl.DataFrame
    records: pl.DataFrame
    about_subjects: Where
    about_records: Where
    arm: str
    dataset: str
    cautions: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Arms and groups to describe: as declared, else all arms; and all that are compared."""
        described = self.analysis.groups or tuple(self.protocol.arms)
        compared = [member for pair in self.analysis.compare.all for member in pair]
        everyone = ("",) if self.analysis.everyone else ()
        return tuple(dict.fromkeys([*described, *compared, *everyone]))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms among the groups; all arms when there is none. Tests of k samples take these."""
        return tuple(g for g in self.groups if g in self.protocol.arms) or tuple(self.protocol.arms)

    def of(self, frame: pl.DataFrame, group: str) -> pl.DataFrame:
        """Rows of a frame that belong to an arm or group; all rows where that is ""."""
        if not group:
            return frame
        return frame.filter(pl.col(ARM).is_in(list(self.protocol.codes(group))))

    def size(self, group: str) -> int:
        """Subjects of the population in an arm or group."""
        return self.of(self.subjects, group).height

    def source(
        self,
        groups: Iterable[str] = (),
        where: Where | None = None,
        *,
        having: Sequence[Where] = (),
        lacking: Sequence[Where] = (),
    ) -> str:
        """Pointer to the records of these groups that meet a further condition.

        Args:
            groups: Arms and groups.
            where: The further condition.
            having: The subjects have a record of the data set that meets each of these,
            lacking: and none that meets any of these. Where the analysis takes one record of each
                subject, that record alone is asked.
        """
        both = {"having": having, "lacking": lacking}
        of_people = {
            key: [written(_of_records(where)) for where in given]
            for key, given in both.items()
            if given
        }
        return self._pointer(self.dataset, self.about_records, groups, where or {}, of_people)

    def subject_source(self, groups: Iterable[str] = (), where: Where | None = None) -> str:
        """Pointer to the subjects of these groups that meet a further condition on ADSL."""
        return self._pointer("ADSL", {}, groups, where or {})

    def _pointer(
        self,
        dataset: str,
        records: Where,
        groups: Iterable[str],
        further: Where,
        of_people: Mapping[str, object] = MappingProxyType({}),
    ) -> str:
        prefix = "" if dataset == "ADSL" else OF_SUBJECT
        named = tuple(groups)
        codes = tuple(dict.fromkeys(c for g in named if g for c in self.protocol.codes(g)))
        codes = () if "" in named else codes
        members: Where = {self.arm: Test(one_of=codes)} if codes else {}
        subjects = {prefix + column: test for column, test in self.about_subjects.items()}
        members = {prefix + column: test for column, test in members.items()}
        take = self.analysis.take if dataset == self.dataset else None
        if take is None:
            every = conjunction(subjects, members, records, further)
            return pointer(dataset, written(every), more=of_people)
        every = conjunction(subjects, members, records)
        held = {"take": take.model_dump(exclude_defaults=True), "then": written(further)}
        return pointer(dataset, written(every), more=held)

    def row(
        self,
        statistic: str,
        value: float | None,
        *,
        method: str,
        n: int | None,
        source: str,
        parameter: str = "",
        group: str = "",
        comparator: str = "",
        subgroup: str = "",
        visit: str | None = None,
        unit: str = "",
        warnings: Iterable[str] = (),
    ) -> ResultRow:
        """One result of this analysis, at its visit if no other is given; a NaN is a null."""
        known = None if value is None or math.isnan(value) else float(value)
        said = "; ".join(dict.fromkeys([*warnings, *self.cautions]))
        return ResultRow(
            analysis=self.name,
            method=method,
            population=self.analysis.population,
            visit=self.analysis.visit if visit is None else visit,
            parameter=parameter,
            group=group,
            comparator=comparator,
            subgroup=subgroup,
            statistic=statistic,
            value=known,
            unit=unit,
            n=n,
            warnings=said or ("" if known is not None else _UNKNOWN),
            source=source,
        )

    def rows(
        self, values: Mapping[str, float | None], *, warnings: Sequence[str] = (), **shared: Any
    ) -> list[ResultRow]:
        """A row for each statistic; they share all the rest."""
        return [
            self.row(statistic, value, warnings=warnings, **shared)
            for statistic, value in values.items()
        ]


def _of_records(where: Where) -> Where:
    """A condition without its part on subjects, which a pointer's `where` holds for all."""
    return {column: test for column, test in where.items() if not column.startswith(OF_SUBJECT)}


def members(protocol: Protocol, data: AnalysisData, population: str) -> pl.DataFrame:
    """ADSL of the subjects in a population, by subject, with `ARM`.

    Raises:
        AnalysisError: ADSL lacks the column of the arm.
        DerivationError: it lacks a column of the population's condition.
    """
    adsl = data.frame("ADSL")
    arm = arm_column(protocol, population)
    if arm not in adsl.columns:
        raise AnalysisError(
            f"ADSL has no column {arm}, which [data] names for the arm of population {population};"
            f" it has {', '.join(adsl.columns)}"
        )
    inside = expression(protocol.populations[population].where, adsl.schema)
    return adsl.filter(inside).sort(SUBJECT).with_columns(pl.col(arm).cast(pl.String).alias(ARM))


def arm_column(protocol: Protocol, population: str) -> str:
    """ADSL variable with the arm's code, planned or actual."""
    planned = protocol.populations[population].arm == "planned"
    return protocol.data.planned if planned else protocol.data.actual


def scope(
    name: str,
    protocol: Protocol,
    data: AnalysisData,
    subjects: pl.DataFrame,
    *,
    columns: Iterable[str] = (),
    further: Where | None = None,
    dataset: str = "",
) -> Scope:
    """The scope of a declared analysis.

    Args:
        name: Id of the analysis.
        protocol: The declaration.
        data: The analysis data.
        subjects: Its population, as `members` gives it.
        columns: Columns that the analysis reads; those that its data set lacks come from ADSL.
        further: A condition of the method, besides the analysis's own.
        dataset: Data set to read; the analysis's own when empty.

    Raises:
        AnalysisError: a column is in neither, or the data set has no visits.
    """
    analysis = protocol.analyses[name]
    dataset = dataset or analysis.dataset
    frame = data.frame(dataset)
    where = conjunction(analysis.where, further or {})
    if analysis.visit:
        where = conjunction(where, at_visit(protocol.visit(analysis.visit), frame.columns, name))
    take = analysis.take
    ranked = [take.highest or take.lowest] if take else []
    wanted = tuple(dict.fromkeys([*where, *columns, *ranked]))
    borrowed = tuple(c for c in wanted if c not in frame.columns)
    if absent := [c for c in borrowed if c not in subjects.columns]:
        place = "ADSL lacks" if dataset == "ADSL" else f"neither {dataset} nor ADSL has"
        raise AnalysisError(f"analysis {name}: {place} the column {', '.join(absent)}")
    if dataset == "ADSL":
        records = subjects.filter(expression(where, subjects.schema))
    else:
        records = _records(frame, subjects, where, borrowed)
    records = taken(records, take).sort(SUBJECT) if take else records
    about = {OF_SUBJECT + c if c in borrowed else c: test for c, test in where.items()}
    return Scope(
        name, analysis, protocol, subjects, records,
        protocol.populations[analysis.population].where, about,
        arm_column(protocol, analysis.population), dataset,
    )  # fmt: skip


def _records(
    frame: pl.DataFrame, subjects: pl.DataFrame, where: Where, borrowed: tuple[str, ...]
) -> pl.DataFrame:
    """Records that meet a condition on their own columns and on borrowed ones of ADSL."""
    own: Where = {c: test for c, test in where.items() if c not in borrowed}
    of_subject: Where = {c: test for c, test in where.items() if c in borrowed}
    known = subjects.filter(expression(of_subject, subjects.schema))
    known = known.select(SUBJECT, ARM, *borrowed)
    # Filtering comes first: a data set holds every parameter and visit of the trial.
    found = frame.filter(expression(own, frame.schema))
    found = found.join(known, on=SUBJECT, how="inner", maintain_order="left")
    return found.sort(SUBJECT, maintain_order=True)


def at_visit(visit: Visit, columns: Iterable[str], name: str) -> Where:
    """The condition that a record is of a visit: by AVISITN, or AVISIT where there is no number."""
    if "AVISITN" in columns:
        return {"AVISITN": Test(equals=visit.number)}
    if "AVISIT" in columns:
        return {"AVISIT": Test(equals=visit.label)}
    raise AnalysisError(
        f"analysis {name}: it has a visit, and its data set has neither AVISITN nor AVISIT"
    )


def cautious(seen: Scope, data: AnalysisData) -> Scope:
    """The scope, telling on every row the records whose part in it is `not_known`."""
    if seen.dataset == "ADSL":
        return seen
    own: Where = {}
    of_subject: Where = {}
    for column, test in seen.about_records.items():
        if column.startswith(OF_SUBJECT):
            of_subject[column.removeprefix(OF_SUBJECT)] = test
        else:
            own[column] = test
    people = seen.subjects.filter(expression(of_subject, seen.subjects.schema))[SUBJECT]
    held = data.frame(seen.dataset).filter(pl.col(SUBJECT).is_in(people.implode()))
    return replace(seen, cautions=(*seen.cautions, *not_known(held, own, levels_of(seen))))


def levels_of(seen: Scope) -> Mapping[str, tuple[str, ...]]:
    """Columns of the data set of which an incidence by worst level lists all the levels."""
    methods = [a.method for a in seen.protocol.analyses.values() if a.dataset == seen.dataset]
    return {m.worst: m.worst_levels for m in methods if isinstance(m, Incidence) and m.worst}


def not_known(
    records: pl.DataFrame, where: Where, levels: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Warnings: records that a condition leaves out for want of a value that it compares.

    So does a value that is not among the listed levels of its column, if it has such `levels`.
    Records that fail another part of the condition are not counted. A column that holds `Y` and
    nothing else is a flag, in which a missing value says no.
    """
    said: list[str] = []
    for column, test in where.items():
        if records.schema.get(column) != pl.String or test.is_missing is not None:
            continue
        others = {name: other for name, other in where.items() if name != column}
        near = records.filter(expression(others, records.schema))
        empty = near[column].is_null() | (near[column] == "")
        flag = records[column].is_in(["Y", ""]) | records[column].is_null()
        if empty.any() and not flag.all():
            said.append(f"{empty.sum()} record(s) without {column} are not counted")
        tested = {test.equals, *(test.one_of or ()), *(test.none_of or ()), test.not_equals}
        listed = {*levels.get(column, ()), *tested}
        texts = [str(value) for value in listed if value is not None]
        foreign = near[column].filter(~empty & ~near[column].is_in(texts))
        if column in levels and len(foreign):
            names = ", ".join(foreign.unique().sort())
            said.append(f"{len(foreign)} record(s) with {column} {names} are in no listed level")
    return tuple(said)


def one_record_each(scope: Scope) -> None:
    """Refuse data in which a subject has several records under the analysis's condition."""
    twice = scope.records.filter(pl.col(SUBJECT).is_duplicated())
    if twice.height:
        count = twice[SUBJECT].n_unique()
        raise AnalysisError(
            f"analysis {scope.name}: {count} subject(s) have several records in"
            f" {scope.dataset} under its condition, for example {twice[SUBJECT][0]};"
            " narrow `where` until each subject has one"
        )
