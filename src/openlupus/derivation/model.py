"""Analysis data: what a value means for an analysis, as ADaM frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from openlupus.errors import DerivationError

EXCLUDED_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "dataset": pl.String,
    "domain": pl.String,
    "reason": pl.String,
    "records": pl.Int64,
    "subjects": pl.Int64,
}


ARM_COLUMNS = ("ARMCD", "ARM", "ACTARMCD", "ACTARM")
"""Columns of DM that tell the arm."""


@dataclass(frozen=True)
class Arms:
    """Which arm each subject is taken to be in.

    Before the lock of the database nothing may be computed by true arm: `Arms.dummy(seed)`
    shuffles the arms among the randomised subjects, and every display says so.
    """

    dummy_seed: int | None = None
    lock: str = ""

    def __post_init__(self) -> None:
        if self.dummy_seed is None and not self.lock.strip():
            raise DerivationError(
                "unblinded arms need a statement of the lock (who locked the data, when); "
                "use Arms.dummy(seed) before the lock"
            )

    @classmethod
    def dummy(cls, seed: int) -> "Arms":
        """Arms shuffled with this seed, a whole number from 0."""
        if seed < 0:
            raise DerivationError(f"the seed of shuffled arms is a whole number from 0, not {seed}")
        return cls(dummy_seed=seed)

    @classmethod
    def unblinded(cls, lock: str) -> "Arms":
        """The arms as recorded, under the lock that this statement names."""
        return cls(lock=lock)

    @property
    def is_dummy(self) -> bool:
        """Whether the arms are shuffled."""
        return self.dummy_seed is not None

    def assign(self, dm: pl.DataFrame, randomised: pl.Series) -> pl.DataFrame:
        """DM, sorted by subject, with its arm columns as these arms have it.

        Every arm keeps its number of subjects; who was not randomised keeps what DM says.
        """
        if self.dummy_seed is None:
            return dm
        held = np.flatnonzero(randomised.to_numpy())
        order = np.arange(dm.height)
        order[held] = np.random.default_rng(self.dummy_seed).permutation(held)
        return dm.with_columns([dm[column][order] for column in ARM_COLUMNS])


@dataclass(frozen=True)
class AnalysisData:
    """ADaM frames by name, and the count of the records that were left out of them."""

    frames: Mapping[str, pl.DataFrame]
    arms: Arms
    synthetic: bool
    excluded: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EXCLUDED_SCHEMA))

    def __post_init__(self) -> None:
        adsl = self.frames.get("ADSL")
        if adsl is None or "USUBJID" not in adsl.columns:
            have = ", ".join(sorted(self.frames)) or "none"
            raise DerivationError(f"analysis data need ADSL with USUBJID; frames given: {have}")
        if adsl["USUBJID"].is_duplicated().any():
            twice = (
                adsl["USUBJID"].filter(adsl["USUBJID"].is_duplicated()).unique().sort().to_list()
            )
            raise DerivationError(
                f"ADSL has more than one row for {len(twice)} subject(s), for example {twice[0]}"
            )

    @classmethod
    def given(cls, frames: Mapping[str, pl.DataFrame], arms: Arms) -> "AnalysisData":
        """Analysis data as somebody else derived them; synthetic if their STUDYID says so.

        Raises:
            DerivationError: the arms are shuffled ones; frames that are given hold the true arms,
                in more places than could be shuffled.
        """
        if arms.is_dummy:
            raise DerivationError(
                "analysis data that are given hold the true arms, so a dry run cannot use them; "
                "derive them from records, or state the lock of the database"
            )
        says = [
            frame["STUDYID"].cast(pl.String).str.contains("SYNTHETIC", literal=True).any()
            for frame in frames.values()
            if "STUDYID" in frame.columns
        ]
        return cls(frames, arms, any(says))

    @property
    def study(self) -> str:
        """Study identifier as the data have it; that of synthetic data says so."""
        adsl = self.frames["ADSL"]
        ids = adsl["STUDYID"].drop_nulls() if "STUDYID" in adsl.columns else adsl["USUBJID"].head(0)
        return str(ids[0]) if len(ids) else ""

    def frame(self, name: str) -> pl.DataFrame:
        """The frame of that name; DerivationError names those that there are."""
        if name not in self.frames:
            raise DerivationError(
                f"there is no data set {name}; there are {', '.join(sorted(self.frames))}"
            )
        return self.frames[name]
