"""The pool: simulated candidates, many more than the trial had, from whom a twin is chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openlupus import pipeline
from openlupus.analysis import subjects_behind
from openlupus.audit import Published
from openlupus.derivation import AnalysisData, Arms
from openlupus.display.printed_cells import Place, printed_rows
from openlupus.errors import TwinError
from openlupus.exchange.study import Study
from openlupus.protocol import Protocol
from openlupus.protocol.displays import Table
from openlupus.protocol.methods import Counts, Incidence, Responder, Summary
from openlupus.protocol.model import FromParameter
from openlupus.records import from_frames
from openlupus.results import ResultRow, Results
from openlupus.simulation import Model, simulate

SUBJECT = "USUBJID"
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
COUNTING = (Summary, Counts, Incidence, Responder)
"""Methods whose numbers are sums over patients, or follow from such sums."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates, and what each would add to every printed cell.

    Attributes:
        declared: The whole declaration.
        study: The study with no more than the printed cells rest on.
        frames: Item-level records by domain, of the candidates and of the screening failures.
        data: Analysis data derived from them.
        results: Of the printed analyses, over the whole pool.
        rests_on: Printed cell to the results, over the whole pool, that it rests on.
        people: ADSL of the candidates, who are all randomised; the order of every array.
        arm: Arm id of each.
    """

    declared: Protocol
    study: Study
    frames: Mapping[str, pl.DataFrame]
    data: AnalysisData
    results: Results
    rests_on: Mapping[Place, tuple[ResultRow, ...]]
    people: pl.DataFrame
    arm: NDArray[np.str_]
    _members: dict[str, Floats] = field(default_factory=dict[str, Floats], repr=False)

    @property
    def protocol(self) -> Protocol:
        return self.study.protocol

    def __len__(self) -> int:
        return len(self.arm)

    @property
    def arm_number(self) -> Floats:
        """Place of each candidate's arm in the declaration."""
        place = {name: float(i) for i, name in enumerate(self.protocol.arms)}
        return np.array([place[name] for name in self.arm.tolist()])

    def look_up(self, sources: Sequence[str]) -> None:
        """Find whom these results rest on, all at once."""
        order = self.data.frame("ADSL")[SUBJECT].to_list()
        place = {subject: i for i, subject in enumerate(self.people[SUBJECT])}
        for source, found in subjects_behind(self.data, sources).items():
            held = np.zeros(len(self))
            held[[place[order[i]] for i in found if order[i] in place]] = 1
            self._members[source] = held

    def members(self, row: ResultRow) -> Floats:
        """1 for each candidate whom a result counts, else 0; shape (candidates,)."""
        if row.source not in self._members:
            self.look_up([row.source])
        return self._members[row.source]

    def within(self, group: str) -> Floats:
        """1 for each candidate of an arm or group of arms; every candidate for no group."""
        groups = self.protocol.groups
        if not group:
            return np.ones(len(self))
        inside = np.isin(self.arm, groups[group].arms if group in groups else group)
        return inside.astype(np.float64)

    def column(self, name: str) -> Floats:
        """A numeric column of ADSL; NaN where it is missing."""
        return self.people[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def make_pool(
    study: Study,
    model: Model,
    published: Published,
    *,
    seed: int,
    patients: int,
    tick: Callable[[int, int], None] | None = None,
) -> Pool:
    """Simulate candidates, and fill the printed cells from all of them.

    Args:
        patients: How many candidates, over all arms.
        tick: Called with candidates derived, and candidates in all.

    Raises:
        TwinError: no display of the declaration stands beside a printed table.
    """
    protocol = needed(study.protocol, published)
    if not protocol.analyses:
        raise TwinError(
            "nothing of the declaration gives a printed cell: name the published table in a "
            'display, as `published = "table1"`, or a result in [rows.*] of published.toml'
        )
    frames = simulate(_evenly(study.protocol), model, seed=seed, patients=patients)
    arms = Arms.unblinded("simulated patients")
    whole = replace(study, protocol=protocol, records=from_frames(frames), arms=arms)
    data = pipeline.derive(whole, progress=tick)
    results = pipeline.analyse(whole, data)
    rests_on = printed_rows(protocol, published, results)
    code = {arm.code: name for name, arm in protocol.arms.items()}
    people = data.frame("ADSL").filter(pl.col("RANDFL") == "Y").sort(SUBJECT)
    planned = people[protocol.data.planned].replace_strict(code, return_dtype=pl.String)
    pool = Pool(
        study.protocol, whole, frames, data, results, rests_on,
        people, planned.to_numpy().astype(np.str_),
    )  # fmt: skip
    pool.look_up(sorted({row.source for rows in rests_on.values() for row in rows if row.source}))
    return pool


def _evenly(protocol: Protocol) -> Protocol:
    """The declaration with arms of the same size: a small arm leaves the least choice."""
    arms = {name: arm.model_copy(update={"ratio": 1}) for name, arm in protocol.arms.items()}
    return protocol.model_copy(update={"arms": arms})


def needed(protocol: Protocol, published: Published) -> Protocol:
    """The declaration with no more than its printed counts and summaries rest on.

    Every term of a table of events is kept, however rare.
    """
    tables = {cell.table for cell in published.cells}
    displays = {
        name: display
        for name, display in protocol.displays.items()
        if isinstance(display, Table) and display.published in tables
    }
    used = {row.analysis for table in displays.values() for row in table.rows}
    used |= {column.analysis for table in displays.values() for column in table.columns}
    used |= {facts.result["analysis"] for facts in published.facts.values() if facts.result}
    analyses = {
        name: analysis
        for name, analysis in protocol.analyses.items()
        if name in used and isinstance(analysis.method, COUNTING)
    }
    for name, analysis in analyses.items():
        if isinstance(analysis.method, Incidence) and analysis.method.at_least:
            method = analysis.method.model_copy(update={"at_least": 0.0})
            analyses[name] = analysis.model_copy(update={"method": method})
    laid = {
        name: table.model_copy(
            update={"rows": [r for r in table.rows if not r.analysis or r.analysis in analyses]}
        )
        for name, table in displays.items()
    }
    return protocol.model_copy(
        update={
            "displays": laid, "analyses": analyses, "times": {}, "monitoring": None,
            "endpoints": _endpoints(protocol, {a.endpoint for a in analyses.values()}),
            "multiplicity": {
                n: f for n, f in protocol.multiplicity.items() if f.analysis in analyses
            },
        }
    )  # fmt: skip


def _endpoints(protocol: Protocol, asked: set[str]) -> dict[str, object]:
    """End points that are analysed, or that a variable of the subjects is made from."""
    from_parameter = {
        variable.parameter
        for variable in protocol.variables.values()
        if isinstance(variable, FromParameter)
    }
    return {
        name: endpoint
        for name, endpoint in protocol.endpoints.items()
        if name in asked or endpoint.parameter in from_parameter
    }
