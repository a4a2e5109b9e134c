"""SLEDAI-2K: what must hold for any form, laboratory values, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from openlupus.errors import InstrumentError, ScaleError, UnknownItemError
from openlupus.instruments import sledai2k
from openlupus.instruments.sledai2k import CONVENTIONS, ITEMS, KEYS, Labs, from_labs, score

forms = st.integers(1, 6).flatmap(lambda n: arrays(np.int8, (n, 24), elements=st.integers(-1, 1)))
complete_forms = st.integers(1, 6).flatmap(
    lambda n: arrays(np.int8, (n, 24), elements=st.integers(0, 1))
)


@pytest.mark.independent
def test_the_table_is_that_of_the_publication() -> None:
    """Gladman 2002: eight items of 8, six of 4, seven of 2, three of 1; 105 in all."""
    weights = [item.weight for item in ITEMS]
    assert [weights.count(w) for w in (8, 4, 2, 1)] == [8, 6, 7, 3]
    assert sledai2k.MAXIMUM == 105
    assert [item.number for item in ITEMS] == list(range(1, 25))
    assert len({item.code for item in ITEMS}) == 24
    assert all(len(item.code) <= 8 for item in ITEMS)


@given(complete_forms, st.integers(0, 23), st.sampled_from(list(CONVENTIONS)))
def test_one_item_more_adds_its_weight_or_nothing(
    present: np.ndarray, item: int, convention: str
) -> None:
    without, having = present.copy(), present.copy()
    without[:, item], having[:, item] = 0, 1
    gain = score(having, convention=convention).total - score(without, convention=convention).total
    expected = 0 if KEYS[item] in CONVENTIONS[convention] else ITEMS[item].weight
    assert (gain == expected).all()


@given(forms, st.sampled_from(list(CONVENTIONS)))
def test_missing_never_counts_as_absent(present: np.ndarray, convention: str) -> None:
    got = score(present, convention=convention)
    used = [key not in CONVENTIONS[convention] for key in KEYS]
    assert (np.isnan(got.total) == (present[:, used] == -1).any(axis=1)).all()
    assert (got.missing == (present == -1)).all()


@given(forms)
def test_many_at_once_equal_one_at_a_time(present: np.ndarray) -> None:
    alone = [score(row[None]).total[0] for row in present]
    np.testing.assert_array_equal(score(present).total, alone)


def test_labs_override_the_tick_both_ways_and_only_where_measured() -> None:
    present = np.zeros((3, 24), np.int8)
    present[:, KEYS.index("thrombocytopenia")] = [1, 0, 1]
    got = from_labs(present, Labs(platelets=[150, 60, np.nan]))
    assert got[:, KEYS.index("thrombocytopenia")].tolist() == [0, 1, 1]


def test_a_lab_value_answers_an_item_that_was_not_assessed() -> None:
    present = np.full((1, 24), -1, np.int8)
    got = from_labs(present, Labs(wbc=[2.0]))
    assert got[0, KEYS.index("leukopenia")] == 1
    assert (got == -1).sum() == 23


def test_a_value_without_its_limit_decides_nothing() -> None:
    present = np.full((1, 24), -1, np.int8)
    got = from_labs(present, Labs(c3=[0.2], anti_dsdna=[900.0]))
    assert (got == -1).all()


def test_the_24_hour_collection_prevails_over_the_spot_ratio() -> None:
    absent = np.zeros((3, 24), np.int8)
    labs = Labs(
        urine_protein_g_24h=[0.4, np.nan, np.nan],
        urine_protein_creatinine_mg_mg=[0.9, 0.9, 0.5],
    )
    assert from_labs(absent, labs)[:, KEYS.index("proteinuria")].tolist() == [0, 1, 0]


@pytest.mark.independent
@pytest.mark.parametrize(
    ("item", "measure", "at", "beyond"),
    [
        ("thrombocytopenia", "platelets", 100, 99.9),
        ("leukopenia", "wbc", 3.0, 2.99),
        ("fever", "temperature_c", 38.0, 38.05),
        ("hematuria", "urine_rbc_per_hpf", 5, 5.05),
        ("pyuria", "urine_wbc_per_hpf", 5, 5.05),
        ("proteinuria", "urine_protein_g_24h", 0.5, 0.51),
        ("proteinuria", "urine_protein_creatinine_mg_mg", 0.5, 0.51),
    ],
)
def test_limits_by_the_decimal(item: str, measure: str, at: float, beyond: float) -> None:
    """Definitions of the index: the limit itself does not score."""
    got = from_labs(np.full((2, 24), -1, np.int8), Labs(**{measure: [at, beyond]}))
    assert got[:, KEYS.index(item)].tolist() == [0, 1]


def test_a_measurement_of_zero_is_one() -> None:
    got = from_labs(np.full((1, 24), -1, np.int8), Labs(urine_rbc_per_hpf=[0]))
    assert got[0, KEYS.index("hematuria")] == 0


def test_converted_values_meet_limits_as_decimals() -> None:
    absent = np.zeros((1, 24), np.int8)
    assert from_labs(absent, Labs(urine_protein_g_24h=[0.1 + 0.2 + 0.2])).sum() == 0
    assert from_labs(absent, Labs(temperature_c=[37.7 + 0.3])).sum() == 0


def test_all_codes_outside_the_scale_are_listed() -> None:
    present = np.zeros((3, 24), np.int8)
    present[0, 0], present[2, 8] = 2, -4
    with pytest.raises(ScaleError) as caught:
        score(present)
    assert [(f.row, f.field) for f in caught.value.faults] == [(0, "seizure"), (2, "arthritis")]
    assert "row 2, arthritis: -4 is not a whole number from -1 to 1" in str(caught.value)


def test_refusals_say_what_exists() -> None:
    with pytest.raises(InstrumentError, match="excl_all_lab"):
        score(np.zeros((1, 24), np.int8), convention="clinical")
    with pytest.raises(UnknownItemError, match=r"\['malaria'\]"):
        sledai2k.form({"malaria": True})
    with pytest.raises(InstrumentError, match=r"\(assessments, 24\)"):
        score(np.zeros((1, 23), np.int8))
    with pytest.raises(InstrumentError, match="-1, not as nan"):
        score(np.full((1, 24), np.nan))
    with pytest.raises(InstrumentError, match=r"platelets is negative or infinite in rows \[1\]"):
        from_labs(np.zeros((2, 24), np.int8), Labs(platelets=[1, -1]))
