"""OpenLupus: one open engine for the whole life of a lupus trial.

import openlupus

study = openlupus.load("nct03161483")
data = openlupus.derive(study)
results = openlupus.analyse(study, data)
openlupus.report(study, data, results, out="report")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openlupus.derivation import Arms as Arms
    from openlupus.pipeline import analyse as analyse
    from openlupus.pipeline import check as check
    from openlupus.pipeline import derive as derive
    from openlupus.pipeline import load as load
    from openlupus.pipeline import report as report

__version__ = "0.1.0"

__all__ = ["Arms", "__version__", "analyse", "check", "derive", "load", "report"]


def __getattr__(name: str) -> Any:
    """The verbs of the pipeline, loaded when first used: `import openlupus` stays light."""
    if name == "Arms":
        from openlupus.derivation import Arms

        return Arms
    if name in __all__:
        from openlupus import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'openlupus' has no attribute {name!r}")
