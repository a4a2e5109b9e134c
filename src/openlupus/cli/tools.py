"""Commands that need no study: score forms, validate an installation."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from openlupus.cli.app import app
from openlupus.cli.shared import FINDINGS, Force, err_console, numbers, out_console, say, working
from openlupus.errors import OpenLupusError, OutputExistsError


@app.command
def score(
    instrument: str = "",
    items: Annotated[
        Path | None, Parameter(help="CSV file: one row an assessment, one column an item.")
    ] = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="CSV file for the scores.")] = None,
    list_: Annotated[
        bool, Parameter(name="--list", negative="", help="List the instruments.")
    ] = False,
    template: Annotated[
        bool, Parameter(negative="", help="Print the header line of the instrument's form.")
    ] = False,
    explain: Annotated[
        bool, Parameter(negative="", help="BILAG-2004: the rules and items behind each grade.")
    ] = False,
    option: Annotated[
        list[str] | None, Parameter(help="An option of the instrument, as sledai_fall=5.")
    ] = None,
    keep: Annotated[list[str] | None, Parameter(help="A further column to pass through.")] = None,
    force: Force = False,
) -> int:
    """Score the forms of an instrument from a CSV file.

    Example: openlupus score bilag2004 items.csv --out grades.csv
    """
    from openlupus import scoring

    if list_:
        for name, form in scoring.FORMS.items():
            options = ", ".join(f"{key}={o.default:g}" for key, o in form.options.items())
            say(f"{name}: {form.label}" + (f" (options: {options})" if options else ""))
        return 0
    if template:
        header = scoring.template(instrument)
        if out is None:
            out_console.file.write(header)
        elif out.exists() and not force:
            raise OutputExistsError(f"{out} is there already; give --force to overwrite it")
        else:
            out.write_text(header, encoding="utf-8")
        return 0
    if items is None:
        raise OpenLupusError(
            "score needs an instrument and a file, as `openlupus score bilag2004 items.csv`; "
            "`openlupus score --list` names the instruments"
        )
    with working("Scoring"):
        if explain:
            if instrument != "bilag2004":
                raise OpenLupusError("--explain is there for bilag2004 only")
            scores = scoring.explain_file(
                items, out, force=force, options=numbers(option or []), keep=keep or ()
            )
        else:
            scores = scoring.score_file(
                instrument, items, out, force=force, options=numbers(option or []), keep=keep or ()
            )
    if note := scoring.FORMS[instrument].note:
        err_console.print(note, highlight=False, soft_wrap=True)
    if out is None:
        out_console.file.write(scores.write_csv())
    else:
        say(f"{scores.height:,} rows: {out}")
    return 0


@app.command
def validate(
    *,
    out: Annotated[Path, Parameter(help="HTML file for the validation report.")],
    reference: Annotated[
        Path | None, Parameter(help="Folder with reference records of R and SAS.")
    ] = None,
    force: Force = False,
) -> int:
    """Compare this installation with published and reference numbers; write a report to file.

    Example: openlupus validate --out validation.html
    """
    from openlupus.validation.report import validate as compared
    from openlupus.validation.report import write_report

    if out.exists() and not force:
        raise OutputExistsError(f"{out} is there already; give --force to overwrite it")
    with working("Comparing"):
        validation = compared(reference)
    write_report(validation, out, on=datetime.now(UTC).date(), force=force)
    failed = "" if validation.holds else ", NOT ALL AGREE"
    say(f"{len(validation.cases)} known cases, {len(validation.methods)} methods{failed}: {out}")
    return 0 if validation.holds else FINDINGS
