"""ADRESP: the verdict of each responder end point at each visit, and why it is what it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation.courses import DOSE, WEIGHT, parts, treatment
from openlupus.derivation.flares import RESPONDER
from openlupus.derivation.inputs import Feed
from openlupus.errors import DerivationError
from openlupus.instruments import flare, s2k_ri50, selena_sledai, sle_das
from openlupus.instruments.composites import COMPOSITES, FLARES
from openlupus.protocol import Protocol
from openlupus.protocol.conditions import expression
from openlupus.protocol.model import Endpoint, Visit
from openlupus.records import dates as iso

NON_RESPONSE, CARRIED = "NRI", "LOCF"
"""DTYPE of a verdict that is non-response by imputation (missing data or an intercurrent event),
and of one that stands for those after the subject went off treatment."""

_SOURCE: Mapping[str, str] = {
    **dict.fromkeys((DOSE, f"{DOSE}_highest"), "doses: records of CM"),
    WEIGHT: "weight: VS, VSTESTCD WEIGHT",
    **{
        measure: f"{measure}: RS, RSCAT {category}, {codes[0]} to {codes[-1]}"
        for measure, category, codes in (
            ("selena_sledai", selena_sledai.CATEGORY, selena_sledai.CODES),
            ("sfi_items", flare.CATEGORY, flare.CODES),
            ("sledai_improved", s2k_ri50.CATEGORY, s2k_ri50.CODES),
            ("sle_das", sle_das.CATEGORY, sle_das.CODES),
        )
    },
}
"""Where measures come from that the records of a study may lack."""

SCHEMA: Mapping[str, Any] = {
    "USUBJID": pl.String, "PARAMCD": pl.String, "PARAM": pl.String, "AVISIT": pl.String,
    "AVISITN": pl.Float64, "ADT": pl.Date, "ADY": pl.Float64, "AVAL": pl.Float64,
    "AVALC": pl.String, "DTYPE": pl.String, "REASON": pl.String, "OBSFL": pl.String,
}  # fmt: skip


def responses(protocol: Protocol, feed: Feed) -> pl.DataFrame:
    """Verdicts of every declared end point, one row a subject, visit and end point.

    Subjects: the randomised to whom the end point applies. AVAL is 1 or 0 (null where the
    declaration lets a missing verdict stay missing), AVALC `Y` or `N`, DTYPE `NRI` where the
    verdict is imputed, REASON why a subject is no responder. An end point that must be maintained
    has verdicts from that visit on.

    Raises:
        DerivationError: an end point needs what is not derived from the records.
    """
    for name, endpoint in protocol.endpoints.items():
        _refuse_underivable(name, endpoint, feed)
    judged: dict[str, list[pl.DataFrame]] = {name: [] for name in protocol.endpoints}
    for visit in treatment(protocol.schedule):
        for name, endpoint in protocol.endpoints.items():
            if visit.number >= _first(protocol, endpoint):
                judged[name].append(_verdicts(endpoint, feed, visit))
    decided = [
        _decide(
            _in_doubt(_carried(_with_event(pl.concat(found), endpoint, feed))), endpoint
        ).select(*SCHEMA)
        for endpoint, found in zip(protocol.endpoints.values(), judged.values(), strict=True)
        if found
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *decided])


def _first(protocol: Protocol, endpoint: Endpoint) -> float:
    """Number of the first visit with a verdict."""
    kept = endpoint.maintained_from
    return protocol.visit(kept).number if kept else -np.inf


def _refuse_underivable(name: str, endpoint: Endpoint, feed: Feed) -> None:
    if lacking := feed.lacks(endpoint):
        label = COMPOSITES[endpoint.composite].label
        measures = dict.fromkeys(parts(need)[0] for need in lacking)
        sources = dict.fromkeys(_SOURCE[of] for of in measures if of in _SOURCE)
        held = f" ({'; '.join(sources)})" if sources else ""
        raise DerivationError(
            f'end point "{name}" ({label}) needs {", ".join(lacking)}, which these records do not '
            f"give{held}; declare another end point, give the domain that holds it, or give its "
            "data set (ADRESP) as analysis data"
        )


def _verdicts(endpoint: Endpoint, feed: Feed, visit: Visit) -> pl.DataFrame:
    """VERDICT (1, 0, -1) of each subject at a visit, WHY it is no response, ADT, and DUE.

    ADT is the latest day of the assessments that the verdict rests on, of a flare the day on which
    it was seen. DUE is the day on which it is passed: ADT or, without any assessment, the target
    day of the visit.
    """
    composite, everyone = COMPOSITES[endpoint.composite], feed.everyone
    applies = expression(endpoint.eligible, dict(everyone.schema))
    chosen = everyone.with_row_index("ROW").filter(applies)["ROW"]
    told, assessed = _judged(endpoint, feed, visit, chosen.to_numpy())
    named = (endpoint.component,) if endpoint.component else composite.components
    who = everyone.select(
        "USUBJID", START=pl.coalesce("TRTSDT", "RANDDT"), ADT=assessed,
        DUE=feed.due(assessed, visit),
    )  # fmt: skip
    return who[chosen].select(
        "USUBJID",
        pl.lit(endpoint.parameter).alias("PARAMCD"),
        pl.lit(endpoint.label).alias("PARAM"),
        pl.lit(visit.label).alias("AVISIT"),
        pl.lit(visit.number).alias("AVISITN"),
        "START", "ADT", "DUE",
        pl.Series("VERDICT", told[endpoint.component or RESPONDER], pl.Int8),
        _reasons(named, [told[part] for part in named]).alias("WHY"),
    )  # fmt: skip


def _judged(
    endpoint: Endpoint, feed: Feed, visit: Visit, row: NDArray[np.uint32]
) -> tuple[Mapping[str, NDArray[np.int8]], pl.Series]:
    """The composite and its components (1, 0, -1) in these subjects, and everybody's ADT."""
    if endpoint.composite in FLARES:
        codes, days = feed.searched(endpoint).verdicts(visit)
        named = endpoint.component or RESPONDER
        return {part: code[row] for part, code in codes.items()}, days[named]
    composite = COMPOSITES[endpoint.composite]
    inputs = {need: feed.array(need, endpoint, visit)[row] for need in composite.inputs}
    result: Any = composite.score(**endpoint.options, **inputs)
    told = {part: getattr(result, part) for part in (RESPONDER, *composite.components)}
    return told, feed.assessed(endpoint, visit)


def _with_event(judged: pl.DataFrame, endpoint: Endpoint, feed: Feed) -> pl.DataFrame:
    """EVENT and HOW: the first event that bears on the verdict, and the strategy declared for it.

    Events of treatment policy do not. Of two on one day a composite one goes first. DOUBT and
    DOUBT_HOW: the same of an event that may have come before it; it takes its place, unless that
    makes non-response anyway.
    """
    first = _first_bearing(feed.events, endpoint)
    doubt = _first_bearing(feed.possible, endpoint).rename(
        {"ASTDT": "DOUBTDT", "ICETERM": "DOUBT", "HOW": "DOUBT_HOW"}
    )
    for more in (first, doubt):
        judged = judged.join(more, on="USUBJID", how="left", maintain_order="left")
    by_now = (pl.col("ASTDT") <= pl.col("DUE")).fill_null(False)
    before = ~by_now | (pl.col("DOUBTDT") < pl.col("ASTDT"))
    open_ = (pl.col("DOUBTDT") <= pl.col("DUE")) & before
    open_ = (open_ & ~(by_now & (pl.col("HOW") == "composite"))).fill_null(False)
    return judged.with_columns(
        pl.when(by_now & ~open_).then("HOW").alias("HOW"),
        pl.when(by_now & ~open_).then("ICETERM").alias("EVENT"),
        pl.when(open_).then("DOUBT").alias("DOUBT"),
    )


def _first_bearing(events: pl.DataFrame, endpoint: Endpoint) -> pl.DataFrame:
    """Of each subject the first event that bears on an end point: ASTDT, ICETERM, HOW."""
    bearing = {k: how for k, how in endpoint.intercurrent.items() if how != "treatment_policy"}
    return (
        events.filter(pl.col("ICECAT").is_in(list(bearing)))
        .with_columns(HOW=pl.col("ICECAT").replace_strict(bearing, return_dtype=pl.String))
        .sort("USUBJID", "ASTDT", pl.col("HOW") != "composite", "ICESEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ASTDT", "ICETERM", "HOW")
    )


def _in_doubt(judged: pl.DataFrame) -> pl.DataFrame:
    """Where an event may have come the verdict is not known; an event cannot undo a non-response.

    That holds of an event that counts as one (composite). Any other might have set the verdict
    aside.
    """
    stays = (pl.col("DOUBT_HOW") == "composite") & (pl.col("VERDICT") == 0)
    open_ = pl.col("DOUBT").is_not_null() & ~stays
    return judged.with_columns(
        VERDICT=pl.when(open_).then(pl.lit(-1, pl.Int8)).otherwise("VERDICT"),
        WHY=pl.when(open_).then(pl.lit("cannot be known: ") + pl.col("DOUBT")).otherwise("WHY"),
    )


def _carried(judged: pl.DataFrame) -> pl.DataFrame:
    """While on treatment: after the event, the last verdict before it stands (CARRIED)."""
    off = (pl.col("HOW") == "while_on_treatment").fill_null(False)
    ordered = judged.sort("USUBJID", "AVISITN").with_row_index("ROW").with_columns(CARRIED=off)
    on_treatment = pl.when(~pl.col("CARRIED")).then("ROW")
    source = ordered.select(on_treatment.forward_fill().over("USUBJID")).to_series()
    told = [ordered[name].gather(source) for name in ("VERDICT", "WHY", "ADT")]
    return ordered.with_columns(told).with_columns(
        VERDICT=pl.col("VERDICT").fill_null(-1),
        WHY=pl.col("WHY").fill_null("no verdict before the event"),
    )


def _decide(judged: pl.DataFrame, endpoint: Endpoint) -> pl.DataFrame:
    failed = (pl.col("HOW") == "composite").fill_null(False)
    blank = (pl.col("HOW") == "hypothetical").fill_null(False)
    unknown = pl.col("VERDICT") < 0
    kept = blank | (unknown & ~failed & pl.lit(endpoint.missing == "missing"))
    imputed = (failed | unknown) & ~kept
    value = pl.when(imputed).then(0.0).otherwise(pl.col("VERDICT").cast(pl.Float64))
    return judged.with_columns(
        ADY=iso.study_day(pl.col("ADT"), pl.col("START")),
        AVAL=pl.when(~kept).then(value),
        DTYPE=pl.when(imputed)
        .then(pl.lit(NON_RESPONSE))
        .when(pl.col("CARRIED") & ~kept)
        .then(pl.lit(CARRIED)),
        REASON=pl.when(failed | blank).then("EVENT").when(pl.col("VERDICT") != 1).then("WHY"),
        OBSFL=pl.when(unknown | pl.col("CARRIED")).then(pl.lit("N")).otherwise(pl.lit("Y")),
    ).with_columns(
        AVALC=pl.col("AVAL").replace_strict({1.0: "Y", 0.0: "N"}, return_dtype=pl.String)
    )


def _reasons(components: Sequence[str], verdicts: Sequence[NDArray[np.int8]]) -> pl.Series:
    """Of each subject, the components that are not met and those that cannot be computed."""
    # Few combinations occur: each is put into words once.
    code = np.zeros(len(verdicts[0]), np.int64)
    for verdict in verdicts:
        code = code * 3 + (verdict + 1)
    met, place = np.unique(code, return_inverse=True)
    phrases = [_in_words(components, _digits(int(c), len(components))) for c in met]
    return pl.Series(phrases, dtype=pl.String).gather(pl.Series(place, dtype=pl.UInt32))


def _digits(code: int, n: int) -> list[int]:
    return [code // 3 ** (n - 1 - i) % 3 - 1 for i in range(n)]


def _in_words(components: Sequence[str], verdicts: Sequence[int]) -> str:
    told: list[str] = []
    for word, code in (("not met", 0), ("cannot be computed", -1)):
        pairs = zip(components, verdicts, strict=True)
        if named := [part.replace("_", " ") for part, verdict in pairs if verdict == code]:
            told.append(f"{word}: {' and '.join(named)}")
    return "; ".join(told)
