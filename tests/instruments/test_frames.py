"""One patient's dict, a dict of arrays and a frame of any kind are the same form."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from openlupus.errors import InstrumentError, UnknownItemError
from openlupus.instruments import (
    acr1997,
    arrays,
    bilag2004,
    clasi,
    composites,
    eular_acr2019,
    facit_fatigue,
    flare,
    gene_signature,
    joints,
    pga,
    selena_sledai,
    sle_das,
    sledai2k,
    slicc2012,
)

DATA: dict[str, list[Any]] = {
    "USUBJID": ["1", "2", "3"],
    "arthritis": [1, 0, None],
    "rash": [True, False, True],
    "fever": [0.0, 1.0, np.nan],
}


def polars_lists(data: dict[str, list[Any]]) -> pl.DataFrame:
    return pl.DataFrame(data, strict=False)


def nullable(data: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.array(values, dtype="string" if name == "USUBJID" else "Float64")
            for name, values in data.items()
        }
    )


KINDS = {
    "dict": dict,
    "pandas": pd.DataFrame,
    "pandas with its own nulls": nullable,
    "polars": polars_lists,
    "pyarrow": lambda data: pa.table(polars_lists(data).to_arrow()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_is_the_same_form(kind: str) -> None:
    codes = sledai2k.form(KINDS[kind](DATA))
    chosen = codes[:, [sledai2k.KEYS.index(key) for key in ("arthritis", "rash", "fever")]]
    assert chosen.tolist() == [[1, 1, 0], [0, 0, 1], [-1, 1, -1]]
    assert np.array_equal(sledai2k.score(KINDS[kind](DATA)).missing, codes == -1)


def test_one_patients_dict_is_one_row() -> None:
    codes = sledai2k.form({"arthritis": True, "rash": False, "fever": None})
    assert codes.shape == (1, 24)
    assert sledai2k.score({key: key == "rash" for key in sledai2k.KEYS}).total.tolist() == [2]


FORMS = {
    sledai2k: (sledai2k.form, sledai2k.KEYS, sledai2k.CODES),
    selena_sledai: (selena_sledai.form, selena_sledai.KEYS, selena_sledai.CODES),
    bilag2004: (bilag2004.form, bilag2004.KEYS, bilag2004.CODES),
    clasi: (clasi.form, clasi.KEYS, clasi.CODES),
    facit_fatigue: (facit_fatigue.form, facit_fatigue.KEYS, facit_fatigue.CODES),
    acr1997: (acr1997.form, acr1997.KEYS, acr1997.CODES),
    slicc2012: (slicc2012.form, slicc2012.KEYS, slicc2012.CODES),
    eular_acr2019: (eular_acr2019.form, eular_acr2019.KEYS, eular_acr2019.CODES),
    sle_das: (sle_das.form, sle_das.KEYS, sle_das.CODES),
    flare: (flare.form, flare.KEYS, flare.CODES),
}


@pytest.mark.parametrize("module", FORMS, ids=lambda module: module.__name__.split(".")[-1])
def test_codes_stand_for_keys(module: Any) -> None:
    form, keys, codes = FORMS[module]
    by_key = form({key: [i % 2, 1] for i, key in enumerate(keys)})
    by_code = form({code: [i % 2, 1] for i, code in enumerate(codes)})
    assert np.array_equal(by_key, by_code)
    assert by_key.shape == (2, len(keys))
    assert len(set(codes)) == len(keys)
    assert all(len(code) <= 8 for code in codes)


def test_pga_and_joints_take_frames_too() -> None:
    assert pga.checked({"pga": [1.5, None]}).tolist()[0] == 1.5
    assert pga.checked(pd.DataFrame({"PGA01": [0.3]})).tolist() == [0.3]
    tender, swollen = joints.form({"tender_L_knee": [1], "SJ01": [1]})
    assert (np.nansum(tender), np.nansum(swollen), tender.shape) == (1, 1, (1, 28))
    tender, swollen = joints.form({key: [1] for key in _all_joints()}, "66/68")
    counts = joints.count(tender, swollen, joint_set="66/68")
    assert (counts.tender[0], counts.swollen[0]) == (68, 66)


def _all_joints() -> list[str]:
    tender = [f"tender_{joint.key}" for joint in joints.JOINTS]
    return tender + [f"swollen_{j.key}" for j in joints.JOINTS if j.swelling_counts]


def test_bilag_takes_frames_for_everything() -> None:
    absent = {item.key: 0 for item in bilag2004.ITEMS if item.type != "numeric"}
    frame = pl.DataFrame({**absent, "urine_pcr": 150.0, "active_urinary_sediment": 1})
    grades = bilag2004.grade(
        frame, previous={"urine_pcr": 120}, previous_involvement={"ophthalmic": [1], "BILH01": 1}
    )
    assert grades.letters[0].tolist() == ["D", *"EEEEE", "D", "A", "E"]
    first = bilag2004.grade(frame, previous=None, previous_involvement=None)
    assert first.letters[0, 7] == "A"


@pytest.mark.parametrize("kind", KINDS)
def test_gene_signatures_take_frames(kind: str) -> None:
    genes = {"IFI27": [22, 22], "IFI44": [24, None], "IFI44L": [23, 23], "RSAD2": [25, 25]}
    data = {"USUBJID": ["1", "2"], **genes, "ACTB": [16, 16], "GAPDH": [17, 17], "TFRC": [21, 21]}
    got = gene_signature.score_ct(KINDS[kind](data), "type1_ifn_4")
    assert got[0] == -5.5
    assert np.isnan(got[1])
    one = {key: values[0] for key, values in data.items()}
    assert gene_signature.score_ct(one, "type1_ifn_4").tolist() == [-5.5]


@pytest.mark.parametrize("kind", KINDS)
def test_composites_take_frames(kind: str) -> None:
    data: dict[str, list[Any]] = {
        "USUBJID": ["1", "2"],
        "sledai_baseline": [10, 10],
        "sledai_visit": [6, None],
        "pga_baseline": [2.0, 2.0],
        "pga_visit": [2.3, 1.0],
    }
    for system in bilag2004.SYSTEMS:
        data |= {f"bilag_baseline_{system}": [2, 2], f"bilag_visit_{system}": [2, 1]}
    got = composites.evaluate("sri", KINDS[kind](data))
    assert got.responder.tolist() == [0, -1]
    assert got.reason.tolist() == ["not met: pga no worsening", "cannot be computed: sledai fall"]


def test_an_unknown_or_repeated_or_wordy_column_is_named() -> None:
    with pytest.raises(UnknownItemError, match=r"\['artritis', 'rush'\]"):
        sledai2k.form({"artritis": 1, "rush": 1})
    with pytest.raises(InstrumentError, match=r"\['SLED09'\] are given by code and by key"):
        sledai2k.form({"arthritis": 1, "SLED09": 1})
    with pytest.raises(InstrumentError, match="SLEDAI-2K: rash must be numbers"):
        sledai2k.form({"rash": ["Y", "N"]})
    with pytest.raises(InstrumentError, match=r"different lengths \[2, 3\]"):
        sledai2k.form({"rash": [1, 0], "fever": [1, 1, 1]})
    with pytest.raises(InstrumentError, match=r"rash needs shape \(assessments,\)"):
        sledai2k.form({"rash": [[1, 0]]})
    with pytest.raises(UnknownItemError, match="no option"):
        composites.evaluate("sri", {}, fall=4)


# Identifiers, visit and timing variables of SDTM and ADaM, and plain words for them.
NO_ITEMS = (
    *("STUDYID", "DOMAIN", "USUBJID", "SUBJID", "SITEID", "VISIT", "VISITNUM", "VISITDY"),
    *("EPOCH", "RSDTC", "RSDY", "QSDTC", "QSDY", "MKDTC", "LBDTC", "AVISIT", "AVISITN", "ADT"),
    *("subject", "visit", "visit_number", "date", "day"),
)


@pytest.mark.parametrize("name", NO_ITEMS)
def test_identifiers_are_passed_over(name: str) -> None:
    assert sledai2k.score({**dict.fromkeys(sledai2k.KEYS, 1), name: "text"}).total.tolist() == [105]


def test_an_array_is_no_form() -> None:
    assert not arrays.is_form(np.zeros((1, 24)))
    assert not arrays.is_form([1, 0])
    assert arrays.is_form(pl.DataFrame({"a": [1]}))
