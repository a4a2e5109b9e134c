"""Power and group-sequential designs; beside R's rpact where it is installed, numbers and time."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.beside_r import in_r
from benchmarks.machine import described
from openlupus.statistics.exact_power import exact_power, hochberg_power
from openlupus.statistics.group_sequential import (
    OBRIEN_FLEMING,
    POCOCK,
    Rule,
    Spending,
    design,
    operating,
)
from openlupus.statistics.power import proportions_size

RULES: dict[str, Rule] = {
    "OF": OBRIEN_FLEMING, "P": POCOCK, "asOF": Spending("obrien-fleming"),
    "asP": Spending("pocock"),
}  # fmt: skip
LOOKS = [0.4, 0.7, 1.0]
IN_R = """
found <- list()
rules <- c(%s)
for (rule in rules) {
  make <- function() getDesignGroupSequential(
    informationRates = c(%s), alpha = 0.025, beta = 0.1, sided = 1, typeOfDesign = rule)
  d <- make()
  found[[paste0(rule, "_z")]] <- d$criticalValues
  found[[paste0(rule, "_n")]] <- getDesignCharacteristics(d)$inflationFactor
  found[[paste0(rule, "_s")]] <- elapsed(for (i in 1:20) make()) / 20
}
found$size <- getSampleSizeRates(pi1 = 0.55, pi2 = 0.40, alpha = 0.025, beta = 0.2)$nFixed
answer(found)
"""


def seconds(run: Callable[[], object], times: int = 20) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - start) / times


def main() -> None:
    print(described())
    rules = ", ".join(f"'{name}'" for name in RULES)
    theirs = in_r("rpact", IN_R % (rules, ", ".join(map(str, LOOKS))))
    for name, rule in RULES.items():
        plan = design(LOOKS, rule, alpha=0.025)
        inflation = operating(plan, power=0.9).inflation
        line = f"  {name:5s} critical {np.round(plan.critical, 6)}, inflation {inflation:.6f}"
        print(f"{line}, {1e3 * seconds(lambda rule=rule: design(LOOKS, rule, alpha=0.025)):.2f} ms")
        if theirs:
            apart = float(np.max(np.abs(np.array(theirs[f"{name}_z"]) - plan.critical)))
            ratio = abs(theirs[f"{name}_n"][0] / inflation - 1)
            spent = 1e3 * theirs[f"{name}_s"][0]
            print(f"        rpact differs by {apart:.1e} in z, {ratio:.1e} in n; {spent:.2f} ms")
    n = 2 * proportions_size(0.55, 0.40, power=0.8, alpha=0.05, sides=2)
    print(f"  two proportions, 0.55 and 0.40, 80 %: n = {n:.4f}" + (
        f"; rpact {theirs['size'][0]:.4f}" if theirs else ""))  # fmt: skip
    spent = seconds(lambda: exact_power(0.55, 0.40, 150, 150, alpha=0.05, test="chi-square"), 3)
    print(f"  exact power by enumeration, 150 an arm: {1e3 * spent:.1f} ms")
    spent = seconds(lambda: hochberg_power((0.55, 0.50), 0.40, (90, 90), 90, alpha=0.05), 1)
    print(f"  Hochberg over two arms by enumeration, 90 an arm: {1e3 * spent:.1f} ms")


if __name__ == "__main__":
    main()
