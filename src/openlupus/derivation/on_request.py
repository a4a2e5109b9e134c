"""Analysis data sets that are made only where the declaration names them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from openlupus.derivation import ecg, exposure, laboratory, measurements, occurrences
from openlupus.derivation.tally import Tally
from openlupus.protocol import Protocol
from openlupus.protocol import model as m
from openlupus.records import Records


@dataclass(frozen=True)
class Sources:
    """What these data sets are made from; `reference` has day 1 (REFDT) of the randomised."""

    protocol: Protocol
    records: Records
    reference: pl.DataFrame
    adsl: pl.DataFrame
    tally: Tally


def _adlb(s: Sources) -> pl.DataFrame:
    return laboratory.laboratory(s.records, s.reference, s.adsl, s.protocol.schedule, s.tally)


def _advs(s: Sources) -> pl.DataFrame:
    return measurements.vital_signs(s.records, s.reference, s.adsl, s.protocol.schedule, s.tally)


def _adeg(s: Sources) -> pl.DataFrame:
    return ecg.ecg(s.records, s.reference, s.adsl, s.protocol.schedule, s.tally)


def _adpc(s: Sources) -> pl.DataFrame:
    return measurements.measured(
        s.records, s.reference, s.adsl, s.protocol.schedule, s.tally, domain="PC"
    )


MAKERS: Mapping[str, tuple[str, Callable[[Sources], pl.DataFrame]]] = MappingProxyType({
    "ADLB": ("LB", _adlb),
    "ADVS": ("VS", _advs),
    "ADEG": ("EG", _adeg),
    "ADPC": ("PC", _adpc),
    "ADEX": ("EX", lambda s: exposure.exposure(s.protocol, s.records, s.adsl, s.tally)),
    "ADCM": ("CM", lambda s: occurrences.medications(s.records, s.adsl, s.tally)),
    "ADMH": ("MH", lambda s: occurrences.history(s.records, s.adsl, s.tally)),
    "ADDV": ("DV", lambda s: occurrences.deviations(s.records, s.adsl, s.tally)),
})  # fmt: skip
"""Data set to the domain that it is made from, and what makes it."""

SOURCE_OF: Mapping[str, str] = MappingProxyType({name: made[0] for name, made in MAKERS.items()})


def asked(protocol: Protocol) -> set[str]:
    """The data sets that analyses and variables of the declaration name."""
    names = {analysis.dataset for analysis in protocol.analyses.values()}
    for analysis in protocol.analyses.values():
        names |= set(analysis.method.datasets)
    for variable in protocol.variables.values():
        if isinstance(variable, m.FromParameter):
            names.add(variable.dataset)
    return names


def made(sources: Sources, also: Iterable[str] = ()) -> dict[str, pl.DataFrame]:
    """The frames of `MAKERS` that the declaration asks for, and those of `also`."""
    names = asked(sources.protocol) | set(also)
    names |= {
        dataset
        for analysis in sources.protocol.analyses.values()
        for dataset in analysis.method.optional
        if dataset in MAKERS and sources.records.has(MAKERS[dataset][0])
    }
    return {name: make(sources) for name, (_, make) in MAKERS.items() if name in names}
