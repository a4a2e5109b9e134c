"""Which model on which set: declared analyses and analysis data become results.

One file a family of methods; `select` finds whom and what an analysis sees, `notes` says in words
what was done.
"""

from openlupus.analysis.pointers import records_behind, subjects_behind
from openlupus.analysis.population import POPULATION
from openlupus.analysis.run import analyse

__all__ = ["POPULATION", "analyse", "records_behind", "subjects_behind"]
