"""The founding declaration on simulated patients, and its verdicts recomputed row by row."""

from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import openlupus
from derivation.small_trial import LOCKED
from openlupus.derivation import AnalysisData, derive
from openlupus.instruments import sledai2k
from openlupus.protocol import Protocol, load
from openlupus.records import Records, from_frames
from openlupus.simulation import load_model, simulate

STUDY = Path(openlupus.__file__).parent / "studies" / "nct03161483"
PATIENTS = 60
WEIGHT = {item.code: item.weight for item in sledai2k.ITEMS}


@cache
def protocol() -> Protocol:
    return load(STUDY)


@cache
def records() -> Records:
    return from_frames(simulate(protocol(), load_model(STUDY), seed=20, patients=PATIENTS))


@cache
def data() -> AnalysisData:
    return derive(protocol(), records(), arms=LOCKED)


def test_every_declared_variable_stratum_and_set_is_made():
    adsl = data().frame("ADSL")
    strata = [f"STRAT{i}{kind}" for i, _ in enumerate(protocol().strata, 1) for kind in "RV"]
    flags = [p.flag for p in protocol().populations.values() if p.flag]
    for name in (*protocol().variables, *strata, *flags):
        assert name in adsl.columns
    treated = adsl.filter(pl.col("TRTFL") == "Y")
    assert treated.height == PATIENTS
    for name in ("SLEDBL", "PGABL", "GCBL", "SWOLLBL", "TENDBL", "CLASIABL", "BILACTFL", "IFNBL"):
        assert treated[name].null_count() < treated.height / 4, name


def test_synthetic_records_say_so_to_the_end():
    assert data().synthetic
    for name, frame in data().frames.items():
        assert frame["STUDYID"].str.contains("SYNTHETIC").all(), name


@pytest.mark.parametrize("batch", [17, 1000])
def test_the_size_of_the_batch_changes_nothing(batch: int):
    other = derive(protocol(), records(), arms=LOCKED, batch=batch)
    assert other.excluded.equals(data().excluded)
    for name, frame in data().frames.items():
        assert frame.equals(other.frame(name)), name


def test_every_row_of_rs_is_used_or_counted():
    rs = records().domain("RS").collect()
    adsl = data().frame("ADSL")
    randomised = set(adsl.filter(pl.col("RANDFL") == "Y")["USUBJID"])
    used = {
        (row["USUBJID"], row["RSDTC"][:10], row["VISITNUM"], row["RSTESTCD"])
        for row in rs.iter_rows(named=True)
        if row["USUBJID"] in randomised
    }
    told = data().excluded.filter(pl.col("domain") == "RS")
    off_scale = pl.col("reason") == "value is not on the scale of its item"
    # A value off its scale is counted, and its item still stands, as missing.
    assert rs.height == len(used) + int(told.filter(~off_scale)["records"].sum())


# -- the same by hand: one subject at a time, one row at a time ---------------------------------


def by_subject(domain: str) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in records().domain(domain).collect().iter_rows(named=True):
        rows[row["USUBJID"]].append(row)
    return rows


def totals(rows: list[dict[str, Any]], category: str) -> dict[date, float | None]:
    """SLEDAI-2K total or PGA of each day of one subject; None when incomplete."""
    forms: dict[date, dict[str, tuple[float, float | None]]] = defaultdict(dict)
    for row in rows:
        if row["RSCAT"] != category:
            continue
        value = row["RSSTRESN"]
        if category == sledai2k.CATEGORY:
            value = {"Y": 1.0, "N": 0.0}.get(row["RSSTRESC"])
        elif value is not None and not 0 <= value <= 3:
            value = None
        form, code = forms[date.fromisoformat(row["RSDTC"][:10])], row["RSTESTCD"]
        if code not in form or form[code][0] < row["RSSEQ"]:
            form[code] = (row["RSSEQ"], value)
    found: dict[date, float | None] = {}
    for on, form in forms.items():
        values = {code: value for code, (_, value) in form.items()}
        if category == sledai2k.CATEGORY:
            complete = len(values) == 24 and None not in values.values()
            found[on] = sum(WEIGHT[c] for c, v in values.items() if v) if complete else None
        else:
            found[on] = values["PGA01"]
    return found


def baseline(found: dict[date, float | None], first_dose: date) -> float | None:
    before = [on for on, value in found.items() if on <= first_dose and value is not None]
    return found[max(before)] if before else None


def at_week_24(found: dict[date, float | None], first_dose: date) -> tuple[date, float | None]:
    """Nearest to day 169 within days 155 to 182, later ones first; complete ones before others."""
    inside = [on for on in found if 155 <= (on - first_dose).days + 1 <= 182]
    if not inside:
        return date.max, None
    nearest = sorted(
        inside,
        key=lambda on: (found[on] is None, abs((on - first_dose).days - 168), -on.toordinal()),
    )
    return nearest[0], found[nearest[0]]


@pytest.mark.parametrize(
    ("parameter", "category"), [("SLED4", sledai2k.CATEGORY), ("PGANW", "PGA")]
)
def test_the_verdicts_of_week_24_by_hand(parameter: str, category: str):
    rs = by_subject("RS")
    adsl = {row["USUBJID"]: row for row in data().frame("ADSL").iter_rows(named=True)}
    rows = data().frame("ADRESP").filter(pl.col("PARAMCD") == parameter, pl.col("AVISITN") == 8)
    assert rows.height == PATIENTS
    verdicts: list[str] = []
    for row in rows.iter_rows(named=True):
        first_dose = adsl[row["USUBJID"]]["TRTSDT"]
        found = totals(rs[row["USUBJID"]], category)
        before, (_, now) = baseline(found, first_dose), at_week_24(found, first_dose)
        if before is None or now is None:
            expected = "N"
        elif parameter == "SLED4":
            expected = "Y" if before - now >= 4 else "N"
        else:
            expected = "Y" if round((now - before) * 1000) < 300 else "N"
        if row["DTYPE"] == "NRI" and "computed" not in row["REASON"]:
            expected = "N"  # an intercurrent event, which tests/derivation/test_intercurrent.py has
        assert row["AVALC"] == expected, row
        verdicts.append(expected)
    assert 0 < verdicts.count("Y") < PATIENTS


def test_a_responder_has_every_component_and_no_other_has():
    rows = data().frame("ADRESP")
    parts = rows.pivot("PARAMCD", index=["USUBJID", "AVISITN"], values="AVALC")
    every = parts.select(
        pl.all_horizontal(pl.col(name) == "Y" for name in ("SLED4", "NONEWBIL", "PGANW"))
    ).to_series()
    assert parts.filter(every)["SRI4"].unique().to_list() == ["Y"]
    assert parts.filter(~every)["SRI4"].unique().to_list() == ["N"]
