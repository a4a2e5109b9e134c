"""Numbers that R printed for small data written out here: what has no golden record.

R 4.2.2 with rpact 3.3.4, survival 3.5-3 and cmprsk 2.2-11; the calls stand beside the numbers.
"""

import numpy as np
import pytest

from openlupus.statistics.group_sequential import (
    Spending,
    adjusted_estimate,
    adjusted_p,
    design,
    operating,
    repeated_interval,
)
from openlupus.statistics.survival.competing_risks import cumulative_incidence, gray_test
from openlupus.statistics.survival.cox import cox, proportionality

pytestmark = pytest.mark.independent

LOOKS = [0.4, 0.7, 1.0]
OF, P = Spending("obrien-fleming"), Spending("pocock")
TIME = [3, 5, 5, 7, 8, 9, 11, 11, 12, 14, 15, 16, 18, 20, 21, 22, 24, 26, 28, 30]
CAUSE = [1, 2, 1, 0, 1, 1, 2, 0, 1, 2, 0, 1, 1, 2, 0, 1, 0, 2, 1, 0]
GROUP = np.tile([0, 1], 10)
X = [0.5, 1.2, -0.3, 0.8, 2.1, -1.1, 0.4, 1.7, -0.6, 0.9, 0.1, -1.4, 1.1, 0.3, -0.2, 1.9, -0.9, 0.6,
     1.3, -0.5]  # fmt: skip


@pytest.mark.parametrize(
    ("futility", "binding", "critical", "lower", "inflation"),
    [
        # getDesignGroupSequential(informationRates = c(.4, .7, 1), alpha = .025, beta = .1,
        #   sided = 1, typeOfDesign = "asOF", typeBetaSpending = "bsOF", bindingFutility = FALSE)
        (OF, False, [3.35686935609099, 2.44454228132963, 2.00053907185793],
         [-0.234350096913432, 1.122792742680758], 1.06834333678097),
        # the same with typeBetaSpending = "bsP", bindingFutility = TRUE
        (P, True, [3.35686935609099, 2.43960938602686, 1.87648909538984],
         [0.578779967657463, 1.262052594218403], 1.15324465765876),
    ],
)  # fmt: skip
def test_futility_bounds_of_rpact(futility, binding, critical, lower, inflation):
    got = design(LOOKS, OF, alpha=0.025, futility=futility, beta=0.1, binding=binding)
    # rpact searches to 1e-8 in the level.
    assert got.critical == pytest.approx(critical, abs=1e-6)
    assert got.futility[:2] == pytest.approx(lower, abs=1e-6)
    assert operating(got, power=0.9).inflation == pytest.approx(inflation, rel=1e-6)


def test_inference_after_stopping_of_rpact():
    # e <- getDesignGroupSequential(informationRates = c(.4, .7, 1), alpha = .025, sided = 1,
    #   typeOfDesign = "asOF")
    # d <- getDataset(n = c(40, 30), means = c(.25, .55), stDevs = c(1, 1))
    # getFinalPValue, getFinalConfidenceInterval, getRepeatedConfidenceIntervals at stage 2, with
    # normalApproximation = TRUE; its Z has the pooled standard deviation in it.
    plan, z = design(LOOKS, OF, alpha=0.025), 3.15496927752915
    deviation = (0.25 * 40 + 0.55 * 30) / 70 * 70**0.5 / z
    information = 100 / deviation**2
    assert adjusted_p(plan, 2, z) == pytest.approx(0.00109169072507298, rel=1e-7)
    got = adjusted_estimate(plan, 2, z, information=information)
    assert (got.value, got.lower, got.upper) == pytest.approx(
        (0.375669138666358, 0.13741485878836, 0.61193013633552), abs=2e-6
    )
    again = repeated_interval(plan, 2, z, information=information)
    assert (again.lower, again.upper) == pytest.approx((0.0852456360878, 0.671897221072), abs=1e-6)


def test_cumulative_incidence_and_gray_of_cmprsk():
    # f <- cuminc(time, cause, group); f$Tests; timepoints(f, c(10, 20, 28))
    expected = {
        (0, 1): [0.3, 0.525, 0.9], (1, 1): [0.1125, 0.24375, 0.375],
        (0, 2): [0, 0.1, 0.1], (1, 2): [0.1, 0.3625, 0.49375],
    }  # fmt: skip
    for (group, cause), wanted in expected.items():
        own = group == GROUP
        curve = cumulative_incidence(np.array(TIME)[own], np.array(CAUSE)[own], cause=cause)
        assert [curve.at(t)[0] for t in (10, 20, 28)] == pytest.approx(wanted, abs=1e-12)
    for cause, statistic in ((1, 2.22185158977204), (2, 1.83008569032667)):
        got = gray_test(TIME, CAUSE, GROUP, cause=cause)
        assert got.statistic == pytest.approx(statistic, rel=1e-10)


@pytest.mark.parametrize(
    ("transform", "chi_square"),
    [
        # cox.zph(coxph(Surv(time, cause > 0) ~ group + x), transform = ...)
        ("km", [0.756434338920417, 0.489394403768917, 1.703230154574054]),
        ("identity", [0.756580646741557, 0.582076254781936, 1.927446949745137]),
        ("log", [1.012642198988916, 0.214721801675987, 1.373485780292592]),
        ("rank", [0.860116691840335, 0.387909971936370, 1.613311854161937]),
    ],
)  # fmt: skip
def test_proportionality_of_survival(transform, chi_square):
    event = (np.array(CAUSE) > 0).astype(float)
    fit = cox(TIME, event, np.column_stack([GROUP, X]))
    got = proportionality(fit, TIME, event, transform=transform)
    assert [*got.statistic, got.overall[0]] == pytest.approx(chi_square, rel=1e-6)
