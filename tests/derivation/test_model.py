"""Arms under a lock and before it; analysis data that are given."""

import polars as pl
import pytest

from derivation.small_trial import LOCKED, STEADY, Subject, declared, derived
from openlupus.derivation import AnalysisData, Arms
from openlupus.errors import DerivationError

MANY = tuple(
    Subject(f"S{i:02d}", STEADY[1:3], arm="ACT" if i % 3 else "PLA") for i in range(30)
) + tuple(Subject(f"F{i}", arm=None, ended=None) for i in range(5))


def arms_of(data: AnalysisData) -> pl.DataFrame:
    return data.frame("ADSL").select("USUBJID", "RANDFL", "ARMCD", "ARM", "ACTARMCD", "TRT01P")


@pytest.mark.parametrize("lock", ["", "  "])
def test_true_arms_need_a_statement_of_the_lock(lock: str):
    for make in (lambda: Arms.unblinded(lock), lambda: Arms(lock=lock), Arms):
        with pytest.raises(DerivationError, match="need a statement of the lock"):
            make()


def test_shuffled_arms_keep_their_numbers_and_move_only_among_the_randomised():
    true, dry = arms_of(derived(*MANY)), arms_of(derived(*MANY, arms=Arms.dummy(7)))
    assert true["ARMCD"].value_counts(sort=True).equals(dry["ARMCD"].value_counts(sort=True))
    assert not true["ARMCD"].equals(dry["ARMCD"])
    failed = pl.col("RANDFL") == "N"
    assert true.filter(failed).equals(dry.filter(failed))
    # Code and name go together.
    assert set(dry.filter(~failed).select("ARMCD", "ARM", "ACTARMCD", "TRT01P").rows()) == {
        ("ACT", "Active, 10 mg", "ACT", "Active, 10 mg"),
        ("PLA", "Placebo", "PLA", "Placebo"),
    }


def test_one_seed_is_one_shuffle_and_another_seed_another():
    one, same, other = (arms_of(derived(*MANY, arms=Arms.dummy(s))) for s in (7, 7, 8))
    assert one.equals(same)
    assert not one.equals(other)


def test_nothing_but_the_arm_changes():
    true, dry = derived(*MANY), derived(*MANY, arms=Arms.dummy(7))
    assert (true.arms.is_dummy, dry.arms.is_dummy) == (False, True)
    for name in ("ADSLEDAI", "ADRESP"):
        assert true.frame(name).equals(dry.frame(name))


def test_what_is_made_from_the_arm_shows_the_shuffled_one():
    protocol = declared(
        "",
        '\n[variable.V]\nkind = "map"\nsource = "ARM"\nvalues = { Placebo = "P" }\nother = "A"\n',
    )
    adsl = derived(*MANY, protocol=protocol, arms=Arms.dummy(7)).frame("ADSL")
    shown = adsl.filter(pl.col("RANDFL") == "Y").select(
        pl.when(pl.col("ARMCD") == "PLA").then(pl.lit("P")).otherwise(pl.lit("A")) == pl.col("V")
    )
    assert shown.to_series().all()


GIVEN = pl.DataFrame({"STUDYID": ["X", "X"], "USUBJID": ["A", "B"]})


def test_given_data_with_shuffled_arms_are_refused():
    with pytest.raises(DerivationError, match="given hold the true arms"):
        AnalysisData.given({"ADSL": GIVEN}, Arms.dummy(1))


def test_given_data_say_that_they_are_synthetic():
    invented = GIVEN.with_columns(STUDYID=pl.lit("X SYNTHETIC"))
    assert AnalysisData.given({"ADSL": invented}, LOCKED).synthetic
    assert not AnalysisData.given({"ADSL": GIVEN}, LOCKED).synthetic


def test_analysis_data_need_one_row_a_subject_of_adsl():
    with pytest.raises(DerivationError, match="need ADSL with USUBJID; frames given: ADAE"):
        AnalysisData.given({"ADAE": GIVEN}, LOCKED)
    twice = pl.concat([GIVEN, GIVEN.head(1)])
    with pytest.raises(DerivationError, match=r"more than one row for 1 subject.*A"):
        AnalysisData.given({"ADSL": twice}, LOCKED)


def test_a_frame_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(DerivationError, match="no data set ADXX; there are ADSL"):
        AnalysisData.given({"ADSL": GIVEN}, LOCKED).frame("ADXX")
