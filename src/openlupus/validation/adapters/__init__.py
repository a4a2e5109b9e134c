"""Who computes which reference record: one module a family of methods."""

from openlupus.validation.adapters import (
    ancova,
    dose_response,
    hypotheses,
    imputation,
    marginal,
    mmrm,
    power,
    ranks_and_counts,
    rates,
    robust,
    sas_listing,
    sas_mixed,
    single_table,
    stratified,
    survival,
)
from openlupus.validation.golden import Adapter

_FAMILIES = (
    stratified,
    single_table,
    hypotheses,
    imputation,
    rates,
    ancova,
    dose_response,
    ranks_and_counts,
    marginal,
    mmrm,
    sas_mixed,
    sas_listing,
    robust,
    survival,
    power,
)
ADAPTERS: tuple[Adapter, ...] = tuple(each for family in _FAMILIES for each in family.ADAPTERS)
