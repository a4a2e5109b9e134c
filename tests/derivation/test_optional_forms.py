"""SELENA flare index, S2K RI-50 and SLE-DAS from item records, by hand."""

from collections.abc import Mapping, Sequence
from functools import cache
from math import log
from typing import Any

import polars as pl
import pytest

from derivation.small_trial import (
    Row,
    Subject,
    Visit,
    day,
    declared,
    derived,
    drug,
    excluded,
    item,
    row_of,
    verdict,
)
from openlupus.derivation import AnalysisData
from openlupus.errors import DerivationError
from openlupus.instruments import flare, s2k_ri50, selena_sledai, sle_das
from openlupus.protocol import Protocol

FLARE = """
[endpoint.flare]
label = "No SELENA flare"
parameter = "SFI"
composite = "selena_flare_free"
missing = "missing"

[endpoint.severe]
label = "No severe SELENA flare"
parameter = "SFISEV"
composite = "selena_flare_free"
component = "no_severe"
missing = "missing"

[endpoint.modified]
label = "No severe flare by the modified index"
parameter = "SFIMOD"
composite = "selena_flare_free"
component = "no_severe"
options = { sledai_alone = 0 }
missing = "missing"

[time_to_event.severe]
label = "Severe flare"
parameter = "TTSEV"
endpoint = "severe"
event = "first_failure"
"""
SRI50 = """
[endpoint.half]
label = "SRI-50"
parameter = "SRI50"
composite = "sri50"
missing = "missing"
"""
SLEDAS = """
[endpoint.low]
label = "SLE-DAS remission"
parameter = "DASLOW"
composite = "sle_das_low"
missing = "missing"
"""


@cache
def protocol(added: str) -> Protocol:
    return declared("", added)


def told(data: AnalysisData, parameter: str, visit: str = "Week 8") -> tuple[Any, Any]:
    row = verdict(data, "A", parameter, visit)
    return row["AVALC"], row["REASON"]


# -- SELENA flare index -----------------------------------------------------------------------

ARTHRITIS, RASH, ULCERS, LEUKOPENIA, SEIZURE = 9, 15, 17, 24, 1
"""Numbers of descriptors: 4, 2, 2, 1 and 8 points."""


def selena(on: int, *present: int) -> list[Row]:
    """A SELENA-SLEDAI form with these descriptors."""
    return [
        item(selena_sledai.CATEGORY, i.code, day(on), text="Y" if i.number in present else "N")
        for i in selena_sledai.ITEMS
    ]


def sfi(on: int, *yes: str) -> list[Row]:
    """The questions of the flare index, these answered yes."""
    return [
        item(flare.CATEGORY, i.code, day(on), text="Y" if i.key in yes else "N")
        for i in flare.ITEMS
    ]


def weighed(on: int, kg: float, unit: str = "kg") -> Row:
    return {
        "VSTESTCD": "WEIGHT", "VSTEST": "Weight", "VSSTRESN": kg, "VSSTRESC": f"{kg:g}",
        "VSSTRESU": unit, "VSDTC": day(on), "VISITNUM": None,
    }  # fmt: skip


def prednisone(*doses: tuple[int, int | None, float]) -> list[Row]:
    return [
        drug("PREDNISONE", day(a), None if b is None else day(b), dose=mg, kind="GLUCOCORTICOID")
        for a, b, mg in doses
    ]


STEADY_DOSE = ((-60, None, 10.0),)


def course(
    *forms: Sequence[Row],
    pga: Mapping[int, float] | None = None,
    doses: Sequence[tuple[int, int | None, float]] = STEADY_DOSE,
    vs: Sequence[Row] = (weighed(1, 70),),
) -> AnalysisData:
    """A subject with arthritis and rash at day 1 (6 points), PGA 1, 10 mg of prednisone."""
    seen = {1: 1.0, 57: 1.0} | dict(pga or {})
    visits = [Visit(on, sledai=None, bilag=None, pga=value) for on, value in seen.items()]
    rows = [*selena(1, ARTHRITIS, RASH), *(row for form in forms for row in form)]
    subject = Subject("A", visits, rs=rows, cm=prednisone(*doses), vs=vs)
    return derived(subject, protocol=protocol(FLARE))


SAME = selena(57, ARTHRITIS, RASH)


@pytest.mark.parametrize(
    ("forms", "more", "severity"),
    [
        pytest.param((SAME, sfi(57)), {}, "none", id="nothing"),
        pytest.param((selena(57, ARTHRITIS, RASH, ULCERS), sfi(57)), {}, "none", id="up by 2"),
        pytest.param(
            (selena(57, ARTHRITIS, RASH, ULCERS, LEUKOPENIA), sfi(57)), {}, "mild", id="up by 3"
        ),
        pytest.param((selena(57, SEIZURE, ARTHRITIS), sfi(57)), {}, "mild", id="up to 12"),
        pytest.param((selena(57, SEIZURE, ARTHRITIS, RASH), sfi(57)), {}, "severe", id="up to 14"),
        pytest.param((SAME, sfi(57, "fever")), {}, "mild", id="fever"),
        pytest.param(
            (SAME, sfi(57, "nsaid_or_hydroxychloroquine")), {}, "mild", id="antimalarial added"
        ),
        pytest.param((SAME, sfi(57, "cns")), {}, "none", id="cns, no more treatment"),
        pytest.param((SAME, sfi(57, "cns", "hospitalisation")), {}, "severe", id="cns, admitted"),
        pytest.param(
            (SAME, sfi(57, "cns")), {"doses": ((-60, 30, 10), (31, None, 20))}, "severe",
            id="cns, dose doubled",
        ),
        pytest.param(
            (SAME, sfi(57)), {"doses": ((-60, 30, 10), (31, None, 20))}, "mild", id="dose doubled"
        ),
        pytest.param(
            (SAME, sfi(57)), {"doses": ((-60, 30, 10), (31, None, 36))}, "severe",
            id="36 mg at 70 kg, above 0.5 mg per kg",
        ),
        pytest.param(
            (SAME, sfi(57)), {"doses": ((-60, 30, 10), (31, None, 35))}, "mild",
            id="35 mg at 70 kg, 0.5 mg per kg",
        ),
        pytest.param(
            (SAME, sfi(57)),
            {
                "doses": ((-60, 30, 10), (31, None, 36)),
                "vs": (weighed(1, 70), weighed(50, 72), weighed(58, 60)),
            },
            "mild", id="the last weight by that day: 72 kg",
        ),
        pytest.param((SAME, sfi(57)), {"pga": {57: 1.9}}, "none", id="PGA up by 0.9"),
        pytest.param((SAME, sfi(57)), {"pga": {57: 2.0}}, "mild", id="PGA up by 1.0"),
        pytest.param((SAME, sfi(57)), {"pga": {57: 2.6}}, "severe", id="PGA above 2.5"),
        pytest.param((SAME, sfi(57, "new_immunosuppressant")), {}, "severe", id="azathioprine"),
    ],
)  # fmt: skip
def test_the_severity_of_a_flare(forms: Sequence[Sequence[Row]], more: Any, severity: str):
    data = course(*forms, **more)
    expected = {
        "none": ("Y", None),
        "mild": ("N", "not met: no mild or moderate"),
        "severe": ("N", "not met: no severe"),
    }
    assert told(data, "SFI") == expected[severity]
    assert told(data, "SFISEV")[0] == ("N" if severity == "severe" else "Y")


def test_the_modified_index_does_not_count_the_score_alone():
    data = course(selena(57, SEIZURE, ARTHRITIS, RASH), sfi(57))
    assert told(data, "SFISEV")[0] == "N"
    assert told(data, "SFIMOD")[0] == "Y"


def test_a_dose_without_a_weight_leaves_the_severity_open():
    raised: dict[str, Any] = {"doses": ((-60, 30, 10), (31, None, 36)), "vs": (weighed(58, 70),)}
    data = course(SAME, sfi(57), **raised)
    reason = "cannot be computed: no mild or moderate and no severe"
    assert told(data, "SFI") == ("N", reason)
    assert told(data, "SFISEV") == (None, "cannot be computed: no severe")
    pounds = course(SAME, sfi(57), vs=(weighed(1, 154, "lb"),))
    assert told(pounds, "SFI") == ("Y", None)  # the dose was not raised: no weight is asked
    assert excluded(pounds, "ADRESP", "weight is not in kg") == 1


def test_a_form_that_was_not_answered_leaves_the_verdict_open():
    data = course(SAME, sfi(113))
    assert told(data, "SFI") == (None, "cannot be computed: no mild or moderate and no severe")


def test_a_severe_flare_between_visits_has_its_own_day():
    data = course(
        selena(20, SEIZURE, ARTHRITIS, RASH), sfi(20), SAME, sfi(57), pga={20: 1.0}
    )  # fmt: skip
    assert row_of(data, "ADTTE", PARAMCD="TTSEV")["AVAL"] == 20
    assert row_of(data, "ADTTE", PARAMCD="TTSEV")["CNSR"] == 0
    assert verdict(data, "A", "SFISEV", "Week 8")["ADY"] == 20


def test_the_dose_of_an_assessment_between_visits_is_that_of_the_7_days_before_it():
    burst: dict[str, Any] = {"doses": ((-60, 12, 10), (13, 19, 20), (20, None, 10))}
    assert told(course(SAME, sfi(57), **burst), "SFI") == ("Y", None)
    seen = course(selena(20, ARTHRITIS, RASH), sfi(20), SAME, sfi(57), pga={20: 1.0}, **burst)
    assert told(seen, "SFI") == ("N", "not met: no mild or moderate")
    late = course(selena(28, ARTHRITIS, RASH), sfi(28), SAME, sfi(57), pga={28: 1.0}, **burst)
    assert told(late, "SFI") == ("Y", None)


def test_the_total_is_a_parameter():
    data = course(SAME, sfi(57))
    row = row_of(data, "ADSLEDAI", PARAMCD="SELSLED", AVISIT="Week 8")
    assert (row["AVAL"], row["BASE"], row["CHG"]) == (6, 6, 0)


# -- S2K RI-50 --------------------------------------------------------------------------------

HEMATURIA, ALOPECIA = 12, 16


def improved(on: int, *yes: int, asked: Sequence[int] = range(1, 25)) -> list[Row]:
    """The answers "at least 50 % better?": yes to these descriptors, no to others asked."""
    return [
        item(s2k_ri50.CATEGORY, code, day(on), text="Y" if number in yes else "N")
        for number, code in enumerate(s2k_ri50.CODES, 1)
        if number in asked
    ]


def halved(start: Sequence[int], now: Sequence[int], answers: Sequence[Row]) -> AnalysisData:
    visits = (Visit(-28), Visit(1, sledai=start), Visit(57, sledai=now))
    return derived(Subject("A", visits, rs=answers), protocol=protocol(SRI50))


@pytest.mark.parametrize(
    ("start", "now", "better", "total", "met"),
    [
        # Arthritis 4 and hematuria 4, both half better: 2 + 2 against 8.
        pytest.param((9, 12), (9, 12), (9, 12), 4, "Y", id="both better"),
        pytest.param((9, 12), (9, 12), (9,), 6, "N", id="one better"),
        # Arthritis half better (2), rash and alopecia gone, ulcers new (2): 4 against 8.
        pytest.param((9, 15, 16), (9, 17), (9, 17), 4, "Y", id="what is new counts in full"),
        pytest.param((9, 12), (9,), (), 4, "Y", id="what is gone counts nothing"),
    ],
)
def test_improved_descriptors_count_half(
    start: Sequence[int], now: Sequence[int], better: Sequence[int], total: float, met: str
):
    data = halved(start, now, improved(57, *better))
    assert row_of(data, "ADSLEDAI", PARAMCD="S2KRI50", AVISIT="Week 8")["AVAL"] == total
    assert told(data, "SRI50")[0] == met


def test_the_change_is_against_the_sledai_of_baseline():
    data = halved((9, 12), (9, 12), improved(57, 9, 12))
    row = row_of(data, "ADSLEDAI", PARAMCD="S2KRI50", AVISIT="Week 8")
    assert (row["BASE"], row["CHG"]) == (8, -4)
    before = row_of(data, "ADSLEDAI", PARAMCD="S2KRI50", ADY=-28.0)
    assert before["AVAL"] is None


def test_an_answer_is_needed_only_where_a_descriptor_is_there_at_both_visits():
    asked = halved((9, 12), (9, 17), improved(57, 9, asked=(9,)))
    assert row_of(asked, "ADSLEDAI", PARAMCD="S2KRI50", AVISIT="Week 8")["AVAL"] == 4
    lacking = halved((9, 12), (9, 12), improved(57, 9, asked=(9,)))
    assert told(lacking, "SRI50") == (None, "cannot be computed: sledai fall")


def test_the_answers_belong_to_the_form_of_the_same_day():
    other = halved((9, 12), (9, 12), improved(58, 9, 12))
    assert told(other, "SRI50") == (None, "cannot be computed: sledai fall")


# -- SLE-DAS ----------------------------------------------------------------------------------

NORMAL = {"swollen_joints_28": 0.0, "urine_protein": 100.0, "platelets": 250.0, "leukocytes": 6.0}


def das(on: int, left_out: Sequence[str] = (), **values: float) -> list[Row]:
    """A SLE-DAS form: these items, others absent or normal."""
    held = NORMAL | values
    return [
        item(sle_das.CATEGORY, i.code, day(on), number=held.get(i.key, 0.0))
        if i.type == "numeric"
        else item(sle_das.CATEGORY, i.code, day(on), text="Y" if values.get(i.key) else "N")
        for i in sle_das.ITEMS
        if i.key not in left_out
    ]


def scored(**values: Any) -> AnalysisData:
    rows = [*das(1, arthritis=1, swollen_joints_28=3), *das(57, **values)]
    visits = (Visit(1), Visit(57))
    return derived(Subject("A", visits, rs=rows), protocol=protocol(SLEDAS))


@pytest.mark.parametrize(
    ("values", "total", "low"),
    [
        pytest.param({}, 0.366, "Y", id="constant"),
        pytest.param({"alopecia": 1}, 0.366 + 0.973, "Y", id="alopecia"),
        pytest.param(
            {"alopecia": 1, "low_complement": 1}, 0.366 + 0.973 + 0.754, "N", id="2.093 is too much"
        ),
        pytest.param(
            {"arthritis": 1, "swollen_joints_28": 4, "low_complement": 1},
            0.366 + 3.132 + 4 * 0.454 + 0.754, "N", id="four swollen joints",
        ),
        pytest.param({"platelets": 50}, 0.366 + 26.105 - 5.577 * log(50), "N", id="platelets"),
        pytest.param({"leukocytes": 2}, 0.366 + 6.118 - 5.058 * log(2), "N", id="leukocytes"),
        pytest.param(
            {"urine_protein": 1000}, 0.366 - 17.584 + 3.811 * log(1000), "N", id="protein"
        ),
    ],
)  # fmt: skip
def test_the_score_of_the_form(values: dict[str, float], total: float, low: str):
    data = scored(**values)
    row = row_of(data, "ADQS", PARAMCD="SLEDAS", AVISIT="Week 8")
    assert row["AVAL"] == pytest.approx(total, rel=1e-12)
    assert row["BASE"] == pytest.approx(0.366 + 3.132 + 3 * 0.454, rel=1e-12)
    assert told(data, "DASLOW")[0] == low


@pytest.mark.parametrize(
    "values",
    [{"localised_rash": 1, "generalised_rash": 1}, {"platelets": 0.0}, {"leukocytes": 0.0}],
)
def test_a_contradiction_is_counted_and_leaves_no_score(values: dict[str, float]):
    data = scored(**values)
    assert told(data, "DASLOW") == (None, "cannot be computed: sle das low")
    assert excluded(data, "ADQS", "item contradicts another, or is a count of 0") == 1


def test_an_item_that_is_missing_leaves_no_score():
    assert told(scored(left_out=("serositis",)), "DASLOW")[0] is None


# -- what is not there ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("added", "lacks"),
    [
        (SLEDAS, ["sle_das_visit", "sle_das: RS, RSCAT SLE-DAS, SDAS01 to SDAS18"]),
        (SRI50, ["sledai_improved_visit", "RS, RSCAT S2K RI-50, RI5001 to RI5024"]),
        (
            FLARE,
            [
                "selena_sledai: RS, RSCAT SELENA-SLEDAI, SLED01 to SLED24",
                "sfi_items: RS, RSCAT SELENA FLARE INDEX, SFI01 to SFI15",
                "weight: VS, VSTESTCD WEIGHT",
            ],
        ),
    ],
)
def test_a_form_that_no_record_has_is_named(added: str, lacks: Sequence[str]):
    with pytest.raises(DerivationError) as error:
        derived(Subject("A", (Visit(1), Visit(57))), protocol=protocol(added))
    assert [words for words in lacks if words not in str(error.value)] == []


def test_a_form_is_there_for_all_batches_if_one_subject_has_it():
    other = Subject("B", (Visit(1), Visit(57)))
    first = Subject("A", (Visit(1), Visit(57)), rs=das(57))
    data = derived(first, other, protocol=protocol(SLEDAS), batch=1)
    rows = data.frame("ADRESP").filter(
        pl.col("PARAMCD") == "DASLOW", pl.col("AVISIT") == "Week 8"
    ).sort("USUBJID")  # fmt: skip
    assert rows["AVALC"].to_list() == ["Y", None]


TAPER = """
[endpoint.taper]
label = "At most 7.5 mg from week 8, without SELENA flare"
parameter = "TAPER"
composite = "taper"
maintained_from = "W8"
flare = "selena_flare_free"
missing = "missing"
"""


def test_a_taper_may_ask_for_these_flares():
    """PGA up by 1.0 on day 90, between weeks 8 and 16; back on day 113."""
    forms = [form for on in (57, 113) for form in (selena(on, ARTHRITIS, RASH), sfi(on))]
    rows = [*selena(1, ARTHRITIS, RASH), *(row for form in forms for row in form)]
    cm = prednisone((-60, 30, 15), (31, None, 5))

    def found(*seen: tuple[int, float]) -> tuple[Any, Any]:
        visits = [Visit(on, sledai=None, bilag=None, pga=value) for on, value in seen]
        subject = Subject("A", visits, rs=rows, cm=cm, vs=(weighed(1, 70),))
        return told(derived(subject, protocol=protocol(TAPER)), "TAPER", "Week 16")

    assert found((1, 1.0), (57, 1.0), (113, 1.0)) == ("Y", None)
    assert found((1, 1.0), (57, 1.0), (90, 2.0), (113, 1.0)) == ("N", "not met: flare free")
