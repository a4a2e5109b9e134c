"""BILAG-2004: what must hold for any form, memory over visits, explanations, refusals."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError, UnknownItemError
from openlupus.instruments import bilag2004
from openlupus.instruments.bilag2004 import INDEX, ITEMS, SYSTEMS, grade

RENAL = SYSTEMS.index("renal")
GRADED = np.array([item.type == "graded" for item in ITEMS])
YES_NO = np.array([item.type == "yesno" for item in ITEMS])
NUMERIC = np.array([item.type == "numeric" for item in ITEMS])

# Spans that cross every threshold of the numeric rules.
SPAN = {
    "systolic_bp": (90, 200),
    "diastolic_bp": (50, 120),
    "urine_acr": (0, 200),
    "urine_pcr": (0, 200),
    "urine_protein_24h": (0, 3),
    "creatinine": (60, 260),
    "gfr": (10, 120),
    "haemoglobin": (5, 15),
    "wbc": (0.2, 8),
    "neutrophils": (0.1, 5),
    "lymphocytes": (0.1, 3),
    "platelets": (5, 300),
}


def random_forms(seed: int, n: int, *, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    items = np.zeros((n, len(ITEMS)))
    ill = rng.random((n, len(ITEMS))) < rng.uniform(0.01, 0.3)
    items[:, GRADED] = (rng.integers(1, 5, (n, len(ITEMS))) * ill)[:, GRADED]
    items[:, YES_NO] = ill[:, YES_NO]
    items[:, INDEX["urine_dipstick_protein"]] = rng.integers(0, 4, n)
    for key, (low, high) in SPAN.items():
        items[:, INDEX[key]] = rng.uniform(low, high, n).round(1)
    quantitative = [INDEX[k] for k in ("urine_acr", "urine_pcr", "urine_protein_24h")]
    items[np.ix_(rng.random(n) < 0.4, quantitative)] = np.nan
    items[rng.random(items.shape) < missing] = np.nan
    return items


def first(items: np.ndarray, **options: object) -> bilag2004.Grades:
    none = np.full(items.shape, np.nan)
    involved = np.zeros((len(items), len(SYSTEMS)), bool)
    return grade(items, previous=none, previous_involvement=involved, **options)


seeds = st.integers(0, 2**32 - 1)


@pytest.mark.independent
def test_the_form_has_the_published_items() -> None:
    """Form revision 1 Sep 2009: 97 items, nine systems in this order."""
    assert [item.number for item in ITEMS] == list(range(1, 98))
    assert tuple(dict.fromkeys(item.system for item in ITEMS)) == SYSTEMS
    per_system = Counter(item.system for item in ITEMS)
    assert list(per_system.values()) == [4, 14, 20, 5, 12, 9, 13, 12, 8]
    codes = [item.code for item in ITEMS] + [
        i.attribution_code for i in ITEMS if NUMERIC[i.number - 1]
    ]
    assert len(set(codes)) == 97 + 13
    assert all(len(code) <= 8 for code in codes)


@given(seeds)
def test_grades_are_exhaustive_and_d_needs_memory(seed: int) -> None:
    items = random_forms(seed, 5, missing=0.1)
    rng = np.random.default_rng(seed)
    involved = rng.random((5, 9)) < 0.5
    without, having = (
        first(items),
        grade(items, previous=np.full(items.shape, np.nan), previous_involvement=involved),
    )
    assert set(np.unique(having.code)) <= {0, 1, 2, 3, 4}
    active = without.code >= 2
    assert (having.code[active] == without.code[active]).all()
    assert (having.code[~active] == involved[~active]).all()


@given(seeds, st.integers(0, len(ITEMS) - 1))
def test_a_worse_code_never_betters_a_grade(seed: int, item: int) -> None:
    """Improving, same, worse, new: each is at least as bad as the one before, and yes as no."""
    if NUMERIC[item]:
        return
    items = random_forms(seed, 4)
    worse = items.copy()
    top = 4 if GRADED[item] else 1
    worse[:, item] = np.minimum(items[:, item] + 1, top)
    assert (first(worse).code >= first(items).code).all()


@given(seeds)
def test_many_at_once_equal_one_at_a_time(seed: int) -> None:
    items, previous = random_forms(seed, 6, missing=0.1), random_forms(seed + 1, 6, missing=0.3)
    rng = np.random.default_rng(seed)
    involved, due = rng.random((6, 9)) < 0.5, rng.random(items.shape) < 0.8
    together = grade(items, previous=previous, previous_involvement=involved, attributed=due)
    for i in range(6):
        row = slice(i, i + 1)
        alone = grade(
            items[row],
            previous=previous[row],
            previous_involvement=involved[row],
            attributed=due[row],
        )
        assert (alone.code == together.code[row]).all()
        assert (alone.complete == together.complete[row]).all()


def test_blocks_do_not_show() -> None:
    items = random_forms(3, 5000)
    whole, part = first(items), first(items[4000:])
    assert (whole.code[4000:] == part.code).all()


@given(seeds)
def test_a_missing_item_never_raises_a_grade_and_is_told(seed: int) -> None:
    """The grade with missing items is the least that the items at hand support."""
    items = random_forms(seed, 4)
    holes = items.copy()
    rng = np.random.default_rng(seed)
    holes[(rng.random(items.shape) < 0.2) & (GRADED | YES_NO)] = np.nan
    got, full = first(holes), first(items)
    for i, system in enumerate(SYSTEMS):
        asked = np.array([item.system == system for item in ITEMS]) & (GRADED | YES_NO)
        lost = np.isnan(holes[:, asked]).any(axis=1)
        assert not got.complete[lost, i].any()
        assert (got.known[lost, i] == -1).all()
    sure = got.complete & full.complete
    assert (got.code[sure] == full.code[sure]).all()
    assert (got.code <= full.code).all()


def test_numeric_alternatives_make_a_system_complete() -> None:
    items = np.zeros((3, len(ITEMS)))
    items[:, NUMERIC] = np.nan
    for key, value in (("systolic_bp", 120), ("diastolic_bp", 80), ("creatinine", 70)):
        items[:, INDEX[key]] = value
    items[0, INDEX["urine_pcr"]] = 10
    items[1, INDEX["urine_dipstick_protein"]] = 0
    renal = SYSTEMS.index("renal")
    assert first(items).complete[:, renal].tolist() == [True, True, False]
    assert not first(items).complete[:, SYSTEMS.index("haematological")].any()


# -- first visits, previous values -----------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "strict", "legacy"),
    [("creatinine", 160, "E", "B"), ("gfr", 70, "E", "B"), ("urine_dipstick_protein", 2, "C", "B")],
)
def test_first_visit_rule(key: str, value: float, strict: str, legacy: str) -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    items = bilag2004.form({**absent, key: value})
    renal = SYSTEMS.index("renal")
    assert first(items).letters[0, renal] == strict
    assert first(items, first_visit="legacy").letters[0, renal] == legacy


def test_ratios_are_exact_decimals() -> None:
    """0.6 after 0.8 g is a fall of exactly 25 %, whatever the binary doubles say."""
    for now, before in ((0.6, 0.8), (0.9, 1.2), (2.1, 2.8), (0.57, 0.76)):
        absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
        got = grade(
            bilag2004.form({**absent, "urine_protein_24h": now}),
            previous=bilag2004.form({"urine_protein_24h": before}),
            previous_involvement=np.zeros((1, 9), bool),
        )
        assert got.letters[0, SYSTEMS.index("renal")] == "C"


def naive_carry(
    items: np.ndarray, subject: np.ndarray, history: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    previous = np.full(items.shape, np.nan)
    involved = np.zeros((len(items), 9), bool)
    for row in range(len(items)):
        earlier = [r for r in range(row) if subject[r] == subject[row]]
        for item in np.flatnonzero(NUMERIC):
            values = [items[r, item] for r in earlier if not np.isnan(items[r, item])]
            previous[row, item] = values[-1] if values else np.nan
        for r in earlier:
            done = grade(
                items[r : r + 1],
                previous=previous[r : r + 1],
                previous_involvement=np.zeros((1, 9), bool),
            )
            involved[row] |= done.code[0] >= 2
        involved[row] |= history[[*earlier, row]].any(axis=0)
    return previous, involved


@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_carry_equals_a_loop_over_visits(seed: int, visits: list[int]) -> None:
    subject = np.repeat(np.arange(len(visits)), visits)
    items = random_forms(seed, len(subject), missing=0.4)
    history = np.random.default_rng(seed).random((len(subject), 9)) < 0.1
    previous, involved = naive_carry(items, subject, history)
    got = bilag2004.carry(items, subject, history=history)
    np.testing.assert_array_equal(got.previous, previous)
    np.testing.assert_array_equal(got.previous_involvement, involved)
    at_once = bilag2004.grade_course(items, subject, history=history)
    again = grade(items, previous=got.previous, previous_involvement=got.previous_involvement)
    assert (at_once.code == again.code).all()


@given(seeds)
def test_e_never_follows_activity(seed: int) -> None:
    items = random_forms(seed, 12)
    code = bilag2004.grade_course(items, np.zeros(12, int)).code
    ever = np.maximum.accumulate(code >= 2, axis=0)
    assert not (ever & (code == 0)).any()
    assert not (~ever & (code == 1)).any()


# -- comparisons and numbers ------------------------------------------------------------------


@given(seeds)
def test_new_activity_by_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, now = rng.integers(-1, 5, (5, 9)), rng.integers(-1, 5, (5, 9))
    got = bilag2004.new_activity(before, now)
    verdicts = bilag2004.no_worsening(before, now)
    for r in range(5):
        new_a = [b < 4 and n == 4 and b != -1 for b, n in zip(before[r], now[r], strict=True)]
        new_b = [0 <= b < 3 and n == 3 for b, n in zip(before[r], now[r], strict=True)]
        assert got.new_a[r].tolist() == new_a
        assert got.new_b[r].tolist() == new_b
        unknown = (before[r] == -1).any() or (now[r] == -1).any()
        assert verdicts[r] == (-1 if unknown else int(sum(new_a) == 0 and sum(new_b) <= 1))


def test_numeric_scores() -> None:
    best_to_worst = np.array([[0] * 9, [1] * 9, [2] * 9, [3] * 9, [4] * 9])
    assert bilag2004.numeric(best_to_worst).tolist() == [0, 0, 9, 72, 108]
    assert bilag2004.numeric(best_to_worst, "intermediate").tolist() == [0, 0, 9, 45, 108]
    assert bilag2004.numeric(best_to_worst, "classic").tolist() == [0, 0, 9, 27, 81]
    best_to_worst[1, 3] = -1
    assert np.isnan(bilag2004.numeric(best_to_worst)).tolist() == [False, True, False, False, False]


# -- explanations -------------------------------------------------------------------------------


@given(seeds)
def test_an_explanation_agrees_with_the_grade(seed: int) -> None:
    items, previous = random_forms(seed, 1, missing=0.1), random_forms(seed + 1, 1)
    involved = np.random.default_rng(seed).random((1, 9)) < 0.5
    grades = grade(items, previous=previous, previous_involvement=involved)
    reasons = bilag2004.explain(items[0], previous=previous[0], previous_involvement=involved[0])
    assert [reason.grade for reason in reasons] == grades.letters[0].tolist()
    for reason in reasons:
        assert reason.rules
        assert bool(reason.findings) == (reason.grade in "ABC")


def test_an_explanation_names_rules_items_and_values() -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    items = bilag2004.form({**absent, "urine_pcr": 150, "active_urinary_sediment": 1})
    renal = bilag2004.explain(items[0], previous=bilag2004.form({"urine_pcr": 120})[0])[7]
    assert renal.grade == "A"
    assert renal.rules == (
        "at least two of criteria 1-6, one of them 1, 4 or 5",
        "1 severe deteriorating proteinuria",
        "4 active urinary sediment",
    )
    protein, sediment = renal.findings
    assert (protein.key, protein.value, protein.previous) == ("urine_pcr", 150, 120)
    assert sediment.key == "active_urinary_sediment"


def test_an_explanation_of_the_pressure_shows_both_of_its_values() -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    raised = {**absent, "systolic_bp": 150, "diastolic_bp": 95, "urine_pcr": 10}
    before = {"systolic_bp": 120, "diastolic_bp": 80}
    reason = bilag2004.explain(raised, previous=before)[RENAL]
    assert (reason.grade, reason.rules) == ("C", ("rising blood pressure",))
    told = [(f.key, f.value, f.previous) for f in reason.findings]
    assert told == [("systolic_bp", 150, 120), ("diastolic_bp", 95, 80)]


@pytest.mark.parametrize(
    ("item", "code", "grade", "rule"),
    [
        ("arthritis_severe", 4, "A", "tier A item at 2 (same), 3 (worse), 4 (new)"),
        ("arthritis_severe", 1, "B", "tier A item at 1 (improving)"),
        ("arthritis_moderate", 2, "B", "tier B item at 2 (same), 3 (worse), 4 (new)"),
        ("arthritis_mild", 1, "C", "tier C item at 1 (improving), 2 (same), 3 (worse), 4 (new)"),
    ],
)
def test_an_explanation_of_a_tier_names_its_codes(
    item: str, code: int, grade: str, rule: str
) -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    reason = bilag2004.explain({**absent, item: code})[SYSTEMS.index("musculoskeletal")]
    assert (reason.grade, reason.rules) == (grade, (rule,))
    assert [(f.key, f.value) for f in reason.findings] == [(item, code)]


def test_an_explanation_takes_a_dict_a_frame_or_an_array() -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    form = {**absent, "creatinine": 160}
    reasons = bilag2004.explain(form, previous={"creatinine": 100}, previous_involvement=None)
    assert reasons[RENAL].grade == "B"
    again = bilag2004.explain(
        bilag2004.form(form)[0],
        previous=bilag2004.form({"creatinine": 100})[0],
        previous_involvement=np.zeros(9, bool),
    )
    assert [str(r) for r in again] == [str(r) for r in reasons]
    memory = bilag2004.explain(form, previous_involvement={"ophthalmic": 1})
    assert [r.grade for r in memory][6:8] == ["D", "E"]
    with pytest.raises(InstrumentError, match="one assessment, not 2"):
        bilag2004.explain({**form, "creatinine": [1, 2]})
    with pytest.raises(InstrumentError, match=r"one assessment of shape \(97,\)"):
        bilag2004.explain(np.zeros((1, 97)))


# -- refusals -----------------------------------------------------------------------------------


def test_all_values_outside_the_scale_are_listed_with_their_row() -> None:
    items = np.zeros((3000, len(ITEMS)))
    items[0, INDEX["pyrexia"]] = 5
    items[1, INDEX["nephrotic_syndrome"]] = 2
    items[2500, INDEX["platelets"]] = -3
    items[2999, INDEX["arthritis_mild"]] = 1.5
    with pytest.raises(ScaleError) as caught:
        first(items)
    assert [(f.row, f.field) for f in caught.value.faults] == [
        (0, "pyrexia"),
        (1, "nephrotic_syndrome"),
        (2500, "platelets"),
        (2999, "arthritis_mild"),
    ]
    assert "row 0, pyrexia: 5 is not a whole number from 0 to 4" in str(caught.value)
    assert "row 2500, platelets: -3 is not a number from 0 to 5000" in str(caught.value)


def test_a_previous_value_off_its_scale_is_named() -> None:
    items = np.zeros((2, len(ITEMS)))
    previous = np.full(items.shape, np.nan)
    previous[1, INDEX["creatinine"]] = -5
    with pytest.raises(ScaleError, match="row 1, previous creatinine: -5"):
        grade(items, previous=previous, previous_involvement=np.zeros((2, 9), bool))


@pytest.mark.parametrize("n", [1, 3])
def test_the_arrays_that_go_in_stay_as_they_are(n: int) -> None:
    items = random_forms(1, n)
    before = items.copy()
    first(items, attributed=np.zeros(items.shape, bool))
    np.testing.assert_array_equal(items, before)


def test_refusals_say_what_is_wrong() -> None:
    items = np.zeros((2, len(ITEMS)))
    with pytest.raises(UnknownItemError, match=r"\['fever'\]"):
        bilag2004.form({"fever": 1})
    with pytest.raises(InstrumentError, match="'strict' or 'legacy'"):
        first(items, first_visit="lenient")
    with pytest.raises(InstrumentError, match=r"previous_involvement needs shape \(2, 9\)"):
        grade(items, previous=items, previous_involvement=np.zeros((2, 8), bool))
    with pytest.raises(InstrumentError, match="more than one run"):
        bilag2004.carry(np.zeros((3, len(ITEMS))), [1, 2, 1])
    with pytest.raises(ScaleError, match="row 0, renal: 7"):
        bilag2004.new_activity(np.array([[0] * 7 + [7, 0]]), np.zeros((1, 9)))
    with pytest.raises(InstrumentError, match="yee2010"):
        bilag2004.numeric(np.zeros((1, 9)), "yee")


def test_no_assessments_are_no_grades() -> None:
    none = np.zeros((0, len(ITEMS)))
    assert first(none).code.shape == (0, 9)
    assert bilag2004.grade_course(none, np.zeros(0, int)).code.shape == (0, 9)


# Beyond these a value is in another unit, or no measurement: our choice, see the page.
HIGHEST = {
    "systolic_bp": 350,
    "diastolic_bp": 250,
    "urine_dipstick_protein": 4,
    "urine_acr": 10_000,
    "urine_pcr": 10_000,
    "urine_protein_24h": 100,
    "creatinine": 5_000,
    "gfr": 300,
    "haemoglobin": 30,
    "wbc": 1_000,
    "neutrophils": 1_000,
    "lymphocytes": 1_000,
    "platelets": 5_000,
}


@pytest.mark.parametrize("key", HIGHEST)
def test_impossible_values_are_refused(key: str) -> None:
    absent = {item.key: 0 for item in ITEMS if item.type != "numeric"}
    first(bilag2004.form({**absent, key: HIGHEST[key]}))
    with pytest.raises(ScaleError, match=f"row 0, {key}: "):
        first(bilag2004.form({**absent, key: HIGHEST[key] + 1}))
