"""CLASI, FACIT-Fatigue, joints, ACR 1997, eGFR, gene signatures: properties and refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError, UnknownItemError
from openlupus.instruments import acr1997, clasi, egfr, facit_fatigue, gene_signature, joints

seeds = st.integers(0, 2**32 - 1)

# -- CLASI ------------------------------------------------------------------------------------


def clasi_forms(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = np.empty((n, len(clasi.ITEMS)))
    for i, item in enumerate(clasi.ITEMS):
        allowed = [v for v in range(int(item.scale.high) + 1) if v not in item.scale.gaps]
        out[:, i] = rng.choice(allowed, n)
    return out


def test_clasi_maxima_by_part() -> None:
    """Albrecht 2005: activity 39 + 26 + 1 + 1 + 3, damage 26 + 24 + 6."""
    top = clasi.score([[item.scale.high for item in clasi.ITEMS]])
    assert (top.activity[0], top.damage[0]) == (70, 56)
    assert len({item.code for item in clasi.ITEMS}) == len(clasi.ITEMS) == 56


@given(seeds, st.integers(0, 55))
def test_clasi_is_missing_where_a_box_of_its_part_is(seed: int, box: int) -> None:
    full = clasi_forms(seed, 3)
    holes = full.copy()
    holes[0, box] = np.nan
    before, after = clasi.score(full), clasi.score(holes)
    assert not np.isnan([before.activity, before.damage]).any()
    item = clasi.ITEMS[box]
    pigment = full[0, [i.sign == "dyspigmentation" for i in clasi.ITEMS]].sum()
    asked = item.key != "dyspigmentation_over_12_months" or pigment > 0
    assert np.isnan(after.activity[0]) == (item.part == "activity")
    assert np.isnan(after.damage[0]) == (item.part == "damage" and asked)
    assert (after.activity[1:] == before.activity[1:]).all()


@given(seeds)
def test_clasi_places_add_up_to_the_scores(seed: int) -> None:
    boxes = clasi_forms(seed, 4)
    scores, places = clasi.score(boxes), clasi.by_location(boxes)
    placeless = [i.location is None and i.part == "activity" for i in clasi.ITEMS]
    expected = places.activity.sum(axis=1) + boxes[:, placeless].sum(axis=1)
    assert (expected == scores.activity).all()
    assert (places.damage.sum(axis=1) == scores.damage).all()


@pytest.mark.parametrize("item", [i for i in clasi.ITEMS if i.location or "scalp" in i.key])
def test_a_box_of_the_clasi_counts_at_its_place(item: clasi.Item) -> None:
    absent = dict.fromkeys(clasi.KEYS, 0)
    places = clasi.by_location(absent | {item.key: item.scale.high})
    at = clasi.LOCATIONS.index(item.location or "scalp")
    of_part, other = (
        (places.activity, places.damage)
        if item.part == "activity"
        else (places.damage, places.activity)
    )
    assert of_part[0].tolist() == [item.scale.high if i == at else 0 for i in range(13)]
    assert not other.any()


@given(st.integers(0, 70), st.integers(0, 70), st.sampled_from([20, 50, 70]), st.integers(1, 12))
def test_clasi_response_at_exactly_the_limit(
    before: int, now: int, percent: int, minimum: int
) -> None:
    got = clasi.response([before], [now], percent=percent, minimum=minimum)[0]
    if before < minimum:
        assert got == -1
    else:
        assert got == (before - now >= before * percent / 100)


def test_clasi_response_is_clasi_50_of_any_baseline_above_0() -> None:
    assert clasi.response([1, 10, 10, 0], [0, 5, 6, 0]).tolist() == [1, 1, 0, -1]
    assert clasi.response([10], [0], percent=100).tolist() == [1]


def test_clasi_refusals() -> None:
    with pytest.raises(ScaleError, match=r"scalp_scarring: 2 is not .* without 1, 2"):
        clasi.score(clasi.form({"scalp_scarring": 2}))
    with pytest.raises(UnknownItemError, match="scarring_scalp"):
        clasi.form({"scarring_scalp": 1})
    with pytest.raises(InstrumentError, match="percent"):
        clasi.response([10], [5], percent=0)
    assert clasi.band([9, 10, 20, 21, np.nan]).tolist() == [
        *("mild", "moderate", "moderate", "severe", "")
    ]


def test_the_28_joints_are_meant_where_no_set_is_named() -> None:
    assert joints.keys() == joints.keys("28")
    assert len(joints.keys()) == 28


# -- FACIT-Fatigue ------------------------------------------------------------------------------


@given(seeds)
def test_facit_is_within_its_range_and_falls_with_fatigue(seed: int) -> None:
    rng = np.random.default_rng(seed)
    responses = rng.integers(0, 5, (4, 13)).astype(float)
    total = facit_fatigue.score(responses).total
    assert ((total >= 0) & (total <= 52)).all()
    tired = responses.copy()
    for i, item in enumerate(facit_fatigue.ITEMS):
        tired[:, i] += 1 if item.reverse else -1
    assert (facit_fatigue.score(np.clip(tired, 0, 4)).total <= total).all()
    mirrored = facit_fatigue.score(4 - responses).total
    assert (total + mirrored == 52).all()


@given(seeds, st.integers(0, 13))
def test_facit_prorates_over_seven_or_more(seed: int, lost: int) -> None:
    responses = np.full((1, 13), 1.0)
    responses[0, [not item.reverse for item in facit_fatigue.ITEMS]] = 3
    where = np.random.default_rng(seed).permutation(13)[:lost]
    responses[0, where] = np.nan
    got = facit_fatigue.score(responses)
    assert got.answered[0] == 13 - lost
    assert np.isnan(got.total[0]) if lost > 6 else got.total[0] == 39


def test_facit_refuses_codes_off_the_scale() -> None:
    with pytest.raises(ScaleError, match="row 1, An5: 5"):
        facit_fatigue.score(facit_fatigue.form({"An5": [4, 5]}))


# -- joints --------------------------------------------------------------------------------------


def test_joint_sets_add_up() -> None:
    """28 of 68 joints; hips are tender only."""
    assert len(joints.SETS["28"]) == 28
    assert len(joints.SETS["66/68"]) == 68
    assert sum(joint.swelling_counts for joint in joints.JOINTS) == 66
    codes = [c for j in joints.JOINTS for c in (j.tender_code, j.swollen_code) if c]
    assert len(set(codes)) == 134


@given(seeds)
def test_active_joints_are_tender_and_swollen_in_the_same_joint(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sore, puffy = rng.integers(0, 2, (3, 68)), rng.integers(0, 2, (3, 68))
    got = joints.count(sore, puffy, joint_set="66/68")
    swells = [joint.swelling_counts for joint in joints.JOINTS]
    assert (got.tender == sore.sum(axis=1)).all()
    assert (got.swollen == puffy[:, swells].sum(axis=1)).all()
    assert (got.active == (sore & puffy)[:, swells].sum(axis=1)).all()


def test_joints_not_assessed() -> None:
    sore = np.ones((2, 28))
    sore[0, :14] = np.nan
    sore[1, :15] = np.nan
    strict = joints.count(sore, np.zeros((2, 28)))
    assert np.isnan(strict.tender).all()
    assert strict.swollen.tolist() == [0, 0]
    prorated = joints.count(sore, np.zeros((2, 28)), prorate=True)
    assert prorated.tender[0] == 28
    assert np.isnan(prorated.tender[1])
    assert prorated.assessed_tender.tolist() == [14, 13]


def test_joint_refusals() -> None:
    bad = np.zeros((1, 28))
    bad[0, 3] = 2
    with pytest.raises(ScaleError, match="row 0, swollen R_elbow: 2"):
        joints.count(np.zeros((1, 28)), bad)
    with pytest.raises(InstrumentError, match="66/68"):
        joints.keys("44")


# -- ACR 1997 --------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=11, max_size=11))
def test_acr_is_open_only_where_unknown_criteria_could_decide(criteria: list[float]) -> None:
    got = acr1997.classify([criteria])
    met, unknown = criteria.count(1.0), int(np.isnan(criteria).sum())
    assert got.count[0] == met
    assert got.met[0] == (1 if met >= 4 else -1 if met + unknown >= 4 else 0)


# -- eGFR ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "expected"), [("mdrd4", 68.9), ("ckd_epi_2009", 79.4), ("ckd_epi_2021", 82.3)]
)
def test_egfr_of_a_woman_of_40_with_80_umol(equation: egfr.Equation, expected: float) -> None:
    """Values stated with the reference rules, to their last digit."""
    black = None if equation == "ckd_epi_2021" else [False]
    got = egfr.egfr([80.0], [40], [True], equation=equation, black=black)[0]
    assert got == pytest.approx(expected, abs=0.05)


@pytest.mark.independent
@pytest.mark.parametrize("woman", [True, False])
@pytest.mark.parametrize("black", [True, False])
@pytest.mark.parametrize("scr", [0.5, 0.8, 1.7])
def test_egfr_equations_as_printed(scr: float, black: bool, woman: bool) -> None:
    """Levey 2006 (re-expressed MDRD), Levey 2009, Inker 2021: typed once more from the papers."""
    age = 47.0
    mdrd = 175 * scr**-1.154 * age**-0.203
    mdrd *= (0.742 if woman else 1) * (1.212 if black else 1)
    knot, early, late = (0.7, -0.329, -0.241) if woman else (0.9, -0.411, -0.302)
    low, high = min(scr / knot, 1), max(scr / knot, 1)
    ckd_2009 = 141 * low**early * high**-1.209 * 0.993**age
    ckd_2009 *= (1.018 if woman else 1) * (1.159 if black else 1)
    ckd_2021 = 142 * low**late * high**-1.200 * 0.9938**age * (1.012 if woman else 1)

    def ours(equation: egfr.Equation, **race: Any) -> float:
        got = egfr.egfr([scr * 88.4], [age], [woman], equation=equation, **race)
        return float(got[0])

    assert ours("mdrd4", black=[black]) == pytest.approx(mdrd, rel=1e-12)
    assert ours("ckd_epi_2009", black=[black]) == pytest.approx(ckd_2009, rel=1e-12)
    assert ours("ckd_epi_2021") == pytest.approx(ckd_2021, rel=1e-12)
    assert egfr.CKD_EPI_2021.black == 1


@given(st.floats(20, 800), st.floats(18, 90), st.booleans())
def test_egfr_falls_with_creatinine_and_age(creatinine: float, age: float, woman: bool) -> None:
    def rate(c: float, a: float) -> float:
        return float(egfr.egfr([c], [a], [woman], equation="ckd_epi_2021")[0])

    assert rate(creatinine * 1.1, age) < rate(creatinine, age)
    assert rate(creatinine, age + 1) < rate(creatinine, age)


def test_egfr_refusals() -> None:
    with pytest.raises(InstrumentError, match="black"):
        egfr.egfr([80], [40], [True], equation="mdrd4")
    with pytest.raises(InstrumentError, match=r"rows \[1\]"):
        egfr.egfr([80, 0], [40, 40], [True, True], equation="ckd_epi_2021")


# -- gene signatures -----------------------------------------------------------------------------


def test_fewer_cycles_are_more_expression_and_counts_agree() -> None:
    ct = {g: np.array([20.0]) for g in (*gene_signature.HOUSEKEEPERS, "IKZF3")}
    base = gene_signature.score_ct(ct, "IKZF3")
    more = gene_signature.score_ct({**ct, "IKZF3": np.array([18.0])}, "IKZF3")
    assert (base[0], more[0]) == (0, 2)
    counts = {gene: 2.0 ** (30 - values) for gene, values in ct.items()}
    assert gene_signature.score_counts(counts, "IKZF3")[0] == pytest.approx(0, abs=1e-12)
    assert gene_signature.change(base, more).fold[0] == 4


def test_a_value_at_the_cut_off_is_high_and_a_missing_one_is_neither() -> None:
    assert gene_signature.high([1.0, 0.9, np.nan], 1.0).tolist() == [1, 0, -1]


def test_gene_refusals() -> None:
    with pytest.raises(UnknownItemError, match="IFI44L"):
        gene_signature.score_ct({"IFI27": [1.0]}, "type1_ifn_4")
    with pytest.raises(InstrumentError, match="IKZF1"):
        gene_signature.score_ct({}, "ikzf1")
    housekeepers = {key: [1.0] for key in gene_signature.HOUSEKEEPERS}
    with pytest.raises(InstrumentError, match=r"IKZF1: .* not in rows \[0\]"):
        gene_signature.score_counts({"IKZF1": [0.0], **housekeepers}, "IKZF1")
