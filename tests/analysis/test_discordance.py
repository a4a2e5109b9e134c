"""Who responds by one end point and not the other, counted by hand."""

import polars as pl
import pytest

from analysis.efficacy import analysis, declared, results, table, trial
from openlupus.analysis.discordance import decided
from openlupus.errors import ProtocolError

METHOD = 'name = "discordance", other = "bicla"'


def test_the_four_kinds_and_what_decided():
    found = table(results(analysis("d", METHOD, compare="{}")), "d")
    frames = trial().frames
    at = frames["ADRESP"].filter((pl.col("AVISITN") == 12) & pl.col("AVAL").is_not_null())
    one, two = (
        {r["USUBJID"]: r for r in at.filter(pl.col("PARAMCD") == p).iter_rows(named=True)}
        for p in ("SRI4", "BICLA")
    )
    arms = dict(frames["ADSL"].select("USUBJID", "ARMCD").iter_rows())
    for name, letter in (("high", "H"), ("low", "L"), ("placebo", "P")):
        who = [s for s in one if s in two and arms[s] == letter]
        kinds = {
            "both": [s for s in who if one[s]["AVAL"] and two[s]["AVAL"]],
            "SRI4 only": [s for s in who if one[s]["AVAL"] and not two[s]["AVAL"]],
            "BICLA only": [s for s in who if two[s]["AVAL"] and not one[s]["AVAL"]],
            "neither": [s for s in who if not one[s]["AVAL"] and not two[s]["AVAL"]],
        }
        kinds["SRI4 only|bilag improved"] = [
            s for s in kinds["SRI4 only"] if "bilag improved" in two[s]["REASON"]
        ]
        for parameter, members in kinds.items():
            key = ("discordance", parameter, name, "", "")
            assert found[*key, "n"] == len(members)
            assert found[*key, "N"] == len(who)
            assert found[*key, "proportion"] == pytest.approx(len(members) / len(who))
    assert sum(1 for key in found if key[1] == "SRI4 only|bilag improved") == 9


def test_a_reason_is_taken_apart_into_components_or_is_an_event():
    assert decided("not met: a b and c; cannot be computed: d") == ["a b", "c", "d"]
    assert decided("Treatment stopped") == ["Treatment stopped"]
    assert decided("") == []


def test_an_end_point_that_is_not_declared_is_refused():
    with pytest.raises(ProtocolError, match='end point "bicl" is not declared; did you mean bicla'):
        declared(analysis("d", METHOD.replace('"bicla"', '"bicl"')))


def test_the_note_tells_both_end_points():
    note = results(analysis("d", METHOD, compare="{}")).notes["d"]
    assert "First end point: SRI-4" in note
    assert "Second end point: BICLA" in note
