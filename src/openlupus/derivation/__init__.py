"""What a value means for an analysis: from records to ADaM frames."""

from openlupus.derivation.derive import derive
from openlupus.derivation.model import AnalysisData, Arms

__all__ = ["AnalysisData", "Arms", "derive"]
