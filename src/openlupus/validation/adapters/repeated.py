"""Repeated-measures models of golden records, fitted through the public face.

What a record leaves unsaid is read from its labels or from other records of the same data: the
columns of visit and subject, and the order of the levels of a factor.
"""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openlupus.errors import ValidationError
from openlupus.modelling import Mmrm, mmrm
from openlupus.statistics.mmrm.lsmeans import lsmeans
from openlupus.validation.golden import Record, read_records, require

VCOV = {
    "Asymptotic": "asymptotic",
    "Kenward-Roger": "kenward-roger",
    "Kenward-Roger-Linear": "kenward-roger-linear",
    "Empirical": "empirical",
    "Empirical-Jackknife": "empirical-jackknife",
    "Empirical-Bias-Reduced": "empirical-bias-reduced",
}


def frame(record: Record) -> pl.DataFrame:
    """A record's data; a column is numeric when every value that is there is a number."""
    return _read(record.folder / record.input)


@cache
def _read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, null_values=["", "NA"], infer_schema_length=None)


def of_the_same_data(record: Record) -> list[Record]:
    """All records of the folder whose input is this record's."""
    return [other for other in read_records(record.folder) if other.input == record.input]


def repeated(record: Record) -> tuple[str, str]:
    """Columns of visit and subject of a record's data, as some record of the data states them."""
    for other in of_the_same_data(record):
        texts = [str(other.software.get("call", "")), str(other.options.get("repeated", ""))]
        found = re.search(r"\((\w+) \| (?:\w+ / )?(\w+)\)", texts[0])
        found = found or re.search(r"(\w+) / subject=(\w+)", texts[1])
        if found:
            return found[1], found[2]
    raise ValidationError(f"no record of {record.input} says its columns of visit and subject")


def levels_of(data: pl.DataFrame, terms: list[str]) -> dict[str, list[str]]:
    """Order of the levels of each factor, by the coefficients that are named after them."""
    found: dict[str, list[str]] = {}
    for column in data.columns:
        number = data[column].dtype.is_numeric()
        found_levels = data[column].drop_nulls().unique().sort().to_list()
        known = [f"{level:.15g}" if number else str(level) for level in found_levels]
        named = [term.removeprefix(column) for term in terms if term.startswith(column)]
        named = [level for level in named if level in known]
        first = [level for level in known if level not in named]
        if named and len(first) == 1:
            found[column] = first + named
    return found


def model(record: Record, terms: list[str]) -> Mmrm:
    """The model of a record of R's mmrm."""
    options = record.options
    data = frame(record)
    own = re.search(r"\(([\w, ]+) \| (?:\w+ / )?(\w+)\)", str(record.software.get("call", "")))
    visit, subject = own.groups() if own else repeated(record)
    levels = levels_of(data, terms)
    if "visit_levels" in options:
        levels[visit] = [str(level) for level in options["visit_levels"]]
    group = options.get("group", "none")
    place = subject if group == "none" else f"{group} / {subject}"
    formula = f"{options['formula']} + {options['covariance']}({visit} | {place})"
    df = options["df_method"].lower()
    default = "Kenward-Roger" if df == "kenward-roger" else "Asymptotic"
    weights = options.get("weights", "none")
    return fitted(
        formula, record, levels,
        reml=options["reml"], df=df, vcov=VCOV[options.get("vcov", default)],
        weights=None if weights == "none" else weights,
    )  # fmt: skip


def fitted(formula: str, record: Record, levels: dict[str, list[str]], **options: Any) -> Mmrm:
    """A fitted model, once for all records that ask for it."""
    order = tuple((column, tuple(known)) for column, known in levels.items())
    return _fitted(formula, record.folder / record.input, order, **options)


@cache
def _fitted(
    formula: str, path: Path, levels: tuple[tuple[str, tuple[str, ...]], ...], **options: Any
) -> Mmrm:
    found = mmrm(formula, _read(path), levels=dict(levels), **options)
    proof = found.inference.fit.convergence
    require(proof.relative_gradient < 1e-8 and proof.smallest_eigenvalue > 0, str(proof))
    return found


def columns(found: Mmrm, rows: np.ndarray) -> dict[str, list[float]]:
    """Estimates of contrasts under the names that the records use."""
    got = found.inference.estimate(rows)
    return {
        "estimate": list(got.value), "emmean": list(got.value), "se": list(got.standard_error),
        "SE": list(got.standard_error), "df": list(got.df), "t": list(got.t), "p": list(got.p),
        "lower": list(got.lower), "upper": list(got.upper),
    }  # fmt: skip


def coefficients(found: Mmrm, terms: list[str]) -> dict[str, Any]:
    """Coefficients in the order of the record's terms; every coefficient must be among them."""
    require(sorted(terms) == sorted(found.design.names), f"{found.design.names}, not {terms}")
    order = [found.design.names.index(term) for term in terms]
    return {"term": terms, **columns(found, np.eye(len(terms))[order])}


def cell_rows(found: Mmrm, labels: dict[str, list[str]]) -> np.ndarray:
    """Rows of least-squares means, by the labels of their cells."""
    means = lsmeans(found.design, list(labels))
    place = dict(zip(means.levels, means.rows, strict=True))
    return np.array([place[cell] for cell in zip(*labels.values(), strict=True)])


def difference_row(found: Mmrm, contrast: str, factor: str, at: dict[str, str]) -> np.ndarray:
    """`A - B`: difference of two least-squares means of a factor, at levels of other factors."""
    means = lsmeans(found.design, [factor, *at])
    place = dict(zip(means.levels, means.rows, strict=True))
    own = list(dict.fromkeys(cell[0] for cell in means.levels))
    for test in own:
        for control in own:
            if contrast == f"{test} - {control}":
                return place[(test, *at.values())] - place[(control, *at.values())]
    raise ValidationError(f"{contrast!r} is no difference of levels of {factor}: {own}")
