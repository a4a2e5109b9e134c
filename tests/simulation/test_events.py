"""Adverse events come to those who can have them, and those of counts follow the counts."""

import numpy as np
import polars as pl
import pytest

from openlupus.errors import SimulationError
from openlupus.instruments import ctcae
from openlupus.simulation import simulate
from simulation.trials import clean, founding, with_parts


@pytest.fixture(scope="module")
def many():
    return simulate(founding()[0], clean(), seed=1, patients=3000)


def treated(many) -> pl.DataFrame:
    dm = many["DM"].filter(pl.col("RFSTDTC").is_not_null())
    return dm.select("USUBJID", "ACTARMCD", "RFSTDTC", "RFENDTC", "SEX", "AGE")


def term(name: str):
    return next(t for t in clean().events.terms if t.term == name)


def changed(name: str, **fields):
    """The clean model with fields of one term replaced."""
    model = clean()
    terms = tuple(t.model_copy(update=fields) if t.term == name else t for t in model.events.terms)
    return with_parts(model, events={"terms": terms})


# -- who can have an event -------------------------------------------------------------------------


def test_nobody_has_an_event_of_the_other_sex_or_above_its_age(many):
    events = many["AE"].join(treated(many), on="USUBJID")
    limited = [t for t in clean().events.terms if t.sex or t.oldest < 150]
    assert {t.term for t in limited} >= {"Endometriosis", "Menorrhagia"}
    for one in limited:
        mine = events.filter(AEDECOD=one.term)
        assert len(mine), one.term
        assert set(mine["SEX"]) <= {one.sex}
        assert mine["AGE"].max() <= one.oldest


def test_a_limited_event_keeps_its_proportion():
    protocol, rate = founding()[0], dict.fromkeys(founding()[0].arms, 0.2)
    model = with_parts(changed("Contusion", by_arm=rate, sex="F"), people={"female": 0.5})
    records = simulate(protocol, model, seed=1, patients=2000)
    found = records["AE"].filter(AEDECOD="Contusion")["USUBJID"].n_unique() / 2000
    assert found == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / 2000))


# -- counts ----------------------------------------------------------------------------------------


def neutrophils(many) -> pl.DataFrame:
    """Worst grade after the first dose of each treated patient, by arm."""
    rows = many["LB"].filter(LBTESTCD="NEUT").join(treated(many), on="USUBJID")
    rows = rows.filter(pl.col("LBDTC") > pl.col("RFSTDTC"))
    lowest = rows.group_by("USUBJID", "ACTARMCD").agg(pl.col("LBSTRESN", "LBSTNRLO").min())
    grade = ctcae.grade(
        "neutrophil_count_decreased", lowest["LBSTRESN"].to_numpy(), lln=lowest["LBSTNRLO"]
    )
    return lowest.with_columns(grade=grade)


def test_neutrophils_fall_near_the_paper(many):
    # Merrill 2022, text: grade 3 or 4 in 9 of 81, 3 of 82, 2 of 42; grade 1 or 2 in 84 of 205.
    grades = neutrophils(many)
    low = dict(grades.group_by("ACTARMCD").agg((pl.col("grade") >= 3).mean()).iter_rows())
    for code, (n, of) in {"IBE045": (9, 81), "IBE030": (3, 82), "IBE015": (2, 42)}.items():
        expected = n / of
        # Within one and a half standard errors of the paper's own arm.
        error = 1.5 * np.sqrt(expected * (1 - expected) / of)
        assert low[code] == pytest.approx(expected, abs=error), code
    assert low["PBO"] < 0.01
    drug = grades.filter(pl.col("ACTARMCD") != "PBO")["grade"]
    assert drug.is_in([1, 2]).mean() == pytest.approx(84 / 205, abs=0.05)


def test_white_cells_are_more_than_their_parts(many):
    codes = ["WBC", "NEUT", "LYM"]
    rows = many["LB"].filter(pl.col("LBTESTCD").is_in(codes))
    wide = rows.pivot("LBTESTCD", index=["USUBJID", "VISITNUM"], values="LBSTRESN")
    # White cells are reported with one decimal.
    assert (wide["NEUT"] + wide["LYM"] <= wide["WBC"] + 0.1).all()


def test_men_have_more_haemoglobin(many):
    rows = many["LB"].filter(LBTESTCD="HGB").join(treated(many), on="USUBJID")
    mean = dict(rows.group_by("SEX").agg(pl.col("LBSTRESN").mean()).iter_rows())
    assert mean["M"] / mean["F"] == pytest.approx(1.12, abs=0.03)


def test_events_of_counts_begin_with_the_value_that_they_name(many):
    events = many["AE"].filter(pl.col("AEACN") != "DRUG WITHDRAWN")
    counted = np.zeros(2)
    for one in (t for t in clean().events.terms if t.follows):
        rows = many["LB"].filter(LBTESTCD=one.follows.test)
        value = pl.col("LBSTRESN")
        below = one.follows.side == "below"
        there = value < one.follows.limit if below else value > one.follows.limit
        mine = events.filter(AEDECOD=one.term)
        seen = rows.filter(there).select("USUBJID", AESTDTC="LBDTC").unique()
        gone = rows.filter(~there).select("USUBJID", AEENDTC="LBDTC").unique()
        dated = len(mine.join(seen, on=["USUBJID", "AESTDTC"]))
        counted += np.array([dated, len(mine)])
        ended = mine.filter(pl.col("AEENDTC").is_not_null())
        closed = len(ended.join(gone, on=["USUBJID", "AEENDTC"]))
        if one.by_arm:
            assert dated >= 0.97 * len(mine)
            assert closed >= 0.97 * len(ended)
    # In a chunk with too few such values the rest goes to patients without one.
    assert counted[0] >= 0.97 * counted[1] > 0


def test_events_of_counts_keep_their_proportions(many):
    arms, who = founding()[0].arms, treated(many)
    for name in ("Neutropenia", "Leukopenia"):
        have = many["AE"].filter(AEDECOD=name)["USUBJID"].unique()
        for arm, rate in term(name).by_arm.items():
            mine = who.filter(ACTARMCD=arms[arm].code)["USUBJID"]
            found = mine.is_in(have.implode()).mean()
            error = 4 * np.sqrt(rate * (1 - rate) / len(mine))
            assert found == pytest.approx(rate, abs=error), (name, arm)


# -- what ends treatment ---------------------------------------------------------------------------


def test_a_weight_makes_an_event_end_treatment_oftener():
    shares = []
    for weight in (0, 1, 50):
        records = simulate(founding()[0], changed("Rash", withdraws=weight), seed=1, patients=1500)
        blamed = records["AE"].filter(AEACN="DRUG WITHDRAWN")
        shares.append((blamed["AEDECOD"] == "Rash").mean())
        have = records["AE"].filter(AEDECOD="Rash")["USUBJID"].n_unique() / 1500
        assert have == pytest.approx(0.03, abs=0.018)
    assert shares[0] == 0
    assert shares[0] < shares[1] < 0.1 < shares[2]


def test_what_ends_treatment_is_not_mild(many):
    blamed = many["AE"].filter((pl.col("AEACN") == "DRUG WITHDRAWN") | (pl.col("AESER") == "Y"))
    assert set(blamed["AESEV"]) == {"MODERATE", "SEVERE"}


def test_some_who_stop_for_an_event_name_another_reason(many):
    blamed = many["AE"].filter(AEACN="DRUG WITHDRAWN")["USUBJID"]
    ended = many["DS"].filter(EPOCH="TREATMENT").filter(pl.col("USUBJID").is_in(blamed.implode()))
    other = (ended["DSDECOD"] != "ADVERSE EVENT").mean()
    share = clean().conduct.other_reason
    assert other == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(ended)))


# -- what a model may not say ----------------------------------------------------------------------


def test_treatment_may_change_only_tests_without_a_manifestation():
    model = clean()
    tests = tuple(
        test.model_copy(update={"full": {"ibe045": 0.5, "gold": 0.5}}) if test.of else test
        for test in model.laboratory.tests
    )
    wrong = changed("Anemia", follows=term("Anemia").follows.model_copy(update={"test": "IRON"}))
    with pytest.raises(SimulationError) as error:
        simulate(founding()[0], with_parts(wrong, laboratory={"tests": tests}), seed=1, patients=5)
    for fault in (
        "laboratory.tests, WBC: `full` is for a test that varies by itself or is a part of another",
        "laboratory.tests, WBC: full: 'gold' is unknown",
        "events.terms, Anemia: follows: 'IRON' is unknown",
    ):
        assert f"\n  {fault}" in str(error.value)
