"""A simulated trial is reproducible, complete, and says in every row that it is not real."""

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from openlupus import pipeline
from openlupus.errors import SimulationError
from openlupus.records import Records, check, from_frames
from openlupus.records.rules.cross_index import CROSS_INDEX
from openlupus.simulation import simulate, simulate_to
from reference import ROOT
from simulation.trials import clean, clean_trial, founding, small, with_parts

DOMAINS = {
    "DM", "SUPPDM", "EX", "CM", "DS", "AE", "MH", "LB",
    "RS", "QS", "MK", "GF", "VS", "EG", "PC", "DV", "IE", "SV",
}  # fmt: skip


def in_chunks_of(size):
    protocol, model = founding()
    return protocol, with_parts(model, recruitment={"chunk": size})


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    protocol, model = founding()
    for name in ("a", "b"):
        for domain, frame in simulate(protocol, model, seed=3, patients=30).items():
            frame.write_parquet(tmp_path / f"{domain}-{name}.parquet")
    for domain in DOMAINS:
        first, second = (tmp_path / f"{domain}-{name}.parquet" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_another_seed_gives_other_patients():
    protocol, model = founding()
    first, second = (simulate(protocol, model, seed=seed, patients=20)["DM"] for seed in (1, 2))
    assert not first.equals(second)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_answer_does_not_depend_on_the_workers(workers):
    protocol, model = in_chunks_of(12)
    written: dict[tuple[str, int], pl.DataFrame] = {}

    def write(domain, chunk, frame):
        written[domain, chunk] = frame

    if workers:
        with ThreadPoolExecutor(workers) as executor:
            count = simulate_to(write, protocol, model, seed=9, patients=40, executor=executor)
    else:
        count = simulate_to(write, protocol, model, seed=9, patients=40)
    assert count == 4
    for domain, whole in simulate(protocol, model, seed=9, patients=40).items():
        assert_frame_equal(pl.concat([written[domain, i] for i in range(count)]), whole)


def test_a_chunk_is_the_same_whatever_comes_after_it():
    protocol, model = in_chunks_of(10)
    few, many = (simulate(protocol, model, seed=4, patients=n) for n in (10, 30))
    for domain in DOMAINS:
        assert_frame_equal(few[domain], many[domain].head(len(few[domain])))


def test_every_row_of_every_domain_says_synthetic():
    records = clean_trial()
    assert set(records) == DOMAINS
    for domain, frame in records.items():
        assert len(frame), domain
        assert frame["STUDYID"].str.contains("SYNTHETIC").all(), domain
    assert Records({"DM": records["DM"].lazy()}).synthetic


def test_rows_are_sorted_by_subject_and_numbered():
    for domain, frame in clean_trial().items():
        assert frame["USUBJID"].is_sorted(), domain
        if f"{domain}SEQ" in frame.columns:
            number = pl.int_range(1, pl.len() + 1).over("USUBJID").cast(pl.Float64)
            assert frame.select((pl.col(f"{domain}SEQ") == number).all()).item(), domain


def test_screened_and_randomised_are_as_many_as_in_the_trial():
    protocol, model = founding()
    dm = simulate(protocol, model, seed=1)["DM"]
    assert len(dm) == protocol.study.screened == 593
    assert dm["ARMCD"].count() == 289
    assert dm.filter(pl.col("ARMCD").is_null())["ARMNRS"].unique().to_list() == ["SCREEN FAILURE"]


def test_clean_records_break_no_rule():
    protocol, _ = founding()
    findings = check(from_frames(clean_trial()), pipeline.context(protocol)).rows
    # Who was randomised and never treated is a fact worth a note, and no fault.
    broken = set(findings["rule"]) - {"exposure_missing"}
    # What the simulation does not get right is a limit that its page names, and nothing else is.
    limits = (ROOT / "docs" / "guide" / "simulation.md").read_text("utf-8").split("## Limits")[1]
    assert [rule for rule in sorted(broken) if f"`{rule}`" not in limits] == []
    assert broken <= {rule.name for rule in CROSS_INDEX}


def test_faults_are_found_by_the_checks():
    protocol, model = founding()
    rates = dict.fromkeys(type(model.faults).model_fields, 0.02)
    spoilt = simulate(protocol, with_parts(model, faults=rates), seed=2, patients=200)
    findings = check(from_frames(spoilt), pipeline.context(protocol)).rows
    assert {
        "duplicate_keys", "visit_outside_window", "value_out_of_range",
        "item_missing_where_form_done", "end_before_start",
    } <= set(findings["rule"])  # fmt: skip


def test_another_design_is_simulated_too():
    protocol, model = small()
    records = simulate(protocol, model, seed=1, patients=60)
    dm, treated = records["DM"], records["EX"].filter(pl.col("EXDOSE") > 0)
    assert set(dm["ARMCD"].drop_nulls()) == {"ACT", "CTL"}
    assert set(dm["COUNTRY"]) <= {"SWE", "FIN"}
    assert set(treated["EXTRT"]) == {"TESTUMAB"}
    assert set(records["SV"]["VISIT"].str.replace(r" \d.*", "")) <= {
        "SCREENING", "DAY", "MONTH", "UNSCHEDULED"
    }  # fmt: skip
    strata = records["SUPPDM"].join(dm, on="USUBJID").filter(QNAM="SEXSTR")
    wrong = strata.filter((pl.col("QVAL") == "WOMEN") != (pl.col("SEX") == "F"))
    assert len(wrong) <= 5


@pytest.mark.parametrize("patients", [1, 2, 3])
def test_a_trial_may_be_tiny(patients):
    protocol, model = founding()
    records = simulate(protocol, model, seed=1, patients=patients)
    assert records["DM"]["ARMCD"].count() == patients
    from_frames(records)


def test_first_subject_only_renumbers():
    protocol = founding()[0]
    near = simulate(protocol, clean(), seed=1, patients=5)["RS"]
    far = simulate(protocol, clean(), seed=1, patients=5, first_subject=500)["RS"]
    assert near.drop("USUBJID").equals(far.drop("USUBJID"))
    assert far["USUBJID"].min() == "NCT03161483-0000501"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1, "patients": 0}, "patients must be a whole number of at least 1, not 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
    ],
)
def test_refuses_numbers_that_cannot_be(options, message):
    with pytest.raises(SimulationError) as refusal:
        simulate(*founding(), **options)
    assert str(refusal.value) == message


def test_refuses_criteria_that_nobody_meets():
    protocol, model = founding()
    with pytest.raises(SimulationError, match="criteria of \\[screening\\]"):
        simulate(protocol, with_parts(model, screening={"total": 100}), seed=1, patients=5)


def test_further_measurements_change_nothing_else():
    protocol, model = small()
    less = with_parts(model, laboratory={"further": ()})
    more = simulate(protocol, model, seed=5, patients=30)
    few = simulate(protocol, less, seed=5, patients=30)
    assert set(more) - set(few) == {"EG", "PC"}
    codes = [test.code for test in model.laboratory.further]
    for name, frame in few.items():
        same = more[name]
        if name == "LB":
            assert same.filter(pl.col("LBTESTCD").is_in(codes)).height
            same = same.filter(~pl.col("LBTESTCD").is_in(codes))
        assert_frame_equal(same, frame)


def test_the_measured_qt_interval_belongs_to_the_corrected_one_and_the_rate():
    protocol, model = small()
    eg = simulate(protocol, model, seed=5, patients=30)["EG"]
    wide = eg.pivot("EGTESTCD", index=["USUBJID", "VISITNUM"], values="EGSTRESN")
    expected = wide["QTCFAG"] * (60 / wide["EGHRMN"]).cbrt()
    assert ((wide["QTAG"] - expected).abs() <= 0.5).all()


def test_a_concentration_is_there_only_while_the_drug_is_taken():
    records = clean_trial()
    taken = {r["USUBJID"] for r in records["EX"].to_dicts() if r["EXDOSE"] > 0}
    assert set(records["PC"]["USUBJID"]) <= taken
    protocol, model = small()
    assert {arm.dose for arm in protocol.arms.values()} == {0, 100}
    wrong = with_parts(model, laboratory={
        "further": (model.laboratory.further[0].model_copy(update={"visits": ("NONE",)}),)
    })  # fmt: skip
    with pytest.raises(SimulationError, match=r"laboratory.further, ALB: visits: 'NONE'"):
        simulate(protocol, wrong, seed=1, patients=5)


def test_without_strata_or_deviations_the_domains_keep_their_columns():
    protocol, model = small()
    plain = protocol.model_copy(update={"strata": {}})
    bare = with_parts(model.model_copy(update={"strata": {}}), conduct={"deviations": ()})
    usual, frames = simulate(*founding(), seed=1, patients=5), simulate(plain, bare, seed=1)
    for domain in ("SUPPDM", "DV"):
        assert frames[domain].is_empty()
        assert frames[domain].schema == usual[domain].schema
    from_frames(frames)
