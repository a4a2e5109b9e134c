"""The whole flow on one screen: load, check, derive, analyse, display, report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from openlupus import analysis, derivation
from openlupus.derivation import AnalysisData
from openlupus.display import FigureModel, Report, TableModel, build_table, report_html
from openlupus.display.figures.declared import design_picture
from openlupus.display.figures.design import design_figure
from openlupus.errors import DisplayError, OutputExistsError
from openlupus.exchange.manifest import manifest
from openlupus.exchange.study import Study, find, load_study, published_cells
from openlupus.protocol import Protocol
from openlupus.protocol import load as load_protocol
from openlupus.protocol.displays import Table
from openlupus.records.check import Findings, without_arms
from openlupus.records.check import check as check_records
from openlupus.records.context import CheckContext, VisitWindow
from openlupus.results import Results

load = load_study

__all__ = [
    "Study",
    "analyse",
    "check",
    "context",
    "derive",
    "displays",
    "find",
    "load",
    "load_protocol",
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


def derive(study: Study, *, progress: Callable[[int, int], None] | None = None) -> AnalysisData:
    """Analysis data: derived from the study's records, or as given."""
    if study.records is None:
        return AnalysisData.given(study.given, study.arms)
    return derivation.derive(study.protocol, study.records, arms=study.arms, progress=progress)


def analyse(study: Study, data: AnalysisData, *, only: Sequence[str] = ()) -> Results:
    """Every declared analysis, or only those named."""
    return analysis.analyse(study.protocol, data, only=only)


def displays(
    study: Study,
    data: AnalysisData,
    results: Results,
    *,
    published: bool = False,
    only: Sequence[str] = (),
) -> tuple[TableModel | FigureModel, ...]:
    """Every declared display, or only those named, filled with results.

    `published` lays the cells of the study's `published.toml` beside ours.
    """
    protocol = study.protocol
    if unknown := [name for name in only if name not in protocol.displays]:
        known = ", ".join(protocol.displays) or "none"
        raise DisplayError(f"no display {', '.join(unknown)} is declared; there are: {known}")
    printed = published_cells(study) if published else {}
    labels = {name: protocol.label(name) for name in (*protocol.arms, *protocol.groups)}
    labels |= {name: population.label for name, population in protocol.populations.items()}
    made: list[TableModel | FigureModel] = []
    for name, declared in protocol.displays.items():
        if only and name not in only:
            continue
        if isinstance(declared, Table):
            cells = printed.get(declared.published)
            made.append(
                build_table(
                    declared, results, labels=labels, synthetic=data.synthetic,
                    dummy_arms=data.arms.is_dummy, id=name, published=cells,
                )
            )  # fmt: skip
        else:
            picture = design_picture(protocol)
            made.append(
                design_figure(
                    picture, id=name, number=declared.number, title=declared.title,
                    footnotes=declared.footnotes, synthetic=data.synthetic,
                    dummy_arms=data.arms.is_dummy,
                )
            )  # fmt: skip
    return tuple(made)


def report(
    study: Study,
    data: AnalysisData,
    results: Results,
    *,
    out: str | Path,
    findings: Findings | None = None,
    published: bool = False,
    command: str = "",
    force: bool = False,
) -> Path:
    """One self-contained page, `index.html` in the folder `out`, with every display.

    Args:
        findings: Of the record checks, for their summary.
        published: Lay printed cells beside ours.
        command: How the report was asked for, for the manifest.
        force: Overwrite a report that is there.

    Raises:
        OutputExistsError: there is a report and `force` was not given.
        DisplayError: a display does not fit the results; all faults are named.
    """
    page = Path(out) / "index.html"
    if page.exists() and not force:
        raise OutputExistsError(f"{page} is there already; give --force to overwrite it")
    about = study.protocol.study
    html = report_html(
        Report(
            title=about.title,
            subtitle=" · ".join(filter(None, (*about.registrations, about.reference))),
            displays=displays(study, data, results, published=published),
            notes=results.notes,
            findings=findings.counts() if findings else None,
            exclusions=data.excluded,
            manifest=manifest(study, synthetic=data.synthetic, command=command),
            synthetic=data.synthetic,
            dummy_arms=data.arms.is_dummy,
        )
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    return page


def context(protocol: Protocol) -> CheckContext:
    """What the rules on records need to know of a declaration."""
    return CheckContext(
        arms={arm.code: arm.label for arm in protocol.arms.values()},
        visits=tuple(
            VisitWindow(v.label, v.number, v.day, *v.window) for v in protocol.schedule.visits
        ),
    )
