"""The picture of a trial's design, from its declaration alone."""

from openlupus.display.figures.design import DesignArm, DesignPeriod, DesignPicture
from openlupus.protocol import Protocol


def design_picture(protocol: Protocol) -> DesignPicture:
    """The trial's design, from the declaration alone."""
    weeks = [(v, (v.day - 1 if v.day > 0 else v.day) / 7) for v in protocol.schedule.visits]
    spans = {
        role: [week for visit, week in weeks if visit.role == role]
        for role in ("screening", "baseline", "treatment", "follow_up")
    }
    periods: list[DesignPeriod] = []
    if spans["screening"]:
        periods.append(
            DesignPeriod(label="Screening", start=min(spans["screening"]), end=0, kind="screening")
        )
    end = max(spans["treatment"], default=1)
    periods.append(DesignPeriod(label="Treatment", start=0, end=end, kind="treatment"))
    if spans["follow_up"]:
        last = max(spans["follow_up"])
        periods.append(DesignPeriod(label="Follow-up", start=end, end=last, kind="follow-up"))
    strata = tuple(
        f"{s.label}: {' or '.join(level.label for level in s.levels)}"
        for s in protocol.strata.values()
    )
    return DesignPicture(
        arms=tuple(
            DesignArm(
                label=arm.label, ratio=arm.ratio, n=arm.planned, control=arm.role == "control"
            )
            for arm in protocol.arms.values()
        ),
        periods=tuple(periods),
        visits=tuple(week for _, week in weeks),
        strata=strata,
        primary=_primary(protocol),
        blinding=protocol.study.blinding,
        counted="planned",
        screened=protocol.study.screened,
    )


def _primary(protocol: Protocol) -> tuple[str, float] | None:
    """The end point and week of the first analysis of a family with error control."""
    for family in protocol.multiplicity.values():
        declared = protocol.analyses[family.analysis]
        if declared.endpoint and declared.visit:
            visit = protocol.visit(declared.visit)
            return protocol.endpoints[declared.endpoint].label, (visit.day - 1) / 7
    return None
