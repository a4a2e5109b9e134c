"""Whether a model fits its declaration and the instruments: every name must lead somewhere."""

from collections.abc import Collection, Iterator
from typing import get_args

from openlupus.errors import SimulationError
from openlupus.instruments import bilag2004, gene_signature, sledai2k
from openlupus.instruments.glucocorticoids import EQUAL_TO_5_MG
from openlupus.protocol import Protocol
from openlupus.simulation.chart import UNSCHEDULED
from openlupus.simulation.long import LARGEST
from openlupus.simulation.model import Model
from openlupus.simulation.parameters.base import Instrument
from openlupus.simulation.parameters.disease import Lab


def check(protocol: Protocol, model: Model) -> None:
    """Refuse a model that does not fit.

    Raises:
        SimulationError: the message lists every fault.
    """
    faults = [
        *_of_protocol(protocol, model),
        *_of_disease(model),
        *_of_laboratory(protocol, model),
        *_of_further(protocol, model),
        *_of_treatment(model),
    ]
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        lines = "\n".join(f"  {fault}" for fault in faults)
        raise SimulationError(f"the model does not fit the study: {count}\n{lines}")


def _of_protocol(protocol: Protocol, model: Model) -> Iterator[str]:
    yield from _same("arms", model.arms, protocol.arms)
    yield from _same("strata", model.strata, protocol.strata)
    yield from _known("regions", model.regions, protocol.regions)
    for name, region in model.regions.items():
        if name in protocol.regions:
            countries = protocol.regions[name].countries
            yield from _known(f"regions.{name}.countries", region.countries, countries)
    visits = [visit.id for visit in protocol.schedule.visits]
    for form in get_args(Instrument):
        if form not in model.forms:
            yield f"forms.{form} is not given; name the visits at which it is filled, or none"
    for form, at in model.forms.items():
        yield from _known(f"forms.{form}", at, [*visits, UNSCHEDULED])
    roles = [visit.role for visit in protocol.schedule.visits]
    for role in ("screening", "baseline"):
        if roles.count(role) != 1:
            yield f"the schedule needs exactly one {role} visit, and has {roles.count(role)}"
    for term in model.events.terms:
        if term.by_arm:
            yield from _same(f"events.terms, {term.term}: by_arm", term.by_arm, protocol.arms)


def _of_disease(model: Model) -> Iterator[str]:
    keys = model.keys
    for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
        yield f"disease.manifestations has {key!r} more than once"
    for part in model.disease.manifestations:
        where = f"disease.manifestations, {part.key}"
        yield from _known(f"{where}: sledai", [part.sledai] if part.sledai else [], sledai2k.KEYS)
        yield from _known(f"{where}: bilag", part.bilag, _BILAG_TICKED)
    yield from _known("screening.antibodies", model.screening.antibodies, keys)
    yield from _known("screening.convention", [model.screening.convention], sledai2k.CONVENTIONS)
    yield from _known("laboratory.not_collected", model.laboratory.not_collected, _BILAG_NUMERIC)
    skin = model.skin
    yield from _known("skin", [skin.manifestation, skin.alopecia, skin.ulcers], keys)
    yield from _known("joints", [model.joints.manifestation], keys)
    signatures = model.genes.signatures
    yield from _known("disease.modifiers", model.disease.modifiers, signatures)
    for gene in model.genes.genes:
        if gene.signature:
            yield from _known(f"genes, {gene.symbol}: signature", [gene.signature], signatures)
        elif gene.symbol not in gene_signature.HOUSEKEEPERS:
            yield f"genes, {gene.symbol}: has no signature, and is no reference gene"
    for name, arm in model.arms.items():
        yield from _known(f"arms.{name}.signature_fall", arm.signature_fall, signatures)


def _of_laboratory(protocol: Protocol, model: Model) -> Iterator[str]:
    earlier: list[str] = []
    for lab in model.laboratory.tests:
        where = f"laboratory.tests, {lab.code}"
        yield from _known(f"{where}: of", [lab.of] if lab.of else [], model.keys)
        for field in (lab.part_of, lab.less, lab.filtration_of):
            if field and field not in earlier:
                yield f"{where}: {field!r} must be a test that stands before it"
        yield from _known(f"{where}: bilag", [lab.bilag] if lab.bilag else [], _BILAG_NUMERIC)
        yield from _limits(lab, model)
        yield from _known(f"{where}: full", lab.full, protocol.arms)
        if lab.part_of and lab.typical >= 1:
            yield f"{where}: a part's typical share must be below 1"
        if lab.full and (lab.of or lab.filtration_of or lab.titre):
            yield f"{where}: `full` is for a test that varies by itself or is a part of another"
        earlier.append(lab.code)
    for key in dict.fromkeys(lab.of for lab in model.laboratory.tests if lab.spare):
        if sum(lab.of == key for lab in model.laboratory.tests) != 2:
            yield f"laboratory.tests of {key!r}: `spare` needs two tests of the manifestation"


def _of_further(protocol: Protocol, model: Model) -> Iterator[str]:
    codes = [lab.code for lab in model.laboratory.tests]
    for test in model.laboratory.further:
        where = f"laboratory.further, {test.code}"
        if test.code in codes:
            yield f"{where}: there is a test of this code before it"
        yield from _known(f"{where}: visits", test.visits, [v.id for v in protocol.schedule.visits])
        yield from _known(f"{where}: full", test.full, protocol.arms)
        for code in test.uncorrected or ():
            if code not in codes[len(model.laboratory.tests) :]:
                yield f"{where}: {code!r} must be a further test that stands before it"
        if test.maximum * 10**test.decimals >= LARGEST:
            yield f"{where}: maximum must be below {LARGEST / 10**test.decimals:g}"
        codes.append(test.code)


def _limits(lab: Lab, model: Model) -> Iterator[str]:
    where = f"laboratory.tests, {lab.code}"
    if lab.maximum * 10**lab.decimals >= LARGEST:
        yield f"{where}: maximum must be below {LARGEST / 10**lab.decimals:g}"
    if lab.bilag and lab.maximum * lab.bilag_factor * 10**lab.bilag_decimals >= LARGEST:
        yield f"{where}: too large for the form with {lab.bilag_decimals} decimals"
    if lab.of in model.keys:
        prevalence = model.disease.manifestations[model.keys.index(lab.of)].prevalence
        if prevalence >= 0.5 or lab.typical == lab.limit:
            yield f"{where}: {lab.of!r} must be active in less than half, typical not the limit"


def _of_treatment(model: Model) -> Iterator[str]:
    drugs = [drug.name for drug in model.medication.glucocorticoids.drugs]
    yield from _known("medication.glucocorticoids.drugs", drugs, EQUAL_TO_5_MG)
    yield from _known(
        "medication.rescue.classes", model.medication.rescue.classes, model.medication.classes
    )
    if any(arm.death for arm in model.arms.values()) and not any(
        t.fatal for t in model.events.terms
    ):
        yield "events.terms has no fatal event, but patients die"
    codes = [lab.code for lab in model.laboratory.tests]
    for term in model.events.terms:
        if term.follows:
            where = f"events.terms, {term.term}: follows"
            yield from _known(where, [term.follows.test], codes)
    if not any(t.probability for t in model.events.terms):
        yield "events.terms has no event with a weight for all arms"


def _same(where: str, given: Collection[str], declared: Collection[str]) -> Iterator[str]:
    yield from _known(where, given, declared)
    for name in declared:
        if name not in given:
            yield f"{where}: {name!r} of the declaration is missing"


def _known(where: str, names: Collection[str], known: Collection[str]) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"{where}: {name!r} is unknown; known are {', '.join(known) or 'none'}"


_BILAG_TICKED = [item.key for item in bilag2004.ITEMS if item.type != "numeric"]
_BILAG_NUMERIC = [item.key for item in bilag2004.ITEMS if item.type == "numeric"]
