"""Records as they stood on a day, and records that tell no arm."""

from datetime import date

import polars as pl
import pytest

from openlupus.records import from_frames
from openlupus.records.blind import POOLED, blinded
from openlupus.records.cut import cut

CUT = date(2020, 6, 30)


def table(domain, *rows):
    study = {"STUDYID": "S"}
    seq = {} if domain in ("DM", "SUPPDM") else {f"{domain}SEQ": 1.0}
    return pl.DataFrame([study | seq | row for row in rows], infer_schema_length=None)


def dm(subject, consent, **more):
    return {
        "USUBJID": subject, "ARMCD": "A", "ARM": "Active", "ACTARMCD": "A", "ACTARM": "Active",
        "ARMNRS": None, "RFICDTC": consent, "DTHDTC": None, "DTHFL": None, **more,
    }  # fmt: skip


def ds(subject, term, on, category="DISPOSITION EVENT", epoch="TREATMENT"):
    return {
        "USUBJID": subject, "DSDECOD": term, "DSCAT": category, "EPOCH": epoch, "DSSTDTC": on,
    }  # fmt: skip


@pytest.fixture
def records():
    milestone = "PROTOCOL MILESTONE"
    return from_frames({
        "DM": table(
            "DM",
            dm("EARLY", "2020-01-10"),
            dm("DIED", "2020-01-10", DTHDTC="2020-07-15", DTHFL="Y"),
            dm("DONE", "2020-01-10"),
            dm("SCREENED", "2020-06-20"),
            dm("LATE", "2020-07-01"),
        ),
        "DS": table(
            "DS",
            ds("EARLY", "RANDOMIZED", "2020-02-01", milestone),
            ds("DIED", "RANDOMIZED", "2020-02-01", milestone),
            ds("DIED", "DEATH", "2020-07-15"),
            ds("DONE", "RANDOMIZED", "2020-02-01", milestone),
            ds("DONE", "COMPLETED", "2020-06-01"),
            ds("SCREENED", "RANDOMIZED", "2020-07-03", milestone),
            ds("LATE", "RANDOMIZED", "2020-07-20", milestone),
        ),
        "EX": table(
            "EX",
            {"USUBJID": "EARLY", "EXTRT": "X", "EXDOSE": 5.0, "EXSTDTC": "2020-02-01",
             "EXENDTC": "2020-08-01"},
            {"USUBJID": "DIED", "EXTRT": "X", "EXDOSE": 5.0, "EXSTDTC": "2020-02-01",
             "EXENDTC": None},
            {"USUBJID": "DONE", "EXTRT": "X", "EXDOSE": 5.0, "EXSTDTC": "2020-02-01",
             "EXENDTC": None},
            {"USUBJID": "SCREENED", "EXTRT": "X", "EXDOSE": 5.0, "EXSTDTC": "2020-07-03",
             "EXENDTC": None},
        ),
        "AE": table(
            "AE",
            {"USUBJID": "DIED", "AETERM": "clot", "AESTDTC": "2020-06", "AEENDTC": "2020-07-15",
             "AEOUT": "FATAL", "AESDTH": "Y", "AEACN": "DRUG WITHDRAWN"},
            {"USUBJID": "DIED", "AETERM": "later", "AESTDTC": "2020-07", "AEENDTC": None,
             "AEOUT": None, "AESDTH": "N", "AEACN": None},
            {"USUBJID": "DONE", "AETERM": "cold", "AESTDTC": None, "AEENDTC": "2020-06-30",
             "AEOUT": "RECOVERED/RESOLVED", "AESDTH": "N", "AEACN": "DRUG WITHDRAWN"},
        ),
        "CM": table(
            "CM",
            {"USUBJID": "EARLY", "CMTRT": "x", "CMSTDTC": "2019", "CMENDTC": "2020-07",
             "CMENRF": None},
            {"USUBJID": "EARLY", "CMTRT": "y", "CMSTDTC": "2019", "CMENDTC": "2020-06",
             "CMENRF": None},
        ),
        "LB": table(
            "LB",
            {"USUBJID": "EARLY", "LBTESTCD": "ALT", "LBSTRESN": 1.0, "LBDTC": "2020-06-30T09:00"},
            {"USUBJID": "EARLY", "LBTESTCD": "ALT", "LBSTRESN": 1.0, "LBDTC": "2020-07-01"},
        ),
        "PC": table(
            "PC",
            {"USUBJID": "EARLY", "PCTESTCD": "X", "PCSTRESN": 1.0, "PCDTC": "2020-03-01"},
        ),
        "SUPPDM": table(
            "SUPPDM",
            *[{"USUBJID": u, "RDOMAIN": "DM", "QNAM": "Q", "QVAL": "1"}
              for u in ("EARLY", "SCREENED")],
        ),
    })  # fmt: skip


def rows(held, domain):
    return held.records.domain(domain).collect()


def test_nobody_who_consented_later_is_there(records):
    held = cut(records, CUT)
    assert rows(held, "DM")["USUBJID"].to_list() == ["EARLY", "DIED", "DONE", "SCREENED"]
    assert ("RECORDS", "DM", "consent is after the data cut", 1, 1) in held.left_out
    assert "LATE" not in rows(held, "DS")["USUBJID"]


def test_who_was_randomised_later_is_still_in_screening(records):
    held = cut(records, CUT)
    (found,) = rows(held, "DM").filter(USUBJID="SCREENED").to_dicts()
    assert found["ARMCD"] is None
    assert found["ACTARM"] is None
    assert rows(held, "EX").filter(USUBJID="SCREENED").is_empty()
    assert rows(held, "SUPPDM")["USUBJID"].to_list() == ["EARLY"]


def test_who_died_later_is_alive_and_the_event_goes_on(records):
    held = cut(records, CUT)
    (found,) = rows(held, "DM").filter(USUBJID="DIED").to_dicts()
    assert (found["DTHFL"], found["DTHDTC"]) == (None, None)
    (event,) = rows(held, "AE").filter(USUBJID="DIED").to_dicts()
    assert event["AETERM"] == "clot"
    assert event["AEENDTC"] is None
    assert (event["AEOUT"], event["AESDTH"]) == ("NOT RECOVERED/NOT RESOLVED", "N")
    # Its treatment ended after the cut, so it was not withdrawn yet.
    assert event["AEACN"] == "UNKNOWN"
    (kept,) = rows(held, "AE").filter(USUBJID="DONE").to_dicts()
    assert (kept["AEENDTC"], kept["AEACN"]) == ("2020-06-30", "DRUG WITHDRAWN")


def test_a_fatal_event_without_an_end_ends_with_the_death(records):
    ae = records.domain("AE").with_columns(AEENDTC=pl.lit(None, pl.String)).collect()
    frames = {name: frame.collect() for name, frame in records.domains.items()}
    held = cut(from_frames(frames | {"AE": ae}), CUT)
    (event,) = rows(held, "AE").filter(USUBJID="DIED").to_dicts()
    assert (event["AEOUT"], event["AESDTH"]) == ("NOT RECOVERED/NOT RESOLVED", "N")
    kept = cut(from_frames(frames | {"AE": ae}), date(2020, 7, 15))
    fatal = rows(kept, "AE").filter(USUBJID="DIED", AETERM="clot").to_dicts()[0]
    assert (fatal["AEOUT"], fatal["AESDTH"]) == ("FATAL", "Y")


def test_treatment_that_goes_on_ends_on_the_day_of_the_cut(records):
    ends = dict(rows(cut(records, CUT), "EX").select("USUBJID", "EXENDTC").iter_rows())
    # DONE has no end, but its treatment was said to have ended.
    assert ends == {"EARLY": "2020-06-30", "DIED": "2020-06-30", "DONE": None}


def test_intervals_and_findings_keep_what_was_known(records):
    held = cut(records, CUT)
    medicines = rows(held, "CM").sort("CMTRT")
    assert medicines["CMENDTC"].to_list() == [None, "2020-06"]
    assert medicines["CMENRF"].to_list() == ["ONGOING", None]
    assert rows(held, "LB")["LBDTC"].to_list() == ["2020-06-30T09:00"]
    assert ("RECORDS", "LB", "after the data cut", 1, 1) in held.left_out
    opened = "ends after the data cut: kept, and open at the cut"
    assert ("RECORDS", "CM", opened, 1, 1) in held.left_out


def test_blinded_records_have_no_arm_no_dose_and_no_concentrations(records):
    hidden = blinded(records, {"A": POOLED}, {POOLED: "All patients"})
    people = hidden.domain("DM").collect()
    assert set(people["ARMCD"]) == {POOLED}
    assert set(people["ACTARM"]) == {"All patients"}
    exposure = hidden.domain("EX").collect()
    assert set(exposure["EXTRT"]) == {"BLINDED"}
    assert exposure["EXDOSE"].null_count() == exposure.height
    assert not hidden.has("PC")
