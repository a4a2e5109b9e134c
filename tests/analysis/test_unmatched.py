"""Values that a declaration asks for and the data never hold."""

import pytest

from derivation.small_trial import (
    PROTOCOL,
    STEADY,
    Subject,
    day,
    declared,
    derived,
    drug,
    records,
)
from openlupus.analysis.unmatched import unmatched
from openlupus.protocol import Protocol

PATIENT = Subject(
    "A", STEADY, cm=(drug("AZATHIOPRINE", day(-30), kind="IMMUNOSUPPRESSANT"),),
    ae=({"AETERM": "Rash", "AEDECOD": "RASH", "AEREL": "RELATED", "AESTDTC": day(5)},),
)  # fmt: skip
FURTHER = """
[population.men]
label = "Men"
where = { SEX = "M" }

[intercurrent.switch]
kind = "medication"
label = "Switch"
classes = ["IMMUNOSUPPRESSANT", "IMUNOSUPPRESSANT"]

[analysis.misspelt]
dataset = "ADAE"
population = "men"
where = { AEREL = "RELATD", AGE = { at_least = 200 } }
method = { name = "incidence", overall = "Any" }
"""


def told(protocol: Protocol) -> dict[tuple[str, str], str]:
    found = unmatched(protocol, derived(PATIENT, protocol=protocol), records(PATIENT))
    return {(row["place"], row["value"]): row["message"] for row in found.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("population.men", "M", "no record of ADSL has SEX M; it has F"),
        (
            "intercurrent.switch",
            "IMUNOSUPPRESSANT",
            "no record of CM has CMCLAS IMUNOSUPPRESSANT; it has IMMUNOSUPPRESSANT",
        ),
        ("analysis.misspelt", "RELATD", "no record of ADAE has AEREL RELATD; it has RELATED"),
    ],
)
def test_a_value_that_is_nowhere_is_told_with_those_that_are(place: str, value: str, said: str):
    assert told(declared("", FURTHER))[place, value] == said


def test_what_is_there_is_not_told():
    whole = told(declared("", FURTHER))
    assert ("intercurrent.switch", "IMMUNOSUPPRESSANT") not in whole
    assert not [place for place, value in whole if value in {"F", "RELATED"}]


def test_a_country_in_no_region_is_told():
    abroad = Subject("A", STEADY, dm={"COUNTRY": "ZZZ"})
    found = unmatched(PROTOCOL, derived(abroad), records(abroad))
    assert "COUNTRY ZZZ is in no declared region" in found["message"].to_list()
