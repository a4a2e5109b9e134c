"""Scores of the forms, from item rows to ADSLEDAI, ADBILAG, ADQS and ADGF."""

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
    frames,
    item,
    row_of,
)
from openlupus.derivation import AnalysisData, derive
from openlupus.instruments import joints, sledai2k
from openlupus.records import from_frames


def with_domain(name: str, rows: list[dict[str, object]]) -> AnalysisData:
    """Analysis data of one subject with these rows of a further domain."""
    told = [
        {"STUDYID": "TWOARM", "USUBJID": "A", f"{name}SEQ": float(i), **row}
        for i, row in enumerate(rows, 1)
    ]
    made = frames(Subject("A", STEADY)) | {name: pl.DataFrame(told, infer_schema_length=None)}
    return derive(PROTOCOL, from_frames(made), arms=LOCKED)


def grade(data: AnalysisData, system: int, on: int) -> str | None:
    return row_of(data, "ADBILAG", PARAMCD=f"BIL{system:02d}", ADY=on)["AVALC"]


@pytest.mark.parametrize("number", [1, 9, 20, 24])
def test_a_descriptor_adds_its_weight(number: int):
    weight = sledai2k.ITEMS[number - 1].weight
    data = derived(Subject("A", (Visit(1, sledai=(number,)), Visit(57))))
    found = row_of(data, "ADSLEDAI", PARAMCD="SLEDTOT", ADY=1)
    assert (found["AVAL"], found["BASE"], found["CHG"]) == (weight, weight, None)
    assert row_of(data, "ADSLEDAI", PARAMCD="SLEDTOT", ADY=57)["CHG"] == -weight


def test_bilag_grades_are_letters_and_codes():
    severe_rash = Visit(1, bilag={5: 4})  # severe skin eruption, new
    data = derived(Subject("A", (Visit(-28), severe_rash)))
    found = row_of(data, "ADBILAG", PARAMCD="BIL02", ADY=1)
    assert (found["AVAL"], found["AVALC"], found["ABLFL"]) == (4, "A", "Y")
    assert row_of(data, "ADBILAG", PARAMCD="BILACT", ADY=1)["AVALC"] == "Y"
    assert row_of(data, "ADBILAG", PARAMCD="BILNUM", ADY=1)["AVAL"] == 12


def test_one_b_is_not_active_and_two_are():
    data = derived(
        Subject("A", (Visit(-28), Visit(1, bilag={6: 4}), Visit(57, bilag={6: 4, 15: 4})))
    )
    assert row_of(data, "ADBILAG", PARAMCD="BILACT", ADY=1)["AVALC"] == "N"


def test_a_system_that_was_active_at_screening_is_d_afterwards_and_not_e():
    data = derived(Subject("A", (Visit(-28, bilag={6: 4}), Visit(1))))
    assert [grade(data, 2, on) for on in (-28, 1)] == ["B", "D"]
    assert grade(data, 1, 1) == "E"


def test_a_system_involved_by_history_is_d():
    told = item("BILAG-2004", "BILH02", day(1), text="Y")
    data = derived(Subject("A", (Visit(1),), rs=(told,)))
    assert [grade(data, system, 1) for system in (1, 2)] == ["E", "D"]


def test_screening_supplies_the_previous_values_of_the_first_dose():
    # Urine protein-creatinine ratio 120 after 400 mg/mmol has fallen by more than 25 %.
    high = {83: 400, 84: float("nan")}
    fallen = {83: 120, 84: float("nan")}
    screened = (Visit(-28, bilag=high), Visit(1, bilag=fallen))
    alone = (Visit(1, bilag=fallen),)
    data = derived(Subject("A", screened), Subject("B", alone))
    of = {
        subject: row_of(data, "ADBILAG", USUBJID=subject, PARAMCD="BIL08", ADY=1)["AVALC"]
        for subject in "AB"
    }
    assert of["A"] != of["B"]


def test_a_numeric_item_that_is_not_due_to_lupus_does_not_count():
    low = Visit(1, bilag={94: 20})
    not_lupus = item("BILAG-2004", "BIL094A", day(1), text="N")
    data = derived(Subject("A", (low,)), Subject("B", (low,), rs=(not_lupus,)))
    letters = [
        row_of(data, "ADBILAG", USUBJID=subject, PARAMCD="BIL09", ADY=1)["AVALC"]
        for subject in "AB"
    ]
    assert letters[0] in "AB"
    assert letters[1] in "DE"


def test_joints_are_told_by_test_and_location():
    swollen = {"L_knee", "R_wrist", "L_ankle"}
    rows = [
        {
            "MKTESTCD": test, "MKLOC": joint.key, "MKDTC": day(1),
            "MKSTRESC": "Y" if joint.key in swollen and test == "SWOLLEN" else "N",
        }
        for test in ("SWOLLEN", "TENDER")
        for joint in joints.JOINTS
    ]  # fmt: skip
    data = with_domain("MK", rows)
    # The ankle is none of the 28.
    assert row_of(data, "ADQS", PARAMCD="SWOLLEN")["AVAL"] == 2
    assert row_of(data, "ADQS", PARAMCD="TENDER")["AVAL"] == 0
    assert data.excluded.is_empty()


def test_a_joint_that_no_form_has_is_counted():
    row = {"MKTESTCD": "SWOLLEN", "MKLOC": "L_nose", "MKDTC": day(1), "MKSTRESC": "Y"}
    data = with_domain("MK", [row])
    assert data.excluded.rows() == [("ADQS", "MK", "item is not of this instrument", 1, 1)]


def cycles(on: int, **values: float) -> list[dict[str, object]]:
    return [
        {"GFTESTCD": "CT", "GFGENSYM": gene, "GFSTRESN": value, "GFDTC": day(on)}
        for gene, value in values.items()
    ]


HOUSE = {"ACTB": 18.0, "GAPDH": 20.0, "TFRC": 22.0}


def test_a_gene_signature_is_the_housekeepers_mean_less_the_cycles():
    rows = [*cycles(1, **HOUSE, IKZF1=19.0, IKZF3=23.0), *cycles(57, **HOUSE, IKZF1=17.0)]
    data = with_domain("GF", rows)
    assert row_of(data, "ADGF", PARAMCD="IKZF1", ADY=1)["AVAL"] == 1
    assert row_of(data, "ADGF", PARAMCD="IKZF3", ADY=1)["AVAL"] == -3
    assert row_of(data, "ADGF", PARAMCD="IKZF1", ADY=57)["CHG"] == 2
    assert data.frame("ADGF").height == 3


def test_a_signature_without_a_housekeeper_is_missing_and_unknown_genes_are_counted():
    data = with_domain("GF", cycles(1, ACTB=18.0, IKZF1=19.0, XIST=30.0))
    assert row_of(data, "ADGF", PARAMCD="IKZF1")["AVAL"] is None
    assert data.excluded.rows() == [("ADGF", "GF", "gene is of no signature", 1, 1)]
