"""The declared variables of ADSL, each made from what it names, in the order that this needs."""

from collections.abc import Mapping

import polars as pl

from openlupus.derivation.source import matching
from openlupus.errors import DerivationError
from openlupus.protocol import Protocol
from openlupus.protocol import model as m
from openlupus.protocol.base import Test
from openlupus.protocol.conditions import expression
from openlupus.records import Records
from openlupus.records import dates as iso


def add(
    protocol: Protocol,
    adsl: pl.DataFrame,
    records: Records,
    frames: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """ADSL with every declared variable, stratum and population flag that can be made by now.

    A variable whose data set is not in `frames` yet waits for a later call, and so does what is
    made from it.
    """
    waiting = True
    while waiting:
        before = set(adsl.columns)
        for name, variable in protocol.variables.items():
            if name not in adsl.columns:
                adsl = _made(protocol, name, variable, adsl, records, frames)
        adsl = _strata_observed(protocol, adsl)
        adsl = _population_flags(protocol, adsl)
        waiting = set(adsl.columns) != before
    return adsl


def add_to_given(protocol: Protocol, adsl: pl.DataFrame) -> pl.DataFrame:
    """An ADSL that is given, with what a declaration makes of its columns alone and it lacks:
    variables of kinds `map` and `flag`, observed strata, population flags."""
    waiting = True
    while waiting:
        before = set(adsl.columns)
        for name, variable in protocol.variables.items():
            if name not in adsl.columns and isinstance(variable, (m.FromVariable, m.FromCut)):
                adsl = _of_adsl(name, variable, adsl)
        adsl = _population_flags(protocol, _strata_observed(protocol, adsl))
        waiting = set(adsl.columns) != before
    return adsl


def complete(protocol: Protocol, adsl: pl.DataFrame) -> None:
    """Refuse an ADSL that lacks a declared variable.

    Raises:
        DerivationError: names each variable and what it would need.
    """
    lacking = [name for name in protocol.variables if name not in adsl.columns]
    if lacking:
        needs = [f"{n} (from {getattr(protocol.variables[n], 'dataset', '')})" for n in lacking]
        raise DerivationError(f"ADSL variables that could not be derived: {', '.join(needs)}")


def _made(
    protocol: Protocol,
    name: str,
    variable: m.Variable,
    adsl: pl.DataFrame,
    records: Records,
    frames: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    match variable:
        case m.FromVariable() | m.FromCut():
            return _of_adsl(name, variable, adsl)
        case m.FromParameter() if variable.dataset in frames:
            return _joined(adsl, name, _parameter(protocol, variable, frames[variable.dataset]))
        case m.FromRecords():
            return _has_record(adsl, name, variable, records)
        case m.FromDate() if variable.to in adsl.columns:
            return _time_since(adsl, name, variable, records)
        case m.FromText():
            asked = (variable.column,)
            rows = matching(records, variable.domain, variable.where, asked, _asks(name))
            return _joined(adsl, name, rows.select("USUBJID", pl.col(variable.column).alias("V")))
        case _:
            return adsl


def _of_adsl(name: str, variable: m.FromVariable | m.FromCut, adsl: pl.DataFrame) -> pl.DataFrame:
    """ADSL with a variable that is made of its columns; as it is where it lacks one of these."""
    if isinstance(variable, m.FromCut):
        if not set(variable.where) <= set(adsl.columns):
            return adsl
        return adsl.with_columns(_flag(variable.where, adsl).alias(name))
    if variable.source not in adsl.columns:
        return adsl
    renamed = pl.col(variable.source).replace_strict(
        variable.values, default=variable.other, return_dtype=pl.String
    )
    known = pl.col(variable.source).is_not_null()
    return adsl.with_columns(pl.when(known).then(renamed).alias(name))


def _flag(where: Mapping[str, Test], adsl: pl.DataFrame) -> pl.Expr:
    """`Y`/`N`; null where a column that is compared has no value."""
    asked = [c for c, test in where.items() if test.is_missing is None]
    known = pl.all_horizontal([pl.col(c).is_not_null() for c in asked]) if asked else pl.lit(True)
    holds = expression(where, dict(adsl.schema))
    return pl.when(known).then(pl.when(holds).then(pl.lit("Y")).otherwise(pl.lit("N")))


def _joined(adsl: pl.DataFrame, name: str, values: pl.DataFrame) -> pl.DataFrame:
    """ADSL with the last value `V` of each subject under this name."""
    one = values.unique("USUBJID", keep="last", maintain_order=True).rename({"V": name})
    return adsl.join(one, on="USUBJID", how="left", maintain_order="left")


def _parameter(protocol: Protocol, variable: m.FromParameter, bds: pl.DataFrame) -> pl.DataFrame:
    if variable.visit == "baseline":
        chosen = pl.col("ABLFL") == "Y"
    else:
        chosen = pl.col("AVISITN") == protocol.visit(variable.visit).number
        if "ANL01FL" in bds.columns:
            chosen &= pl.col("ANL01FL") == "Y"
    rows = bds.filter((pl.col("PARAMCD") == variable.parameter) & chosen)
    return rows.select("USUBJID", pl.col(variable.column).alias("V"))


def _has_record(
    adsl: pl.DataFrame, name: str, variable: m.FromRecords, records: Records
) -> pl.DataFrame:
    needed = _dates(variable, records)
    rows = matching(records, variable.domain, variable.where, needed, _asks(name))
    if variable.at != "ever":
        rows = rows.join(adsl.select("USUBJID", "TRTSDT", "RANDDT"), on="USUBJID", how="inner")
        rows = rows.filter(_on_time(variable, needed))
    has = pl.col("USUBJID").is_in(rows["USUBJID"].unique().implode())
    return adsl.with_columns(pl.when(has).then(pl.lit("Y")).otherwise(pl.lit("N")).alias(name))


def _asks(name: str) -> str:
    return f'variable "{name}"'


def _dates(variable: m.FromRecords, records: Records) -> tuple[str, ...]:
    """The columns of dates that `at` compares with the first dose."""
    domain = variable.domain
    collected = f"{domain}DTC"
    match variable.at:
        case "ever":
            return ()
        case "first_dose":
            return f"{domain}STDTC", f"{domain}ENDTC"
        case "before_dose":
            there = collected in records.domain(domain).collect_schema()
            return (collected if there else f"{domain}STDTC",)


def _on_time(variable: m.FromRecords, dates: tuple[str, ...]) -> pl.Expr:
    """Whether a record is of the day of the first dose, or before it, as the variable asks."""
    day_1 = pl.coalesce("TRTSDT", "RANDDT")
    started = iso.parse(pl.col(dates[0]), impute="first") <= day_1
    if variable.at == "before_dose":
        return started.fill_null(False)
    end = iso.parse(pl.col(dates[1]), impute="last")
    return (started & (end.is_null() | (end >= day_1))).fill_null(False)


_PER_UNIT = {"years": 365.25, "months": 30.4375, "days": 1.0}


def _time_since(
    adsl: pl.DataFrame, name: str, variable: m.FromDate, records: Records
) -> pl.DataFrame:
    start = iso.parse(pl.col(variable.date), impute="first").alias("V")
    found = matching(records, variable.domain, variable.where, (variable.date,), _asks(name))
    rows = found.select("USUBJID", start)
    first = rows.sort("USUBJID", "V", descending=[False, True])
    joined = _joined(adsl, name, first)
    days = (pl.col(variable.to) - pl.col(name)).dt.total_days()
    return joined.with_columns((days / _PER_UNIT[variable.unit]).alias(name))


def _strata_observed(protocol: Protocol, adsl: pl.DataFrame) -> pl.DataFrame:
    for i, stratum in enumerate(protocol.strata.values(), 1):
        column = f"STRAT{i}V"
        if column in adsl.columns or stratum.observed not in adsl.columns:
            continue
        value = pl.lit(None, pl.String)
        for level in stratum.levels:
            test = Test(equals=level.equals, at_least=level.at_least, below=level.below)
            inside = expression({stratum.observed: test}, dict(adsl.schema))
            value = pl.when(inside).then(pl.lit(level.id)).otherwise(value)
        adsl = adsl.with_columns(value.alias(column))
    return adsl


def _population_flags(protocol: Protocol, adsl: pl.DataFrame) -> pl.DataFrame:
    for population in protocol.populations.values():
        known = set(population.where) <= set(adsl.columns)
        if population.flag and population.flag not in adsl.columns and known:
            holds = expression(population.where, dict(adsl.schema))
            flag = pl.when(holds).then(pl.lit("Y")).otherwise(pl.lit("N"))
            adsl = adsl.with_columns(flag.alias(population.flag))
    return adsl
