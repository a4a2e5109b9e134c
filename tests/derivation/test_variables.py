"""The declared variables of ADSL, each kind of them, and strata and population flags."""

from typing import Any

import pytest

from derivation.small_trial import (
    DECLARATION,
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
    together,
)
from openlupus.derivation import derive
from openlupus.errors import DerivationError, RecordsError
from openlupus.protocol import Protocol, parse
from openlupus.records import from_frames


def with_variable(body: str) -> Protocol:
    return declared("", f"\n[variable.V]\n{body}\n")


def value(body: str, subject: Subject) -> Any:
    """V of a subject."""
    return row_of(derived(subject, protocol=with_variable(body)), "ADSL")["V"]


@pytest.mark.parametrize(
    ("country", "expected"), [("SWE", "N"), ("ITA", "S"), ("DEU", None), (None, None)]
)
def test_map_renames_the_values_that_it_knows(country: str | None, expected: str | None):
    data = derived(Subject("A", dm={"COUNTRY": country}), Subject("B", dm={"COUNTRY": "NOR"}))
    assert row_of(data, "ADSL", USUBJID="A")["CONTINENT"] == expected


def test_map_gives_others_what_it_says_but_leaves_missing_missing():
    body = 'kind = "map"\nsource = "RACE"\nvalues = { WHITE = "WHITE" }\nother = "OTHER"'
    assert value(body, Subject("A", dm={"RACE": "ASIAN"})) == "OTHER"
    assert value(body, Subject("A", dm={"RACE": "WHITE"})) == "WHITE"
    assert value(body, Subject("A")) is None


def test_parameter_takes_a_score_at_baseline_or_at_a_visit():
    body = 'kind = "parameter"\ndataset = "ADSLEDAI"\nparameter = "SLEDTOT"\n'
    assert value(body, Subject("A", STEADY)) == 6
    assert value(body + 'visit = "W8"', Subject("A", STEADY)) == 0
    assert value(body, Subject("A", (Visit(57),))) is None


def test_parameter_takes_text_and_the_kind_of_imputation():
    body = 'kind = "parameter"\ndataset = "ADBILAG"\nparameter = "BIL02"\ncolumn = "AVALC"'
    assert value(body, Subject("A", (Visit(1, bilag={5: 4}),))) == "A"
    body = 'kind = "parameter"\ndataset = "ADRESP"\nparameter = "SRI6"\nvisit = "W8"\n'
    body += 'column = "DTYPE"'
    assert value(body, Subject("A", STEADY)) is None
    assert value(body, Subject("A")) == "NRI"


def test_flag_is_yes_or_no_and_missing_where_the_value_is():
    body = 'kind = "flag"\nwhere = { AGE = { at_least = 18, below = 65 } }'
    ages = {17: "N", 18: "Y", 64: "Y", 65: "N", None: None}
    subjects = {str(i): Subject("", dm={"AGE": age}) for i, age in enumerate(ages)}
    adsl = together(subjects, protocol=with_variable(body)).frame("ADSL")
    assert adsl["V"].to_list() == list(ages.values())


def titer(number: float | None, on: str) -> dict[str, Any]:
    return {"LBTESTCD": "ANA", "LBSTRESN": number, "LBDTC": on}


TITERS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([titer(80, day(-20))], "Y", "Y"),
    ([titer(80, day(1))], "Y", "Y"),
    ([titer(80, day(2))], "Y", "N"),
    ([titer(79.9, day(-20))], "N", "N"),
    ([titer(None, day(-20))], "N", "N"),
    ([titer(80, "")], "Y", "N"),
    ([titer(80, day(20)), titer(160, day(-20))], "Y", "Y"),
    ([], "N", "N"),
]


def test_any_looks_for_a_record():
    body = 'kind = "any"\ndomain = "LB"\nwhere = { LBTESTCD = "ANA", LBSTRESN = { at_least = 80 } }'
    twice = f'\n[variable.V]\n{body}\n[variable.W]\n{body}\nat = "before_dose"\n'
    subjects = {str(i): Subject("", lb=lb) for i, (lb, _, _) in enumerate(TITERS)}
    adsl = together(subjects, protocol=declared("", twice)).frame("ADSL")
    assert adsl.select("V", "W").rows() == [(ever, before) for _, ever, before in TITERS]


INTERVALS: list[tuple[str | None, str | None, str]] = [
    (day(-100), None, "Y"),
    (day(-100), day(-1), "N"),
    (day(-100), day(1), "Y"),
    (day(1), None, "Y"),
    (day(2), None, "N"),
    ("2020", "2020", "Y"),
    ("2019", "2019", "N"),
    (None, None, "N"),
]


def test_any_at_the_first_dose_looks_for_an_interval_that_contains_it():
    body = 'kind = "any"\ndomain = "CM"\nwhere = { CMCLAS = "ANTIMALARIAL" }\nat = "first_dose"'
    subjects = {
        str(i): Subject("", cm=[drug("CHLOROQUINE", start, end, kind="ANTIMALARIAL")])
        for i, (start, end, _) in enumerate(INTERVALS)
    }
    adsl = together(subjects, protocol=with_variable(body)).frame("ADSL")
    assert adsl["V"].to_list() == [expected for *_, expected in INTERVALS]


def test_drugs_at_the_time_of_the_first_dose_use_randomisation_for_the_untreated():
    body = 'kind = "any"\ndomain = "CM"\nwhere = { CMCLAS = "ANTIMALARIAL" }\nat = "first_dose"'
    cm = [drug("CHLOROQUINE", day(-100), kind="ANTIMALARIAL")]
    assert value(body, Subject("A", cm=cm, doses=())) == "Y"
    assert value(body, Subject("A", cm=cm, arm=None, ended=None)) == "N"


DIAGNOSIS = (
    'kind = "time_since"\ndomain = "MH"\nwhere = { MHCAT = "PRIMARY DIAGNOSIS" }\n'
    'date = "MHSTDTC"\n'
)


def diagnosed(*dates: str) -> Subject:
    return Subject(
        "A", mh=[{"MHTERM": "SLE", "MHCAT": "PRIMARY DIAGNOSIS", "MHSTDTC": d} for d in dates]
    )


def test_time_since_counts_from_the_first_record_to_randomisation():
    # 2020-03-02 is 366 days after 2019-03-02.
    assert value(DIAGNOSIS, diagnosed("2019-03-02")) == pytest.approx(366 / 365.25)
    assert value(DIAGNOSIS + 'unit = "days"', diagnosed("2019-03-02")) == 366
    assert value(DIAGNOSIS + 'unit = "months"', diagnosed("2019-03-02")) == pytest.approx(
        366 / 30.4375
    )
    assert value(DIAGNOSIS + 'unit = "days"', diagnosed("2020-01-01", "2019-03-02", "")) == 366


def test_time_since_a_partial_date_counts_from_its_first_day():
    assert value(DIAGNOSIS + 'unit = "days"', diagnosed("2020-02")) == 30
    assert value(DIAGNOSIS + 'unit = "days"', diagnosed("2020")) == 61
    assert value(DIAGNOSIS, diagnosed("")) is None


def test_record_gives_a_recorded_value_of_the_last_in_sequence():
    body = 'kind = "record"\ndomain = "LB"\nwhere = { LBTESTCD = "ANA" }\ncolumn = "LBSTRESN"'
    assert value(body, Subject("A", lb=[titer(80, day(1)), titer(160, day(1))])) == 160
    assert value(body, Subject("A", lb=[{**titer(80, day(1)), "LBTESTCD": "C3"}])) is None


def test_variables_may_be_declared_in_any_order():
    last = '[variable.FIRST]\nkind = "flag"\nwhere = { SECOND = "Y" }\n'
    first = '[variable.SECOND]\nkind = "flag"\nwhere = { SLEDBL = { above = 0 } }\n'
    data = derived(Subject("A", STEADY), protocol=declared("", "\n" + last + first))
    assert row_of(data, "ADSL")["FIRST"] == "Y"


def test_strata_as_randomised_and_as_observed():
    twelve = (Visit(1, sledai=(1, 9)), Visit(57))
    data = derived(Subject("A", twelve, strata={"CONT": "N", "SEV": "LOW"}, dm={"COUNTRY": "ITA"}))
    found = row_of(data, "ADSL")
    assert (found["STRAT1R"], found["STRAT1V"]) == ("N", "S")
    assert (found["STRAT2R"], found["STRAT2V"]) == ("LOW", "HIGH")


@pytest.mark.parametrize(
    ("sledai", "level"), [((1, 9), "HIGH"), ((1, 15, 24), "LOW"), (None, None)]
)
def test_the_bounds_of_a_level(sledai: tuple[int, ...] | None, level: str | None):
    data = derived(Subject("A", (Visit(1, sledai=sledai),)))
    assert row_of(data, "ADSL")["STRAT2V"] == level


def test_population_flags_follow_their_condition_and_each_other():
    more = (
        '\n[population.women]\nlabel = "Women"\nflag = "WOMFL"\n'
        'where = { SAFFL = "Y", SEX = "F" }\n'
    )
    subjects = (
        Subject("A"), Subject("B", dm={"SEX": "M"}), Subject("C", doses=()),
        Subject("D", arm=None, ended=None),
    )  # fmt: skip
    adsl = derived(*subjects, protocol=declared("", more)).frame("ADSL")
    assert adsl["SAFFL"].to_list() == ["Y", "Y", "N", "N"]
    assert adsl["WOMFL"].to_list() == ["Y", "N", "N", "N"]


def test_a_variable_of_a_data_set_that_is_not_made_is_refused_by_name():
    body = 'kind = "parameter"\ndataset = "ADXX"\nparameter = "X"'
    with pytest.raises(DerivationError, match=r"could not be derived: V \(from ADXX\)"):
        derived(Subject("A"), protocol=with_variable(body))


def test_a_variable_by_a_column_that_is_not_there_is_refused_by_name():
    body = 'kind = "any"\ndomain = "LB"\nwhere = { LBNRIND = "HIGH" }'
    subject = Subject("A", lb=[titer(80, day(1))])
    with pytest.raises(DerivationError, match='variable "V" needs LBNRIND of domain LB'):
        derived(subject, protocol=with_variable(body))
    body = 'kind = "any"\ndomain = "LB"\nwhere = { LBTESTCD = "ANA" }\nat = "first_dose"'
    with pytest.raises(DerivationError, match='"V" needs LBSTDTC, LBENDTC of domain LB'):
        derived(subject, protocol=with_variable(body))


def test_a_bound_asked_of_text_is_refused_by_name():
    body = 'kind = "any"\ndomain = "LB"\nwhere = { LBTESTCD = { at_least = 3 } }'
    subject = Subject("A", lb=[titer(80, day(1))])
    with pytest.raises(
        DerivationError, match='variable "V", domain LB: column LBTESTCD holds text'
    ):
        derived(subject, protocol=with_variable(body))


def test_a_domain_that_was_not_given_is_not_taken_as_empty():
    body = '\n[variable.V]\nkind = "any"\ndomain = "DV"\nwhere = { DVCAT = "MAJOR" }\n'
    made = frames(Subject("A", STEADY))
    with pytest.raises(RecordsError, match="DV: the domain is missing"):
        derive(parse(DECLARATION + body), from_frames(made), arms=LOCKED)
