"""Slips in a print that a twin would be made from: told when it is read, or by the audit."""

from pathlib import Path

import pytest

from openlupus.audit import audit
from openlupus.errors import FileFormatError, PublishedError
from openlupus.exchange.published import read_published

PRINT = Path(__file__).parent / "examples" / "bicla2" / "published.toml"


def with_slips(folder: Path, *slips: tuple[str, str]) -> Path:
    text = PRINT.read_text(encoding="utf-8")
    for printed, slip in slips:
        assert text.count(printed) == 1
        text = text.replace(printed, slip)
    file = folder / "published.toml"
    file.write_text(text, encoding="utf-8")
    return file


def line_of(printed: str) -> int:
    lines = PRINT.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if printed in line)


def test_slips_of_every_part_are_named_at_once_with_their_lines(tmp_path: Path):
    slips = {
        "strata = 2": ("strata = 0", "0 strata"),
        "54 (93.1)": ("54 (931)", "931%"),
        "24/58 (41.4)": ("70/58 (41.4)", "70 of 58 patients"),
        "0.007": ("7", "'7' is no P value"),
        "[tables.safety]": ("[tables.safty]", "did you mean 'safety'?"),
    }
    file = with_slips(tmp_path, *((printed, slip) for printed, (slip, _) in slips.items()))
    with pytest.raises(PublishedError) as caught:
        read_published(file)
    said = str(caught.value).splitlines()[1:]
    assert len(said) == len(caught.value.faults) == len(slips)
    for printed, (_, words) in slips.items():
        assert any(f"line {line_of(printed)}, " in line and words in line for line in said), words


def test_a_row_that_stands_twice_is_refused_with_its_line(tmp_path: Path):
    row = '"SLEDAI-2K score" ='
    file = with_slips(tmp_path, (row, '"Age — yr" ='))
    with pytest.raises(FileFormatError, match=f"at line {line_of(row)}"):
        read_published(file)


def test_cells_that_can_be_read_and_cannot_be_are_all_found_by_the_audit(tmp_path: Path):
    file = with_slips(
        tmp_path,
        ('examplimab = "4.3 (1–14)"', 'examplimab = "4.3 (14–1)"'),
        ("15.8 (-1.1 to 32.7)", "15.8 (32.7 to -1.1)"),
        ("39.1±11.1", "49.1±11.1"),
    )
    found = audit(read_published(file), seed=1)
    wrong = {(f.row.partition(" ")[0], f.check) for f in found.findings if f.verdict != "ok"}
    assert {("Median", "range"), ("BICLA", "limits"), ("Age", "pooled mean")} <= wrong
    assert {row for row, _ in wrong} == {"Median", "BICLA", "Age"}
