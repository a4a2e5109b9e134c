"""The rules (edit checks), each a function named as its rule, in the order of their report."""

from openlupus.records.rules import arms, forms, identity, timing, treatment, values, visits
from openlupus.records.rules.base import Rule, Severity

RULES: tuple[Rule, ...] = tuple(
    value
    for module in (identity, arms, values, forms, timing, treatment, visits)
    for value in vars(module).values()
    if isinstance(value, Rule)
)
"""All rules."""

__all__ = ["RULES", "Rule", "Severity"]
