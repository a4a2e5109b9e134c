"""What a value means for an analysis: from records to ADaM frames."""

from openlupus.derivation.derive import derive
from openlupus.derivation.model import AnalysisData, Arms
from openlupus.derivation.variables import add_to_given

__all__ = ["AnalysisData", "Arms", "add_to_given", "derive"]
