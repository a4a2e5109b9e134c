"""Types of analysis data that came as text."""

from datetime import date

import polars as pl

from openlupus.exchange.adam import typed_by_name, with_dates


def test_names_and_values_decide() -> None:
    text = pl.DataFrame(
        {
            "SITEID": ["701", "702"],
            "AVAL": ["1.5", None],
            "ADT": ["2014-01-02", None],
            "TRTSDT": ["19725.0", None],
            "AVALC": ["1", "2"],
            "AEACN": [None, None],
            "TRTP": ["Placebo", "Active"],
            "TRTPN": [None, None],
            "CHG": [None, None],
            "AWRANGE": ["2-84", "1"],
        },
        schema_overrides=dict.fromkeys(("AEACN", "TRTPN", "CHG"), pl.String),
    )
    frame = with_dates(typed_by_name(text))
    kinds = {name: str(dtype) for name, dtype in frame.schema.items()}
    assert kinds == {
        "SITEID": "String", "AVAL": "Float64", "ADT": "Date", "TRTSDT": "Date", "AVALC": "String",
        "AEACN": "String", "TRTP": "String", "TRTPN": "Float64", "CHG": "Float64",
        "AWRANGE": "String",
    }  # fmt: skip
    assert frame["TRTSDT"][0] == date(2014, 1, 2)
