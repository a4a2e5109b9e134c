"""Records to analysis data, one screen: what is made, from what, in which order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

import polars as pl

from openlupus.derivation import (
    adsl as base,
)
from openlupus.derivation import (
    adverse_events,
    genes,
    inputs,
    intercurrent,
    medication,
    on_request,
    response,
    scores,
    time_to_event,
    variables,
    weight,
)
from openlupus.derivation.courses import Course
from openlupus.derivation.model import AnalysisData, Arms
from openlupus.derivation.tally import Tally
from openlupus.protocol import Protocol
from openlupus.protocol import model as m
from openlupus.protocol.methods import OfEndpoint
from openlupus.records import Records, require

NEEDS: dict[str, tuple[str, ...]] = {
    "DM": ("USUBJID", "ARMCD", "ARM"),
    "EX": ("USUBJID", "EXSTDTC"),
    "DS": ("USUBJID", "DSDECOD"),
}
"""Domains and columns without which nothing can be derived."""

SOURCE_OF = {
    "ADSLEDAI": "RS", "ADBILAG": "RS", "ADGC": "CM", "ADGF": "GF", "ADAE": "AE",
    **on_request.SOURCE_OF,
}  # fmt: skip
"""Data set to the domain that it is made from."""

BATCH = 5_000
"""Subjects taken at a time; memory is bounded by this many, time is not changed by it."""

_ORDER: Mapping[str, Sequence[str]] = {
    "ADSL": ("USUBJID",),
    "ADICE": ("USUBJID", "ICESEQ"),
    "ADAE": ("USUBJID", "AESEQ"),
    "ADCM": ("USUBJID", "CMSEQ"),
    "ADMH": ("USUBJID", "MHSEQ"),
    "ADDV": ("USUBJID", "DVSEQ"),
    "ADEX": ("USUBJID", "PARAMN"),
    "ADRESP": ("USUBJID", "PARAMCD", "AVISITN"),
    "ADTTE": ("USUBJID", "PARAMCD"),
}
_ORDER_OF_BDS = ("USUBJID", "PARAMCD", "ADT", "VISITNUM")


def derive(
    protocol: Protocol,
    records: Records,
    *,
    arms: Arms,
    also: Sequence[str] = (),
    cut: date | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch: int = BATCH,
) -> AnalysisData:
    """Analysis data of a study.

    Args:
        protocol: The declaration.
        records: Item-level records; DM, EX and DS are needed.
        arms: True arms under a lock, or shuffled ones for a dry run. They are shuffled before
            anything is derived, so that no variable shows a true one.
        also: Data sets to make though the declaration does not name them.
        cut: Day of the data cut, if the records stop at one: time at risk ends there, and who is
            neither randomised nor failed is still being screened.
        progress: Called with subjects done and subjects in all.
        batch: Subjects taken at a time.

    Returns:
        ADSL, ADSLEDAI, ADBILAG, ADQS, ADGC, ADGF, ADICE, ADRESP, ADAE, and those of
        `on_request.MAKERS` that the declaration names, each sorted by subject, and the count of
        the records left out, with reasons.

    Raises:
        RecordsError: a domain or column that is needed is not there.
        DerivationError: a declared variable, event or end point cannot be derived from these
            records.
    """
    require(records, _needs(protocol))
    tally, done = Tally(), 0
    forms = scores.forms_of(records)
    people = base.people(protocol, records, arms, tally)
    held = Records({**records.domains, "DM": people.lazy()}, records.origin)
    parts: list[dict[str, pl.DataFrame]] = []
    for some in held.batches(batch):
        parts.append(_frames(protocol, some, tally, forms, also, cut))
        done += parts[-1]["ADSL"].height
        if progress:
            progress(done, people.height)
    study = pl.lit(people["STUDYID"].drop_nulls().first(), pl.String).alias("STUDYID")
    frames = {
        name: _stacked([part[name] for part in parts]).select(study, pl.exclude("STUDYID"))
        for name in parts[0]
    }
    variables.complete(protocol, frames["ADSL"])
    return AnalysisData(frames, arms, records.synthetic, tally.frame)


def _needs(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """Domains and columns that the declaration asks for: one that was not given is not empty."""
    datasets = on_request.asked(protocol)
    domains: set[str] = {"RS"} if protocol.endpoints else set()
    for variable in protocol.variables.values():
        match variable:
            case m.FromRecords() | m.FromDate() | m.FromText():
                domains.add(variable.domain)
            case _:
                pass
    for analysis in protocol.analyses.values():
        match analysis.method:
            case OfEndpoint(strata_as="randomised", strata=strata) if strata:
                domains.add("SUPPDM")
            case _:
                pass
    domains |= {SOURCE_OF[dataset] for dataset in datasets if dataset in SOURCE_OF}
    return NEEDS | dict.fromkeys(sorted(domains - NEEDS.keys()), ("USUBJID",))


def _stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]


def _frames(
    protocol: Protocol,
    records: Records,
    tally: Tally,
    forms: Collection[str],
    also: Sequence[str],
    cut: date | None,
) -> dict[str, pl.DataFrame]:
    adsl = base.subjects(protocol, records, tally, cut=cut)
    reference = adsl.filter(pl.col("RANDFL") == "Y").select(
        "USUBJID", pl.coalesce("TRTSDT", "RANDDT").alias("REFDT")
    )
    frames, courses = scores.scored(records, reference, protocol, tally, forms)
    taken = medication.intervals(records, reference, tally)
    steroid = medication.glucocorticoid_courses(taken, ("GLUCOCORTICOID",), tally)
    if records.has("CM"):
        frames["ADGC"] = medication.daily_dose(
            steroid, adsl, reference, protocol.schedule, protocol.scoring.glucocorticoid_baseline
        )
    frames["ADGF"] = genes.signatures(records, reference, protocol.schedule, tally)
    events = intercurrent.events(protocol, records, reference, taken, tally)
    frames["ADICE"] = events.certain
    frames["ADAE"] = adverse_events.events(records, adsl, protocol.safety, tally)
    request = on_request.Sources(protocol, records, reference, adsl, tally)
    frames |= on_request.made(request, also)
    adsl = variables.add(protocol, adsl, records, frames)
    if records.has("VS") and weight.asked(protocol.endpoints.values()):
        courses.append(weight.course(records, reference, tally))
    feed = _feed(protocol, adsl, courses, frames, steroid, events.possible)
    frames["ADRESP"] = response.responses(protocol, feed)
    if protocol.times:
        frames["ADTTE"] = time_to_event.times(
            protocol, adsl, frames["ADRESP"], frames["ADICE"], feed
        )
    adsl = variables.add(protocol, adsl, records, frames)
    return {name: _sorted(name, frame) for name, frame in {"ADSL": adsl, **frames}.items()}


def _feed(
    protocol: Protocol,
    adsl: pl.DataFrame,
    courses: Sequence[Course],
    frames: Mapping[str, pl.DataFrame],
    steroid: pl.DataFrame,
    possible: pl.DataFrame,
) -> inputs.Feed:
    """What the inputs of composites are made of; without CM no dose is known."""
    dose = [inputs.dose_course(frames["ADGC"])] if "ADGC" in frames else []
    return inputs.Feed(
        everyone=adsl.filter(pl.col("RANDFL") == "Y").sort("USUBJID"),
        courses=[*courses, *dose],
        doses=steroid if dose else None,
        events=frames["ADICE"],
        possible=possible,
        schedule=protocol.schedule,
    )


def _sorted(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    order = [c for c in _ORDER.get(name, _ORDER_OF_BDS) if c in frame.columns]
    return frame.sort(order, maintain_order=True)
