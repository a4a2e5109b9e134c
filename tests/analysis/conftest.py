"""A small invented trial: two doses and placebo, one stratum factor, one visit after baseline."""

from collections.abc import Callable, Mapping

import polars as pl
import pytest

from openlupus.analysis import analyse
from openlupus.derivation.model import AnalysisData, Arms
from openlupus.protocol import Protocol, parse
from openlupus.results import ResultRow, Results

DECLARATION = """
[study]
id = "SMALL"
title = "A small invented trial"

[data]
adam = "given"

[arm.high]
label = "High dose"
code = "H"
role = "test"
dose = 2

[arm.low]
label = "Low dose"
code = "L"
role = "test"
dose = 1

[arm.placebo]
label = "Placebo"
code = "P"
role = "control"

[group.active]
label = "Active"
arms = ["high", "low"]

[stratum.severity]
label = "Severity"
observed = "SEV"
levels = [
  { id = "S1", label = "one" }, { id = "S2", label = "two" }, { id = "S3", label = "three" },
  { id = "S4", label = "four" }, { id = "S5", label = "five" }, { id = "S6", label = "six" },
]

[schedule]
[[schedule.visit]]
id = "W12"
label = "Week 12"
number = 12
day = 85
window = [71, 98]

[population.all]
label = "All"
where = {}

[population.treated]
label = "Treated"
where = { TRTFL = "Y" }
arm = "actual"

[endpoint.response]
label = "Response"
parameter = "RESP"
composite = "sri"
"""


@pytest.fixture
def declare() -> Callable[[str], Protocol]:
    """The declaration of the small trial with further parts."""
    return lambda parts: parse(DECLARATION + parts)


@pytest.fixture
def data_of() -> Callable[..., AnalysisData]:
    """Analysis data of these frames under a stated lock."""
    return _data


def _data(**frames: pl.DataFrame) -> AnalysisData:
    return AnalysisData(frames, Arms.unblinded("invented data"), synthetic=True)


@pytest.fixture
def analysed(declare: Callable[[str], Protocol]) -> Callable[..., Results]:
    """Results of the small trial with these further parts and these frames."""
    return lambda parts, **frames: analyse(declare(parts), _data(**frames))


@pytest.fixture
def adsl() -> Callable[..., pl.DataFrame]:
    """ADSL by arm code, in this order; further columns by name."""

    def make(sizes: Mapping[str, int], **columns: list[object]) -> pl.DataFrame:
        arms = [code for code, size in sizes.items() for _ in range(size)]
        own = {
            "USUBJID": [f"S{i:03d}" for i in range(len(arms))],
            "ARMCD": arms,
            "ACTARMCD": arms,
            "TRTFL": ["Y"] * len(arms),
        }
        return pl.DataFrame(own | columns)

    return make


@pytest.fixture
def adresp() -> Callable[..., tuple[pl.DataFrame, pl.DataFrame]]:
    """ADSL and ADRESP from (arm code, stratum level, responders, subjects)."""

    def make(*cells: tuple[str, str, int, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
        subjects = [
            {"ARMCD": arm, "ACTARMCD": arm, "STRAT1R": level, "AVAL": float(i < responders)}
            for arm, level, responders, size in cells
            for i in range(size)
        ]
        schema = {"ARMCD": pl.String, "ACTARMCD": pl.String, "STRAT1R": pl.String}
        frame = pl.DataFrame(subjects, schema=schema | {"AVAL": pl.Float64})
        frame = frame.with_row_index("USUBJID").with_columns(
            pl.format("S{}", pl.col("USUBJID")),
            PARAMCD=pl.lit("RESP"),
            AVISITN=pl.lit(12.0),
            TRTFL=pl.lit("Y"),
        )
        own = ["USUBJID", "ARMCD", "ACTARMCD", "STRAT1R", "TRTFL"]
        return frame.select(own), frame.select("USUBJID", "PARAMCD", "AVISITN", "AVAL")

    return make


@pytest.fixture
def value() -> Callable[..., float | None]:
    """The one value with this key."""

    def one(results: Results, analysis: str, statistic: str, **key: str) -> float | None:
        (row,) = results.find(analysis=analysis, statistic=statistic, **key)
        return row.value

    return one


@pytest.fixture
def row() -> Callable[..., ResultRow]:
    """The one row with this key."""

    def one(results: Results, analysis: str, statistic: str, **key: str) -> ResultRow:
        (found,) = results.find(analysis=analysis, statistic=statistic, **key)
        return found

    return one
