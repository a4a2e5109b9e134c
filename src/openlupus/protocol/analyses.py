"""Analyses as declared: what is compared in whom, and the method with all its options as values."""

from typing import Annotated, Literal

from pydantic import Field

from openlupus.protocol.base import Part, Where

QuantileRule = Literal["sas1", "sas2", "sas3", "sas4", "sas5", "r7"]
Interval = Literal["stratified_newcombe", "newcombe", "sato", "greenland_robins", "none"]

Order = Literal["alphabetical", "frequency"]


class Summary(Part):
    """Mean, SD, median, quartiles, range of a number."""

    name: Literal["summary"]
    variable: str
    quantile_rule: QuantileRule = "sas5"
    test: Literal["none", "anova"] = "none"


class CountRow(Part):
    """One row of a table of counts: who meets the condition."""

    id: str
    where: Where


class Counts(Part):
    """Subjects by level of a variable, or by named conditions."""

    name: Literal["counts"]
    variable: str = ""
    levels: tuple[str, ...] = ()
    """Order of the levels; levels found in the data and not listed are an error."""
    rows: tuple[CountRow, ...] = ()
    exclusive: bool = False
    """The rows are levels of one variable: each subject meets at most one, and the test is of all
    rows together. Otherwise each row is tested by itself, met against not met."""
    denominator: Literal["population", "not_missing", "eligible"] = "population"
    """Subjects of the population; of them, those with a value in every column that is asked for;
    or those with a record that meets the analysis's `where` and visit."""
    test: Literal["none", "chi_square", "fisher"] = "none"


class Incidence(Part):
    """Subjects with at least one event, and number of events, by a hierarchy of terms."""

    name: Literal["incidence"]
    by: tuple[str, ...] = ()
    """Columns from broad to narrow; none: one row, any event."""
    overall: str = ""
    """Name of a first row over all terms; none when empty."""
    at_least: float = Field(0, ge=0, le=1)
    """Terms whose incidence reaches this proportion in at least one of `at_least_in`."""
    at_least_in: tuple[str, ...] = ()
    order: Order | tuple[Order, ...] = "alphabetical"
    """One for all levels of `by`, or one a level."""
    order_group: tuple[str, ...] = ()
    """Groups whose incidence orders the terms, most frequent first, ties by the next group and
    then by the alphabet; all groups of the analysis when empty."""
    test: Literal["none", "fisher"] = "none"


class Responder(Part):
    """Responders of an end point: counts, differences with intervals, tests."""

    name: Literal["responder"]
    test: Literal["cmh", "chi_square", "fisher", "none"] = "cmh"
    continuity_correction: bool = False
    interval: Interval = "stratified_newcombe"
    weights: Literal["cmh"] = "cmh"
    level: float = Field(0.95, gt=0, lt=1)
    strata: tuple[str, ...] = ()
    strata_as: Literal["randomised", "observed"] = "randomised"


class Ancova(Part):
    """Analysis of covariance of a number."""

    name: Literal["ancova"]
    variable: str
    covariates: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    weights: Literal["observed", "equal"] = "observed"
    level: float = Field(0.95, gt=0, lt=1)
    dose: str = ""
    """Column with the dose as a number: adds the slope of a model with the dose in place of the
    arms (parameter `dose`, group "")."""


Method = Annotated[Summary | Counts | Incidence | Responder | Ancova, Field(discriminator="name")]


class Compare(Part):
    """Test arms against a control, and further pairs."""

    test: tuple[str, ...] = ()
    control: str = ""
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def all(self) -> tuple[tuple[str, str], ...]:
        """Every comparison, test first."""
        return tuple((test, self.control) for test in self.test) + self.pairs


class Analysis(Part):
    """One analysis."""

    label: str = ""
    population: str
    endpoint: str = ""
    dataset: str = "ADSL"
    visit: str = ""
    where: Where = {}
    """Which records of the data set count; it may name columns of ADSL that the data set lacks.
    The subjects are those of the population, whatever `where` says."""
    groups: tuple[str, ...] = ()
    """Arms and groups in the order of print; all arms when empty."""
    compare: Compare = Compare()
    method: Method


class Multiplicity(Part):
    """A family of hypotheses and the procedure that keeps its error rate."""

    procedure: Literal["hochberg", "holm", "hommel", "bonferroni"]
    analysis: str
    tests: tuple[str, ...] = Field(min_length=1)
    alpha: float = Field(0.05, gt=0, lt=1)
