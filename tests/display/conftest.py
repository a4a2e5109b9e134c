"""Invented results of a small trial, and a declared table over them."""

import pytest

from openlupus.display import Report, build_table
from openlupus.protocol.displays import Table
from openlupus.results import ResultRow, Results, pointer, rows_frame

GROUPS = {"active": 8, "control": 6, "": 14}
LABELS = {"active": "Active <A>", "control": "Control", "mitt": "Modified intention-to-treat"}


def result(analysis: str, statistic: str, value: float | None, **given) -> ResultRow:
    return ResultRow(
        analysis=analysis,
        statistic=statistic,
        value=value,
        source=pointer("ADSL", {"MITTFL": "Y"}),
        **({"population": "mitt"} | given),
    )


def counted(analysis: str, counts: dict[str, int], **given) -> list[ResultRow]:
    """n, N and proportion in each group, as a count analysis gives them."""
    return [
        result(analysis, statistic, value, group=group, n=GROUPS[group], **given)
        for group, n in counts.items()
        for statistic, value in (("n", n), ("N", GROUPS[group]), ("proportion", n / GROUPS[group]))
    ]


@pytest.fixture
def rows() -> list[ResultRow]:
    made = [result("population", "N", n, group=g) for g, n in GROUPS.items()]
    made += [result("population", "N", 99, group=g, population="safety") for g in GROUPS]
    for group, mean in zip(GROUPS, (44.65, 39.95, 42.65), strict=True):
        made.append(result("age", "mean", mean, group=group, parameter="AGE", unit="years"))
        made.append(result("age", "sd", 11.0, group=group, parameter="AGE", unit="years"))
    made += counted("race", {"active": 5, "control": 0, "": 5}, parameter="WHITE")
    made += counted("race", {"active": 3, "control": 6, "": 9}, parameter="OTHER")
    made += counted("primary", {"active": 5, "control": 2}, visit="W24", parameter="SRI4")
    pair = {"group": "active", "comparator": "control", "visit": "W24", "parameter": "SRI4"}
    made += [
        result("primary", statistic, value, method="cmh", **pair)
        for statistic, value in (
            ("difference", 0.29166), ("lower", -0.0512), ("upper", 0.5), ("p", 0.0134),
        )
    ]  # fmt: skip
    made += [
        result("ancova", "difference", None, warnings="no control with a baseline", **pair),
        result("ancova", "p", None, warnings="no control with a baseline", **pair),
    ]
    for parameter, active, events in (
        ("CARDIAC", 3, 4), ("CARDIAC|PALPITATIONS", 2, 2), ("CARDIAC|FLUTTER", 0, 0),
    ):  # fmt: skip
        made += counted("ae", {"active": active, "control": 1}, parameter=parameter)
        made.append(result("ae", "events", events, group="active", parameter=parameter))
        made.append(result("ae", "events", 1, group="control", parameter=parameter))
    return made


@pytest.fixture
def results(rows) -> Results:
    notes = {name: f"How {name} was computed." for name in ("age", "race", "primary", "ae")}
    return Results(rows_frame(rows), notes | {"silent": "Ran, and had nothing to count."})


NUMBER = "{n} ({proportion:pct})"


@pytest.fixture
def declared() -> dict:
    return {
        "number": "Table 9",
        "title": "Invented Results.*",
        "population": "mitt",
        "stub": ["Characteristic"],
        "zero": "0",
        "columns": [
            {"key": "a", "header": "{label}\n(N={N})", "group": "active"},
            {"key": "c", "header": "Control\n(N={N})", "group": "control"},
            {"key": "t", "header": "Total\n(N={N})"},
            {
                "key": "d", "header": "Difference (95% CI)", "group": "active",
                "comparator": "control", "slot": "difference",
            },
            {
                "key": "p", "header": "P Value", "group": "active", "comparator": "control",
                "slot": "p",
            },
        ],
        "rows": [
            {"label": "Age — yr", "analysis": "age", "cells": {"value": "{mean:1}±{sd:1}"}},
            {"label": "Race — no. (%)†", "heading": True},
            {
                "label": "White & <other>", "indent": 1, "analysis": "race", "parameter": "WHITE",
                "cells": {"value": NUMBER},
            },
            {
                "label": "Other", "indent": 1, "analysis": "race", "parameter": "OTHER",
                "cells": {"value": NUMBER},
            },
            {
                "label": "Response", "analysis": "primary",
                "cells": {
                    "value": "{n}/{N} ({proportion:pct})",
                    "difference": "{difference:pp1} ({lower:pp1} to {upper:pp1})",
                    "p": "{p:p}",
                },
            },
        ],
        "footnotes": ["* Plus-minus values are means ±SD.", "† As reported."],
    }  # fmt: skip


@pytest.fixture
def build(results):
    """Builds a declared table from the invented results."""

    def made(declared: dict, **options):
        given = {"labels": LABELS, "synthetic": True, "dummy_arms": False, "id": "t9"} | options
        return build_table(Table.model_validate(declared), given.pop("results", results), **given)

    return made


@pytest.fixture
def report(build, declared, results):
    """Makes a report of the invented results around displays."""

    def made(*displays, **options):
        given = {"title": "An Invented Trial", "synthetic": True, "dummy_arms": False} | options
        return Report(displays=displays or (build(declared),), notes=results.notes, **given)

    return made
