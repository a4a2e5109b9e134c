"""Three-valued verdicts: 1 met, 0 not met, -1 not computable. Missing is never "not met" here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import ScaleError
from openlupus.instruments.arrays import Bools, Codes, Floats, Texts

MET, NOT_MET, NOT_COMPUTABLE = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What every composite returns: `responder`, shape (n,): 1 met, 0 not met, -1 not computable.

    A composite adds one such array for each of its `COMPONENTS`.
    """

    COMPONENTS: ClassVar[tuple[str, ...]] = ()

    responder: Codes

    @property
    def reason(self) -> Texts:
        """Why a visit is no response, shape (n,): components by name, "" for a response."""
        return reasons({name: getattr(self, name) for name in self.COMPONENTS})


def reasons(components: Mapping[str, Codes]) -> Texts:
    """In words: `not met: a and b; cannot be computed: c`, "" where all are met.

    Args:
        components: Verdicts by name, shape (n,) each; underscores are printed as blanks.
    """
    stacked = np.stack(list(components.values())).astype(np.int64) + 1
    place = 3 ** np.arange(len(stacked))[:, None]
    seen, row = np.unique((stacked * place).sum(axis=0), return_inverse=True)
    names = [name.replace("_", " ") for name in components]
    texts = [_sentence(names, [(code // 3**i) % 3 - 1 for i in range(len(names))]) for code in seen]
    return np.array(texts, np.str_)[row]


def _sentence(names: list[str], codes: list[int]) -> str:
    said = {
        word: " and ".join(name for name, c in zip(names, codes, strict=True) if c == code)
        for word, code in (("not met", NOT_MET), ("cannot be computed", NOT_COMPUTABLE))
    }
    return "; ".join(f"{word}: {which}" for word, which in said.items() if which)


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


def any_met(*parts: Codes) -> Codes:
    """1 if any part is met, -1 if none is but one cannot be computed, else 0."""
    stacked = np.stack(parts)
    found = np.any(stacked == MET, axis=0)
    return verdict(found, found | ~np.any(stacked == NOT_COMPUTABLE, axis=0))


def opposite(codes: Codes) -> Codes:
    """1 for 0 and 0 for 1; -1 stays."""
    return np.where(codes == NOT_COMPUTABLE, NOT_COMPUTABLE, 1 - codes).astype(np.int8)


def compared(holds: Bools, *values: Floats) -> Codes:
    """1 or 0 by `holds` where none of the `values` is missing, -1 elsewhere."""
    return verdict(holds, ~np.any([np.isnan(value) for value in values], axis=0))


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
