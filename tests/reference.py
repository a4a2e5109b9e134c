"""Where the reference folder is: facts, vectors and golden numbers that tests are run against."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def reference_folder() -> Path | None:
    """The folder named by OPENLUPUS_REFERENCE, else `../shared/reference`; None when absent."""
    folder = Path(os.environ.get("OPENLUPUS_REFERENCE", ROOT.parent / "shared" / "reference"))
    return folder if folder.is_dir() else None


def need_reference() -> Path:
    """The reference folder; skips the test where it is absent, and fails in CI instead."""
    folder = reference_folder()
    if folder is None:
        why = "the reference folder is absent; set OPENLUPUS_REFERENCE to run this test"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return folder
