"""The statement of power against the design, with and without multiplicity (eq. audit-power)."""

from collections.abc import Iterator

import numpy as np

from openlupus.audit.finding import Finding
from openlupus.audit.model import PowerStatement, Published
from openlupus.statistics.exact_power import exact_power, hochberg_power
from openlupus.statistics.power import proportions_power

CONTROL_RATES = tuple(float(p) for p in np.arange(0.20, 0.61, 0.05).round(2))
"""The control's rate is rarely printed; a statement may rest on any of these."""

_ABOUT = 2.5


def readings(statement: PowerStatement) -> dict[str, tuple[float, float]]:
    """Reading of the statement to the least and largest power over the control's rates, per cent.

    Readings: one comparison alone at the whole level (by normal approximation, and exact);
    Bonferroni over the family; Hochberg where the other arms do nothing, and where all do as much.
    """
    arms = statement.family or tuple(statement.n)
    sizes = [statement.n[arm] for arm in arms]
    found: dict[str, list[float]] = {}
    for rate in CONTROL_RATES:
        effective = rate + statement.difference / 100
        if not 0 < effective < 1:
            continue
        for name, power in _at(statement, sizes, rate, effective).items():
            found.setdefault(name, []).append(100 * power)
    return {name: (min(powers), max(powers)) for name, powers in found.items()}


def _at(
    statement: PowerStatement, sizes: list[int], rate: float, effective: float
) -> dict[str, float]:
    alpha = statement.alpha if statement.sides == 2 else 2 * statement.alpha
    n, n_control, arms = sizes[0], statement.n_control, len(sizes)
    powers = {
        "one comparison alone": proportions_power(effective, rate, n, n_control, alpha=alpha),
        "one comparison alone, exact":
            exact_power(effective, rate, n, n_control, alpha=alpha).right_direction,
    }  # fmt: skip
    if arms > 1:
        powers["Bonferroni"] = exact_power(
            effective, rate, n, n_control, alpha=alpha / arms
        ).right_direction
        for name, others in (("others ineffective", rate), ("all effective", effective)):
            rates = [effective, *[others] * (arms - 1)]
            got = hochberg_power(rates, rate, sizes, n_control, alpha=alpha)
            powers[f"Hochberg, {name}"] = got.each[0]
    return powers


def power(published: Published) -> Iterator[Finding]:
    """Which readings of the design give the power that is stated."""
    statement = published.power
    if statement is None:
        return
    found = readings(statement)
    reach = _ABOUT if statement.about else statement.power.half
    stated = float(statement.power)
    fits = [name for name, (low, high) in found.items() if low - reach <= stated <= high + reach]
    centred = [name for name in fits if found[name][0] <= stated <= found[name][1]]
    listed = "; ".join(f"{name} {low:.0f} to {high:.0f}%" for name, (low, high) in found.items())
    design = (
        f"{statement.difference:g} points, level {statement.alpha:g},"
        f" {', '.join(str(n) for n in statement.n.values())} and {statement.n_control} patients,"
        f" control rates {CONTROL_RATES[0]:.0%} to {CONTROL_RATES[-1]:.0%}"
    )
    only = sorted(centred or fits, key=lambda name: statement.procedure not in name.lower())
    alone = any(name.startswith("one") for name in only)
    if not only:
        words, verdict = "no reading of the design gives it", "inconsistent"
    elif alone:
        words, verdict = f"given by {', '.join(only)}", "ok"
    else:
        words, verdict = f"given only with multiplicity: {', '.join(only)}", "ok"
    yield Finding(
        check="power", table="power", row="statement of power",
        printed=f"{statement.power}%", recomputed=listed,
        verdict=verdict, why=f"{words} ({design})", remark=not alone,
    )  # fmt: skip
