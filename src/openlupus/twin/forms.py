"""Totals of forms set by their items: a fatigue score, joint counts, a global assessment.

A writer is given assessments with the total that each shall have, and changes as few items as it
needs, where this patient's disease is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from openlupus.instruments import facit_fatigue, joints, pga, sledai2k
from openlupus.instruments.arrays import Floats, Ints
from openlupus.records import dates as iso

Frames = Mapping[str, pl.DataFrame]
Assessed = ("USUBJID", "VISITNUM", "ADT")
"""What names an assessment in analysis data and in the records."""
YES, NO = "Y", "N"


@dataclass(frozen=True)
class Limits:
    """Least and largest total of each assessment that fits what else is recorded; shape (n,)."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class Writer:
    """How a parameter is changed by its items.

    Attributes:
        domain: Of the items.
        measures: What composites call the scores that the items give.
        step: Between two totals that can be had.
        limits: Of assessments, from the records as they stand.
        write: The domain with new totals (nan: as it is), at random where several items would do.
    """

    domain: str
    measures: tuple[str, ...]
    step: float
    limits: Callable[[Frames, pl.DataFrame], Limits]
    write: Callable[[Frames, pl.DataFrame, Floats, np.random.Generator], pl.DataFrame]


@dataclass(frozen=True)
class _Sheet:
    """Items of assessments as numbers, and the row of the domain of each; -1 where there is none.

    Both have shape (assessments, items).
    """

    values: Floats
    rows: Ints


def _sheet(
    frame: pl.DataFrame, assessments: pl.DataFrame, domain: str, codes: Sequence[str], code: pl.Expr
) -> _Sheet:
    """Of several records of an item the last in sequence stands, as in a derivation."""
    told = pl.col(f"{domain}STRESC").replace_strict(
        {YES: 1.0, NO: 0.0}, default=None, return_dtype=pl.Float64
    )
    items = frame.with_row_index("_row").select(
        "USUBJID",
        "VISITNUM",
        "_row",
        ADT=iso.parse(pl.col(f"{domain}DTC"), impute="none"),
        _item=code.replace_strict(
            list(codes), list(range(len(codes))), default=None, return_dtype=pl.Int64
        ),
        _seq=f"{domain}SEQ",
        _value=pl.coalesce(pl.col(f"{domain}STRESN"), told),
    )
    places = assessments.select(*Assessed).with_row_index("_place")
    found = items.drop_nulls("_item").join(places, on=list(Assessed)).sort("_seq")
    at = found["_place"].to_numpy(), found["_item"].to_numpy()
    values = np.full((assessments.height, len(codes)), np.nan)
    rows = np.full(values.shape, -1, np.int64)
    values[at] = found["_value"].fill_null(np.nan).to_numpy()
    rows[at] = found["_row"].to_numpy()
    return _Sheet(values, rows)


def _written(frame: pl.DataFrame, domain: str, sheet: _Sheet, new: Floats) -> pl.DataFrame:
    """The domain with the items that differ; text and number as the others have them."""
    changed = (sheet.rows >= 0) & ~np.isnan(sheet.values) & (new != sheet.values)
    rows, values = sheet.rows[changed], new[changed]
    text, number = frame[f"{domain}STRESC"], frame[f"{domain}STRESN"]
    numbers = text.gather(rows).is_in([YES, NO]).not_().to_numpy()
    words = [f"{v:g}" if n else YES if v else NO for v, n in zip(values, numbers, strict=True)]
    columns = [text.clone().scatter(rows, words)] if rows.size else []
    for held in (name for name in (f"{domain}ORRES",) if name in frame.columns and rows.size):
        columns.append(frame[held].clone().scatter(rows, words))
    if number.gather(rows).is_not_null().any():
        columns.append(number.clone().scatter(rows[numbers], values[numbers]))
    return frame.with_columns(columns)


# -- fatigue ------------------------------------------------------------------------------------

_REVERSE = np.array([item.reverse for item in facit_fatigue.ITEMS])


def _fatigue_sheet(frames: Frames, assessments: pl.DataFrame) -> _Sheet:
    category = pl.col("QSCAT") == facit_fatigue.CATEGORY
    code = pl.when(category).then(pl.col("QSTESTCD"))
    return _sheet(frames["QS"], assessments, "QS", facit_fatigue.CODES, code)


def _fatigue_limits(frames: Frames, assessments: pl.DataFrame) -> Limits:
    """The whole scale; a questionnaire with a statement left out stays as it is."""
    whole = ~np.isnan(_fatigue_sheet(frames, assessments).values).any(axis=1)
    highest = facit_fatigue.HIGHEST * len(facit_fatigue.ITEMS)
    return Limits(np.where(whole, 0.0, np.inf), np.where(whole, highest, -np.inf))


def _write_fatigue(
    frames: Frames, assessments: pl.DataFrame, totals: Floats, rng: np.random.Generator
) -> pl.DataFrame:
    """Points go to statements in turn, each in an order of its own, so that none is moved alone."""
    sheet = _fatigue_sheet(frames, assessments)
    points = np.where(_REVERSE, facit_fatigue.HIGHEST - sheet.values, sheet.values)
    for row in np.flatnonzero(~np.isnan(totals + points.sum(axis=1))):
        order = rng.permutation(points.shape[1])
        while (left := totals[row] - points[row].sum()) != 0:
            end = facit_fatigue.HIGHEST if left > 0 else 0
            free = order[points[row, order] != end][: int(abs(left))]
            points[row, free] += np.sign(left)
    new = np.where(_REVERSE, facit_fatigue.HIGHEST - points, points)
    return _written(frames["QS"], "QS", sheet, new)


# -- joints -------------------------------------------------------------------------------------

_ARTHRITIS = next(item.code for item in sledai2k.ITEMS if item.key == "arthritis")
_ACTIVE = 2
"""Joints with pain and signs of inflammation that make the descriptor of the SLEDAI-2K."""
_SWOLLEN, _TENDER = "SWOLLEN", "TENDER"


def _joint_sheet(frames: Frames, assessments: pl.DataFrame, sign: str) -> _Sheet:
    """The joints that the records have, of all 68 in order."""
    codes = [f"{sign} {joint.key}" for joint in joints.JOINTS]
    code = pl.col("MKTESTCD") + " " + pl.col("MKLOC")
    return _sheet(frames["MK"], assessments, "MK", codes, code)


def _count(sheet: _Sheet) -> Floats:
    return np.nansum(sheet.values, axis=1)


def _arthritis(frames: Frames, assessments: pl.DataFrame) -> Floats:
    """The descriptor of the SLEDAI-2K at the same assessment: 1, 0, nan where not recorded."""
    if "RS" not in frames:
        return np.full(assessments.height, np.nan)
    code = pl.when(pl.col("RSCAT") == sledai2k.CATEGORY).then(pl.col("RSTESTCD"))
    return _sheet(frames["RS"], assessments, "RS", [_ARTHRITIS], code).values[:, 0]


def _swollen_limits(frames: Frames, assessments: pl.DataFrame) -> Limits:
    """Arthritis has at least two joints that are both; without it not two are swollen."""
    sheet, arthritis = _joint_sheet(frames, assessments, _SWOLLEN), _arthritis(frames, assessments)
    number = (~np.isnan(sheet.values)).sum(axis=1).astype(np.float64)
    low = np.where(arthritis == 1, np.minimum(_ACTIVE, number), 0.0)
    high = np.minimum(number, np.where(arthritis == 0, float(_ACTIVE - 1), np.inf))
    return Limits(low, high)


def _tender_limits(frames: Frames, assessments: pl.DataFrame) -> Limits:
    """What is swollen is tender too."""
    sheet, arthritis = _joint_sheet(frames, assessments, _TENDER), _arthritis(frames, assessments)
    number = (~np.isnan(sheet.values)).sum(axis=1).astype(np.float64)
    swollen = _count(_joint_sheet(frames, assessments, _SWOLLEN))
    least = np.maximum(swollen, np.where(arthritis == 1, _ACTIVE, 0))
    return Limits(np.minimum(least, number), number)


def _write_joints(sign: str) -> Callable[..., pl.DataFrame]:
    """Writer of one sign: what was affected stays so, then joints with the other sign, then those
    that this patient has had affected most often."""
    other = _TENDER if sign == _SWOLLEN else _SWOLLEN
    kept, shared = (4, 2) if sign == _SWOLLEN else (2, 4)

    def write(
        frames: Frames, assessments: pl.DataFrame, totals: Floats, rng: np.random.Generator
    ) -> pl.DataFrame:
        sheet = _joint_sheet(frames, assessments, sign)
        beside = _joint_sheet(frames, assessments, other).values
        person = assessments["USUBJID"].rank("dense").cast(pl.Int64).to_numpy() - 1
        often = np.zeros((int(person.max(initial=0)) + 1, sheet.values.shape[1]))
        np.add.at(often, person, np.nan_to_num(sheet.values) + np.nan_to_num(beside))
        often /= 1 + often.max(axis=1, keepdims=True)
        wanted: Floats = kept * sheet.values + shared * np.nan_to_num(beside) + often[person]
        wanted += 1e-3 * rng.random(wanted.shape)
        wanted[np.isnan(wanted)] = -np.inf
        rank = np.argsort(np.argsort(-wanted, axis=1), axis=1)
        new = np.where(np.isnan(sheet.values), np.nan, rank < totals[:, None])
        new = np.where(np.isnan(totals)[:, None], sheet.values, new)
        return _written(frames["MK"], "MK", sheet, new)

    return write


# -- global assessment --------------------------------------------------------------------------

_TENTH = 0.1


def _global_sheet(frames: Frames, assessments: pl.DataFrame) -> _Sheet:
    code = pl.when(pl.col("RSCAT") == pga.CATEGORY).then(pl.col("RSTESTCD"))
    return _sheet(frames["RS"], assessments, "RS", [pga.CODE], code)


def _global_limits(_frames: Frames, assessments: pl.DataFrame) -> Limits:
    size = assessments.height
    return Limits(np.full(size, pga.LOW), np.full(size, pga.HIGH))


def _write_global(
    frames: Frames, assessments: pl.DataFrame, totals: Floats, _rng: np.random.Generator
) -> pl.DataFrame:
    sheet = _global_sheet(frames, assessments)
    new = np.where(np.isnan(totals)[:, None], sheet.values, np.round(totals, 1)[:, None])
    return _written(frames["RS"], "RS", sheet, new)


def _joint_writer(sign: str, limits: Callable[[Frames, pl.DataFrame], Limits]) -> Writer:
    write: Any = _write_joints(sign)
    return Writer("MK", (sign.lower(), "joints_active"), 1.0, limits, write)


WRITERS: Mapping[str, Writer] = MappingProxyType({
    "FACIT": Writer("QS", ("facit",), 1.0, _fatigue_limits, _write_fatigue),
    # Swollen joints come first: tender ones are then set around them.
    "SWOLLEN": _joint_writer(_SWOLLEN, _swollen_limits),
    "TENDER": _joint_writer(_TENDER, _tender_limits),
    "PGA": Writer("RS", ("pga",), _TENTH, _global_limits, _write_global),
})  # fmt: skip
"""Parameter of ADQS to its writer, in the order in which they are to be used."""
