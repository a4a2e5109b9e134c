"""What must hold for any forms of any instrument: order of rows and columns, one by one, worse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openlupus.instruments import (
    bilag2004,
    clasi,
    composites,
    eular_acr2019,
    facit_fatigue,
    flare,
    sle_das,
    sledai2k,
    slicc2012,
)
from openlupus.instruments.bilag2004 import INDEX, ITEMS, SYSTEMS

seeds = st.integers(0, 2**32 - 1)
N = 12


def answers(keys: tuple[str, ...]) -> Callable[[np.random.Generator], dict[str, np.ndarray]]:
    def make(rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {key: rng.choice([0.0, 1.0, np.nan], N, p=[0.6, 0.37, 0.03]) for key in keys}

    return make


def boxes(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        i.key: rng.choice([0.0, i.scale.high, np.nan], N, p=[0.8, 0.19, 0.01]) for i in clasi.ITEMS
    }


def bilag(rng: np.random.Generator) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {}
    for item in ITEMS:
        if item.type == "graded":
            values[item.key] = rng.choice(
                [0.0, 1, 2, 3, 4, np.nan], N, p=[0.8, 0.06, 0.05, 0.04, 0.04, 0.01]
            )
        elif item.type == "yesno":
            values[item.key] = rng.choice([0.0, 1.0, np.nan], N, p=[0.8, 0.19, 0.01])
        else:
            values[item.key] = rng.uniform(0, 160, N).round() % (4 if item.unit == "plus" else 30)
    return values


def das(rng: np.random.Generator) -> dict[str, np.ndarray]:
    values = {i.key: rng.choice([0.0, 1.0, np.nan], N, p=[0.7, 0.28, 0.02]) for i in sle_das.ITEMS}
    values["generalised_rash"] = np.zeros(N)
    values["urine_protein"] = rng.uniform(0, 2000, N).round()
    values["platelets"], values["leukocytes"] = rng.uniform(10, 300, N), rng.uniform(1, 9, N)
    return values


FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sledai2k": (answers(sledai2k.KEYS), lambda v: sledai2k.score(v).total),
    "bilag2004": (
        bilag,
        lambda v: bilag2004.grade(v, previous=None, previous_involvement=None).known,
    ),
    "clasi": (boxes, lambda v: np.column_stack([clasi.score(v).activity, clasi.score(v).damage])),
    "facit_fatigue": (
        lambda rng: {key: rng.integers(0, 5, N).astype(float) for key in facit_fatigue.KEYS},
        lambda v: facit_fatigue.score(v).total,
    ),
    "slicc2012": (answers(slicc2012.KEYS), lambda v: slicc2012.classify(v).met),
    "eular_acr2019": (answers(eular_acr2019.KEYS), lambda v: eular_acr2019.classify(v).met),
    "sle_das": (das, lambda v: sle_das.score(v).total),
}


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_order_of_rows_and_columns_does_not_matter(name: str, seed: int) -> None:
    make, score = FORMS[name]
    rng = np.random.default_rng(seed)
    values = make(rng)
    order = rng.permutation(N)
    shuffled = {key: values[key][order] for key in rng.permutation(list(values))}
    np.testing.assert_array_equal(score(shuffled), score(values)[order])


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_many_at_once_equal_one_at_a_time(name: str, seed: int) -> None:
    make, score = FORMS[name]
    values = make(np.random.default_rng(seed))
    alone = [score({key: column[i] for key, column in values.items()})[0] for i in range(N)]
    np.testing.assert_array_equal(score(values), np.array(alone))


@pytest.mark.parametrize("name", composites.COMPOSITES)
@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_composite_of_many_equals_one_at_a_time(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = [c for group in composites.columns_of(name).values() for c in group]
    values = {c: rng.choice([0.0, 1.0, np.nan], 6, p=[0.5, 0.45, 0.05]) for c in columns}
    together = composites.evaluate(name, values)
    for i in range(6):
        alone = composites.evaluate(name, {c: column[i] for c, column in values.items()})
        assert (alone.responder[0], alone.reason[0]) == (together.responder[i], together.reason[i])


# Numeric items, and which way is worse.
WORSE = {
    **dict.fromkeys(("urine_acr", "urine_pcr", "urine_protein_24h", "creatinine"), 1),
    **dict.fromkeys(("gfr", "haemoglobin", "wbc", "neutrophils", "lymphocytes", "platelets"), -1),
}


@given(seeds, st.sampled_from(sorted(WORSE)), st.floats(0.01, 50))
def test_a_worse_measurement_never_betters_a_grade(seed: int, key: str, step: float) -> None:
    rng = np.random.default_rng(seed)
    items = bilag2004.form(bilag(rng))
    items[:, INDEX["urine_dipstick_protein"]] = 0
    before = bilag2004.form(bilag(rng))
    worse = items.copy()
    worse[:, INDEX[key]] = np.clip(items[:, INDEX[key]] + WORSE[key] * step, 0, 100)
    one, other = (
        bilag2004.grade(x, previous=before, previous_involvement=None).code for x in (items, worse)
    )
    system = SYSTEMS.index(ITEMS[INDEX[key]].system)
    assert (other[:, system] >= one[:, system]).all()


@given(seeds, st.sampled_from(sle_das.KEYS))
def test_one_more_finding_never_lowers_sle_das(seed: int, key: str) -> None:
    if sle_das.ITEMS[sle_das.KEYS.index(key)].type != "yesno" or key == "generalised_rash":
        return
    values = {k: np.nan_to_num(v) for k, v in das(np.random.default_rng(seed)).items()}
    more = {**values, key: np.ones(N)}
    assert (sle_das.score(more).total >= sle_das.score(values).total).all()


@given(seeds, st.sampled_from(eular_acr2019.KEYS))
def test_one_more_criterion_never_unmakes_a_classification(seed: int, key: str) -> None:
    values = answers(eular_acr2019.KEYS)(np.random.default_rng(seed))
    more = eular_acr2019.classify({**values, key: np.ones(N)})
    assert (more.points >= eular_acr2019.classify(values).points).all()
    assert (more.met[eular_acr2019.classify(values).met == 1] == 1).all()


@given(seeds)
def test_flare_answers_are_exhaustive(seed: int) -> None:
    """Severity and the two verdicts always tell one story."""
    rng = np.random.default_rng(seed)
    columns = [c for g in composites.columns_of("selena_flare_free").values() for c in g]
    values = {c: rng.choice([0.0, 1.0, np.nan], N, p=[0.7, 0.25, 0.05]) for c in columns}
    got = composites.evaluate("selena_flare_free", values)
    assert isinstance(got, flare.FlareIndex)
    assert ((got.severity == 2) == (got.no_severe == 0)).all()
    assert ((got.severity == 1) == (got.no_mild_or_moderate == 0)).all()
    assert ((got.severity == 0) == (got.responder == 1)).all()
