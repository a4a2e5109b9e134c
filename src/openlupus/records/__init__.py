"""Item-level data as collected (SDTM), the rules that it should keep, and where it does not."""

from openlupus.records.check import Findings, check
from openlupus.records.context import CheckContext, VisitWindow
from openlupus.records.model import Records, Source, from_frames, require
from openlupus.records.rules import RULES, Rule
from openlupus.records.schema import DOMAINS, Column, Domain, domain

__all__ = [
    "DOMAINS",
    "RULES",
    "CheckContext",
    "Column",
    "Domain",
    "Findings",
    "Records",
    "Rule",
    "Source",
    "VisitWindow",
    "check",
    "domain",
    "from_frames",
    "require",
]
