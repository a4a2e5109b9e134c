"""The rules (edit checks), each a function named as its rule, in the order of their report."""

from openlupus.records.rules import arms, forms, identity, timing, treatment, values, visits
from openlupus.records.rules.base import Rule, Severity
from openlupus.records.rules.cross_index import CROSS_INDEX

RULES: tuple[Rule, ...] = (
    *(
        value
        for module in (identity, arms, values, forms, timing, treatment, visits)
        for value in vars(module).values()
        if isinstance(value, Rule)
    ),
    *CROSS_INDEX,
)
"""All rules."""

__all__ = ["RULES", "Rule", "Severity"]
