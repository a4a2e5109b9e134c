"""Two sets of results, row by row."""

import polars as pl

from openlupus.results.model import KEY, Results


def differences(
    left: Results, right: Results, *, relative: float = 0.0, absolute: float = 0.0
) -> pl.DataFrame:
    """Rows in which two results differ, in the order of `left`, then what only `right` has.

    Args:
        left: One set of results.
        right: The other.
        relative: Tolerated |left - right|, as a share of the larger of the two in magnitude.
        absolute: Tolerated |left - right|; the wider of the two tolerances holds.

    Returns:
        The key columns, `where` (`left`, `right` or `both`), `left` and `right` (values; null where
        the row is absent or could not be computed).
    """
    a = left.rows.select(*KEY, left="value", _left=pl.lit(True))
    b = right.rows.select(*KEY, right="value", _right=pl.lit(True))
    both = a.join(b, on=list(KEY), how="full", coalesce=True, maintain_order="left_right")
    gap = (pl.col("left") - pl.col("right")).abs()
    larger = pl.max_horizontal(pl.col("left").abs(), pl.col("right").abs())
    # Equal infinities have no gap that could be compared with a tolerance.
    same = pl.col("left").eq_missing(pl.col("right")) | (
        gap <= pl.max_horizontal(relative * larger, pl.lit(absolute))
    )
    where = (
        pl.when(pl.col("_right").is_null())
        .then(pl.lit("left"))
        .when(pl.col("_left").is_null())
        .then(pl.lit("right"))
        .otherwise(pl.lit("both"))
    )
    differing = both.with_columns(where=where).filter(
        (pl.col("where") != "both") | ~same.fill_null(value=False)
    )
    return differing.select(*KEY, "where", "left", "right")


def equal(left: Results, right: Results) -> bool:
    """Whether rows, their order, and notes are the same to the last bit."""
    return left.rows.equals(right.rows, null_equal=True) and dict(left.notes) == dict(right.notes)
