"""PGA: exact decimals, conversions, refusals."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlupus.errors import InstrumentError, ScaleError
from openlupus.instruments import pga

hundredths = st.integers(0, 300)


@given(hundredths, hundredths, st.sampled_from(["0.3", "0.25", "0.5", "1"]))
def test_a_rise_is_compared_as_a_decimal(before: int, now: int, limit: str) -> None:
    start, end = Decimal(before) / 100, Decimal(now) / 100
    got = pga.increase_below([float(start)], [float(end)], float(limit))
    assert bool(got[0]) == (end - start < Decimal(limit))


def test_a_rise_of_exactly_a_tenth_of_the_scale_is_worsening() -> None:
    assert pga.increase_below([0.4, 1.5, 1.5], [0.7, 1.8, 1.79]).tolist() == [False, False, True]


def test_missing_is_not_shown_to_be_below() -> None:
    assert pga.increase_below([np.nan, 1.0], [1.0, np.nan]).tolist() == [False, False]


def test_conversions_keep_the_thresholds() -> None:
    assert pga.from_mm([0, 10, 100]).tolist() == [0, 0.3, 3]
    assert pga.from_mm([15], length_mm=150).tolist() == [0.3]
    assert pga.from_ten([1, 2.5, 10]).tolist() == [0.3, 0.75, 3]
    assert not pga.increase_below(pga.from_mm([40]), pga.from_mm([50]))[0]


def test_values_off_the_scale_are_all_listed() -> None:
    with pytest.raises(ScaleError) as caught:
        pga.checked([0, 3.1, 2, -0.1])
    assert [(f.row, f.value) for f in caught.value.faults] == [(1, 3.1), (3, -0.1)]
    with pytest.raises(ScaleError):
        pga.from_mm([101])
    with pytest.raises(InstrumentError, match="shape"):
        pga.checked(1.0)
