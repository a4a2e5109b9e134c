"""Sheets of the composites: one column an input, or one a system or item of it."""

from collections.abc import Mapping
from types import MappingProxyType

from openlupus.instruments import clasi, pga, sledai2k
from openlupus.instruments.composites import ANSWERS, COMPOSITES, columns_of, evaluate
from openlupus.instruments.scale import Scale
from openlupus.scoring.form import NO_WORDS, NOT_NEGATIVE, Options, Scores, SheetForm, verdict
from openlupus.scoring.sheet import GRADES, YES_NO, Field, Sheet, Words

_OF_MEASURE: Mapping[str, tuple[Scale, Words]] = MappingProxyType(
    {
        "bilag": (Scale(0, 4), GRADES),
        "sledai": (Scale(0, sledai2k.MAXIMUM), NO_WORDS),
        "sledai_clinical": (Scale(0, sledai2k.MAXIMUM), NO_WORDS),
        "selena_sledai": (Scale(0, sledai2k.MAXIMUM), NO_WORDS),
        "pga": (Scale(pga.LOW, pga.HIGH, whole=False), NO_WORDS),
        "clasi_activity": (Scale(0, clasi.BANDS["severe"]), NO_WORDS),
        "swollen": (Scale(0, 66, whole=False), NO_WORDS),
        "tender": (Scale(0, 68, whole=False), NO_WORDS),
        "joints_active": (Scale(0, 66, whole=False), NO_WORDS),
    }
)
_ANSWERED = ("sledai_items", "sledai_improved", "sfi_items")


def _composite_fields(name: str) -> tuple[Field, ...]:
    fields: list[Field] = []
    for need, columns in columns_of(name).items():
        measure = need.rpartition("_")[0]
        scale, words = _OF_MEASURE.get(measure, (NOT_NEGATIVE, NO_WORDS))
        if measure in _ANSWERED or need in ANSWERS:
            scale, words = Scale(0, 1), YES_NO
        fields += [
            Field(column, column.replace("_", " "), scale, None, words) for column in columns
        ]
    return tuple(fields)


def composite_form(name: str) -> SheetForm:
    entry = COMPOSITES[name]
    fields = _composite_fields(name)

    def score(sheet: Sheet, options: Options) -> Scores:
        got = evaluate(name, {f.key: sheet.numbers(f.key) for f in fields}, **options)
        parts = {part: verdict(getattr(got, part)) for part in entry.components}
        return {"responder": verdict(got.responder), **parts, "reason": got.reason}

    return SheetForm(name, entry.label, fields, score, entry.options)
