"""The command `twin`: invented patients from whom a paper's tables are regenerated."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openlupus import pipeline
from openlupus.cli.app import app
from openlupus.cli.shared import FINDINGS, Force, StudyName, err_console, refuse_existing, say
from openlupus.errors import TwinError

if TYPE_CHECKING:
    from openlupus.audit import Published
    from openlupus.twin import Twin
    from openlupus.twin.make import Tick


@contextmanager
def stages() -> Generator["Tick"]:
    """A progress bar on standard error that names the stage, gone when the work is done."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
        console=err_console, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("Simulating candidates", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


@app.command
def twin(
    study: StudyName,
    *,
    out: Annotated[
        Path, Parameter(help="Folder for the records; with --n, one folder each in it.")
    ],
    published: Annotated[
        Path | None, Parameter(help="What is printed; the study's published.toml when absent.")
    ] = None,
    seed: Annotated[int, Parameter(help="The same seed gives the same twins.")] = 1,
    n: Annotated[int, Parameter(name="--n", help="How many twins.")] = 1,
    candidates: Annotated[
        int | None, Parameter(help="Simulated patients from whom a twin is chosen.")
    ] = None,
    force: Force = False,
) -> int:
    """Invent item-level records whose analysis prints a paper's tables again.

    Example: openlupus twin mytrial --seed 1 --out sdtm
    """
    from openlupus.exchange.published import read_published
    from openlupus.exchange.study import declared_study
    from openlupus.simulation import load_model
    from openlupus.twin import PATIENTS, ensemble
    from openlupus.twin.write import write_twin

    if n < 1:
        raise TwinError(f"--n must be at least 1, not {n}")
    folder = pipeline.find(study)
    file = published or folder / "published.toml"
    printed, model = read_published(file), load_model(folder)
    loaded = declared_study(folder)
    targets = [out / f"twin_{i + 1:02d}" if n > 1 else out for i in range(n)]
    for target in targets:
        refuse_existing(target, force=force)
    others = 0
    with stages() as tick:
        twins = ensemble(
            loaded, model, printed, n=n, seed=seed, patients=candidates or PATIENTS, tick=tick
        )
        for i, (target, made) in enumerate(zip(targets, twins, strict=True)):
            write_twin(made, target, folder=folder, published=file, seed=seed, number=i + 1)
            _told(made, printed, target)
            others += len(made.others)
    return FINDINGS if others else 0


def _told(made: "Twin", printed: "Published", target: Path) -> None:
    """What was given up, what is not regenerated, and how much is."""
    for conflict in made.conflicts:
        say(f"{conflict.why} Given up: {', '.join(conflict.dropped)}.")
    for each in made.others:
        where = ", ".join((printed.title(each.table), each.row.replace("|", ", "), each.column))
        say(f"  {where}: {each.printed} printed, {each.ours or 'nothing'} here: {each.why}")
    say(f"SYNTHETIC: {made.line}: {target}")
