"""Mixed model for repeated measures: fit, degrees of freedom, adjusted covariance, LS means.

`fit` fits the model to arrays, `inference` chooses covariance of the coefficients and degrees of
freedom, `design` and `lsmeans` make rows of contrasts. Frames and formulas: `openlupus.mmrm`.
"""

from openlupus.statistics.mmrm.covariance import STRUCTURES as STRUCTURES
from openlupus.statistics.mmrm.design import Covariate as Covariate
from openlupus.statistics.mmrm.design import Design as Design
from openlupus.statistics.mmrm.design import Factor as Factor
from openlupus.statistics.mmrm.design import design as design
from openlupus.statistics.mmrm.fit import Fit as Fit
from openlupus.statistics.mmrm.fit import fit as fit
from openlupus.statistics.mmrm.fit import information_criteria as information_criteria
from openlupus.statistics.mmrm.inference import Estimates as Estimates
from openlupus.statistics.mmrm.inference import Inference as Inference
from openlupus.statistics.mmrm.inference import JointTest as JointTest
from openlupus.statistics.mmrm.inference import inference as inference
from openlupus.statistics.mmrm.lsmeans import LsMeans as LsMeans
from openlupus.statistics.mmrm.lsmeans import lsmeans as lsmeans
from openlupus.statistics.mmrm.parameters import covariance_parameters as covariance_parameters
