"""One way in: for every form a dict of columns, one patient's dict, a frame of any kind, a file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from openlupus import cli
from openlupus.instruments import ctcae, eular_acr2019
from openlupus.scoring import FORMS, Field, explain_frame, score_file, score_frame, template

ROWS = 6


def column(field: Field, rng: np.random.Generator) -> list[Any]:
    """Values that the field allows, some of them empty where they may be."""
    if field.terms:
        return [field.terms[i] for i in rng.integers(0, len(field.terms), ROWS)]
    scale = field.scale
    low, high = scale.low, min(scale.high, 200.0)
    values = rng.uniform(low, high, ROWS).round(0 if scale.whole else 1)
    values[np.isin(values, scale.gaps)] = low
    # One row is left whole, so that a total is computed too.
    empty = (rng.random(ROWS) < 0.1) & (np.arange(ROWS) > 0) & (not field.required)
    return [None if gone else float(value) for gone, value in zip(empty, values, strict=True)]


def sound(name: str) -> dict[str, list[Any]]:
    """Rows that the form takes without a fault."""
    rng = np.random.default_rng(len(name))
    data = {f.key: column(f, rng) for f in FORMS[name].fields}
    for field in FORMS[name].fields:
        if field.unit_needed:
            data[f"{field.key}_unit"] = [field.unit] * ROWS
    return {"USUBJID": [f"S-{i}" for i in range(ROWS)], **data, **EXCEPTIONS.get(name, {})}


TERMS = ["anemia", "alt_increased", "anemia", "cpk_increased", "anemia", "alt_increased"]
# What columns drawn one by one cannot know of each other.
EXCEPTIONS: dict[str, dict[str, list[Any]]] = {
    "pga": {"pga_mm": [None] * ROWS, "pga_0_10": [None] * ROWS},
    "sle_das": {"generalised_rash": [0.0] * ROWS},
    "ctcae": {"term": TERMS, "unit": [ctcae.TERMS[term].unit for term in TERMS]},
    "glucocorticoids": {"start_day": [1.0] * ROWS, "end_day": [9.0, None, 1.0, 5.0, 6.0, 7.0]},
}


def nullable(data: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame({key: pd.Series(v).convert_dtypes() for key, v in data.items()})


def polars_frame(data: dict[str, list[Any]]) -> pl.DataFrame:
    return pl.DataFrame(data, strict=False)


KINDS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": pd.DataFrame,
    "pandas with its own nulls": nullable,
    "polars": polars_frame,
    "pyarrow": pa.table,
}


def plain(frame: Any) -> pl.DataFrame:
    """Scores of any kind as polars, nan as null."""
    held = pl.from_pandas(frame) if isinstance(frame, pd.DataFrame) else pl.DataFrame(frame)
    return held.with_columns(pl.selectors.float().fill_nan(None))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMS)
def test_every_form_takes_every_kind_of_frame(name: str, kind: str) -> None:
    data = sound(name)
    expected = plain(score_frame(name, data))
    assert expected.height == ROWS
    got = plain(score_frame(name, KINDS[kind](data)))
    assert_frame_equal(got, expected, check_dtypes=False, check_exact=True)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_takes_one_patients_dict(name: str) -> None:
    """Row by row it scores as all rows at once."""
    data = sound(name)
    together = plain(score_frame(name, data))
    for i in range(ROWS):
        alone = plain(score_frame(name, {key: values[i] for key, values in data.items()}))
        assert alone.height == 1
        assert_frame_equal(alone, together[i : i + 1], check_dtypes=False, check_exact=True)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_takes_a_file(name: str, tmp_path: Path) -> None:
    data = sound(name)
    polars_frame(data).write_csv(tmp_path / "items.csv")
    score_file(name, tmp_path / "items.csv", tmp_path / "scores.csv")
    written = pl.read_csv(tmp_path / "scores.csv", infer_schema_length=None)
    expected = plain(score_frame(name, data))
    for column_name in expected.columns:
        ours, theirs = expected[column_name].to_list(), written[column_name].to_list()
        assert ["" if v is None else v for v in ours] == ["" if v is None else v for v in theirs]


@pytest.mark.parametrize("name", FORMS)
def test_the_order_of_rows_and_columns_does_not_matter(name: str) -> None:
    data = sound(name)
    expected = {row[0]: row for row in plain(score_frame(name, data)).iter_rows()}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        order = rng.permutation(ROWS)
        mixed = {key: [data[key][i] for i in order] for key in rng.permutation(list(data))}
        got = {row[0]: row for row in plain(score_frame(name, mixed)).iter_rows()}
        assert got == expected


# Columns that count what is known, or name what is not, and say so.
OF_WHAT_IS_KNOWN = (
    *("missing", "incomplete", "at_least", "reason", "answered", "as_needed"),
    *("criteria", "clinical", "immunological", "points", *eular_acr2019.DOMAINS),
)
# A total that its authors prorate; and who left out a record, a limit or a baseline.
BY_RULE = ("facit_fatigue", "glucocorticoids", "ctcae", "pga", "egfr", "gene_signature")
# "Due to lupus" and "never involved" hold until a form says otherwise (page of BILAG-2004).
TAKEN_AS_SAID = ("_attributed", "_before")


@pytest.mark.parametrize("name", [name for name in FORMS if name not in BY_RULE])
@pytest.mark.parametrize("others", ["absent", "drawn"])
def test_missing_never_counts_as_absent(name: str, others: str) -> None:
    """An item left blank gives no score, or one that it would have with each of its answers."""
    fields = [f for f in FORMS[name].fields if not f.key.endswith(TAKEN_AS_SAID)]
    base = {f.key: f.scale.low if others == "absent" else sound(name)[f.key][0] for f in fields}
    if name == "sle_das":
        base |= {"generalised_rash": 0, "localised_rash": 0, "platelets": 250, "leukocytes": 6}
    asked = [f for f in fields if f.scale.high <= 4]
    answers = [
        (field, value) for field in asked for value in (None, field.scale.low, field.scale.high)
    ]
    rows = [{**base, field.key: value} for field, value in answers]
    data = {f.key: [row[f.key] for row in rows] for f in fields}
    scores = plain(score_frame(name, pl.DataFrame(data, strict=False)))
    for column_name in set(scores.columns) - set(OF_WHAT_IS_KNOWN):
        values = scores[column_name].to_list()
        for i in range(0, len(values), 3):
            blank, low, high = values[i : i + 3]
            assert blank in (None, "") or blank == low == high, (answers[i][0].key, column_name)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: Any, *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["openlupus", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out + said.err


@pytest.mark.parametrize("name", FORMS)
def test_the_template_of_every_form_is_filled_in_and_scored(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """The command writes the template, a row is filled in, the command scores it."""
    form, out = tmp_path / "form.csv", tmp_path / "scores.csv"
    code, _ = run(capsys, monkeypatch, "score", name, "--template", "--out", str(form))
    assert code == 0
    header = form.read_text(encoding="utf-8").strip().split(",")
    assert form.read_text(encoding="utf-8") == template(name)
    filled = {key: values[0] for key, values in sound(name).items()} | {"VISITNUM": 1}
    row = ["" if filled[key] is None else str(filled[key]) for key in header]
    form.write_text(",".join(header) + "\n" + ",".join(row) + "\n", encoding="utf-8")
    code, said = run(capsys, monkeypatch, "score", name, str(form), "--out", str(out))
    assert code == 0, said
    scores = pl.read_csv(out)
    assert scores.height == 1
    assert len(scores.columns) > 1


def test_every_form_is_listed(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    code, said = run(capsys, monkeypatch, "score", "--list")
    assert code == 0
    for name, form in FORMS.items():
        assert f"{name}: {form.label}" in said.replace("\n", " ")


def test_reasons_of_a_frame_are_those_of_its_grades() -> None:
    """`explain_frame` and `score_frame` agree, under either rule of the first visit."""
    data = sound("bilag2004")
    for legacy in (0, 1):
        options = {"legacy_first_visit": legacy}
        grades = score_frame("bilag2004", data, options=options)
        reasons = explain_frame(polars_frame(data), options=options)
        assert reasons.height == 9 * ROWS
        for subject, system, grade, complete, rules, findings in reasons.iter_rows():
            given = grades.filter(pl.col("USUBJID") == subject)[system][0]
            assert given == (grade if complete else "")
            assert rules
            assert bool(findings) == (grade in "ABC")


def test_what_was_not_checked_is_noted() -> None:
    assert "haematological" in FORMS["bilag2004"].note
    assert "not checked against the original" in FORMS["bilag2004"].note
