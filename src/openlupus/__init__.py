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
