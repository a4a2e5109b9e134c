"""Does every column of a design matrix say something of its own?"""

from collections.abc import Sequence

import numpy as np

from openlupus.errors import RankDeficiencyError
from openlupus.statistics.interval import Floats

# A column whose part beyond the others is smaller than this share of its length depends on them.
_DEPENDENT = 1e-10


def refuse_dependent_columns(r: Floats, names: Sequence[str]) -> None:
    """Refuse a design whose columns depend on each other, and name them.

    Args:
        r: Upper triangle of the QR decomposition of the columns, each scaled to length 1.
        names: One name a column.

    Raises:
        RankDeficiencyError: names the first such column and those that it depends on.
    """
    for j in np.flatnonzero(np.abs(np.diag(r)) < _DEPENDENT).tolist():
        parts, *_ = np.linalg.lstsq(r[:j, :j], r[:j, j], rcond=_DEPENDENT)
        others = [
            name for name, part in zip(names, parts.tolist(), strict=False) if abs(part) > 1e-6
        ]
        others = others or ["nothing: it is 0"]
        raise RankDeficiencyError(
            f"column {names[j]!r} of the design depends on {', '.join(others)}; take one of them"
            " out of the model or merge levels"
        )
