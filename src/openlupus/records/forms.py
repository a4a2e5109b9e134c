"""The items of the instruments as records hold them: code, what the item may hold, if it is needed.

Made from the instruments' own tables, so that a form is written down once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from openlupus.instruments import bilag2004, clasi, facit_fatigue, pga, sledai2k
from openlupus.instruments.bilag2004.items import SCALES
from openlupus.instruments.scale import Scale


@dataclass(frozen=True, slots=True)
class FormItem:
    """An item of a form: a scale for numbers, or yes/no without one.

    `needed`: a form that was done has this item, or says that it was not done.
    """

    code: str
    scale: Scale | None
    needed: bool = True


# One of these measures of protein in urine is enough, and GFR can stand for creatinine.
_ALTERNATIVES = frozenset(
    {"urine_dipstick_protein", "urine_acr", "urine_pcr", "urine_protein_24h", "gfr"}
)


def _bilag2004() -> Iterator[FormItem]:
    for item, scale in zip(bilag2004.ITEMS, SCALES, strict=True):
        of_number = None if item.type == "yesno" else scale
        yield FormItem(item.code, of_number, needed=item.key not in _ALTERNATIVES)
        if item.attribution_code:
            yield FormItem(item.attribution_code, None, needed=False)
    for code in bilag2004.PREVIOUS_INVOLVEMENT_CODES.values():
        yield FormItem(code, None, needed=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its category (`RSCAT`, `QSCAT`), the domain that holds it, and its items."""

    category: str
    domain: str
    items: tuple[FormItem, ...]


def _facit_fatigue() -> Iterator[FormItem]:
    for item in facit_fatigue.ITEMS:
        yield FormItem(item.code, Scale(0, facit_fatigue.HIGHEST))
    highest = facit_fatigue.HIGHEST * len(facit_fatigue.ITEMS)
    yield FormItem(facit_fatigue.TOTAL_CODE, Scale(0, highest, whole=False), needed=False)


_SLEDAI = tuple(FormItem(item.code, None) for item in sledai2k.ITEMS)
_PGA = (FormItem(pga.CODE, Scale(pga.LOW, pga.HIGH, whole=False)),)
_CLASI = tuple(FormItem(item.code, item.scale) for item in clasi.ITEMS)

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        form.category: form
        for form in (
            Form(sledai2k.CATEGORY, "RS", _SLEDAI),
            Form(bilag2004.CATEGORY, "RS", tuple(_bilag2004())),
            Form(pga.CATEGORY, "RS", _PGA),
            Form(clasi.CATEGORY, "RS", _CLASI),
            Form(facit_fatigue.CATEGORY, "QS", tuple(_facit_fatigue())),
        )
    }
)
"""The forms by category."""


def categories_of(domain: str) -> list[str]:
    """Categories of the forms that a domain holds."""
    return [form.category for form in FORMS.values() if form.domain == domain]


def items_table() -> pl.LazyFrame:
    """One row an item: `category, code, yes_no, low, high, whole, gaps, allowed, needed`."""
    rows = [_row(form, item) for form in FORMS.values() for item in form.items]
    return pl.LazyFrame(rows, schema=_ITEM_COLUMNS, orient="row")


_ITEM_COLUMNS = pl.Schema(
    {
        "category": pl.String,
        "code": pl.String,
        "yes_no": pl.Boolean,
        "low": pl.Float64,
        "high": pl.Float64,
        "whole": pl.Boolean,
        "gaps": pl.List(pl.Float64),
        "allowed": pl.String,
        "needed": pl.Boolean,
    }
)


def _row(form: Form, item: FormItem) -> tuple[object, ...]:
    scale = item.scale
    if scale is None:
        return form.category, item.code, True, None, None, False, [], "Y or N", item.needed
    gaps = [float(gap) for gap in scale.gaps]
    limits = (scale.low, scale.high, scale.whole, gaps)
    return form.category, item.code, False, *limits, str(scale), item.needed
