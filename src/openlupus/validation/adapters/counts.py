"""What the adapters of counts share: reading records, and shapes of results."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

from typing import Any

import numpy as np

from openlupus.statistics.cmh import cmh
from openlupus.validation.golden import Record, read_records, require

Counts = tuple[np.ndarray, np.ndarray]


def stratified(record: Record) -> Counts:
    """Responders and subjects, shape (2, strata), strata in the order of the file; T before C."""
    rows = record.rows()
    names = list(dict.fromkeys(row["stratum"] for row in rows))
    responders, n = np.zeros((2, len(names))), np.zeros((2, len(names)))
    for row in rows:
        at = ("T", "C").index(row["arm"]), names.index(row["stratum"])
        responders[at], n[at] = int(row["events"]), int(row["n"])
    return responders, n


def single(record: Record) -> Counts:
    """One table from the options x1, n1, x0, n0; it must be that of the file."""
    o = record.options
    x, n = np.array([[o["x1"]], [o["x0"]]]), np.array([[o["n1"]], [o["n0"]]])
    responders, sizes = stratified(record)
    if o["table"] == "pooled":
        responders, sizes = responders.sum(axis=1), sizes.sum(axis=1)
    else:
        names = list(dict.fromkeys(row["stratum"] for row in record.rows()))
        at = names.index(o["table"])
        responders, sizes = responders[:, at], sizes[:, at]
    require(bool((responders == x[:, 0]).all()), "the options are not the table of the file")
    require(bool((sizes == n[:, 0]).all()), "the options are not the table of the file")
    return x, n


def level(record: Record) -> float:
    return record.options.get("conf_level", 0.95)


def check_dropped(record: Record, warnings: tuple[str, ...]) -> None:
    """Ours leaves out as many strata as the reference did, and says so."""
    left = [text for text in warnings if text.startswith("stratum") and "is left out" in text]
    require(bool(len(left) == len(record.options.get("dropped") or [])), str((record.id, warnings)))


def cross_table(record: Record, arms: list[str]) -> np.ndarray:
    """Counts (arm, no or yes, stratum) of a subject-level file."""
    rows = [row for row in record.rows() if row["arm"] in arms]
    strata = sorted({row["stratum"] for row in rows})
    counts = np.zeros((len(arms), 2, len(strata)))
    for row in rows:
        counts[arms.index(row["arm"]), int(row["resp"]), strata.index(row["stratum"])] += 1
    return counts


def pairwise(record: Record, arm: str, control: str, *, correct: bool = False):
    counts = cross_table(record, [arm, control])
    return cmh(counts[:, 1], counts.sum(axis=1), correct=correct)


def arms_in_order(record: Record) -> list[str]:
    """Control first, then the doses, as another record of the same input lists them."""
    lists = [each.options["arms"] for each in read_records(record.folder)
             if each.input == record.input and "arms" in each.options]  # fmt: skip
    require(bool(lists), f"no record of {record.input} lists its arms")
    return lists[0]


def wald_fields(got: Any) -> dict[str, Any]:
    return {
        "estimate": got.value, "se": got.standard_error, "lower": got.lower, "upper": got.upper
    }  # fmt: skip


def test_fields(got: Any) -> dict[str, Any]:
    return {"statistic": got.statistic, "df": got.df, "p": got.p}


def three(got: Any) -> list[float]:
    return [got.value, got.lower, got.upper]
