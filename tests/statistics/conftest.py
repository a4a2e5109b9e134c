"""Golden records: where their helpers are, and the summary of what was compared."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The folder is no package: it would hide the standard library's `statistics`.
sys.path.append(str(Path(__file__).parent))

# A deadline would measure how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Per method: records compared and the worst difference."""
    worst: dict[str, tuple[int, float, str]] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        found = dict(getattr(report, "user_properties", ()))
        if "golden_method" not in found:
            continue
        count, difference, name = worst.get(found["golden_method"], (0, 0.0, ""))
        if found["golden_difference"] >= difference:
            difference, name = found["golden_difference"], found["golden_id"]
        worst[found["golden_method"]] = (count + 1, difference, name)
    if not worst:
        return
    terminalreporter.section("golden records: records, worst relative difference, where")
    for method, (count, difference, name) in sorted(worst.items()):
        terminalreporter.line(f"{count:5d}  {difference:7.1e}  {method}  ({name})")
