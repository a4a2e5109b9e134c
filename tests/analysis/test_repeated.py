"""Mixed models and cLDA against the formula interface and by hand; and what cannot be fitted."""

import numpy as np
import polars as pl
import pytest

from openlupus import clda, mmrm
from openlupus.errors import AnalysisError, ProtocolError

SCHEDULE = """
[[schedule.visit]]
id = "W4"
label = "Week 4"
number = 4
day = 29
window = [15, 42]

[[schedule.visit]]
id = "W8"
label = "Week 8"
number = 8
day = 57
window = [43, 70]

[analysis.change]
dataset = "ADQS"
population = "all"
compare = { test = ["high", "low"], control = "placebo", pairs = [["high", "low"]] }
"""
SIZES = {"H": 18, "L": 16, "P": 17}
ARM = {"H": "high", "L": "low", "P": "placebo"}


def declared(options: str = "") -> str:
    return SCHEDULE + (
        'method = { name = "mmrm", variable = "CHG", covariates = ["BASE"], factors = ["SITE"],'
        f' by_visit = ["BASE"]{options} }}'
    )


@pytest.fixture
def frames(adsl):
    rng = np.random.default_rng(11)
    n = sum(SIZES.values())
    sites = [str(s) for s in rng.integers(1, 4, n)]
    subjects = adsl(SIZES, SITE=sites)
    base = rng.normal(20, 4, n)
    own = rng.normal(0, 2, n)
    dose = np.array([2.0] * 18 + [1.0] * 16 + [0.0] * 17)
    rows = [{"USUBJID": u, "AVISITN": 0.0, "ABLFL": "Y", "BASE": b, "CHG": None, "AVAL": b}
            for u, b in zip(subjects["USUBJID"], base, strict=True)]  # fmt: skip
    for week in (4.0, 8.0, 12.0):
        change = own - dose * week / 4 - 0.2 * (base - 20) + rng.normal(0, 1.5, n)
        rows += [
            {"USUBJID": u, "AVISITN": week, "ABLFL": "", "BASE": b, "CHG": c, "AVAL": b + c}
            for u, b, c in zip(subjects["USUBJID"], base, change, strict=True)
            if rng.random() > 0.06 * week / 4
        ]
    return {"ADSL": subjects, "ADQS": pl.DataFrame(rows, infer_schema_length=None)}


def long(frames, *, baseline: bool = False) -> pl.DataFrame:
    names = {0.0: "0", 4.0: "4", 8.0: "8", 12.0: "12"}
    order = pl.Enum(list(names.values()) if baseline else list(names.values())[1:])
    table = frames["ADQS"].join(frames["ADSL"], on="USUBJID")
    table = table.filter(True if baseline else pl.col("AVISITN") > 0)
    return table.with_columns(
        pl.col("AVISITN").replace_strict(names).cast(order).alias("V"),
        pl.col("ARMCD").cast(pl.Enum(["H", "L", "P"])).alias("A"),
    )


def test_equals_the_formula_of_the_same_model(analysed, frames, value):
    results = analysed(declared(), **frames)
    formula = "CHG ~ A*V + SITE + BASE + BASE:V + us(V | USUBJID)"
    model = mmrm(formula, long(frames), vcov="kenward-roger-sas")
    means = {(a, v): row for a, v, *row in model.lsmeans("A", "V").rows()}
    for code, arm in ARM.items():
        for week in ("4", "8", "12"):
            key = {"parameter": "CHG", "visit": f"W{week}", "group": arm}
            names = ("lsmean", "se", "df", "lower", "upper")
            got = [value(results, "change", name, **key) for name in names]
            estimate, se, df, _, _, lower, upper = means[code, week]
            assert got == pytest.approx([estimate, se, df, lower, upper], rel=1e-6)
    found = model.differences("A", by="V", control="L")
    row = found.filter((pl.col("contrast") == "H - L") & (pl.col("V") == "8")).row(0, named=True)
    key = {"parameter": "CHG", "visit": "W8", "group": "high", "comparator": "low"}
    assert value(results, "change", "difference", **key) == pytest.approx(row["estimate"], rel=1e-6)
    assert value(results, "change", "p", **key) == pytest.approx(row["p"], rel=1e-6)


def test_over_the_visits_is_the_mean_of_the_visits(analysed, frames, value):
    results = analysed(declared(", overall = true"), **frames)
    key = {"parameter": "CHG", "group": "high", "comparator": "placebo"}
    each = [value(results, "change", "difference", visit=v, **key) for v in ("W4", "W8", "W12")]
    assert value(results, "change", "difference", **key) == pytest.approx(np.mean(each))
    assert value(results, "change", "n", parameter="CHG", group="high") == 18


def test_clda_shares_the_baseline_and_gives_changes(analysed, frames, value):
    options = SCHEDULE + (
        'method = { name = "mmrm", variable = "AVAL", factors = ["SITE"],'
        " baseline_as_response = true }"
    )
    results = analysed(options, **frames)
    model = clda(
        "AVAL ~ SITE + us(V | USUBJID)", long(frames, baseline=True), arm="A", baseline="0",
        control="P",
    )  # fmt: skip
    found = dict(model.coefficients().select("term", "estimate").rows())
    for code in ("H", "L"):
        key = {"parameter": "AVAL", "visit": "W12", "group": ARM[code], "comparator": "placebo"}
        got = value(results, "change", "difference", **key)
        assert got == pytest.approx(found[f"A{code}:V12"], rel=1e-5)
    mean = value(results, "change", "lsmean", parameter="AVAL", visit="W12", group="placebo")
    assert mean == pytest.approx(found["V12"], rel=1e-5)
    assert results.notes["change"].count("Constrained longitudinal data analysis of AVAL") == 1


def test_the_logarithm_gives_ratios(analysed, frames, value):
    frames["ADQS"] = frames["ADQS"].with_columns(
        R=pl.when(pl.col("AVISITN") > 0).then((pl.col("CHG") / 10).exp())
    )
    text = declared().replace('variable = "CHG"', 'variable = "R", scale = "log"')
    logged, plain = analysed(text, **frames), analysed(declared(), **frames)
    key = {"visit": "W8", "group": "high", "comparator": "placebo"}
    difference = value(plain, "change", "difference", parameter="CHG", **key)
    got = value(logged, "change", "ratio", parameter="R", **key)
    assert got == pytest.approx(np.exp(difference / 10), rel=1e-6)
    assert not logged.find(analysis="change", statistic="difference", parameter="R", **key)


def test_a_structure_that_fails_gives_way_and_is_told(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].filter(
        (pl.col("USUBJID") < "S004") | ((pl.col("USUBJID") > "S017") & (pl.col("USUBJID") < "S022"))
        | (pl.col("USUBJID") > "S047")
    )  # fmt: skip
    text = SCHEDULE + ('method = { name = "mmrm", variable = "CHG", covariance = ["us", "cs"] }')
    found = row(
        analysed(text, **frames), "change", "difference", parameter="CHG", visit="W8",
        group="high", comparator="placebo",
    )  # fmt: skip
    assert found.value is not None or "us" in found.warnings


def test_an_arm_without_records_leaves_the_others(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].filter(pl.col("USUBJID") < "S034")
    results = analysed(declared(), **frames)
    key = {"parameter": "CHG", "visit": "W8"}
    gone = row(results, "change", "difference", group="high", comparator="placebo", **key)
    assert gone.value is None
    assert "placebo has no record at W8 in the model" in gone.warnings
    kept = row(results, "change", "difference", group="high", comparator="low", **key)
    assert kept.value is not None


def test_nobody_has_a_record(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].clear()
    found = row(
        analysed(declared(), **frames), "change", "lsmean", parameter="CHG", visit="W8",
        group="high",
    )  # fmt: skip
    assert (found.value, found.n) == (None, 0)
    assert "fewer than two arms have records" in found.warnings


def test_records_with_a_missing_value_are_left_out_and_told(analysed, frames, row):
    frames["ADQS"] = frames["ADQS"].with_columns(
        BASE=pl.when(pl.col("USUBJID") == "S000").then(None).otherwise("BASE")
    )
    found = row(
        analysed(declared(), **frames), "change", "lsmean", parameter="CHG", visit="W4",
        group="low",
    )  # fmt: skip
    assert "record(s) with a missing value are left out" in found.warnings


def test_two_records_at_a_visit_are_refused(analysed, frames):
    frames["ADQS"] = pl.concat([frames["ADQS"], frames["ADQS"]])
    with pytest.raises(AnalysisError, match="several records in ADQS at a visit"):
        analysed(declared(), **frames)


def test_a_group_of_arms_is_refused(analysed, frames):
    text = declared().replace("population", 'groups = ["active"]\npopulation', 1)
    with pytest.raises(AnalysisError, match="active is a group of several"):
        analysed(text, **frames)


def test_an_unknown_visit_is_refused(declare):
    with pytest.raises(ProtocolError, match='visit "W99" is not declared'):
        declare(declared(', visits = ["W99"]'))


def test_every_option_is_said(analysed, frames):
    said = analysed(declared(', df = "satterthwaite", weights = "observed"'), **frames).notes
    for words in (
        "Mixed model for repeated measures of CHG (ADQS) at Week 4, Week 8 and Week 12",
        "Terms: arm, visit, arm by visit, SITE, BASE and BASE by visit (BASE as numbers).",
        "unstructured, the same in all arms",
        "Degrees of freedom by Satterthwaite",
        "as often as they occur among the records",
    ):
        assert words in said["change"]


def test_effects_may_differ_by_arm(analysed, frames, value):
    results = analysed(declared(', by_arm = ["SITE"]'), **frames)
    model = mmrm("CHG ~ A*V + SITE + BASE + BASE:V + A:SITE + us(V | USUBJID)", long(frames))
    found = {(a, v): row for a, v, *row in model.lsmeans("A", "V").rows()}
    got = value(results, "change", "lsmean", parameter="CHG", visit="W8", group="low")
    assert got == pytest.approx(found["L", "8"][0], rel=1e-6)


def test_clda_has_no_arm_to_differ_by(declare):
    text = declared(', by_arm = ["SITE"], baseline_as_response = true')
    with pytest.raises(ProtocolError, match="a cLDA has no term of the arm"):
        declare(text)


def test_a_factor_with_one_level_is_left_out_and_told(analysed, frames, row):
    frames["ADSL"] = frames["ADSL"].with_columns(SITE=pl.lit("1"))
    found = row(
        analysed(declared(), **frames), "change", "lsmean", parameter="CHG", visit="W8",
        group="high",
    )  # fmt: skip
    assert found.value is not None
    assert "SITE has one level and is left out" in found.warnings
