"""ADRESP: the verdict of each responder end point at each visit, and why it is what it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.derivation.scores import Course
from openlupus.errors import DerivationError
from openlupus.instruments.composites import COMPOSITES, Composite
from openlupus.protocol import Protocol
from openlupus.protocol.conditions import expression
from openlupus.protocol.model import Endpoint, Visit
from openlupus.records import dates as iso

NON_RESPONSE, CARRIED = "NRI", "LOCF"
"""DTYPE of a verdict that is non-response by imputation (missing data or an intercurrent event),
and of one that stands for those after the subject went off treatment."""

SCHEMA: Mapping[str, Any] = {
    "USUBJID": pl.String, "PARAMCD": pl.String, "PARAM": pl.String, "AVISIT": pl.String,
    "AVISITN": pl.Float64, "ADT": pl.Date, "ADY": pl.Float64, "AVAL": pl.Float64,
    "AVALC": pl.String, "DTYPE": pl.String, "REASON": pl.String, "OBSFL": pl.String,
}  # fmt: skip

_MISSING: Mapping[np.dtype[Any], float] = {np.dtype(np.int8): -1}


def responses(
    protocol: Protocol, adsl: pl.DataFrame, courses: Sequence[Course], adice: pl.DataFrame
) -> pl.DataFrame:
    """Verdicts of every declared end point, one row a subject, visit and end point.

    Subjects: the randomised to whom the end point applies. AVAL is 1 or 0 (null where the
    declaration lets a missing verdict stay missing), AVALC `Y` or `N`, DTYPE `NRI` where the
    verdict is imputed, REASON why a subject is no responder.

    Raises:
        DerivationError: an end point needs what is not derived from the records.
    """
    visits = [v for v in protocol.schedule.visits if v.role == "treatment"]
    everyone = adsl.filter(pl.col("RANDFL") == "Y").sort("USUBJID")
    for name, endpoint in protocol.endpoints.items():
        _refuse_underivable(name, COMPOSITES[endpoint.composite], courses)
    judged: dict[str, list[pl.DataFrame]] = {name: [] for name in protocol.endpoints}
    for visit in visits:
        seen = _seen(protocol.endpoints.values(), courses, everyone, visit)
        for name, endpoint in protocol.endpoints.items():
            judged[name].append(_verdicts(endpoint, seen, everyone))
    decided = [
        _decide(_carried(_with_event(pl.concat(found), endpoint, adice)), endpoint).select(*SCHEMA)
        for endpoint, found in zip(protocol.endpoints.values(), judged.values(), strict=True)
        if found
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *decided])


@dataclass(frozen=True)
class _Seen:
    """What was seen of every randomised subject at a visit.

    `inputs` are those of composites by name, `dates` the day of each assessment by measure.
    """

    visit: Visit
    inputs: Mapping[str, NDArray[Any]]
    dates: pl.DataFrame


def _seen(
    endpoints: Iterable[Endpoint], courses: Sequence[Course], everyone: pl.DataFrame, visit: Visit
) -> _Seen:
    needs = {need for each in endpoints for need in COMPOSITES[each.composite].inputs}
    inputs = {need: _input(need, courses, everyone, visit) for need in sorted(needs)}
    dates = everyone.select("USUBJID")
    for measure in sorted(_at_the_visit(needs)):
        chosen = _course(measure, courses).index.filter(_at(visit))
        day = chosen.select("USUBJID", pl.col("ADT").alias(measure))
        dates = dates.join(day, on="USUBJID", how="left", maintain_order="left")
    return _Seen(visit, inputs, dates)


def _at_the_visit(needs: Iterable[str]) -> set[str]:
    return {need.removesuffix("_visit") for need in needs if need.endswith("_visit")}


def _refuse_underivable(name: str, composite: Composite, courses: Sequence[Course]) -> None:
    lacking = [need for need in composite.inputs if not _derived(need, courses)]
    if lacking:
        raise DerivationError(
            f'end point "{name}" ({composite.label}) needs {", ".join(lacking)}, which this '
            "version does not derive from records; declare another end point, or give its data "
            "set (ADRESP) as analysis data"
        )


def _derived(need: str, courses: Sequence[Course]) -> bool:
    measure, _, when = need.rpartition("_")
    return when in ("baseline", "visit") and any(measure in c.measures for c in courses)


def _verdicts(endpoint: Endpoint, seen: _Seen, everyone: pl.DataFrame) -> pl.DataFrame:
    """VERDICT (1, 0, -1) of each subject at a visit, WHY it is no response, ADT, and DUE.

    ADT is the latest day of the assessments that the verdict rests on. DUE is the day on which it
    is passed: ADT or, without any assessment, the target day of the visit.
    """
    composite, visit = COMPOSITES[endpoint.composite], seen.visit
    applies = expression(endpoint.eligible, dict(everyone.schema))
    chosen = everyone.with_row_index("ROW").filter(applies)["ROW"]
    inputs = {need: seen.inputs[need][chosen.to_numpy()] for need in composite.inputs}
    result: Any = composite.score(**endpoint.options, **inputs)
    named = (endpoint.component,) if endpoint.component else composite.components
    assessed = pl.max_horizontal(sorted(_at_the_visit(composite.inputs)))
    start = pl.coalesce("TRTSDT", "RANDDT")
    who = everyone.select("USUBJID", start.alias("START"))
    who = who.with_columns(seen.dates.select(assessed.alias("ADT")).to_series())
    target = pl.col("START") + pl.duration(days=visit.day - 1)
    return who[chosen].select(
        "USUBJID",
        pl.lit(endpoint.parameter).alias("PARAMCD"),
        pl.lit(endpoint.label).alias("PARAM"),
        pl.lit(visit.label).alias("AVISIT"),
        pl.lit(visit.number).alias("AVISITN"),
        "START",
        "ADT",
        pl.coalesce("ADT", target).alias("DUE"),
        pl.Series("VERDICT", getattr(result, endpoint.component or "responder"), pl.Int8),
        _reasons(named, [getattr(result, part) for part in named]).alias("WHY"),
    )


def _with_event(judged: pl.DataFrame, endpoint: Endpoint, adice: pl.DataFrame) -> pl.DataFrame:
    """EVENT and HOW: the first event that bears on the verdict, and the strategy declared for it.

    Events of treatment policy do not. Of two on one day a composite one goes first.
    """
    bearing = {k: how for k, how in endpoint.intercurrent.items() if how != "treatment_policy"}
    first = (
        adice.filter(pl.col("ICECAT").is_in(list(bearing)))
        .with_columns(HOW=pl.col("ICECAT").replace_strict(bearing, return_dtype=pl.String))
        .sort("USUBJID", "ASTDT", pl.col("HOW") != "composite", "ICESEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ASTDT", "ICETERM", "HOW")
    )
    by_now = pl.col("ASTDT") <= pl.col("DUE")
    return judged.join(first, on="USUBJID", how="left", maintain_order="left").with_columns(
        EVENT=pl.when(by_now).then("ICETERM"), HOW=pl.when(by_now).then("HOW")
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


def _course(measure: str, courses: Sequence[Course]) -> Course:
    return next(course for course in courses if measure in course.measures)


def _rows(course: Course, who: pl.DataFrame, chosen: pl.Expr) -> NDArray[np.int64]:
    """Of each subject of `who`, the row of the chosen assessment; -1 where there is none."""
    rows = course.index.with_row_index("_row").filter(chosen).select("USUBJID", "_row")
    found = who.select("USUBJID").join(
        rows.unique("USUBJID", keep="last", maintain_order=True),
        on="USUBJID", how="left", maintain_order="left",
    )  # fmt: skip
    return found["_row"].cast(pl.Int64).fill_null(-1).to_numpy()


def _at(visit: Visit) -> pl.Expr:
    return (pl.col("ANL01FL") == "Y") & (pl.col("AVISITN") == visit.number)


def _input(need: str, courses: Sequence[Course], who: pl.DataFrame, visit: Visit) -> NDArray[Any]:
    """The array that a composite asks for by a name such as `pga_baseline` or `pga_visit`."""
    measure, _, when = need.rpartition("_")
    course = _course(measure, courses)
    values = course.measures[measure]
    rows = _rows(course, who, pl.col("ABLFL") == "Y" if when == "baseline" else _at(visit))
    missing = _MISSING.get(values.dtype, np.nan)
    # A row of missing values at the end, which -1 takes.
    with_none = np.concatenate([values, np.full((1, *values.shape[1:]), missing, values.dtype)])
    return with_none[rows]
