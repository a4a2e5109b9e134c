"""What `[scoring]` declares is what the derivation does."""

import polars as pl
import pytest

from derivation.small_trial import (
    LOCKED,
    STEADY,
    Subject,
    Visit,
    day,
    declared,
    derived,
    drug,
    frames,
    row_of,
)
from openlupus.derivation import derive
from openlupus.errors import ProtocolError
from openlupus.instruments import joints
from openlupus.records import from_frames


def scoring(line: str):
    return declared("", f"\n[scoring]\n{line}\n")


@pytest.mark.parametrize(
    ("convention", "left"),
    # Seizure 8, hematuria 4, low complement 2, thrombocytopenia 1.
    [("excl_serology", 8 + 4 + 1), ("excl_blood", 8 + 4), ("excl_all_lab", 8)],
)
def test_clinical_sledai_leaves_out_what_is_declared(convention: str, left: int):
    subject = Subject("A", (Visit(1, sledai=(1, 12, 20, 23)),))
    data = derived(subject, protocol=scoring(f'clinical_sledai = "{convention}"'))
    found = row_of(data, "ADSLEDAI", PARAMCD="SLEDCLIN", ADY=1)
    assert found["AVAL"] == left, found["PARAM"]


@pytest.mark.parametrize(("rule", "letter"), [("strict", "E"), ("legacy", "B")])
def test_first_visit_of_bilag(rule: str, letter: str):
    """Creatinine of 200 umol/l without a value before: a rise in the old program alone."""
    data = derived(
        Subject("A", (Visit(1, bilag={86: 200}),)),
        protocol=scoring(f'bilag_first_visit = "{rule}"'),
    )
    assert row_of(data, "ADBILAG", PARAMCD="BIL08", ADY=1)["AVALC"] == letter


@pytest.mark.parametrize(("joint_set", "tender", "swollen"), [("28", 28, 28), ("66/68", 68, 66)])
def test_joints_of_the_declared_set_are_counted(joint_set: str, tender: int, swollen: int):
    rows = [
        {
            "STUDYID": "TWOARM", "USUBJID": "A", "MKSEQ": float(i), "MKTESTCD": test,
            "MKLOC": joint.key, "MKDTC": day(1), "MKSTRESC": "Y",
        }
        for i, (test, joint) in enumerate(
            ((t, j) for t in ("SWOLLEN", "TENDER") for j in joints.JOINTS), 1
        )
    ]  # fmt: skip
    made = frames(Subject("A", STEADY)) | {"MK": pl.DataFrame(rows)}
    protocol = scoring(f'joint_set = "{joint_set}"')
    data = derive(protocol, from_frames(made), arms=LOCKED)
    for code, count in (("TENDER", tender), ("SWOLLEN", swollen), ("ACTJOINT", swollen)):
        found = row_of(data, "ADQS", PARAMCD=code)
        assert (found["AVAL"], str(count) in found["PARAM"]) == (count, True)


@pytest.mark.parametrize(("window", "dose"), [("[-7, -1]", 10), ("[-14, -1]", 5), ("[-1, -1]", 10)])
def test_baseline_dose_is_the_mean_over_the_declared_days(window: str, dose: float):
    taken = drug("PREDNISONE", day(-7), kind="GLUCOCORTICOID", dose=10)
    subject = Subject("A", STEADY, cm=(taken,))
    data = derived(subject, protocol=scoring(f"glucocorticoid_baseline = {window}"))
    assert row_of(data, "ADGC", ABLFL="Y")["AVAL"] == dose


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("glucocorticoid_baseline = [-1, -7]", "both must lie before day 1"),
        ("glucocorticoid_baseline = [-7, 1]", "both must lie before day 1"),
        ('joint_set = "44"', "joint_set"),
        ("sledai = 3", "not a field of this part"),
    ],
)
def test_choices_that_do_not_exist_are_refused(line: str, said: str):
    with pytest.raises(ProtocolError, match=said):
        scoring(line)
