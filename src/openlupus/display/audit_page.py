"""The page of an audit: counts on top, then what is wrong, what was found out, and the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from openlupus.display.model import flags
from openlupus.display.render_html import environment

if TYPE_CHECKING:
    from openlupus.audit import Audit, Finding, Published
    from openlupus.audit.against import Compared
    from openlupus.audit.shared_strata import SharedStrata

Rows = Sequence[Mapping[str, object]]

_FINDING = {
    "place": "Where", "printed": "Printed", "recomputed": "Recomputed", "verdict": "Verdict",
    "check": "Check", "why": "Why",
}  # fmt: skip
_COMPARED = {
    "place": "Where", "printed": "Printed", "ours": "Ours", "outcome": "Outcome", "why": "Why",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of the page.

    Attributes:
        columns: Key in the rows to the words above the column.
        folded: Shown only when it is opened.
    """

    id: str
    title: str
    columns: Mapping[str, str]
    rows: Rows
    note: str = ""
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """What the page says.

    Attributes:
        counts: What is counted and how often, shown on top.
        notes: Sentences below the counts.
        flags: What must be said of the numbers on every page.
    """

    title: str
    subtitle: str
    counts: Sequence[tuple[str, int]]
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    flags: Sequence[str] = ()


def audit_html(page: AuditPage) -> str:
    """The page as one HTML document; the same page gives the same bytes."""
    return environment().get_template("audit.html.j2").render(page=page) + "\n"


def audit_page(audit: "Audit") -> str:
    """The page of a paper's tables against themselves."""
    paper, (rule, fits, of) = audit.published, audit.rule
    printed, looked = audit.cells
    notes = [f"{looked} of {printed} printed cells were checked against others."]
    if of:
        notes.append(f"Percentages are rounded {rule}: {fits} of {of} follow it.")
    unknown = [f for f in audit.findings if f.verdict == "cannot tell"]
    remarks = [f for f in audit.findings if f.remark]
    sections = [
        _findings("faults", "What contradicts itself", paper, audit.faults),
        _findings("remarks", "What the numbers give away", paper, remarks),
        *(
            _strata(f"strata-{place}", title, paper, shared)
            for place, (title, shared) in enumerate(audit.shared.items(), 1)
        ),
        _findings("unknown", "What the print does not decide", paper, unknown),
        *(
            _findings(f"ok-{place}", f"{title}: what holds", paper, holding, folded=True)
            for place, (title, holding) in enumerate(_holding(audit).items(), 1)
        ),
    ]
    return audit_html(
        AuditPage(
            title="Audit of printed tables", subtitle=paper.source,
            counts=list(audit.counts.items()), sections=sections, notes=notes,
        )
    )  # fmt: skip


def against_page(
    published: "Published",
    compared: "Sequence[Compared]",
    *,
    synthetic: bool,
    dummy_arms: bool,
) -> str:
    """The page of a run against a paper."""
    from openlupus.audit.against import regenerated

    groups = {outcome: [c for c in compared if c.outcome == outcome]
              for outcome in ("differs", "absent", "equal")}  # fmt: skip
    titles = {"differs": "Cells that differ", "absent": "Cells that the run does not print",
              "equal": "Equal cells"}  # fmt: skip
    sections = [
        Section(
            id=outcome, title=titles[outcome], columns=_COMPARED, folded=outcome != "differs",
            rows=[
                {**asdict(c), "place": _place(published, c.table, c.row, c.column)} for c in cells
            ],
        )
        for outcome, cells in groups.items()
    ]  # fmt: skip
    counted = [("printed cells", len(compared))]
    counted += [(outcome, len(groups[outcome])) for outcome in ("equal", "differs", "absent")]
    return audit_html(
        AuditPage(
            title="A run against printed tables", subtitle=published.source, counts=counted,
            sections=sections, notes=[f"{regenerated(compared)}."],
            flags=flags(synthetic=synthetic, dummy_arms=dummy_arms),
        )
    )  # fmt: skip


def _holding(audit: "Audit") -> Mapping[str, list["Finding"]]:
    found: dict[str, list[Finding]] = {}
    for finding in audit.findings:
        if finding.verdict == "ok" and not finding.remark:
            found.setdefault(audit.published.title(finding.table), []).append(finding)
    return found


def _findings(
    name: str,
    title: str,
    published: "Published",
    findings: "Sequence[Finding]",
    *,
    folded: bool = False,
) -> Section:
    rows = [{**asdict(f), "place": _place(published, f.table, f.row, f.column)} for f in findings]
    return Section(id=name, title=title, columns=_FINDING, rows=rows, folded=folded)


def _strata(name: str, title: str, published: "Published", shared: "SharedStrata") -> Section:
    """Patients and responders by stratum that print every comparison at once."""
    arms = list(shared.patients)
    labels = {arm: published.columns[arm].label for arm in arms}
    rows: list[dict[str, object]] = [{"what": "Patients", **_by_stratum(shared.patients)}]
    rows += [
        {"what": row.replace("|", " / "), **dict.fromkeys(arms, ""), **_by_stratum(each)}
        for (_, row), each in shared.responders.items()
    ]
    return Section(
        id=name, title=f"{title}: strata that print its comparisons at once",
        columns={"what": "", **labels}, rows=rows, folded=True,
        note=f"One of many possible tables, by the method {shared.method}; it shows that there is"
        " one, and not which it was.",
    )  # fmt: skip


def _by_stratum(counts: Mapping[str, Sequence[int]]) -> dict[str, object]:
    return {arm: ", ".join(str(n) for n in each) for arm, each in counts.items()}


def _place(published: "Published", table: str, row: str, column: str) -> str:
    label = column
    for key, known in published.columns.items():
        if column == key:
            label = known.label
        elif column in (f"{key}_difference", f"{key}_p"):
            what = "difference" if column.endswith("difference") else "P value"
            label = f"{known.label}, {what}"
    title = "" if table == "power" else published.title(table)
    parts = (title, row.replace("|", " / "), label)
    return " · ".join(part for part in parts if part)
