"""Safety numbers of the founding study, counted again from the records in plain Python."""

from collections import Counter, defaultdict
from datetime import date, timedelta

import pytest
from scipy import stats

from openlupus import pipeline
from openlupus.exchange.study import demo_study

ANALYSES = (
    "ae_overview", "aesi", "ae_severity", "lab_worst_low", "lab_shift_high", "ecg", "edish",
    "disposition", "discontinuation_reasons", "screening_failures", "flow", "concomitant",
    "representation", "exposure",
)  # fmt: skip
WINDOW = 28


@pytest.fixture(scope="module")
def study():
    return pipeline.load(demo_study())


@pytest.fixture(scope="module")
def found(study):
    """Value by analysis, parameter, group, subgroup and statistic."""
    results = pipeline.analyse(study, pipeline.derive(study), only=ANALYSES)
    keys = ("analysis", "parameter", "group", "comparator", "subgroup", "statistic")
    return {
        tuple(row[k] for k in keys): row["value"]
        for row in results.rows.iter_rows(named=True)
        if row["analysis"] in ANALYSES
    }


@pytest.fixture(scope="module")
def rows(study):
    """The rows of a domain as dictionaries."""
    return lambda name: study.records.domain(name).collect().to_dicts()


@pytest.fixture(scope="module")
def people(study, rows):
    """Treated subjects: arm id, first dose, last day at risk."""
    arm_of = {arm.code: name for name, arm in study.protocol.arms.items()}
    doses = defaultdict(list)
    for row in rows("EX"):
        doses[row["USUBJID"]].append((row["EXSTDTC"], row["EXENDTC"]))
    treated = {}
    for row in rows("DM"):
        if row["USUBJID"] in doses and row["ACTARMCD"]:
            first = min(date.fromisoformat(a) for a, _ in doses[row["USUBJID"]])
            last = max(date.fromisoformat(b) for _, b in doses[row["USUBJID"]])
            end = last + timedelta(days=WINDOW)
            if row["DTHDTC"]:
                end = min(end, date.fromisoformat(row["DTHDTC"]))
            treated[row["USUBJID"]] = (arm_of[row["ACTARMCD"]], first, end, last)
    return treated


@pytest.fixture(scope="module")
def emergent(rows, people):
    """Treatment-emergent events; all of their dates are whole in these data."""
    return [
        row | {"arm": people[row["USUBJID"]][0], "on": date.fromisoformat(row["AESTDTC"])}
        for row in rows("AE")
        if row["USUBJID"] in people
        and people[row["USUBJID"]][1]
        <= date.fromisoformat(row["AESTDTC"])
        <= people[row["USUBJID"]][3] + timedelta(days=WINDOW)
    ]


@pytest.mark.independent
def test_serious_events_and_their_rate(found, people, emergent):
    for arm in ("ibe045", "placebo"):
        first = {}
        for row in emergent:
            if row["arm"] == arm and row["AESER"] == "Y":
                subject = row["USUBJID"]
                first[subject] = min(first.get(subject, row["on"]), row["on"])
        days = sum(
            (min(end, first.get(subject, end)) - start).days + 1
            for subject, (its, start, end, _) in people.items()
            if its == arm
        )
        years = days / 365.25
        key = ("ae_overview", "serious", arm, "", "")
        assert found[*key, "n"] == len(first)
        assert found[*key, "exposure"] == pytest.approx(years, rel=1e-12)
        assert found[*key, "rate"] == pytest.approx(100 * len(first) / years, rel=1e-12)
        upper = stats.chi2.ppf(0.975, 2 * len(first) + 2) / 2
        assert found[*key, "upper"] == pytest.approx(100 * upper / years, rel=1e-9)


@pytest.mark.independent
def test_worst_severity_of_infections(found, emergent):
    worst = defaultdict(int)
    order = ["MILD", "MODERATE", "SEVERE"]
    for row in emergent:
        if row["AEBODSYS"] == "INFECTIONS AND INFESTATIONS" and row["arm"] == "ibe030":
            worst[row["USUBJID"]] = max(worst[row["USUBJID"]], order.index(row["AESEV"]))
    counted = Counter(worst.values())
    parameter = "INFECTIONS AND INFESTATIONS"
    for place, level in enumerate(order):
        key = ("ae_severity", parameter, "ibe030", "", f"AESEV={level}", "n")
        assert found[key] == counted[place]
    assert found["aesi", "infections", "ibe030", "", "", "n"] == len(worst)


def latest(records, code, people, domain="LB"):
    """Value by subject and day, the last record of a day."""
    values = defaultdict(dict)
    for row in records:
        if row[f"{domain}TESTCD"] == code and row["USUBJID"] in people:
            day = date.fromisoformat(row[f"{domain}DTC"])
            values[row["USUBJID"]][day] = row[f"{domain}STRESN"]
    return values


def on_treatment(values, subject, people):
    _, start, end, _ = people[subject]
    return [v for day, v in values[subject].items() if start < day <= end]


@pytest.mark.independent
def test_worst_neutrophil_grade_by_the_printed_bounds(found, rows, people):
    def grade(value):
        return 4 if value < 0.5 else 3 if value < 1 else 2 if value < 1.5 else int(value < 1.8)

    values = latest(rows("LB"), "NEUT", people)
    counted = Counter(
        max(grade(v) for v in seen)
        for subject in values
        if people[subject][0] == "ibe045" and (seen := on_treatment(values, subject, people))
    )
    for level in range(5):
        key = ("lab_worst_low", f"Neutrophils (10^9/L)|{level}", "ibe045", "", "", "n")
        assert found[key] == counted[level]
    assert sum(counted.values()) > 70


@pytest.mark.independent
def test_qtcf_categories_and_changes(found, rows, people):
    values = latest(rows("EG"), "QTCFAG", people, "EG")
    arms = ("placebo", "ibe015", "ibe030", "ibe045")
    above, risen = ({arm: set() for arm in arms} for _ in range(2))
    for subject, by_day in values.items():
        arm, start, end, _ = people[subject]
        base = [v for day, v in sorted(by_day.items()) if day <= start]
        for day, value in by_day.items():
            if start < day <= end:
                above[arm] |= {subject} if value > 450 else set()
                risen[arm] |= {subject} if base and value - base[-1] > 30 else set()
    for name, expected in (("q450", above), ("c30", risen)):
        assert any(expected.values())
        for arm, subjects in expected.items():
            assert found["ecg", name, arm, "", "", "n"] == len(subjects)


@pytest.mark.independent
def test_peak_liver_tests_of_each_subject(found, rows, people):
    lab = rows("LB")
    alt, ast = (latest(lab, code, people) for code in ("ALT", "AST"))
    bilirubin = latest(lab, "BILI", people)
    points = {key[1]: v for key, v in found.items() if key[0] == "edish" and key[5] == "x"}
    for subject in sorted(points)[::40]:
        across = max(
            max(on_treatment(alt, subject, people)) / 40,
            max(on_treatment(ast, subject, people)) / 37,
        )
        assert points[subject] == pytest.approx(across)
        key = ("edish", subject, people[subject][0], "", "", "y")
        assert found[key] == pytest.approx(max(on_treatment(bilirubin, subject, people)) / 21)


@pytest.mark.independent
def test_flow_and_disposition_add_up(found, rows):
    ended = Counter(
        row["DSDECOD"] for row in rows("DS")
        if row["DSCAT"] == "DISPOSITION EVENT" and row["EPOCH"] == "TREATMENT"
    )  # fmt: skip
    assert found["disposition", "completed", "total", "", "", "n"] == ended["COMPLETED"]
    assert found["flow", "screened", "", "", "", "n"] == len(rows("DM"))
    for reason in ("ADVERSE EVENT", "WITHDRAWAL BY SUBJECT"):
        key = ("discontinuation_reasons", reason, "total", "", "", "n")
        assert found[key] == ended[reason]
    failed = Counter(row["DSTERM"] for row in rows("DS") if row["DSDECOD"] == "SCREEN FAILURE")
    told = {
        key[1]: v for key, v in found.items()
        if key[0] == "screening_failures" and key[2] == "" and key[1] and key[5] == "n"
    }  # fmt: skip
    assert told == failed


@pytest.mark.independent
def test_glucocorticoids_taken_at_some_time_of_treatment(found, rows, people):
    def first(text):
        return date.fromisoformat((text + "-01-01")[:10] if len(text) == 4 else (text + "-01")[:10])

    taking = {
        row["USUBJID"]
        for row in rows("CM")
        if row["CMCLAS"] == "GLUCOCORTICOID"
        and row["USUBJID"] in people
        and first(row["CMSTDTC"]) <= people[row["USUBJID"]][3]
        and (not row["CMENDTC"] or row["CMENDTC"] >= people[row["USUBJID"]][1].isoformat())
    }
    assert found["concomitant", "GLUCOCORTICOID", "total", "", "", "n"] == len(taking)


@pytest.mark.independent
def test_exposure_in_days(found, people):
    days = [(last - start).days + 1 for arm, start, _, last in people.values() if arm == "ibe015"]
    key = ("exposure", "Duration of treatment (days)", "ibe015", "", "", "mean")
    assert found[key] == pytest.approx(sum(days) / len(days))
