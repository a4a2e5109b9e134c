"""Method notes: what an analysis did, in words, with every option and default."""

from collections.abc import Mapping, Sequence

from openlupus.analysis.responder import strata_columns
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
    "hochberg": "Hochberg's step-up procedure",
    "holm": "Holm's step-down procedure",
    "hommel": "Hommel's procedure",
    "bonferroni": "the Bonferroni procedure",
}
_MISSING: Mapping[str, str] = {
    "non_response": "a verdict that is missing counts as non-response",
    "missing": "a verdict that is missing is left out",
}
_STRATEGY: Mapping[str, str] = {
    "composite": "non-response",
    "treatment_policy": "ignored (treatment policy)",
    "hypothetical": "verdicts after it are set to missing (hypothetical)",
    "while_on_treatment": "after it, the last verdict before it stands (while on treatment)",
}
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
    return " ".join([_whom(protocol, analysis.population), *said, *families])


def population_note(protocol: Protocol) -> str:
    """The method note of the built-in analysis `population`."""
    sets = "; ".join(
        f"{p.label} (by {p.arm} arm): {in_words(p.where) or 'all subjects of ADSL'}"
        for p in protocol.populations.values()
    )
    return f"Number of subjects in each population, arm and group. {sets}."


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


def _percent(level: float) -> str:
    return f"{100 * level:.6g}%"


def _whom(protocol: Protocol, population: str) -> str:
    declared = protocol.populations[population]
    return f"Population: {declared.label}, by {declared.arm} arm."


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
        f"n subjects respond among N with a verdict; {_MISSING[endpoint.missing]}.",
    ]
    if endpoint.eligible:
        said.append(f"The end point applies where {in_words(endpoint.eligible)}.")
    said += [
        f"{protocol.intercurrent[event].label}: {_STRATEGY[strategy]}."
        for event, strategy in endpoint.intercurrent.items()
    ]
    if not analysis.compare.all:
        return said
    strata = [_strata(protocol, method)] if method.strata else []
    return [*said, *strata, _difference(method), _test_of(method)]


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
    return f"{said}; {_percent(method.level)} two-sided {_INTERVALS[method.interval]}."


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
        f"{_percent(method.level)} limits and two-sided P are by the t distribution on the",
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
