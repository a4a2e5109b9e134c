"""Patients are eligible, treated by the list, and their records agree with each other."""

import numpy as np
import polars as pl
import pytest

from openlupus.instruments import bilag2004, clasi, sledai2k
from openlupus.simulation import simulate
from simulation.trials import clean, clean_trial, founding, items

SLEDAI = [item.code for item in sledai2k.ITEMS]
BILAG = [item.code for item in bilag2004.ITEMS]


def randomised() -> pl.DataFrame:
    return clean_trial()["DM"].filter(pl.col("ARMCD").is_not_null())


def sledai_at(visit: float) -> tuple[pl.Series, np.ndarray]:
    wide = items(clean_trial(), sledai2k.CATEGORY, SLEDAI).filter(VISITNUM=visit)
    return wide["USUBJID"], wide.select(SLEDAI).to_numpy().astype(np.int8)


def lab(code: str, domain: str = "LB") -> pl.DataFrame:
    rows = clean_trial()[domain].filter(pl.col(f"{domain}TESTCD") == code)
    return rows.select("USUBJID", "VISITNUM", pl.col(f"{domain}STRESN").alias(code))


# -- who takes part -------------------------------------------------------------------------------


def test_those_randomised_meet_the_criteria_and_failures_do_not():
    rule, chosen = clean().screening, randomised()["USUBJID"]
    for visit in (1, 2):
        subject, codes = sledai_at(visit)
        mine = subject.is_in(chosen.implode()).to_numpy()
        total = sledai2k.score(codes).total
        clinical = sledai2k.score(codes, convention=rule.convention).total
        assert (clinical[mine] >= rule.clinical).all()
        if visit == 1:
            assert (total[mine] >= rule.total).all()
    inactive = clean_trial()["IE"].filter(IETESTCD="INCL04")["USUBJID"]
    subject, codes = sledai_at(1)
    failed = subject.is_in(inactive.implode()).to_numpy()
    low = sledai2k.score(codes).total < rule.total
    low |= sledai2k.score(codes, convention=rule.convention).total < rule.clinical
    assert low[failed].all()
    others = clean_trial()["IE"].filter(pl.col("IETESTCD") != "INCL04")["USUBJID"]
    assert not low[subject.is_in(others.implode()).to_numpy()].any()


def test_antibodies_decide_who_passes():
    screening = clean_trial()["LB"].filter(VISITNUM=1)
    high = screening.filter(pl.col("LBTESTCD").is_in(["DSDNA", "SMAB"]), LBNRIND="HIGH")
    chosen, positive = set(randomised()["USUBJID"]), set(high["USUBJID"])
    lacking = clean_trial()["IE"].filter(IETESTCD="INCL05")["USUBJID"]
    assert chosen <= positive
    assert not positive & set(lacking)


def test_every_failure_has_its_criterion():
    dm = clean_trial()["DM"]
    failing = dm.filter(pl.col("ARMCD").is_null())["USUBJID"]
    assert clean_trial()["IE"]["USUBJID"].to_list() == failing.to_list()


# -- how they are allocated ------------------------------------------------------------------------


def test_each_stratum_has_its_own_blocks():
    ratio = [arm.ratio for arm in founding()[0].arms.values()]
    codes = [arm.code for arm in founding()[0].arms.values()]
    strata = clean_trial()["SUPPDM"].pivot(on="QNAM", index="USUBJID", values="QVAL")
    joined = randomised().join(strata, on="USUBJID", maintain_order="left")
    for _, part in joined.group_by("GCDOSE", "SLEDAI"):
        whole = len(part) // sum(ratio) * sum(ratio)
        arms = part.sort("USUBJID")["ARMCD"].head(whole)
        assert [(arms == code).sum() * sum(ratio) for code in codes] == [r * whole for r in ratio]


def test_strata_follow_the_values_at_screening():
    subject, codes = sledai_at(1)
    high = pl.DataFrame({"USUBJID": subject, "high": sledai2k.score(codes).total >= 10})
    strata = clean_trial()["SUPPDM"].filter(QNAM="SLEDAI").join(high, on="USUBJID")
    assert ((strata["QVAL"] == "GE10") == strata["high"]).all()


def test_exposure_follows_the_arm_and_stops_with_treatment():
    dose = {arm.code: float(arm.dose) for arm in founding()[0].arms.values()}
    ex = clean_trial()["EX"].join(randomised(), on="USUBJID")
    assert (ex["EXDOSE"] == ex["ARMCD"].replace_strict(dose)).all()
    assert (ex["EXSTDTC"] >= ex["RFSTDTC"]).all()
    assert (ex["EXENDTC"] <= ex["RFENDTC"]).all()
    gap = pl.col("EXSTDTC") <= pl.col("EXENDTC").shift(1).over("USUBJID")
    assert not ex.select(gap.any()).item()


# -- the records agree ----------------------------------------------------------------------------


def test_every_item_of_the_forms_is_there_and_on_its_scale():
    wide = items(clean_trial(), bilag2004.CATEGORY, BILAG)
    values, subject = wide.select(BILAG).to_numpy(), wide["USUBJID"].rank("dense").to_numpy()
    assert bilag2004.grade_course(values, subject).complete.all()
    boxes = [item.code for item in clasi.ITEMS]
    score = clasi.score(items(clean_trial(), clasi.CATEGORY, boxes).select(boxes).to_numpy())
    assert not score.missing.any()
    pga = clean_trial()["RS"].filter(RSCAT="PGA")["RSSTRESN"]
    assert pga.is_between(0, 3).all()
    assert np.allclose(pga * 10, (pga * 10).round())


def test_laboratory_values_prove_the_sledai_items():
    wide = items(clean_trial(), sledai2k.CATEGORY, SLEDAI)
    codes = wide.select(SLEDAI).to_numpy().astype(np.int8)
    for code, domain in {
        "PLAT": "LB", "WBC": "LB", "TEMP": "VS", "PROTCRT": "LB", "URBC": "LB", "UWBC": "LB",
        "C3": "LB", "C4": "LB", "DSDNA": "LB",
    }.items():  # fmt: skip
        wide = wide.join(lab(code, domain), on=["USUBJID", "VISITNUM"], maintain_order="left")
    tests = {test.code: test for test in clean().laboratory.tests}
    limit = {code: np.full(len(wide), tests[code].low) for code in ("C3", "C4")}
    proved = sledai2k.from_labs(
        codes,
        sledai2k.Labs(
            platelets=wide["PLAT"],
            wbc=wide["WBC"],
            temperature_c=wide["TEMP"],
            # 1 mg/mg is 113.0 mg/mmol of creatinine (113.12 g/mol).
            urine_protein_creatinine_mg_mg=wide["PROTCRT"].to_numpy() / 113.0,
            urine_rbc_per_hpf=wide["URBC"],
            urine_wbc_per_hpf=wide["UWBC"],
            c3=wide["C3"],
            c3_lln=limit["C3"],
            c4=wide["C4"],
            c4_lln=limit["C4"],
            anti_dsdna=wide["DSDNA"],
            anti_dsdna_uln=np.full(len(wide), tests["DSDNA"].high),
        ),
    )
    assert np.array_equal(proved, codes)


def test_active_arthritis_is_two_joints_tender_and_swollen():
    joints = clean_trial()["MK"].pivot(
        on="MKTESTCD", index=["USUBJID", "VISITNUM", "MKLOC"], values="MKSTRESC"
    )
    both = (pl.col("TENDER") == "Y") & (pl.col("SWOLLEN") == "Y")
    active = joints.group_by("USUBJID", "VISITNUM").agg(both.sum().alias("active"))
    arthritis = items(clean_trial(), sledai2k.CATEGORY, SLEDAI).select(
        "USUBJID", "VISITNUM", pl.col("SLED09").alias("arthritis")
    )
    joined = active.join(arthritis, on=["USUBJID", "VISITNUM"])
    assert ((joined["active"] >= 2) == (joined["arthritis"] == 1)).all()


def test_the_form_repeats_the_laboratory():
    wide = items(clean_trial(), bilag2004.CATEGORY, BILAG)
    for code, column, factor in (
        ("HGB", "BIL090", 0.1),
        ("WBC", "BIL091", 1),
        ("CREAT", "BIL086", 1),
    ):
        joined = wide.join(lab(code), on=["USUBJID", "VISITNUM"])
        assert np.allclose(joined[code] * factor, joined[column]), code


def test_new_means_that_it_was_absent_before():
    wide = items(clean_trial(), bilag2004.CATEGORY, BILAG)
    before = pl.col("BIL006").shift(1).over("USUBJID")
    severe = pl.col("BIL005").shift(1).over("USUBJID")
    new = wide.filter((pl.col("BIL006") == 4) & before.is_not_null())
    assert len(new)
    was = wide.with_columns(before.alias("before"), severe.alias("severe"))
    was = was.filter((pl.col("BIL006") == 4) & pl.col("before").is_not_null())
    assert ((was["before"] == 0) & (was["severe"] == 0)).all()


def test_nobody_is_seen_after_the_end_of_treatment_but_at_follow_up():
    last = clean_trial()["DS"].filter(EPOCH="TREATMENT").select("USUBJID", "DSDECOD", "DSSTDTC")
    visits = clean_trial()["SV"].join(last, on="USUBJID")
    late = visits.filter(pl.col("SVSTDTC") > pl.col("DSSTDTC"))
    assert set(late["VISIT"]) <= {"FOLLOW-UP"}
    assert set(late["DSDECOD"]) == {"COMPLETED"}


def test_who_stops_for_an_event_has_it():
    stopped = clean_trial()["DS"].filter(EPOCH="TREATMENT", DSDECOD="ADVERSE EVENT")["USUBJID"]
    blamed = clean_trial()["AE"].filter(AEACN="DRUG WITHDRAWN")["USUBJID"]
    treatment = clean_trial()["DS"].filter(EPOCH="TREATMENT")
    # Some name another reason, but nobody stops for an event that is not there.
    assert set(stopped) < set(blamed)
    assert blamed.is_unique().all()
    others = treatment.filter(pl.col("USUBJID").is_in(blamed.implode()))["DSDECOD"]
    assert not set(others) & {"COMPLETED", "DEATH"}


def test_no_event_twice_as_a_serious_one_and_another():
    events = clean_trial()["AE"].group_by("USUBJID", "AEDECOD").len()
    assert (events["len"] == 1).all()


def test_medicines_change_on_the_day_after_the_old_dose_ends():
    steroid = clean_trial()["CM"].filter(CMCLAS="GLUCOCORTICOID")
    ended = pl.col("CMENDTC").shift(1).over("USUBJID").str.to_date()
    changed = steroid.with_columns(ended.alias("ended")).filter(pl.col("ended").is_not_null())
    assert len(changed)
    begun = changed["CMSTDTC"].str.to_date()
    assert ((begun - changed["ended"]).dt.total_days() == 1).all()


# -- in the long run -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    return simulate(founding()[0], clean(), seed=8, patients=3000)


def test_proportions_are_those_of_the_model(many):
    model, protocol = clean(), founding()[0]
    dm = many["DM"].filter(pl.col("RFSTDTC").is_not_null())
    start = dm.select("USUBJID", "ACTARMCD", "RFSTDTC")
    events = many["AE"].join(start, on="USUBJID").filter(pl.col("AESTDTC") >= pl.col("RFSTDTC"))
    ended = many["DS"].filter(EPOCH="TREATMENT", DSDECOD="COMPLETED")["USUBJID"]
    for name, arm in model.arms.items():
        mine = dm.filter(ACTARMCD=protocol.arms[name].code)["USUBJID"]
        of_arm = events.filter(pl.col("USUBJID").is_in(mine.implode()))
        stops = arm.withdrawn_for_event + arm.withdrawn + arm.death
        serious = of_arm.filter(AESER="Y", AESDTH="N")["USUBJID"].n_unique()
        for expected, found in (
            (1 - stops / (1 - arm.not_treated), mine.is_in(ended.implode()).sum()),
            (arm.serious, serious),
            (arm.related, of_arm.filter(AEREL="RELATED")["USUBJID"].n_unique()),
            (arm.any_event, of_arm["USUBJID"].n_unique()),
        ):
            # Four standard errors; a few patients have their only event before treatment.
            error = 4 * np.sqrt(expected * (1 - expected) / len(mine)) + 0.02
            assert found / len(mine) == pytest.approx(expected, abs=error), name


def test_a_larger_effect_lowers_activity_more(many):
    wide = items(many, sledai2k.CATEGORY, SLEDAI)
    total = sledai2k.score(wide.select(SLEDAI).to_numpy().astype(np.int8)).total
    scores = wide.select("USUBJID", "VISITNUM").with_columns(total=total)
    scores = scores.filter(VISITNUM=8).join(many["DM"], on="USUBJID")
    mean = dict(scores.group_by("ARMCD").agg(pl.col("total").mean()).iter_rows())
    assert mean["IBE045"] < mean["IBE030"] < mean["PBO"]
