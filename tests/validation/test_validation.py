"""The report holds on a right installation, and says so where a number is not met."""

import dataclasses
import json
from datetime import date

import pytest

from openlupus.errors import OutputExistsError, ValidationError
from openlupus.validation.golden import Adapter, Record, read_records, worst_difference
from openlupus.validation.known import CASES
from openlupus.validation.report import validate, write_report


@pytest.mark.independent
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_known_case(case):
    assert case.got() == pytest.approx(case.expected, abs=case.tolerance)


def a_folder(tmp_path, upper=0.0, method="exact conditional rate ratio"):
    record = {
        "id": "one", "method": method, "input": "inline",
        "options": {"x1": 11, "t1": 800, "x0": 23, "t0": 3000},
        "software": {"name": "R"},
        "results": {"rate_ratio": 11 / 800 / (23 / 3000), "upper": 3.8298200668166245 + upper},
    }  # fmt: skip
    (tmp_path / "stats" / "exact").mkdir(parents=True)
    path = tmp_path / "stats" / "exact" / "rates.json"
    path.write_text(json.dumps({"records": [record]}), encoding="utf-8")
    return tmp_path


def test_records_that_are_met_hold(tmp_path):
    got = validate(a_folder(tmp_path))
    assert got.holds
    assert [(each.records, each.failures) for each in got.methods] == [(1, ())]
    assert got.methods[0].worst < 1e-12


def test_a_number_that_is_not_met_is_in_the_report(tmp_path):
    got = validate(a_folder(tmp_path, upper=0.001))
    assert not got.holds
    out = tmp_path / "report.html"
    write_report(got, out, on=date(2024, 5, 1))
    text = out.read_text(encoding="utf-8")
    assert "DOES NOT HOLD" in text
    assert "one: upper is" in text
    assert "2024-05-01" in text
    with pytest.raises(OutputExistsError):
        write_report(got, out, on=date(2024, 5, 1))


def test_the_report_names_family_reference_tolerance_and_who_signs(tmp_path):
    got = validate(a_folder(tmp_path))
    (method,) = got.methods
    assert (method.family, method.software, method.tolerance) == ("exact", "R", "1e-08")
    out = tmp_path / "report.html"
    write_report(got, out, on=date(2024, 5, 1))
    text = out.read_text(encoding="utf-8")
    for words in ("<h3>exact: 1 records, all met</h3>", "Signatures", "reviewed", "SHA-256"):
        assert words in text


def test_a_printed_number_is_met_to_half_of_its_last_digit(tmp_path):
    method = "limits, printed to 3 decimals"
    record = Record("one", method, "inline", {}, {"x": 1.235}, {}, "a/b.json", tmp_path)
    adapter = Adapter("limits*", lambda record: {})
    assert worst_difference(record, adapter, {"x": 1.2354}) == pytest.approx(0.0004 / 1.235)
    with pytest.raises(ValidationError, match=r"x is 1\.2356, expected 1\.235"):
        worst_difference(record, adapter, {"x": 1.2356})


def test_a_method_that_nobody_knows_is_listed_and_not_compared(tmp_path):
    got = validate(a_folder(tmp_path, method="a method of <tomorrow>"))
    assert got.unknown == (("a method of <tomorrow> [R]", 1),)
    out = tmp_path / "report.html"
    write_report(got, out, on=date(2024, 5, 1))
    assert "a method of &lt;tomorrow&gt;" in out.read_text(encoding="utf-8")


def test_a_crash_is_a_finding(tmp_path):
    def crash(record):
        raise ZeroDivisionError("by nothing")

    got = validate(a_folder(tmp_path), adapters=[Adapter("exact*", crash)])
    assert "ZeroDivisionError" in got.methods[0].failures[0]


def test_the_installation_is_identified():
    installed = dict(validate().installation)
    assert installed["numpy"]
    (digest,) = [value for name, value in installed.items() if name.startswith("SHA-256")]
    assert len(digest) == 64


def test_a_case_that_is_not_met_does_not_hold():
    wrong = dataclasses.replace(CASES[0], expected=(0.0,) * len(CASES[0].expected))
    assert not wrong.holds()


def test_a_file_that_is_no_record_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.json").write_text('{"records": [{"id": 1}]}', encoding="utf-8")
    with pytest.raises(ValidationError, match="does not hold records"):
        read_records(tmp_path)
