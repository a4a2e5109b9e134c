"""An invented trial with items of a composite at several visits, for the methods on responders."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from openlupus.analysis import analyse
from openlupus.derivation.model import AnalysisData, Arms
from openlupus.protocol import Protocol, parse
from openlupus.results import Results

DECLARATION = """
[study]
id = "EFFICACY"
title = "An invented trial"

[data]
adam = "given"

[arm.high]
label = "High"
code = "H"
role = "test"
ratio = 2
dose = 2

[arm.low]
label = "Low"
code = "L"
role = "test"
ratio = 1
dose = 1

[arm.placebo]
label = "Placebo"
code = "P"
role = "control"
ratio = 2

[stratum.severity]
label = "Severity"
observed = "SEV"
levels = [{ id = "A", label = "one" }, { id = "B", label = "two" }]

[[schedule.visit]]
id = "BL"
label = "Day 1"
number = 0
day = 1
window = [-7, 1]
role = "baseline"

[[schedule.visit]]
id = "W4"
label = "Week 4"
number = 4
day = 29
window = [15, 42]

[[schedule.visit]]
id = "W12"
label = "Week 12"
number = 12
day = 85
window = [71, 98]

[population.all]
label = "All"
where = {}

[endpoint.sri4]
label = "SRI-4"
parameter = "SRI4"
composite = "sri"
missing = "missing"

[endpoint.bicla]
label = "BICLA"
parameter = "BICLA"
composite = "bicla"
missing = "missing"
"""
CODES = ("H", "L", "P")
SIZES: Mapping[str, int] = {"H": 60, "L": 40, "P": 60}
VISITS = (4.0, 12.0)


def declared(parts: str) -> Protocol:
    return parse(DECLARATION + parts)


def analysis(name: str, method: str, *, endpoint: str = "sri4", **more: str) -> str:
    """An analysis of an end point at week 12, as it is declared."""
    lines = {
        "endpoint": f'"{endpoint}"', "visit": '"W12"', "population": '"all"',
        "compare": '{ test = ["high", "low"], control = "placebo" }', "method": f"{{ {method} }}",
    } | more  # fmt: skip
    return f"\n[analysis.{name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v)


@cache
def trial(seed: int = 1, missing: float = 0.2) -> AnalysisData:
    """SLEDAI-2K, PGA and BILAG grades at baseline and two visits, with those of SRI-4 and BICLA."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(CODES, [SIZES[c] for c in CODES])
    n = arm.size
    severity = np.where(rng.random(n) < 0.5, "A", "B")
    effect = np.select([arm == "H", arm == "L"], [3.0, 1.5], 0.0)
    sledai = np.clip(np.rint(rng.normal(12, 3, n)), 6, 30)
    pga = np.round(np.clip(rng.normal(1.7, 0.3, n), 0.5, 3), 2)
    grades = np.where(rng.random((n, 9)) < 0.2, 3, 1)
    values: dict[tuple[str, float], Any] = {
        ("SLEDTOT", 0.0): sledai, ("PGA", 0.0): pga, ("GRADES", 0.0): grades
    }  # fmt: skip
    gone = np.zeros(n, np.bool_)
    for visit in VISITS:
        gone = gone | (rng.random(n) < missing / 2)
        fall = effect * visit / 12 + rng.normal(2, 3, n)
        now = np.clip(np.rint(sledai - fall), 0, 60)
        look = np.round(np.clip(pga - 0.1 * fall + rng.normal(0, 0.2, n), 0, 3), 2)
        new = np.where(rng.random((n, 9)) < 0.06, 3, 1)
        values["SLEDTOT", visit] = np.where(gone, np.nan, now)
        values["PGA", visit] = np.where(gone, np.nan, look)
        values["GRADES", visit] = np.where(gone[:, None], np.nan, new)
    ids = [f"S{i:03d}" for i in range(n)]
    adsl = pl.DataFrame({
        "USUBJID": ids, "ARMCD": arm, "ACTARMCD": arm, "STRAT1R": severity,
        "SLEDBL": sledai, "OLD": np.where(rng.random(n) < 0.4, "Y", "N"),
        "RANDDT": [int(k) for k in rng.permutation(n)],
    })  # fmt: skip
    frames = {
        "ADSL": adsl, "ADSLEDAI": _bds(ids, values, ["SLEDTOT"]),
        "ADQS": _bds(ids, values, ["PGA"]), "ADBILAG": _grades(ids, values),
    }  # fmt: skip
    frames["ADRESP"] = pl.concat([_verdicts(ids, values, kind) for kind in ("SRI4", "BICLA")])
    return AnalysisData(frames, Arms.unblinded("invented data"), synthetic=True)


def results(parts: str, data: AnalysisData | None = None) -> Results:
    return analyse(declared(parts), data if data is not None else trial())


def table(found: Results, name: str) -> dict[tuple[str, ...], float | None]:
    """Method, parameter, group, comparator, subgroup, statistic to value."""
    rows = found.rows.filter(pl.col("analysis") == name)
    keys = ("method", "parameter", "group", "comparator", "subgroup", "statistic")
    return {tuple(row[k] for k in keys): row["value"] for row in rows.iter_rows(named=True)}


def _bds(ids: list[str], values: Mapping[tuple[str, float], Any], names: list[str]) -> pl.DataFrame:
    return pl.concat([
        pl.DataFrame({
            "USUBJID": ids, "PARAMCD": [name] * len(ids), "AVISITN": [visit] * len(ids),
            "ABLFL": ["Y" if visit == 0 else None] * len(ids), "ANL01FL": ["Y"] * len(ids),
            "AVAL": values[name, visit], "BASE": values[name, 0.0],
        }, schema_overrides={"ABLFL": pl.String}).with_columns(pl.col("AVAL").fill_nan(None))
        for name in names
        for visit in (0.0, *VISITS)
    ])  # fmt: skip


def _grades(ids: list[str], values: Mapping[tuple[str, float], Any]) -> pl.DataFrame:
    split = {
        (f"BIL{i + 1:02d}", visit): values["GRADES", visit][:, i]
        for i in range(9)
        for visit in (0.0, *VISITS)
    }
    floats = {key: np.asarray(v, np.float64) for key, v in split.items()}
    return _bds(ids, floats, [f"BIL{i + 1:02d}" for i in range(9)])


def judged(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, bool]]:
    """Components of each subject, in plain Python."""
    rows: list[dict[str, bool]] = []
    for i in range(len(before["SLEDTOT"])):
        start, end = before["GRADES"][i], now["GRADES"][i]
        new_b = sum(int(e == 3 and s < 3) for s, e in zip(start, end, strict=True))
        new_a = sum(int(e == 4 and s < 4) for s, e in zip(start, end, strict=True))
        parts = {"bilag no worsening": new_a == 0 and new_b <= 1}
        parts["pga no worsening"] = round(now["PGA"][i] - before["PGA"][i], 9) < 0.3
        fall = before["SLEDTOT"][i] - now["SLEDTOT"][i]
        if kind == "SRI4":
            parts = {"sledai fall": fall >= 4, **parts}
        else:
            better = all(e < s for s, e in zip(start, end, strict=True) if s >= 3)
            parts = {"bilag improved": better, **parts, "sledai no worsening": fall >= 0}
        rows.append(parts)
    return rows


def _verdicts(ids: list[str], values: Mapping[tuple[str, float], Any], kind: str) -> pl.DataFrame:
    names = ("SLEDTOT", "PGA", "GRADES")
    parts: list[pl.DataFrame] = []
    for visit in VISITS:
        before = {name: values[name, 0.0] for name in names}
        now = {name: values[name, visit] for name in names}
        known = ~np.isnan(now["SLEDTOT"])
        whole = judged(kind, before, now)
        evaluable = known & ((before["GRADES"] >= 3).any(axis=1) | (kind == "SRI4"))
        aval = [
            float(all(p.values())) if k else None for p, k in zip(whole, evaluable, strict=True)
        ]
        reason = [
            "" if a == 1 else "cannot be computed: sledai fall" if a is None
            else "not met: " + " and ".join(name for name, met in p.items() if not met)
            for a, p in zip(aval, whole, strict=True)
        ]  # fmt: skip
        parts.append(pl.DataFrame({
            "USUBJID": ids, "PARAMCD": [kind] * len(ids), "AVISITN": [visit] * len(ids),
            "AVAL": aval, "REASON": reason,
        }, schema_overrides={"AVAL": pl.Float64}))  # fmt: skip
    return pl.concat(parts)
