"""What the parts of a declaration say of each other: every reference must lead somewhere."""

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from openlupus.instruments.composites import COMPOSITES, Composite
from openlupus.protocol import model as m
from openlupus.protocol.adsl import ADSL_VARIABLES
from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.base import Test, Where
from openlupus.protocol.displays import FigurePart, Laid, Row, Table, Zero
from openlupus.protocol.domains import is_domain, near
from openlupus.protocol.draft import Draft
from openlupus.protocol.faults import Fault, Path, line_of, place
from openlupus.protocol.figures import Forest
from openlupus.protocol.mend import HOLE, HOLES
from openlupus.protocol.methods import (
    Counts,
    Discordance,
    Imputing,
    Incidence,
    Longitudinal,
    Mmrm,
    OfEndpoint,
    Responder,
    Shift,
)
from openlupus.protocol.templates import FORMATS, TemplateError, fields
from openlupus.results import STATISTICS

Found = Iterator[tuple[Path, str, str]]
"""Path in the file, what is wrong, what to do."""


def cross_faults(draft: Draft, index: dict[Path, int]) -> list[Fault]:
    """All faults between parts."""
    checks = (
        _arms, _groups, _regions, _schedule, _strata, _variables, _cycles, _populations,
        _intercurrent, _endpoints, _times, _analyses, _multiplicity, _displays, monitoring_faults,
    )  # fmt: skip
    return [
        Fault(line_of(index, path), place(draft.raw, path), what, do)
        for check in checks
        for path, what, do in check(draft)
    ]


def _known(path: Path, name: str, kind: str, names: Iterable[str]) -> Found:
    names = tuple(names)
    if name in names or name == HOLE:
        return
    near = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"declared: {', '.join(names)}"
    yield path, f'{kind} "{name}" is not declared', hint if names else "none is declared"


def _visit(draft: Draft, path: Path, name: str) -> Found:
    if draft.knows("schedule", "visit") or draft.visits:
        yield from _known(path, name, "visit", draft.visit_ids)


def _repeated(values: Iterable[str]) -> list[str]:
    values = [value for value in values if value not in HOLES]
    return sorted({value for value in values if values.count(value) > 1})


def _arms(draft: Draft) -> Found:
    for code in _repeated(draft.codes.values()):
        holders = [name for name, used in draft.codes.items() if used == code]
        yield ("arm", holders[-1]), f'code "{code}" is used by {" and ".join(holders)}', ""
    for name in set(draft.names("arms")) & set(draft.names("groups")):
        yield ("group", name), f'"{name}" is an arm already', "give the group a name of its own"


def _groups(draft: Draft) -> Found:
    for name, group in draft.named["groups"].items():
        for arm in group.arms:
            yield from _known(("group", name, "arms"), arm, "arm", draft.names("arms"))


def _regions(draft: Draft) -> Found:
    for name, region in draft.named["regions"].items():
        for country in region.countries:
            if country != HOLE and not re.fullmatch("[A-Z]{3}", country):
                text = f'country "{country}" is not a code of three capital letters'
                yield ("region", name, "countries"), text, "ISO 3166-1 alpha-3, for example FRA"


def _schedule(draft: Draft) -> Found:
    for name in _repeated(draft.visit_ids):
        yield ("schedule",), f'visit "{name}" is declared more than once', ""
    windows: list[tuple[int, m.Visit]] = []
    for i, visit in draft.visits.items():
        path = ("schedule", "visit", i)
        if not draft.knows(*path, "window"):
            continue
        windows.append((i, visit))
        low, high = visit.window
        if not draft.knows(*path, "day"):
            continue
        if 0 in (visit.day, low, high):
            yield path, f'visit "{visit.id}" uses day 0', "the first dose is day 1, before it is -1"
        if not low <= visit.day <= high:
            text = f'visit "{visit.id}": its day {visit.day} is not in its window {low} to {high}'
            yield path, text, ""
    windows.sort(key=lambda held: held[1].window)
    for (_, before), (i, after) in itertools.pairwise(windows):
        if after.window[0] <= before.window[1]:
            yield (
                ("schedule", "visit", i),
                f"windows of visits {_window(before)} and {_window(after)} overlap",
                "a day may belong to one visit only",
            )


def _window(visit: m.Visit) -> str:
    return f'"{visit.id}" ({visit.window[0]} to {visit.window[1]})'


def _strata(draft: Draft) -> Found:
    for name, stratum in draft.named["strata"].items():
        path = ("stratum", name)
        for level in _repeated(level.id for level in stratum.levels):
            yield path, f'level "{level}" is declared more than once', ""
        if not draft.given:
            yield from _known((*path, "observed"), stratum.observed, "ADSL variable", draft.columns)


def _columns(draft: Draft, path: Path, where: Where) -> Found:
    if not draft.given:
        for column in where:
            yield from _known(path, column, "ADSL variable", sorted(draft.columns))


def _variables(draft: Draft) -> Found:
    for name, variable in draft.named["variables"].items():
        path = ("variable", name)
        if name in ADSL_VARIABLES:
            yield path, f"{name} is derived for every study", "choose another name"
        match variable:
            case m.FromVariable():
                yield from _known(path, variable.source, "ADSL variable", sorted(draft.columns))
            case m.FromCut():
                yield from _columns(draft, path, variable.where)
            case m.FromParameter() if variable.visit != "baseline":
                yield from _visit(draft, path, variable.visit)
            case m.FromRecords() | m.FromText():
                yield from _domain((*path, "domain"), variable.domain)
            case m.FromDate():
                yield from _domain((*path, "domain"), variable.domain)
                yield from _known(path, variable.to, "ADSL variable", sorted(draft.columns))
            case _:
                pass


def _domain(path: Path, name: str) -> Found:
    if name != HOLE and not is_domain(name):
        hint = f"did you mean {' or '.join(near(name))}?" if near(name) else "for example MH"
        yield path, f'"{name}" is not a domain of SDTM', hint


def needs(draft: Draft) -> dict[str, set[str]]:
    """ADSL variable to the declared variables that it is made from."""
    made: dict[str, set[str]] = {}
    for name, variable in draft.named["variables"].items():
        match variable:
            case m.FromVariable():
                made[name] = {variable.source}
            case m.FromCut():
                made[name] = set(variable.where)
            case _:
                made[name] = set()
    for population in draft.named["populations"].values():
        if population.flag:
            made[population.flag] = set(population.where)
    return made


def _cycles(draft: Draft) -> Found:
    made = needs(draft)
    for start in made:
        trail, reached = [start], set(made[start])
        while reached & made.keys() - set(trail):
            following = sorted(reached & made.keys() - set(trail))[0]
            trail.append(following)
            reached |= made[following]
        if start in reached:
            kind = "variable" if start in draft.names("variables") else "population"
            yield (kind, start), f"{start} is made from itself, by way of {', '.join(trail)}", ""
            return


def _populations(draft: Draft) -> Found:
    for name, population in draft.named["populations"].items():
        yield from _columns(draft, ("population", name, "where"), population.where)


def _intercurrent(draft: Draft) -> Found:
    for name, event in draft.named["intercurrent"].items():
        if isinstance(event, m.RecordEvent):
            yield from _domain(("intercurrent", name, "domain"), event.domain)


def _endpoints(draft: Draft) -> Found:
    endpoints: Mapping[str, m.Endpoint] = draft.named["endpoints"]
    for parameter in _repeated(e.parameter for e in endpoints.values()):
        holders = [name for name, e in endpoints.items() if e.parameter == parameter]
        text = f'parameter "{parameter}" is used by {" and ".join(holders)}'
        yield ("endpoint", holders[-1], "parameter"), text, "each end point needs its own"
    for name, endpoint in endpoints.items():
        path = ("endpoint", name)
        for event in endpoint.intercurrent:
            names = draft.names("intercurrent")
            yield from _known((*path, "intercurrent"), event, "intercurrent event", names)
        yield from _columns(draft, (*path, "eligible"), endpoint.eligible)
        composite = COMPOSITES.get(endpoint.composite)
        if endpoint.composite == HOLE:
            continue
        if composite is None:
            known = ", ".join(COMPOSITES)
            text = f'composite "{endpoint.composite}" is not known'
            yield (*path, "composite"), text, f"known: {known}"
            continue
        for option, value in endpoint.options.items():
            yield from _known((*path, "options"), option, "option", composite.options)
            declared = composite.options.get(option)
            if declared and value != HOLE and not declared.allows(value):
                text = f"option {option} = {value!r} is not a number"
                yield (*path, "options"), text, f"between {declared.low:g} and {declared.high:g}"
        if endpoint.component:
            yield from _known(
                (*path, "component"), endpoint.component, "component", composite.components
            )
        if not draft.given:
            yield from _feeds(draft, path, endpoint, composite)


def _feeds(draft: Draft, path: Path, endpoint: m.Endpoint, composite: Composite) -> Found:
    """What a composite asks of the declaration besides options."""
    if endpoint.maintained_from:
        yield from _visit(draft, (*path, "maintained_from"), endpoint.maintained_from)
    elif {"prednisone_highest_visit", "flare_free_visit"} & {*composite.inputs}:
        text = f"{composite.label} needs the visit from which it must be maintained"
        yield path, text, 'add maintained_from = "..."'
    for event in endpoint.changes:
        names = draft.names("intercurrent")
        yield from _known((*path, "changes"), event, "intercurrent event", names)
    if {"standard_treatment", "stable_treatment"} & {*composite.inputs} and not endpoint.changes:
        text = f"{composite.label} needs the intercurrent events that change treatment"
        yield path, text, "add changes = [...]"


def _times(draft: Draft) -> Found:
    times: Mapping[str, m.TimeToEvent] = draft.named["times"]
    for parameter in _repeated(t.parameter for t in times.values()):
        holders = [name for name, t in times.items() if t.parameter == parameter]
        text = f'parameter "{parameter}" is used by {" and ".join(holders)}'
        yield ("time_to_event", holders[-1], "parameter"), text, "each needs its own"
    for name, declared in times.items():
        path = ("time_to_event", name)
        ends = draft.names("endpoints")
        yield from _known((*path, "endpoint"), declared.endpoint, "end point", ends)
        for event in declared.censored_by:
            names = draft.names("intercurrent")
            yield from _known((*path, "censored_by"), event, "intercurrent event", names)
        if declared.until:
            yield from _visit(draft, (*path, "until"), declared.until)


def _analyses(draft: Draft) -> Found:
    analyses: Mapping[str, Analysis] = draft.named["analyses"]
    for name, analysis in analyses.items():
        path = ("analysis", name)
        if name == "population":
            yield path, '"population" is the built-in analysis of the N', "choose another name"
        yield from _known(
            (*path, "population"), analysis.population, "population", draft.names("populations")
        )
        if analysis.visit:
            yield from _visit(draft, (*path, "visit"), analysis.visit)
        yield from _repeats(draft, path, analysis)
        for group in analysis.groups:
            yield from _known((*path, "groups"), group, "arm or group", draft.who)
        for pair in analysis.compare.all:
            for member in pair:
                yield from _known((*path, "compare"), member, "arm or group", draft.who)
        if analysis.dataset == "ADSL":
            yield from _columns(draft, (*path, "where"), analysis.where)
        yield from _method(draft, path, analysis)


def _repeats(draft: Draft, path: Path, analysis: Analysis) -> Found:
    for visit in analysis.visits:
        yield from _visit(draft, (*path, "visits"), visit)
    if analysis.visit and analysis.visits:
        yield (*path, "visits"), "an analysis has either a visit or visits", "keep one of them"
    for visit in _repeated(analysis.visits):
        yield (*path, "visits"), f'visit "{visit}" is listed more than once', ""
    yield from _columns(draft, (*path, "subgroups"), {c: Test() for c in analysis.subgroups})
    if analysis.dataset == "ADSL":
        yield from _columns(draft, (*path, "by"), {by.column: Test() for by in analysis.by})


def _method(draft: Draft, path: Path, analysis: Analysis) -> Found:
    method = analysis.method
    readable = draft.knows(*path, "method")
    if isinstance(method, Imputing | Longitudinal):
        for visit in method.visits:
            yield from _visit(draft, (*path, "method"), visit)
    if isinstance(method, Longitudinal) and not (analysis.visit or analysis.visits):
        yield path, "a longitudinal analysis needs the visit of its change", "add visit = ..."
    if isinstance(method, OfEndpoint):
        yield from _of_endpoint(draft, path, analysis, method)
    match method:
        case Responder(interval=interval, test=test, strata=strata):
            stratified = interval == "stratified_newcombe" or test == "cmh"
            if stratified and not strata and readable:
                text = "a stratified method needs strata"
                yield (*path, "method"), text, "add strata = [...]"
        case Incidence():
            for group in (*method.at_least_in, *method.order_group):
                yield from _known((*path, "method"), group, "arm or group", draft.who)
            if readable:
                yield from _risks(path, analysis, method)
        case Shift() if analysis.subgroups:
            text = "the subgroups of a shift table are its levels at the start"
            yield (*path, "subgroups"), text, "repeat it with by = [...] instead"
        case Mmrm():
            for visit in method.visits:
                yield from _visit(draft, (*path, "method"), visit)
            known = {*method.covariates, *method.factors}
            if unknown := {*method.by_visit, *method.by_arm} - known:
                text = f"by_visit or by_arm names {', '.join(sorted(unknown))}"
                yield (*path, "method"), text, "add it to covariates or factors"
            if method.by_arm and method.baseline_as_response:
                yield (*path, "method"), "a cLDA has no term of the arm for by_arm", "leave it out"
        case Counts() if bool(method.variable) == bool(method.rows):
            if not readable:
                return
            yield (*path, "method"), "counts need either a variable or rows", ""
        case Counts() if analysis.dataset == "ADSL":
            for i, row in enumerate(method.rows):
                yield from _columns(draft, (*path, "method", "rows", i), row.where)
            if method.variable:
                yield from _columns(draft, (*path, "method"), {method.variable: Test()})
        case _ if analysis.dataset == "ADSL":
            yield from _columns(draft, (*path, "method"), {c: Test() for c in method.asked})
        case _:
            pass


def _risks(path: Path, analysis: Analysis, method: Incidence) -> Found:
    if bool(method.worst) != bool(method.worst_levels):
        text = "worst and worst_levels go together"
        yield (*path, "method"), text, "name the column, and its levels from low to high"
    if method.difference != "none" and not analysis.compare.all:
        text = f'difference = "{method.difference}" needs comparisons'
        yield (*path, "method"), text, "add compare = { test = [...], control = ... }"
    for row in _repeated(row.id for row in method.rows):
        yield (*path, "method"), f'row "{row}" is declared more than once', ""


def _of_endpoint(draft: Draft, path: Path, analysis: Analysis, method: OfEndpoint) -> Found:
    yield from _known((*path, "endpoint"), analysis.endpoint, "end point", draft.names("endpoints"))
    for stratum in method.strata:
        yield from _known((*path, "method"), stratum, "stratum", draft.names("strata"))
    if isinstance(method, Discordance):
        names = draft.names("endpoints")
        yield from _known((*path, "method"), method.other, "end point", names)
    if not (analysis.visit or analysis.visits) and draft.knows(*path, "visit"):
        yield path, "an analysis of responders needs a visit", "add visit = ..."


def _multiplicity(draft: Draft) -> Found:
    for name, family in draft.named["multiplicity"].items():
        family: Multiplicity
        path = ("multiplicity", name)
        yield from _known((*path, "analysis"), family.analysis, "analysis", draft.names("analyses"))
        analysis: Analysis | None = draft.named["analyses"].get(family.analysis)
        if analysis is None or not draft.knows("analysis", family.analysis, "compare"):
            continue
        compared = [test for test, _ in analysis.compare.all]
        for test in family.tests:
            if test not in compared and test != HOLE:
                text = f'member "{test}" is not compared in analysis "{family.analysis}"'
                yield (*path, "tests"), text, f"compared: {', '.join(compared) or 'none'}"


def _displays(draft: Draft) -> Found:
    for name, display in draft.named["displays"].items():
        path = ("display", name)
        if isinstance(display, FigurePart):
            yield from _figure(draft, path, display)
        if isinstance(display, Laid):
            yield from _laid(draft, path, display)


def _figure(draft: Draft, path: Path, figure: FigurePart) -> Found:
    names: Mapping[str, Iterable[str]] = {
        "analysis": draft.names("analyses"),
        "arm or group": draft.who,
    }
    for kind, named in dict.fromkeys(figure.asked):
        if kind == "visit":
            yield from _visit(draft, path, named)
        else:
            yield from _known(path, named, kind, names[kind])
    if isinstance(figure, Forest):
        keys = [column.key for column in figure.columns]
        for field, given in (("plot", figure.plot), ("beside", figure.beside)):
            for key in given if draft.knows(*path, "columns") else ():
                yield from _known((*path, field), key, "column", keys)


def monitoring_faults(draft: Draft) -> Found:
    """What is wrong with the reports to a data-monitoring committee."""
    monitoring: m.Monitoring | None = draft.single.get("monitoring")
    if monitoring is None or not draft.knows("monitoring"):
        return
    for field in ("displays", "interval"):
        for name in getattr(monitoring, field):
            path = ("monitoring", field)
            yield from _known(path, name, "display", draft.names("displays"))
            table = draft.named["displays"].get(name)
            if table is not None and not isinstance(table, Table):
                yield path, f'display "{name}" is no table', "a monitoring report has tables only"
            if field == "interval" and name not in monitoring.displays:
                yield path, f'display "{name}" is not among the displays', "add it to displays"


def _laid(draft: Draft, path: Path, display: Laid) -> Found:
    names = draft.names("populations")
    yield from _known((*path, "population"), display.population, "population", names)
    for i, column in enumerate(display.columns):
        at = (*path, "columns", i)
        for member in filter(None, (column.group, column.comparator)):
            yield from _known(at, member, "arm or group", draft.who)
        if column.analysis:
            yield from _known(at, column.analysis, "analysis", draft.names("analyses"))
        if column.population:
            yield from _known(at, column.population, "population", names)
    for i, row in enumerate(display.rows):
        if draft.unreadable & {(*path, "rows"), (*path, "rows", i)}:
            continue
        yield from _row(draft, (*path, "rows", i), row, display)


def _zeros(zero: Zero) -> tuple[str, ...]:
    """The texts that are printed where n is 0; they may be templates too."""
    return tuple(zero.values()) if isinstance(zero, dict) else (zero,) if zero else ()


def _row(draft: Draft, path: Path, row: Row, table: Laid, around: str = "") -> Found:
    named = row.analysis or around
    for i, inner in enumerate(row.rows):
        yield from _row(draft, (*path, "rows", i), inner, table, named)
    if row.heading:
        return
    if named or not row.rows:
        yield from _known(path, named, "analysis", draft.names("analyses"))
    if row.visit:
        yield from _visit(draft, path, row.visit)
    slots = {column.slot for column in table.columns}
    readable = draft.knows(*path[:2], "columns")
    for slot in row.cells:
        if slot not in slots and readable:
            yield path, f'no column has the slot "{slot}"', f"slots: {', '.join(sorted(slots))}"
    for template in (*row.cells.values(), *_zeros(row.zero), *_zeros(table.zero)):
        try:
            used = fields(template)
        except TemplateError as error:
            yield path, f'template "{template}": {error}', ""
            continue
        for statistic, form in used:
            yield from _known(path, statistic, "statistic", STATISTICS)
            if form not in table.formats and draft.knows(*path[:2], "formats"):
                yield from _known(path, form, "format", FORMATS)
    analysis: Analysis | None = draft.named["analyses"].get(row.analysis)
    if analysis and isinstance(analysis.method, Counts) and row.parameter and not analysis.by:
        declared = (*(r.id for r in analysis.method.rows), *analysis.method.levels)
        if declared and draft.knows("analysis", row.analysis, "method"):
            yield from _known(path, row.parameter, "row or level", declared)
