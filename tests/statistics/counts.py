"""Hypothesis strategies of stratified counts."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

A_FEW = st.integers(1, 5)


@st.composite
def tables(draw, *, strata=A_FEW, smallest=0, largest=30, inner=False):
    """Responders and subjects, shape (2, strata); groups may be empty when smallest is 0.

    With `inner` every group has responders and non-responders.
    """
    shape = (2, draw(strata))
    n = draw(hnp.arrays(np.int64, shape, elements=st.integers(smallest, largest)))
    share = draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 1)))
    least = 1 if inner else 0
    return np.floor(share * (n + 1)).clip(least, n - least).astype(int), n


@st.composite
def batches(draw):
    """A few tables with the same number of strata, shape (tables, 2, strata)."""
    k = draw(st.integers(1, 4))
    drawn = draw(st.lists(tables(strata=st.just(k)), min_size=1, max_size=4))
    return np.stack([x for x, _ in drawn]), np.stack([n for _, n in drawn])


def close(a, b, absolute=1e-10, relative=1e-8) -> bool:
    """Equal up to rounding; NaN equals NaN, infinity equals itself."""
    return bool(np.allclose(a, b, rtol=relative, atol=absolute, equal_nan=True))
