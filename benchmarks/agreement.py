"""How far every method is from the reference records: writes docs/methods/agreement.md.

`python -m benchmarks.agreement`, with the reference folder in OPENLUPUS_REFERENCE. No figure of the
page is typed.
"""

import os
from itertools import groupby
from pathlib import Path

from openlupus.validation.report import MethodOutcome, Validation, validate

PAGE = Path(__file__).resolve().parent.parent / "docs" / "methods" / "agreement.md"
HEAD = """# Agreement with R and SAS

Written by `python -m benchmarks.agreement`, which computes every reference record and compares it
(`openlupus validate --reference DIR` does the same on your machine). The difference is relative to
the number, or to 0.001 where that is larger. The tolerance is what a record may differ by, or the
reason why it is not 1e-8. Reasons for differing, method by method: the method's own page.

"""


def page(validation: Validation) -> str:
    """The page, a table a family of records."""
    total = sum(each.records for each in validation.methods)
    failed = sum(len(each.failures) for each in validation.methods)
    parts = [HEAD, f"{total} records, {failed} not met.\n"]
    for family, methods in groupby(validation.methods, key=lambda each: each.family):
        parts += [f"\n## {family}\n", _table(list(methods))]
    return "\n".join(parts)


def _table(methods: list[MethodOutcome]) -> str:
    head = ("method", "reference", "records", "largest difference", "tolerance")
    rows = [
        (each.method, each.software, str(each.records), f"{each.worst:.0e}", each.tolerance)
        for each in methods
    ]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    folder = Path(os.environ.get("OPENLUPUS_REFERENCE", "../shared/reference"))
    PAGE.write_text(page(validate(folder)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
