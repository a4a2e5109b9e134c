"""The report: one self-contained HTML file that needs no network and no script."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from openlupus.display.model import FigureModel, TableModel, flags
from openlupus.errors import DisplayError

if TYPE_CHECKING:
    from jinja2 import Environment

WIDE = 8
"""Columns from which a table is printed on a page turned sideways."""


@dataclass(frozen=True)
class Patients:
    """The subjects behind the printed numbers.

    Attributes:
        columns: Of `rows`; the first is the subject's id.
        rows: One a subject.
        behind: Pointer of a result to the places of its subjects in `rows`, ascending.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    behind: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a report says, ready to be rendered.

    Attributes:
        title: Of the trial.
        subtitle: Below it, for example the registry number and phase.
        displays: Tables and figures in the order of the declaration.
        notes: Method note of each analysis.
        labels: What each analysis is called in words.
        study: Name by which the commands find the study.
        protocol: Its identity, at the head of pages in regulatory style.
        patients: Whom the printed numbers rest on; None leaves patients out of the page.
        findings: Counted findings of the record checks, one rule a row; the columns are shown as
            they are named. None when the records were not checked.
        exclusions: Counted records left out of the analysis data, in the same way.
        manifest: What the report was made from and with: input hashes, versions, seed, command.
        synthetic: Whether any record is simulated.
        dummy_arms: Whether the arms are dummies.
        program, data, dated: What made the report, from which data, when; the regulatory style
            prints them under every display, and no time when it is empty.
        language: BCP 47 tag of the words in the declaration.
    """

    title: str
    subtitle: str = ""
    displays: tuple[TableModel | FigureModel, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    study: str = "STUDY"
    protocol: str = ""
    patients: Patients | None = None
    findings: pl.DataFrame | None = None
    exclusions: pl.DataFrame | None = None
    manifest: Mapping[str, object] = field(default_factory=dict[str, object])
    synthetic: bool
    dummy_arms: bool
    program: str = "openlupus"
    data: str = "as given"
    dated: str = ""
    language: str = "en"

    def __post_init__(self) -> None:
        ids = [display.id for display in self.displays]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise DisplayError(f"displays share an id: {', '.join(twice)}")
        said = flags(synthetic=self.synthetic, dummy_arms=self.dummy_arms)
        other = [display.number for display in self.displays if display.flags != said]
        if other:
            raise DisplayError(
                f"the report and {', '.join(other)} disagree on whether the data are synthetic"
                " or the arms dummies"
            )


def report_html(report: Report) -> str:
    """The report as one HTML document; the same report gives the same bytes."""
    from openlupus.display.markup import told

    page = environment().get_template("report.html.j2")
    said = flags(synthetic=report.synthetic, dummy_arms=report.dummy_arms)
    notes = told(report.displays, report.notes)
    return (
        page.render(
            report=report,
            flags=said,
            running=" · ".join(said),
            wide=WIDE,
            told=notes,
            methods={name: i for i, (analyses, _) in enumerate(notes) for name in analyses},
            regulatory=any(display.style == "regulatory" for display in report.displays),
        )
        + "\n"
    )


def environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from openlupus.display.markup import FILTERS

    environment = Environment(
        loader=PackageLoader("openlupus.display"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return environment
