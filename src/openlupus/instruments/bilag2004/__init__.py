"""BILAG-2004: 97 items, nine systems, a grade A to E for each.

`items` is the form, `criteria` the published rules, `grading` the engine, `course` the memory
over visits, `change` what grades say against baseline, `flare` against the visit before,
`explanation` the reasons of one assessment.

Sources: Isenberg et al., Rheumatology 2005;44:902; Yee et al., Ann Rheum Dis 2008;67:873. Page:
docs/instruments/bilag2004.md.
"""

from openlupus.instruments.bilag2004.change import (
    SCHEMES,
    NewActivity,
    checked_grades,
    new_activity,
    no_worsening,
    numeric,
)
from openlupus.instruments.bilag2004.course import Carried, carry, grade_course
from openlupus.instruments.bilag2004.criteria import LETTERS, FirstVisit
from openlupus.instruments.bilag2004.explanation import Finding, Reason, explain
from openlupus.instruments.bilag2004.flare import Flare, Steady, flare, flare_free, worsening_free
from openlupus.instruments.bilag2004.grading import Grades, form, grade
from openlupus.instruments.bilag2004.items import (
    CATEGORY,
    CODES,
    INDEX,
    ITEMS,
    KEYS,
    PREVIOUS_INVOLVEMENT_CODES,
    SYSTEMS,
    Item,
)

__all__ = [
    "CATEGORY",
    "CODES",
    "INDEX",
    "ITEMS",
    "KEYS",
    "LETTERS",
    "PREVIOUS_INVOLVEMENT_CODES",
    "SCHEMES",
    "SYSTEMS",
    "Carried",
    "Finding",
    "FirstVisit",
    "Flare",
    "Grades",
    "Item",
    "NewActivity",
    "Reason",
    "Steady",
    "carry",
    "checked_grades",
    "explain",
    "flare",
    "flare_free",
    "form",
    "grade",
    "grade_course",
    "new_activity",
    "no_worsening",
    "numeric",
    "worsening_free",
]
