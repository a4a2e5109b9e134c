"""Records that tell no arm: all in one, or by letter."""

from collections.abc import Mapping

import polars as pl

from openlupus.records.model import Records

POOLED = "POOLED"
"""Arm code of everybody in pooled records."""
_TELLING = ("PC",)
"""Domains that exist, or differ, by arm alone: concentrations of the trial's drug."""
_DOSE = {"EXTRT": "BLINDED", "EXDOSE": None, "EXDOSU": None, "EXDOSFRM": None, "EXDOSFRQ": None}


def blinded(records: Records, codes: Mapping[str, str], names: Mapping[str, str]) -> Records:
    """Records with other arm codes and names, without what tells the arm besides.

    Doses and names of the trial's treatment are hidden in EX, and PC is left out.

    Args:
        records: As collected.
        codes: Code of each arm to its new code.
        names: New code to the name of the arm.
    """
    domains = {name: frame for name, frame in records.domains.items() if name not in _TELLING}
    dm = records.domain("DM")
    columns: list[pl.Expr] = []
    for code, name in (("ARMCD", "ARM"), ("ACTARMCD", "ACTARM")):
        new = pl.col(code).replace(codes)
        columns += [
            new.alias(code),
            pl.when(pl.col(code).is_in(list(codes)))
            .then(new.replace_strict(names, default=None, return_dtype=pl.String))
            .otherwise(name)
            .alias(name),
        ]
    domains["DM"] = dm.with_columns(columns)
    if "EX" in domains:
        schema = records.domain("EX").collect_schema()
        hidden = [
            pl.lit(value, schema[column]).alias(column)
            for column, value in _DOSE.items()
            if column in schema
        ]
        domains["EX"] = records.domain("EX").with_columns(hidden)
    return Records(domains, records.origin)
