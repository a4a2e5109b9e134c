"""Random numbers that belong to a chunk of patients and to a subject, and to nothing else."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """Independent generators of one chunk, one for each name.

    A draw more in one place changes nothing elsewhere, and neither does the number of workers.
    """

    seed: int
    chunk: int

    def rng(self, name: str) -> np.random.Generator:
        """A fresh generator; the same name gives the same numbers again."""
        key = (self.chunk, crc32(name.encode()))
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
