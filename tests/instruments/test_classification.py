"""SLICC 2012 and EULAR/ACR 2019: the published lists, their rules, and what is not known."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import ScaleError, UnknownItemError
from openlupus.instruments import eular_acr2019, slicc2012

# -- EULAR/ACR 2019 --------------------------------------------------------------------------------

# Aringer et al., Ann Rheum Dis 2019;78:1151, figure 2.
PUBLISHED = {
    "constitutional": {"fever": 2},
    "haematological": {"leukopenia": 3, "thrombocytopenia": 4, "autoimmune_haemolysis": 4},
    "neuropsychiatric": {"delirium": 2, "psychosis": 3, "seizure": 5},
    "mucocutaneous": {
        "nonscarring_alopecia": 2,
        "oral_ulcers": 2,
        "subacute_or_discoid": 4,
        "acute_cutaneous": 6,
    },
    "serosal": {"effusion": 5, "acute_pericarditis": 6},
    "musculoskeletal": {"joint_involvement": 6},
    "renal": {"proteinuria": 4, "nephritis_ii_v": 8, "nephritis_iii_iv": 10},
    "antiphospholipid": {"antiphospholipid": 2},
    "complement": {"low_c3_or_c4": 3, "low_c3_and_c4": 4},
    "specific_antibodies": {"anti_dsdna_or_sm": 6},
}
WEIGHTS = {key: weight for items in PUBLISHED.values() for key, weight in items.items()}
IMMUNOLOGICAL = ("antiphospholipid", "complement", "specific_antibodies")


def eular(*met: str, unknown: tuple[str, ...] = ()) -> eular_acr2019.Classification:
    answers: dict[str, Any] = dict.fromkeys(eular_acr2019.KEYS, 0)
    return eular_acr2019.classify(
        {**answers, **dict.fromkeys(met, 1), **dict.fromkeys(unknown, None)}
    )


@pytest.mark.independent
@pytest.mark.parametrize("domain", PUBLISHED)
def test_only_the_heaviest_criterion_of_a_domain_counts(domain: str) -> None:
    items = PUBLISHED[domain]
    for size in range(1, len(items) + 1):
        for chosen in itertools.combinations(items, size):
            got = eular(*chosen)
            assert got.points.tolist() == [max(items[key] for key in chosen)]
            at = eular_acr2019.DOMAINS.index(domain)
            assert got.by_domain[0, at] == got.points[0] == got.by_domain[0].sum()


def test_the_entry_criterion_has_no_points_and_no_domain() -> None:
    assert eular("ana").points[0] == 0
    assert list(PUBLISHED) == list(eular_acr2019.DOMAINS)
    entry = eular_acr2019.ITEMS[0]
    assert (entry.key, entry.domain, entry.weight) == ("ana", "entry", 0)


@pytest.mark.independent
def test_which_criteria_are_clinical() -> None:
    """Aringer 2019, figure 1: seven clinical domains; Petri 2012, table 3: eleven clinical."""
    immunology = {i.key for i in eular_acr2019.ITEMS if not i.clinical} - {"ana"}
    assert immunology == {
        *("antiphospholipid", "low_c3_or_c4", "low_c3_and_c4", "anti_dsdna_or_sm"),
    }
    parts = [i.part for i in slicc2012.ITEMS]
    assert parts == ["clinical"] * 11 + ["immunological"] * 6 + ["biopsy"]


@pytest.mark.independent
def test_ten_points_ana_and_something_clinical() -> None:
    assert eular("ana", "nephritis_iii_iv").met[0] == 1
    assert eular("nephritis_iii_iv").met[0] == 0
    assert eular("ana", "acute_cutaneous", "subacute_or_discoid").met[0] == 0
    assert eular("ana", "acute_cutaneous", "low_c3_and_c4").met[0] == 1
    assert eular("ana", "acute_cutaneous", "low_c3_or_c4").met[0] == 0  # 9 points
    serology = ("antiphospholipid", "low_c3_and_c4", "anti_dsdna_or_sm")
    assert eular("ana", *serology).points[0] == 12
    assert eular("ana", *serology).met[0] == 0
    # Any clinical criterion will do, whatever its domain.
    for domain, items in PUBLISHED.items():
        if domain not in IMMUNOLOGICAL:
            for key in items:
                assert eular("ana", *serology, key).met[0] == 1


def test_what_is_not_known_leaves_the_classification_open() -> None:
    assert eular("acute_cutaneous", "low_c3_and_c4", unknown=("ana",)).met[0] == -1
    assert eular("ana", "fever", unknown=("nephritis_iii_iv",)).met[0] == -1
    assert eular("ana", "fever", unknown=("leukopenia",)).met[0] == 0
    assert eular("ana", "nephritis_iii_iv", unknown=("leukopenia",)).met[0] == 1
    assert eular_acr2019.classify({}).met[0] == -1


# -- SLICC 2012 ------------------------------------------------------------------------------------

# Petri et al., Arthritis Rheum 2012;64:2677, table 3.
CLINICAL = (
    *("acute_cutaneous", "chronic_cutaneous", "oral_ulcers", "nonscarring_alopecia", "synovitis"),
    *("serositis", "renal", "neurologic", "haemolytic_anaemia", "leukopenia_lymphopenia"),
    "thrombocytopenia",
)
ANTIBODIES = (
    *("ana", "anti_dsdna", "anti_sm", "antiphospholipid", "low_complement", "direct_coombs"),
)


def slicc(*met: str, unknown: tuple[str, ...] = ()) -> slicc2012.Classification:
    answers: dict[str, Any] = dict.fromkeys(slicc2012.KEYS, 0)
    return slicc2012.classify({**answers, **dict.fromkeys(met, 1), **dict.fromkeys(unknown, None)})


@pytest.mark.independent
def test_every_criterion_is_on_its_side() -> None:
    for key in CLINICAL:
        got = slicc(key)
        assert (got.clinical[0], got.immunological[0]) == (1, 0)
    for key in ANTIBODIES:
        got = slicc(key)
        assert (got.clinical[0], got.immunological[0]) == (0, 1)
    assert {*CLINICAL, *ANTIBODIES, "biopsy_nephritis"} == set(slicc2012.KEYS)


@pytest.mark.independent
def test_four_criteria_of_both_sides_or_a_biopsy() -> None:
    assert slicc("serositis", "renal", "synovitis", "ana").met[0] == 1
    assert slicc("serositis", "renal", "ana").met[0] == 0
    assert slicc("serositis", "renal", "synovitis", "oral_ulcers").met[0] == 0
    assert slicc("ana", "anti_dsdna", "anti_sm", "low_complement").met[0] == 0
    assert slicc("ana", "anti_dsdna", "anti_sm", "serositis").met[0] == 1
    assert slicc("biopsy_nephritis").met[0] == 0
    assert slicc("biopsy_nephritis", "ana").met[0] == 1
    assert slicc("biopsy_nephritis", "anti_dsdna").met[0] == 1
    assert slicc("biopsy_nephritis", "anti_sm").met[0] == 0


@pytest.mark.independent
def test_a_coombs_test_counts_only_without_haemolytic_anaemia() -> None:
    with_anaemia = slicc("haemolytic_anaemia", "direct_coombs", "serositis", "ana")
    assert (with_anaemia.clinical[0], with_anaemia.immunological[0]) == (2, 1)
    assert with_anaemia.met[0] == 0
    assert slicc("renal", "direct_coombs", "serositis", "ana").met[0] == 1


def brute_force(row: np.ndarray) -> int:
    """Every way in which what is not known could be."""
    open_ = np.flatnonzero(np.isnan(row))
    answers = set()
    for filling in itertools.product((0.0, 1.0), repeat=len(open_)):
        full = row.copy()
        full[open_] = filling
        answers.add(int(slicc2012.classify(full[None]).met[0]))
    return answers.pop() if len(answers) == 1 else -1


@given(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=18, max_size=18),
    st.lists(st.integers(0, 17), max_size=5, unique=True),
)
def test_open_means_that_it_could_go_either_way(answers: list[float], open_: list[int]) -> None:
    row = np.array(answers)
    row[open_] = np.nan
    assert slicc2012.classify(row[None]).met[0] == brute_force(row)


def test_criteria_refuse_what_no_form_can_say() -> None:
    with pytest.raises(ScaleError, match="row 0, ana: 2"):
        slicc2012.classify({"ana": 2})
    with pytest.raises(ScaleError, match="row 0, fever: 2"):
        eular_acr2019.classify({"fever": 2})
    with pytest.raises(UnknownItemError, match="photosensitivity"):
        slicc2012.form({"photosensitivity": 1})
