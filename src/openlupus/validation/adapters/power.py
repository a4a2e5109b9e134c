"""Adapters of records of power, sample size and group-sequential boundaries."""

# pyright: basic
# Records are JSON: what their fields hold is known when they are read.

import re
from typing import Any

from openlupus.errors import ValidationError
from openlupus.statistics.exact_power import ExactPower, Test, exact_power
from openlupus.statistics.group_sequential import (
    OBRIEN_FLEMING,
    POCOCK,
    Curve,
    HaybittlePeto,
    Spending,
    WangTsiatis,
    design,
    operating,
)
from openlupus.statistics.power import means_power, proportions_power, proportions_size
from openlupus.validation.golden import UNIROOT, Adapter, Record

CURVES: dict[str, Curve] = {
    "asOF": "obrien-fleming", "asP": "pocock", "asHSD": "hwang-shih-decani", "asKD": "kim-demets",
}  # fmt: skip


def _sides(options: dict[str, Any]) -> int:
    return 2 if options.get("alternative", "two.sided") == "two.sided" else 1


def proportions(record: Record) -> dict[str, Any]:
    o = record.options
    n = o["n_per_arm"]
    power = proportions_power(
        o["p2"], o["p1"], n, n, alpha=o["sig_level"], sides=_sides(o), both_tails=o["strict"]
    )
    return {"power": power}


def size(record: Record) -> dict[str, Any]:
    o = record.options
    n = proportions_size(o["p2"], o["p1"], power=o["power"], alpha=o["sig_level"], sides=_sides(o))
    return {"n_per_arm_unrounded": n}


def t_test(record: Record) -> dict[str, Any]:
    o, n = record.options, record.options["n_per_arm"]
    strict = "strict=TRUE" in record.software["call"]
    power = means_power(
        o["delta"], o["sd"], n, n, alpha=o["sig_level"], sides=_sides(o), both_tails=strict
    )
    return {"power": power}


def enumeration(record: Record) -> dict[str, Any]:
    o, n = record.options, record.options["n_per_arm"]

    def power(test: Test) -> ExactPower:
        at = "p <=" in record.method
        alpha = o["sig_level"]
        return exact_power(o["p2"], o["p1"], n, n, alpha=alpha, test=test, reject_at_alpha=at)

    if "fisher" in record.method.lower():
        return {"power": power("fisher").power}
    plain = power("chi-square")
    return {
        "power_uncorrected": plain.power,
        "power_uncorrected_right_direction": plain.right_direction,
        "power_continuity_corrected": power("chi-square-corrected").power,
    }


def boundaries(record: Record) -> dict[str, Any]:
    o = record.options
    given: list[float] = [o[k] for k in ("gamma", "deltaWT", "sfupar") if o.get(k) is not None]
    match o["type"]:
        case "OF":
            rule = OBRIEN_FLEMING
        case "P":
            rule = POCOCK
        case "WT":
            rule = WangTsiatis(given[0])
        case "HP":
            rule = HaybittlePeto()
        case kind:
            rule = Spending(CURVES[kind], *given[:1])
    plan = design(o["information"], rule, alpha=o["alpha_one_sided"])
    stated = re.search(r"beta=([\d.]+)", record.software["call"])
    if stated is None:
        raise ValidationError(f"{record.id}: the call states no beta")
    at_power = operating(plan, power=1 - float(stated[1]))
    increments = [*plan.spent[:1], *(plan.spent[1:] - plan.spent[:-1])]
    return {
        "critical_z": plan.critical,
        "stage_levels": plan.nominal_p,
        "nominal_p": plan.nominal_p,
        "alpha_spent": plan.spent,
        "alpha_spent_incremental": increments,
        "inflation_factor": at_power.inflation,
        "n_inflation": at_power.inflation,
        "expected_n_ratio_under_h1": at_power.expected,
        "power_by_stage": at_power.rejected,
    }


ADAPTERS = [
    Adapter("power of the two-sample test of proportions*", proportions),
    Adapter(
        "sample size per arm", size, absolute=UNIROOT,
        why="R's power.prop.test finds n by uniroot with its default tolerance",
    ),
    Adapter("power of the two-sample t test", t_test),
    Adapter("exact power of*", enumeration),
    Adapter(
        "group-sequential one-sided efficacy boundaries", boundaries,
        relative=1e-7, absolute=1.1e-8,
        why="rpact searches to 1e-8 in the level and in the power, and cuts the last level spent "
        "at 8 decimals",
    ),
    Adapter(
        "group-sequential one-sided efficacy boundaries (*", boundaries, relative=1e-6,
        absolute=1e-7, why="gsDesign searches its boundaries to 1e-6",
    ),
]  # fmt: skip
