"""Hand-worked cases of every instrument, read from the reference folder: one test a case.

A file, a task or a field that no adapter knows is a failure. Values in the files are the decimal
numbers that are meant; fractions are compared to 1e-9.
"""

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from openlupus.instruments import (
    bilag2004,
    clasi,
    composites,
    ctcae,
    facit_fatigue,
    gene_signature,
    glucocorticoids,
    sledai2k,
)
from openlupus.instruments.verdicts import impute_nonresponse
from reference import reference_folder

# File name of an instrument that a later issue builds, and the reason; nothing else may excuse a
# case. Empty: every file runs.
NOT_BUILT_YET: MappingProxyType[str, str] = MappingProxyType({})

Case = dict[str, Any]


class UnknownCaseError(Exception):
    """A case that the adapters cannot run."""


def only(fields: Case, *known: str) -> None:
    """Refuse fields that the adapter does not read."""
    if unknown := set(fields) - set(known):
        raise UnknownCaseError(f"unknown fields {sorted(unknown)}")


def nan_to_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


# -- SLEDAI-2K ------------------------------------------------------------------------------


def sledai_codes(items: Case) -> np.ndarray:
    """Absent keys are "no" in the vectors."""
    return sledai2k.form({**dict.fromkeys(sledai2k.KEYS, False), **items})


def run_sledai2k(case: Case) -> Case:
    only(case, "items", "labs", "attributed", "convention")
    labs: dict[str, Any] = {}
    for name, value in case.get("labs", {}).items():
        parts = value if isinstance(value, dict) else {"value": value}
        for part, number in parts.items():
            labs[name if part == "value" else f"{name}_{part}"] = [number]
    attributed = np.array([[case.get("attributed", {}).get(key, True) for key in sledai2k.KEYS]])
    if unknown := case.get("attributed", {}).keys() - set(sledai2k.KEYS):
        raise UnknownCaseError(f"unknown items {sorted(unknown)}")
    present = sledai2k.from_labs(
        sledai_codes(case["items"]), sledai2k.Labs(**labs), attributed=attributed
    )
    return {"score": nan_to_none(sledai2k.score(present, convention=case["convention"]).total[0])}


# -- BILAG-2004 -----------------------------------------------------------------------------


def bilag_codes(grades: Case) -> np.ndarray:
    """Absent systems are E in the vectors."""
    if unknown := grades.keys() - set(bilag2004.SYSTEMS):
        raise UnknownCaseError(f"unknown systems {sorted(unknown)}")
    letters = [grades.get(system, "E") for system in bilag2004.SYSTEMS]
    return np.array([[bilag2004.LETTERS.index(letter) for letter in letters]], np.int8)


def run_bilag2004(case: Case) -> Case:
    task = case["task"]
    if task == "grade":
        return grade_case(case)
    if task == "numeric":
        only(case, "task", "scheme", "grades")
        score = bilag2004.numeric(bilag_codes(case["grades"]), case["scheme"])
        return {"score": float(score[0])}
    if task == "new_ab":
        only(case, "task", "baseline", "visit")
        pair = bilag_codes(case["baseline"]), bilag_codes(case["visit"])
        new = bilag2004.new_activity(*pair)
        return {
            "new_A": sorted(np.array(bilag2004.SYSTEMS)[new.new_a[0]].tolist()),
            "new_B": sorted(np.array(bilag2004.SYSTEMS)[new.new_b[0]].tolist()),
            "sri_bilag_ok": bool(bilag2004.no_worsening(*pair)[0] == 1),
        }
    raise UnknownCaseError(f"unknown task {task!r}")


def grade_case(case: Case) -> Case:
    only(
        case,
        "task",
        "system",
        "items",
        "previous",
        "previous_involvement",
        "attributed",
        "first_visit",
    )
    absent = {item.key: 0 for item in bilag2004.ITEMS if item.type != "numeric"}
    attributed = np.ones((1, len(bilag2004.ITEMS)), bool)
    for key, due in case.get("attributed", {}).items():
        attributed[0, bilag2004.INDEX[key]] = due
    system = bilag2004.SYSTEMS.index(case["system"])
    involved = np.zeros((1, len(bilag2004.SYSTEMS)), bool)
    involved[0, system] = case["previous_involvement"]
    graded = bilag2004.grade(
        bilag2004.form({**absent, **case["items"]}),
        previous=bilag2004.form(case["previous"]),
        previous_involvement=involved,
        attributed=attributed,
        first_visit=case.get("first_visit", "strict"),
    )
    return {
        "grade": str(graded.letters[0, system]),
        "complete": bool(graded.complete[0, system]),
    }


# -- composites -----------------------------------------------------------------------------


def run_endpoints(case: Case) -> Case:
    flags = ("treatment_failure", "discontinued", "visit_missing")
    only(case, "endpoint", "baseline", "visit", "previous", *flags)
    name = case["endpoint"]
    inputs = {"lldas": lldas_inputs, "doris": doris_inputs}.get(name, against_baseline)(case)
    options: dict[str, float] = {}
    if name.startswith("sri"):
        name, options = "sri", {"sledai_fall": int(name.removeprefix("sri"))}
    responder = composites.composite(name).score(**options, **inputs).responder
    failed = [np.array([case.get(flag, False)]) for flag in flags]
    return {"responder": bool(impute_nonresponse(responder, *failed)[0])}


# Fields of a visit record (endpoints.toml); a composite reads those that it needs.
RECORD = (
    *("sledai2k", "sledai_items", "pga", "bilag", "clasi_a", "sjc28", "tjc28"),
    *("prednisone_mg_day", "haemolytic_anaemia", "gi_activity"),
    *("standard_immunosuppression", "stable_background"),
)


def sledai_items(record: Case) -> np.ndarray:
    items = record["sledai_items"]
    return np.full((1, 24), -1, np.int8) if items is None else sledai_codes(items)


def sledai_total(record: Case) -> np.ndarray:
    if "sledai2k" in record:
        return np.array([record["sledai2k"]], float)
    return sledai2k.score(sledai_items(record)).total


def against_baseline(case: Case) -> dict[str, np.ndarray]:
    """SLEDAI-2K total, BILAG-2004 grades and PGA at baseline and at the visit."""
    inputs: dict[str, np.ndarray] = {}
    for time in ("baseline", "visit"):
        record = case[time]
        only(record, *RECORD)
        inputs[f"sledai_{time}"] = sledai_total(record)
        inputs[f"pga_{time}"] = np.array([record["pga"]], float)
        grades = record["bilag"]
        inputs[f"bilag_{time}"] = (
            np.full((1, 9), -1, np.int8) if grades is None else bilag_codes(grades)
        )
    return inputs


def state(record: Case) -> dict[str, np.ndarray]:
    """What a state at one visit reads; an answer that is not there is not known."""

    def answer(field: str) -> np.ndarray:
        value = record.get(field)
        return np.array([-1 if value is None else int(value)])

    only(record, *RECORD)
    return {
        "sledai_items_visit": sledai_items(record),
        "pga_visit": np.array([record["pga"]], float),
        "prednisone_visit": np.array([record["prednisone_mg_day"]], float),
        "haemolytic_anaemia": answer("haemolytic_anaemia"),
        "gi_activity": answer("gi_activity"),
        "standard_treatment": answer("standard_immunosuppression"),
        "stable_treatment": answer("stable_background"),
    }


def lldas_inputs(case: Case) -> dict[str, np.ndarray]:
    inputs = state(case["visit"])
    del inputs["stable_treatment"]
    before = state(case["previous"])["sledai_items_visit"]
    return {**inputs, "sledai_items_previous": before}


def doris_inputs(case: Case) -> dict[str, np.ndarray]:
    inputs = state(case["visit"])
    return {name: inputs[name] for name in composites.composite("doris").inputs}


# -- the other forms --------------------------------------------------------------------------


def run_clasi(case: Case) -> Case:
    only(case, "activity", "damage")
    absent = dict.fromkeys(clasi.KEYS, 0)
    filled: Case = {}
    for part in ("activity", "damage"):
        for sign, answer in case[part].items():
            if isinstance(answer, dict):
                filled |= {f"{sign}_{location}": value for location, value in answer.items()}
            else:
                filled[sign] = answer
    got = clasi.score(clasi.form({**absent, **filled}))
    return {
        "activity": nan_to_none(got.activity[0]),
        "damage": nan_to_none(got.damage[0]),
        "band": str(clasi.band(got.activity)[0]),
    }


def run_facit_fatigue(case: Case) -> Case:
    only(case, "responses")
    got = facit_fatigue.score(facit_fatigue.form(case["responses"]))
    return {"score": nan_to_none(got.total[0])}


def run_ctcae(case: Case) -> Case:
    only(case, "term", "value", "lln", "uln", "baseline")
    numbers = {name: np.array([number], float) for name, number in case.items() if name != "term"}
    got = int(ctcae.grade(case["term"], **numbers)[0])
    return {"grade": None if got == ctcae.NOT_GRADABLE else got}


def run_glucocorticoids(case: Case) -> Case:
    only(case, "records", "window")
    records = case["records"]
    for record in records:
        only(record, "drug", "dose_mg", "frequency", "route", "start_day", "end_day")

    def column(field: str) -> list[Any]:
        return [np.nan if record[field] is None else record[field] for record in records]

    fields = ("drug", "dose_mg", "frequency", "route", "start_day", "end_day")
    courses = glucocorticoids.Courses(
        subject=np.zeros(len(records), int), **{field: column(field) for field in fields}
    )
    first, last = case["window"]
    got = glucocorticoids.dose(courses, subject=[0], first_day=[first], last_day=[last])
    return {
        "average_mg_day": nan_to_none(got.average_mg_day[0]),
        "parenteral_mg": float(got.parenteral_mg[0]),
    }


def run_gene_signatures(case: Case) -> Case:
    if "ct" in case:
        only(case, "ct", "signature")
        ct = {gene: np.array([value], float) for gene, value in case["ct"].items()}
        return {"score": nan_to_none(gene_signature.score_ct(ct, case["signature"])[0])}
    only(case, "baseline_score", "visit_score")
    change = gene_signature.change([case["baseline_score"]], [case["visit_score"]])
    return {"log2_change": float(change.log2[0]), "percent_change": float(change.percent[0])}


# -- one test a case ------------------------------------------------------------------------

ADAPTERS: MappingProxyType[str, Callable[[Case], Case]] = MappingProxyType(
    {
        "sledai2k": run_sledai2k,
        "bilag2004": run_bilag2004,
        "endpoints": run_endpoints,
        "clasi": run_clasi,
        "facit_fatigue": run_facit_fatigue,
        "ctcae": run_ctcae,
        "glucocorticoids": run_glucocorticoids,
        "gene_signatures": run_gene_signatures,
    }
)


def cases() -> list[Any]:
    folder = reference_folder()
    if folder is None:
        return [pytest.param(None, None, id="no-reference-folder")]
    return [
        pytest.param(path.stem, case, id=f"{path.stem}:{case['name']}")
        for path in sorted((folder / "instruments" / "vectors").glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.vector
@pytest.mark.parametrize(("instrument", "case"), cases())
def test_vector(instrument: str | None, case: Case | None) -> None:
    if instrument is None or case is None:
        from reference import need_reference

        need_reference()
        return
    if instrument in NOT_BUILT_YET:
        pytest.skip(f"{instrument} is not built yet: {NOT_BUILT_YET[instrument]}")
    if instrument not in ADAPTERS:
        raise UnknownCaseError(f"no adapter runs {instrument}.json")
    got = ADAPTERS[instrument](case["input"])
    assert case["expected"], "a case that expects nothing"
    # A case lists the answers that it is about; an answer that we cannot give fails.
    for key, expected in case["expected"].items():
        if isinstance(expected, float) and got[key] is not None:
            assert got[key] == pytest.approx(expected, rel=1e-9, abs=1e-9), case["why"]
        else:
            assert got[key] == expected, case["why"]
