"""Audit: are printed tables consistent in themselves, and does a run print the same?

No patient's data are needed. Mathematics: docs/methods/audit.md.
"""

from openlupus.audit.finding import VERDICTS, Finding, Verdict, findings_frame
from openlupus.audit.model import (
    Cell,
    Column,
    PowerStatement,
    Published,
    Ref,
    Relation,
    RowFacts,
)
from openlupus.audit.printed import Number, read_cell
from openlupus.audit.run import Audit, audit

__all__ = [
    "VERDICTS",
    "Audit",
    "Cell",
    "Column",
    "Finding",
    "Number",
    "PowerStatement",
    "Published",
    "Ref",
    "Relation",
    "RowFacts",
    "Verdict",
    "audit",
    "findings_frame",
    "read_cell",
]
