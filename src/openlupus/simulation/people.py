"""Who is screened, where and when, and why some of them fail."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from openlupus.instruments.arrays import Bools, Floats, Ints
from openlupus.protocol import Protocol
from openlupus.simulation.model import Model
from openlupus.simulation.streams import Streams

Dates = NDArray[np.datetime64]
Texts = NDArray[np.str_]
NONE = -1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the trial that is simulated by itself.

    `first` is the number of its first screened subject, counted from 0.
    """

    index: int
    first: int
    screened: int
    randomised: int


@dataclass(frozen=True, slots=True)
class People:
    """Screened patients, shape (n,) each; `failure` is the criterion that they failed, or NONE."""

    number: Ints
    failure: Ints
    consent: Dates
    site: Ints
    region: Texts
    country: Texts
    age: Floats
    birth: Dates
    female: Bools
    race: Texts
    hispanic: Bools
    diagnosis: Dates

    @property
    def randomised(self) -> Bools:
        """Who passed screening, and so was randomised."""
        return self.failure == NONE

    def __len__(self) -> int:
        return len(self.number)


def chunks(model: Model, patients: int, first: int = 0) -> tuple[Chunk, ...]:
    """The chunks of a trial of so many randomised patients.

    How many are screened for a number of randomised patients follows the model's ratio.
    """
    size, ratio = model.recruitment.chunk, model.recruitment
    starts = range(0, patients, size)
    randomised = [min(size, patients - start) for start in starts]
    screened = [round(n * ratio.screened / ratio.randomised) for n in randomised]
    firsts = accumulate(screened[:-1], initial=first)
    return tuple(
        Chunk(i, f, s, r)
        for i, (f, s, r) in enumerate(zip(firsts, screened, randomised, strict=False))
    )


def recruit(protocol: Protocol, model: Model, chunk: Chunk, streams: Streams) -> People:
    """The patients who are screened, in order of consent."""
    rng, n = streams.rng("people"), chunk.screened
    site, region, country = _sites(protocol, model, n, rng)
    recruitment, people = model.recruitment, model.people
    consent = np.sort(_between(recruitment.first_consent, recruitment.last_consent, n, rng))
    age = _truncated(people.age_mean, people.age_sd, people.age_range, rng, n)
    quantiles = np.array(people.disease_years, np.float64)
    years = np.exp(np.interp(rng.random(n), quantiles[:, 0], np.log(quantiles[:, 1])))
    years = np.minimum(years, np.maximum(age - people.youngest, quantiles[0, 1]))
    race, hispanic = _origin(model, region, rng)
    return People(
        number=chunk.first + np.arange(n),
        failure=_failures(model, chunk, rng),
        consent=consent,
        site=site,
        region=region,
        country=country,
        age=np.floor(age),
        birth=consent - np.ceil(age * 365.25).astype("timedelta64[D]"),
        female=rng.random(n) < people.female,
        race=race,
        hispanic=hispanic,
        diagnosis=consent - np.ceil(years * 365.25).astype("timedelta64[D]"),
    )


def draw(shares: Floats | list[float], n: int, rng: np.random.Generator) -> Ints:
    """Positions drawn in proportion to shares, shape (n,)."""
    weight = np.cumsum(np.asarray(shares, np.float64))
    return np.searchsorted(weight / weight[-1], rng.random(n), side="right").astype(np.int64)


def _failures(model: Model, chunk: Chunk, rng: np.random.Generator) -> Ints:
    failure = np.full(chunk.screened, NONE)
    failing = rng.permutation(chunk.screened)[chunk.randomised :]
    failure[failing] = draw([f.share for f in model.screening.failures], len(failing), rng)
    return failure


def _sites(
    protocol: Protocol, model: Model, n: int, rng: np.random.Generator
) -> tuple[Ints, Texts, Texts]:
    """Site number from 1, region and country; a site has one country, whatever the chunk."""
    places = [
        (region, country, part.share * weight / sum(part.countries.values()))
        for region, part in model.regions.items()
        for country, weight in part.countries.items()
    ]
    upper: Floats = np.cumsum(np.array([share for _, _, share in places], np.float64))
    sites = protocol.study.sites or len(places)
    middle: Floats = (np.arange(sites) + 0.5) / sites * upper[-1]
    place = np.searchsorted(upper, middle, side="right")
    region = np.array([region for region, _, _ in places])
    country = np.array([country for _, country, _ in places])
    site = rng.integers(0, sites, n)
    return site + 1, region[place[site]], country[place[site]]


def _origin(model: Model, region: Texts, rng: np.random.Generator) -> tuple[Texts, Bools]:
    race = np.empty(len(region), dtype=object)
    hispanic = np.zeros(len(region), np.bool_)
    for name, part in model.regions.items():
        here = np.flatnonzero(region == name)
        drawn = draw(list(part.race.values()), len(here), rng)
        race[here] = np.array(list(part.race), dtype=object)[drawn]
        hispanic[here] = rng.random(len(here)) < part.hispanic
    return race.astype(np.str_), hispanic


def _between(first: object, last: object, n: int, rng: np.random.Generator) -> Dates:
    start, end = np.datetime64(str(first)), np.datetime64(str(last))
    return start + rng.integers(0, (end - start).astype(int) + 1, n).astype("timedelta64[D]")


def _truncated(
    mean: float, sd: float, limits: tuple[float, float], rng: np.random.Generator, n: int
) -> Floats:
    """Normal values within limits, shape (n,)."""
    low, high = ndtr((np.asarray(limits) - mean) / sd)
    return mean + sd * ndtri(rng.uniform(low, high, n))
