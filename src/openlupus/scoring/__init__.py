"""Every instrument on a sheet: a CSV file, or a frame of any kind, one row an assessment.

`sheet` reads columns and lists every fault with its line and field; `form` is the shape of an
instrument on a sheet, `forms` has them all; `score` is what users call.
"""

from openlupus.scoring.form import SheetForm
from openlupus.scoring.forms import FORMS
from openlupus.scoring.score import (
    explain_file,
    explain_frame,
    score_file,
    score_frame,
    template,
)
from openlupus.scoring.sheet import Fault, Field

__all__ = [
    "FORMS",
    "Fault",
    "Field",
    "SheetForm",
    "explain_file",
    "explain_frame",
    "score_file",
    "score_frame",
    "template",
]
