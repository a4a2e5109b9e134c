"""The language of a declaration: what a trial is, before any patient."""

from openlupus.protocol.load import load, parse
from openlupus.protocol.model import Protocol

__all__ = ["Protocol", "load", "parse"]
