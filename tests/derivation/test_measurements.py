"""ADLB, ADVS, ADEG, ADEX, ADCM, ADDV: values of a few invented subjects, worked out by hand."""

import polars as pl
import pytest

from derivation.small_trial import (
    DECLARATION,
    LOCKED,
    STEADY,
    Subject,
    day,
    drug,
    excluded,
    frames,
    row_of,
)
from openlupus.derivation import derive
from openlupus.errors import RecordsError
from openlupus.protocol import parse
from openlupus.records import domain, from_frames

ASKED = "\n[safety]\ndays_after_last_dose = 28\n" + "".join(
    f'\n[analysis.{name.lower()}]\ndataset = "{name}"\npopulation = "treated"\n'
    f'method = {{ name = "incidence" }}\n'
    for name in ("ADLB", "ADVS", "ADEG", "ADEX", "ADCM", "ADDV", "ADMH")
)
PROTOCOL = parse(DECLARATION + ASKED)
PLAIN = {"VISIT": "X", "STUDYID": "TWOARM"}


def lab(code, on, value, *, unit, low=None, high=None, **more):
    return {
        "LBTESTCD": code, "LBTEST": code, "LBSTRESN": value, "LBSTRESU": unit, "LBSTNRLO": low,
        "LBSTNRHI": high, "LBDTC": day(on) if isinstance(on, int) else on, "VISITNUM": None,
        **more,
    }  # fmt: skip


def findings(domain, *rows):
    """A findings domain of subject S from (code, day, value)."""
    return pl.DataFrame(
        [
            PLAIN
            | {
                "USUBJID": "S", f"{domain}SEQ": float(i), f"{domain}TESTCD": code,
                f"{domain}TEST": code, f"{domain}STRESN": value, f"{domain}DTC": day(on),
                "VISITNUM": None,
            }
            for i, (code, on, value) in enumerate(rows, 1)
        ],
        schema_overrides={"VISITNUM": pl.Float64},
    )  # fmt: skip


def analysed(subject, **domains):
    made = frames(subject)
    for name in ("LB", "MH", "AE", "VS", "EG", "DV"):
        made.setdefault(name, pl.DataFrame(schema=domain(name).schema))
    held = from_frames(made | domains)
    return derive(PROTOCOL, held, arms=LOCKED)


def test_grades_go_by_the_range_and_after_the_first_dose_by_the_baseline():
    # ALT above ULN 40 at baseline (60): grade 1 from 1.5 x baseline = 90; 130 is 2.2 x baseline.
    rows = [lab("ALT", on, v, unit="U/L", high=40) for on, v in ((1, 60), (57, 80), (113, 90))]
    # Hemoglobin in g/L: 95 is below 100 g/L, grade 2; 99.9 g/L below LLN, grade 2 too.
    rows += [lab("HGB", on, v, unit="g/L", low=117, high=175) for on, v in ((1, 118), (57, 95))]
    rows += [lab("NEUT", 57, 900.0, unit="10^6/L", low=1800.0)]
    data = analysed(Subject("S", STEADY, lb=rows))

    def grade(code, on, column):
        return row_of(data, "ADLB", PARAMCD=code, ADY=float(on))[column]

    assert [grade("ALT", on, "ATOXGRH") for on in (1, 57, 113)] == ["1", "0", "1"]
    assert [grade("HGB", on, "ATOXGRL") for on in (1, 57)] == ["0", "2"]
    # 0.9 x 10^9/L: below 1.0, grade 3.
    assert grade("NEUT", 57, "ATOXGRL") == "3"
    assert grade("ALT", 57, "BTOXGRH") == "1"
    assert grade("HGB", 57, "ATOXGRH") is None


def test_ranges_shifts_and_the_worst_value_of_each_direction():
    rows = [
        lab("PLAT", on, v, unit="10^9/L", low=150, high=400)
        for on, v in ((-3, 200), (1, 160), (40, 60), (57, 74), (90, 450), (200, 20))
    ]
    data = analysed(Subject("S", STEADY, lb=rows))
    found = data.frame("ADLB").filter(PARAMCD="PLAT").sort("ADY")
    assert found["BASE"].to_list() == [160] * 6
    assert found["CHG"].to_list() == [None, None, -100, -86, 290, -140]
    assert found["PCHG"].to_list()[2] == -62.5
    assert found["ANRIND"].to_list() == ["NORMAL", "NORMAL", "LOW", "LOW", "HIGH", "LOW"]
    assert found["SHIFT1"].to_list()[2:] == [
        "NORMAL to LOW", "NORMAL to LOW", "NORMAL to HIGH", "NORMAL to LOW",
    ]  # fmt: skip
    # Day 200 is more than 28 days after the last dose, day 112.
    assert found["ONTRTFL"].to_list() == [None, None, "Y", "Y", "Y", None]
    assert found["ANL02FL"].to_list() == [None, None, "Y", None, None, None]
    assert found["ANL03FL"].to_list() == [None, None, None, None, "Y", None]
    assert found["R2ANRHI"].to_list()[4] == 450 / 400


def test_a_baseline_in_another_unit_is_converted():
    # 1.0 mg/dL is 88.4 umol/L: 90 is no rise, and 300 is above 3 times the baseline, grade 3.
    rows = [
        lab("CREAT", 1, 1.0, unit="mg/dL", high=1.2),
        lab("CREAT", 57, 90.0, unit="umol/L", high=106.0),
        lab("CREAT", 90, 300.0, unit="umol/L", high=106.0),
        lab("CREAT", 100, 1.1, unit="mg/dL", high=1.2),
    ]
    data = analysed(Subject("S", STEADY, lb=rows))
    found = data.frame("ADLB").filter(PARAMCD="CREAT").sort("ADY")
    assert found["BASE"].to_list() == pytest.approx([1.0, 88.4, 88.4, 1.0], rel=1e-3)
    assert found["CHG"].to_list()[1:] == pytest.approx([1.6, 211.6, 0.1], abs=0.05)
    assert found["PCHG"].to_list()[3] == pytest.approx(10)
    assert found["ATOXGRH"].to_list() == ["0", "0", "3", "0"]
    # The lowest is that of day 57 (1.02 mg/dL), though 1.1 is the smaller number.
    assert found["ANL02FL"].to_list() == [None, "Y", None, None]
    assert found["ANL03FL"].to_list() == [None, None, "Y", None]
    said = "baseline is in another unit: converted to that of the record"
    assert excluded(data, "ADLB", said) == 2


def test_a_baseline_in_a_unit_that_cannot_be_converted_gives_no_change_and_no_grade():
    rows = [lab("CREAT", 1, 1.0, unit="drops", high=1.2)]
    rows += [lab("CREAT", 57, 90.0, unit="umol/L", high=106.0)]
    rows += [lab("C3", 1, 0.9, unit="g/L"), lab("C3", 57, 95.0, unit="mg/dL")]
    rows += [lab("PLAT", 1, 200.0, unit="drops"), lab("PLAT", 57, 60.0, unit="10^9/L", low=150)]
    data = analysed(Subject("S", STEADY, lb=rows))
    for code in ("CREAT", "C3", "PLAT"):
        later = row_of(data, "ADLB", PARAMCD=code, ADY=57.0)
        assert (later["BASE"], later["CHG"], later["PCHG"]) == (None, None, None)
    assert row_of(data, "ADLB", PARAMCD="CREAT", ADY=57.0)["ATOXGRH"] is None
    # The grade of a low count does not look at the baseline: 60 is below 75, grade 2.
    assert row_of(data, "ADLB", PARAMCD="PLAT", ADY=57.0)["ATOXGRL"] == "2"
    said = "baseline is in another unit: kept without baseline and change"
    assert excluded(data, "ADLB", said) == 3


def test_what_is_left_out_of_laboratory_data_is_counted():
    rows = [
        lab("ALT", 1, 20.0, unit="U/L", high=40),
        lab("ALT", 1, 22.0, unit="U/L", high=40),
        lab("ALT", "2020-03", 30.0, unit="U/L", high=40),
        lab("ALT", 57, None, unit="U/L", high=40, LBSTAT="NOT DONE"),
        lab("AST", 57, 30.0, unit="katal", high=40),
    ]
    data = analysed(Subject("S", STEADY, lb=rows))
    assert row_of(data, "ADLB", PARAMCD="ALT")["AVAL"] == 22
    assert excluded(data, "ADLB", "superseded by a later record of the same test") == 1
    assert excluded(data, "ADLB", "date is missing or partial") == 1
    assert excluded(data, "ADLB", "there is no result") == 1
    unit = "unit is not known to the CTCAE term: kept without a grade"
    assert excluded(data, "ADLB", unit) == 1
    assert row_of(data, "ADLB", PARAMCD="AST")["ATOXGRH"] is None


def test_qtcf_is_taken_as_recorded_or_made_from_qt_and_rate():
    eg = findings(
        "EG", ("QTCFAG", 1, 440.0), ("QTAG", 57, 400.0), ("EGHRMN", 57, 75.0),
        ("QTCFAG", 113, 505.0),
    )  # fmt: skip
    data = analysed(Subject("S", STEADY), EG=eg)
    made = row_of(data, "ADEG", PARAMCD="QTCF", ADY=57.0)
    # RR 0.8 s, its cube root 0.928318
    assert made["AVAL"] == pytest.approx(400 / 0.9283178, rel=1e-6)
    assert made["DTYPE"] == "DERIVED"
    assert made["AVALCAT1"] == "<=450"
    last = row_of(data, "ADEG", PARAMCD="QTCF", ADY=113.0)
    assert (last["DTYPE"], last["AVALCAT1"], last["CHG"]) == (None, ">500", 65)
    assert (last["CHGCAT1"], last["ANL03FL"]) == (">60", "Y")


def test_exposure_counts_days_once_and_years_to_the_end_of_the_emergent_period():
    ex = pl.DataFrame(
        [
            PLAIN | {"USUBJID": "S", "EXSEQ": float(i), "EXTRT": "X", "EXDOSE": dose,
                     "EXDOSU": "mg", "EXDOSFRQ": often, "EXSTDTC": day(a), "EXENDTC": day(b)}
            for i, (a, b, dose, often) in enumerate(
                ((1, 30, 10.0, "QD"), (30, 50, 5.0, "BID"), (61, 100, 10.0, "QD")), 1
            )
        ]
    )  # fmt: skip
    data = analysed(Subject("S", STEADY), EX=ex)
    found = dict(data.frame("ADEX").select("PARAMCD", "AVAL").iter_rows())
    assert found["DURD"] == 100
    assert found["DOSED"] == 90
    assert (found["INTD"], found["NINT"]) == (10, 1)
    assert found["CUMDOSE"] == 30 * 10 + 21 * 10 + 40 * 10
    assert found["RDI"] == pytest.approx(100 * 910 / (10 * 100))
    assert found["PTYRS"] == pytest.approx(128 / 365.25)


def test_a_treatment_without_an_end_goes_on_to_the_end_of_treatment():
    data = analysed(Subject("S", STEADY, doses=((1, None),), ended=("COMPLETED", 112)))
    found = dict(data.frame("ADEX").select("PARAMCD", "AVAL").iter_rows())
    assert (found["DURD"], found["DOSED"], "CUMDOSE" in found) == (112, 112, False)


def test_prior_and_concomitant_medication_of_whole_and_partial_dates():
    cm = [
        drug("before", "2019-01-01", "2020-03-01", kind="NSAID"),
        drug("through", "2019", None, kind="NSAID"),
        drug("during", day(20), day(30), kind="NSAID"),
        drug("after", day(120), None, kind="NSAID"),
        drug("perhaps", "2019", "2020-03", kind="NSAID"),
    ]
    data = analysed(Subject("S", STEADY, cm=cm))
    found = {r["CMTRT"]: (r["PREFL"], r["CONFL"]) for r in data.frame("ADCM").to_dicts()}
    assert found == {
        "before": ("Y", "N"), "through": ("Y", "Y"), "during": ("N", "Y"), "after": ("N", "N"),
        "perhaps": ("Y", "Y"),
    }  # fmt: skip


def test_a_data_set_is_made_only_where_it_is_asked_for():
    data = derive(parse(DECLARATION), from_frames(frames(Subject("S", STEADY))), arms=LOCKED)
    assert {"ADLB", "ADVS", "ADEX"}.isdisjoint(data.frames)


def test_a_domain_that_is_asked_for_and_not_there_is_refused():
    made = frames(Subject("S", STEADY))
    with pytest.raises(RecordsError, match="VS"):
        derive(PROTOCOL, from_frames(made), arms=LOCKED)
