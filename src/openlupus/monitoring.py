"""Reports to a data-monitoring committee, at a data cut: open (pooled) or closed (coded arms)."""

import gzip
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

from openlupus import analysis, derivation
from openlupus.derivation import AnalysisData, Arms
from openlupus.errors import AnalysisError, MonitoringError
from openlupus.exchange.study import Study
from openlupus.protocol import Protocol
from openlupus.protocol import monitoring as seen
from openlupus.protocol.analyses import Analysis
from openlupus.protocol.displays import Row, Table
from openlupus.protocol.model import Population
from openlupus.records.blind import POOLED, blinded
from openlupus.records.cut import cut as at_cut
from openlupus.results import Results, concat

Kind = Literal["open", "closed"]
DRAFT_SEED = 1
INTERVAL = "_interval"
"""End of the ids of what is shown again for the time since the last cut."""


@dataclass(frozen=True)
class Monitored:
    """A report to the committee, before it is written.

    Attributes:
        study: With the declaration as the report shows it, and no records.
        data: Analysis data at the cut, which tell no arm but by letter.
        results: Of the displays.
        key: Letter to the id of its arm; empty in an open report.
    """

    study: Study
    data: AnalysisData
    results: Results
    key: Mapping[str, str]


def monitor(
    study: Study,
    *,
    kind: Kind,
    cut: date,
    since: date | None = None,
    seed: int | None = None,
    lock: str = "",
) -> Monitored:
    """The displays of `[monitoring]` on the records as they stood on a day.

    Args:
        study: With records.
        kind: `open` pools all arms, hides doses and leaves out what tells an arm. `closed` shows
            arms under letters, without comparisons.
        cut: The last day whose records count.
        since: Day of the last cut: displays of `interval` are shown again for what began later.
        seed: Of the letters of a closed report; the same seed gives the same letters at each cut.
        lock: Under whose authority true arms stand behind the letters. Without it a closed report
            is a draft: the arms are shuffled.

    Raises:
        MonitoringError: the study has no `[monitoring]` or no records, a display cannot be in
            such a report, or true arms are asked for without a seed.
    """
    _refuse(study, kind, cut, since, seed, lock)
    assert study.records is not None
    arms = list(study.protocol.arms.values())
    if kind == "open":
        key: dict[str, str] = {}
        codes = {arm.code: POOLED for arm in arms}
        protocol = seen.pooled(study.protocol, code=POOLED)
        chosen = Arms.unblinded("pooled: nobody's arm is in these data")
    else:
        order = np.random.default_rng(DRAFT_SEED if seed is None else seed).permutation(len(arms))
        key = seen.letters_of(study.protocol, order.tolist())
        codes = {study.protocol.arms[name].code: letter for name, letter in key.items()}
        protocol = seen.coded(study.protocol, key)
        chosen = Arms.unblinded(lock) if lock else Arms.dummy(DRAFT_SEED if seed is None else seed)
    names = {arm.code: arm.label for arm in protocol.arms.values()}
    # Blinded before the cut: even the count of what is cut off would tell who has concentrations.
    held = at_cut(blinded(study.records, codes, names), cut)
    data = derivation.derive(protocol, held.records, arms=chosen, cut=cut)
    left_out = pl.DataFrame(held.left_out, schema=data.excluded.schema, orient="row")
    data = replace(data, excluded=pl.concat([left_out, data.excluded]))
    results = analysis.analyse(protocol, data)
    if since is not None:
        protocol, results = _with_interval(study.protocol, protocol, data, results, since, cut)
    about = f"{protocol.study.title}: {kind} report on safety, data cut {cut}"
    identity = protocol.study.model_copy(update={"title": about})
    protocol = protocol.model_copy(update={"study": identity})
    shown = replace(study, protocol=protocol, arms=chosen, records=None)
    return Monitored(shown, data, results, {letter: arm for arm, letter in key.items()})


_EVIDENCE = re.compile(r'type="application/gzip"[^>]*>([A-Za-z0-9+/=\s]+)<')


def laid_open(page: str) -> str:
    """The text of a page of a report, with what it holds in compressed form."""
    held = (gzip.decompress(b64decode(packed)).decode() for packed in _EVIDENCE.findall(page))
    return "\n".join([page, *held])


def refuse_telling(protocol: Protocol, texts: Mapping[str, str]) -> None:
    """Refuse texts (by name of their file) that name an arm, its code or its dose.

    Raises:
        MonitoringError: every word that was found, and where.
    """
    faults = [
        f"{name}: {word!r}" for name, text in texts.items() for word in seen.told(protocol, text)
    ]
    if faults:
        raise MonitoringError(
            "the report would tell arms apart, and is not written: " + "; ".join(faults)
            + "; take these words out of titles, labels and footnotes of its displays"
        )  # fmt: skip


def _refuse(
    study: Study, kind: Kind, cut: date, since: date | None, seed: int | None, lock: str
) -> None:
    if study.records is None:
        raise MonitoringError("analysis data are given: a data cut needs the records")
    monitoring = study.protocol.monitoring
    if monitoring is None:
        raise MonitoringError(
            "the declaration has no [monitoring]; add one with displays = [...] (tables)"
        )
    if since is not None and since >= cut:
        raise MonitoringError(f"the last cut, {since}, is not before this one, {cut}")
    if kind == "open" and lock:
        raise MonitoringError("an open report uses nobody's arm; --lock is for the closed one")
    if lock and seed is None:
        raise MonitoringError(
            "a closed report with true arms needs --seed, which only who holds the key may know"
        )
    for name in monitoring.displays:
        table = study.protocol.displays[name]
        assert isinstance(table, Table)
        for used in sorted(seen.analyses_of(table)):
            if not isinstance(study.protocol.analyses[used].method, seen.DESCRIBE):
                raise MonitoringError(
                    f"display {name} rests on analysis {used}, which does more than describe arms"
                )


def _with_interval(
    declared: Protocol,
    protocol: Protocol,
    data: AnalysisData,
    results: Results,
    since: date,
    cut: date,
) -> tuple[Protocol, Results]:
    """The declaration and results with the displays of the time since the last cut."""
    assert declared.monitoring is not None
    tables = {name: protocol.displays[name] for name in declared.monitoring.interval}
    period = f"{since + timedelta(days=1)} to {cut}"
    analyses: dict[str, Analysis] = {}
    populations: dict[str, Population] = {}
    displays: dict[str, Table] = {}
    for name, table in tables.items():
        assert isinstance(table, Table)
        displays[name + INTERVAL] = _of_interval(table, period)
        wanted = [table.population]
        for used in seen.analyses_of(table):
            one = protocol.analyses[used]
            if "ASTDT" not in data.frame(one.dataset).columns:
                raise AnalysisError(
                    f"analysis {used}: {one.dataset} has no ASTDT, so what began since the last"
                    " cut is not known; take its display out of interval"
                )
            wanted.append(one.population)
            update = {"population": one.population + INTERVAL}
            analyses[used + INTERVAL] = one.model_copy(update=update)
        for of in wanted:
            held = protocol.populations[of]
            label = f"{held.label}, at risk from {period}"
            populations[of + INTERVAL] = held.model_copy(update={"label": label, "flag": ""})
    own = protocol.model_copy(update={"analyses": analyses, "populations": populations})
    more = analysis.analyse(own, _since(data, since))
    rows = more.rows.filter(
        (pl.col("analysis") != analysis.POPULATION) | pl.col("population").is_in(list(populations))
    )
    notes = {name: note for name, note in more.notes.items() if name in analyses}
    whole = protocol.model_copy(
        update={
            "analyses": {**protocol.analyses, **analyses},
            "populations": {**protocol.populations, **populations},
            "displays": {**protocol.displays, **displays},
        }
    )
    return whole, concat([results, Results(rows, notes)])


def _of_interval(table: Table, period: str) -> Table:
    def moved(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(
            row.model_copy(
                update={
                    "analysis": row.analysis and row.analysis + INTERVAL,
                    "rows": moved(row.rows),
                }
            )
            for row in rows
        )

    update = {
        "number": f"{table.number}i",
        "title": f"{table.title}, {period}",
        "population": table.population + INTERVAL,
        "rows": moved(table.rows),
    }
    return table.model_copy(update=update)


def _since(data: AnalysisData, since: date) -> AnalysisData:
    """The data of the time after a day: events that began, and subjects who were at risk."""
    start = pl.lit(since + timedelta(days=1))
    frames = {
        name: frame.filter(pl.col("ASTDT") > since) if "ASTDT" in frame.columns else frame
        for name, frame in data.frames.items()
    }
    adsl = frames["ADSL"].filter(pl.col("TAEEDT") > since)
    frames["ADSL"] = adsl.with_columns(TRTSDT=pl.max_horizontal("TRTSDT", start))
    return replace(data, frames=frames)
