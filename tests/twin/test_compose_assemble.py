"""Bundles that patients take of others: what moves, what stays, and what has to agree."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from openlupus.twin.assemble import Composed, assemble
from openlupus.twin.compose import Given, first_values, give
from openlupus.twin.pool import SUBJECT
from openlupus.twin.targets import BUNDLES, PLACE, targets

SIZES = {"examplimab": 58, "placebo": 59, "everyone": 117}
FAILED = 12


def drawn(pool, open_: np.ndarray, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    there = {arm: np.flatnonzero(open_ & (pool.arm == arm)) for arm in pool.protocol.arms}
    each = [rng.permutation(places)[: SIZES[arm]] for arm, places in there.items()]
    return np.sort(np.concatenate(each))


@pytest.fixture(scope="module")
def base(pool) -> np.ndarray:
    """As many treated patients as the trial has, drawn at random."""
    return drawn(pool, (pool.people["TRTFL"] == "Y").to_numpy(), seed=3)


@pytest.fixture(scope="module")
def given(pool, model, print_, base) -> Mapping[str, Given]:
    asked = targets(pool, print_, SIZES)
    rng = np.random.default_rng(4)
    return {bundle: give(pool, model, bundle, base, asked, rng) for bundle in BUNDLES[1:]}


@pytest.fixture(scope="module")
def composed(pool, base, given) -> Composed:
    subjects = pool.people[SUBJECT].to_list()
    donors = {name: [subjects[i] for i in each.donor] for name, each in given.items()}
    return Composed(base=[subjects[i] for i in base], **donors)


@pytest.fixture(scope="module")
def failures(pool) -> list[str]:
    failed = pool.frames["DM"].filter(~pl.col(SUBJECT).is_in(pool.people[SUBJECT].implode()))
    return failed[SUBJECT].to_list()[:FAILED]


@pytest.fixture(scope="module")
def made(pool, model, composed, failures) -> dict[str, pl.DataFrame]:
    seen = first_values(pool.frames, model.events.terms)
    return assemble(pool.protocol, pool.frames, composed, failures, seen)


@pytest.fixture(scope="module")
def own_name(pool, made, composed, failures) -> dict[str, str]:
    """Number in the pool to the number in the trial: in the order of consent."""
    kept = pl.DataFrame({SUBJECT: [*composed.base, *failures]})
    before = pool.frames["DM"].join(kept, on=SUBJECT).sort("RFICDTC", SUBJECT)
    return dict(zip(before[SUBJECT], made["DM"].sort("SUBJID")[SUBJECT], strict=True))


@pytest.fixture(scope="module")
def events(pool, made, composed, own_name) -> pl.DataFrame:
    """Adverse events in the trial: of which donor, and days since the first dose."""
    names = pl.DataFrame({
        SUBJECT: [own_name[each] for each in composed.base], "donor": composed.events,
    }).with_columns(own=pl.Series(composed.base))  # fmt: skip
    first = made["DM"].select(SUBJECT, "RFXSTDTC", "RFXENDTC", "AGE", "SEX")
    return made["AE"].join(names, on=SUBJECT).join(first, on=SUBJECT)


def day(column: str) -> pl.Expr:
    return pl.col(column).str.to_date(strict=False)


# -- donors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", ["genes", "events"])
def test_what_the_arm_may_change_is_of_the_same_arm(pool, base, given, bundle):
    assert (pool.arm[given[bundle].donor] == pool.arm[base]).all()


@pytest.mark.parametrize("bundle", BUNDLES[1:])
def test_a_donor_gives_once_in_each_arm(pool, base, given, bundle):
    for arm in pool.protocol.arms:
        donors = given[bundle].donor[pool.arm[base] == arm].tolist()
        assert len(set(donors)) == len(donors) == SIZES[arm]


def test_donors_of_events_have_the_printed_numbers(pool, model, print_):
    """Where all completed, so that none keeps events of his own; what is missed is told."""
    completed = (pool.people["EOTSTT"] == "COMPLETED").fill_null(value=False).to_numpy()
    base = drawn(pool, completed, seed=6)
    asked = [t for t in targets(pool, print_, SIZES) if "events" in t.bundles]
    found = give(pool, model, "events", base, asked, np.random.default_rng(6))
    sums = {t.place: (t.low, t.weight[found.donor].sum(), t.high) for t in asked}
    missed = {place for place, (low, n, high) in sums.items() if not low <= n <= high}
    assert missed == {t.place for t in found.missed}
    assert len(missed) <= 0.1 * len(asked)


def test_places_of_donors_make_the_printed_races(pool, print_, base, given):
    assert given["place"].missed == ()
    race = pool.people["RACEGR1"].to_numpy()[given["place"].donor]
    for (_, row), cells in print_.rows.items():
        heading, _, name = row.partition("|")
        for arm in pool.protocol.arms if heading.startswith("Race") else ():
            there = (race == name.upper()) & (pool.arm[base] == arm)
            assert there.sum() == print_.count(cells[arm]).n


def test_who_stopped_keeps_the_own_events(pool, base, given):
    stopped = (pool.people["EOTSTT"] != "COMPLETED").fill_null(value=True).to_numpy()[base]
    assert stopped.any()
    assert (given["events"].donor[stopped] == base[stopped]).all()
    assert (given["events"].donor != base).mean() > 0.5


def test_donors_of_events_are_of_the_same_sex(pool, base, given):
    sex = pool.people["SEX"].to_numpy()
    assert (sex[given["events"].donor] == sex[base]).all()


# -- records -----------------------------------------------------------------------------------


def test_all_domains_hold_known_subjects_alone(made):
    known = set(made["DM"][SUBJECT])
    assert len(known) == 117 + FAILED
    for name, frame in made.items():
        if SUBJECT in frame.columns:
            assert set(frame[SUBJECT]) <= known, name


def test_subjects_are_numbered_by_consent_from_one(made):
    numbers = made["DM"].sort("RFICDTC", SUBJECT)[SUBJECT].str.split("-").list.last()
    assert sorted(made["DM"][SUBJECT]) == made["DM"].sort("RFICDTC", SUBJECT)[SUBJECT].to_list()
    assert numbers.cast(int).to_list() == list(range(1, 117 + FAILED + 1))
    assert (made["DM"]["SUBJID"] == made["DM"][SUBJECT].str.split("-").list.last()).all()


def test_records_are_numbered_within_subjects(made):
    for name, frame in made.items():
        if f"{name}SEQ" in frame.columns and frame.height:
            numbers = frame.group_by(SUBJECT).agg(pl.col(f"{name}SEQ").sort())
            expected = [list(range(1, len(n) + 1)) for n in numbers[f"{name}SEQ"]]
            assert numbers[f"{name}SEQ"].to_list() == expected, name


def test_the_course_is_the_patient_s_own(pool, made, composed, own_name):
    forms = [c for c in pool.frames["RS"].columns if c not in (SUBJECT, "RSSEQ")]
    for subject in composed.base[:10]:
        before = pool.frames["RS"].filter(pl.col(SUBJECT) == subject).select(forms)
        after = made["RS"].filter(pl.col(SUBJECT) == own_name[subject]).select(forms)
        assert before.equals(after)


def test_site_and_race_are_the_donor_s_and_age_and_sex_the_patient_s(
    pool, made, composed, own_name
):
    before = pool.frames["DM"].rows_by_key(SUBJECT, named=True, unique=True)
    after = made["DM"].rows_by_key(SUBJECT, named=True, unique=True)
    assert composed.place != composed.base
    for own, donor in zip(composed.base, composed.place, strict=True):
        row = after[own_name[own]]
        assert all(row[c] == before[donor][c] for c in PLACE if c in row)
        assert all(row[c] == before[own][c] for c in ("AGE", "SEX", "ARMCD", "RFXSTDTC"))


def test_diagnosis_is_as_long_before_the_first_dose_as_the_donor_s(pool, made, composed, own_name):
    def years(frames: Mapping[str, pl.DataFrame]) -> dict[str, float]:
        diagnosis = frames["MH"].filter(MHCAT="PRIMARY DIAGNOSIS")
        both = diagnosis.join(frames["DM"].select(SUBJECT, "RFXSTDTC"), on=SUBJECT)
        whole = both.filter(pl.col("MHSTDTC").str.len_chars() == 10, pl.col("RFXSTDTC") != "")
        days = (day("RFXSTDTC") - day("MHSTDTC")).dt.total_days()
        return dict(whole.select(SUBJECT, days).iter_rows())

    donors, patients = years(pool.frames), years(made)
    pairs = [
        (donors[donor], patients[own_name[own]])
        for own, donor in zip(composed.base, composed.history, strict=True)
        if donor in donors and own_name[own] in patients
    ]
    assert len(pairs) > 50
    assert all(a == b for a, b in pairs)


def test_events_are_the_donor_s_by_term_and_severity(pool, events):
    what = ["AEDECOD", "AESEV", "AESER", "AEREL"]
    theirs = pool.frames["AE"].select("USUBJID", *what).rename({SUBJECT: "donor"})
    kept = theirs.filter(pl.col("donor").is_in(events["donor"].unique().implode()))
    assert events.select("donor", *what).sort(pl.all()).equals(kept.sort(pl.all()))


def test_events_move_with_the_first_dose(pool, model, events):
    """But those named after a value begin with it, and none begins after the last dose."""
    named = [term.term for term in model.events.terms if term.follows]
    doses = pool.frames["DM"].select(pl.col(SUBJECT).alias("donor"), first="RFXSTDTC")
    since = (day("AESTDTC") - day("first")).dt.total_days()
    theirs = pool.frames["AE"].rename({SUBJECT: "donor"}).join(doses, on="donor")
    before = theirs.group_by("donor").agg(since.drop_nulls().alias("days"))
    moved = events.filter(
        pl.col("own") != pl.col("donor"), ~pl.col("AEDECOD").is_in(named),
        day("AESTDTC") < day("RFXENDTC"),
    ).with_columns(days=(day("AESTDTC") - day("RFXSTDTC")).dt.total_days())  # fmt: skip
    assert moved.height > 30
    found = moved.join(before, on="donor", suffix="_donor")
    assert found.select(pl.col("days").is_in(pl.col("days_donor"))).to_series().all()


def test_no_event_that_is_taken_begins_after_the_last_dose_or_ends_before_it_begins(events):
    taken = events.filter(pl.col("own") != pl.col("donor"))
    assert taken.filter(day("AESTDTC") > day("RFXENDTC")).height == 0
    assert taken.filter(day("AEENDTC") < day("AESTDTC")).height == 0


def test_events_suit_sex_and_age(events):
    assert events.filter(AEDECOD="Insomnia").height > 3
    assert set(events.filter(AEDECOD="Insomnia")["SEX"]) == {"F"}
    assert events.filter(AEDECOD="Cough").height > 3
    assert events.filter(AEDECOD="Cough")["AGE"].max() <= 45


def test_an_event_named_after_a_value_begins_with_it(made, model, events):
    """The day of the first such value of the patient, where there is one."""
    seen = first_values(made, model.events.terms)
    taken = events.filter(pl.col("own") != pl.col("donor"), pl.col("AEDECOD") == "Dizziness")
    both = taken.join(seen, on=[SUBJECT, "AEDECOD"])
    assert both.height >= 0.8 * taken.height > 0
    assert (both["AESTDTC"] == both["on"]).all()


def test_treatment_ends_on_the_last_dose(made):
    treated = made["DM"].filter(pl.col("RFXSTDTC") != "").select(SUBJECT, "RFXSTDTC", "RFXENDTC")
    courses = made["EX"].group_by(SUBJECT).agg(
        first=pl.col("EXSTDTC").min(), last=pl.col("EXENDTC").max(),
        ordered=(pl.col("EXSTDTC") <= pl.col("EXENDTC")).all(),
    )  # fmt: skip
    both = treated.join(courses, on=SUBJECT, how="full", coalesce=True)
    assert both.height == treated.height == courses.height
    assert (both["first"] == both["RFXSTDTC"]).all()
    assert (both["last"] == both["RFXENDTC"]).all()
    assert both["ordered"].all()
