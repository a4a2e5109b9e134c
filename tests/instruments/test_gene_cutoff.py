"""Cut-offs from the shape of the scores, and the honest answer that there is none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from openlupus.errors import InstrumentError
from openlupus.instruments import gene_cutoff, gene_signature
from openlupus.instruments.gene_cutoff import density_trough, normal_mixture


def quantiles(parts: list[tuple[int, float, float]]) -> np.ndarray:
    """A sample without chance: the quantiles of each normal."""
    return np.concatenate([norm.ppf((np.arange(n) + 0.5) / n, mean, sd) for n, mean, sd in parts])


TWO = quantiles([(60, -6, 0.8), (220, -2, 0.8)])
ONE = quantiles([(280, -3, 1.5)])


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
def test_two_groups_are_told_apart(cut) -> None:
    got = cut(TWO)
    assert got.reason == ""
    assert -5 < got.value < -3.5
    assert got.modes == pytest.approx((-6, -2), abs=0.2)
    assert got.share_high == pytest.approx(220 / 280, abs=0.01)
    high = gene_signature.high(TWO, got.value)
    assert high.mean() == got.share_high


@pytest.mark.independent
def test_equal_components_are_cut_half_way() -> None:
    """By symmetry, with equal shares and variances."""
    scores = quantiles([(200, -4, 1), (200, 4, 1)])
    assert normal_mixture(scores).value == pytest.approx(0, abs=1e-6)
    assert density_trough(scores).value == pytest.approx(0, abs=0.05)


@pytest.mark.independent
def test_the_mixture_cuts_where_the_posterior_is_one_half() -> None:
    """With shares p, q and one variance: midpoint + var log(p/q) / distance."""
    scores = quantiles([(300, 0, 1), (900, 6, 1)])
    assert normal_mixture(scores).value == pytest.approx(3 + np.log(300 / 900) / 6, abs=0.02)


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
def test_one_group_is_not_split(cut) -> None:
    got = cut(ONE)
    assert got.value is None
    assert got.share_high is None
    assert got.reason.startswith("not bimodal: ")


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(2, 60), st.integers(20, 60)),
    apart=st.floats(0, 8),
)
def test_a_split_has_two_sides_between_two_modes(cut, seed, sizes, apart) -> None:
    """Whatever the sample: of one normal, or of two that are close, apart, large or small."""
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(size=sizes[0]), rng.normal(apart, size=sizes[1])])
    got = cut(scores)
    if got.value is None:
        assert got.reason.startswith("not bimodal: ")
        assert got.share_high is None
        return
    low, high = got.modes
    assert low < got.value < high
    assert got.reason == ""
    assert 0.05 <= got.share_high <= 0.95
    assert got.share_high == gene_signature.high(scores, got.value).mean()


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
def test_chance_modes_are_not_taken_for_groups(cut) -> None:
    """Monte Carlo, fixed seed: at most 2 % of 100 samples of one normal are split."""
    rng = np.random.default_rng(3)
    split = [cut(rng.normal(size=50)).value is not None for _ in range(100)]
    assert np.mean(split) <= 0.02


def test_a_few_outliers_are_no_group() -> None:
    scores = np.concatenate([ONE, [20.0, 20.5, 21.0]])
    assert "one side would hold 1.1 %" in density_trough(scores).reason
    assert density_trough(scores).value is None
    assert normal_mixture(scores).value is None


def test_overlapping_components_are_no_groups() -> None:
    """A skewed single group is better described by two normals, but has no gap."""
    skewed = np.exp(quantiles([(400, 0, 0.6)]))
    got = normal_mixture(skewed)
    assert got.value is None
    assert got.reason in {
        "not bimodal: the two components overlap",
        "not bimodal: one component is likelier all the way between the means",
    }
    assert density_trough(skewed).value is None


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
def test_cut_offs_move_with_the_scale(cut) -> None:
    base, moved = cut(TWO), cut(3 * TWO[::-1] + 7)
    assert moved.value == pytest.approx(3 * base.value + 7, rel=1e-6)
    with_gaps = cut(np.concatenate([TWO, [np.nan] * 5]))
    assert with_gaps.value == base.value


@pytest.mark.independent
def test_the_kernel_width_is_silvermans() -> None:
    """0.9 min(sd, IQR / 1.34) n^-0.2; of 1 to 20 the IQR is 9.5 and the variance 35."""
    values = np.arange(1.0, 21.0)
    assert gene_cutoff._silverman(values) == pytest.approx(0.9 * 35**0.5 * 20**-0.2, rel=1e-14)
    heavy = np.concatenate([values, [1000.0, -1000.0]])
    iqr = np.quantile(heavy, 0.75) - np.quantile(heavy, 0.25)
    assert gene_cutoff._silverman(heavy) == pytest.approx(0.9 * iqr / 1.34 * 22**-0.2, rel=1e-14)


def test_a_wide_kernel_sees_one_mode() -> None:
    assert density_trough(TWO, width=4).reason == "not bimodal: the density has one mode"
    assert density_trough(TWO, width=0.7).value is not None
    with pytest.raises(InstrumentError, match="width must be positive"):
        density_trough(TWO, width=0)


@pytest.mark.parametrize("cut", [density_trough, normal_mixture])
def test_too_few_scores_are_refused(cut) -> None:
    with pytest.raises(InstrumentError, match="needs 20 scores that are not all equal, not 19"):
        cut(np.arange(19.0))
    with pytest.raises(InstrumentError, match="not all equal"):
        cut(np.ones(50))
    with pytest.raises(InstrumentError, match="finite"):
        cut(np.r_[TWO, np.inf])
