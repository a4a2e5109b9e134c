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

[analysis.kinds]
dataset = "ADAE"
population = "men"
[analysis.kinds.method]
name = "incidence"
by = ["AEDECOD"]
rows = [
  { id = "skin", where = { AEDECOD = ["RASH", "RASCH"] } },
  { id = "women", where = { SEX = "W" } },
]

[analysis.sexes]
population = "men"
method = { name = "counts", rows = [{ id = "any", where = { SEX = ["F", "FM"] } }] }

[analysis.enrolled]
population = "men"
method = { name = "representation", rows = [{ id = "women", where = { SEX = ["F", "FF"] } }] }
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
        ("analysis.kinds.skin", "RASCH", "no record of ADAE has AEDECOD RASCH; it has RASH"),
        ("analysis.kinds.women", "W", "no record of ADSL has SEX W; it has F"),
        ("analysis.sexes.any", "FM", "no record of ADSL has SEX FM; it has F"),
        ("analysis.enrolled.women", "FF", "no record of ADSL has SEX FF; it has F"),
    ],
)
def test_a_value_that_is_nowhere_is_told_with_those_that_are(place: str, value: str, said: str):
    assert told(declared("", FURTHER))[place, value] == said


def test_what_is_there_is_not_told():
    whole = told(declared("", FURTHER))
    assert ("intercurrent.switch", "IMMUNOSUPPRESSANT") not in whole
    assert not [place for place, value in whole if value in {"F", "RELATED", "RASH"}]


def test_a_condition_on_the_exposure_is_looked_at():
    exposed = """
[endpoint.sri4]
label = "SRI-4"
parameter = "SRI4"
composite = "sri"

[analysis.by_exposure]
endpoint = "sri4"
visit = "W16"
population = "men"
method = { name = "exposure_response", dataset = "ADAE", where = { AEDECOD = "TROUGH" } }
"""
    said = "no record of ADAE has AEDECOD TROUGH; it has RASH"
    assert told(declared("", FURTHER + exposed))["analysis.by_exposure", "TROUGH"] == said


def test_a_country_in_no_region_is_told():
    abroad = Subject("A", STEADY, dm={"COUNTRY": "ZZZ"})
    found = unmatched(PROTOCOL, derived(abroad), records(abroad))
    assert "COUNTRY ZZZ is in no declared region" in found["message"].to_list()
