"""Adapters of several arms and several hypotheses."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import math
from typing import Any

import numpy as np

from openlupus.statistics.cmh import generalised_cmh
from openlupus.statistics.dunnett import dunnett_critical_value
from openlupus.statistics.graphical import graphical_test
from openlupus.statistics.multiplicity import adjust
from openlupus.validation.adapters.counts import (
    arms_in_order,
    cross_table,
    pairwise,
    test_fields,
)
from openlupus.validation.golden import Adapter, Record, require


def many_arms(record: Record) -> dict[str, Any]:
    return test_fields(generalised_cmh(cross_table(record, record.options["arms"])))


def one_arm_against_control(record: Record) -> dict[str, Any]:
    o = record.options
    got = pairwise(record, o["arm"], o["control"], correct=o["correct"])
    return {
        **test_fields(got), "common_or_control_vs_dose_as_tabulated": got.common_odds_ratio
    }  # fmt: skip


def adjusted_pairwise(record: Record) -> dict[str, Any]:
    control = arms_in_order(record)[0]
    raw = [float(pairwise(record, arm, control).p) for arm in record.options["order"]]
    return {"raw": raw, "adjusted": adjust(raw, method=record.options["method"].lower())}


def dose_correlation(record: Record) -> dict[str, Any]:
    require(bool(record.options["scores"] == "0..J-1"), str(record.options))
    return test_fields(
        generalised_cmh(cross_table(record, arms_in_order(record)), kind="correlation")
    )


def adjusted(record: Record) -> dict[str, Any]:
    o = record.options
    method: Any = {"fdr": "bh"}.get(o["method"].lower(), o["method"].lower())
    return {"adjusted": adjust(o["p"], method=method)}


def graph(record: Record) -> dict[str, Any]:
    o = record.options
    test = "simes" if "simes" in record.method.lower() else "bonferroni"
    got = graphical_test(
        o["p"], o["hypothesis_weights"], o["transitions"]["values"], alpha=o["alpha"], test=test
    )
    return {
        "adjusted_p": got.adjusted, "rejected": [bool(each) for each in got.rejected],
        "final_weights": got.weights, "final_transitions": {"values": got.transitions},
    }  # fmt: skip


def dunnett(record: Record) -> dict[str, Any]:
    o = record.options
    loadings = np.full(o["comparisons"], math.sqrt(o["rho"]))
    got = dunnett_critical_value(
        loadings=loadings, alpha=o["alpha_one_sided"], df=float(o["df"]), tails="one-sided"
    )
    return {"critical_value": got}


ADAPTERS = [
    Adapter("generalised cmh*", many_arms),
    Adapter("cmh of one dose against placebo*", one_arm_against_control),
    Adapter("multiplicity-adjusted pairwise cmh*", adjusted_pairwise),
    Adapter("cmh nonzero-correlation*", dose_correlation),
    Adapter("adjusted p-values", adjusted),
    Adapter("graphical multiple testing*", graph),
    Adapter("one-sided dunnett critical value*", dunnett, absolute=2e-4,
            why="quasi Monte Carlo in the reference, good to about 1e-4"),
]  # fmt: skip
