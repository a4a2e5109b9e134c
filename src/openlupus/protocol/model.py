"""A trial as declared: who, when, what is measured, what happens, for whom it is analysed."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from openlupus.protocol.analyses import Analysis, Multiplicity
from openlupus.protocol.base import Part, Where
from openlupus.protocol.displays import Display


class Study(Part):
    """Identity of the trial."""

    id: str = Field(min_length=1)
    title: str
    phase: str = ""
    indication: str = ""
    intervention: str = ""
    registrations: tuple[str, ...] = ()
    blinding: str = ""
    sites: int | None = Field(default=None, gt=0)
    screened: int | None = Field(default=None, gt=0)
    reference: str = ""
    lock: str = ""
    """Statement of the lock of the database. Without it, arms are shuffled: a dry run."""


class Data(Part):
    """Where analysis data come from: derived from records, or given as ADaM files."""

    adam: Literal["derived", "given"] = "derived"
    planned: str = "ARMCD"
    """ADSL variable that holds the code of the planned arm."""
    actual: str = "ACTARMCD"


class Arm(Part):
    """An arm; `code` is its value in the data (ARMCD)."""

    label: str
    code: str
    ratio: int = Field(1, gt=0)
    role: Literal["test", "control"]
    dose: float = Field(0, ge=0)
    unit: str = "mg"
    planned: int | None = Field(default=None, gt=0)


class Group(Part):
    """Several arms under one heading."""

    label: str
    arms: tuple[str, ...] = Field(min_length=1)


class Region(Part):
    """Countries (ISO 3166-1 alpha-3) under one label."""

    label: str
    countries: tuple[str, ...] = Field(min_length=1)


class Level(Part):
    """A level of a stratification factor; the bounds say which observed values belong to it."""

    id: str
    label: str
    at_least: float | None = None
    below: float | None = None
    equals: str | None = None


class Stratum(Part):
    """A stratification factor, as randomised (SUPPDM) and as observed (an ADSL variable)."""

    label: str
    randomised: str = ""
    """QNAM in SUPPDM that holds the level id used for randomisation."""
    observed: str
    """ADSL variable whose value the levels' bounds divide."""
    levels: tuple[Level, ...] = Field(min_length=2)


class Visit(Part):
    """A visit; days count from the first dose, which is day 1 (there is no day 0)."""

    id: str
    label: str
    number: float
    day: int
    window: tuple[int, int]
    role: Literal["screening", "baseline", "treatment", "follow_up"] = "treatment"


class Schedule(Part):
    """Visits, and how a record finds its visit.

    Of several assessments in one window `choose` takes one; `ties` decides between two that are
    equally near.
    """

    visits: tuple[Visit, ...] = Field(min_length=1)
    choose: Literal["nearest", "first", "last"] = "nearest"
    ties: Literal["earlier", "later"] = "later"
    baseline: Literal["last_on_or_before_first_dose"] = "last_on_or_before_first_dose"


# -- ADSL variables ---------------------------------------------------------------------------


class FromVariable(Part):
    """Values of another ADSL variable, renamed."""

    kind: Literal["map"]
    label: str = ""
    source: str
    values: dict[str, str]
    other: str | None = None


class FromParameter(Part):
    """A value of a derived parameter at a visit (or at `baseline`)."""

    kind: Literal["parameter"]
    label: str = ""
    dataset: str
    parameter: str
    visit: str = "baseline"
    column: Literal["AVAL", "AVALC", "DTYPE", "OBSFL"] = "AVAL"


class FromCut(Part):
    """`Y` when ADSL variables meet the condition, else `N`; missing stays missing."""

    kind: Literal["flag"]
    label: str = ""
    where: Where


class FromRecords(Part):
    """`Y` when the subject has a record that meets the condition, else `N`."""

    kind: Literal["any"]
    label: str = ""
    domain: str
    where: Where
    at: Literal["ever", "before_dose", "first_dose"] = "ever"
    """`before_dose`: dated on or before the first dose; `first_dose`: intervals (--STDTC to
    --ENDTC) that contain its day."""


class FromDate(Part):
    """Time from a recorded date to a date of ADSL; a partial date counts from its first day."""

    kind: Literal["time_since"]
    label: str = ""
    domain: str
    where: Where
    date: str
    to: str = "RANDDT"
    unit: Literal["years", "months", "days"] = "years"


class FromText(Part):
    """A recorded value: column `column` of the record that meets the condition."""

    kind: Literal["record"]
    label: str = ""
    domain: str
    where: Where
    column: str


Variable = Annotated[
    FromVariable | FromParameter | FromCut | FromRecords | FromDate | FromText,
    Field(discriminator="kind"),
]


# -- whom, what, what happens -----------------------------------------------------------------


class Population(Part):
    """An analysis set: the subjects of ADSL who meet the condition."""

    label: str
    where: Where
    flag: str = ""
    """ADSL variable that receives `Y`/`N`."""
    arm: Literal["planned", "actual"] = "planned"


class Discontinuation(Part):
    """The subject stopped treatment: a disposition event of this epoch that is not completion."""

    kind: Literal["discontinuation"]
    label: str
    epoch: str = "TREATMENT"


class Medication(Part):
    """A medication of these classes was started, or its daily dose raised, after the first dose.

    For `total_dose = "prednisone"` the sum of systemic glucocorticoids in prednisone equivalents
    is compared with baseline, else each drug with itself.
    """

    kind: Literal["medication"]
    label: str
    classes: tuple[str, ...] = Field(min_length=1)
    change: Literal["start", "increase", "start_or_increase"] = "start_or_increase"
    total_dose: Literal["", "prednisone"] = ""
    tolerance: float = Field(0, ge=0)
    """Increase up to this much (in the unit of the dose) is allowed."""
    from_day: int = 2
    unreadable: Literal["unknown", "event", "no_event"] = "unknown"
    """A record of which it cannot be told whether the dose was raised, for a dose after or before
    cannot be read: from its first day on it is not known whether the event came; it came; or it
    did not."""

    @model_validator(mode="after")
    def _rise_of_a_total(self) -> Self:
        if self.total_dose and self.change == "start":
            raise ValueError(
                'change = "start" means nothing beside total_dose, whose rise counts; declare'
                ' change = "increase"'
            )
        return self


class RecordEvent(Part):
    """Any record of a domain that meets a condition."""

    kind: Literal["record"]
    label: str
    domain: str
    where: Where
    date: str


Intercurrent = Annotated[Discontinuation | Medication | RecordEvent, Field(discriminator="kind")]

Strategy = Literal["composite", "treatment_policy", "hypothetical", "while_on_treatment"]


class Endpoint(Part):
    """A responder end point: a composite index of the instruments, or one component of it."""

    label: str
    parameter: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,7}$")
    composite: str
    options: dict[str, float | int | str | bool] = {}
    component: str = ""
    missing: Literal["non_response", "missing"] = "non_response"
    intercurrent: dict[str, Strategy] = {}
    eligible: Where = {}
    """Subjects to whom the end point applies (a condition on ADSL); all when empty."""
    maintained_from: str = ""
    """Visit from which a glucocorticoid dose must be kept and no flare may occur, for composites
    that ask for it; its verdicts begin there."""
    flare: Literal["bilag_flare_free", "selena_flare_free"] = "bilag_flare_free"
    """What a flare is, for composites that ask for it."""
    flares_at: Literal["every_assessment", "visits"] = "every_assessment"
    """Where flares are looked for: at every assessment after day 1, or at those alone that count
    for a visit."""
    changes: tuple[str, ...] = ()
    """Intercurrent events that end a stable or standard treatment, for composites that ask."""


class TimeToEvent(Part):
    """Time from the first dose to the first visit at which an end point's verdict is an event."""

    label: str
    parameter: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,7}$")
    endpoint: str
    event: Literal["first_response", "first_sustained_response", "first_failure"]
    """The first response; the first one that holds at every later visit; the first verdict, as
    observed, that is none."""
    until: str = ""
    """Last visit that is looked at; the last of treatment when empty."""
    censored_by: tuple[str, ...] = ()
    """Intercurrent events that end the time at risk."""
    censor: Literal["last_assessment", "end"] = "last_assessment"
    """Where a subject without the event is censored: at the last assessment with a verdict, or on
    the target day of the last visit."""
    days: Literal["assessed", "target"] = "assessed"
    """An assessment counts on its own day, or on the target day of its visit. A verdict can come at
    visits alone: with its own day, whoever is seen early in a window leaves those at risk before
    the others are judged."""


class Safety(Part):
    """Which adverse events count as treatment-emergent."""

    days_after_last_dose: int | None = Field(default=None, ge=0)
    """Events that start later than this after the last dose do not count; no limit when absent."""


class Scoring(Part):
    """Choices that the instruments leave open."""

    clinical_sledai: Literal["excl_serology", "excl_blood", "excl_all_lab"] = "excl_all_lab"
    """Items that the clinical SLEDAI-2K leaves out: serology (complement, anti-dsDNA); these and
    the blood counts; these and urine."""
    bilag_first_visit: Literal["strict", "legacy"] = "strict"
    """How a BILAG-2004 item recorded as better, same or worse at the first visit is taken."""
    joint_set: Literal["28", "66/68"] = "28"
    glucocorticoid_baseline: tuple[int, int] = (-7, -1)
    """Days, counted from the first dose (which is day 1; -1 is the day before it), over which the
    baseline dose is averaged."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.glucocorticoid_baseline
        if not first <= last < 0:
            raise ValueError(
                f"glucocorticoid_baseline {first} to {last}: both must lie before day"
                " 1, the first of them first, as [-7, -1]"
            )
        return self


class Monitoring(Part):
    """What a data-monitoring committee sees: of each display one with all arms pooled (open
    report), one by coded arm (closed report)."""

    displays: tuple[str, ...] = Field(min_length=1)
    """Tables that describe, in this order."""
    interval: tuple[str, ...] = ()
    """Of these also one of events that began since the last data cut."""


class Protocol(Part):
    """A valid declaration. Made by `load`, which alone checks what the parts say of each other."""

    study: Study
    data: Data = Data()
    safety: Safety = Safety()
    scoring: Scoring = Scoring()
    arms: Mapping[str, Arm]
    groups: Mapping[str, Group] = {}
    regions: Mapping[str, Region] = {}
    strata: Mapping[str, Stratum] = {}
    schedule: Schedule
    variables: Mapping[str, Variable] = {}
    populations: Mapping[str, Population]
    intercurrent: Mapping[str, Intercurrent] = {}
    endpoints: Mapping[str, Endpoint] = {}
    times: Mapping[str, TimeToEvent] = {}
    analyses: Mapping[str, Analysis] = {}
    multiplicity: Mapping[str, Multiplicity] = {}
    displays: Mapping[str, Display] = {}
    monitoring: Monitoring | None = None

    def codes(self, group: str) -> tuple[str, ...]:
        """Arm codes in the data of an arm or a group of arms."""
        members = self.groups[group].arms if group in self.groups else (group,)
        return tuple(self.arms[arm].code for arm in members)

    def label(self, group: str) -> str:
        """Printed name of an arm or group."""
        return (self.groups.get(group) or self.arms[group]).label

    def visit(self, visit: str) -> Visit:
        """The visit of this id."""
        return next(v for v in self.schedule.visits if v.id == visit)

    @property
    def control(self) -> str:
        """Id of the control arm (the first one declared as such)."""
        return next(name for name, arm in self.arms.items() if arm.role == "control")
