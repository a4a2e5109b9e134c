"""Responder end points, from the forms to the verdict and its reason."""

from dataclasses import replace
from functools import cache

import polars as pl
import pytest

from derivation.small_trial import (
    DECLARATION,
    PROTOCOL,
    STEADY,
    Subject,
    Visit,
    day,
    declared,
    derived,
    drug,
    together,
    verdict,
)
from openlupus.derivation import AnalysisData
from openlupus.errors import DerivationError
from openlupus.protocol import parse

SCREENED = Visit(-28)


def sri6(*visits: Visit, **more: object) -> dict[str, object]:
    """SRI-6 at week 8 of a subject with these visits."""
    data = derived(Subject("A", visits, **more))  # pyright: ignore[reportArgumentType]
    found = verdict(data, "A", "SRI6", "Week 8")
    return {name: found[name] for name in ("AVAL", "AVALC", "DTYPE", "REASON")}


def answer(text: str, reason: str | None = None, dtype: str | None = None) -> dict[str, object]:
    return {"AVAL": float(text == "Y"), "AVALC": text, "DTYPE": dtype, "REASON": reason}


# Worked by hand from the forms. Arthritis 4, rash 2, alopecia 2, ulcers 2, leukopenia 1 points;
# BILAG items 6 and 15 at "new" are B, 5 is A; PGA 0-3.
CASES = {
    "12 to 6 is a fall of 6": (
        Visit(1, sledai=(1, 9)), Visit(57, sledai=(9, 15)), answer("Y"),
    ),
    "12 to 7 is a fall of 5": (
        Visit(1, sledai=(1, 9)), Visit(57, sledai=(9, 15, 24)),
        answer("N", "not met: sledai fall"),
    ),
    "one new B is allowed": (
        Visit(1, sledai=(1,)), Visit(57, bilag={6: 4}), answer("Y"),
    ),
    "two new B are not": (
        Visit(1, sledai=(1,)), Visit(57, bilag={6: 4, 39: 4}),
        answer("N", "not met: bilag no worsening"),
    ),
    "a new A is not": (
        Visit(1, sledai=(1,)), Visit(57, bilag={5: 4}),
        answer("N", "not met: bilag no worsening"),
    ),
    "PGA 0.4 to 0.7 is a rise of exactly 0.3": (
        Visit(1, sledai=(1,), pga=0.4), Visit(57, pga=0.7),
        answer("N", "not met: pga no worsening"),
    ),
    "PGA 0.4 to 0.69 is less": (
        Visit(1, sledai=(1,), pga=0.4), Visit(57, pga=0.69), answer("Y"),
    ),
    "two components not met": (
        Visit(1, pga=0.4), Visit(57, pga=1.0),
        answer("N", "not met: sledai fall and pga no worsening"),
    ),
    "not met and not known": (
        Visit(1), Visit(57, pga=None),
        answer("N", "not met: sledai fall; cannot be computed: pga no worsening", "NRI"),
    ),
    "nothing at the visit": (
        Visit(1, sledai=(1,)), Visit(113),
        answer("N", "cannot be computed: sledai fall and bilag no worsening and pga no worsening",
               "NRI"),
    ),
}  # fmt: skip


@cache
def by_hand() -> AnalysisData:
    return together({k: Subject("", (SCREENED, *forms)) for k, (*forms, _) in CASES.items()})


@pytest.mark.parametrize(("case", "expected"), [(k, told[-1]) for k, told in CASES.items()])
def test_sri_by_hand(case: str, expected: dict[str, object]):
    found = verdict(by_hand(), case, "SRI6", "Week 8")
    assert {name: found[name] for name in expected} == expected


def test_without_a_baseline_there_is_no_response():
    expected = answer(
        "N", "cannot be computed: sledai fall and bilag no worsening and pga no worsening", "NRI"
    )
    assert sri6(Visit(57), Visit(113)) == expected
    assert sri6() == expected


def test_the_last_usable_assessment_before_the_first_dose_is_the_baseline_of_the_verdict():
    incomplete = Visit(1, sledai=(1,), not_done=("SLED24",))
    assert sri6(Visit(-10, sledai=(1, 9)), incomplete, Visit(57, sledai=(9, 15))) == answer("Y")


def test_bicla_by_hand():
    baseline = Visit(1, sledai=(15,), bilag={6: 4})  # mucocutaneous B
    better = Visit(57, sledai=(15,), bilag={16: 2})  # C: mild alopecia, the same
    same = Visit(113, sledai=(15,), bilag={6: 2})
    data = derived(Subject("A", (SCREENED, baseline, better, same)))
    assert verdict(data, "A", "BICLA", "Week 8")["AVALC"] == "Y"
    found = verdict(data, "A", "BICLA", "Week 16")
    assert (found["AVALC"], found["REASON"]) == ("N", "not met: bilag improved")


def test_a_missing_verdict_stays_missing_where_the_declaration_says_so():
    data = derived(Subject("A", (SCREENED, Visit(1), Visit(57, pga=None))))
    found = verdict(data, "A", "PGANW", "Week 8")
    assert (found["AVAL"], found["AVALC"], found["DTYPE"]) == (None, None, None)
    assert found["REASON"] == "cannot be computed: pga no worsening"


def test_the_verdict_has_the_date_of_the_last_form_that_it_rests_on():
    apart = (Visit(57, pga=None), Visit(59, sledai=None, bilag=None))
    data = derived(Subject("A", (SCREENED, Visit(1, sledai=(1,)), *apart)))
    found = verdict(data, "A", "SRI6", "Week 8")
    assert (found["ADT"].isoformat(), found["AVALC"]) == (day(59), "Y")
    assert found["ADY"] == 59
    nothing = verdict(data, "A", "PGANW", "Week 16")
    assert (nothing["ADT"], nothing["ADY"]) == (None, None)


def stopped(on: int) -> Subject:
    return Subject("A", STEADY, ended=("ADVERSE EVENT", on), doses=((1, on),))


def test_an_event_counts_from_its_day_on():
    days = {56: "NN", 57: "NN", 58: "YN", 113: "YN", 114: "YY"}
    data = together({str(on): stopped(on) for on in days})
    for on, expected in days.items():
        found = [verdict(data, str(on), "SRI6", visit) for visit in ("Week 8", "Week 16")]
        assert "".join(each["AVALC"] for each in found) == expected
        for each in found:
            failed = ("Treatment stopped", "NRI") if each["AVALC"] == "N" else (None, None)
            assert (each["REASON"], each["DTYPE"]) == failed


def test_without_an_assessment_an_event_counts_up_to_the_target_day():
    before, after = (
        replace(stopped(113), visits=STEADY[:3]),
        replace(stopped(114), visits=STEADY[:3]),
    )
    assert verdict(derived(before), "A", "SRI6", "Week 16")["REASON"] == "Treatment stopped"
    assert "cannot be computed" in verdict(derived(after), "A", "SRI6", "Week 16")["REASON"]


def test_an_event_of_treatment_policy_changes_nothing():
    data = derived(stopped(30))
    found = verdict(data, "A", "PGANW", "Week 16")
    assert (found["AVALC"], found["DTYPE"], found["REASON"]) == ("Y", None, None)


def test_an_event_that_an_end_point_does_not_name_does_not_bear_on_it():
    added = drug("AZATHIOPRINE", day(30), kind="IMMUNOSUPPRESSANT")
    data = derived(Subject("A", STEADY, cm=(added,)))
    assert verdict(data, "A", "SRI6", "Week 8")["AVALC"] == "Y"
    assert verdict(data, "A", "BICLA", "Week 8")["REASON"] == "Immunosuppressant added"


def strategy(name: str) -> dict[str, dict[str, object]]:
    """SRI-6 by visit of a subject who stopped on day 80, under another strategy."""
    protocol = declared(
        'options = { sledai_fall = 6 }\nintercurrent = { stopped = "composite" }',
        f'options = {{ sledai_fall = 6 }}\nintercurrent = {{ stopped = "{name}" }}',
    )
    data = derived(
        replace(stopped(80), visits=(*STEADY[:3], Visit(113, sledai=(1,)))), protocol=protocol
    )
    return {visit: verdict(data, "A", "SRI6", visit) for visit in ("Week 8", "Week 16")}


def test_hypothetical_strategy_leaves_the_verdict_after_the_event_missing():
    found = strategy("hypothetical")
    assert found["Week 8"]["AVALC"] == "Y"
    assert (found["Week 16"]["AVAL"], found["Week 16"]["DTYPE"]) == (None, None)
    assert found["Week 16"]["REASON"] == "Treatment stopped"


def test_while_on_treatment_the_last_verdict_before_the_event_stands():
    found = strategy("while_on_treatment")
    assert (found["Week 16"]["AVALC"], found["Week 16"]["DTYPE"]) == ("Y", "LOCF")
    assert found["Week 16"]["ADT"].isoformat() == day(57)


def test_treatment_policy_takes_the_verdict_as_it_is():
    found = strategy("treatment_policy")
    assert (found["Week 16"]["AVALC"], found["Week 16"]["DTYPE"]) == ("N", None)


def test_an_end_point_applies_to_those_who_are_eligible():
    eligible = (
        'composite = "sri"\neligible = { SLEDBL = { at_least = 6 } }\noptions = { sledai_fall'
    )
    protocol = declared('composite = "sri"\noptions = { sledai_fall', eligible)
    mild = (SCREENED, Visit(1, sledai=(9,)), Visit(57))
    data = derived(Subject("A", STEADY), Subject("B", mild), protocol=protocol)
    found = data.frame("ADRESP").filter(pl.col("PARAMCD") == "SRI6")
    assert found["USUBJID"].unique().to_list() == ["A"]
    nobody = derived(Subject("B", mild), protocol=protocol)
    assert nobody.frame("ADRESP").filter(pl.col("PARAMCD") == "SRI6").is_empty()


def test_the_randomised_have_a_row_at_every_visit_and_nobody_else():
    failure = Subject("C", (SCREENED,), arm=None, ended=None)
    data = derived(Subject("A", STEADY), Subject("B", doses=()), failure)
    rows = data.frame("ADRESP")
    assert rows.height == 2 * len(PROTOCOL.endpoints) * 2
    assert rows["USUBJID"].unique().sort().to_list() == ["A", "B"]


def test_a_composite_whose_inputs_are_not_derived_is_refused_by_name():
    flares = parse(
        DECLARATION
        + '\n[endpoint.flares]\nlabel = "Flares"\nparameter = "SFI"\n'
        + 'composite = "selena_flare_free"\n'
    )
    with pytest.raises(DerivationError) as error:
        derived(Subject("A", STEADY), protocol=flares)
    message = str(error.value)
    assert 'end point "flares" (No flare by the SELENA-SLEDAI flare index' in message
    assert "needs selena_sledai_previous" in message
    assert "sfi_items_visit" in message
    assert "pga_visit" not in message
    assert "prednisone_visit" not in message
