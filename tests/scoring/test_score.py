"""Sheets: every instrument by file and by frame, and every fault with its line and field."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openlupus.errors import FileFormatError, InstrumentError, OutputExistsError, SheetError
from openlupus.instruments import bilag2004, clasi, composites, egfr, sledai2k
from openlupus.instruments.glucocorticoids import EQUAL_TO_5_MG
from openlupus.scoring import (
    FORMS,
    explain_file,
    score_file,
    score_frame,
    template,
)


def sheet(folder: Path, text: str) -> Path:
    path = folder / "items.csv"
    path.write_text(text, encoding="utf-8")
    return path


def faults(instrument: str, data: Any, **options: Any) -> list[str]:
    with pytest.raises(SheetError) as caught:
        score_frame(instrument, data, **options)
    assert str(caught.value).splitlines()[1:] == [f"  {fault}" for fault in caught.value.faults]
    return [str(fault) for fault in caught.value.faults]


# -- every form ----------------------------------------------------------------------------------

NEEDED: dict[str, dict[str, str]] = {
    "ctcae": {"term": "anemia", "value": "9", "unit": "g/dL"},
    "egfr": {"creatinine": "80", "creatinine_unit": "umol/L", "age": "40", "female": "Y"},
    "glucocorticoids": {
        "drug": "prednisone",
        "dose_mg": "5",
        "frequency": "QD",
        "route": "oral",
        "start_day": "1",
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_an_empty_template_is_scored_and_nothing_is_taken_for_absent(
    name: str, tmp_path: Path
) -> None:
    header = template(name).strip().split(",")
    assert header[:2] == ["USUBJID", "VISITNUM"]
    values = {"USUBJID": "S-1", "VISITNUM": "1", **NEEDED.get(name, {})}
    row = ",".join(values.get(column, "") for column in header)
    scores = score_file(name, sheet(tmp_path, ",".join(header) + "\n" + row + "\n"))
    assert scores.height == 1
    assert scores["USUBJID"][0] == "S-1"
    if name not in NEEDED:
        numbers = scores.select(pl.selectors.numeric()).drop(
            "answered", "criteria", "clinical", "immunological", "points", strict=False
        )
        domains = FORMS["eular_acr2019"].name == name
        assert domains or all(value is None for value in numbers.row(0))
    if name in composites.COMPOSITES:
        assert scores["reason"][0].startswith("cannot be computed: ")


def test_no_two_instruments_have_one_name() -> None:
    assert not {name for name, form in FORMS.items() if form.name != name}
    assert set(composites.COMPOSITES) < set(FORMS)
    assert len(FORMS) == 16 + len(composites.COMPOSITES)


@pytest.mark.parametrize("name", FORMS)
def test_a_sheet_without_rows_gives_a_sheet_without_rows(name: str, tmp_path: Path) -> None:
    assert score_file(name, sheet(tmp_path, template(name))).height == 0


@pytest.mark.parametrize("name", FORMS)
def test_fields_are_named_once_and_say_what_they_hold(name: str) -> None:
    keys = [f.key for f in FORMS[name].fields]
    assert len(set(keys)) == len(keys)
    assert all(f.label for f in FORMS[name].fields)
    assert all(f.allowed for f in FORMS[name].fields if f.key != "unit")


# -- the same as the instruments -------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.sampled_from(["1", "0", ""]), min_size=24, max_size=24), min_size=1))
def test_sledai_from_a_file_is_sledai(tmp_path: Path, rows: list[list[str]]) -> None:
    lines = [",".join(sledai2k.CODES), *(",".join(row) for row in rows)]
    # A line of empty fields only is a row all the same.
    got = score_file("sledai2k", sheet(tmp_path, "\n".join(lines) + "\n"))
    codes = np.array([[{"1": 1, "0": 0, "": -1}[v] for v in row] for row in rows], np.int8)
    for convention in sledai2k.CONVENTIONS:
        expected = sledai2k.score(codes, convention=convention).total
        assert got[convention].to_list() == [None if np.isnan(t) else t for t in expected]
    for row, missing in zip(codes, got["missing"], strict=True):
        left = [key for key, code in zip(sledai2k.KEYS, row, strict=True) if code == -1]
        assert missing.split() == left


@pytest.mark.parametrize("yes", ["1", "Y", "yes", "TRUE", " y ", "1.0"])
def test_a_yes_may_be_written_in_many_ways(tmp_path: Path, yes: str) -> None:
    others = ",".join("0" if yes[0] == "1" else "N" for _ in sledai2k.KEYS[1:])
    text = ",".join(sledai2k.KEYS) + f"\n{yes},{others}\n"
    assert score_file("sledai2k", sheet(tmp_path, text))["total"].to_list() == [8]


KINDS = {
    "dict": (dict, pl.DataFrame),
    "polars": (pl.DataFrame, pl.DataFrame),
    "pandas": (pd.DataFrame, pd.DataFrame),
    "pyarrow": (pa.table, pa.Table),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_comes_back_as_it_came(kind: str) -> None:
    make, returned = KINDS[kind]
    data = {"USUBJID": ["1", "2"], **{key: [1, 0] for key in sledai2k.KEYS}}
    got = score_frame("sledai2k", make(data))
    assert isinstance(got, returned)
    assert np.asarray(got["total"]).tolist() == [105, 0]


def form_of(**changes: Any) -> dict[str, Any]:
    absent: dict[str, Any] = {i.key: 0 for i in bilag2004.ITEMS if i.type != "numeric"}
    normal = {"systolic_bp": 120, "diastolic_bp": 80, "urine_pcr": 10, "creatinine": 70}
    blood = {"haemoglobin": 13, "wbc": 6, "neutrophils": 4, "lymphocytes": 2, "platelets": 250}
    return {**absent, **normal, **blood, **changes}


def visits(*forms: dict[str, Any], subject: list[str]) -> pl.DataFrame:
    columns = {key: [form.get(key) for form in forms] for form in forms for key in form}
    return pl.DataFrame({"USUBJID": subject, **columns}, strict=False)


def test_bilag_remembers_over_the_visits_of_a_subject() -> None:
    """Rows of two subjects mixed: each has its own previous values and memory."""
    frame = visits(
        form_of(urine_pcr=150),
        form_of(arthritis_severe=4),
        form_of(urine_pcr=100),
        form_of(),
        subject=["A", "B", "A", "B"],
    )
    got = score_frame("bilag2004", frame)
    assert got["USUBJID"].to_list() == ["A", "B", "A", "B"]
    assert got["renal"].to_list() == ["B", "E", "C", "E"]
    assert got["musculoskeletal"].to_list() == ["E", "A", "E", "D"]
    assert got["numeric_score"].to_list() == [8, 12, 1, 0]
    assert got["incomplete"].to_list() == [""] * 4
    alone = score_frame("bilag2004", frame.drop("USUBJID"))
    assert alone["musculoskeletal"].to_list() == ["E", "A", "E", "E"]


def test_bilag_takes_attribution_history_and_says_what_is_incomplete() -> None:
    frame = visits(
        form_of(platelets=20, platelets_attributed=0, renal_before=1),
        form_of(platelets=20, BIL094A=None, arthritis_severe=None, urine_pcr=150),
        subject=["A", "B"],
    ).drop("BIL094A")
    got = score_frame("bilag2004", frame)
    assert got["haematological"].to_list() == ["E", "A"]
    assert got["renal"].to_list() == ["D", "B"]
    assert got["incomplete"].to_list() == ["", "musculoskeletal"]
    assert got["numeric_score"].to_list() == [0, None]
    assert got["at_least"].to_list() == ["", ""]
    holes = score_frame("bilag2004", form_of(pyrexia=[4], anorexia=[None]))
    assert holes["at_least"].to_list() == ["constitutional:B"]
    assert holes["constitutional"].to_list() == [""]


def test_the_first_visit_rule_is_an_option() -> None:
    frame = form_of(creatinine=[160])
    assert score_frame("bilag2004", frame)["renal"].to_list() == ["E"]
    legacy = score_frame("bilag2004", frame, options={"legacy_first_visit": 1})
    assert legacy["renal"].to_list() == ["B"]


def test_explanations_of_a_file(tmp_path: Path) -> None:
    frame = visits(form_of(urine_pcr=120), form_of(urine_pcr=150), subject=["A", "A"])
    frame.write_csv(tmp_path / "items.csv")
    got = explain_file(tmp_path / "items.csv", tmp_path / "why.csv")
    assert got.height == 18
    renal = got.filter(pl.col("system") == "renal")
    assert renal["grade"].to_list() == ["B", "B"]
    assert renal["findings"].to_list() == ["urine_pcr 120", "urine_pcr 150 (before 120)"]
    assert "severe deteriorating proteinuria" in renal["rules"][1]
    assert (tmp_path / "why.csv").read_text().startswith("USUBJID,system,grade")
    with pytest.raises(OutputExistsError):
        explain_file(tmp_path / "items.csv", tmp_path / "why.csv")


def test_composites_take_letters_and_give_reasons() -> None:
    data: dict[str, list[Any]] = {
        "USUBJID": ["1", "2"],
        "sledai_baseline": [10, 10],
        "sledai_visit": [6, 7],
        "pga_baseline": [1.5, 0.4],
        "pga_visit": [1.5, 0.7],
    }
    for system in bilag2004.SYSTEMS:
        data |= {f"bilag_baseline_{system}": ["B", "E"], f"bilag_visit_{system}": ["C", "E"]}
    got = score_frame("sri", data)
    assert got["responder"].to_list() == [1, 0]
    assert got["reason"].to_list() == ["", "not met: sledai fall and pga no worsening"]
    assert score_frame("sri", data, options={"sledai_fall": 3})["sledai_fall"].to_list() == [1, 1]


def test_joints_pga_clasi_genes_and_the_laboratory() -> None:
    joints = {column: [1] for column in template("joints").strip().split(",")[2:]}
    counted = score_frame("joints", joints)
    assert counted.row(0) == (28, 28, 28, 68, 66, 66)
    two = score_frame("pga", {"PGA01": [0.3, None, None], "pga_mm": [None, 10, None]})
    assert two["pga"].to_list() == [0.3, 0.3, None]
    boxes = score_frame("clasi", {key: [1] for key in clasi.KEYS if "scalp_scarring" not in key})
    assert (boxes["activity"][0], boxes["damage"][0]) == (29, None)
    genes = {"IFI27": [22], "IFI44": [24], "IFI44L": [23], "RSAD2": [25]}
    housekeepers = {"ACTB": [16], "GAPDH": [17], "TFRC": [21]}
    assert score_frame("gene_signature", genes | housekeepers)["type1_ifn_4"].to_list() == [-5.5]
    anemia = {"term": ["anemia"], "value": [9.0], "unit": ["g/dL"], "lln": [12]}
    assert score_frame("ctcae", anemia)["grade"].to_list() == [2]
    data = {"creatinine": [80, 80], "creatinine_unit": ["umol/L"] * 2, "age": [40, 40]}
    got = score_frame("egfr", {**data, "female": ["Y", "Y"], "black": ["N", None]})
    assert got["mdrd4"].to_list()[1] is None
    assert got["ckd_epi_2021"][1] == egfr.egfr([80], [40], [True], equation="ckd_epi_2021")[0]


def test_glucocorticoids_are_scored_by_subject() -> None:
    records = {
        "USUBJID": ["B", "A", "B"],
        "drug": ["prednisone", "dexamethasone", "prednisone"],
        "dose_mg": [10, 0.75, 5],
        "frequency": ["QD"] * 3,
        "route": ["oral"] * 3,
        "start_day": [1, 1, 8],
        "end_day": [7, None, None],
    }
    got = score_frame("glucocorticoids", records, options={"first_day": 1, "last_day": 14})
    assert got["USUBJID"].to_list() == ["B", "A"]
    assert got["average_mg_day"].to_list() == [7.5, 5]
    assert got["highest_mg_day"].to_list() == [10, 5]
    late = {**records, "end_day": [0, None, None]}
    assert faults("glucocorticoids", late) == ["row 0, end_day: '0' is before the first day"]


def test_rows_of_cm_are_scored_as_they_are() -> None:
    """SDTM spells drugs, routes and frequencies in capitals, and has a column for the unit."""
    records = {
        "USUBJID": ["A", "A", "A", "A"],
        "CMDECOD": [
            "PREDNISONE",
            "METHYLPREDNISOLONE SODIUM SUCCINATE",
            "TRIAMCINOLONE",
            "Cortisone",
        ],
        "CMDOSE": [10, 500, 40, 25],
        "CMDOSU": ["mg"] * 4,
        "CMDOSFRQ": ["QD", "once", "ONCE", "QOD"],
        "CMROUTE": ["ORAL", "INTRAVENOUS", "INTRA-ARTICULAR", "Oral"],
        "CMSTDY": [1, 3, 4, 8],
        "CMENDY": [7, 3, 4, None],
    }
    got = score_frame("glucocorticoids", records, options={"first_day": 1, "last_day": 14})
    assert got["highest_mg_day"].to_list() == [10]
    assert got["average_mg_day"].to_list() == [(7 * 10 + 7 * 2.5) / 14]
    assert got["parenteral_mg"].to_list() == [625]
    units = {**records, "CMDOSU": ["mg", "g", "mg", ""], "CMENDY": [0, 3, 4, None]}
    assert faults("glucocorticoids", units) == [
        "row 0, CMENDY: '0' is before the first day",
        "row 1, CMDOSU: 'g' is not the unit of CMDOSE, which is mg",
        "row 3, CMDOSU: the unit is missing; CMDOSE is in mg",
    ]
    drugs = {**records, "CMDECOD": ["BUDESONIDE", "PREDNISONE", "PREDNISONE", "PREDNISONE"]}
    known = " | ".join(EQUAL_TO_5_MG)
    assert faults("glucocorticoids", drugs) == [
        f"row 0, CMDECOD: 'BUDESONIDE' is not one of {known}"
    ]


# -- faults ------------------------------------------------------------------------------------


def test_every_fault_of_a_file_is_listed_with_its_line_and_field(tmp_path: Path) -> None:
    text = """USUBJID,VISITNUM,pyrexia,haemoglobin,haemoglobin_unit,creatinine,BIL078A,artritis
1,1,0,12,g/dL,80,Y,1
1,2,5,120,g/dL,-3,N,1
1,1,x,11,,80,1,1
,3,1,11,g/L,80,0,1
"""
    out = tmp_path / "grades.csv"
    with pytest.raises(SheetError) as caught:
        score_file("bilag2004", sheet(tmp_path, text), out)
    found = [str(fault) for fault in caught.value.faults]
    assert found == [
        "column artritis: is no item of this form, nor a column that says whose assessment it is",
        "line 2, BIL078A: 'Y' mixed conventions: words and numbers in one column",
        "line 3, BIL078A: 'N' mixed conventions: words and numbers in one column",
        "line 3, pyrexia: '5' is not a whole number from 0 to 4",
        "line 3, creatinine: '-3' is not a number from 0 to 5000, umol/L",
        "line 3, haemoglobin: '120' is not a number from 0 to 30, g/dL",
        "line 4, VISITNUM: '1' does not come after the row before of the same subject",
        "line 4, haemoglobin_unit: the unit is missing; haemoglobin is in g/dL",
        "line 4, pyrexia: 'x' is not a whole number from 0 to 4",
        "line 5, USUBJID: is needed to tell whose visit it is",
        "line 5, haemoglobin_unit: 'g/L' is not the unit of haemoglobin, which is g/dL",
    ]
    assert not out.exists()
    listed = pl.read_csv(tmp_path / "grades.faults.csv")
    assert listed.columns == ["line", "field", "value", "why"]
    assert listed.height == len(found)


def test_mixed_scales_units_and_contradictions_are_faults() -> None:
    assert faults("pga", {"pga": [1.0], "pga_mm": [33]}) == [
        "row 0, pga: '1.0' mixed conventions: give one of pga, pga_mm, pga_0_10",
        "row 0, pga_mm: '33' mixed conventions: give one of pga, pga_mm, pga_0_10",
    ]
    assert faults("egfr", {"creatinine": [0.9], "age": [40], "female": [1]})[0].startswith(
        "column creatinine_unit: is needed"
    )
    wrong = {"creatinine": [90], "creatinine_unit": ["mg/dL"], "age": [40], "female": [1]}
    assert faults("egfr", wrong) == [
        "row 0, creatinine_unit: 'mg/dL' is not the unit of creatinine, which is umol/L"
    ]
    graded = {"term": ["anemia", "anaemia", "anemia"], "value": [9, 9, 9]}
    found = faults("ctcae", {**graded, "unit": ["g/L", "g/dL", ""]})
    assert found[0] == "row 0, unit: 'g/L' must be g/dL"
    assert found[1].startswith("row 1, term: 'anaemia' is not one of neutrophil_count_decreased")
    assert found[2] == "row 2, unit: the unit is missing; it must be g/dL"
    assert len(found) == 3
    both = {"localised_rash": [0, 1], "generalised_rash": [1, 1]}
    assert faults("sle_das", both) == [
        "row 1, localised_rash: '1' is not possible with a generalised rash (tick the latter)"
    ]
    counts = {"IFI27": [0, 5]}
    assert faults("gene_signature", counts, options={"counts": 1}) == [
        "row 0, IFI27: '0' is no count: give a positive one, or leave it empty"
    ]


def test_dates_order_visits_where_there_is_no_number() -> None:
    frame = visits(form_of(), form_of(), subject=["A", "A"])
    late = frame.with_columns(RSDTC=pl.Series(["2020-02-01", "2020-01-01"]))
    assert "RSDTC: '2020-01-01' does not come after" in faults("bilag2004", late)[0]
    score_frame("bilag2004", late.reverse())


def test_an_item_twice_and_other_columns() -> None:
    twice = {"rash": [1], "SLED15": [1]}
    assert faults("sledai2k", twice) == ["column rash: is given twice, also as SLED15"]
    other = {"rash": [1], "SITE": ["7"]}
    assert faults("sledai2k", other)[0].startswith("column SITE: is no item")
    assert score_frame("sledai2k", other, keep=["SITE"])["SITE"].to_list() == ["7"]


def test_many_faults_are_counted_and_the_first_shown() -> None:
    with pytest.raises(SheetError) as caught:
        score_frame("sledai2k", {"rash": [7] * 250})
    assert len(caught.value.faults) == 250
    assert str(caught.value).startswith("SLEDAI-2K: 250 faults\n  row 0, rash: '7' is not")
    assert str(caught.value).endswith("and 150 more")


def test_calls_that_cannot_mean_anything(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"no instrument 'sledai'; there are sledai2k, "):
        template("sledai")
    with pytest.raises(InstrumentError, match="bilag2004 has no option 'legacy'; it has: legacy_"):
        score_frame("bilag2004", {}, options={"legacy": 1})
    with pytest.raises(InstrumentError, match="sledai2k has no option 'k'; it has: none"):
        score_frame("sledai2k", {}, options={"k": 1})
    with pytest.raises(InstrumentError, match="option sledai_fall lies between 1 and 105, not 0"):
        score_frame("sri", {}, options={"sledai_fall": 0})
    with pytest.raises(FileFormatError, match="there is no such file"):
        score_file("sledai2k", tmp_path / "none.csv")
    path = sheet(tmp_path, "rash\n1\n")
    score_file("sledai2k", path, tmp_path / "out.csv")
    with pytest.raises(OutputExistsError, match="--force"):
        score_file("sledai2k", path, tmp_path / "out.csv")
    score_file("sledai2k", path, tmp_path / "out.csv", force=True)
    assert (tmp_path / "out.csv").read_text().startswith("total,excl_serology")
