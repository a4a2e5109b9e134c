"""Small domains in memory, and their rows as a folder would give them back."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from openlupus.exchange import write_folder


@pytest.fixture
def domains() -> dict[str, pl.DataFrame]:
    subjects = {"STUDYID": ["X"] * 3, "USUBJID": ["X-1", "X-2", "X-3"]}
    return {
        "DM": pl.DataFrame(
            subjects
            | {
                "SITEID": ["007", "010", "7"],
                "AGE": [40.0, None, 31.5],
                "SEX": ["F", "M", None],
                "ARMCD": ["A", "B", None],
                "BRTHDTC": ["1980", "1979-02", "1988-12-31"],
            }
        ),
        "AE": pl.DataFrame(
            subjects
            | {
                "AESEQ": [1.0, 1.0, 1.0],
                "AETERM": ['rash, "mild"', "Fièvre", "pain\nin joint"],
                "AESEV": [None, "MILD", "SEVERE"],
            }
        ),
    }


@pytest.fixture
def folder(tmp_path: Path, domains: dict[str, pl.DataFrame]) -> Callable[[str], Path]:
    """A folder with the domains in a format."""

    def make(suffix: str) -> Path:
        write_folder(domains, tmp_path / suffix, format=suffix)  # type: ignore[arg-type]
        return tmp_path / suffix

    return make
