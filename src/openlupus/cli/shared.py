"""What the commands share: arguments, the steps of a run, what is said on the screen."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openlupus import pipeline
from openlupus.analysis.unmatched import unmatched
from openlupus.audit import Published
from openlupus.audit.against import against, compared_frame, regenerated
from openlupus.derivation import AnalysisData, Arms
from openlupus.display.audit_page import against_page
from openlupus.display.printed_cells import printed_cells
from openlupus.errors import OpenLupusError, OutputExistsError
from openlupus.exchange.manifest import manifest, write_json
from openlupus.exchange.published import read_published
from openlupus.exchange.study import Study
from openlupus.exchange.write import write_folder
from openlupus.protocol.displays import Style
from openlupus.records import Records
from openlupus.records.check import Findings
from openlupus.results import Results

FINDINGS, USAGE = 1, 2
MOST_CELLS = 20
"""Printed cells that are told on the screen; more are left to the file."""

out_console = Console()
err_console = Console(stderr=True)

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


def run_analyse(
    study: Study, data: AnalysisData, *, only: Sequence[str] = (), go_on: bool = False
) -> Results:
    with working("Analysing"):
        return pipeline.analyse(study, data, only=only, go_on=go_on)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a report was asked for; `against`: also count which printed cells the run prints."""

    command: str
    published: bool = False
    against: bool = False
    only: tuple[str, ...] = ()
    style: Style | None = None
    patients: bool = True

    @property
    def dated(self) -> str:
        """The time for the foot of displays in regulatory style; other pages have none, so that
        the same run gives the same bytes. `SOURCE_DATE_EPOCH` fixes it."""
        if self.style != "regulatory":
            return ""
        given = os.environ.get("SOURCE_DATE_EPOCH")
        now = datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)
        return now.strftime("%Y-%m-%d %H:%M UTC")


def run_report(
    study: Study,
    out: Path,
    asked: Asked,
    *,
    force: bool,
    data: Path | None = None,
    cleared: bool = False,
) -> int:
    """Check, derive, analyse and report; `data` is the folder of the input, which stays.

    Gives the exit code: `FINDINGS` where an analysis could not be computed.
    """
    printed = read_published(study.folder / "published.toml") if asked.against else None
    with working("Checking the records"):
        findings = pipeline.check(study)
    needed = pipeline.needed(study.protocol, asked.only)
    derived = run_derive(study)
    results = run_analyse(study, derived, only=needed, go_on=True)
    if not cleared:
        clear(out, keep=data)
    with working("Making the report"):
        page = pipeline.report(
            study, derived, results, out=out / "report", findings=findings,
            published=asked.published, only=asked.only, style=asked.style,
            patients=asked.patients, command=asked.command, dated=asked.dated, force=force,
        )  # fmt: skip
    write_adam(derived, out, force=force)
    write_results(results, derived.study, out, force=force)
    about = manifest(study, synthetic=derived.synthetic, command=asked.command)
    write_json(about, out / "manifest.json", force=force)
    if findings is not None and study.records is not None:
        write_folder(
            {"findings": signed(study.records, findings.rows)}, out, format="csv", force=force
        )
    if derived.synthetic:
        say("SYNTHETIC data: simulated patients, not people.")
    if derived.arms.is_dummy:
        say("DUMMY ARMS: shuffled, not the randomised treatments.")
    left_out = int(derived.excluded["records"].sum())
    errors = 0 if findings is None else findings.rows.filter(pl.col("severity") == "error").height
    say(f"{left_out:,} records left out, with reasons: {out / 'excluded.csv'}")
    if findings is not None:
        total = findings.rows.height
        say(f"{total:,} findings, {errors:,} of them errors: {out / 'findings.csv'}")
    absent = unmatched(study.protocol, derived, study.records)
    if absent.height:
        absent = absent.insert_column(0, pl.lit(derived.study).alias("STUDYID"))
        write_folder({"unmatched": absent}, out, format="csv", force=force)
        say(f"{absent.height:,} values of the declaration are nowhere in the data:")
        for place, message in absent.select("place", "message").rows():
            say(f"  {place}: {message}")
    if results.failed:
        say(f"{len(results.failed)} ANALYSES COULD NOT BE COMPUTED, and the report says why:")
        for why in results.failed.values():
            say(f"  {why}")
    unknown = results.rows.filter(pl.col("value").is_null()).height
    say(f"{results.rows.height:,} results, {unknown:,} not computable, report: {page}")
    if printed is not None:
        _lay_beside(printed, study, derived, results, out, force=force)
    return FINDINGS if results.failed else 0


def _lay_beside(
    printed: Published,
    study: Study,
    data: AnalysisData,
    results: Results,
    out: Path,
    *,
    force: bool,
) -> None:
    """Write every printed cell beside ours; tell those that are not the same if they are few."""
    compared = against(printed, printed_cells(study.protocol, printed, results))
    frame = compared_frame(compared).insert_column(0, pl.lit(data.study).alias("STUDYID"))
    write_folder({"published": frame}, out, format="csv", force=force)
    page = against_page(
        printed, compared, synthetic=data.synthetic, dummy_arms=data.arms.is_dummy
    )  # fmt: skip
    (out / "report" / "published.html").write_text(page, encoding="utf-8")
    others = [each for each in compared if each.outcome != "equal"]
    for each in others if len(others) <= MOST_CELLS else ():
        where = ", ".join((printed.title(each.table), each.row.replace("|", ", "), each.column))
        say(f"  {where}: {each.printed} printed, {each.ours or 'nothing'} here: {each.why}")
    say(f"{regenerated(compared)}: {out / 'published.csv'}")


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


_OURS = (
    "adam/*.parquet", "sdtm/*.parquet", "report/index.html", "excluded.csv", "findings.csv",
    "unmatched.csv", "published.csv", "report/published.html",
    "results.parquet", "results.csv", "methods.json", "manifest.json",
)  # fmt: skip


def clear(out: Path, *, keep: Path | None = None) -> None:
    """Remove what an earlier run left in the folder: half of another run would mislead.

    Only files that a run writes are removed, and none in the folder `keep`, the input of this one.
    """
    for pattern in _OURS:
        for path in sorted(out.glob(pattern)):
            if keep is None or path.parent.resolve() != keep.resolve():
                path.unlink()


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
