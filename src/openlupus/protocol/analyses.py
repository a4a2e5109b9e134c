"""Analyses as declared: what is compared in whom, and by which method."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from openlupus.protocol.base import Part, Where
from openlupus.protocol.methods import Method


class Compare(Part):
    """Test arms against a control, and further pairs."""

    test: tuple[str, ...] = ()
    control: str = ""
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def all(self) -> tuple[tuple[str, str], ...]:
        """Every comparison, test first."""
        return tuple((test, self.control) for test in self.test) + self.pairs


class By(Part):
    """A column in whose levels an analysis is repeated."""

    column: str
    levels: tuple[str, ...] = ()
    """These alone, in this order; those in the data when empty."""
    order: Literal["number", "alphabetical"] = "number"
    """Of levels that are not listed: that of the column of their numbers (AVISITN of AVISIT, PARAMN
    of PARAM and PARAMCD) where the data have one; or as they sort."""


class Take(Part):
    """Which of several records of a subject counts; of two alike, the one that comes first."""

    highest: str = ""
    """Column of which the record has the highest value."""
    lowest: str = ""

    @model_validator(mode="after")
    def _one_column(self) -> Self:
        if bool(self.highest) == bool(self.lowest):
            raise ValueError('give one column: { highest = "AVAL" } or { lowest = "ADY" }')
        return self


def _as_by(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Analysis(Part):
    """One analysis."""

    label: str = ""
    population: str
    endpoint: str = ""
    dataset: str = "ADSL"
    visit: str = ""
    visits: tuple[str, ...] = ()
    """Instead of `visit`: the same analysis at each of these, one after the other."""
    subgroups: tuple[str, ...] = ()
    """Columns of ADSL: the analysis is repeated within each of their levels."""
    by: tuple[Annotated[By, BeforeValidator(_as_by)], ...] = ()
    """Columns of the data set or of ADSL: the analysis is repeated within each combination of
    their levels, and its parameters have the levels in front, joined by `|`."""
    take: Take | None = None
    """Of the records of a subject that meet `where`, in each level of `by`, the one that counts."""
    where: Where = {}
    """Which records of the data set count; it may name columns of ADSL that the data set lacks.
    The subjects are those of the population, whatever `where` says."""
    groups: tuple[str, ...] = ()
    """Arms and groups in the order of print; all arms when empty."""
    everyone: bool = False
    """Also all subjects of the population together, with an arm or without (group "")."""
    compare: Compare = Compare()
    method: Method


class Multiplicity(Part):
    """A family of hypotheses and the procedure that keeps its error rate."""

    procedure: Literal["hochberg", "holm", "hommel", "bonferroni"]
    analysis: str
    tests: tuple[str, ...] = Field(min_length=1)
    alpha: float = Field(0.05, gt=0, lt=1)
