"""Method notes: what an analysis did, in words, with every option and default."""

from collections.abc import Iterable, Mapping, Sequence

from openlupus.analysis.responder import strata_columns
from openlupus.derivation.medication import BASELINE_WINDOW
from openlupus.instruments.composites import COMPOSITES
from openlupus.protocol import model as m
from openlupus.protocol.analyses import (
    Analysis,
    Ancova,
    Counts,
    Incidence,
    Multiplicity,
    Responder,
    Summary,
)
from openlupus.protocol.base import Test, Where
from openlupus.protocol.model import Protocol

_QUANTILES: Mapping[str, str] = {
    "sas1": "SAS definition 1 (weighted average aimed at np; R type 4)",
    "sas2": "SAS definition 2 (nearest observation; R type 3)",
    "sas3": "SAS definition 3 (empirical distribution; R type 1)",
    "sas4": "SAS definition 4 (weighted average aimed at (n+1)p; R type 6)",
    "sas5": "SAS definition 5 (empirical distribution with averaging; R type 2)",
    "r7": "R type 7 (linear interpolation)",
}
_INTERVALS: Mapping[str, str] = {
    "stratified_newcombe": "stratified Newcombe hybrid score limits (Yan and Su 2010)",
    "newcombe": "Newcombe hybrid score limits without continuity correction (Newcombe 1998,"
    " method 10), not stratified",
    "sato": "normal limits with the variance of Sato (1989)",
    "greenland_robins": "normal limits with the variance of Greenland and Robins (1985)",
}
_PROCEDURES: Mapping[str, str] = {
    "hochberg": "Hochberg's step-up procedure", "holm": "Holm's step-down procedure",
    "hommel": "Hommel's procedure", "bonferroni": "the Bonferroni procedure",
}  # fmt: skip
_MISSING: Mapping[str, str] = {
    "non_response": "n respond among all N; a verdict that is missing counts as non-response",
    "missing": "n respond among the N with a verdict; a missing verdict is left out",
}
_STRATEGY: Mapping[str, str] = {
    "composite": "non-response (composite)",
    "treatment_policy": "ignored (treatment policy)",
    "hypothetical": "the verdict is set to missing, and the subject is not among the N"
    " (hypothetical)",
    "while_on_treatment": "the verdict of the last visit before it stands, and is missing without"
    " one (while on treatment)",
}
_COMPONENTS: Mapping[str, str] = {
    "sledai_fall": "score lower than SLEDAI-2K at baseline by at least the fall needed",
    "sledai_no_worsening": "SLEDAI-2K not higher than at baseline",
    "bilag_improved": "every BILAG-2004 A at baseline now B or lower, every B now C or lower,"
    " cannot be computed without an A or a B at baseline",
    "bilag_no_worsening": "no new BILAG-2004 A and at most one new B against baseline",
    "pga_no_worsening": "PGA higher than at baseline by less than the rise that is worsening",
}
_CHOOSE: Mapping[str, str] = {
    "nearest": "the one nearest to the target day, of two equally near the {ties}",
    "first": "the first", "last": "the last",
}  # fmt: skip
_BASELINE = (
    "Baseline is, of each instrument, the last usable assessment (a score comes out of it) on or"
    " before day 1, the day of the first dose (of randomization where no dose was given)."
)
_AT: Mapping[str, str] = {
    "ever": "", "before_dose": " dated on or before the day of the first dose",
    "first_dose": " begun on or before the day of the first dose and not ended before it",
}  # fmt: skip
_UNITS: Mapping[str, str] = {
    "years": "years of 365.25 days", "months": "months of 30.4375 days", "days": "days",
}  # fmt: skip
_AMONG: Mapping[str, str] = {
    "population": "all subjects of the population in the group",
    "not_missing": "those with a value",
    "eligible": "those with such a record",
}
_WEIGHTS: Mapping[str, str] = {
    "observed": "as often as they occur among the subjects used (observed margins)",
    "equal": "equally",
}
_BOUNDS: Mapping[str, str] = {
    "at_least": "at least", "above": "above", "at_most": "at most", "below": "below",
}  # fmt: skip


def note(protocol: Protocol, name: str) -> str:
    """The method note of a declared analysis, in whole sentences."""
    analysis = protocol.analyses[name]
    match analysis.method:
        case Summary() as method:
            said = _summary(protocol, analysis, method)
        case Counts() as method:
            said = _counts(protocol, analysis, method)
        case Incidence() as method:
            said = _incidence(protocol, analysis, method)
        case Responder() as method:
            said = _responder(protocol, analysis, method)
        case Ancova() as method:
            said = _ancova(protocol, analysis, method)
    families = [
        _family(protocol, family)
        for family in protocol.multiplicity.values()
        if family.analysis == name
    ]
    defined = _definitions(protocol, _asked(protocol, analysis))
    whom = protocol.populations[analysis.population]
    told = [f"Population: {whom.label}, by {whom.arm} arm.", *said, *defined, *families]
    return " ".join(dict.fromkeys(told))


def population_note(protocol: Protocol) -> str:
    """The method note of the built-in analysis `population`."""
    sets = "; ".join(
        f"{p.label} (by {p.arm} arm): {in_words(p.where) or 'all subjects of ADSL'}"
        for p in protocol.populations.values()
    )
    columns = [column for p in protocol.populations.values() for column in p.where]
    said = [f"Number of subjects in each population, arm and group. {sets}."]
    return " ".join([*said, *_definitions(protocol, columns)])


def in_words(where: Where) -> str:
    """A condition as words, `SEX is F and AGE is at least 18`; empty when it always holds."""
    return " and ".join(_test(column, test) for column, test in where.items())


def _test(column: str, test: Test) -> str:
    said: list[str] = []
    if test.equals is not None:
        said.append(f"is {_value(test.equals)}")
    if test.not_equals is not None:
        said.append(f"is not {_value(test.not_equals)}")
    if test.one_of is not None:
        said.append(f"is one of {', '.join(map(_value, test.one_of)) or 'nothing'}")
    if test.none_of is not None:
        said.append(f"is none of {', '.join(map(_value, test.none_of))}")
    said += [
        f"is {words} {bound:g}"
        for field, words in _BOUNDS.items()
        if (bound := getattr(test, field)) is not None
    ]
    if test.is_missing is not None:
        said.append("is missing" if test.is_missing else "is not missing")
    return f"{column} {' and '.join(said)}"


def _value(value: str | float) -> str:
    return f'"{value}"' if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _records(protocol: Protocol, analysis: Analysis, dataset: str = "") -> str:
    at = f" at {protocol.visit(analysis.visit).label}" if analysis.visit else ""
    condition = f" where {in_words(analysis.where)}" if analysis.where else ""
    return f"{dataset or analysis.dataset}{at}{condition}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _summary(protocol: Protocol, analysis: Analysis, method: Summary) -> list[str]:
    of = _records(protocol, analysis)
    rule = _QUANTILES[method.quantile_rule]
    said = [
        f"Summary of {method.variable} ({of}) over the subjects with a value.",
        f"SD is over n - 1; median and quartiles are by {rule}.",
    ]
    if method.test == "anova":
        said.append("P: one-way analysis of variance (F test) over the arms.")
    return said


def _counts(protocol: Protocol, analysis: Analysis, method: Counts) -> list[str]:
    of = _records(protocol, analysis)
    what = f"by level of {method.variable}" if method.variable else "by condition"
    said = [f"Subjects counted {what} ({of}), as a proportion of {_AMONG[method.denominator]}."]
    said += [f"{row.id}: {in_words(row.where)}." for row in method.rows]
    together = bool(method.variable) or method.exclusive
    match method.test:
        case "chi_square":
            table = "of all levels" if together else "of each row (met, not met)"
            said.append(
                f"P: Pearson's chi-square test {table} over the arms, without continuity"
                " correction; levels without subjects are left out."
            )
        case "fisher":
            said.append("P: Fisher's exact test, two-sided, of each level in each comparison.")
        case "none":
            pass
    return said


def _incidence(protocol: Protocol, analysis: Analysis, method: Incidence) -> list[str]:
    of = _records(protocol, analysis)
    by = f" by {_listed(method.by)}" if method.by else ""
    said = [
        f"Subjects with at least one record of {of}, and number of records{by}.",
        "Proportions are of all subjects of the group; a subject counts once in each row.",
    ]
    if method.at_least:
        where = _listed([protocol.label(group) for group in method.at_least_in or analysis.groups])
        said.append(
            f"Shown are terms whose proportion is at least {method.at_least:g} in at least one of"
            f" {where or 'the arms'}."
        )
    if method.by:
        said.append(_order(protocol, analysis, method))
    if method.test == "fisher":
        said.append(
            "P: Fisher's exact test, two-sided (the sum over tables that are no more probable), of"
            " each comparison; none where nobody of either group has the event."
        )
    return said


def _order(protocol: Protocol, analysis: Analysis, method: Incidence) -> str:
    orders = method.order if isinstance(method.order, tuple) else (method.order,)
    said = f"Order: {', then '.join(orders)}"
    if "frequency" not in orders:
        return f"{said}."
    groups = _listed([protocol.label(group) for group in method.order_group or analysis.groups])
    return f"{said}; the frequency is that in {groups or 'the arms'}, ties by the next, then A-Z."


def _responder(protocol: Protocol, analysis: Analysis, method: Responder) -> list[str]:
    endpoint = protocol.endpoints[analysis.endpoint]
    of = _records(protocol, analysis, "ADRESP")
    said = [
        f"Responders of {endpoint.label} (PARAMCD {endpoint.parameter}, {of}).",
        *_composite(endpoint),
        *_when(protocol, analysis),
        *_events(protocol, endpoint),
        f"Counts: {_MISSING[endpoint.missing]}.",
    ]
    if not analysis.compare.all:
        return said
    strata = [_strata(protocol, method)] if method.strata else []
    return [*said, *strata, _difference(method), _test_of(method)]


def _composite(endpoint: m.Endpoint) -> list[str]:
    """The index with every option, what response needs, and to whom it applies."""
    composite = COMPOSITES[endpoint.composite]
    options = [
        f"{option.label}: {_value(endpoint.options.get(name, option.default))}"
        f" ({'declared' if name in endpoint.options else 'default'})"
        for name, option in composite.options.items()
    ]
    needed = [endpoint.component] if endpoint.component else composite.components
    parts = [f"{p.replace('_', ' ')} ({_COMPONENTS.get(p, p)})" for p in needed]
    how = "this component alone" if endpoint.component else "all of these components"
    applies = in_words(endpoint.eligible)
    return [
        f"Definition: {'; '.join([composite.label, *options])}.",
        f"Response needs {how}: {_listed(parts)}; missing if one cannot be computed.",
        *([f"The end point applies where {applies}."] if applies else []),
    ]


def _when(protocol: Protocol, analysis: Analysis) -> list[str]:
    """The baseline and the assessment of the visit, where the verdicts are derived."""
    if protocol.data.adam == "given":
        return ["The verdicts stand in the analysis data as given, not derived here."]
    return [_BASELINE, *([_window(protocol, analysis.visit)] if analysis.visit else [])]


def _window(protocol: Protocol, name: str) -> str:
    visit, schedule = protocol.visit(name), protocol.schedule
    low, high = visit.window
    rule = _CHOOSE[schedule.choose].format(ties=schedule.ties)
    return (
        f"{visit.label}: target day {visit.day}, window days {low} to {high}; of several"
        f" assessments of an instrument there, usable ones before others, then {rule}."
    )


def _events(protocol: Protocol, endpoint: m.Endpoint) -> list[str]:
    """Each intercurrent event, defined, with its strategy; then which of them counts when."""
    told = [
        f"{protocol.intercurrent[name].label} ({_event(protocol.intercurrent[name])}):"
        f" {_STRATEGY[strategy]}."
        for name, strategy in endpoint.intercurrent.items()
    ]
    if protocol.data.adam == "given" or set(endpoint.intercurrent.values()) <= {"treatment_policy"}:
        return told
    counts = (
        "An event counts when it is on or before the day of the assessment (the latest of the"
        " composite's at the visit; the target day of the visit where there is none); the first"
        " that is not ignored decides, of two on one day one that is non-response."
    )
    return [*told, counts]


def _event(event: m.Intercurrent) -> str:
    match event:
        case m.Discontinuation():
            of = f" of epoch {event.epoch} (where there is none, of any)" if event.epoch else ""
            return f"the last disposition event{of} after screening is not COMPLETED; dated by it"
        case m.RecordEvent():
            record = _record_of(event)
            return f"{record}, dated by {event.date} on or after the day of the first dose"
        case m.Medication():
            return _total(event) if event.total_dose else _medication(event)


def _total(event: m.Medication) -> str:
    first, last = BASELINE_WINDOW
    return (
        f"a record of class {' or '.join(event.classes)}, not ended before day {event.from_day},"
        f" when the oral total, in mg of {event.total_dose} equivalents a day, on its first day"
        f" (on day {event.from_day} where it began before) exceeds the baseline dose, the mean of"
        f" days {first} to {last}, by more than {event.tolerance:g} (tolerance); or an intravenous"
        f" or intramuscular one that begins on day {event.from_day} or later, whatever its dose;"
        " dated by that day"
    )


def _medication(event: m.Medication) -> str:
    started = "its drug was not taken on the day of the first dose"
    raised = (
        "the daily dose of its drug exceeds that on the day of the first dose by more than"
        f" {event.tolerance:g} (tolerance)"
    )
    changes = {"start": started, "increase": raised, "start_or_increase": f"{started}, or {raised}"}
    return (
        f"a record of class {' or '.join(event.classes)} that begins on day {event.from_day} or"
        f" later, when {changes[event.change]}; dated by its first day"
    )


def _strata(protocol: Protocol, method: Responder) -> str:
    columns = strata_columns(protocol, method)
    factors: list[str] = []
    for name, column in zip(method.strata, columns, strict=True):
        stratum = protocol.strata[name]
        levels = ", ".join(level.label for level in stratum.levels)
        factors.append(f"{stratum.label} ({levels}; {column})")
    return (
        f"Strata as {method.strata_as}: {' by '.join(factors)}, numbered in this order with the"
        " last factor running fastest; a stratum without subjects in one of the groups is left"
        " out, and so are subjects without a stratum."
    )


def _difference(method: Responder) -> str:
    how = "of the crude proportions"
    if method.strata and method.interval != "newcombe":
        how = "weighted over the strata by Cochran-Mantel-Haenszel weights n1 n0 / (n1 + n0)"
    said = f"Difference, test minus comparator, {how}"
    if method.interval == "none":
        return f"{said}, without limits."
    return f"{said}; {100 * method.level:.6g}% two-sided {_INTERVALS[method.interval]}."


def _test_of(method: Responder) -> str:
    correction = f"{'with' if method.continuity_correction else 'without'} continuity correction"
    match method.test:
        case "cmh":
            name = "Cochran-Mantel-Haenszel test on 1 degree of freedom"
            return f"P: {name}, {correction}, two-sided."
        case "chi_square":
            return f"P: Pearson's chi-square test, {correction}, not stratified."
        case "fisher":
            return "P: Fisher's exact test, two-sided, not stratified."
        case "none":
            return "No test."


def _ancova(protocol: Protocol, analysis: Analysis, method: Ancova) -> list[str]:
    of = _records(protocol, analysis)
    factors = _listed(["arm", *method.factors])
    covariates = f" and {_listed(method.covariates)} as covariates" if method.covariates else ""
    said = [
        f"Analysis of covariance of {method.variable} ({of}) by ordinary least squares.",
        f"Main effects alone: {factors} as factors{covariates}; fitted to all arms together.",
        "Subjects with a missing value are left out.",
        f"Adjusted means weight the levels of the other factors {_WEIGHTS[method.weights]};",
        "covariates stand at their mean.",
        f"{100 * method.level:.6g}% limits and two-sided P are by the t distribution on the",
        "residual degrees of freedom, and are not adjusted for multiplicity.",
    ]
    if method.dose:
        said.append(
            f"Dose response: the same model with the number {method.dose} in place of the arm; P"
            " of its coefficient."
        )
    return said


def _family(protocol: Protocol, family: Multiplicity) -> str:
    tests = _listed([protocol.label(test) for test in family.tests])
    return (
        f"Family of {tests}: {_PROCEDURES[family.procedure]} at a two-sided familywise level of"
        f" {family.alpha:g}; a P that could not be computed counts as 1."
    )


def _asked(protocol: Protocol, analysis: Analysis) -> list[str]:
    """The columns that an analysis names."""
    match analysis.method:
        case Summary() as method:
            own = [method.variable]
        case Counts() as method:
            own = [method.variable, *(column for row in method.rows for column in row.where)]
        case Ancova() as method:
            own = [method.variable, *method.factors, *method.covariates, method.dose]
        case Responder():
            own = list(protocol.endpoints[analysis.endpoint].eligible)
        case Incidence():
            own = []
    return [*own, *analysis.where]


def _definitions(protocol: Protocol, columns: Iterable[str]) -> list[str]:
    """What these columns of ADSL are, and those that they are made from."""
    asked = list(dict.fromkeys(columns))
    named = dict.fromkeys([*asked, *(made for c in asked for made in _made_of(protocol, c))])
    said = [words for column in named if (words := _definition(protocol, column))]
    return [*said, *_times(protocol, named)]


def _made_of(protocol: Protocol, column: str) -> Iterable[str]:
    match protocol.variables.get(column):
        case m.FromCut(where=where):
            return where
        case m.FromVariable(source=made) | m.FromDate(to=made):
            return (made,)
        case _:
            return _flags(protocol).get(column, {})


def _flags(protocol: Protocol) -> Mapping[str, Where]:
    return {p.flag: p.where for p in protocol.populations.values() if p.flag}


def _definition(protocol: Protocol, column: str) -> str:
    """`ANAFL (label): how it is made.`; empty where the name says all that is declared."""
    variable = protocol.variables.get(column)
    if variable is not None:
        label = f" ({variable.label})" if variable.label else ""
        given = protocol.data.adam == "given"
        return f"{column}{label}: {'as given' if given else _made(protocol, variable)}."
    if column in (flags := _flags(protocol)):
        return f"{column}: Y where {in_words(flags[column]) or 'in ADSL'}, else N."
    if column == "REGION1" and protocol.regions:
        regions = [f"{r.label} ({', '.join(r.countries)})" for r in protocol.regions.values()]
        return f"REGION1 is by country: {'; '.join(regions)}."
    return ""


def _made(protocol: Protocol, variable: m.Variable) -> str:
    match variable:
        case m.FromVariable():
            pairs = [f"{old} is {new}" for old, new in variable.values.items()]
            return (
                f"from {variable.source}: {', '.join(pairs)}, other {variable.other or 'missing'}"
            )
        case m.FromParameter():
            return _parameter(protocol, variable)
        case m.FromCut():
            return f"Y where {in_words(variable.where)}, else N; missing where a value is missing"
        case m.FromRecords():
            return f"Y where there is {_record_of(variable)}{_AT[variable.at]}, else N"
        case m.FromDate():
            record = f"the earliest {variable.date} of {_record_of(variable)}"
            how = f"{_UNITS[variable.unit]} from {record} to {variable.to}"
            return f"{how}; a partial date counts from its first day"
        case m.FromText():
            return f"{variable.column} of {_record_of(variable)}, the last of several"


def _parameter(protocol: Protocol, variable: m.FromParameter) -> str:
    at_baseline = variable.visit == "baseline"
    at = "baseline" if at_baseline else protocol.visit(variable.visit).label
    said = f"{variable.column} of {variable.parameter} in {variable.dataset} at {at}"
    if variable.dataset != "ADGC":
        return said
    first, last = BASELINE_WINDOW
    days = f"days {first} to {last}" if at_baseline else "the 7 days before the target day"
    return f"{said}, the mean of {days}"


def _times(protocol: Protocol, columns: Iterable[str]) -> list[str]:
    """How the assessments behind these variables were chosen; a dose has none."""
    if protocol.data.adam == "given":
        return []
    visits = [
        made.visit
        for column in columns
        if isinstance(made := protocol.variables.get(column), m.FromParameter)
        and made.dataset != "ADGC"
    ]
    return [_BASELINE if v == "baseline" else _window(protocol, v) for v in dict.fromkeys(visits)]


def _record_of(of: m.FromRecords | m.FromDate | m.FromText | m.RecordEvent) -> str:
    return f"a record of {of.domain}" + (f" ({in_words(of.where)})" if of.where else "")
