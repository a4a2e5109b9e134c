"""Rules on what names a row: keys, subjects, the study, the row that a supplement belongs to."""

from collections.abc import Iterator

import polars as pl

from openlupus.records.model import Records
from openlupus.records.rules.base import found, keys_of, of_subjects, rule, sentence, shown

_NOT_IN_SDTM = (pl.Binary, pl.Duration, pl.Time, pl.List, pl.Array, pl.Struct, pl.Object)


@rule("error", "every row has its subject and the other columns that name it")
def key_missing(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        keys = keys_of(records, name)
        # In a supplement without IDVAR the subject and QNAM name the row.
        for key in [key for key in keys if not key.startswith("IDVAR")]:
            message = f"{key} is missing, and names the row"
            wrong = pl.col(key).is_null()
            yield found(frame, wrong, domain=name, keys=keys, field=key, message=message)


@rule("error", "no two rows of a domain have the same keys")
def duplicate_keys(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        keys = list(keys_of(records, name))
        if len(keys) < 2 and name != "DM":
            continue
        several = (
            frame.group_by(keys)
            .agg(rows=pl.len())
            .filter(pl.col("rows") > 1, pl.col(keys[-1]).is_not_null())
        )
        yield found(
            several,
            pl.lit(True),
            domain=name,
            keys=keys,
            field=keys[-1],
            message="{} rows have these keys",
            about=[pl.col("rows")],
        )


@rule("error", "every subject of a domain is in DM")
def subject_not_in_dm(records: Records) -> Iterator[pl.LazyFrame]:
    if not records.has("DM"):
        return
    people = records.domain("DM").select("USUBJID")
    for name, frame in of_subjects(records):
        if name == "DM":
            continue
        strange = frame.join(people, on="USUBJID", how="anti").group_by("USUBJID").agg(n=pl.len())
        yield found(
            strange,
            pl.col("USUBJID").is_not_null(),
            domain=name,
            keys=["USUBJID"],
            field="USUBJID",
            message="the subject has {} rows here, and none in DM",
            about=[pl.col("n")],
        )


@rule("error", "all rows are of one study", of_study=True)
def study_not_one(records: Records) -> Iterator[pl.LazyFrame]:
    studies = [
        frame.group_by("STUDYID").agg(n=pl.len()).with_columns(domain=pl.lit(name))
        for name, frame in records.domains.items()
        if "STUDYID" in frame.collect_schema()
    ]
    if not studies:
        return
    # The study of most rows of DM is the one; without DM that of most rows at all.
    rows = pl.concat(studies, how="vertical_relaxed")
    of_dm = (pl.col("domain") == "DM").fill_null(False)
    order = rows.group_by("STUDYID").agg(dm=pl.col("n").filter(of_dm).sum(), n=pl.col("n").sum())
    main = order.sort("dm", "n", "STUDYID", descending=[True, True, False]).head(1)
    others = rows.join(main.select("STUDYID"), on="STUDYID", how="anti", nulls_equal=True)
    yield others.join(main.select(main="STUDYID"), how="cross").select(
        "domain",
        key=shown(pl.col("STUDYID")),
        field=pl.lit("STUDYID"),
        value=shown(pl.col("STUDYID")),
        message=sentence("{} rows are not of study {}", pl.col("n"), pl.col("main")),
    )


@rule("warning", "a supplemental qualifier belongs to a row of its domain")
def supplement_without_row(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in of_subjects(records):
        parent = name.removeprefix("SUPP")
        sequence = f"{parent}SEQ"
        if parent == name or not records.has(parent):
            continue
        rows = records.domains[parent]
        if sequence not in rows.collect_schema():
            continue
        numbered = frame.filter(pl.col("IDVAR") == sequence).with_columns(
            at=pl.col("IDVARVAL").str.strip_chars().cast(pl.Float64, strict=False)
        )
        lost = numbered.join(rows.select("USUBJID", at=sequence), on=["USUBJID", "at"], how="anti")
        yield found(
            lost,
            pl.lit(True),
            domain=name,
            keys=keys_of(records, name),
            field="IDVARVAL",
            message=f"{parent} has no row with this {sequence}",
        )


@rule("warning", "a column holds text, numbers or dates", of_study=True)
def unknown_column_type(records: Records) -> Iterator[pl.LazyFrame]:
    for name, frame in records.domains.items():
        odd = {n: t for n, t in frame.collect_schema().items() if isinstance(t, _NOT_IN_SDTM)}
        for column, dtype in odd.items():
            yield pl.LazyFrame(
                {
                    "domain": [name],
                    "key": [""],
                    "field": [column],
                    "value": [str(dtype)],
                    "message": ["SDTM has no such type; the column is kept and used by nothing"],
                }
            )
