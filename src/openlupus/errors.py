"""The whole error tree on one page. Every message says what, where, why and what to do.

Faults of data are values (`records.Findings`), not exceptions; an exception is for a call that
cannot mean anything.
"""

from collections.abc import Sequence


class OpenLupusError(Exception):
    """Root of every error that this package raises on purpose."""


# -- declarations ---------------------------------------------------------------------------


class ProtocolError(OpenLupusError):
    """A declaration is not valid; carries every fault that it has."""

    def __init__(self, message: str, faults: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class PublishedError(OpenLupusError):
    """A file of printed tables is not valid; carries every fault that it has."""

    def __init__(self, message: str, faults: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class UnknownStudyError(OpenLupusError):
    """Neither a folder with a `study.toml` nor the name of a shipped study."""


# -- records, files -------------------------------------------------------------------------


class RecordsError(OpenLupusError):
    """The records cannot be used at all (a required domain or column is absent)."""


class FileFormatError(OpenLupusError):
    """A file is not what its name says: truncated, empty, wrong encoding, unknown format."""


class OutputExistsError(OpenLupusError):
    """The output is there already, and overwriting was not asked for."""


# -- instruments ----------------------------------------------------------------------------


class InstrumentError(OpenLupusError):
    """An assessment cannot be scored as it stands."""


class UnknownItemError(InstrumentError):
    """An item that the instrument does not have."""


class ScaleError(InstrumentError):
    """Codes or values outside the scale of their item; carries every fault with row and field."""

    def __init__(self, message: str, faults: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class SheetError(InstrumentError):
    """A sheet of items that cannot be scored; carries every fault with its line and field."""

    def __init__(self, message: str, faults: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


# -- statistics -----------------------------------------------------------------------------


class StatisticsError(OpenLupusError):
    """The numbers do not allow what was asked."""


class CountsError(StatisticsError):
    """Counts that cannot be: negative, not whole, not finite, or more responders than subjects."""


class RankDeficiencyError(StatisticsError):
    """A design matrix whose columns depend on each other; the message names them."""


class ConvergenceError(StatisticsError):
    """An iterative fit did not converge; the message gives the reason."""


class ImputationError(StatisticsError):
    """Incomplete data that cannot be imputed as asked, or too few imputations to be pooled."""


class SeparationError(ConvergenceError):
    """Columns tell responders from non-responders without fault; the message names them."""


class FormulaError(StatisticsError):
    """A model formula that cannot be read, or that names what the data do not have."""


# -- derivation, analysis, display ----------------------------------------------------------


class DerivationError(OpenLupusError):
    """Analysis data cannot be derived from these records under this declaration."""


class AnalysisError(OpenLupusError):
    """A declared analysis cannot be run on these analysis data."""


class ResultsError(OpenLupusError):
    """Rows that are not results: wrong columns, a key twice, an unexplained missing value."""


class DisplayError(OpenLupusError):
    """A declared display cannot be made from these results."""


class MonitoringError(OpenLupusError):
    """A report to a data-monitoring committee that cannot be made, or would tell arms apart."""


class SimulationError(OpenLupusError):
    """A simulation model that does not describe patients."""


class AllocationError(OpenLupusError):
    """A randomisation list that cannot be drawn as asked."""


class ValidationError(OpenLupusError):
    """A reference number that is not met, or a record that cannot be read or that nobody knows."""


class TwinError(OpenLupusError):
    """A declaration and a published file from which no twin can be made."""


class ConflictError(TwinError):
    """Conditions on who is chosen that cannot be asked, or that the solver cannot judge."""
