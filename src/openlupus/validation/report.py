"""The validation report: what is installed, whether it runs, and whether its numbers are right."""

import hashlib
import platform
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib import metadata
from pathlib import Path

from openlupus.errors import OpenLupusError, OutputExistsError
from openlupus.validation.adapters import ADAPTERS
from openlupus.validation.golden import (
    Adapter,
    Record,
    fitting,
    printed_decimals,
    read_records,
    worst_difference,
)
from openlupus.validation.known import CASES, KnownCase

_LIBRARIES = ("numpy", "scipy", "polars", "pandas", "pyarrow", "matplotlib")


@dataclass(frozen=True, slots=True)
class MethodOutcome:
    """The records of one method: how many, how far off at worst, and what did not hold.

    Attributes:
        family: Folder of the records.
        method: As the records name it.
        software: Name and version of what made the reference numbers.
        records: Compared, those that failed among them.
        worst: Largest difference relative to the number (or to 0.001, where that is larger).
        worst_record: Where it is.
        tolerance: The relative tolerance, or why it is another one.
        failures: One sentence a record that was not met.
    """

    family: str
    method: str
    software: str
    records: int
    worst: float
    worst_record: str
    tolerance: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found on this machine.

    Attributes:
        installation: Name and value: versions, platform, hash of the installed package.
        cases: The known cases that come with the package.
        methods: Outcome of each method of the reference folder; empty without one.
        unknown: Methods of the folder without an adapter here, and how many records each has.
    """

    installation: tuple[tuple[str, str], ...]
    cases: tuple[KnownCase, ...]
    methods: tuple[MethodOutcome, ...]
    unknown: tuple[tuple[str, int], ...]

    @property
    def holds(self) -> bool:
        """Whether every case and every compared record is met."""
        return all(case.holds() for case in self.cases) and not any(
            each.failures for each in self.methods
        )


def validate(
    reference: Path | None = None, *, adapters: Sequence[Adapter] = ADAPTERS
) -> Validation:
    """Compute the known cases, and the records of a folder of reference statistics.

    Args:
        reference: Folder with `*/*.json` of records and their inputs (or its parent, where the
            folder is called `stats`); None compares the shipped cases alone.
        adapters: Who computes which record.

    Raises:
        ValidationError: the folder holds files that are no records.
    """
    methods: dict[tuple[str, str, str], list[tuple[Record, Adapter]]] = {}
    unknown: dict[str, int] = {}
    if reference is not None:
        folder = reference / "stats" if (reference / "stats").is_dir() else reference
        for record in read_records(folder.resolve()):
            if len(found := fitting(record, adapters)) == 1:
                methods.setdefault(_kind(record), []).append((record, found[0]))
            else:
                name = f"{record.method} [{record.software.get('name', 'unknown')}]"
                unknown[name] = unknown.get(name, 0) + 1
    outcomes = tuple(_outcome(*kind, pairs) for kind, pairs in sorted(methods.items()))
    return Validation(_installation(), CASES, outcomes, tuple(sorted(unknown.items())))


def write_report(validation: Validation, out: Path, *, on: date, force: bool = False) -> None:
    """Write the report as one HTML file that needs no other.

    Raises:
        OutputExistsError: the file is there and `force` is not given.
    """
    if out.exists() and not force:
        raise OutputExistsError(f"{out} is there already; nothing was written")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_html(validation, on), encoding="utf-8")


def _kind(record: Record) -> tuple[str, str, str]:
    """Folder, method and software of a record, as a reader wants them together."""
    software = " ".join(str(record.software.get(part, "")) for part in ("name", "version"))
    return record.file.partition("/")[0], record.method, software.strip() or "unknown"


def _outcome(
    family: str, method: str, software: str, pairs: Sequence[tuple[Record, Adapter]]
) -> MethodOutcome:
    worst, where, failures = 0.0, "", list[str]()
    for record, adapter in pairs:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                difference = worst_difference(record, adapter, adapter.compute(record))
        except OpenLupusError as error:
            failures.append(str(error))
            continue
        except Exception as error:  # a crash is a finding about this installation, not its end
            failures.append(f"{record.id}: {error!r}")
            continue
        if difference >= worst:
            worst, where = difference, record.id
    return MethodOutcome(
        family, method, software, len(pairs), worst, where, _tolerance(*pairs[0]), tuple(failures)
    )


def _tolerance(record: Record, adapter: Adapter) -> str:
    if adapter.why:
        return adapter.why
    if printed_decimals(record, 0.0) is not None:
        return "half of the last digit printed"
    return f"{adapter.relative:.0e}"


def _installation() -> tuple[tuple[str, str], ...]:
    rows = [
        ("openlupus", metadata.version("openlupus")),
        ("Python", sys.version.replace("\n", " ")),
        ("platform", platform.platform()),
        ("processor", platform.machine()),
    ]
    for name in _LIBRARIES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    root = Path(__file__).parent.parent
    files = sorted(path for path in root.rglob("*.py"))
    whole = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + content)
    rows.append((f"SHA-256 of the {len(files)} installed source files", whole.hexdigest()))
    return tuple(rows)


def _html(validation: Validation, on: date) -> str:
    verdict = "holds" if validation.holds else "DOES NOT HOLD"
    total = sum(each.records for each in validation.methods)
    failed = sum(len(each.failures) for each in validation.methods)
    failures = [text for each in validation.methods for text in each.failures]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>Validation report</title><style>{_STYLE}</style></head><body>",
        "<h1>Validation report</h1>",
        f"<p>{on.isoformat()} - the installation <b>{verdict}</b>.</p>",
        "<h2>1. Installation</h2>",
        _table(("what", "value"), validation.installation),
        "<h2>2. Operation: known cases</h2>",
        _table(("case", "source", "printed", "here", "verdict"), _case_rows(validation.cases)),
        "<h2>3. Performance: reference records</h2>",
        f"<p>{total} records compared, {failed} not met. {_MEASURE}</p>",
        *(_family(name, own) for name, own in _families(validation).items()),
        *([] if validation.methods else ["<p>No reference folder was given.</p>"]),
        *(f"<p class='bad'>{escape(text)}</p>" for text in failures),
    ]
    if validation.unknown:
        rows = [(name, str(count)) for name, count in validation.unknown]
        parts += ["<h3>Records that were not compared</h3>", _table(("method", "records"), rows)]
    parts += [
        "<h2>4. Signatures</h2>",
        _table(
            ("role", "name", "date", "signature"), [("performed", *_LINE), ("reviewed", *_LINE)]
        ),
    ]
    return "\n".join([*parts, "</body></html>\n"])


def _families(validation: Validation) -> dict[str, list[MethodOutcome]]:
    found: dict[str, list[MethodOutcome]] = {}
    for each in validation.methods:
        found.setdefault(each.family, []).append(each)
    return found


def _family(name: str, methods: Sequence[MethodOutcome]) -> str:
    records = sum(each.records for each in methods)
    failed = sum(len(each.failures) for each in methods)
    verdict = f"{failed} NOT MET" if failed else "all met"
    rows = [
        (each.method, each.software, str(each.records), str(len(each.failures)),
         f"{each.worst:.1e}", each.worst_record, each.tolerance)
        for each in methods
    ]  # fmt: skip
    head = ("method", "reference", "records", "not met", "largest difference", "where", "tolerance")
    return f"<h3>{escape(name)}: {records} records, {verdict}</h3>\n{_table(head, rows)}"


def _case_rows(cases: Sequence[KnownCase]) -> list[tuple[str, ...]]:
    def numbers(values: tuple[float, ...]) -> str:
        return ", ".join(f"{each:.6g}" for each in values)

    return [
        (case.name, case.source, numbers(case.expected), numbers(case.got()),
         "holds" if case.holds() else "DOES NOT HOLD")
        for case in cases
    ]  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "\n".join(["<table>", line(head, "th"), *(line(row, "td") for row in rows), "</table>"])


_LINE = ("\u00a0" * 30,) * 3
_MEASURE = "The difference is relative to the number, or to 0.001 where that is larger."
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:95em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.25em .75em;"
    "text-align:left;vertical-align:top}td{overflow-wrap:break-word}th{white-space:nowrap}"
    ".bad{color:#a00}@media print{body{font-size:10px;max-width:none}h3,tr{break-inside:avoid}}"
)
