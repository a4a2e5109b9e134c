"""Twins: synthetic trials from which the whole pipeline regenerates what a paper printed."""

from openlupus.twin.make import PATIENTS, Twin, twin

__all__ = ["PATIENTS", "Twin", "twin"]
