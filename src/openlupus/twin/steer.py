"""Continuous end points of a trial moved until the declared models print what a paper prints.

Items of forms are changed after baseline; who was seen when, and what binary end points rest on,
stays.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from openlupus import pipeline
from openlupus.audit.model import Published
from openlupus.audit.printed import Content, read_cell
from openlupus.errors import AnalysisError
from openlupus.exchange.study import Study
from openlupus.records import from_frames
from openlupus.twin.end_point import written
from openlupus.twin.forms import WRITERS, Frames
from openlupus.twin.models import Place, Target, cells_of, models_alone, refused, targets_of

Progress = Callable[[int, int], None]
_TOGETHER = "no values were found that meet it together with the other cells of its row"


@dataclass(frozen=True)
class Missed:
    """A printed cell that the steered records do not print; `ours` is empty where there is none."""

    place: Place
    printed: str
    ours: str
    why: str


@dataclass(frozen=True, eq=False)
class Steered:
    """Records with changed items, and the printed cells of models that they do not meet."""

    frames: Frames
    missed: tuple[Missed, ...]


def steer(
    study: Study, published: Published, *, seed: int, progress: Progress | None = None
) -> Steered:
    """Change items until the declared models of continuous end points print the paper's cells.

    Args:
        study: With item-level records in memory.
        published: The paper; tables of the study name theirs.
        seed: Of rounding, and of the choice among items.
        progress: Called with models done and models in all.

    Raises:
        AnalysisError: the study has no item-level records.
    """
    if study.records is None:
        raise AnalysisError(f"{study.name} has no item-level records whose items could be changed")
    frames = {name: frame.collect() for name, frame in study.records.domains.items()}
    lean = replace(study, protocol=models_alone(study.protocol, published))
    data = pipeline.derive(lean)
    targets = targets_of(lean, published, data)
    reasons: dict[str, str] = {}
    rng = np.random.default_rng(seed)
    for done, target in enumerate(targets):
        why = refused(study.protocol, target, targets[:done], frames)
        try:
            if not why:
                domain = WRITERS[target.parameter].domain
                frames[domain] = written(lean.protocol, data, target, frames, rng)
        except AnalysisError as error:
            why = str(error)
        reasons[target.analysis] = why or _TOGETHER
        if progress:
            progress(done + 1, len(targets))
    after = replace(lean, records=from_frames(frames))
    return Steered(frames, tuple(_missed(after, targets, reasons)))


def _missed(
    study: Study, targets: Iterable[Target], reasons: Mapping[str, str]
) -> Iterator[Missed]:
    """Every printed cell of the targets against a full derivation and analysis."""
    data = pipeline.derive(study)
    ours = {
        place: cell.text for place, cell in cells_of(study, data, pipeline.analyse(study, data))
    }
    for target in targets:
        for goal in target.goals:
            text = ours.get(goal.place, "")
            if _read(text) != _read(goal.printed):
                why = reasons[target.analysis]
                yield Missed(goal.place, goal.printed, text, why)


def _read(text: str) -> Content | None:
    try:
        return read_cell(text)
    except ValueError:
        return None
