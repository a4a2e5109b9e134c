"""Gene-expression signatures in whole blood, normalised to the mean of three housekeepers.

Scores are on the log2 scale, higher is more expression. Sources: the four interferon genes, Yao
et al., Hum Genomics Proteomics 2009:374312; housekeepers, Merrill et al., N Engl J Med
2022;386:1034. Page: docs/instruments/gene_signature.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from openlupus.errors import InstrumentError, UnknownItemError
from openlupus.instruments import arrays, decimals, verdicts
from openlupus.instruments.arrays import Codes, Floats, Form

HOUSEKEEPERS = ("ACTB", "GAPDH", "TFRC")

SIGNATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "type1_ifn_4": ("IFI27", "IFI44", "IFI44L", "RSAD2"),
        "IKZF1": ("IKZF1",),
        "IKZF3": ("IKZF3",),
        "dxterity_ifn_4": ("HERC5", "IFI27", "IFIT1", "RSAD2"),
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """Change from baseline, shape (n,) each; nan where either score is missing."""

    log2: Floats
    fold: Floats
    percent: Floats


def score_ct(ct: Form, signature: str) -> Floats:
    """Score from quantitative PCR, where a lower cycle threshold is more expression.

    Args:
        ct: Cycle thresholds by gene: a dict of arrays of shape (n,), a frame, one patient's dict;
            missing where undetermined. The genes of the signature and all three housekeepers are
            needed; others are not read.
        signature: A key of `SIGNATURES`.

    Returns:
        Mean over the genes of (mean Ct of the housekeepers - Ct), shape (n,); nan where any of
        the genes is missing.
    """
    genes, reference = _genes(_columns(ct, signature))
    return reference - genes


def score_counts(counts: Form, signature: str) -> Floats:
    """Score from counts or fluorescence, where higher is more expression: log2 ratios.

    Arguments and result as for `score_ct`.
    """
    logs = [_logs(columns) for columns in _columns(counts, signature)]
    genes, reference = _genes(logs)
    return genes - reference


def change(baseline: ArrayLike, visit: ArrayLike) -> Change:
    """Change of a score. Average `log2` over patients and transform back, never `percent`."""
    log2 = np.asarray(visit, np.float64) - np.asarray(baseline, np.float64)
    fold = np.exp2(log2)
    return Change(log2, fold, 100 * (fold - 1))


def high(score: ArrayLike, cutoff: float) -> Codes:
    """High (1) or low (0) by a cut-off given beforehand; equal is high, -1 where missing."""
    values = np.asarray(score, np.float64)
    return verdicts.verdict(decimals.at_least(values, cutoff), ~np.isnan(values))


def _columns(values: Form, signature: str) -> list[dict[str, Floats]]:
    """The genes of the signature, and the housekeepers, each of shape (n,)."""
    if signature not in SIGNATURES:
        raise InstrumentError(f"no signature {signature!r}; there are {list(SIGNATURES)}")
    given = arrays.columns(values)
    genes = SIGNATURES[signature]
    if absent := [gene for gene in (*genes, *HOUSEKEEPERS) if gene not in given]:
        raise UnknownItemError(f"{signature} needs values of {absent}")
    read = [
        {gene: arrays.numbers(given[gene], gene) for gene in group}
        for group in (genes, HOUSEKEEPERS)
    ]
    if len({len(column) for group in read for column in group.values()}) > 1:
        raise InstrumentError(f"{[*genes, *HOUSEKEEPERS]} have different lengths")
    return read


def _genes(columns: list[dict[str, Floats]]) -> tuple[Floats, Floats]:
    """Mean over the genes of the signature, and over the housekeepers."""
    genes, reference = (np.mean(list(group.values()), axis=0) for group in columns)
    return genes, reference


def _logs(columns: dict[str, Floats]) -> dict[str, Floats]:
    return {gene: np.log2(_positive(gene, column)) for gene, column in columns.items()}


def _positive(gene: str, counts: Floats) -> Floats:
    if (counts <= 0).any():
        rows = np.flatnonzero(counts <= 0).tolist()
        raise InstrumentError(
            f"{gene}: counts are positive (nan where missing), not in rows {rows}"
        )
    return counts
