"""Every rule: silent on a faultless trial, and telling the one fault that is put into it."""

from collections.abc import Callable

import polars as pl
import pytest

from openlupus.records import RULES, CheckContext, check, from_frames
from openlupus.records.rules.cross_index import CROSS_INDEX

Trial = dict[str, pl.DataFrame]


def put(domain: str, row: int = 0, **values: object) -> Callable[[Trial], Trial]:
    """Other values in one row of a domain."""

    def change(trial: Trial) -> Trial:
        frame = trial[domain]
        at = pl.int_range(pl.len()) == row
        changed = [
            pl.when(at).then(pl.lit(value)).otherwise(
                pl.col(name) if name in frame.columns else pl.lit(None)
            ).alias(name)
            for name, value in values.items()
        ]  # fmt: skip
        return trial | {domain: frame.with_columns(changed)}

    return change


def repeat(domain: str, **values: object) -> Callable[[Trial], Trial]:
    """The first row of a domain once more, with other values."""

    def change(trial: Trial) -> Trial:
        frame = trial[domain]
        literals = [pl.lit(v, frame.schema[n]).alias(n) for n, v in values.items()]
        return trial | {domain: pl.concat([frame, frame.head(1).with_columns(literals)])}

    return change


def without(domain: str, *where: pl.Expr) -> Callable[[Trial], Trial]:
    """A domain without the rows that meet all conditions."""
    return lambda trial: trial | {domain: trial[domain].filter(~pl.all_horizontal(where))}


def both(*changes: Callable[[Trial], Trial]) -> Callable[[Trial], Trial]:
    def change(trial: Trial) -> Trial:
        for one in changes:
            trial = one(trial)
        return trial

    return change


def steroid(**values: object) -> Callable[[Trial], Trial]:
    """A glucocorticoid of one subject, faultless but for these values."""
    row = {
        "STUDYID": "X", "DOMAIN": "CM", "USUBJID": "X-01", "CMSEQ": 1.0, "CMTRT": "PREDNISONE",
        "CMCLAS": "GLUCOCORTICOID", "CMDOSE": 5.0, "CMDOSU": "mg", "CMDOSFRQ": "QD",
        "CMROUTE": "ORAL", "CMSTDTC": "2019-12", "CMENDTC": "2020-03-01",
    }  # fmt: skip
    return lambda trial: trial | {"CM": pl.DataFrame([row | values])}


PGA_AT_BASELINE = (
    pl.col("USUBJID") == "X-02",
    pl.col("RSCAT") == "PGA",
    pl.col("RSDTC") <= "2020-01-15",
)

# Rule, what is done to the trial, and the finding: domain, key, field, value.
FAULTS = [
    ("key_missing", put("AE", AESEQ=None), ("AE", "X-01|", "AESEQ", "")),
    ("duplicate_keys", repeat("AE"), ("AE", "X-01|1", "AESEQ", "1")),
    ("duplicate_keys", repeat("DM"), ("DM", "X-01", "USUBJID", "X-01")),
    ("subject_not_in_dm", put("LB", USUBJID="X-99"), ("LB", "X-99", "USUBJID", "X-99")),
    ("study_not_one", put("AE", STUDYID="Y"), ("AE", "Y", "STUDYID", "Y")),
    (
        "supplement_without_row",
        put("SUPPAE", IDVARVAL="7"),
        ("SUPPAE", "X-01|AESEQ|7|AETRTEM", "IDVARVAL", "7"),
    ),
    ("arm_unknown", put("DM", ARMCD="A", ACTARMCD="ACT"), ("DM", "X-01", "ARMCD", "A")),
    ("subject_in_two_arms", repeat("DM", ARMCD="PBO"), ("DM", "X-01", "ARMCD", "ACT, PBO")),
    ("arm_missing_without_reason", put("DM", ARMCD=None), ("DM", "X-01", "ARMCD", "")),
    ("actual_arm_differs", put("DM", ACTARMCD="PBO"), ("DM", "X-01", "ACTARMCD", "PBO")),
    ("dosed_without_arm", put("DM", ARMCD="SCRNFAIL"), ("DM", "X-01", "ARMCD", "SCRNFAIL")),
    (
        "exposure_missing",
        without("EX", pl.col("USUBJID") == "X-01"),
        ("DM", "X-01", "ARMCD", "ACT"),
    ),
    ("controlled_term_unknown", put("DM", SEX="female"), ("DM", "X-01", "SEX", "female")),
    ("value_out_of_range", put("DM", AGE=121.0), ("DM", "X-01", "AGE", "121")),
    ("value_out_of_range", put("RS", RSSTRESC="X"), ("RS", "X-01|1", "RSSTRESC", "X")),
    (
        "value_out_of_range",
        put("RS", 24, RSSTRESC="3.1", RSSTRESN=3.1),
        ("RS", "X-01|25", "RSSTRESC", "3.1"),
    ),
    ("item_unknown", put("RS", RSTESTCD="SLED25"), ("RS", "X-01|1", "RSTESTCD", "SLED25")),
    ("result_although_not_done", put("RS", RSSTAT="NOT DONE"), ("RS", "X-01|1", "RSSTAT", "N")),
    ("result_disagrees", put("LB", LBSTRESC="13"), ("LB", "X-01|1", "LBSTRESN", "130")),
    ("unit_unknown", put("EX", EXDOSU="Mg"), ("EX", "X-01|1", "EXDOSU", "Mg")),
    *(
        ("glucocorticoid_unreadable", steroid(**{column: None}), ("CM", "X-01|1", column, ""))
        for column in ("CMSTDTC", "CMROUTE", "CMDOSE", "CMDOSU", "CMDOSFRQ")
    ),
    ("glucocorticoid_unreadable", steroid(), None),
    ("glucocorticoid_unreadable", steroid(CMROUTE="TOPICAL", CMDOSE=None, CMDOSFRQ=None), None),
    ("glucocorticoid_unreadable", steroid(CMCLAS="ANTIMALARIAL", CMDOSE=None), None),
    ("unit_not_one", put("LB", LBSTRESU="g/dL"), ("LB", "HGB", "LBSTRESU", "g/L, g/dL")),
    (
        "item_missing_where_form_done",
        without("RS", pl.col("USUBJID") == "X-02", pl.col("RSSEQ") == 7),
        ("RS", "X-02|SLEDAI-2K|1", "RSTESTCD", "SLED07"),
    ),
    (
        "item_missing_where_form_done",
        put("RS", RSSTRESC=None, RSORRES=None),
        ("RS", "X-01|SLEDAI-2K|1", "RSTESTCD", "SLED01"),
    ),
    (
        "item_twice_at_visit",
        repeat("RS", RSSEQ=99),
        ("RS", "X-01|SLEDAI-2K|SLED01|1", "RSTESTCD", "N, N"),
    ),
    ("baseline_missing", without("RS", *PGA_AT_BASELINE), ("RS", "X-02|PGA", "RSDTC", "")),
    ("date_not_iso", put("AE", AEENDTC="30JAN2020"), ("AE", "X-01|1", "AEENDTC", "30JAN2020")),
    ("date_not_iso", put("AE", AEENDTC="2020-02-30"), ("AE", "X-01|1", "AEENDTC", "2020-02-30")),
    (
        "date_before_birth",
        lambda trial: trial | {"MH": _history(trial)},
        ("MH", "X-01|1", "MHSTDTC", "1979"),
    ),
    ("date_before_consent", put("LB", LBDTC="2019-12-31"), ("LB", "X-01|1", "LBDTC", "2019-12-31")),
    (
        "date_after_death",
        put("DM", DTHDTC="2020-02-12", DTHFL="Y", RFENDTC="2020-02-12"),
        None,
    ),
    (
        "date_after_death",
        both(put("DM", DTHDTC="2020-03-02"), put("AE", AESTDTC="2020-03-03")),
        ("AE", "X-01|1", "AESTDTC", "2020-03-03"),
    ),
    ("end_before_start", put("AE", AEENDTC="2019"), ("AE", "X-01|1", "AEENDTC", "2019")),
    ("end_before_start", put("DM", RFENDTC="2020-01-14"), ("DM", "X-01", "RFENDTC", "2020-01-14")),
    ("age_disagrees_with_birth", put("DM", AGE=45.0), ("DM", "X-01", "AGE", "45")),
    ("death_not_in_dm", put("AE", AEOUT="FATAL"), ("AE", "X-01|1", "AEOUT", "FATAL")),
    ("death_flag_disagrees", put("DM", DTHDTC="2020-04"), ("DM", "X-01", "DTHFL", "")),
    (
        "treatment_before_randomisation",
        put("DS", DSSTDTC="2020-01-16"),
        ("EX", "X-01|1", "EXSTDTC", "2020-01-15"),
    ),
    (
        "dose_after_discontinuation",
        both(
            put("DS", 3, DSDECOD="ADVERSE EVENT", DSSTDTC="2020-02-01"),
            repeat("EX", EXSEQ=2.0, EXSTDTC="2020-02-02"),
        ),
        ("EX", "X-01|2", "EXSTDTC", "2020-02-02"),
    ),
    (
        "related_before_treatment",
        put("AE", AESTDTC="2020-01-14"),
        ("AE", "X-01|1", "AEREL", "RELATED"),
    ),
    *[
        ("event_incomplete", put("AE", **{column: None}), ("AE", "X-01|1", column, ""))
        for column in ("AESEV", "AESER", "AEREL", "AESTDTC")
    ],
    ("visit_unknown", put("LB", VISITNUM=9.0, VISIT="WEEK 9"), ("LB", "X-01|9", "VISIT", "WEEK 9")),
    ("visit_unknown", put("LB", VISITNUM=9.1, VISIT="UNSCHEDULED 9.1"), None),
    (
        "visit_outside_window",
        put("SV", 2, SVSTDTC="2020-02-20"),
        ("SV", "X-01|3", "SVSTDTC", "2020-02-20"),
    ),
    ("visit_name_not_one", put("LB", VISIT="BASE"), ("LB, RS, SV", "2", "VISIT", "BASE, BASELINE")),
    (
        "visits_out_of_order",
        put("SV", 2, SVSTDTC="2020-01-14"),
        ("SV", "X-01|3", "SVSTDTC", "2020-01-14"),
    ),
]  # fmt: skip


def _history(trial: Trial) -> pl.DataFrame:
    keys = trial["DM"].head(1).select("STUDYID", "USUBJID")
    return keys.with_columns(MHSEQ=1.0, MHTERM=pl.lit("RASH"), MHSTDTC=pl.lit("1979"))


def broken(trial: Trial, context: CheckContext) -> pl.DataFrame:
    return check(from_frames(trial), context).rows


def test_faultless_trial_breaks_no_rule(trial: Trial, context: CheckContext) -> None:
    assert broken(trial, context).is_empty()


@pytest.mark.parametrize(("rule", "change", "expected"), FAULTS)
def test_rule_tells_the_fault(rule, change, expected, trial: Trial, context: CheckContext) -> None:
    only = [each for each in RULES if each.name == rule]
    rows = check(from_frames(change(trial)), context, rules=only).rows
    found = rows.select("domain", "key", "field", "value").rows()
    assert found == ([expected] if expected else [])
    assert all(rows["message"].str.len_chars() > 10)


def test_every_rule_has_a_fault_of_its_own_here() -> None:
    tested = {rule for rule, *_ in FAULTS} | {"unknown_column_type"}
    elsewhere = {rule.name for rule in CROSS_INDEX}  # test_cross_index.py
    assert {rule.name for rule in RULES} == tested | elsewhere


def test_unknown_column_type(trial: Trial, context: CheckContext) -> None:
    listed = trial["AE"].with_columns(AEMORE=pl.concat_list("AETERM"))
    found = broken(trial | {"AE": listed}, context)
    assert found.select("rule", "field").rows() == [("unknown_column_type", "AEMORE")]


def test_bilag_scale_and_gaps_come_from_the_form(trial: Trial, context: CheckContext) -> None:
    codes = {
        "BIL001": "5",
        "BIL005": "4",
        "BIL080": "3",
        "BIL078A": "N",
        "BILH01": "Y",
        "BIL094": "-1",
    }
    base = trial["RS"].head(1)
    rows = [
        base.with_columns(
            RSSEQ=pl.lit(900 + i, pl.Int64),
            RSCAT=pl.lit("BILAG-2004"),
            RSTESTCD=pl.lit(code),
            RSSTRESC=pl.lit(value),
        )
        for i, (code, value) in enumerate(codes.items())
    ]
    found = broken(trial | {"RS": pl.concat([trial["RS"], *rows])}, context)
    off = found.filter(rule="value_out_of_range").select("key", "value").rows()
    assert off == [("X-01|900", "5"), ("X-01|902", "3"), ("X-01|905", "-1")]


def test_partial_date_breaks_a_rule_only_if_every_day_does(trial, context) -> None:
    assert broken(put("LB", LBDTC="2020")(trial), context).is_empty()
    assert broken(put("AE", AESTDTC="2020-01")(trial), context).is_empty()


def test_not_done_is_no_missing_item(trial: Trial, context: CheckContext) -> None:
    not_done = put("RS", RSSTAT="NOT DONE", RSSTRESC=None, RSORRES=None)(trial)
    assert broken(not_done, context).is_empty()


def test_nothing_declared_nothing_compared(trial: Trial) -> None:
    strange = put("DM", ARMCD="A", ACTARMCD="A")(put("LB", VISITNUM=9.0, VISIT="W9")(trial))
    assert broken(strange, CheckContext()).is_empty()
