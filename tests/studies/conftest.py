"""The summary of the printed tables that were compared."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Per table: cells compared, cells equal, and each difference."""
    lines: list[str] = []
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        found = dict(getattr(report, "user_properties", ()))
        if "cdisc_table" in found:
            lines.append(
                f"{found['cdisc_table']}: {found['cdisc_compared']} cells compared,"
                f" {found['cdisc_equal']} equal"
                + (f", {ties} exact ties" if (ties := found.get("cdisc_ties")) else "")
            )
            lines += [f"  {difference}" for difference in found["cdisc_differences"]]
    if lines:
        terminalreporter.section("printed tables of the CDISC pilot")
        for line in lines:
            terminalreporter.line(line)
