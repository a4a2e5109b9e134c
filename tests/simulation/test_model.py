"""A model that is not one is refused with all its faults, each with its line."""

import pytest

from openlupus.errors import SimulationError
from openlupus.simulation import load_model, simulate
from openlupus.simulation.load import parse_model
from simulation.trials import FOUNDING, founding, small, with_parts

TEXT = (FOUNDING / "model.toml").read_text(encoding="utf-8")


def refusal(text: str) -> str:
    with pytest.raises(SimulationError) as error:
        parse_model(text)
    return str(error.value)


def line_of(start: str) -> int:
    return next(i for i, line in enumerate(TEXT.splitlines(), 1) if line.startswith(start))


def test_the_shipped_model_fits_its_study():
    protocol, model = founding()
    assert set(model.arms) == set(protocol.arms)


def test_every_fault_is_told_with_its_line():
    text = (
        TEXT.replace("randomised = 289", "randomised = 700")
        .replace("female = 0.965", "femal = 0.965")
        .replace("trait = 0.5", "trait = 1.5")
        .replace('coded = "ACUTE"', "coded = 3")
    )
    message = refusal(text)
    assert message.startswith("model.toml has 5 faults\n")
    assert f"line {line_of('[recruitment]')}, recruitment: more patients are randomised" in message
    assert f"line {line_of('female')}, people.femal: is not a field of this part" in message
    assert f"line {line_of('[people]')}, people.female: is required and is not given" in message
    assert f"line {line_of('trait')}, disease.trait: input should be less than" in message
    assert "people.history.0.coded: input should be a valid string (given: 3)" in message


def test_shares_of_variance_must_leave_something():
    message = refusal(TEXT.replace("shared = 0.08\nshared_half", "shared = 0.6\nshared_half"))
    assert "shared + trait must be below 1" in message


def test_text_that_is_no_toml(tmp_path):
    assert refusal("[people\n").startswith("model.toml is not valid TOML: ")
    path = tmp_path / "model.toml"
    path.write_bytes(b"# \xff\n")
    with pytest.raises(SimulationError, match="is not UTF-8"):
        load_model(path)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(SimulationError, match="neither a simulation model nor a folder with"):
        load_model(tmp_path)


def test_a_model_of_another_study_is_refused_with_every_fault():
    with pytest.raises(SimulationError) as error:
        simulate(small()[0], founding()[1], seed=1)
    message = str(error.value)
    assert message.startswith("the model does not fit the study: ")
    for fault in (
        "arms: 'ibe045' is unknown; known are active, control",
        "arms: 'active' of the declaration is missing",
        "strata: 'sex' of the declaration is missing",
        "regions: 'europe' is unknown; known are north",
        "forms.pga: 'SCR' is unknown; known are V0, V1, V2, UNSCHEDULED",
        "events.terms, Influenza: by_arm: 'control' of the declaration is missing",
    ):
        assert f"\n  {fault}" in message


def test_names_of_forms_and_tests_must_be_known():
    protocol, model = founding()
    first, *others = model.disease.manifestations
    wrong = first.model_copy(update={"sledai": "gout", "bilag": {"haemoglobin": 0.0}})
    tests = model.laboratory.tests
    odd = tests[0].model_copy(update={"part_of": "GOLD", "bilag": "arthritis_mild"})
    bad = with_parts(
        model,
        disease={"manifestations": (wrong, others[0], *others)},
        laboratory={"tests": (odd, *tests[1:])},
        screening={"convention": "clinical"},
    )
    with pytest.raises(SimulationError) as error:
        simulate(protocol, bad, seed=1)
    message = str(error.value)
    for fault in (
        "disease.manifestations has 'rash' more than once",
        "disease.manifestations, arthritis: sledai: 'gout' is unknown",
        "disease.manifestations, arthritis: bilag: 'haemoglobin' is unknown",
        "laboratory.tests, ANA: 'GOLD' must be a test that stands before it",
        "laboratory.tests, ANA: bilag: 'arthritis_mild' is unknown",
        "screening.convention: 'clinical' is unknown",
    ):
        assert f"\n  {fault}" in message
