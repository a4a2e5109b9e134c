"""Sheets of the classification criteria."""

from openlupus.instruments import acr1997, eular_acr2019, slicc2012
from openlupus.scoring.form import Options, Scores, verdict
from openlupus.scoring.sheet import Sheet


def acr(sheet: Sheet, _: Options) -> Scores:
    got = acr1997.classify(sheet.items(acr1997.KEYS))
    return {"criteria": got.count, "met": verdict(got.met)}


def slicc(sheet: Sheet, _: Options) -> Scores:
    got = slicc2012.classify(sheet.items(slicc2012.KEYS))
    return {
        "clinical": got.clinical,
        "immunological": got.immunological,
        "met": verdict(got.met),
    }


def eular(sheet: Sheet, _: Options) -> Scores:
    got = eular_acr2019.classify(sheet.items(eular_acr2019.KEYS))
    domains = {d: got.by_domain[:, i] for i, d in enumerate(eular_acr2019.DOMAINS)}
    return {"points": got.points, **domains, "met": verdict(got.met)}
