"""Trials to simulate in tests: the shipped founding one, and a small one with another design."""

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import openlupus
from openlupus.protocol import Protocol, load, parse
from openlupus.simulation import Model, load_model, simulate

FOUNDING = Path(openlupus.__file__).parent / "studies" / "nct03161483"
NO_FAULTS = dict.fromkeys(
    ("duplicate", "outside_window", "out_of_range", "missing_item", "end_before_start",
     "wrong_stratum"), 0.0,
)  # fmt: skip

SMALL = """
[study]
id = "SMALL-1"
title = "A small trial"
intervention = "Testumab"
sites = 3

[arm.active]
label = "Active"
code = "ACT"
ratio = 2
role = "test"
dose = 100

[arm.control]
label = "Control"
code = "CTL"
role = "control"

[region.north]
label = "North"
countries = ["SWE", "FIN"]

[stratum.sex]
label = "Sex"
randomised = "SEXSTR"
observed = "SEX"
levels = [
  { id = "WOMEN", label = "Women", equals = "F" },
  { id = "MEN", label = "Men", equals = "M" },
]

[[schedule.visit]]
id = "V0"
label = "Screening"
number = 10
day = -14
window = [-28, -3]
role = "screening"

[[schedule.visit]]
id = "V1"
label = "Day 1"
number = 20
day = 1
window = [1, 1]
role = "baseline"

[[schedule.visit]]
id = "V2"
label = "Month 3"
number = 30
day = 90
window = [76, 104]

[population.all]
label = "All"
where = { RANDFL = "Y" }
"""


@cache
def founding() -> tuple[Protocol, Model]:
    """The founding trial and its model."""
    return load(FOUNDING), load_model(FOUNDING)


def with_parts(model: Model, **parts: dict[str, Any]) -> Model:
    """The model with fields of its parts replaced: `with_parts(m, faults={"duplicate": 0})`."""
    changed = {name: getattr(model, name).model_copy(update=new) for name, new in parts.items()}
    return model.model_copy(update=changed)


@cache
def clean() -> Model:
    """The founding model without any fault, missed visit or item not done."""
    conduct = {"missed": 0.0, "not_done": 0.0}
    return with_parts(founding()[1], faults=NO_FAULTS, conduct=conduct)


@cache
def clean_trial() -> dict[str, pl.DataFrame]:
    """Records of 300 randomised patients of the clean model."""
    return simulate(founding()[0], clean(), seed=5, patients=300)


@cache
def small() -> tuple[Protocol, Model]:
    """A trial of two arms and three visits, stratified by sex."""
    protocol, model = parse(SMALL), founding()[1]
    arm = model.arms["placebo"]
    terms = tuple(
        term.model_copy(update={"by_arm": dict.fromkeys(protocol.arms, 0.02)})
        if term.by_arm
        else term
        for term in model.events.terms
    )
    region = {"countries": {"SWE": 2.0, "FIN": 1.0}}
    further = tuple(
        test.model_copy(update={"visits": ("V1", "V2"), "full": {}})
        for test in model.laboratory.further
    )
    tests = tuple(
        test.model_copy(update={"full": dict.fromkeys(test.full and ("active",), 0.5)})
        for test in model.laboratory.tests
    )
    laboratory = {"tests": tests, "further": further}
    model = with_parts(model, events={"terms": terms}, laboratory=laboratory)
    return protocol, model.model_copy(
        update={
            "arms": {"active": arm.model_copy(update={"effect": 1.0}), "control": arm},
            "strata": {"sex": "sex"},
            "regions": {"north": model.regions["europe"].model_copy(update=region)},
            "forms": dict.fromkeys(model.forms, ("V0", "V1", "V2")),
        }
    )


def items(records: dict[str, pl.DataFrame], category: str, codes: list[str]) -> pl.DataFrame:
    """One row a subject and visit: USUBJID, VISITNUM, and each item as a number (Y is 1)."""
    answer = pl.col("RSSTRESC").replace({"Y": "1", "N": "0"}).cast(pl.Float64)
    rows = records["RS"].filter(RSCAT=category).with_columns(answer.alias("value"))
    wide = rows.pivot(on="RSTESTCD", index=["USUBJID", "VISITNUM"], values="value")
    return wide.select("USUBJID", "VISITNUM", *codes).sort("USUBJID", "VISITNUM")
