"""OpenLupus: one open engine for the whole life of a lupus trial.

import openlupus

study = openlupus.load("mytrial")
data = openlupus.derive(study)
results = openlupus.analyse(study, data)
openlupus.report(study, data, results, out="report")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openlupus.derivation import AnalysisData as AnalysisData
    from openlupus.derivation import Arms as Arms
    from openlupus.modelling import clda as clda
    from openlupus.modelling import mmrm as mmrm
    from openlupus.modelling.diagnosing import settling as settling
    from openlupus.modelling.dose import mcpmod as mcpmod
    from openlupus.modelling.dose import mcpmod_estimates as mcpmod_estimates
    from openlupus.modelling.imputing import impute as impute
    from openlupus.modelling.imputing import pool as pool
    from openlupus.modelling.linear import ancova as ancova
    from openlupus.modelling.logistic import logistic as logistic
    from openlupus.modelling.logistic import marginal as marginal
    from openlupus.modelling.reference import impute_reference as impute_reference
    from openlupus.modelling.regression import rlm as rlm
    from openlupus.modelling.responders import risk_difference as risk_difference
    from openlupus.modelling.times import competing_risks as competing_risks
    from openlupus.modelling.times import cox as cox
    from openlupus.modelling.times import kaplan_meier as kaplan_meier
    from openlupus.pipeline import Study as Study
    from openlupus.pipeline import analyse as analyse
    from openlupus.pipeline import check as check
    from openlupus.pipeline import derive as derive
    from openlupus.pipeline import load as load
    from openlupus.pipeline import report as report
    from openlupus.results import Results as Results

__version__ = "0.1.0"

_FROM = {
    "openlupus.modelling": ("clda", "mmrm"),
    "openlupus.modelling.diagnosing": ("settling",),
    "openlupus.modelling.dose": ("mcpmod", "mcpmod_estimates"),
    "openlupus.modelling.imputing": ("impute", "pool"),
    "openlupus.modelling.linear": ("ancova",),
    "openlupus.modelling.logistic": ("logistic", "marginal"),
    "openlupus.modelling.reference": ("impute_reference",),
    "openlupus.modelling.regression": ("rlm",),
    "openlupus.modelling.responders": ("risk_difference",),
    "openlupus.modelling.times": ("competing_risks", "cox", "kaplan_meier"),
    "openlupus.derivation": ("AnalysisData", "Arms"),
    "openlupus.pipeline": ("Study", "analyse", "check", "derive", "load", "report"),
    "openlupus.results": ("Results",),
}

__all__ = ["__version__", *(name for names in _FROM.values() for name in names)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Public names, loaded when first used: `import openlupus` itself loads no library."""
    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'openlupus' has no attribute {name!r}")
