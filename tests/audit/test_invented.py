"""An invented paper of another shape: true tables pass, and each planted fault is found."""

from functools import partial
from pathlib import Path

import pytest

from audit.invented import ANY, FLU, RASH, Limits, Paper, paper, patients
from openlupus.audit import Audit, audit
from openlupus.exchange.published import read_published
from openlupus.statistics.risk_difference import (
    common_risk_difference,
    miettinen_nurminen,
    newcombe,
)

SEED = 4


def audited(printed: Paper, folder: Path) -> Audit:
    file = folder / "published.toml"
    file.write_text(printed.text(), encoding="utf-8")
    return audit(read_published(file))


@pytest.mark.parametrize("seed", range(6))
def test_tables_made_from_patients_pass(seed: int, tmp_path: Path):
    found = audited(paper(patients(seed)), tmp_path)
    assert found.faults == ()
    assert found.rule[1] == found.rule[2]
    (methods,) = [f for f in found.findings if f.check == "interval method"]
    assert "Newcombe" in methods.recomputed


@pytest.mark.parametrize(("limits", "named"), [
    (miettinen_nurminen, "Miettinen-Nurminen"),
    (partial(common_risk_difference, variance="sato"), "Sato"),
    (lambda x, n: newcombe(x.sum(axis=1), n.sum(axis=1)), "Newcombe"),
])  # fmt: skip
def test_limits_by_other_methods_pass_and_are_named(limits: Limits, named: str, tmp_path: Path):
    found = audited(paper(patients(1, n=(140, 139)), limits=limits), tmp_path)
    assert found.faults == ()
    (method,) = [f for f in found.findings if f.check == "interval method"]
    assert named in method.recomputed


@pytest.mark.parametrize("n", [(31, 30), (150, 60)])
def test_other_sizes_pass(n: tuple[int, int], tmp_path: Path):
    assert audited(paper(patients(11, n=n)), tmp_path).faults == ()


def other(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def shifted(text: str, by: int) -> str:
    """A cell with a count that is off."""
    count, rest = text.split(" ", 1)
    return f"{int(count) + by} {rest}"


def percent(text: str, by: int) -> str:
    """A cell with a percentage that is off."""
    count, rest = text.split(" ", 1)
    return f"{count} ({int(rest.strip('()')) + by})"


PLANTED = {
    "a percentage": ("baseline", "Female sex", "active", lambda t: percent(t, 2), "percentage"),
    "a percentage of responders": (
        "efficacy", "BICLA response", "control", lambda t: percent(t, -2), "percentage"),
    "a total": ("baseline", "Female sex", "total", lambda t: shifted(t, 3), "total"),
    "a partition": ("baseline", "Race|Black", "active", lambda t: shifted(t, 2), "partition"),
    "a total's mean": ("baseline", "Age — yr", "total", lambda t: "71.9±" + t.split("±")[1],
                       "pooled mean"),
    "a total's SD": ("baseline", "Age — yr", "total", lambda t: t.split("±")[0] + "±29.1",
                     "pooled SD"),
    "a mean of whole numbers": ("baseline", "SLEDAI-2K score", "control",
                                lambda t: "9.33±" + t.split("±")[1], "GRIM"),
    "an SD that the scale forbids": ("baseline", "SLEDAI-2K score", "active",
                                     lambda t: t.split("±")[0] + "±99.00", "scale"),
    "a median out of its range": ("baseline", "Median time since diagnosis (range) — yr", "active",
                                  lambda t: "99.0 " + t.split(" ", 1)[1], "range"),
    "a range of the total": ("baseline", "Median time since diagnosis (range) — yr", "total",
                             lambda t: t.split("–")[0] + "–88.8)", "range"),
    "a difference": ("efficacy", "BICLA response", "active_difference",
                     lambda t: "88.8 (60.1 to 95.0)", "interval"),
    "limits": ("efficacy", "BICLA response", "active_difference",
               lambda t: t.split("(")[0] + f"({float(t.split('(')[1].split(' ')[0]) - 25:.1f} to "
               + t.split("to ")[1], "interval"),
    "a P value": ("efficacy", "BICLA response", "active_p", lambda t: "<0.000001", "P value"),
    "limits of means": ("efficacy", "Change in FACIT-Fatigue", "active_difference",
                        lambda t: "3.1 (2.0 to 6.4)", "symmetry"),
    "a difference of means": ("efficacy", "Change in FACIT-Fatigue", "active",
                              lambda t: "9.9±1.1", "difference"),
    "more of a kind than of all": ("safety", RASH, "active", lambda t: "90 (94)", "relation"),
    "completers": ("text", "Completed", "active", lambda t: str(int(t) - 4), "relation"),
    "a number of the text": ("text", "Rash", "total", lambda t: str(int(t) + 1), "relation"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_in_its_row(name: str, tmp_path: Path):
    table, row, column, change, check = PLANTED[name]
    printed = paper(patients(SEED))
    cells = printed.cells[table][row]
    cells[column] = change(cells[column])
    found = audited(printed, tmp_path)
    assert check in {f.check for f in found.faults}
    heading = row.rpartition("|")[0]
    # What hangs together with the planted number may be named instead of it.
    related = {row, heading, "", RASH, ANY, FLU, "Rash", "Completed", "Discontinued"}
    assert {f.row for f in found.faults} <= related | {"n"}


@pytest.mark.parametrize(("called", "spread", "verdict"), [
    ("SD", ("1.1", "1.3"), "inconsistent"), ("SE", ("1.1", "1.3"), "ok"),
    ("SE", ("10.8", "8.9"), "inconsistent"), ("SD", ("10.8", "8.9"), "ok"),
])  # fmt: skip
def test_standard_errors_and_deviations_are_told_apart(called, spread, verdict, tmp_path: Path):
    printed = paper(patients(SEED))
    printed.facts["efficacy", "Change in FACIT-Fatigue"] = f'plus_minus = "{called}"'
    cells = printed.cells["efficacy"]["Change in FACIT-Fatigue"]
    cells |= {"active": f"5.2±{spread[0]}", "control": f"2.1±{spread[1]}"}
    found = audited(printed, tmp_path)
    verdicts = {f.verdict for f in found.findings if f.check == "standard error or deviation"}
    assert verdicts == {verdict}


def test_a_pooled_interval_is_symmetric(tmp_path: Path):
    printed = paper(patients(SEED))
    printed.cells["text"]["BICLA, imputed"] = {"active_difference": "17.5 (1.1 to 28.9)"}
    assert audited(printed, tmp_path).faults == ()
    printed.facts["text", "BICLA, imputed"] = "pooled = true"
    (fault,) = audited(printed, tmp_path).faults
    assert (fault.check, fault.row) == ("symmetry", "BICLA, imputed")


@pytest.mark.parametrize(("family", "printed", "verdict", "remark"), [
    ("", 80, "ok", False), ("", 60, "inconsistent", True),
])  # fmt: skip
def test_power(family: str, printed: int, verdict: str, remark: bool, tmp_path: Path):
    of = paper(patients(SEED))
    of.power = of.power.replace("power = 80", f"power = {printed}") + family
    (finding,) = [f for f in audited(of, tmp_path).findings if f.check == "power"]
    assert (finding.verdict, finding.remark) == (verdict, remark)


def test_a_paper_that_contradicts_itself_everywhere(tmp_path: Path):
    printed = paper(patients(SEED))
    for table, row, column, change, _ in PLANTED.values():
        cells = printed.cells[table][row]
        cells[column] = change(cells[column])
    found = audited(printed, tmp_path)
    faulty = {(f.table, f.row) for f in found.faults}
    assert {
        (t, r) for t, r, *_ in PLANTED.values() if (t, r) != ("baseline", "Race|Black")
    } <= faulty
    assert ("baseline", "Race") in faulty


def test_the_same_file_gives_the_same_findings(tmp_path: Path):
    printed = paper(patients(SEED))
    assert audited(printed, tmp_path).findings == audited(printed, tmp_path).findings
