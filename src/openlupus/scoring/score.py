"""Score a sheet: a frame in memory, or a CSV file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import polars as pl

from openlupus.errors import (
    FileFormatError,
    InstrumentError,
    OutputExistsError,
    ScaleError,
    SheetError,
)
from openlupus.exchange.delimited import read_csv
from openlupus.instruments import bilag2004, scale
from openlupus.scoring.form import Options, SheetForm
from openlupus.scoring.forms import FORMS
from openlupus.scoring.sheet import Sheet


def score_frame(
    instrument: str, frame: Any, *, options: Options | None = None, keep: Sequence[str] = ()
) -> Any:
    """Scores of every row, in a frame of the same kind.

    Args:
        instrument: A key of `FORMS`.
        frame: polars, pandas or pyarrow, a dict of columns, or one patient's dict; columns are
            item keys or SDTM codes, and identifiers, which are passed through. Empty is not done.
        options: Options of the instrument (`FORMS[instrument].options`).
        keep: Further columns to be passed through.

    Returns:
        Identifiers and scores; a polars frame for a dict.

    Raises:
        SheetError: with every fault of the sheet, by row (counted from 0) and field.
    """
    form = _form(instrument, options)
    scores = _scored(form, _held(frame), options, keep, in_file=False)
    if isinstance(frame, Mapping):
        return scores
    kind = nw.from_native(frame, eager_only=True).implementation
    make: Any = nw.DataFrame
    return make.from_arrow(scores.to_arrow(), backend=kind).to_native()


def _held(frame: Any) -> pl.DataFrame:
    """Any frame, or a dict of columns or of one patient's values, as a polars frame."""
    if isinstance(frame, Mapping):
        return pl.DataFrame(cast(Mapping[str, Any], frame), strict=False)
    return pl.DataFrame(nw.from_native(frame, eager_only=True).to_polars())


def score_file(
    instrument: str,
    path: Path | str,
    out: Path | str | None = None,
    *,
    force: bool = False,
    options: Options | None = None,
    keep: Sequence[str] = (),
) -> pl.DataFrame:
    """Scores of every row of a CSV file (or `.csv.gz`), written to `out` where that is given.

    Args:
        instrument: A key of `FORMS`.
        path: The file: one header line, one row an assessment; see `score_frame`.
        out: Where to write the scores, as CSV.
        force: Overwrite `out`.
        options: Options of the instrument.
        keep: Further columns to be passed through.

    Raises:
        SheetError: with every fault of the file, by line (the header is line 1) and field; they
            are then also written beside `out`, as `<out>.faults.csv`.
        FileFormatError: the file is not there, or is no CSV.
        OutputExistsError: `out` is there, and `force` was not given.
    """
    form, target = _form(instrument, options), _target(out, force)
    frame = _read(Path(path))
    try:
        scores = _scored(form, frame, options, keep, in_file=True)
    except SheetError as error:
        if target is not None:
            _write(_fault_rows(error), target.with_suffix(".faults.csv"))
        raise
    if target is not None:
        _write(scores, target)
    return scores


def explain_frame(
    frame: Any, *, options: Options | None = None, keep: Sequence[str] = ()
) -> pl.DataFrame:
    """Why each BILAG-2004 grade is what it is: the rules met, the items that they read.

    One row an assessment and system: identifiers, system, grade, complete, rules, findings.
    `complete` is False where the grade is only the least that the items at hand support.
    """
    form = _form("bilag2004", options)
    return _explained(form, _held(frame), options, keep, in_file=False)


def explain_file(
    path: Path | str,
    out: Path | str | None = None,
    *,
    force: bool = False,
    options: Options | None = None,
    keep: Sequence[str] = (),
) -> pl.DataFrame:
    """`explain_frame` of a CSV file, written to `out` where that is given."""
    form, target = _form("bilag2004", options), _target(out, force)
    explained = _explained(form, _read(Path(path)), options, keep, in_file=True)
    if target is not None:
        _write(explained, target)
    return explained


def _explained(
    form: SheetForm,
    frame: pl.DataFrame,
    options: Options | None,
    keep: Sequence[str],
    *,
    in_file: bool,
) -> pl.DataFrame:
    sheet = Sheet(frame, form.fields, in_file, keep)
    sheet.refuse(form.label)
    rows = form.explain(sheet, _chosen(form, options)) if form.explain else []
    told = sheet.frame.select(sheet.identifiers).with_row_index("_row")
    reasons = pl.DataFrame(rows, schema=_REASON, orient="row").with_columns(
        pl.col("_row").cast(pl.UInt32)
    )
    return told.join(reasons, on="_row", maintain_order="left_right").drop("_row")


_REASON = {
    "_row": pl.Int64,
    "system": pl.Enum(bilag2004.SYSTEMS),
    "grade": pl.String,
    "complete": pl.Boolean,
    "rules": pl.String,
    "findings": pl.String,
}


def template(instrument: str) -> str:
    """The header line of a sheet: identifiers, then every column of the form."""
    form = _form(instrument, None)
    columns = ["USUBJID", "VISITNUM"]
    for declared in form.fields:
        columns.append(declared.key)
        if declared.unit_needed:
            columns.append(f"{declared.key}_unit")
    return ",".join(columns) + "\n"


def _form(instrument: str, options: Options | None) -> SheetForm:
    if instrument not in FORMS:
        raise InstrumentError(f"no instrument {instrument!r}; there are {', '.join(FORMS)}")
    form = FORMS[instrument]
    for name, value in (options or {}).items():
        if name not in form.options:
            known = ", ".join(form.options) or "none"
            raise InstrumentError(f"{instrument} has no option {name!r}; it has: {known}")
        if not form.options[name].allows(value):
            low, high = form.options[name].low, form.options[name].high
            raise InstrumentError(f"option {name} lies between {low:g} and {high:g}, not {value!r}")
    return form


def _scored(
    form: SheetForm,
    frame: pl.DataFrame,
    options: Options | None,
    keep: Sequence[str],
    *,
    in_file: bool,
) -> pl.DataFrame:
    sheet = Sheet(frame, form.fields, in_file, keep)
    try:
        scores = form.score(sheet, _chosen(form, options))
    except ScaleError as error:
        for found in error.faults:
            if isinstance(found, scale.Fault):
                sheet.contradiction(
                    found.row, found.field, f"{found.value:g}", f"is not {found.why}"
                )
        sheet.refuse(form.label)
        raise
    sheet.refuse(form.label)
    if not form.row_by_row:
        return pl.DataFrame(scores)
    columns = [pl.Series(name, values) for name, values in scores.items()]
    scored = pl.DataFrame([*sheet.frame.select(sheet.identifiers).get_columns(), *columns])
    return scored.with_columns(pl.selectors.float().fill_nan(None))


def _chosen(form: SheetForm, options: Options | None) -> Options:
    return {name: option.default for name, option in form.options.items()} | dict(options or {})


def _target(out: Path | str | None, force: bool) -> Path | None:
    """Where to write; refuses a file that is there already."""
    target = Path(out) if out is not None else None
    if target is not None and target.exists() and not force:
        raise OutputExistsError(f"{target} is there already; give --force to overwrite it")
    return target


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise FileFormatError(f"{path}: there is no such file")
    return read_csv(path).frame.collect()


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.writing")
    try:
        frame.write_csv(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _fault_rows(error: SheetError) -> pl.DataFrame:
    fields = ("line", "field", "value", "why")
    rows = [[getattr(fault, name) for name in fields] for fault in error.faults]
    return pl.DataFrame(rows, schema=list(fields), orient="row")
