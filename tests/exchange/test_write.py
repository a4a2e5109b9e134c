"""Files written: what is read back is what was written, in the same bytes each time."""

import json
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openlupus.errors import FileFormatError, OutputExistsError
from openlupus.exchange import read_adam, read_folder, sha256, write_folder, write_parts
from openlupus.exchange.adam import with_dates

SUFFIXES = ["parquet", "csv", "csv.gz", "json", "ndjson", "xpt"]

# Printable text whose first character is no blank: XPT drops blanks at the end of text.
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
)
numbers = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30)
days = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@st.composite
def frames(draw) -> pl.DataFrame:
    n = draw(st.integers(1, 6))

    def column(values) -> list[object]:
        return draw(st.lists(st.none() | values, min_size=n, max_size=n))

    return pl.DataFrame(
        {
            "USUBJID": draw(st.lists(words, min_size=n, max_size=n)),
            "AVALC": column(words),
            "AVAL": column(numbers),
            "ADT": column(days),
        },
        schema={"USUBJID": pl.String, "AVALC": pl.String, "AVAL": pl.Float64, "ADT": pl.Date},
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=frames())
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(tmp_path: Path, suffix, frame: pl.DataFrame) -> None:
    write_folder({"ADX": frame}, tmp_path, format=suffix, force=True)
    back = read_adam(tmp_path)["ADX"]
    # CSV cannot say of a column without any value that it is a date.
    if suffix.startswith("csv") and frame["ADT"].null_count() == frame.height:
        back = with_dates(back).with_columns(pl.col("ADT").cast(pl.Date))
    assert back.equals(frame, null_equal=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_bytes_each_time(tmp_path: Path, suffix, domains) -> None:
    once = write_folder(domains, tmp_path / "1", format=suffix)
    again = write_folder({n: f.lazy() for n, f in domains.items()}, tmp_path / "2", format=suffix)
    assert [sha256(path) for path in once] == [sha256(path) for path in again]
    assert [path.name for path in once] == [f"dm.{suffix}", f"ae.{suffix}"]


def test_time_of_making_is_the_one_given(tmp_path: Path, domains) -> None:
    moment = datetime.fromisoformat("2024-05-06T07:08:09")
    xpt = write_folder(domains, tmp_path, format="xpt", created=moment)[0].read_bytes()
    assert xpt[144:160] == xpt[160:176] == xpt[464:480] == xpt[480:496] == b"06MAY24:07:08:09"
    text = write_folder(domains, tmp_path, format="json", created=moment)[0].read_text()
    assert json.loads(text)["datasetJSONCreationDateTime"] == "2024-05-06T07:08:09"


def test_nothing_is_overwritten_unless_asked(tmp_path: Path, domains) -> None:
    first = write_folder(domains, tmp_path)
    before = [sha256(path) for path in first]
    other = {name: frame.head(1) for name, frame in domains.items()} | {"VS": domains["DM"]}
    with pytest.raises(OutputExistsError, match=r"dm.parquet, ae.parquet"):
        write_folder(other, tmp_path)
    assert [sha256(path) for path in first] == before
    assert not (tmp_path / "vs.parquet").exists()
    write_folder(other, tmp_path, force=True)
    assert pl.read_parquet(tmp_path / "dm.parquet").height == 1


def test_parts_are_not_overwritten_unless_asked(tmp_path: Path, domains) -> None:
    ae = domains["AE"]
    write_parts([ae[:1], ae[1:]], tmp_path / "ae")
    with pytest.raises(OutputExistsError, match="part-00000"):
        write_parts([ae], tmp_path / "ae")
    assert len(write_parts([ae], tmp_path / "ae", force=True)) == 1
    assert [path.name for path in (tmp_path / "ae").iterdir()] == ["part-00000.parquet"]


def test_a_failure_leaves_no_half_file(tmp_path: Path) -> None:
    bad = pl.DataFrame({"A": ["x" * 201]})
    with pytest.raises(FileFormatError):
        write_folder({"TS": bad}, tmp_path, format="xpt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("study", ["X", "X SYNTHETIC"])
def test_synthetic_data_say_so_in_every_format(tmp_path: Path, study, domains) -> None:
    said = study != "X"
    own = {name: frame.with_columns(STUDYID=pl.lit(study)) for name, frame in domains.items()}
    for suffix in SUFFIXES:
        write_folder(own, tmp_path / suffix, format=suffix)
        assert read_folder(tmp_path / suffix).synthetic is said
    metadata = pl.read_parquet_metadata(tmp_path / "parquet" / "ae.parquet")
    assert metadata["openlupus.synthetic"] == str(said).lower()
    document = json.loads((tmp_path / "json" / "ae.json").read_text(encoding="utf-8"))
    assert ("SYNTHETIC" in document["label"]) is said
    assert (b"SYNTHETIC Adverse" in (tmp_path / "xpt" / "ae.xpt").read_bytes()[:640]) is said


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_column_without_any_type_is_text(tmp_path: Path, suffix) -> None:
    write_folder({"ADX": pl.DataFrame({"A": ["x"], "B": [None]})}, tmp_path, format=suffix)
    assert read_adam(tmp_path)["ADX"].schema == {"A": pl.String, "B": pl.String}


def test_labels_and_keys_of_sdtm_are_written(tmp_path: Path, domains) -> None:
    document = json.loads(write_folder(domains, tmp_path, format="json")[1].read_text("utf-8"))
    column = {column["name"]: column for column in document["columns"]}
    assert column["AETERM"]["label"] == "Reported Term for the Adverse Event"
    assert [column[name]["keySequence"] for name in ("USUBJID", "AESEQ")] == [1, 2]
    assert column["AESEQ"]["dataType"] == "double"
    assert b"Reported Term for the Adverse Event" in (
        write_folder(domains, tmp_path, format="xpt")[1].read_bytes()
    )


def test_transport_files_refuse_what_they_cannot_hold(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"long_name_": [1.0], "A": ["ä" * 101], "B": [1e80], "C": [[1]], "D": [float("nan")]}
    )
    with pytest.raises(FileFormatError) as error:
        write_folder({"TOOLONGNAME": frame}, tmp_path, format="xpt")
    text = str(error.value)
    assert "6 faults" in text
    for part in ("'TOOLONGNAME'", "'long_name_'", "A has text of 202 bytes", "B has numbers",
                 "C holds List", "D has numbers"):  # fmt: skip
        assert part in text


def test_json_refuses_what_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="infinite or no number"):
        write_folder({"TS": pl.DataFrame({"A": [float("inf")]})}, tmp_path, format="json")
