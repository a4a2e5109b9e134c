"""The whole flow on one screen: load, check, derive, analyse, display, report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from openlupus import analysis, derivation
from openlupus.derivation import AnalysisData
from openlupus.display import (
    FigureModel,
    Patients,
    Report,
    Source,
    TableModel,
    build_figure,
    build_table,
    report_html,
)
from openlupus.display.pages import page_html
from openlupus.display.profile import profile_page
from openlupus.errors import DisplayError, OutputExistsError
from openlupus.exchange.manifest import manifest
from openlupus.exchange.study import Study, find, load_study, published_cells
from openlupus.protocol import Protocol
from openlupus.protocol import load as load_protocol
from openlupus.protocol.displays import FigurePart, Laid, Style, Table
from openlupus.protocol.monitoring import analyses_of
from openlupus.records import Records
from openlupus.records.check import Findings, without_arms
from openlupus.records.check import check as check_records
from openlupus.records.context import CheckContext, VisitWindow
from openlupus.results import Results

load = load_study
VERSION = version("openlupus")

__all__ = [
    "Study",
    "analyse",
    "check",
    "context",
    "derive",
    "displays",
    "find",
    "listing",
    "load",
    "load_protocol",
    "needed",
    "profile",
    "report",
]


def check(study: Study) -> Findings | None:
    """Every rule on the study's records; None where analysis data are given instead.

    While arms are shuffled, findings on arms keep their count and lose their content: a dry run
    must tell nobody's true arm.
    """
    if study.records is None:
        return None
    findings = check_records(study.records, context(study.protocol))
    return without_arms(findings) if study.arms.is_dummy else findings


def derive(
    study: Study,
    *,
    also: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> AnalysisData:
    """Analysis data: derived from the study's records, or as given.

    `also` names data sets that are made only on request, besides those that the declaration names.
    """
    if study.records is None:
        data = AnalysisData.given(study.given, study.arms)
        adsl = derivation.add_to_given(study.protocol, data.frame("ADSL"))
        return replace(data, frames={**data.frames, "ADSL": adsl})
    return derivation.derive(
        study.protocol, study.records, arms=study.arms, also=also, progress=progress
    )


def analyse(
    study: Study, data: AnalysisData, *, only: Sequence[str] = (), go_on: bool = False
) -> Results:
    """Every declared analysis, or only those named; `go_on` past those that do not fit the data."""
    return analysis.analyse(study.protocol, data, only=only, go_on=go_on)


def needed(protocol: Protocol, only: Sequence[str]) -> tuple[str, ...]:
    """The analyses that these displays rest on; none named means all.

    Raises:
        DisplayError: a display is not declared.
    """
    if not only:
        return ()
    _declared(protocol, only)
    found: list[str] = []
    for name in only:
        display = protocol.displays[name]
        if isinstance(display, Laid):
            found += sorted(analyses_of(display))
        if isinstance(display, FigurePart):
            found += [named for kind, named in display.asked if kind == "analysis"]
    return tuple(dict.fromkeys(found)) or (analysis.POPULATION,)


def _declared(protocol: Protocol, only: Sequence[str]) -> None:
    if unknown := [name for name in only if name not in protocol.displays]:
        known = ", ".join(protocol.displays) or "none"
        raise DisplayError(f"no display {', '.join(unknown)} is declared; there are: {known}")


def displays(
    study: Study,
    data: AnalysisData,
    results: Results,
    *,
    published: bool = False,
    only: Sequence[str] = (),
    style: Style | None = None,
) -> tuple[TableModel | FigureModel, ...]:
    """Every declared display, or only those named, filled with results.

    Args:
        published: Lay the cells of the study's `published.toml` beside ours.
        only: Ids of displays; all when empty.
        style: Of every display; each table's own, and `journal` of figures, when None.
    """
    protocol = study.protocol
    _declared(protocol, only)
    printed = published_cells(study) if published else {}
    labels = {name: protocol.label(name) for name in (*protocol.arms, *protocol.groups)}
    labels |= {name: population.label for name, population in protocol.populations.items()}
    said = {"synthetic": data.synthetic, "dummy_arms": data.arms.is_dummy}
    source = Source(protocol, results, labels, style=style or "journal", **said)
    made: list[TableModel | FigureModel] = []
    for name, declared in protocol.displays.items():
        if only and name not in only:
            continue
        if isinstance(declared, Table):
            cells = printed.get(declared.published)
            table = build_table(
                declared, results, labels=labels, id=name, published=cells, style=style, **said
            )
            made.append(table)
        else:
            made.append(build_figure(declared, source, name=name))
    return tuple(made)


def report(
    study: Study,
    data: AnalysisData,
    results: Results,
    *,
    out: str | Path,
    findings: Findings | None = None,
    published: bool = False,
    only: Sequence[str] = (),
    style: Style | None = None,
    patients: bool = True,
    command: str = "",
    dated: str = "",
    force: bool = False,
) -> Path:
    """One self-contained page, `index.html` in the folder `out`, with every display.

    Args:
        findings: Of the record checks, for their summary.
        published: Lay printed cells beside ours.
        only: Ids of displays; all when empty.
        style: Of every display; each table's own when None.
        patients: Embed the ids of the subjects behind each cell, with arm, age and sex.
        command: How the report was asked for, for the manifest.
        dated: When it was made, for the foot of displays in regulatory style.
        force: Overwrite a report that is there.

    Raises:
        OutputExistsError: there is a report and `force` was not given.
        DisplayError: a display does not fit the results; all faults are named.
    """
    page = Path(out) / "index.html"
    if page.exists() and not force:
        raise OutputExistsError(f"{page} is there already; give --force to overwrite it")
    about = study.protocol.study
    made = displays(study, data, results, published=published, only=only, style=style)
    html = report_html(
        Report(
            title=about.title,
            subtitle=" · ".join(filter(None, (*about.registrations, about.reference))),
            displays=made,
            notes=results.notes,
            labels=analysis_labels(study.protocol),
            study=study.name,
            protocol=about.id,
            patients=_patients(data, made) if patients else None,
            findings=findings.counts() if findings else None,
            exclusions=data.excluded,
            manifest=manifest(study, synthetic=data.synthetic, command=command),
            synthetic=data.synthetic,
            dummy_arms=data.arms.is_dummy,
            program=f"openlupus {VERSION}",
            data=study.arms.lock or "before the lock",
            dated=dated,
        )
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    return page


def analysis_labels(protocol: Protocol) -> dict[str, str]:
    """What each analysis is called: its label, else that of its end point, else its id in words."""
    names: dict[str, str] = {analysis.POPULATION: "Numbers of patients"}
    for name, declared in protocol.analyses.items():
        endpoint = protocol.endpoints.get(declared.endpoint)
        words = name.replace("_", " ")
        names[name] = declared.label or (
            f"{endpoint.label} ({words})" if endpoint else words[0].upper() + words[1:]
        )
    return names


def _patients(data: AnalysisData, made: Sequence[TableModel | FigureModel]) -> Patients:
    """Whom the printed numbers rest on."""
    tables = [display if isinstance(display, TableModel) else display.numbers for display in made]
    cells = (cell for table in tables if table for row in table.rows for cell in row.cells)
    sources = (row.source for cell in cells for row in cell.rests_on if row.source)
    adsl = data.frame("ADSL")
    columns = [name for name in ("USUBJID", "ARM", "AGE", "SEX") if name in adsl.columns]
    rows = tuple(adsl.select(columns).iter_rows())
    return Patients(tuple(columns), rows, analysis.subjects_behind(data, sources))


def profile(study: Study, subject: str, *, out: str | Path, force: bool = False) -> Path:
    """The page of one patient, with the records and all that is derived from them.

    Raises:
        OutputExistsError: the file is there and `force` was not given.
        DisplayError: no such subject.
    """
    page = Path(out)
    if page.exists() and not force:
        raise OutputExistsError(f"{page} is there already; give --force to overwrite it")
    one = _alone(study, subject)
    data = derive(one, also=("ADLB",))
    frames = dict(data.frames)
    if one.records is not None:
        frames |= {name: frame.collect() for name, frame in one.records.domains.items()}
    made = profile_page(
        frames, subject, protocol=study.protocol, synthetic=data.synthetic,
        dummy_arms=data.arms.is_dummy,
    )  # fmt: skip
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(page_html(made), encoding="utf-8")
    return page


def _alone(study: Study, subject: str) -> Study:
    """The study with one subject's records; shuffled arms need everybody's."""
    if study.records is None or study.arms.is_dummy:
        return study
    own = {
        name: frame.filter(pl.col("USUBJID") == subject)
        for name, frame in study.records.domains.items()
        if "USUBJID" in frame.collect_schema()
    }
    if own["DM"].collect().height == 0:
        raise DisplayError(f"there is no subject {subject} in DM")
    return replace(study, records=Records(own, study.records.origin))


def listing(study: Study, name: str) -> pl.DataFrame:
    """A domain of the records, or an analysis data set, as a frame.

    Raises:
        DisplayError: there is neither a domain nor a data set of that name.
    """
    name = name.upper()
    if study.records is not None and name in study.records.domains:
        return study.records.domains[name].collect()
    frames = derive(study, also=(name,)).frames
    if name not in frames:
        domains = study.records.domains if study.records else ()
        there = ", ".join((*domains, *frames))
        raise DisplayError(f"there is no domain or data set {name}; there are {there}")
    return frames[name]


def context(protocol: Protocol) -> CheckContext:
    """What the rules on records need to know of a declaration."""
    return CheckContext(
        arms={arm.code: arm.label for arm in protocol.arms.values()},
        visits=tuple(
            VisitWindow(v.label, v.number, v.day, *v.window) for v in protocol.schedule.visits
        ),
    )
