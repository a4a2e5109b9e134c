"""Counting what is left out: no record disappears without a reason."""

from dataclasses import dataclass, field

import polars as pl

from openlupus.derivation.model import EXCLUDED_SCHEMA


@dataclass
class Tally:
    """Records left out of an analysis data set, by reason."""

    rows: list[tuple[str, str, str, int, int]] = field(
        default_factory=list[tuple[str, str, str, int, int]]
    )

    def keep(
        self, frame: pl.DataFrame, condition: pl.Expr, reason: str, *, dataset: str, domain: str
    ) -> pl.DataFrame:
        """The rows that meet the condition; the others are counted."""
        holds = frame.select(condition.fill_null(False).alias("holds")).to_series()
        if holds.all():
            return frame
        self.count(frame.filter(~holds), reason, dataset=dataset, domain=domain)
        return frame.filter(holds)

    def count(self, out: pl.DataFrame, reason: str, *, dataset: str, domain: str) -> None:
        """Count these rows as left out."""
        if out.height:
            self.rows.append((dataset, domain, reason, out.height, out["USUBJID"].n_unique()))

    @property
    def frame(self) -> pl.DataFrame:
        """The counts, one row a data set, domain and reason, sorted."""
        frame = pl.DataFrame(self.rows, schema=dict(EXCLUDED_SCHEMA), orient="row")
        keys = ["dataset", "domain", "reason"]
        return frame.group_by(keys).agg(pl.col("records", "subjects").sum()).sort(keys)
