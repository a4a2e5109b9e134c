"""One root finder for many brackets at once: Chandrupatla's method, elementwise.

scipy's own elementwise root finder came with 1.15; this package supports earlier versions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from openlupus.statistics.interval import Floats

Index = NDArray[np.intp]
Function = Callable[[Floats], Floats]

_MOST_STEPS = 200
# Elements that are done are dropped when they are this share of those at work.
_DROP = 0.25


def bracketed_root(function_of: Callable[[Index], Function], low: Floats, high: Floats) -> Floats:
    """Where each element's function changes sign, to machine precision.

    Args:
        function_of: Given the numbers of some elements, their function: it takes and gives a
            vector with one number for each of them.
        low: One end of each bracket, shape (elements,); may equal `high`.
        high: The other end, same shape.

    Returns:
        The root of each element; the end with the smaller absolute value of the function where
        the sign does not change.

    Source:
        Chandrupatla, Adv Eng Softw 1997;28:145.
    """
    index: Index = np.arange(low.size)
    function = function_of(index)
    a, b = np.array(high, dtype=np.float64), np.array(low, dtype=np.float64)
    fa, fb = function(a), function(b)
    t, root = np.full(a.shape, 0.5), np.empty_like(a)
    bracketed = np.sign(fa) * np.sign(fb) < 0
    for _ in range(_MOST_STEPS):
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        width = np.abs(a - b)
        tolerance = 2 * np.finfo(np.float64).eps * np.abs(best) + 1e-300
        done = (width <= 2 * tolerance) | (fa == 0) | (fb == 0) | ~bracketed
        if done.mean() > _DROP:
            root[index[done]] = best[done]
            if done.all():
                return root
            keep = ~done
            index, bracketed, tolerance = index[keep], bracketed[keep], tolerance[keep]
            a, b, fa, fb, t, width = (each[keep] for each in (a, b, fa, fb, t, width))
            function = function_of(index)
        floor = np.minimum(0.5, tolerance / np.where(width > 0, width, 1.0))
        x = a + np.clip(t, floor, 1 - floor) * (b - a)
        fx = function(x)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        t = _next_step(a, b, c, fa, fb, fc)
    root[index] = np.where(np.abs(fa) < np.abs(fb), a, b)
    return root


def _next_step(a: Floats, b: Floats, c: Floats, fa: Floats, fb: Floats, fc: Floats) -> Floats:
    """Inverse quadratic interpolation where it is safe, else one half."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.where(safe & np.isfinite(step), step, 0.5)
