"""Who computes which reference record: one module a family of methods."""

from openlupus.validation.adapters import (
    ancova,
    hypotheses,
    marginal,
    ranks_and_counts,
    rates,
    single_table,
    stratified,
)
from openlupus.validation.golden import Adapter

_FAMILIES = (stratified, single_table, hypotheses, rates, ancova, ranks_and_counts, marginal)
ADAPTERS: tuple[Adapter, ...] = tuple(each for family in _FAMILIES for each in family.ADAPTERS)
