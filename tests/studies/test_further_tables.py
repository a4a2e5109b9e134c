"""Further tables of the CDISC pilot, declared beside the shipped ones without touching the code.

`further/tables.toml` is what a user adds to the declaration. No printed copy is at hand, so every
cell is computed here by other means: group_by on the given files, statsmodels, and enumeration.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import product
from math import comb
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf

from openlupus import pipeline
from openlupus.derivation import AnalysisData
from openlupus.display import TableModel
from openlupus.exchange.study import SHIPPED, Study
from openlupus.protocol import Protocol, parse
from openlupus.results import Results
from reference import ROOT, need_reference

pytestmark = pytest.mark.cdisc

ARMS = {"placebo": "Placebo", "low": "Xanomeline Low Dose", "high": "Xanomeline High Dose"}
CHEMISTRY = (
    "ALT", "ALB", "ALP", "AST", "BILI", "CA", "CL", "CHOL", "CK", "CREAT", "GGT", "GLUC", "PHOS",
    "K", "PROT", "SODIUM", "URATE", "BUN",
)  # fmt: skip
WEEKS = [f"Week {week}" for week in (2, 4, 6, 8, 12, 16, 20, 24)]


@cache
def study() -> Study:
    """The shipped declaration and the further tables, in a folder of their own."""
    shipped = (SHIPPED / "cdiscpilot01" / "study.toml").read_text("utf-8")
    further = (Path(__file__).parent / "further" / "tables.toml").read_text("utf-8")
    with TemporaryDirectory() as folder:
        declaration = Path(folder) / "study.toml"
        declaration.write_text(shipped + further, "utf-8")
        return pipeline.load(declaration, data=need_reference() / "cdisc_pilot")


def given() -> Mapping[str, pl.DataFrame]:
    return study().given


def protocol() -> Protocol:
    return study().protocol


@cache
def run() -> tuple[Study, AnalysisData, Results]:
    """The further analyses alone, and what their tables share with the shipped ones."""
    data = pipeline.derive(study())
    shipped = pipeline.load_protocol(SHIPPED / "cdiscpilot01")
    only = [name for name in protocol().analyses if name not in shipped.analyses]
    return study(), data, pipeline.analyse(study(), data, only=[*only, "populations"])


@cache
def table(name: str) -> TableModel:
    (made,) = pipeline.displays(*run(), only=[name])
    assert isinstance(made, TableModel)
    return made


def cells(name: str) -> dict[tuple[str, str], str]:
    """Text by row key and column key."""
    made = table(name)
    keys = [column.key for column in made.columns]
    return {
        (row.key, key): cell.text
        for row in made.rows
        for key, cell in zip(keys, row.cells, strict=True)
        if cell.text
    }


def up(value: float, digits: int) -> str:
    """Half away from zero on 12 significant digits."""
    exact = Decimal(f"{value:.12g}")
    text = str(exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))
    return text.lstrip("-") if float(text) == 0 else text


def share(n: int, among: int, blank: str = " ") -> str:
    return f"{n}{blank}({up(100 * n / among, 0)}%)"


def subjects(frame: pl.DataFrame, **where: object) -> int:
    return frame.filter(**where)["USUBJID"].n_unique()


def adsl(flag: str) -> pl.DataFrame:
    return given()["ADSL"].filter(pl.col(flag) == "Y")


def exact_p(table: list[list[int]]) -> float:
    """Fisher's exact P of arms against yes and no, by going through every table."""
    sizes, events = [yes + no for yes, no in table], sum(yes for yes, _ in table)

    def ways(counts: tuple[int, ...]) -> int:
        one = 1
        for size, n in zip(sizes, counts, strict=True):
            one *= comb(size, n)
        return one

    every = [
        (*first, events - sum(first))
        for first in product(*(range(min(size, events) + 1) for size in sizes[:-1]))
        if 0 <= events - sum(first) <= sizes[-1]
    ]
    seen = ways(tuple(yes for yes, _ in table))
    return sum(ways(one) for one in every if ways(one) <= seen) / comb(sum(sizes), events)


def test_end_of_study():
    ours, people = cells("end_of_study"), adsl("ITTFL")
    rows = {
        "Completion Status:|Completed Week 24": {"COMP24FL": "Y"},
        "Completion Status:|Early Termination (prior to Week 24)": {"COMP24FL": "N"},
    }
    reasons = {
        "Adverse Event": "Adverse Event", "Death": "Death",
        "Lack of efficacy[2]": "Lack of Efficacy", "Lost to Follow-up": "Lost to Follow-up",
        "Subject decided to withdraw": "Withdrew Consent",
        "Physician decided to withdraw subject": "Physician Decision",
        "Protocol criteria not met": "I/E Not Met", "Protocol violation": "Protocol Violation",
        "Sponsor decision": "Sponsor Decision",
    }  # fmt: skip
    heading = "Reason for Early Termination (prior to Week 24):"
    for label, reason in reasons.items():
        rows[f"{heading}|{label}"] = {"COMP24FL": "N", "DCSREAS": reason}
    for key, where in rows.items():
        counts = [
            [subjects(people, TRT01P=arm, **where), subjects(people, TRT01P=arm)]
            for arm in ARMS.values()
        ]
        for arm, (n, size) in zip(ARMS, counts, strict=True):
            assert ours[key, arm] == (share(n, size) if n else "0 (0%)"), key
        total = subjects(people, **where)
        assert ours[key, "total"] == share(total, people.height), key
        if (key, "p") in ours:
            p = exact_p([[n, size - n] for n, size in counts])
            assert ours[key, "p"] == ("<.0001" if p < 0.0001 else up(p, 4)), key
    assert sum(column == "p" for _, column in ours) == 3


def test_subjects_by_site():
    ours, people = cells("sites"), adsl("ITTFL")
    flags = {"itt": "ITTFL", "efficacy": "EFFFL", "week24": "COMP24FL"}
    expected: dict[tuple[str, str], str] = {}
    for (pooled, site), inside in people.group_by("SITEGR1", "SITEID"):
        for arm, code in {**ARMS, "total": list(ARMS.values())}.items():
            of_arm = inside.filter(
                pl.col("TRT01P").is_in([code] if isinstance(code, str) else code)
            )
            for key, flag in flags.items():
                n = subjects(of_arm, **{flag: "Y"})
                expected[f"{pooled}|{site}", f"{arm}_{key}"] = str(n)
    assert {key: text for key, text in ours.items() if key[0] != "TOTAL"} == expected
    assert [row.labels for row in table("sites").rows[:-1]] == sorted(
        people.select("SITEGR1", "SITEID").unique().rows()
    )
    assert ours["TOTAL", "total_efficacy"] == str(subjects(people, EFFFL="Y"))


def number(values: pl.Series, digits: Mapping[str, int]) -> dict[str, str]:
    """Printed moments of a variable."""
    known = values.drop_nulls()
    moments: dict[str, Callable[[], float]] = {
        "mean": lambda: float(known.mean()), "sd": lambda: float(known.std()),
        "median": lambda: float(known.median()), "min": lambda: float(known.min()),
        "max": lambda: float(known.max()),
    }  # fmt: skip
    return {"n": str(known.len()), **{m: up(moments[m](), d) for m, d in digits.items()}}


def test_exposure_in_two_populations():
    ours, expected = cells("exposure"), dict[tuple[str, str], str]()
    labels = {"n": "n", "mean": "Mean", "sd": "SD", "median": "Median", "min": "Min", "max": "Max"}
    digits = {"mean": 1, "sd": 2, "median": 1, "min": 1, "max": 1}
    variables = {
        "Average daily dose (mg)": "AVGDD", "Cumulative dose at end of study": "CUMDOSE"
    }  # fmt: skip
    for flag, prefix in (("SAFFL", ""), ("COMP24FL", "c_")):
        for arm, code in ARMS.items():
            people = adsl(flag).filter(TRT01A=code)
            for heading, variable in variables.items():
                for moment, text in number(people[variable], digits).items():
                    expected[f"{heading}|{labels[moment]}", f"{prefix}{arm}"] = text
    assert ours == expected
    assert [h.text for h in table("exposure").columns][:2] == [
        "Placebo\n(N=60)", "Xanomeline\nLow Dose\n(N=28)"
    ]  # fmt: skip


def test_weight_by_arm_and_visit():
    records = given()["ADVS"].filter(PARAMCD="WEIGHT", ANL01FL="Y", SAFFL="Y")
    digits = {"mean": 1, "sd": 1, "median": 1, "min": 1, "max": 1}
    short = {"placebo": "Placebo", "low": "Xan.Low", "high": "Xan.High"}
    expected: dict[tuple[str, str], str] = {}
    for measure, variable in (("Weight (kg)", "AVAL"), ("Weight Change from Baseline", "CHG")):
        visits = {"Baseline": "Baseline", "Week 24": "Week 24", "End of Treatment": "End of Trt."}
        for (arm, code), (visit, label) in product(ARMS.items(), visits.items()):
            if variable == "CHG" and visit == "Baseline":
                continue
            size = subjects(adsl("SAFFL"), TRT01A=code)
            here = records.filter(TRTA=code, AVISIT=visit)
            for moment, text in number(here[variable], digits).items():
                expected[f"{measure}|{short[arm]}|{size}|{label}", moment] = text
    assert cells("weight") == expected
    assert table("weight").rows[1].labels == ("", "", "", "Week 24")


def test_laboratory_values_against_the_range():
    records = given()["ADLBC"].filter(ANL01FL="Y", SAFFL="Y").filter(pl.col("AVISITN") != 99)
    labels, ours = protocol().displays["chemistry_range"], cells("chemistry_range")
    for code in CHEMISTRY:
        key = f"CHEMISTRY|{labels.labels[code]}"
        here = records.filter(PARAMCD=code).filter(pl.col("LBNRIND").is_not_null())
        for (arm, of), level in product(ARMS.items(), ("LOW", "NORMAL", "HIGH")):
            n, among = subjects(here, TRTA=of, LBNRIND=level), subjects(here, TRTA=of)
            assert ours[key, f"{arm}_{level}"] == (share(n, among, "") if n else "0"), (key, level)
        if not subjects(here, LBNRIND="LOW"):
            counts = [
                [subjects(here, TRTA=of, LBNRIND=level) for level in ("HIGH", "NORMAL")]
                for of in ARMS.values()
            ]
            assert ours[key, "p"] == up(exact_p(counts), 3)
    assert len(ours) == len(CHEMISTRY) * 10


def shifts(here: pl.DataFrame, start: str, end: str, levels: tuple[object, object]):
    """Arm and level at the start to the number there, and the numbers at each end."""
    known = here.filter(pl.col(start).is_not_null() & pl.col(end).is_not_null())
    for (arm, code), first in product(ARMS.items(), levels):
        among = known.filter(**{"TRTA": code, start: first})
        yield (
            f"{arm}_{first:g}" if isinstance(first, float) else f"{arm}_{first}",
            among.height,
            [among.filter(**{end: last}).height for last in levels],
        )


def test_shifts_by_visit():
    records = given()["ADLBC"].filter(SAFFL="Y")
    labels = protocol().displays["chemistry_shift_by_visit"].labels
    expected: dict[tuple[str, str], str] = {}
    for code, visit in product(CHEMISTRY, WEEKS):
        key = f"{labels[code]}|{labels[visit]}"
        here = records.filter(PARAMCD=code, AVISIT=visit)
        for column, among, ends in shifts(here, "BNRIND", "ANRIND", ("N", "H")):
            expected[f"{key}|n", column] = str(among)
            for label, n in zip(("Normal", "High"), ends, strict=True):
                expected[f"{key}|{label}", column] = share(n, among) if n else "0"
    assert cells("chemistry_shift_by_visit") == expected


def test_hys_law_takes_the_worst_record_of_each_subject():
    records = given()["ADLBHY"].filter(SAFFL="Y").filter(pl.col("AVISITN") > 0)
    labels, expected = protocol().displays["hys_law"].labels, dict[tuple[str, str], str]()
    for code in ("TRANSHY", "HYLAW"):
        here = records.filter(PARAMCD=code).drop_nulls(["BASE", "AVAL"])
        worst = here.group_by("USUBJID", "TRTA", "BASE").agg(pl.col("AVAL").max())
        for column, among, ends in shifts(worst, "BASE", "AVAL", (0.0, 1.0)):
            expected[f"{labels[code]}|n", column] = str(among)
            for label, n in zip(("Normal", "High"), ends, strict=True):
                expected[f"{labels[code]}|{label}", column] = share(n, among) if n else "0"
    ours = cells("hys_law")
    assert {key: text for key, text in ours.items() if key[1] != "p"} == expected


def test_concomitant_medication():
    people = adsl("SAFFL").select("USUBJID", "TRT01A")
    taken = given()["CM"].join(people, on="USUBJID")
    ours, expected = cells("medication"), dict[tuple[str, str], str]()
    whole = {"Patients receiving at least one concomitant medication": taken}
    for (cmclas,), of_class in taken.group_by("CMCLAS"):
        cmclas = cmclas or "UNCODED"
        whole[cmclas] = of_class
        for (drug,), of_drug in of_class.group_by("CMDECOD"):
            whole[f"{cmclas}|{drug or 'UNCODED'}"] = of_drug
    for key, inside in whole.items():
        for arm, code in ARMS.items():
            n, size = subjects(inside, TRT01A=code), subjects(people, TRT01A=code)
            expected[key, arm] = share(n, size)
    assert ours == expected


def test_men_alone_and_the_mean_of_many_visits_by_statsmodels():
    results = run()[2]
    men = given()["ADADAS"].filter(
        PARAMCD="ACTOT", ANL01FL="Y", AVISITN=24, EFFFL="Y", ITTFL="Y", SEX="M"
    )
    npix = given()["ADNPIX"].filter(PARAMCD="NPTOTMN", AVISITN=98, EFFFL="Y", ITTFL="Y")
    for name, y, frame in (("adas_men_ancova", "CHG", men), ("npix_mean", "AVAL", npix)):
        data = pd.DataFrame(frame.select(y, "BASE", "TRTP", "SITEGR1").to_dict(as_series=False))
        fit = smf.ols(f"{y} ~ C(TRTP, Treatment('Placebo')) + C(SITEGR1) + BASE", data).fit()
        for arm in ("low", "high"):
            term = f"C(TRTP, Treatment('Placebo'))[T.{ARMS[arm]}]"
            visit = "W24" if name == "adas_men_ancova" else ""
            (p,) = results.find(
                analysis=name, statistic="p", parameter=y, visit=visit, group=arm,
                comparator="placebo",
            )  # fmt: skip
            assert p.value == pytest.approx(fit.pvalues[term], rel=1e-9)
    assert cells("adas_men")["p-value(Xan - Placebo)", "low"] == "0.712"


def test_adas_over_time():
    frame = given()["ADADAS"].filter(PARAMCD="ACTOT", ANL01FL="Y", EFFFL="Y", ITTFL="Y")
    observed = frame.filter(pl.col("DTYPE").is_null())
    weeks = ("Week 8", "Week 16", "Week 24")
    blocks = [(w, w, observed) for w in ("Baseline", *weeks)]
    blocks += [(f"{w} LOCF", w, frame) for w in weeks]
    expected: dict[tuple[str, str], str] = {}
    for code in ARMS.values():
        size = subjects(frame, TRTP=code)
        for (label, week, records), variable in product(blocks, ("AVAL", "CHG")):
            values = records.filter(TRTP=code, AVISIT=week)[variable].drop_nulls()
            place = f"{code} (N={size})|{label}"
            expected[place, f"{variable}_n"] = str(values.len())
            if values.len():
                found = number(values, {"mean": 1, "sd": 2, "median": 1})
                found["range"] = f"{up(float(values.min()), 0)} ; {up(float(values.max()), 0)}"
                expected |= {(place, f"{variable}_{m}"): text for m, text in found.items()}
    assert cells("adas_over_time") == expected


def test_notes_say_take_and_by_in_words():
    notes = run()[2].notes
    assert "of each subject the record with the highest AVAL" in notes["hys_law"]
    assert "Done within each level of PARAMCD (PARAMCD: TRANSHY, HYLAW)" in notes["hys_law"]
    assert "at least 2 of these levels hold two subjects or more" in notes["hys_law"]


def test_the_worked_example_of_the_guide_is_a_declaration():
    guide = (ROOT / "docs" / "guide" / "cdisc.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    shipped = (SHIPPED / "cdiscpilot01" / "study.toml").read_text("utf-8")
    declared = parse(shipped + example)
    assert declared.analyses["hys_law"].take == protocol().analyses["hys_law"].take
    assert declared.analyses["hys_law"].method == protocol().analyses["hys_law"].method


def test_a_variable_may_be_made_of_the_given_adsl():
    text = """
[variable.OLDFL]
kind = "flag"
label = "75 years or older"
where = { AGE = { at_least = 75 } }

[variable.SEXW]
kind = "map"
source = "SEX"
values = { F = "Women", M = "Men" }

[analysis.old]
population = "safety"
by = ["SEXW"]
method = { name = "counts", variable = "OLDFL", test = "fisher" }
"""
    shipped = (SHIPPED / "cdiscpilot01" / "study.toml").read_text("utf-8")
    declared = replace(study(), protocol=parse(shipped + text))
    results = pipeline.analyse(declared, pipeline.derive(declared), only=["old"])
    assert results.values("old", "parameter")[:3] == ("Men", "Men|N", "Men|Y")
    (found,) = results.find(analysis="old", statistic="n", parameter="Women|Y", group="low")
    women = adsl("SAFFL").filter(SEX="F", TRT01A=ARMS["low"])
    assert found.value == women.filter(pl.col("AGE") >= 75).height
    assert "OLDFL (75 years or older): Y where AGE is at least 75" in results.notes["old"]
