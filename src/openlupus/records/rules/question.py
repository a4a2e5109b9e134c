"""A question about one visit, or about an item from visit to visit, and the words to ask it in."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from openlupus.instruments import bilag2004, sledai2k
from openlupus.instruments.bilag2004 import INDEX, ITEMS
from openlupus.records import dates
from openlupus.records.model import Records
from openlupus.records.rules.base import Rule, Severity, found
from openlupus.records.rules.one_visit import one_visit

SLEDAI_DEFINITION = "definition of the item, Gladman et al., J Rheumatol 2002;29:288"
BILAG_GLOSSARY = "glossary of BILAG-2004, revision of 1 September 2009"
SAME_FINDING = "the same finding of the same visit in two indices"
SAME_SAMPLE = "the same measurement on two forms"


@dataclass(frozen=True, slots=True)
class Question:
    """A rule on one visit: where `broken` is true, `field` is asked about, with its `value`.

    `reason`: a source, or why it should hold.
    """

    name: str
    severity: Severity
    sentence: str
    reason: str
    field: str
    value: str
    broken: pl.Expr

    def rule(self) -> Rule:
        """As the checks run it."""
        return Rule(self.name, self.severity, self.sentence, lambda r, _: self._find(r))

    def _find(self, records: Records) -> Iterator[pl.LazyFrame]:
        yield found(
            one_visit(records),
            self.broken,
            domain="QS" if self.field.startswith("FAC") else "RS",
            keys=["USUBJID", "VISITNUM"],
            field=self.field,
            value=pl.col(self.value),
            message=f"{self.sentence}; reason: {self.reason}",
        )


# -- words of the table below -------------------------------------------------------------------


def sledai(key: str) -> pl.Expr:
    """An item of SLEDAI-2K: 1, 0, null."""
    return pl.col(f"sledai_{key}")


def bilag(key: str) -> pl.Expr:
    """An item of BILAG-2004."""
    return pl.col(f"bilag_{key}")


def none_of(*keys: str) -> pl.Expr:
    """Each of these BILAG items was answered, and is absent."""
    return pl.all_horizontal(bilag(key) == 0 for key in keys)


def active(*keys: str) -> pl.Expr:
    """One of these BILAG items is same, worse or new."""
    return pl.any_horizontal(bilag(key) >= 2 for key in keys)


def severe_items(system: str) -> tuple[str, ...]:
    """The items of a system that make an A."""
    return tuple(item.key for item in ITEMS if item.system == system and item.tier == "A")


def sledai_code(key: str) -> str:
    return sledai2k.ITEMS[sledai2k.KEYS.index(key)].code


def bilag_code(key: str) -> str:
    return ITEMS[INDEX[key]].code


def ticked(key: str, what: str, broken: pl.Expr, name: str, reason: str) -> Question:
    """SLEDAI item present although something says that it is not."""
    sentence = f"SLEDAI-2K {key.replace('_', ' ')} is ticked only {what}"
    field = sledai_code(key)
    return Question(
        name, "warning", sentence, reason, field, f"sledai_{key}", (sledai(key) == 1) & broken
    )


def unticked(key: str, what: str, broken: pl.Expr, name: str, reason: str) -> Question:
    """SLEDAI item absent although something says that it is there; attribution may explain it."""
    sentence = f"SLEDAI-2K {key.replace('_', ' ')} is not left out {what}"
    field = sledai_code(key)
    return Question(
        name, "note", sentence, reason, field, f"sledai_{key}", (sledai(key) == 0) & broken
    )


def also_in_bilag(key: str, *items: str) -> Question:
    return ticked(
        key,
        f"with BILAG-2004 {' or '.join(item.replace('_', ' ') for item in items)}",
        none_of(*items),
        f"sledai_{key}_without_bilag",
        SAME_FINDING,
    )


def differs(key: str, other: str, factor: float, tolerance: float, what: str) -> Question:
    """A numeric item of BILAG-2004 that is not what the laboratory or vital signs say."""
    apart = (bilag(key) * factor - pl.col(other)).abs() > tolerance * pl.col(other)
    return Question(
        f"bilag_{key}_differs_from_{what}",
        "warning",
        f"BILAG-2004 {key.replace('_', ' ')} is that of the {what.replace('_', ' ')}",
        SAME_SAMPLE,
        bilag_code(key),
        f"bilag_{key}",
        apart,
    )


@dataclass(frozen=True, slots=True)
class Course:
    """A rule on a graded item of BILAG-2004 after what it was at the assessment before."""

    name: str
    severity: Severity
    sentence: str
    reason: str
    broken: pl.Expr

    def rule(self) -> Rule:
        """As the checks run it."""
        return Rule(self.name, self.severity, self.sentence, lambda r, _: self._find(r))

    def _find(self, records: Records) -> Iterator[pl.LazyFrame]:
        yield found(
            _with_previous(records),
            self.broken,
            domain="RS",
            keys=["USUBJID", "VISITNUM", "RSTESTCD"],
            field="RSSTRESC",
            value=pl.col("now"),
            message=f"{{}} was {{}} at the assessment before; reason: {self.reason}",
            about=[pl.col("RSTESTCD"), pl.col("before")],
        )


def _with_previous(records: Records) -> pl.LazyFrame:
    """Graded items with their code `now` and `before`, null at a subject's first assessment."""
    codes = [item.code for item in ITEMS if item.type == "graded"]
    text = pl.col("RSSTRESC").cast(pl.Float64, strict=False)
    graded = records.domain("RS").filter(
        pl.col("RSCAT") == bilag2004.CATEGORY, pl.col("RSTESTCD").is_in(codes)
    )
    day = dates.parse(pl.col("RSDTC"), impute="first")
    return (
        graded.with_columns(now=pl.coalesce("RSSTRESN", text), day=day)
        .filter(pl.col("now").is_not_null())
        .sort("USUBJID", "RSTESTCD", "day", "VISITNUM")
        .with_columns(before=pl.col("now").shift(1).over("USUBJID", "RSTESTCD"))
    )
