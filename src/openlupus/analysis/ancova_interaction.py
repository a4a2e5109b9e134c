"""Test that the differences between the arms are the same in all levels of a subgroup."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus.analysis.ancova import read_model
from openlupus.analysis.select import one_record_each, scope
from openlupus.derivation.model import AnalysisData
from openlupus.protocol.methods import Ancova
from openlupus.protocol.model import Protocol
from openlupus.results import ResultRow
from openlupus.statistics.interval import Floats
from openlupus.statistics.nested import nested_f_test


def ancova_interaction_rows(
    name: str, protocol: Protocol, data: AnalysisData, subjects: pl.DataFrame, column: str
) -> list[ResultRow]:
    """F test of the arm by subgroup terms in the model of the analysis with the subgroup as a
    further factor; of all arms together (group "")."""
    method = protocol.analyses[name].method
    assert isinstance(method, Ancova)
    factors = tuple(dict.fromkeys([*method.factors, column]))
    wider = method.model_copy(update={"factors": factors, "dose": ""})
    numbers = [method.variable, *method.covariates]
    seen = scope(name, protocol, data, subjects, columns=[*numbers, *factors])
    one_record_each(seen)
    model = read_model(seen, wider, numbers)
    found: dict[str, float | None] = dict.fromkeys(("statistic", "df", "p"))
    said = model.said
    if model.y.size:
        arms = _indicators(model.arm)
        levels = [_indicators(codes) for codes in model.factors]
        smaller = np.column_stack([np.ones(model.y.size), arms, *levels, model.covariates])
        own = levels[factors.index(column)]
        products = (arms[:, :, None] * own[:, None, :]).reshape(model.y.size, -1)
        test = nested_f_test(model.y, smaller, products)
        said = (*said, *test.warnings)
        found = {"statistic": test.statistic, "df": float(test.df), "p": test.p}
    else:
        said = (*said, "no subject has all the numbers of the model")
    return seen.rows(
        found, method="ancova_interaction", parameter=method.variable, n=model.y.size,
        source=seen.source(seen.arms, model.known), warnings=said,
    )  # fmt: skip


def _indicators(codes: NDArray[np.int64]) -> Floats:
    """A column for each level; that they depend on each other is left to the test."""
    return (codes[:, None] == np.unique(codes)).astype(np.float64)
