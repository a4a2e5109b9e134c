"""`check`: every rule on all records, and where they are broken, as rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from openlupus.records.context import CheckContext
from openlupus.records.model import Records, require
from openlupus.records.rules import RULES, Rule, arms
from openlupus.records.schema import domain

COLUMNS = ("domain", "key", "field", "value", "rule", "severity", "message")
SUBJECTS_AT_ONCE = 1000
FILE_REMARK = "file_remark"
_SENTENCE = "a file needs no remark"


@dataclass(frozen=True, slots=True)
class Findings:
    """Where records break rules; nothing is dropped for it.

    `rows` has the columns `domain, key, field, value, rule, severity, message`, all text; `key` is
    the values of the domain's key columns, joined by `|`. `rules` are those that were asked.
    """

    rows: pl.DataFrame
    rules: tuple[Rule, ...]

    def counts(self) -> pl.DataFrame:
        """One row a rule, broken or not: `rule, severity, findings, sentence`; most first."""
        asked = pl.DataFrame(
            [
                *((rule.name, rule.severity, rule.sentence) for rule in self.rules),
                (FILE_REMARK, "note", _SENTENCE),
            ],
            schema=["rule", "severity", "sentence"],
            orient="row",
        )
        number = self.rows.group_by("rule").agg(findings=pl.len().cast(pl.Int64))
        return (
            asked.join(number, on="rule", how="left")
            .with_columns(pl.col("findings").fill_null(0))
            .select("rule", "severity", "findings", "sentence")
            .sort("findings", "rule", descending=[True, False])
        )


def check(
    records: Records,
    context: CheckContext,
    *,
    rules: Sequence[Rule] = RULES,
    subjects_at_once: int = SUBJECTS_AT_ONCE,
) -> Findings:
    """Every rule on all records.

    Subjects are looked at in batches, so that memory is bounded by the batch and by the number of
    findings, whatever the size of the study.

    Raises:
        RecordsError: there is no DM, without which no subject is known.
    """
    require(records, {"DM": domain("DM").required})
    of_study = [rule for rule in rules if rule.of_study]
    of_subject = [rule for rule in rules if not rule.of_study]
    parts = [_remarks(records), *_broken(records, context, of_study)]
    for batch in records.batches(subjects_at_once):
        parts += _broken(batch.collect(), context, of_subject)
    rows = pl.concat(parts).sort("domain", "key", "field", "rule", "value", "message")
    return Findings(rows, tuple(rules))


def without_arms(findings: Findings) -> Findings:
    """The findings, those of the rules on arms without value and message."""
    hide = pl.col("rule").is_in(
        [rule.name for rule in vars(arms).values() if isinstance(rule, Rule)]
    )
    told = {
        "value": pl.when(hide).then(pl.lit("")).otherwise("value"),
        "message": pl.when(hide)
        .then(pl.lit("hidden while arms are shuffled"))
        .otherwise("message"),
    }
    return Findings(findings.rows.with_columns(**told), findings.rules)


def _broken(records: Records, context: CheckContext, rules: Iterable[Rule]) -> list[pl.DataFrame]:
    frames = [
        frame.select(
            *COLUMNS[:4], rule=pl.lit(rule.name), severity=pl.lit(rule.severity), message="message"
        )
        for rule in rules
        for frame in rule.find(records, context)
    ]
    return [frame for frame in pl.collect_all(frames) if frame.height]


def _remarks(records: Records) -> pl.DataFrame:
    """What the readers had to say about files, as notes."""
    return pl.DataFrame(
        [
            (source.domain, path, "", "", FILE_REMARK, "note", source.remark)
            for path, source in records.origin.items()
            if source.remark
        ],
        schema=dict.fromkeys(COLUMNS, pl.String),
        orient="row",
    )
