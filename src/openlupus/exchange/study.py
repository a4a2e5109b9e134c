"""A study from disk: its declaration and its data, by folder or by the name of a shipped study."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from openlupus.derivation import Arms
from openlupus.errors import FileFormatError, UnknownStudyError
from openlupus.exchange.fingerprint import sha256, sha256_of_frame
from openlupus.exchange.read import read_adam, read_folder
from openlupus.protocol import Protocol
from openlupus.protocol import load as load_protocol
from openlupus.records import Records, from_frames
from openlupus.records.model import to_polars

SHIPPED = Path(str(files("openlupus"))) / "studies"
TEMPLATE = "template"
DRY_RUN_SEED = 1
BESIDE = ("model.toml", "published.toml")
"""Files beside a declaration that a run may read."""
SIMULATION = "_simulation.json"
"""In a folder of simulated records: how they were made. Readers of records pass it over."""


@dataclass(frozen=True)
class Study:
    """A declared trial with its data: item-level records, or analysis data sets as given."""

    name: str
    folder: Path
    protocol: Protocol
    arms: Arms
    records: Records | None = None
    given: Mapping[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name of each file (or frame) that was read to its SHA-256."""
    simulation: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Seed and model of simulated records, as `openlupus simulate` wrote them."""


def load_study(
    study: str | Path,
    *,
    data: str | Path | Mapping[str, Any] | None = None,
    arms: Arms | None = None,
) -> Study:
    """A study: its declaration and its data.

    Args:
        study: Folder with a `study.toml`, a declaration file, or the name of a shipped study.
        data: Folder with records (or ADaM files, if the declaration says that they are given; or a
            folder of folders `adam` and `sdtm`, whose domains are read where an analysis asks), or
            frames by name (pandas, polars, pyarrow). The study's own `data` folder when absent.
        arms: True or shuffled arms. When absent, true arms if the declaration states a lock, else
            shuffled ones: nobody is unblinded by accident.

    Raises:
        UnknownStudyError: there is no such study.
        ProtocolError: the declaration is not valid; all its faults are named.
        FileFormatError, RecordsError: the data cannot be read; all faults are named.
    """
    path = find(study)
    protocol = load_protocol(path)
    declaration = path / "study.toml" if path.is_dir() else path
    folder = declaration.parent
    lock = protocol.study.lock
    arms = arms or (Arms.unblinded(lock) if lock else Arms.dummy(DRY_RUN_SEED))
    inputs = {declaration.name: sha256(declaration)}
    inputs |= {name: sha256(folder / name) for name in BESIDE if (folder / name).is_file()}
    records, given = None, dict[str, pl.DataFrame]()
    frames = data if isinstance(data, Mapping) else None
    source = folder / "data" if data is None or isinstance(data, Mapping) else Path(data)
    if frames is None and data is None and not _has_files(source):
        raise FileFormatError(
            f"the declaration {declaration} is valid, but there are no data: {source} is empty or "
            "not there; put the files into it, or give their folder with --data"
        )
    if protocol.data.adam == "given":
        if frames is None:
            given, read = _given(source, protocol)
            inputs |= {p.relative_to(source).as_posix(): sha256(p) for p in read}
        else:
            given = {name.upper(): to_polars(frame).collect() for name, frame in frames.items()}
    else:
        records = from_frames(frames) if frames is not None else read_folder(source)
        inputs |= {origin.path: origin.sha256 for origin in records.origin.values()}
    if frames is not None:
        held = given if records is None else {k: v.collect() for k, v in records.domains.items()}
        inputs |= {f"frame {name}": sha256_of_frame(frame) for name, frame in held.items()}
    simulation = {} if frames is not None else _simulation(source)
    return Study(folder.name, folder, protocol, arms, records, given, inputs, simulation)


def declared_study(study: str | Path) -> Study:
    """A study as declared, without any data; its arms are those of invented patients.

    Raises:
        UnknownStudyError: there is no such study.
        ProtocolError: the declaration is not valid; all its faults are named.
    """
    path = find(study)
    folder = path if path.is_dir() else path.parent
    arms = Arms.unblinded("synthetic patients")
    return Study(folder.name, folder, load_protocol(path), arms, None, {}, {})


def _given(source: Path, protocol: Protocol) -> tuple[dict[str, pl.DataFrame], list[Path]]:
    """The data sets of a folder and its files; or of its folder `adam`, and those domains of its
    folder `sdtm` that an analysis reads and `adam` does not have."""
    adam, sdtm = source / "adam", source / "sdtm"
    if not adam.is_dir():
        return read_adam(source), [p for p in sorted(source.iterdir()) if p.is_file()]
    given = read_adam(adam)
    read = [p for p in sorted(adam.iterdir()) if p.is_file()]
    asked = {analysis.dataset for analysis in protocol.analyses.values()} - given.keys()
    if asked and sdtm.is_dir():
        records = read_folder(sdtm)
        there = sorted(asked & records.domains.keys())
        given |= {name: records.domains[name].collect() for name in there}
        files = {o.path for o in records.origin.values() if o.domain in there}
        read += sorted(p for p in sdtm.iterdir() if p.name in files)
    return given, read


def _simulation(source: Path) -> dict[str, Any]:
    told = source / SIMULATION
    return json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def find(study: str | Path) -> Path:
    """The folder or file of a study, or the folder of the shipped study of that name."""
    if Path(study).exists():
        return Path(study)
    if str(study) in shipped():
        return SHIPPED / str(study)
    raise UnknownStudyError(
        f"there is no study {study}: neither a folder with a study.toml nor a shipped study "
        f"({', '.join(shipped())}); make one with `openlupus new DIR`"
    )


def shipped() -> list[str]:
    """Names of the studies that come with the package."""
    names = (path.parent.name for path in SHIPPED.glob("*/study.toml"))
    return sorted(name for name in names if name != TEMPLATE)


def demo_study() -> str:
    """Name of the shipped study that the demonstration reports on."""
    return (SHIPPED / "demo").read_text(encoding="utf-8").strip()


def published_cells(study: Study) -> dict[str, dict[tuple[str, str], str]]:
    """Cells of the study's printed tables: name of the table, then (row, column), to text.

    Raises:
        FileFormatError: the study has no `published.toml`, or it is not valid TOML.
    """
    path = study.folder / "published.toml"
    if not path.is_file():
        raise FileFormatError(f"{path} does not exist; it holds the printed cells to lay beside")
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from None
    tables: dict[str, dict[str, dict[str, str]]] = declared.get("cells", {})
    return {
        table: {
            (row, column): text for row, texts in rows.items() for column, text in texts.items()
        }
        for table, rows in tables.items()
    }
