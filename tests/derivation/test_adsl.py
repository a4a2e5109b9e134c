"""ADSL before its declared variables: sets, dates, disposition."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import (
    FIRST_DOSE,
    LOCKED,
    PROTOCOL,
    STEADY,
    Subject,
    day,
    derived,
    excluded,
    frames,
    row_of,
)
from openlupus.derivation import AnalysisData, derive
from openlupus.derivation.adsl import last_disposition
from openlupus.errors import DerivationError
from openlupus.protocol.adsl import ADSL_VARIABLES
from openlupus.records import from_frames


def changed(subject: Subject, domain: str, **columns: Any) -> AnalysisData:
    """Analysis data of a subject with columns of a domain set anew."""
    made = frames(subject)
    made[domain] = made[domain].with_columns(**columns)
    return derive(PROTOCOL, from_frames(made), arms=LOCKED)


@pytest.mark.parametrize(
    ("subject", "flags"),
    [
        (Subject("A"), "YYYN"),
        (Subject("A", doses=()), "YYNN"),
        (Subject("A", arm=None, ended=("SCREEN FAILURE", -20)), "YNNY"),
    ],
    ids=["treated", "randomised only", "screen failure"],
)
def test_who_was_screened_randomised_treated(subject: Subject, flags: str):
    found = row_of(derived(subject), "ADSL")
    assert "".join(found[n] for n in ("SCRNFL", "RANDFL", "TRTFL", "SCRFFL")) == flags


@pytest.mark.parametrize("code", ["", "SCRNFAIL", "Scrnfail", "NOTASSGN", None])
def test_codes_that_are_no_arm(code: str | None):
    data = changed(Subject("A"), "DM", ARMCD=pl.lit(code, pl.String))
    assert row_of(data, "ADSL")["RANDFL"] == "N"


def test_treatment_lasts_from_the_first_day_to_the_last():
    found = row_of(derived(Subject("A", doses=((1, 28), (29, 112)))), "ADSL")
    assert (found["TRTSDT"], found["TRTDURD"]) == (FIRST_DOSE, 112)
    assert found["TRTEDT"].isoformat() == day(112)


@pytest.mark.parametrize(
    ("doses", "ended", "last"),
    [
        (((1, 28), (29, None)), ("ADVERSE EVENT", 60), 60),
        (((1, 28), (29, None)), None, 29),
        (((1, 28), (29, None)), ("ADVERSE EVENT", 20), 29),
        (((1, None), (29, 50)), ("ADVERSE EVENT", 60), 50),
    ],
    ids=["until it ended", "goes on", "ended before", "not the last interval"],
)
def test_treatment_without_a_recorded_last_day(
    doses: tuple[tuple[int, int | None], ...], ended: tuple[str, int] | None, last: int
):
    found = row_of(derived(Subject("A", doses=doses, ended=ended)), "ADSL")
    assert found["TRTEDT"].isoformat() == day(last)


def test_a_completer():
    found = row_of(derived(Subject("A")), "ADSL")
    assert (found["EOTSTT"], found["DCTREAS"], found["COMPLFL"]) == ("COMPLETED", None, "Y")
    assert found["EOTDT"].isoformat() == day(112)


def test_one_who_stopped():
    found = row_of(derived(Subject("A", ended=("ADVERSE EVENT", 50))), "ADSL")
    assert (found["EOTSTT"], found["DCTREAS"], found["COMPLFL"]) == (
        "DISCONTINUED", "ADVERSE EVENT", "N",
    )  # fmt: skip
    assert (found["EOSSTT"], found["DCSREAS"]) == ("DISCONTINUED", "ADVERSE EVENT")


def test_one_who_goes_on():
    found = row_of(derived(Subject("A", ended=None)), "ADSL")
    assert (found["EOTSTT"], found["COMPLFL"]) == (None, "N")


def test_a_screen_failure_has_a_reason_and_no_treatment_that_ended():
    found = row_of(derived(Subject("A", arm=None, ended=("SCREEN FAILURE", -20))), "ADSL")
    assert (found["SCRFREAS"], found["EOTSTT"]) == ("SCREEN FAILURE", None)


def disposition(*events: tuple[str, str | None, str | None, str]) -> pl.DataFrame:
    told = [
        {
            "USUBJID": "A", "DSSEQ": float(i), "DSDECOD": term, "EPOCH": epoch, "DSSTDTC": on,
            "DSCAT": category,
        }
        for i, (term, epoch, on, category) in enumerate(events, 1)
    ]  # fmt: skip
    return pl.DataFrame(told, schema_overrides={"EPOCH": pl.String, "DSSTDTC": pl.String})


EVENT, OTHER = "DISPOSITION EVENT", "OTHER EVENT"


@pytest.mark.parametrize(
    ("events", "epoch", "ended"),
    [
        ([("COMPLETED", "TREATMENT", "2020-05-01", EVENT),
          ("LOST TO FOLLOW-UP", "FOLLOW-UP", "2020-06-01", EVENT)], "TREATMENT", "COMPLETED"),
        ([("COMPLETED", "TREATMENT", "2020-05-01", EVENT),
          ("LOST TO FOLLOW-UP", "FOLLOW-UP", "2020-06-01", EVENT)], "", "LOST TO FOLLOW-UP"),
        ([("DEATH", "FOLLOW-UP", "2020-06-01", EVENT)], "TREATMENT", "DEATH"),
        ([("COMPLETED", None, "2020-06-01", EVENT)], "TREATMENT", "COMPLETED"),
        ([("ADVERSE EVENT", "TREATMENT", "2020-06-01", EVENT),
          ("COMPLETED", "TREATMENT", "2020-05-01", EVENT)], "TREATMENT", "ADVERSE EVENT"),
        ([("FINAL LAB VISIT", "TREATMENT", "2020-06-01", OTHER)], "TREATMENT", None),
        ([("SCREEN FAILURE", None, "2020-01-01", EVENT)], "TREATMENT", None),
        ([("Death", "Treatment", None, EVENT)], "TREATMENT", "DEATH"),
    ],
    ids=["own epoch", "study", "other epoch only", "no epoch", "last by date", "no event",
         "screen failure", "any case, no date"],
)  # fmt: skip
def test_how_an_epoch_ended(
    events: list[tuple[str, str | None, str | None, str]], epoch: str, ended: str | None
):
    found = last_disposition(disposition(*events), epoch)["ENDED"].to_list()
    assert found == ([] if ended is None else [ended])


def test_consent_comes_from_dm_or_else_from_the_milestone():
    assert row_of(derived(Subject("A")), "ADSL")["RFICDT"].isoformat() == day(-30)
    milestone = pl.when(pl.col("DSDECOD") == "RANDOMIZED").then(pl.lit("INFORMED CONSENT OBTAINED"))
    data = changed(Subject("A", dm={"RFICDTC": None}), "DS",
                   DSDECOD=milestone.otherwise("DSDECOD"))  # fmt: skip
    assert row_of(data, "ADSL")["RFICDT"] == FIRST_DOSE


def test_death_by_flag_or_by_date():
    data = derived(
        Subject("A", dm={"DTHFL": "Y"}), Subject("B", dm={"DTHDTC": "2020-05"}), Subject("C")
    )
    assert data.frame("ADSL")["DTHFL"].to_list() == ["Y", "Y", "N"]
    assert row_of(data, "ADSL", USUBJID="B")["DTHDT"] == date(2020, 5, 1)


def test_every_variable_that_a_declaration_may_name_is_there():
    assert set(ADSL_VARIABLES) <= set(derived(Subject("A")).frame("ADSL").columns)


def test_regions_are_those_declared():
    countries = {"A": "SWE", "B": "ESP", "C": "DEU"}
    subjects = [Subject(name, dm={"COUNTRY": country}) for name, country in countries.items()]
    assert derived(*subjects).frame("ADSL")["REGION1"].to_list() == ["North", "South", None]


def test_without_an_actual_arm_all_were_treated_as_planned():
    found = row_of(derived(Subject("A")), "ADSL")
    assert (found["ACTARMCD"], found["TRT01A"]) == ("ACT", "Active, 10 mg")


def test_an_actual_arm_that_is_given_is_kept():
    swapped = Subject("A", dm={"ACTARMCD": "PLA", "ACTARM": "Placebo"})
    untreated = Subject("B", doses=(), dm={"ACTARMCD": None, "ACTARM": None})
    data = derived(swapped, untreated)
    assert data.frame("ADSL")["ACTARMCD"].to_list() == ["PLA", None]


def test_a_subject_in_two_arms_is_refused_by_name():
    made = frames(Subject("A", STEADY), Subject("B", STEADY, arm="PLA"))
    again = made["DM"].filter(pl.col("USUBJID") == "A").with_columns(ARMCD=pl.lit("PLA"))
    twice = from_frames({**made, "DM": pl.concat([made["DM"], again])})
    with pytest.raises(DerivationError, match=r"1 subject\(s\) in two arms \(A: ACT and PLA\)"):
        derive(PROTOCOL, twice, arms=LOCKED)


def test_a_subject_twice_in_dm_is_counted():
    made = frames(Subject("A", STEADY), Subject("B", STEADY, arm="PLA"))
    twice = pl.concat([made["DM"], made["DM"].filter(pl.col("USUBJID") == "A")])
    data = derive(PROTOCOL, from_frames({**made, "DM": twice}), arms=LOCKED)
    assert data.frame("ADSL")["ARMCD"].to_list() == ["ACT", "PLA"]
    assert excluded(data, "ADSL", "subject has an earlier record") == 1


def test_a_subject_in_an_arm_that_is_not_declared_is_refused_by_code():
    stray = (Subject("A", arm="XYZ"), Subject("B"), Subject("C", arm="XYZ"))
    with pytest.raises(DerivationError) as error:
        derived(*stray)
    assert "ARMCD XYZ: 2 subject(s); ACTARMCD XYZ: 2 subject(s)" in str(error.value)
    assert "declared are ACT, PLA" in str(error.value)
    with pytest.raises(DerivationError, match=r"not declared \(ACTARMCD XYZ: 1 subject"):
        derived(Subject("A", dm={"ACTARMCD": "XYZ", "ACTARM": "X"}))


@pytest.mark.parametrize("domain", ["EX", "DS"])
def test_records_of_a_subject_who_is_not_in_dm_are_counted(domain: str):
    made = frames(Subject("A"))
    stray = made[domain].with_columns(USUBJID=pl.lit("Z"))
    data = derive(
        PROTOCOL, from_frames({**made, domain: pl.concat([made[domain], stray])}), arms=LOCKED
    )
    assert excluded(data, "ADSL", "subject is not in DM") == stray.height
    assert data.frame("ADSL").height == 1
