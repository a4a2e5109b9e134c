"""The guide names every rule, with its severity and sentence."""

import re
from pathlib import Path

from openlupus.records import RULES
from openlupus.records.check import FILE_REMARK

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "records.md"


def test_table_of_rules_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert rows[:-1] == [(rule.name, rule.severity, rule.sentence) for rule in RULES]
    assert rows[-1][0] == FILE_REMARK
