"""Conditions joined into one, and the pointer from a result to the records that it rests on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from pydantic import TypeAdapter, ValidationError

from openlupus.derivation.model import AnalysisData
from openlupus.errors import AnalysisError, DerivationError
from openlupus.protocol.analyses import Take
from openlupus.protocol.base import Test, Where
from openlupus.protocol.conditions import expression

OF_SUBJECT = "ADSL."
"""Before a column in a pointer: a condition on the subject of a record, not on the record."""
_WHERE: TypeAdapter[Where] = TypeAdapter(Where)
_WHERES: TypeAdapter[tuple[Where, ...]] = TypeAdapter(tuple[Where, ...])


@dataclass(frozen=True)
class Pointer:
    """What leads from a result to the records that it rests on.

    Attributes:
        dataset: Whose records they are.
        where: What they meet; a column `ADSL.X`, or one that the data set lacks, is the subject's.
        having: Their subjects have a record of the data set that meets each of these,
        lacking: and none that meets any of these.
        take: Which of the records of a subject is taken; all when None.
        then: What the record that is taken meets.
    """

    dataset: str
    where: Where
    having: tuple[Where, ...] = ()
    lacking: tuple[Where, ...] = ()
    take: Take | None = None
    then: Where = field(default_factory=dict[str, Test])


def conjunction(*conditions: Where) -> Where:
    """The condition that holds where all of these hold."""
    every: Where = {}
    for condition in conditions:
        for column, test in condition.items():
            every[column] = _both(every[column], test) if column in every else test
    return every


def _both(a: Test, b: Test) -> Test:
    if a == b:
        return a
    allowed = [_allowed(test) for test in (a, b)]
    given = [values for values in allowed if values is not None]
    meet = [v for v in given[0] if all(v in values for values in given)] if given else None
    if a.is_missing is not None and b.is_missing is not None and a.is_missing != b.is_missing:
        meet = []
    refused = [v for test in (a, b) for v in _refused(test)]
    return Test(
        one_of=None if meet is None else tuple(meet),
        none_of=tuple(dict.fromkeys(refused)) or None,
        at_least=_extreme(max, a.at_least, b.at_least),
        above=_extreme(max, a.above, b.above),
        at_most=_extreme(min, a.at_most, b.at_most),
        below=_extreme(min, a.below, b.below),
        is_missing=a.is_missing if a.is_missing is not None else b.is_missing,
    )


def _allowed(test: Test) -> tuple[str | float, ...] | None:
    if test.equals is None:
        return test.one_of
    inside = test.one_of is None or test.equals in test.one_of
    return (test.equals,) if inside else ()


def _refused(test: Test) -> tuple[str | float, ...]:
    own = () if test.not_equals is None else (test.not_equals,)
    return (*own, *(test.none_of or ()))


def _extreme(choose: Any, *bounds: float | None) -> float | None:
    given = [bound for bound in bounds if bound is not None]
    return choose(given) if given else None


def written(where: Where) -> dict[str, object]:
    """A condition as it is written in a declaration."""
    return {column: _written(test) for column, test in where.items()}


def _written(test: Test) -> object:
    given = test.model_dump(exclude_none=True)
    if list(given) == ["equals"]:
        return given["equals"]
    if list(given) == ["one_of"] and test.one_of:
        return test.one_of[0] if len(test.one_of) == 1 else list(test.one_of)
    return given


def records_behind(data: AnalysisData, source: str) -> pl.DataFrame:
    """The records that a result rests on.

    Args:
        data: The analysis data that were analysed.
        source: The result row's `source`; a column `ADSL.X` in it, or one
            that the data set lacks, asks for the subject's value.

    Raises:
        AnalysisError: the pointer cannot be read, or does not fit these data.
    """
    try:
        asked = read_pointer(source)
        found = _meeting(data, asked.dataset, asked.where)
        for where in asked.having:
            found = _of(found, _meeting(data, asked.dataset, where), "semi")
        for where in asked.lacking:
            found = _of(found, _meeting(data, asked.dataset, where), "anti")
        if asked.take is None:
            return found
        found = taken(found, asked.take)
        return found.filter(expression(asked.then, found.schema))
    except DerivationError as error:
        raise AnalysisError(f"the pointer {source} does not fit these data: {error}") from None


def _meeting(data: AnalysisData, dataset: str, where: Where) -> pl.DataFrame:
    """Records of a data set that meet a condition on them and on their subjects."""
    own, of_subject = _parted(data, dataset, where)
    adsl, frame = data.frame("ADSL"), data.frame(dataset)
    inside = adsl.filter(expression(of_subject, adsl.schema))
    return _of(frame.filter(expression(own, frame.schema)), inside, "semi")


def _of(records: pl.DataFrame, people: pl.DataFrame, how: Literal["semi", "anti"]) -> pl.DataFrame:
    """Records of these subjects (semi), or of all others (anti)."""
    return records.join(people.select("USUBJID"), on="USUBJID", how=how, maintain_order="left")


def taken(records: pl.DataFrame, take: Take) -> pl.DataFrame:
    """One record a subject, as an analysis takes it; a missing value is never taken before one."""
    column = take.highest or take.lowest
    ordered = records.sort(
        column, descending=bool(take.highest), nulls_last=True, maintain_order=True
    )
    return ordered.unique("USUBJID", keep="first", maintain_order=True)


def subjects_behind(data: AnalysisData, sources: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The subjects that results rest on: places in ADSL, ascending, by pointer.

    As `records_behind`, for many pointers at once: each condition is looked at once. A pointer
    that does not fit these data is left out.

    Raises:
        AnalysisError: a pointer cannot be read.
    """
    order = {subject: i for i, subject in enumerate(data.frame("ADSL")["USUBJID"])}
    behind: dict[str, tuple[int, ...]] = {}
    parted: dict[str, tuple[list[_Pair], list[_Pair]]] = {}
    for source in dict.fromkeys(sources):
        try:
            asked = read_pointer(source)
            if asked.take is not None:
                people = records_behind(data, source)["USUBJID"].unique()
                behind[source] = tuple(sorted(order[subject] for subject in people))
                continue
            wheres = ((asked.where, *asked.having), asked.lacking)
            having, lacking = ([_pair(data, asked.dataset, w) for w in each] for each in wheres)
            parted[source] = (having, lacking)
        except (AnalysisError, DerivationError):
            continue
    asked_for = {held for both in parted.values() for pairs in both for p in pairs for held in p}
    found = _subjects(data, asked_for, order)
    everyone, nobody = frozenset(order.values()), frozenset[int]()
    for source, (having, lacking) in parted.items():
        if all(held in found for pair in (*having, *lacking) for held in pair):
            inside = everyone.intersection(*(found[a] & found[b] for a, b in having))
            outside = nobody.union(*(found[a] & found[b] for a, b in lacking))
            behind[source] = tuple(sorted(inside - outside))
    return behind


class _Held:
    """A condition on a data set, equal to another that is written alike."""

    def __init__(self, dataset: str, where: Where) -> None:
        self.dataset, self.where = dataset, where
        self.key = json.dumps([dataset, written(where)], sort_keys=True, default=str)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.key == self.key


_Pair = tuple[_Held, _Held]
"""A condition on records, and one on their subjects."""


def _pair(data: AnalysisData, dataset: str, where: Where) -> _Pair:
    own, of_subject = _parted(data, dataset, where)
    return _Held(dataset, own), _Held("ADSL", of_subject)


def _subjects(
    data: AnalysisData, held: Iterable[_Held], order: Mapping[str, int]
) -> dict[_Held, frozenset[int]]:
    """Places of the subjects with a record that meets each condition, a pass a data set."""
    by_dataset: dict[str, list[_Held]] = {}
    for one in held:
        by_dataset.setdefault(one.dataset, []).append(one)
    found: dict[_Held, frozenset[int]] = {}
    for dataset, conditions in by_dataset.items():
        frame = data.frame(dataset)
        places = frame["USUBJID"].replace_strict(order, default=-1, return_dtype=pl.Int64)
        place = places.to_numpy()
        asked: list[pl.Expr] = []
        kept: list[_Held] = []
        for one in conditions:
            try:
                asked.append(expression(one.where, frame.schema).alias(str(len(kept))))
                kept.append(one)
            except DerivationError:
                continue
        for start in range(0, len(asked), _AT_ONCE):
            masks = frame.select(asked[start : start + _AT_ONCE])
            for one, mask in zip(kept[start : start + _AT_ONCE], masks, strict=True):
                met = np.broadcast_to(mask.to_numpy(), place.shape)
                known = place[met]
                found[one] = frozenset(np.unique(known[known >= 0]).tolist())
    return found


_AT_ONCE = 64
"""Conditions looked at together: bounds the memory, at a byte a record and condition."""


def _parted(data: AnalysisData, dataset: str, where: Where) -> tuple[Where, Where]:
    """A condition's part on records, and that on their subjects.

    As in an analysis, a column that the data set lacks is the subject's.
    """
    columns = data.frame(dataset).columns
    own = {c: test for c, test in where.items() if not c.startswith(OF_SUBJECT) and c in columns}
    return own, {c.removeprefix(OF_SUBJECT): t for c, t in where.items() if c not in own}


def read_pointer(source: str) -> Pointer:
    """The pointer that a result's `source` is.

    Raises:
        AnalysisError: it is none.
    """
    try:
        given = cast("dict[str, Any]", json.loads(source))
        return Pointer(
            str(given["dataset"]),
            _WHERE.validate_python(given["where"]),
            _WHERES.validate_python(given.get("having", ())),
            _WHERES.validate_python(given.get("lacking", ())),
            Take.model_validate(given["take"]) if "take" in given else None,
            _WHERE.validate_python(given.get("then", {})),
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise AnalysisError(
            f"{source!r} is no pointer to records; take the `source` of a result row ({error})"
        ) from None
