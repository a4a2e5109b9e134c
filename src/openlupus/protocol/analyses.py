"""Analyses as declared: what is compared in whom, and by which method."""

from typing import Literal

from pydantic import Field

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
