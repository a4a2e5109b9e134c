"""ADGF: gene-expression signatures from the cycle thresholds of single genes."""

import numpy as np
import polars as pl

from openlupus.derivation.tally import Tally
from openlupus.derivation.windows import windowed, with_baseline
from openlupus.instruments import gene_signature as gs
from openlupus.protocol.model import Schedule
from openlupus.records import Records
from openlupus.records import dates as iso

PARAMETERS = {
    "IFN4": ("type1_ifn_4", "Type I interferon signature, four genes (log2)"),
    "IKZF1": ("IKZF1", "Ikaros (IKZF1) expression (log2)"),
    "IKZF3": ("IKZF3", "Aiolos (IKZF3) expression (log2)"),
}

_SAMPLE = ("USUBJID", "ADT", "VISITNUM", "REFDT")


def signatures(
    records: Records, reference: pl.DataFrame, schedule: Schedule, tally: Tally
) -> pl.DataFrame:
    """BDS rows of each signature of which a gene was measured; AVAL needs all its genes."""
    rows = _cycles(records, reference, tally)
    parts: list[pl.DataFrame] = []
    for code, (name, label) in PARAMETERS.items():
        genes = (*gs.SIGNATURES[name], *gs.HOUSEKEEPERS)
        wide = (
            rows.group_by(_SAMPLE, maintain_order=True)
            .agg(pl.col("GFSTRESN").filter(pl.col("GFGENSYM") == g).last().alias(g) for g in genes)
            .filter(pl.any_horizontal(pl.col(gene).is_not_null() for gene in gs.SIGNATURES[name]))
        )
        ct = {gene: wide[gene].fill_null(np.nan).to_numpy() for gene in genes}
        value = pl.Series("AVAL", gs.score_ct(ct, name), pl.Float64).fill_nan(None)
        told = wide.select(*_SAMPLE, pl.lit(code).alias("PARAMCD"), pl.lit(label).alias("PARAM"))
        scored = told.with_columns(value, USABLE=value.is_not_null())
        parts.append(windowed(scored, schedule).drop("USABLE", "REFDT"))
    return with_baseline(pl.concat(parts))


def _cycles(records: Records, reference: pl.DataFrame, tally: Tally) -> pl.DataFrame:
    """One row a subject, sample and gene of a signature: the last in sequence."""
    place = {"dataset": "ADGF", "domain": "GF"}
    asked = {gene for name, _ in PARAMETERS.values() for gene in gs.SIGNATURES[name]}
    rows = (
        records.domain("GF")
        .filter(pl.col("GFTESTCD") == "CT")
        .select(
            "USUBJID", "GFSEQ", "GFGENSYM", "GFSTRESN", "VISITNUM",
            iso.parse(pl.col("GFDTC"), impute="none").alias("ADT"),
        )
        .collect()
        .join(reference, on="USUBJID", how="left")
    )  # fmt: skip
    used = pl.col("GFGENSYM").is_in([*asked, *gs.HOUSEKEEPERS])
    rows = tally.keep(rows, pl.col("REFDT").is_not_null(), "subject was not randomized", **place)
    rows = tally.keep(rows, pl.col("ADT").is_not_null(), "date is missing or partial", **place)
    rows = tally.keep(rows, used, "gene is of no signature", **place)
    rows = rows.sort(*_SAMPLE, "GFGENSYM", "GFSEQ", maintain_order=True)
    last = pl.struct(*_SAMPLE, "GFGENSYM").is_last_distinct()
    return tally.keep(rows, last, "superseded by a later record of the same gene", **place)
