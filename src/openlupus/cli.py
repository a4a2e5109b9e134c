"""The command line: parse, one call, show. Exit codes: 0, 1 findings, 2 usage or unusable input."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openlupus import __version__, pipeline
from openlupus.derivation import AnalysisData, Arms
from openlupus.errors import OpenLupusError, OutputExistsError
from openlupus.exchange.manifest import manifest, write_json
from openlupus.exchange.study import SHIPPED, Study, demo_study, shipped
from openlupus.exchange.write import write_folder
from openlupus.records import Records
from openlupus.records.check import Findings
from openlupus.results import Results

FINDINGS, USAGE = 1, 2
TEMPLATE = SHIPPED / "template"

out_console = Console()
err_console = Console(stderr=True)

app = App(
    name="openlupus",
    version=__version__,
    help="One open engine for the whole life of a lupus trial.",
    help_format="plaintext",
)

StudyName = Annotated[
    str, Parameter(help="Folder with a study.toml, or the name of a shipped study.")
]
Out = Annotated[Path | None, Parameter(help="Folder for the output; made if it is not there.")]
Force = Annotated[bool, Parameter(negative="", help="Overwrite what is in the output folder.")]
DataFolder = Annotated[
    Path | None, Parameter(help="Folder with the records; the study's own data when absent.")
]
Shuffle = Annotated[
    int | None,
    Parameter(help="Shuffle the arms with this seed (a dry run before the lock)."),
]
Lock = Annotated[str, Parameter(help="Statement of the lock under which true arms are used.")]


@app.command
def new(directory: Path) -> int:
    """Make a study folder with a declaration to edit.

    Example: openlupus new mytrial
    """
    target = directory / "study.toml"
    for name in ("study.toml", "sources.md"):
        if (directory / name).exists():
            raise OutputExistsError(f"{directory / name} is there already; choose another folder")
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("study.toml", "sources.md"):
        shutil.copyfile(TEMPLATE / name, directory / name)
    (directory / "data").mkdir(exist_ok=True)
    say(f"{target} is ready to edit; put the records into {directory / 'data'}")
    return 0


@app.command
def schema(*, out: Path | None = None, force: Force = False) -> int:
    """Print the JSON Schema of study.toml, for editors.

    Example: openlupus schema --out study.schema.json
    """
    from openlupus.protocol.schema import json_schema

    if out is None:
        out_console.print_json(data=json_schema())
    else:
        write_json(json_schema(), out, force=force)
        say(f"{out} written")
    return 0


@app.command
def check(
    study: StudyName, *, data: DataFolder = None, out: Out = None, force: Force = False
) -> int:
    """Check the declaration and the records; print counts by rule, write every finding.

    Example: openlupus check mytrial --out checked
    """
    loaded = pipeline.load(study, data=data)
    with working("Checking the records"):
        findings = pipeline.check(loaded)
    if findings is None or loaded.records is None:
        say("Analysis data are given: there are no records to check. The declaration is valid.")
        return 0
    show_findings(findings)
    if out is not None:
        write_folder(
            {"findings": signed(loaded.records, findings.rows)}, out, format="csv", force=force
        )
        say(f"All {findings.rows.height} findings: {out / 'findings.csv'}")
    serious = findings.rows.filter(pl.col("severity") != "note")
    return FINDINGS if serious.height else 0


@app.command
def derive(
    study: StudyName,
    *,
    out: Path,
    data: DataFolder = None,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Derive the analysis data sets (ADaM) from the records.

    Example: openlupus derive mytrial --out out
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    derived = run_derive(loaded)
    write_adam(derived, out, force=force)
    show_excluded(derived)
    say(f"{len(derived.frames)} analysis data sets: {out / 'adam'}")
    return 0


@app.command
def analyse(
    study: StudyName,
    *,
    out: Path,
    data: DataFolder = None,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Run the declared analyses; write results.parquet and results.csv.

    Example: openlupus analyse mytrial --out out
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    derived = run_derive(loaded)
    results = run_analyse(loaded, derived)
    write_results(results, derived.study, out, force=force)
    say(f"{results.rows.height} results: {out / 'results.csv'}")
    return 0


@app.command
def report(
    study: StudyName,
    *,
    out: Path,
    data: DataFolder = None,
    published: Annotated[
        bool, Parameter(negative="", help="Lay the published cells beside ours.")
    ] = False,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Write the whole report, with the analysis data and results that it rests on.

    Example: openlupus report mytrial --out out --published
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    words = [f"openlupus report {study}"]
    words += [f"--data {data}"] if data else []
    words += ["--published"] if published else []
    words += [f"--shuffle-arms {shuffle_arms}"] if shuffle_arms is not None else []
    words += [f'--lock "{lock}"'] if lock else []
    command = " ".join(words)
    run_report(loaded, out, published=published, command=command, force=force)
    return 0


@app.command
def demo(*, out: Path = Path("out"), force: Force = False) -> int:
    """Report on the embedded synthetic study.

    Example: openlupus demo --out out
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(demo_study())
    if loaded.records is not None:
        write_folder(loaded.records.domains, out / "sdtm", force=force)
    run_report(loaded, out, published=False, command="openlupus demo", force=force)
    return 0


@app.command
def simulate(
    study: StudyName,
    *,
    out: Path,
    seed: int = 1,
    patients: Annotated[
        int | None, Parameter(help="Randomised patients; as many as declared when absent.")
    ] = None,
    force: Force = False,
) -> int:
    """Simulate item-level records of a study under its model.toml.

    Example: openlupus simulate mytrial --seed 7 --out simulated
    """
    from openlupus.exchange.simulated import simulate_to_folder

    with working("Simulating patients") as tick:
        rows = simulate_to_folder(
            pipeline.find(study), out, seed=seed, patients=patients, force=force, progress=tick
        )
    say(f"SYNTHETIC: {rows:,} rows in {out}")
    return 0


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
            scores = scoring.explain_file(items, out, force=force, keep=keep or ())
        else:
            scores = scoring.score_file(
                instrument, items, out, force=force, options=numbers(option or []), keep=keep or ()
            )
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


@app.command
def studies() -> int:
    """List the studies that come with the package.

    Example: openlupus studies
    """
    for name in shipped():
        say(f"{name}: {pipeline.load_protocol(pipeline.find(name)).study.title}")
    return 0


# -- what the commands share ------------------------------------------------------------------


def chosen(shuffle: int | None, lock: str) -> Arms | None:
    """The arms asked for on the command line; None leaves it to the declaration."""
    if shuffle is not None and lock:
        raise OpenLupusError("give either --shuffle-arms or --lock, not both")
    if shuffle is not None:
        return Arms.dummy(shuffle)
    return Arms.unblinded(lock) if lock else None


def numbers(options: list[str]) -> dict[str, float]:
    """`["sledai_fall=5"]` as numbers by name."""
    found: dict[str, float] = {}
    for option in options:
        name, _, value = option.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise OpenLupusError(f"--option {option} is not NAME=NUMBER") from None
    return found


def run_derive(study: Study) -> AnalysisData:
    with working("Deriving analysis data") as tick:
        return pipeline.derive(study, progress=tick)


def run_analyse(study: Study, data: AnalysisData) -> Results:
    with working("Analysing"):
        return pipeline.analyse(study, data)


def run_report(study: Study, out: Path, *, published: bool, command: str, force: bool) -> None:
    with working("Checking the records"):
        findings = pipeline.check(study)
    data = run_derive(study)
    results = run_analyse(study, data)
    with working("Making the report"):
        page = pipeline.report(
            study, data, results, out=out / "report", findings=findings, published=published,
            command=command, force=force,
        )  # fmt: skip
    write_adam(data, out, force=force)
    write_results(results, data.study, out, force=force)
    about = manifest(study, synthetic=data.synthetic, command=command)
    write_json(about, out / "manifest.json", force=force)
    if findings is not None and study.records is not None:
        write_folder(
            {"findings": signed(study.records, findings.rows)}, out, format="csv", force=force
        )
    if data.synthetic:
        say("SYNTHETIC data: simulated patients, not people.")
    if data.arms.is_dummy:
        say("DUMMY ARMS: shuffled, not the randomised treatments.")
    left_out = int(data.excluded["records"].sum())
    errors = 0 if findings is None else findings.rows.filter(pl.col("severity") == "error").height
    say(f"{left_out:,} records left out, with reasons: {out / 'excluded.csv'}")
    if findings is not None:
        total = findings.rows.height
        say(f"{total:,} findings, {errors:,} of them errors: {out / 'findings.csv'}")
    unknown = results.rows.filter(pl.col("value").is_null()).height
    say(f"{results.rows.height:,} results, {unknown:,} not computable, report: {page}")


def write_adam(data: AnalysisData, out: Path, *, force: bool) -> None:
    write_folder(data.frames, out / "adam", force=force)
    excluded = data.excluded.insert_column(0, pl.lit(data.study).alias("STUDYID"))
    write_folder({"excluded": excluded}, out, format="csv", force=force)


def write_results(results: Results, study: str, out: Path, *, force: bool) -> None:
    for suffix in ("parquet", "csv"):
        write_folder({"results": results.rows}, out, format=suffix, force=force)
    write_json({"study": study, "methods": dict(results.notes)}, out / "methods.json", force=force)


def signed(records: Records, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the study's identifier as the records have it: synthetic data say so in each."""
    ids = records.domain("DM").select(pl.col("STUDYID").first()).collect().item()
    return rows.select(pl.lit(ids, pl.String).alias("STUDYID"), pl.all())


def refuse_existing(out: Path, *, force: bool) -> None:
    """Refuse before hours of work, not after."""
    if not force and out.is_dir() and any(out.iterdir()):
        raise OutputExistsError(f"{out} is not empty; give --force to overwrite what is there")


def show_findings(findings: Findings) -> None:
    table = Table(title=f"{findings.rows.height} findings", title_justify="left")
    for column in ("Rule", "Severity", "Findings", "What must hold"):
        table.add_column(
            column, justify="right" if column == "Findings" else "left", no_wrap=column == "Rule"
        )
    for row in findings.counts().filter(findings.counts()["findings"] > 0).iter_rows(named=True):
        table.add_row(row["rule"], row["severity"], f"{row['findings']:,}", row["sentence"])
    out_console.print(table)


def show_excluded(data: AnalysisData) -> None:
    table = Table(title="Records left out", title_justify="left")
    for column in ("Data set", "Domain", "Reason", "Records", "Subjects"):
        table.add_column(column)
    for row in data.excluded.iter_rows():
        table.add_row(*(str(value) for value in row))
    out_console.print(table)


def say(text: str) -> None:
    out_console.print(escape(text), highlight=False, soft_wrap=True)


@contextmanager
def working(what: str) -> Generator[Callable[[int, int], None]]:
    """A progress bar on standard error, gone when the work is done."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
        console=err_console, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> None:
    """Run the command; a fault that we know of is a message, any other a traceback."""
    words = sys.argv[1:]
    debug = "--debug" in words
    try:
        code = app([word for word in words if word != "--debug"], result_action="return_value")
    except OpenLupusError as error:
        if debug:
            raise
        err_console.print(
            f"[bold]{type(error).__name__}[/bold]: {escape(str(error))}", soft_wrap=True
        )
        sys.exit(USAGE)
    except OSError as error:
        if debug:
            raise
        where = f" {error.filename}" if error.filename else ""
        err_console.print(f"[bold]File[/bold]:{escape(f'{where}: {error.strerror or error}')}")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        err_console.print("interrupted")
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        with tempfile.NamedTemporaryFile(
            "w", suffix=".txt", prefix="openlupus-", delete=False
        ) as f:
            import traceback

            traceback.print_exc(file=f)
        err_console.print(
            f"[bold]Internal error[/bold]: {escape(f'{type(error).__name__}: {error}')}\n"
            f"This is a fault of OpenLupus, not of your input. Its trace is in {f.name}; "
            "run with --debug to see it here.",
            soft_wrap=True,
        )
        sys.exit(USAGE)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
