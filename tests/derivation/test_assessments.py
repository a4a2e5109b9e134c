"""What of the item rows is used, and that all the rest is counted with its reason."""

from dataclasses import replace

import polars as pl
import pytest

from derivation.small_trial import (
    LOCKED,
    PROTOCOL,
    STEADY,
    Subject,
    Visit,
    day,
    derived,
    excluded,
    frames,
    item,
    row_of,
    verdict,
)
from openlupus.derivation import derive
from openlupus.derivation.assessments import gather, item_rows
from openlupus.derivation.tally import Tally
from openlupus.instruments.pga import CATEGORY as PGA
from openlupus.instruments.scale import Scale
from openlupus.instruments.sledai2k import CATEGORY as SLEDAI
from openlupus.records import from_frames


def with_rows(*rows: dict[str, object]) -> Subject:
    return Subject("A", STEADY, rs=rows)


def test_of_two_records_of_an_item_the_last_in_sequence_stands_and_the_other_is_counted():
    again = item(SLEDAI, "SLED01", day(57), text="Y")
    data = derived(with_rows(again))
    assert row_of(data, "ADSLEDAI", PARAMCD="SLEDTOT", ADY=57)["AVAL"] == 8
    assert excluded(data, "ADSLEDAI", "superseded by a later record of the same item") == 1


def test_the_sequence_decides_and_not_the_order_of_rows():
    subject = with_rows(item(PGA, "PGA01", day(57), number=2.5))
    made = frames(subject)
    backwards = made["RS"].sort("RSSEQ", descending=True)
    data = derive(PROTOCOL, from_frames({**made, "RS": backwards}), arms=LOCKED)
    assert row_of(data, "ADQS", PARAMCD="PGA", ADY=57)["AVAL"] == 2.5


@pytest.mark.parametrize(
    ("row", "dataset"),
    [
        (item(PGA, "PGA01", day(20), number=3.5), "ADQS"),
        (item(PGA, "PGA01", day(20), number=-0.1), "ADQS"),
        (item(PGA, "PGA01", day(20), text="severe"), "ADQS"),
        (item(SLEDAI, "SLED02", day(20), text="UNKNOWN"), "ADSLEDAI"),
        (item(SLEDAI, "SLED02", day(20), number=2), "ADSLEDAI"),
        (item("BILAG-2004", "BIL001", day(20), number=5), "ADBILAG"),
    ],
)
def test_a_value_off_its_scale_is_counted_and_taken_as_missing(
    row: dict[str, object], dataset: str
):
    data = derived(with_rows(row))
    assert excluded(data, dataset, "value is not on the scale of its item") == 1
    rows = data.frame(dataset).filter(pl.col("ADY") == 20)
    assert rows.height > 0
    assert rows["AVAL"].null_count() == rows.height


@pytest.mark.parametrize("text", [None, "2020", "2020-04", "04/27/2020"])
def test_a_record_without_a_whole_date_is_counted(text: str | None):
    data = derived(with_rows(item(PGA, "PGA01", text, number=1)))
    assert excluded(data, "ADQS", "date is missing or partial") == 1
    assert data.frame("ADQS").height == len(STEADY)


def test_a_time_of_day_does_not_part_an_assessment():
    visit = Visit(113, pga=None)
    timed = item(PGA, "PGA01", day(113) + "T10:30", number=1.0)
    data = derived(Subject("A", (*STEADY[:3], visit), rs=(timed,)))
    assert verdict(data, "A", "SRI6", "Week 16")["AVALC"] == "Y"


def test_a_code_that_no_form_has_and_a_form_that_is_not_scored_are_counted():
    data = derived(
        with_rows(
            item(SLEDAI, "SLED25", day(57), text="Y"), item("SLICC", "SLICC1", day(57), number=1)
        )
    )
    assert excluded(data, "ADSLEDAI", "item is not of this instrument") == 1
    assert excluded(data, "ADQS", "category is of no instrument that is scored") == 1


def test_records_of_who_was_not_randomised_are_counted():
    failure = Subject("B", (Visit(-28),), arm=None, ended=("SCREEN FAILURE", -20))
    data = derived(Subject("A", STEADY), failure)
    assert excluded(data, "ADSLEDAI", "subject was not randomized") == 24
    assert data.frame("ADSLEDAI")["USUBJID"].unique().to_list() == ["A"]
    assert row_of(data, "ADSL", USUBJID="B")["SCRFFL"] == "Y"


def test_an_item_not_done_makes_the_score_missing_and_the_verdict_non_response():
    visits = (*STEADY[:3], Visit(113, not_done=("SLED20",)))
    data = derived(Subject("A", visits))
    assert row_of(data, "ADSLEDAI", PARAMCD="SLEDTOT", ADY=113)["AVAL"] is None
    assert row_of(data, "ADSLEDAI", PARAMCD="SLEDCLIN", ADY=113)["AVAL"] == 0
    found = verdict(data, "A", "SRI6", "Week 16")
    assert (found["AVALC"], found["DTYPE"]) == ("N", "NRI")
    assert found["REASON"] == "cannot be computed: sledai fall"
    assert data.excluded.is_empty()


def test_every_item_row_is_used_or_counted():
    odd = (
        item(PGA, "PGA01", day(57), number=2.0),
        item(PGA, "PGA02", day(57), number=2.0),
        item(PGA, "PGA01", "2020-04", number=2.0),
        item(PGA, "PGA01", day(20), number=7.0),
        item("SLICC", "S1", day(20), number=7.0),
        item(SLEDAI, "SLED01", day(57), text="Y"),
    )
    failure = Subject("B", (Visit(-28),), arm=None, ended=None)
    made = frames(Subject("A", STEADY, rs=odd), failure)
    data = derived(Subject("A", STEADY, rs=odd), failure)
    left_out = int(data.excluded.filter(pl.col("domain") == "RS")["records"].sum())
    # Of the four visits of A every item has one record that stands.
    assert made["RS"].height == left_out + 4 * (24 + 97 + 1)


def test_gathering_is_one_row_an_assessment_and_one_column_an_item():
    rows = [
        item("X", code, day(on), number=value, visit=visit)
        for code, on, visit, value in [
            ("B", 1, 1.0, 2.0), ("A", 1, 1.0, 1.0), ("A", 57, 2.0, 3.0), ("A", 57, 2.5, 4.0),
        ]
    ]  # fmt: skip
    records = from_frames(frames(replace(Subject("A"), rs=rows)))
    reference = pl.DataFrame({"USUBJID": ["A"]}).with_columns(REFDT=pl.date(2020, 3, 2))
    tally = Tally()
    got = gather(
        item_rows(records, "RS"), reference, tally,
        items={"A": Scale(0, 9), "B": Scale(0, 9)}, dataset="X", domain="RS",
    )  # fmt: skip
    assert got.index["VISITNUM"].to_list() == [1.0, 2.0, 2.5]
    assert got.column("A").tolist() == [1.0, 3.0, 4.0]
    assert got.columns(["B"])[0, 0] == 2.0
    assert tally.frame.is_empty()
