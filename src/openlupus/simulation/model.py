"""The parameters of a simulated trial: who comes, what the disease does, what is recorded.

Every number that concerns a trial stands in its `model.toml`; its tables are the fields of `Model`.
Probabilities are proportions (0-1); days count from the first dose; latent quantities are in
standard deviations of the latent activity of screened patients.
"""

from collections.abc import Mapping
from typing import Literal

from openlupus.protocol.base import Part
from openlupus.simulation.parameters.base import Instrument
from openlupus.simulation.parameters.conduct import Conduct, Faults
from openlupus.simulation.parameters.disease import (
    Disease,
    Genes,
    Global,
    Joints,
    Laboratory,
    Skin,
)
from openlupus.simulation.parameters.people import People, Recruitment, Region, Screening
from openlupus.simulation.parameters.treatment import Arm, Events, Medication


class Model(Part):
    """A simulated trial. Made by `load_model`."""

    recruitment: Recruitment
    screening: Screening
    regions: Mapping[str, Region]
    people: People
    disease: Disease
    global_assessment: Global
    fatigue: Global
    skin: Skin
    joints: Joints
    genes: Genes
    laboratory: Laboratory
    forms: Mapping[Instrument, tuple[str, ...]]
    """Visits at which each form is filled; `UNSCHEDULED` stands for those between."""
    strata: Mapping[str, Literal["glucocorticoid", "sledai", "region", "sex"]]
    """What each stratification factor looks at, at screening."""
    arms: Mapping[str, Arm]
    medication: Medication
    events: Events
    conduct: Conduct
    faults: Faults

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the manifestations, in the order of every array of severities."""
        return tuple(m.key for m in self.disease.manifestations)
