"""Patients who do not exist: item-level records of a declared trial, from a latent disease.

`model` holds the parameters, `trial` the order of events; the other modules are one subject each.
Nothing here looks at how records are derived or analysed.
"""

from openlupus.simulation.load import load_model
from openlupus.simulation.model import Model
from openlupus.simulation.trial import simulate, simulate_to

__all__ = ["Model", "load_model", "simulate", "simulate_to"]
