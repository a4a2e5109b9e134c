"""Tables as plain text."""

from openlupus.display import table_text


def test_the_whole_table(build, declared):
    lines = table_text(build(declared)).splitlines()
    assert [" ".join(line.split()) for line in lines if not line.startswith("---")] == [
        "Table 9. Invented Results.*",
        "SYNTHETIC DATA: simulated patients",
        "Active <A> Control Total",
        "Characteristic (N=8) (N=6) (N=14) Difference (95% CI) P Value",
        "Age — yr 44.7±11.0 40.0±11.0 42.7±11.0",
        "Race — no. (%)†",
        "White & <other> 5 (63) 0 5 (36)",
        "Other 3 (38) 6 (100) 9 (64)",
        "Response 5/8 (63) 2/6 (33) 29.2 (-5.1 to 50.0) 0.01",
        "* Plus-minus values are means ±SD.",
        "† As reported.",
    ]
    assert lines[7].startswith("Race")
    assert lines[8].startswith("  White")
    assert {len(line) for line in lines if line.startswith("---")} == {len(lines[2])}


def test_columns_are_aligned(build, declared):
    lines = table_text(build(declared)).splitlines()
    starts = {
        line.index(text) for line, text in zip(lines[8:10], ("5 (63)", "3 (38)"), strict=True)
    }
    assert len(starts) == 1


def test_spanners_measure_and_several_stub_columns(build, declared):
    columns = [
        {"key": k, "header": k, "group": "active", "spanner": "Active group\n(N={N})"} for k in "ab"
    ]
    row = {"label": ["Age", "Mean"], "analysis": "age", "cells": {"value": "{mean:1}"}}
    table = build(
        {**declared, "columns": columns, "rows": [row], "stub": ["", ""], "measure": "years"}
    )
    lines = [" ".join(line.split()) for line in table_text(table).splitlines()]
    assert lines[3].strip("-") == "Active group (N=8)"
    assert lines[6:8] == ["years", "Age Mean 44.7 44.7"]


def test_says_that_arms_are_dummies_and_lays_published_cells_beside(build, declared):
    published = {("Response", "p"): "0.01", ("Race — no. (%)|Other", "a"): "4 (50)"}
    text = table_text(build(declared, dummy_arms=True, published=published))
    assert "DUMMY ARMS: not the randomised treatments" in text
    assert "0.01 {=}" in text
    assert "3 (38) {4 (50)}" in text
    assert text.endswith("Published cells in braces: 1 of 2 say the same as ours.\n")
