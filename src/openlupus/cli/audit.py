"""The command `audit`: a paper's tables against themselves, or a run against a paper."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from cyclopts import Parameter

from openlupus.cli.app import app
from openlupus.cli.shared import FINDINGS, Force, refuse_existing, say, working
from openlupus.errors import FileFormatError, OpenLupusError, OutputExistsError

if TYPE_CHECKING:
    from openlupus.audit import Published


@app.command
def audit(
    source: Annotated[
        Path | None,
        Parameter(help="A published.toml; with --against, the output folder of a report."),
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the findings; with --import, a file.")],
    against: Annotated[
        Path | None, Parameter(help="Compare the run SOURCE with the cells of this published.toml.")
    ] = None,
    study: Annotated[
        str,
        Parameter(help="Study of the run; that of its manifest, or beside the file, if absent."),
    ] = "",
    import_: Annotated[
        Path | None,
        Parameter(name="--import", help="Make OUT, a published.toml, from a folder of JSON files."),
    ] = None,
    seed: Annotated[int, Parameter(help="Of the stratum tables that are drawn.")] = 1,
    force: Force = False,
) -> int:
    """Check printed tables without patients' data, or compare a run with them.

    Example: openlupus audit published.toml --out audited
    """
    if import_ is not None:
        if source is not None or against is not None:
            raise OpenLupusError("--import takes a folder and --out a file, and nothing else")
        return _import(import_, out, force=force)
    if source is None:
        raise OpenLupusError(
            "audit needs a published.toml, as `openlupus audit published.toml --out audited`, or"
            " a folder of JSON files, as `openlupus audit --import DIR --out published.toml`"
        )
    refuse_existing(out, force=force)
    if against is not None:
        return _against(source, against, out, study=study, seed=seed)
    return _audit(source, out, seed=seed)


def _import(folder: Path, out: Path, *, force: bool) -> int:
    from openlupus.exchange.published_json import import_published
    from openlupus.exchange.published_text import published_text

    if out.exists() and not force:
        raise OutputExistsError(f"{out} is there already; give --force to overwrite it")
    imported = import_published(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(published_text(imported.published), encoding="utf-8")
    say(f"{len(imported.published.cells)} cells, {len(imported.published.relations)} relations"
        f" between them read from labels: {out}")  # fmt: skip
    for each in imported.left_out:
        say(f"not imported: {each}")
    return 0


def _audit(source: Path, out: Path, *, seed: int) -> int:
    from openlupus.audit import audit as audited
    from openlupus.audit import findings_frame
    from openlupus.display.audit_page import audit_page
    from openlupus.exchange.published import read_published

    published = read_published(source)
    with working("Auditing") as tick:
        found = audited(published, seed=seed, progress=tick)
    frame = findings_frame(found.findings)
    data: dict[str, object] = {
        "source": published.source,
        "counts": dict(found.counts),
        "cells": {"printed": found.cells[0], "looked_at": found.cells[1]},
        "rounding": dict(zip(("rule", "fits", "of"), found.rule, strict=True)),
        "decades_of_evidence": {title: dict(m) for title, m in found.methods.items()},
        "shared_strata": {
            title: {
                "method": each.method,
                "patients": dict(each.patients),
                "responders": [
                    {"table": table, "row": row, **arms}
                    for (table, row), arms in each.responders.items()
                ],
            }
            for title, each in found.shared.items()
        },
        "findings": frame.to_dicts(),
    }
    _write(out, "findings", frame, data, audit_page(found))
    for finding in (*found.faults, *(f for f in found.findings if f.remark)):
        where = " / ".join(filter(None, (finding.table, finding.row, finding.column)))
        shown = f" {finding.recomputed};" if finding.remark else ""
        say(f"{finding.verdict}: {where}: {finding.printed};{shown} {finding.why}")
    counted = ", ".join(f"{n} {verdict}" for verdict, n in found.counts.items())
    say(f"{counted}; {found.cells[1]} of {found.cells[0]} cells: {out / 'index.html'}")
    return FINDINGS if found.faults else 0


def _against(run: Path, file: Path, out: Path, *, study: str, seed: int) -> int:
    from openlupus.audit import audit as audited
    from openlupus.audit.against import against, compared_frame, counts
    from openlupus.display.audit_page import against_page
    from openlupus.exchange.published import read_published

    published = read_published(file)
    about = _manifest(run)
    ours = _printed_by(run, study or _study_of(about, file), published)
    with working("Auditing") as tick:
        found = audited(published, seed=seed, progress=tick)
    compared = against(published, ours, findings=found.findings)
    frame = compared_frame(compared)
    counted = counts(compared)
    data: dict[str, object] = {
        "source": published.source, "run": about, "counts": dict(counted),
        "cells": [asdict(each) for each in compared],
    }  # fmt: skip
    synthetic = "SYNTHETIC" in str(about.get("patients", ""))
    dummy = "shuffled" in str(about.get("arms", ""))
    _write(
        out, "cells", frame, data,
        against_page(published, compared, synthetic=synthetic, dummy_arms=dummy),
    )  # fmt: skip
    say(f"{counted['equal']} of {len(compared)} printed cells equal, {counted['differs']} differ,"
        f" {counted['absent']} not in the run: {out / 'index.html'}")  # fmt: skip
    return FINDINGS if counted["differs"] else 0


def _write(
    out: Path, name: str, frame: pl.DataFrame, data: Mapping[str, object], page: str
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(page, encoding="utf-8")
    frame.write_csv(out / f"{name}.csv")
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    (out / f"{name}.json").write_text(text, encoding="utf-8")


def _manifest(run: Path) -> Mapping[str, Any]:
    try:
        return json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{run} is no output folder of `openlupus report`: manifest.json cannot be read"
            f" ({error})"
        ) from None


def _study_of(about: Mapping[str, Any], file: Path) -> str:
    """The study beside the file, or the shipped one of the run's name."""
    from openlupus.exchange.study import shipped

    if (file.parent / "study.toml").is_file():
        return str(file.parent)
    name = str(about.get("study", ""))
    for each in shipped():
        if each.lower() == name.lower():
            return each
    raise OpenLupusError(f"the run is of study {name!r}, which is not shipped; give it by --study")


def _printed_by(
    run: Path, study: str, published: "Published"
) -> Mapping[tuple[str, str, str], str]:
    """The cells that a run prints, from its results."""
    from openlupus.display.printed_cells import printed_cells
    from openlupus.pipeline import find, load_protocol
    from openlupus.results import Results

    path = run / "results.parquet"
    if not path.is_file():
        raise FileFormatError(f"{run} holds no results.parquet; `openlupus report` writes one")
    methods = run / "methods.json"
    notes: dict[str, str] = (
        json.loads(methods.read_text("utf-8"))["methods"] if methods.is_file() else {}
    )
    results = Results(pl.read_parquet(path), notes)
    return printed_cells(load_protocol(find(study)), published, results)
