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

[endpoint.tapered]
label = "Tapered"
parameter = "TAPER"
composite = "taper"
maintained_from = "W12"
flare = "bilag_flare_free"
missing = "missing"

[endpoint.both]
label = "Response, tapered"
parameter = "BOTH"
composite = "sri_taper"
maintained_from = "W12"
missing = "missing"

[endpoint.low]
label = "Low activity"
parameter = "LOW"
composite = "lldas"
changes = ["start"]
missing = "missing"

[analysis.tapered]
endpoint = "tapered"
visit = "W12"
population = "all"
method = {{ name = "responder", test = "none", interval = "none" }}

[analysis.both]
endpoint = "both"
visit = "W12"
population = "all"
method = {{ name = "responder", test = "none", interval = "none" }}

[analysis.low]
endpoint = "low"
visit = "W12"
population = "all"
method = {{ name = "responder", test = "none", interval = "none" }}

[safety]
days_after_last_dose = 30

[analysis.events]
dataset = "ADAE"
where = {{ TRTEMFL = "Y" }}
population = "all"
method = {{ name = "incidence", rows = [{{ id = "any", where = {{}} }}] }}

[analysis.grades]
dataset = "ADLB"
where = {{ ANL03FL = "Y" }}
population = "all"
method = {{ name = "shift", start = "BTOXGRH", end = "ATOXGRH" }}

[analysis.pga]
dataset = "ADQS"
where = {{ PARAMCD = "PGA" }}
visit = "W12"
population = "all"
compare = {{ test = ["high"], control = "placebo" }}
method = {{ name = "longitudinal", seed = 1 }}

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


def test_a_taper_says_which_days_and_what_a_flare_is():
    said = note(trial(), "tapered")
    options = COMPOSITES["bilag_flare_free"].options
    assert "on every day from day 85 (Week 12) to the target day of the visit" in said
    assert "at each visit from Week 12 to the visit" in said
    assert [f"{o.label}: {o.default:g} (default)" in said for o in options.values()] == [True, True]
    assert "Flares are looked for at every assessment after day 1" in said
    assert "each other assessment from the first of these visits" in said
    assert "The assessment before: the last that counts" not in said
    assert "Dose at the visit" not in said


def ends(text: str) -> str:
    """The words on one end point that is added to the trial, at week 12."""
    added = (
        '[endpoint.more]\nlabel = "More"\nparameter = "MORE"\nmissing = "missing"\n'
        f"{text}\n"
        '[analysis.more]\nendpoint = "more"\nvisit = "W12"\npopulation = "all"\n'
        'method = { name = "responder", test = "none", interval = "none" }\n'
    )
    declared = TRIAL.format(component="", missing="missing", choose="nearest")
    return note(parse(declared + "\n" + added), "more")


def test_where_flares_were_looked_for_is_said():
    every = ends('composite = "bilag_flare_free"')
    assert "Flares are looked for at every assessment after day 1" in every
    assert "Body weight" not in every
    visits = ends('composite = "bilag_flare_free"\nflares_at = "visits"')
    assert "one that counts for no such visit is not looked at" in visits
    index = ends('composite = "selena_flare_free"')
    assert "the mean of the 7 days before it. Body weight: the last one measured" in index


def test_which_form_says_what_improved_is_said():
    assert "said by the S2K RI-50 form of the day of the SLEDAI-2K" in ends('composite = "sri50"')


@pytest.mark.parametrize(
    ("unreadable", "words"),
    [
        ("", "the verdict is not known from its first day on, and time at risk ends"),
        ("event", "because a dose cannot be read, counts as such a rise"),
        ("no_event", "because a dose cannot be read is none"),
    ],
)
def test_what_a_rise_is_that_cannot_be_read_is_said(unreadable: str, words: str):
    declared = TRIAL.format(component="", missing="missing", choose="nearest")
    if unreadable:
        declared = declared.replace("tolerance = 2.5", f'unreadable = "{unreadable}"')
    said = note(parse(declared), "main")
    assert said.count(words) == 1


def test_the_same_component_of_another_composite_is_told_as_it_is_there():
    assert "not above the dose at baseline" in note(trial(), "both")
    assert "not above the dose at baseline" not in note(trial(), "tapered")


def test_items_of_major_organs_and_the_days_of_the_dose_are_said():
    said = note(trial(), "low")
    for words in ("urinary casts", "pericarditis", "fever", "7 days before its target day"):
        assert words in said
    assert "arthritis" not in said
    assert "Change of treatment: New drug" in said


def test_flags_of_records_are_defined():
    events, grades = note(trial(), "events"), note(trial(), "grades")
    assert "any: all records." in events
    assert "TRTEMFL: Y where the event starts on or after the day of the first dose" in events
    assert "at most 30 days after the last" in events
    for column in ("ANL03FL", "ONTRTFL", "ABLFL", "ATOXGRH", "BTOXGRH"):
        assert f" {column}: " in grades
    assert "ALT: above 1, 3, 5, 20 x ULN or, where the baseline was above ULN" in grades
    assert "at least 1.5, above 3, 5, 20 x baseline" in grades


def test_values_after_an_event_are_said_to_be_used():
    said = note(trial(), "pga")
    assert "(treatment policy)" in said
    assert "Standard errors too" in said
