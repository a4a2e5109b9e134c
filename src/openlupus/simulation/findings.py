"""The findings domains of a chunk: RS, QS, MK, GF, LB, VS, EG, PC."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.instruments import bilag2004, clasi, facit_fatigue, joints, pga, sledai2k
from openlupus.instruments.arrays import Bools, Floats
from openlupus.simulation import long
from openlupus.simulation.chart import Chart
from openlupus.simulation.laboratory import beyond
from openlupus.simulation.long import Cells, Grid, Long
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.disease import Measurement
from openlupus.simulation.people import Dates
from openlupus.simulation.streams import Streams

GENE_DECIMALS = 2
JOINTS = tuple(joint for joint in joints.JOINTS if joint.in_28)


class Labels:
    """What every findings row repeats: the trial, its subjects, and the day of each chart row."""

    def __init__(self, study: str, subjects: Sequence[str], chart: Chart, dates: Dates) -> None:
        self.study, self.dates = study, dates
        self._patient = chart.patient
        self._subject = pl.Series(subjects).gather(chart.patient)
        self._number = pl.Series(chart.number)
        self._visit = pl.Series(chart.visit)
        self._day = pl.Series(np.datetime_as_string(dates, unit="D"))

    def frame(
        self, domain: str, found: Long, grids: Sequence[Grid], *, more: Mapping[str, pl.Series]
    ) -> pl.DataFrame:
        """The rows of one domain; `more` holds the columns that only it has."""
        row, item = pl.Series(found.row), pl.Series(found.item)
        codes = pl.Series([code for grid in grids for code in grid.codes])
        labels = pl.Series([label for grid in grids for label in grid.labels])
        categories = [grid.category for grid in grids for _ in grid.codes]
        columns: dict[str, pl.Series | pl.Expr] = {
            "STUDYID": pl.lit(self.study),
            "DOMAIN": pl.lit(domain),
            "USUBJID": self._subject.gather(row),
            f"{domain}SEQ": pl.Series(long.sequence(self._patient[found.row])),
            f"{domain}TESTCD": codes.gather(item),
            f"{domain}TEST": labels.gather(item),
        }
        if any(categories):
            columns[f"{domain}CAT"] = pl.Series(categories).gather(item)
        columns |= {
            f"{domain}STRESC": found.text(),
            f"{domain}STRESN": found.number(),
            f"{domain}STAT": found.not_done(),
            **more,
            "VISITNUM": self._number.gather(row),
            "VISIT": self._visit.gather(row),
            f"{domain}DTC": self._day.gather(row),
        }
        return pl.select(column.alias(name) for name, column in columns.items())


def rs(model: Model, chart: Chart, labels: Labels, streams: Streams) -> pl.DataFrame:
    """Items of SLEDAI-2K, BILAG-2004, PGA and CLASI."""
    rng = streams.rng("rs")
    grids = [
        Grid(
            sledai2k.CATEGORY,
            [item.code for item in sledai2k.ITEMS],
            [item.label for item in sledai2k.ITEMS],
            _spoilt(model, long.yes_no(chart.sledai), chart.form["sledai"], rng),
        ),
        *_bilag(model, chart, rng),
        Grid(
            pga.CATEGORY,
            [pga.CODE],
            ["Physician Global Assessment"],
            long.only(long.numbers(chart.pga[:, None], 1), chart.form["pga"]),
        ),
        _clasi(model, chart, rng),
    ]
    found = long.lay_out(grids)
    return labels.frame("RS", found, grids, more={})


def qs(model: Model, chart: Chart, labels: Labels, streams: Streams) -> pl.DataFrame:
    """Answers to FACIT-Fatigue, as ticked."""
    cells = _spoilt(model, long.numbers(chart.fatigue), chart.form["fatigue"], streams.rng("qs"))
    items = facit_fatigue.ITEMS
    tests = [f"FACIT-Fatigue item {item.number}" for item in items]
    grids = [Grid(facit_fatigue.CATEGORY, [item.code for item in items], tests, cells)]
    return labels.frame("QS", long.lay_out(grids), grids, more={})


def mk(chart: Chart, labels: Labels) -> pl.DataFrame:
    """Tender and swollen joints, one row a joint and sign."""
    filled, locations = chart.form["joints"], [joint.key for joint in JOINTS]
    grids = [
        Grid("", [code] * len(JOINTS), [name] * len(JOINTS), long.only(long.yes_no(signs), filled))
        for code, name, signs in (
            ("TENDER", "Tender", chart.tender),
            ("SWOLLEN", "Swollen", chart.swollen),
        )
    ]
    found = long.lay_out(grids)
    place = pl.Series(locations * 2).gather(pl.Series(found.item))
    return labels.frame("MK", found, grids, more={"MKLOC": place})


def gf(cycles: Mapping[str, Floats], chart: Chart, labels: Labels) -> pl.DataFrame:
    """Threshold cycles by gene; `cycles` are by gene, one a chart row."""
    values = np.stack(list(cycles.values()), axis=1)
    cells = long.only(long.numbers(values, GENE_DECIMALS), chart.form["genes"])
    grids = [Grid("", ["CT"] * len(cycles), ["Threshold Cycle"] * len(cycles), cells)]
    found = long.lay_out(grids)
    gene = pl.Series(list(cycles)).gather(pl.Series(found.item))
    return labels.frame("GF", found, grids, more={"GFGENSYM": gene})


def measurements(
    tests: Sequence[Measurement],
    values: Mapping[str, Floats],
    labels: Labels,
    domain: str,
    *,
    taken: Bools | None = None,
) -> pl.DataFrame:
    """LB, VS, EG or PC: values with unit and, in LB, range and the side on which they leave it.

    `values` holds shape (chart rows,) by code; `taken`, shape (chart rows, tests), is all when
    not given.
    """
    cells = np.stack([long.numbers(values[test.code], test.decimals) for test in tests], axis=1)
    if taken is not None:
        cells = np.where(taken, cells, long.ABSENT).astype(np.int32)
    grids = [Grid("", [test.code for test in tests], [test.name for test in tests], cells)]
    found = long.lay_out(grids)
    item, text = pl.Series(found.item), found.text()
    unit = pl.Series([test.unit for test in tests]).gather(item)
    titre = pl.Series([test.titre for test in tests]).gather(item)
    more = {
        f"{domain}ORRES": pl.select(pl.when(titre).then("1:" + text).otherwise(text)).to_series(),
        f"{domain}ORRESU": unit,
        f"{domain}STRESU": unit,
    }
    if domain == "LB":
        more |= {
            "LBSTNRLO": pl.Series([test.low for test in tests], dtype=pl.Float64).gather(item),
            "LBSTNRHI": pl.Series([test.high for test in tests], dtype=pl.Float64).gather(item),
            "LBNRIND": _indicator(tests, values, found),
        }
    return labels.frame(domain, found, grids, more=more)


def _indicator(
    tests: Sequence[Measurement], values: Mapping[str, Floats], found: Long
) -> pl.Series:
    sides = np.empty((len(values[tests[0].code]), len(tests)), np.uint32)
    for i, test in enumerate(tests):
        low, high = beyond(test, values[test.code])
        ranged = test.low is not None or test.high is not None
        sides[:, i] = np.select([low, high], [1, 2], default=0 if ranged else 3)
    names = pl.Series(["NORMAL", "LOW", "HIGH", None])
    return names.gather(pl.Series(sides[found.row, found.item]))


def _bilag(model: Model, chart: Chart, rng: np.random.Generator) -> list[Grid]:
    """The 97 items, which numeric ones are not due to lupus, and what came before the trial."""
    items, filled = bilag2004.ITEMS, chart.form["bilag"]
    decimals = {lab.bilag: lab.bilag_decimals for lab in model.laboratory.tests if lab.bilag}
    cells = np.empty(chart.bilag.shape, np.int32)
    for i, item in enumerate(items):
        column = chart.bilag[:, i]
        number = item.type != "yesno"
        cells[:, i] = long.numbers(column, decimals.get(item.key, 0)) if number else column
    spoilt = _spoilt(model, cells, filled, rng)
    before = long.only(long.yes_no(chart.involved[chart.patient]), chart.first & filled)
    return [
        Grid(bilag2004.CATEGORY, [i.code for i in items], [i.label[:80] for i in items], spoilt),
        *_attribution(model, chart, spoilt, rng),
        Grid(
            bilag2004.CATEGORY,
            list(bilag2004.PREVIOUS_INVOLVEMENT_CODES.values()),
            [f"Ever involved: {system}" for system in bilag2004.SYSTEMS],
            before,
        ),
    ]


def _attribution(model: Model, chart: Chart, cells: Cells, rng: np.random.Generator) -> list[Grid]:
    """`N` beside abnormal values that, in this patient, have another cause than lupus."""
    patients = len(chart.involved)
    other = [lab for lab in model.laboratory.tests if lab.bilag and not lab.of]
    columns: list[NDArray[np.int32]] = []
    codes: list[str] = []
    for lab in other:
        item = bilag2004.ITEMS[bilag2004.INDEX[lab.bilag]]
        low, high = beyond(lab, chart.values[lab.code])
        elsewhere = (rng.random(patients) < model.laboratory.not_attributed)[chart.patient]
        there = (low | high) & elsewhere & (cells[:, item.number - 1] > long.NOT_DONE)
        columns.append(np.where(there, long.NO, long.ABSENT).astype(np.int32))
        codes.append(str(item.attribution_code))
    labels = ["Due to active lupus"] * len(codes)
    return [Grid(bilag2004.CATEGORY, codes, labels, np.stack(columns, axis=1))] if codes else []


def _clasi(model: Model, chart: Chart, rng: np.random.Generator) -> Grid:
    return Grid(
        clasi.CATEGORY,
        [item.code for item in clasi.ITEMS],
        [item.key.replace("_", " ").capitalize() for item in clasi.ITEMS],
        _spoilt(model, long.numbers(chart.clasi), chart.form["clasi"], rng),
    )


def _spoilt(model: Model, cells: Cells, filled: Bools, rng: np.random.Generator) -> Cells:
    """The forms as they come: absent where not filled, here and there an item not done or lost."""
    cells = long.only(cells, filled)
    for rate, mark in (
        (model.conduct.not_done, long.NOT_DONE),
        (model.faults.missing_item, long.ABSENT),
    ):
        rows = np.flatnonzero(filled & (rng.random(len(cells)) < rate))
        cells[rows, rng.integers(0, cells.shape[1], len(rows))] = mark
    return cells
