"""The invented trial of which twins are made, and a pool of its candidates."""

from pathlib import Path

import pytest

from openlupus.audit import Published
from openlupus.exchange.published import read_published
from openlupus.exchange.study import Study, declared_study
from openlupus.simulation import Model, load_model
from openlupus.twin.pool import Pool, make_pool

BICLA2 = Path(__file__).parent / "examples" / "bicla2"


@pytest.fixture(scope="session")
def trial() -> Study:
    return declared_study(BICLA2)


@pytest.fixture(scope="session")
def print_() -> Published:
    return read_published(BICLA2 / "published.toml")


@pytest.fixture(scope="session")
def model() -> Model:
    """That of the trial, with an event of one sex, one of the young, and one after a low value."""
    own = load_model(BICLA2)
    rules = {
        "Insomnia": {"sex": "F", "probability": 0.06},
        "Cough": {"oldest": 45.0, "probability": 0.06},
        "Dizziness": {
            "follows": {"test": "HGB", "side": "below", "limit": 125},
            "probability": 0.2,
        },
    }
    terms = [each.model_dump() | rules.get(each.term, {}) for each in own.events.terms]
    return Model.model_validate(
        own.model_dump() | {"events": own.events.model_dump() | {"terms": terms}}
    )


@pytest.fixture(scope="session")
def pool(trial: Study, model: Model, print_: Published) -> Pool:
    return make_pool(trial, model, print_, seed=5, patients=1000)
