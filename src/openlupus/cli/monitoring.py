"""The command for reports to a data-monitoring committee."""

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import polars as pl
from cyclopts import Parameter

from openlupus import pipeline
from openlupus.cli.app import app
from openlupus.cli.shared import (
    DataFolder,
    Force,
    Lock,
    StudyName,
    refuse_existing,
    say,
    working,
    write_results,
)
from openlupus.errors import MonitoringError
from openlupus.exchange.manifest import write_json
from openlupus.exchange.write import write_folder
from openlupus.monitoring import Kind, laid_open, monitor, refuse_telling


@app.command(name="monitor")
def monitor_command(
    study: StudyName,
    *,
    out: Path,
    cut: Annotated[str, Parameter(help="Day of the data cut, as 2019-03-31.")],
    dmc: Annotated[Kind, Parameter(help="Open: all arms pooled. Closed: arms under letters.")],
    since: Annotated[str, Parameter(help="Day of the last data cut, for what came later.")] = "",
    seed: Annotated[int | None, Parameter(help="Seed of the letters of a closed report.")] = None,
    lock: Lock = "",
    key: Annotated[
        Path | None, Parameter(help="File for the letters of the arms (closed report).")
    ] = None,
    data: DataFolder = None,
    force: Force = False,
) -> int:
    """Write a report to a data-monitoring committee, on the records as they stood on a day.

    Example: openlupus monitor mytrial --cut 2019-03-31 --since 2018-09-30 --dmc open --out dmc
    """
    refuse_existing(out, force=force)
    if key is not None and key.resolve().is_relative_to(out.resolve()):
        raise MonitoringError("the key must not lie in the folder of the report")
    loaded = pipeline.load(study, data=data)
    with working("Making the report"):
        made = monitor(
            loaded, kind=dmc, cut=_day(cut), since=_day(since) if since else None, seed=seed,
            lock=lock,
        )  # fmt: skip
        command = f"openlupus monitor {study} --cut {cut} --dmc {dmc}"
        command += f" --since {since}" if since else ""
        with TemporaryDirectory() as folder:
            draft = pipeline.report(
                made.study, made.data, made.results, out=folder, patients=False, command=command
            )
            html = draft.read_text(encoding="utf-8")
    excluded = made.data.excluded
    texts = {
        "index.html": laid_open(html),
        "results": made.results.rows.write_csv(),
        "excluded": excluded.write_csv(),
        "methods": " ".join(made.results.notes.values()),
    }
    refuse_telling(loaded.protocol, texts)
    page = out / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    write_results(made.results, made.data.study, out, force=force)
    named = excluded.insert_column(0, pl.lit(made.data.study).alias("STUDYID"))
    write_folder({"excluded": named}, out, format="csv", force=force)
    if key is not None:
        write_json({"letters": dict(made.key)}, key, force=force)
        say(f"Key of the letters, not for the report: {key}")
    if made.data.synthetic:
        say("SYNTHETIC data: simulated patients, not people.")
    if made.data.arms.is_dummy:
        say("DUMMY ARMS: shuffled, not the randomised treatments.")
    say(f"{dmc.capitalize()} report at the data cut of {cut}: {page}")
    return 0


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise MonitoringError(f"{text!r} is not a day; write it as 2019-03-31") from None
