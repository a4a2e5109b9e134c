"""Method notes: every option, rule and definition of a declaration is said on the page."""

import pytest

from openlupus.analysis.families import note, population_note
from openlupus.analysis.notes.endpoint import COMPONENTS
from openlupus.instruments.composites import COMPOSITES
from openlupus.protocol import parse

TRIAL = """
[study]
id = "INVENTED"
title = "An invented trial"

[arm.high]
label = "High dose"
code = "H"
role = "test"

[arm.placebo]
label = "Placebo"
code = "P"
role = "control"

[schedule]
choose = "{choose}"
ties = "earlier"
[[schedule.visit]]
id = "W12"
label = "Week 12"
number = 12
day = 85
window = [71, 98]

[variable.PGABL]
kind = "parameter"
label = "PGA before"
dataset = "ADQS"
parameter = "PGA"

[variable.GCBL]
kind = "parameter"
label = "Dose before"
dataset = "ADGC"
parameter = "GCDOSE"

[variable.HIGHFL]
kind = "flag"
label = "High at baseline"
where = {{ PGABL = {{ at_least = 2 }}, GCBL = {{ above = 0 }} }}

[variable.ANAFL]
kind = "any"
label = "Ever positive"
domain = "LB"
where = {{ LBTESTCD = "ANA" }}
at = "before_dose"

[variable.SINCE]
kind = "time_since"
label = "Months since diagnosis"
domain = "MH"
where = {{ MHCAT = "DIAGNOSIS" }}
date = "MHSTDTC"
unit = "months"

[population.all]
label = "All"
where = {{ HIGHFL = "Y" }}

[intercurrent.stop]
kind = "discontinuation"
label = "Stopped"
epoch = "PERIOD 1"

[intercurrent.start]
kind = "medication"
label = "New drug"
classes = ["ONE", "TWO"]
change = "start"
from_day = 15

[intercurrent.total]
kind = "medication"
label = "More steroid"
classes = ["STEROID"]
total_dose = "prednisone"
tolerance = 2.5
from_day = 8

[intercurrent.rescue]
kind = "record"
label = "Rescue"
domain = "PR"
where = {{ PRCAT = "RESCUE" }}
date = "PRSTDTC"

[endpoint.response]
label = "Response"
parameter = "RESP"
composite = "sri"
component = "{component}"
options = {{ sledai_fall = 6 }}
missing = "{missing}"
eligible = {{ HIGHFL = "Y" }}
[endpoint.response.intercurrent]
stop = "composite"
start = "hypothetical"
total = "treatment_policy"
rescue = "while_on_treatment"

[analysis.main]
endpoint = "response"
visit = "W12"
population = "all"
compare = {{ test = ["high"], control = "placebo" }}
method = {{ name = "responder", test = "chi_square", interval = "newcombe" }}

[analysis.since]
population = "all"
method = {{ name = "summary", variable = "SINCE" }}

[analysis.flags]
population = "all"
[analysis.flags.method]
name = "counts"
rows = [{{ id = "high", where = {{ HIGHFL = "Y" }} }}, {{ id = "ana", where = {{ ANAFL = "Y" }} }}]
"""


def trial(component: str = "", missing: str = "non_response", choose: str = "nearest"):
    return parse(TRIAL.format(component=component, missing=missing, choose=choose))


def test_every_option_of_the_composite_is_said_with_its_value():
    said = note(trial(), "main")
    rise = COMPOSITES["sri"].options["pga_rise"]
    assert f"{COMPOSITES['sri'].options['sledai_fall'].label}: 6 (declared)" in said
    assert f"{rise.label}: {rise.default:g} (default)" in said
    assert "all of these components" in said


def test_component_alone_is_said():
    said = note(trial(component="pga_no_worsening"), "main")
    assert "Response needs this component alone: pga no worsening" in said
    assert "bilag no worsening" not in said


def test_baseline_and_visit_of_the_schedule_are_said():
    said = note(trial(), "main")
    assert "Baseline is, of each instrument, the last usable assessment" in said
    assert "Week 12: target day 85, window days 71 to 98" in said
    assert "nearest to the target day, of two equally near the earlier." in said
    assert "then the last." in note(trial(choose="last"), "main")


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Stopped", ["epoch PERIOD 1", "not COMPLETED", "non-response (composite)"]),
        ("New drug", ["ONE or TWO", "on day 15 or later", "not taken", "not among the N"]),
        ("More steroid", ["STEROID", "day 8", "prednisone", "2.5 (tolerance)", "ignored"]),
        ("Rescue", ["PR (PRCAT is RESCUE)", "dated by PRSTDTC", "while on treatment"]),
    ],
)
def test_each_event_is_defined_with_all_its_fields_and_its_strategy(label, words):
    said = note(trial(), "main")
    (sentence,) = [s for s in said.split(". ") if s.startswith(f"{label} (")]
    assert [word for word in words if word not in sentence] == []


def test_baseline_dose_is_the_mean_of_the_days_of_the_derivation():
    first, last = trial().scoring.glucocorticoid_baseline
    assert f"the mean of days {first} to {last}" in note(trial(), "main")


def test_when_an_event_counts_is_said():
    said = note(trial(), "main")
    assert "on or before the day of the assessment" in said
    assert "the target day of the visit where there is none" in said


def test_missing_rule_does_not_contradict_itself():
    imputed, left_out = note(trial(), "main"), note(trial(missing="missing"), "main")
    assert "among all N; a verdict that is missing counts as non-response" in imputed
    assert "with a verdict" not in imputed
    assert "among the N with a verdict; a missing verdict is left out" in left_out


def test_flags_are_defined_with_what_they_are_made_from():
    said, first = note(trial(), "flags"), trial().scoring.glucocorticoid_baseline[0]
    assert "HIGHFL (High at baseline): Y where PGABL is at least 2 and GCBL is above 0" in said
    assert "PGABL (PGA before): AVAL of PGA in ADQS at baseline." in said
    assert (
        f"GCBL (Dose before): AVAL of GCDOSE in ADGC at baseline, the mean of days {first}" in said
    )
    assert "record of LB (LBTESTCD is ANA) dated on or before the day of the first dose" in said
    assert said.count("Baseline is, of each instrument") == 1


def test_a_time_is_defined_with_its_unit_and_dates():
    said = note(trial(), "since")
    assert (
        "SINCE (Months since diagnosis): months of 30.4375 days from the earliest MHSTDTC" in said
    )


def test_conditions_of_populations_are_defined():
    assert "HIGHFL (High at baseline): Y where" in population_note(trial())


def test_given_verdicts_are_not_said_to_be_derived(declare):
    main = '[analysis.main]\nendpoint = "response"\nvisit = "W12"\npopulation = "all"\n'
    said = note(
        declare(main + 'method = { name = "responder", test = "none", interval = "none" }\n'),
        "main",
    )
    assert "as given, not derived here" in said
    assert "Baseline is" not in said


def test_every_component_of_every_composite_has_words():
    named = {part for composite in COMPOSITES.values() for part in composite.components}
    assert named <= COMPONENTS.keys()
