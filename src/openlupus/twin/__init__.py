"""Twins: synthetic trials from which the whole pipeline regenerates what a paper printed."""

from openlupus.twin.make import PATIENTS, Twin, ensemble, twin

__all__ = ["PATIENTS", "Twin", "ensemble", "twin"]
