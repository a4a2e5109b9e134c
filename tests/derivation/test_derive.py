"""What holds for any study: order, batches, counts, refusals."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derivation.small_trial import (
    LOCKED,
    PROTOCOL,
    STEADY,
    Subject,
    Visit,
    day,
    derived,
    drug,
    frames,
    item,
)
from openlupus.derivation import AnalysisData, derive
from openlupus.errors import RecordsError
from openlupus.instruments.pga import CATEGORY as PGA
from openlupus.records import from_frames

AZATHIOPRINE = drug("AZATHIOPRINE", day(30), kind="IMMUNOSUPPRESSANT")
SUBJECTS = (
    Subject("S1", STEADY, cm=[drug("PREDNISONE", "2020-01", kind="GLUCOCORTICOID"), AZATHIOPRINE]),
    Subject("S2", STEADY[1:], arm="PLA", ended=("ADVERSE EVENT", 60), doses=((1, 30), (31, 60)),
            ae=[{"AETERM": "Rash", "AESTDTC": "2020"}, {"AETERM": "Flu", "AESTDTC": day(-3)}]),
    Subject("S3", (Visit(-28),), arm=None, ended=("SCREEN FAILURE", -20)),
    Subject("S4", (*STEADY[:2], Visit(57, bilag={6: 4}, not_done=("BIL016",)), Visit(60)),
            rs=(item(PGA, "PGA01", day(57), number=9), item(PGA, "PGA01", day(60), number=2)),
            lb=[{"LBTESTCD": "ANA", "LBSTRESN": 80.0, "LBDTC": day(1)}]),
    Subject("S5", ()),
)  # fmt: skip
MADE = frames(*SUBJECTS)
WHOLE = derive(PROTOCOL, from_frames(MADE), arms=LOCKED)


def same(one: AnalysisData, other: AnalysisData) -> bool:
    return one.excluded.equals(other.excluded) and {
        name: frame.equals(other.frames[name]) for name, frame in one.frames.items()
    } == dict.fromkeys(other.frames, True)


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_the_size_of_the_batch_changes_nothing(batch: int):
    assert same(WHOLE, derive(PROTOCOL, from_frames(MADE), arms=LOCKED, batch=batch))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_nothing(seed: int):
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=seed) for name, frame in MADE.items()
    }
    assert same(WHOLE, derive(PROTOCOL, from_frames(shuffled), arms=LOCKED))


def test_a_subject_s_data_do_not_depend_on_the_other_subjects():
    alone = derived(SUBJECTS[3])
    for name, frame in alone.frames.items():
        mine = WHOLE.frame(name).filter(pl.col("USUBJID") == "S4")
        assert frame.equals(mine.select(frame.columns)), name


def test_every_frame_says_the_study_and_is_sorted_by_subject():
    for name, frame in WHOLE.frames.items():
        assert frame.columns[:2] == ["STUDYID", "USUBJID"] or frame.columns[0] == "STUDYID", name
        assert frame["USUBJID"].is_sorted(), name
        assert frame["STUDYID"].unique().to_list() in (["TWOARM"], []), name


def test_synthetic_records_make_synthetic_analysis_data():
    assert not WHOLE.synthetic
    told = pl.lit("TWOARM SYNTHETIC").alias("STUDYID")
    invented = {name: frame.with_columns(told) for name, frame in MADE.items()}
    data = derive(PROTOCOL, from_frames(invented), arms=LOCKED)
    assert data.synthetic
    assert data.study == "TWOARM SYNTHETIC"
    for name, frame in data.frames.items():
        assert frame["STUDYID"].str.contains("SYNTHETIC").all(), name


def test_progress_is_told_in_subjects():
    told: list[tuple[int, int]] = []
    derive(
        PROTOCOL, from_frames(MADE), arms=LOCKED, batch=2,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("domain", ["DM", "EX", "DS"])
def test_a_domain_that_is_needed_is_asked_for(domain: str):
    without: Mapping[str, Any] = {name: frame for name, frame in MADE.items() if name != domain}
    with pytest.raises(RecordsError, match=f"{domain}: the domain is missing; needed are"):
        derive(PROTOCOL, from_frames(without), arms=LOCKED)


def test_all_domains_that_are_missing_are_named_at_once():
    with pytest.raises(RecordsError) as error:
        derive(PROTOCOL, from_frames({"DM": MADE["DM"]}), arms=LOCKED)
    assert "3 faults" in str(error.value)


def test_a_study_without_any_form_gives_no_response_to_everybody():
    bare = {name: MADE[name] for name in ("DM", "EX", "DS", "CM")}
    bare["RS"] = MADE["RS"].clear()
    data = derive(PROTOCOL, from_frames(bare), arms=LOCKED)
    rows = data.frame("ADRESP").filter(pl.col("PARAMCD") == "SRI6")
    assert rows["AVALC"].unique().to_list() == ["N"]
    assert rows["DTYPE"].unique().to_list() == ["NRI"]


def test_a_study_without_subjects_has_empty_frames():
    empty = {name: frame.clear() for name, frame in MADE.items()}
    data = derive(PROTOCOL, from_frames(empty), arms=LOCKED)
    assert all(frame.is_empty() for frame in data.frames.values())
    assert data.study == ""
