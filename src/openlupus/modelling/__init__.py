"""Model formulas and frames: the faces of the models in `openlupus.statistics`."""

from openlupus.modelling.repeated import Mmrm as Mmrm
from openlupus.modelling.repeated import clda as clda
from openlupus.modelling.repeated import mmrm as mmrm
