"""ADSL before the declared variables: who was screened, randomised, treated, and how it ended."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from openlupus.derivation.exposure import treatment_emergent_end
from openlupus.derivation.model import ARM_COLUMNS, Arms
from openlupus.derivation.tally import Tally
from openlupus.errors import DerivationError
from openlupus.protocol import Protocol
from openlupus.records import Records
from openlupus.records import dates as iso

NOT_ARMS = ("", "SCRNFAIL", "NOTASSGN", "NOTTRT", "SCREEN FAILURE")
"""ARMCD values of CDISC that say that there is no arm (compared in upper case)."""

_COLLECTED = (
    "STUDYID", "USUBJID", "SUBJID", "SITEID", "AGE", "AGEU", "SEX", "RACE", "ETHNIC", "COUNTRY",
    *ARM_COLUMNS, "DTHFL",
)  # fmt: skip


def people(protocol: Protocol, records: Records, arms: Arms, tally: Tally) -> pl.DataFrame:
    """DM with one row a subject, sorted, in these arms; the first record of a subject stands.

    A study in which nobody departed from the plan may leave the actual arm out.

    Raises:
        DerivationError: a subject is in an arm that is not declared, and so in no analysis.
    """
    dm = records.domain("DM").collect()
    place = {"dataset": "ADSL", "domain": "DM"}
    first = pl.col("USUBJID").is_first_distinct()
    dm = tally.keep(dm, pl.col("USUBJID").is_not_null(), "USUBJID is missing", **place)
    _refuse_two_arms(dm)
    dm = tally.keep(dm, first, "subject has an earlier record", **place).sort("USUBJID")
    for actual, planned in (("ACTARMCD", "ARMCD"), ("ACTARM", "ARM")):
        if dm[actual].is_null().all():
            dm = dm.with_columns(pl.col(planned).alias(actual))
    _refuse_unknown_arms(protocol, dm)
    return arms.assign(dm, dm.select(_has_arm()).to_series())


def subjects(
    protocol: Protocol, records: Records, tally: Tally, *, cut: date | None = None
) -> pl.DataFrame:
    """One row a subject of `people`, with the variables that every study has.

    At a data cut time at risk ends on its day, and a subject without an arm failed screening only
    if the records say so.
    """
    dm = records.domain("DM").collect()
    disposition = _of(dm, records, "DS", tally)
    frame = dm.select(
        *_COLLECTED,
        pl.col("ARM").alias("TRT01P"),
        pl.col("ACTARM").alias("TRT01A"),
        iso.parse(pl.col("RFICDTC"), impute="first").alias("RFICDT"),
        iso.parse(pl.col("DTHDTC"), impute="first").alias("DTHDT"),
    )
    for more in (
        _exposure(_of(dm, records, "EX", tally)),
        _milestones(disposition),
        _end_of(disposition, "TREATMENT", "EOT", "DCTREAS"),
        _end_of(disposition, "", "EOS", "DCSREAS"),
        _screen_failure(disposition),
    ):
        frame = frame.join(more, on="USUBJID", how="left", maintain_order="left")
    # Treatment whose last day is not recorded went on until it was said to have ended.
    last = pl.when("OPEN").then(pl.max_horizontal("TRTEDT", "EOTDT")).otherwise("TRTEDT")
    frame = frame.with_columns(**_flags(cut), TRTEDT=last).with_columns(
        RFICDT=pl.coalesce("RFICDT", "CONSENTDT"),
        RANDDT=pl.when(pl.col("RANDFL") == "Y").then("RANDDT"),
        TAEEDT=treatment_emergent_end(protocol.safety.days_after_last_dose, cut),
        TRTDURD=iso.study_day(pl.col("TRTEDT"), pl.col("TRTSDT")),
        REGION1=_region(protocol),
    )
    return _strata_as_randomised(protocol, records, frame.drop("CONSENTDT", "OPEN"))


def last_disposition(rows: pl.DataFrame, epoch: str) -> pl.DataFrame:
    """The record of DS that says how an epoch ended: USUBJID, ENDED, ENDDT, DSSEQ, one a subject.

    Args:
        rows: Records of DS.
        epoch: Of the events of this epoch the last one counts. A subject without any is judged by
            its last event after screening, as is every subject where `epoch` is empty: some
            studies date the epoch of an event, and treatment then ends in FOLLOW-UP.
    """
    named = pl.col("EPOCH").fill_null(epoch).str.to_uppercase()
    event = (
        (pl.col("DSCAT").str.to_uppercase() == "DISPOSITION EVENT")
        & (named != "SCREENING")
        & (pl.col("ENDED") != "SCREEN FAILURE")
    )
    found = rows.with_columns(
        ENDED=pl.col("DSDECOD").str.to_uppercase(),
        ENDDT=iso.parse(pl.col("DSSTDTC"), impute="first"),
        OF_EPOCH=(named == epoch.upper()) & pl.lit(epoch != ""),
    )
    return (
        found.filter(event)
        .sort("USUBJID", "OF_EPOCH", "ENDDT", "DSSEQ")
        .unique("USUBJID", keep="last", maintain_order=True)
        .select("USUBJID", "ENDED", "ENDDT", "DSSEQ")
    )


def _has_arm(column: str = "ARMCD") -> pl.Expr:
    return ~pl.col(column).fill_null("").str.to_uppercase().is_in(NOT_ARMS)


def _refuse_two_arms(dm: pl.DataFrame) -> None:
    arms = dm.filter(_has_arm()).group_by("USUBJID").agg(pl.col("ARMCD").unique().sort())
    twice = arms.filter(pl.col("ARMCD").list.len() > 1).sort("USUBJID")
    if twice.height:
        named = [f"{who}: {' and '.join(codes)}" for who, codes in twice.head(10).iter_rows()]
        raise DerivationError(
            f"DM has {twice.height} subject(s) in two arms ({'; '.join(named)}); nobody can be "
            "analysed in both: correct the records"
        )


def _refuse_unknown_arms(protocol: Protocol, dm: pl.DataFrame) -> None:
    codes = [arm.code for arm in protocol.arms.values()]
    faults = [
        f"{column} {code}: {number} subject(s)"
        for column in ("ARMCD", "ACTARMCD")
        for code, number in dm.filter(_has_arm(column) & ~pl.col(column).is_in(codes))
        .group_by(column)
        .len()
        .sort(column)
        .iter_rows()
    ]
    if faults:
        raise DerivationError(
            f"DM has subjects in arms that are not declared ({'; '.join(faults)}); declared are "
            f"{', '.join(codes)}; correct the records, or declare the arm with that code"
        )


def _of(dm: pl.DataFrame, records: Records, domain: str, tally: Tally) -> pl.DataFrame:
    """The rows of a domain whose subjects are in DM; others are counted."""
    rows = records.domain(domain).collect()
    known = pl.col("USUBJID").is_in(dm["USUBJID"].implode())
    return tally.keep(rows, known, "subject is not in DM", dataset="ADSL", domain=domain)


def _exposure(rows: pl.DataFrame) -> pl.DataFrame:
    """First and last day of treatment as recorded; OPEN: the last interval has no end.

    An interval without an end ends, as far as EX says, on the day on which it starts.
    """
    start = iso.parse(pl.col("EXSTDTC"), impute="first")
    end = iso.parse(pl.col("EXENDTC"), impute="last")
    return rows.group_by("USUBJID").agg(
        start.min().alias("TRTSDT"),
        pl.coalesce(end, start).max().alias("TRTEDT"),
        end.is_null().sort_by(start, "EXSEQ").last().alias("OPEN"),
    )


def _milestones(rows: pl.DataFrame) -> pl.DataFrame:
    day = iso.parse(pl.col("DSSTDTC"), impute="first")
    reached = {"RANDDT": "RANDOMIZED", "CONSENTDT": "INFORMED CONSENT OBTAINED"}
    return rows.group_by("USUBJID").agg(
        day.filter(pl.col("DSDECOD").str.to_uppercase() == term).min().alias(name)
        for name, term in reached.items()
    )


def _end_of(rows: pl.DataFrame, epoch: str, prefix: str, reason: str) -> pl.DataFrame:
    """Status, date and, unless completed, the reason of the end of treatment or study."""
    done = pl.col("ENDED") == "COMPLETED"
    return last_disposition(rows, epoch).select(
        "USUBJID",
        pl.when(done)
        .then(pl.lit("COMPLETED"))
        .otherwise(pl.lit("DISCONTINUED"))
        .alias(f"{prefix}STT"),
        pl.col("ENDDT").alias(f"{prefix}DT"),
        pl.when(~done).then("ENDED").alias(reason),
    )


def _screen_failure(rows: pl.DataFrame) -> pl.DataFrame:
    failed = rows.filter(pl.col("DSDECOD").str.to_uppercase() == "SCREEN FAILURE")
    first = failed.sort("USUBJID", "DSSEQ").unique("USUBJID", keep="first")
    return first.select("USUBJID", pl.col("DSTERM").alias("SCRFREAS"))


def _flags(cut: date | None) -> Mapping[str, pl.Expr]:
    randomised = _has_arm()
    treated = pl.col("TRTSDT").is_not_null() & randomised

    def flag(condition: pl.Expr) -> pl.Expr:
        return pl.when(condition.fill_null(False)).then(pl.lit("Y")).otherwise(pl.lit("N"))

    return {
        "SCRNFL": pl.lit("Y"),
        "RANDFL": flag(randomised),
        "TRTFL": flag(treated),
        "SCRFFL": flag(~randomised & (pl.col("SCRFREAS").is_not_null() | (cut is None))),
        "COMPLFL": flag((pl.col("EOTSTT") == "COMPLETED") & treated),
        "DTHFL": flag((pl.col("DTHFL") == "Y") | pl.col("DTHDT").is_not_null()),
    }


def _region(protocol: Protocol) -> pl.Expr:
    place = {c: region.label for region in protocol.regions.values() for c in region.countries}
    return pl.col("COUNTRY").replace_strict(place, default=None, return_dtype=pl.String)


def _strata_as_randomised(
    protocol: Protocol, records: Records, frame: pl.DataFrame
) -> pl.DataFrame:
    supplied = records.domain("SUPPDM").select("USUBJID", "QNAM", "QVAL").collect()
    for i, stratum in enumerate(protocol.strata.values(), 1):
        levels = (
            supplied.filter(pl.col("QNAM") == stratum.randomised)
            .unique("USUBJID", keep="first", maintain_order=True)
            .select("USUBJID", pl.col("QVAL").alias(f"STRAT{i}R"))
        )
        frame = frame.join(levels, on="USUBJID", how="left", maintain_order="left")
    return frame
