"""Invented results of every kind of figure, and a declaration that draws each."""

import math

from openlupus.protocol import Protocol
from openlupus.results import ResultRow, pointer

DECLARED = {
    "study": {"id": "INVENTED", "title": "An invented trial"},
    "arms": {
        "high": {"label": "Active, 2 mg", "code": "H", "role": "test", "dose": 2},
        "low": {"label": "Active, 1 mg", "code": "L", "role": "test", "dose": 1},
        "none": {"label": "Placebo", "code": "P", "role": "control"},
    },
    "schedule": {
        "visits": [
            {"id": f"W{week}", "label": f"Week {week}", "number": week, "day": 7 * week + 1,
             "window": (7 * week - 6, 7 * week + 7)}
            for week in (4, 8, 12)
        ]
    },
    "populations": {"all": {"label": "All patients", "where": {}}},
}  # fmt: skip
ARMS = ("high", "low", "none")
LABELS = {
    "high": "Active, 2 mg",
    "low": "Active, 1 mg",
    "none": "Placebo",
    "all": "All patients",
}


def protocol() -> Protocol:
    return Protocol.model_validate(DECLARED)


def row(analysis: str, statistic: str, value: float | None, **given) -> ResultRow:
    source = pointer("ADSL", {"ARMCD": given.get("group", "")})
    warnings = "" if value is not None else "too few subjects"
    return ResultRow(
        analysis=analysis, statistic=statistic, value=value, source=source, population="all",
        **({"warnings": warnings} | given),
    )  # fmt: skip


def several(analysis: str, values: dict[str, float | None], **given) -> list[ResultRow]:
    return [row(analysis, statistic, value, **given) for statistic, value in values.items()]


def limits(name: str, value: float, half: float) -> dict[str, float | None]:
    return {name: value, "lower": value - half, "upper": value + half}


def every() -> list[ResultRow]:
    """Rows of all the analyses that `FIGURES` draw."""
    made = [row("population", "N", 40, group=arm) for arm in (*ARMS, "")]
    for group, shift in (("high", 0.194), ("low", 0.05)):
        pair = {"group": group, "comparator": "none"}
        made += several("primary", limits("difference", shift, 0.15) | {"p": 0.04}, **pair)
        for level, extra in (("SEX=F", 0.02), ("SEX=M", -0.2)):
            given = limits("difference", shift + extra, 0.25)
            made += several("primary", given, subgroup=level, **pair)
    for arm, n in zip(ARMS, (22, 18, 14), strict=True):
        made += several("primary", {"n": n, "N": 40, "proportion": n / 40}, group=arm)
        made += several("primary", {"n": n / 2, "N": 20}, group=arm, subgroup="SEX=F")
        made += several("primary", {"n": n / 2, "N": 20}, group=arm, subgroup="SEX=M")
        for week in (4, 8, 12):
            mean = -0.2 * week * (1.3 if arm == "high" else 0.8 if arm == "low" else 0.4)
            made += several("change", limits("lsmean", mean, 0.7) | {"se": 0.35},
                            group=arm, visit=f"W{week}", parameter="PGA")  # fmt: skip
        made += _curve(arm, {"high": 0.03, "low": 0.045, "none": 0.07}[arm])
        made += _events(arm, {"high": 3, "low": 2, "none": 1}[arm])
        made += _people(arm)
        made += _discordance(arm, n)
        made += _liver(arm)
        dose = {"high": 2, "low": 1, "none": 0}[arm]
        made += several("curve", limits("lsmean", n / 40, 0.12), parameter=f"observed|{dose}")
    made += several("flare", {"ratio": 0.62, "lower": 0.4, "upper": 0.97, "p": 0.036},
                    parameter="cox", group="high", comparator="none")  # fmt: skip
    made += several("shift", {"p": None}, parameter="0.1|none", group="high", comparator="none")
    for test in range(-5, 6):
        for control in range(-5, 6):
            p = min(1.0, 0.04 * math.exp(-(test - control) * 0.35))
            made.append(row("shift", "p", p, parameter=f"{test / 10:g}|{control / 10:g}",
                            group="high", comparator="none"))  # fmt: skip
    made += [row("flow", "n", n, parameter=p) for p, n in (("screened", 200), ("failed", 80))]
    made += [row("failure", "n", n, parameter=p) for p, n in (("ANTIBODIES", 60), ("OTHER", 20))]
    for model, power in (("emax", 0.5), ("linear", 1.0)):
        for tenth in range(21):
            dose = tenth / 10
            mean = 0.35 + 0.2 * (dose / 2) ** power
            made += several("curve", limits("lsmean", mean, 0.08), parameter=f"{model}|{dose:g}")
    return made


def _curve(arm: str, hazard: float) -> list[ResultRow]:
    made: list[ResultRow] = []
    survival, at_risk, gone, lost = 1.0, 40, 0, 0
    for day in range(7, 85, 7):
        events = round(at_risk * hazard * 1.2) if day % 14 else 0
        censored = 0 if events else 1
        survival *= 1 - events / at_risk
        gone, lost = gone + events, lost + censored
        values = {"survival": survival, "lower": max(0.0, survival - 0.1),
                  "upper": min(1.0, survival + 0.1), "at_risk": at_risk, "events": gone,
                  "censored": lost}  # fmt: skip
        made += several("flare", values, group=arm, parameter=str(day))
        at_risk -= events + censored
    return [*made, row("flare", "median", None, group=arm, parameter="median")]


def _events(arm: str, factor: int) -> list[ResultRow]:
    made: list[ResultRow] = []
    for i, term in enumerate(("INFECTION|URINARY TRACT", "INFECTION|COUGH", "SKIN|RASH")):
        made.append(row("ae", "proportion", factor * (i + 1) / 40, group=arm, parameter=term))
        if arm == "high":
            pair = {"group": arm, "comparator": "none", "parameter": term}
            made += several("ae", limits("difference", (i + 1) / 20, 0.09), **pair)
    made.append(row("ae", "proportion", factor * 4 / 40, group=arm, parameter="INFECTION"))
    return made


def _people(arm: str) -> list[ResultRow]:
    counts = {"randomised": 40, "treated": 39, "completed": 34, "stopped": 5}
    made = [row("flow", "n", n, parameter=p, group=arm) for p, n in counts.items()]
    reasons = {"ADVERSE EVENT": 3, "WITHDRAWAL BY SUBJECT": 2, "LOST": 0}
    return made + [row("reasons", "n", n, parameter=p, group=arm) for p, n in reasons.items()]


def _discordance(arm: str, n: int) -> list[ResultRow]:
    counts = {"both": n - 4, "only_a": 4, "only_b": 3, "neither": 40 - n - 3}
    return [row("both", "proportion", c / 40, parameter=p, group=arm) for p, c in counts.items()]


def _liver(arm: str) -> list[ResultRow]:
    made: list[ResultRow] = []
    for i in range(12):
        subject, x, y = f"{arm}-{i:02}", 0.3 + 0.35 * i, 0.2 + 0.2 * ((i * 7) % 12)
        made += several("liver", {"x": x, "y": y}, parameter=subject, group=arm)
    return made


CELLS = {
    "value": "{n}/{N}",
    "difference": "{difference:pp1} ({lower:pp1} to {upper:pp1})",
}
PAIR = {"group": "high", "comparator": "none", "slot": "difference"}

FIGURES: dict[str, dict] = {
    "forest": {
        "population": "all", "stub": ["Subgroup"], "plot": ["d"], "scale": "points",
        "axis": "Difference, percentage points", "favours": ["Placebo", "Active"],
        "columns": [
            {"key": "a", "header": "Active\n(N={N})", "group": "high"},
            {"key": "p", "header": "Placebo\n(N={N})", "group": "none"},
            {"key": "d", "header": "Difference (95% CI)", **PAIR},
        ],
        "rows": [
            {"label": "All patients", "analysis": "primary", "cells": CELLS},
            {"label": "Sex", "heading": True},
            {"label": "Female", "indent": 1, "analysis": "primary", "subgroup": "SEX=F",
             "cells": CELLS},
            {"label": "Male", "indent": 1, "analysis": "primary", "subgroup": "SEX=M",
             "cells": CELLS},
        ],
    },
    "lines": {
        "panels": [{"title": "PGA", "analysis": "change"}], "statistic": "lsmean",
        "axis": "LS mean change in PGA", "reference": 0,
    },
    "kaplan_meier": {
        "read": {"analysis": "flare"}, "axis": "Patients without a flare (%)", "interval": True,
        "notes": [
            {"text": "Hazard ratio, 2 mg vs placebo: {ratio:2} ({lower:2} to {upper:2})",
             "parameter": "cox", "group": "high", "comparator": "none"},
        ],
    },
    "heat_map": {
        "read": {"analysis": "shift"}, "group": "high", "comparator": "none", "scale": "percent",
        "x_axis": "Shift of missing, placebo (%)", "y_axis": "Shift of missing, 2 mg (%)",
    },
    "dot_plot": {"read": {"analysis": "ae"}, "test": "high", "control": "none"},
    "flow": {
        "steps": [
            {"label": "Screened", "analysis": "flow", "parameter": "screened"},
            {"label": "Not eligible", "analysis": "flow", "parameter": "failed",
             "where": "aside", "reasons": "failure"},
            {"label": "Randomised", "analysis": "flow", "parameter": "randomised",
             "where": "each"},
            {"label": "Treated", "analysis": "flow", "parameter": "treated", "where": "each"},
            {"label": "Discontinued", "analysis": "flow", "parameter": "stopped",
             "where": "each", "reasons": "reasons"},
            {"label": "Completed", "analysis": "flow", "parameter": "completed",
             "where": "each"},
        ],
        "labels": {"WITHDRAWAL BY SUBJECT": "withdrew"},
    },
    "scatter": {
        "read": {"analysis": "liver"}, "logarithmic": True, "x_line": 3, "y_line": 2,
        "x_axis": "Peak ALT, multiples of the upper limit",
        "y_axis": "Peak bilirubin, multiples of the upper limit",
        "quadrants": ["Cholestasis", "Hy's law", "", "Temple's corollary"],
    },
    "bars": {
        "read": {"analysis": "both"}, "stacked": True, "axis": "Patients (%)",
        "labels": {"both": "Both", "only_a": "A only", "only_b": "B only", "neither": "Neither"},
    },
    "dose_response": {
        "read": {"analysis": "curve"}, "scale": "percent",
        "x_axis": "Dose (mg)", "y_axis": "Response (%)", "labels": {"emax": "Emax"},
    },
}  # fmt: skip
