"""Commands on a study: declare, simulate, check, derive, analyse, report."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from openlupus import pipeline
from openlupus.cli.app import app
from openlupus.cli.shared import (
    FINDINGS,
    Asked,
    DataFolder,
    Force,
    Lock,
    Out,
    Shuffle,
    StudyName,
    chosen,
    clear,
    out_console,
    refuse_existing,
    run_analyse,
    run_derive,
    run_report,
    say,
    show_excluded,
    show_findings,
    signed,
    working,
    write_adam,
    write_results,
)
from openlupus.errors import OutputExistsError
from openlupus.exchange.manifest import write_json
from openlupus.exchange.study import SHIPPED, demo_study, shipped
from openlupus.exchange.write import write_folder

TEMPLATE = SHIPPED / "template"


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
    clear(out, keep=data)
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
    clear(out, keep=data)
    write_results(results, derived.study, out, force=force)
    say(f"{results.rows.height} results: {out / 'results.csv'}")
    return 0


@app.command
def report(
    study: StudyName,
    *,
    out: Path,
    only: Annotated[
        list[str] | None, Parameter(help="Only this display; may be given several times.")
    ] = None,
    style: Annotated[
        Literal["journal", "regulatory"] | None,
        Parameter(help="Style of every display; each table's own when absent."),
    ] = None,
    data: DataFolder = None,
    published: Annotated[
        bool,
        Parameter(negative="", help="Lay the published cells beside ours; count the equal ones."),
    ] = False,
    without_patients: Annotated[
        bool, Parameter(negative="", help="Leave the ids behind each cell out of the page.")
    ] = False,
    shuffle_arms: Shuffle = None,
    lock: Lock = "",
    force: Force = False,
) -> int:
    """Write the whole report, with the analysis data and results that it rests on.

    Example: openlupus report mytrial --out out --only table2
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(study, data=data, arms=chosen(shuffle_arms, lock))
    words = [f"openlupus report {study}"]
    words += [f"--data {data}"] if data else []
    words += [f"--only {display}" for display in only or ()]
    words += [f"--style {style}"] if style else []
    words += ["--published"] if published else []
    words += ["--without-patients"] if without_patients else []
    words += [f"--shuffle-arms {shuffle_arms}"] if shuffle_arms is not None else []
    words += [f'--lock "{lock}"'] if lock else []
    asked = Asked(
        command=" ".join(words), published=published, against=published and not only,
        only=tuple(only or ()), style=style, patients=not without_patients,
    )  # fmt: skip
    return run_report(loaded, out, asked, force=force, data=data)


@app.command
def demo(*, out: Path = Path("out"), force: Force = False) -> int:
    """Report on the embedded synthetic study.

    Example: openlupus demo --out out
    """
    refuse_existing(out, force=force)
    loaded = pipeline.load(demo_study())
    clear(out)
    if loaded.records is not None:
        write_folder(loaded.records.domains, out / "sdtm", force=force)
    asked = Asked(command="openlupus demo", against=True)
    return run_report(loaded, out, asked, force=force, cleared=True)


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
def studies() -> int:
    """List the studies that come with the package.

    Example: openlupus studies
    """
    for name in shipped():
        say(f"{name}: {pipeline.load_protocol(pipeline.find(name)).study.title}")
    return 0
