"""Three-valued verdicts: 1 met, 0 not met, -1 not computable. Missing is never "not met" here."""

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ScaleError
from openlupus.instruments.arrays import Bools, Codes

MET, NOT_MET, NOT_COMPUTABLE = 1, 0, -1


def verdict(met: Bools, known: Bools) -> Codes:
    """1 or 0 where `known`, -1 elsewhere."""
    return np.where(known, met, NOT_COMPUTABLE).astype(np.int8)


def all_met(*components: Codes) -> Codes:
    """1 if every component is met, -1 if any is not computable, else 0.

    One missing component makes the verdict not computable even where another one fails, so that
    the assessments with a verdict are those with all their data, responders and others alike.
    """
    stacked = np.stack(components)
    worst: Codes = stacked.min(axis=0)
    return worst


def none_present(found: Codes) -> Codes:
    """1 where nothing of `found`, shape (n, items), is present (1); -1 where it is open.

    A finding that is present settles the matter, whatever else was not assessed.
    """
    present = np.any(found == MET, axis=1)
    known = present | ~np.any(found == NOT_COMPUTABLE, axis=1)
    return verdict(~present, known)


def checked(values: ArrayLike) -> Codes:
    """Answers of shape (n,) that are 1, 0 or -1 (not known); refuses others, all with their row."""
    array = np.asarray(values)
    if (bad := ~np.isin(array, (MET, NOT_MET, NOT_COMPUTABLE))).any():
        faults = [f"row {row}: {array[row]}" for row in np.flatnonzero(bad)]
        raise ScaleError(f"answers are 1, 0 or -1 (not known); found {'; '.join(faults)}", faults)
    return array.astype(np.int8)


def impute_nonresponse(responder: Codes, *failed: Bools) -> Bools:
    """Responders under non-responder imputation.

    Args:
        responder: Verdicts, shape (n,).
        failed: Any number of reasons of shape (n,) that make a non-responder whatever the
            verdict: treatment failure, discontinuation, visit missing.

    Returns:
        True only for a verdict of 1 without any of the reasons.
    """
    response: Bools = responder == MET
    for reason in failed:
        response = response & ~reason
    return response
