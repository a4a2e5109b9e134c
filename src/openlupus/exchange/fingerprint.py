"""Fingerprints of files and frames, for the manifest: two equal ones are the same bytes."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl


def sha256(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[Path]) -> str:
    """SHA-256 of several files as one: of the lines `<sha256>  <name>`, sorted by name.

    The same as `sha256sum NAME... | sha256sum` inside their folder.
    """
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(paths, key=lambda p: p.name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sha256_of_frame(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame: of its uncompressed Arrow file, columns in their order, in one chunk.

    The same frame gives the same fingerprint under the same version of polars.
    """
    written = io.BytesIO()
    frame.rechunk().write_ipc(written, compression="uncompressed")
    return hashlib.sha256(written.getvalue()).hexdigest()
