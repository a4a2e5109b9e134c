"""Body weight, as far as composites ask for it."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from openlupus.derivation.courses import WEIGHT, Course, parts
from openlupus.derivation.inputs import needed
from openlupus.derivation.tally import Tally
from openlupus.protocol.model import Endpoint
from openlupus.records import Records
from openlupus.records import dates as iso

TEST = "WEIGHT"


def asked(endpoints: Iterable[Endpoint]) -> bool:
    """Whether one of these end points rests on the weight."""
    return any(parts(need)[0] == WEIGHT for endpoint in endpoints for need in needed(endpoint))


def course(records: Records, reference: pl.DataFrame, tally: Tally) -> Course:
    """Weight in kg by day, of VS; what has no whole date or another unit is counted."""
    rows = (
        records.domain("VS")
        .filter(pl.col("VSTESTCD") == TEST)
        .select(
            "USUBJID", "VSSEQ", "VSSTRESN", "VSSTRESU",
            ADT=iso.parse(pl.col("VSDTC"), impute="none"),
        )
        .collect()
        .join(reference, on="USUBJID", how="inner")
        .sort("USUBJID", "ADT", "VSSEQ")
    )  # fmt: skip
    place = {"dataset": "ADRESP", "domain": "VS"}
    kg = pl.col("VSSTRESU").str.to_lowercase() == "kg"
    rows = tally.keep(rows, kg, "weight is not in kg", **place)
    rows = tally.keep(rows, pl.col("ADT").is_not_null(), "date is missing or partial", **place)
    usable = (pl.col("VSSTRESN") > 0).fill_null(False)
    values = rows["VSSTRESN"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Course(rows.select("USUBJID", "ADT", USABLE=usable), {WEIGHT: values})
