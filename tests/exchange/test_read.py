"""A folder of files becomes records: which file is which domain, and what is refused, in words."""

import gzip
import hashlib
import shutil
from pathlib import Path

import polars as pl
import pytest

from openlupus.errors import FileFormatError, OpenLupusError, RecordsError
from openlupus.exchange import read_adam, read_folder, write_folder, write_parts

SUFFIXES = ["parquet", "csv", "csv.gz", "json", "ndjson", "xpt"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_records(suffix, folder, domains) -> None:
    records = read_folder(folder(suffix))
    for name, frame in domains.items():
        assert records.domains[name].collect().equals(frame, null_equal=True), name


def test_formats_mix_and_other_files_are_passed_over(tmp_path: Path, folder, domains) -> None:
    shutil.copy(folder("xpt") / "dm.xpt", tmp_path / "DM.XPT")
    shutil.copy(folder("csv.gz") / "ae.csv.gz", tmp_path / "ae.csv.gz")
    for name in ("README.md", "define.xml", ".hidden.csv"):
        (tmp_path / name).write_text("not a domain")
    for suffix in ("xpt", "csv.gz"):
        shutil.rmtree(tmp_path / suffix)
    records = read_folder(tmp_path)
    assert records.domains["AE"].collect().equals(domains["AE"], null_equal=True)
    source = records.origin["DM.XPT"]
    digest = hashlib.sha256((tmp_path / "DM.XPT").read_bytes()).hexdigest()
    assert (source.sha256, source.domain, source.rows, source.format) == (digest, "DM", 3, "XPT")


def test_split_domains_are_put_together(tmp_path: Path, domains) -> None:
    keys = domains["DM"].select("STUDYID", "USUBJID")
    lab = keys.with_columns(LBTESTCD=pl.lit("HGB"), LBSEQ=pl.lit(1.0), LBSTRESN=pl.lit(1.5))
    write_folder({"DM": domains["DM"], "LBHE": lab}, tmp_path, format="csv")
    more = lab.with_columns(
        LBSEQ=pl.lit(2.0), DOMAIN=pl.lit("LB"), LBSTRESN=pl.lit(None, pl.Float64)
    )
    write_folder({"LBUR": more.with_columns(LBMORE=pl.lit("u"))}, tmp_path, format="xpt")
    qualifiers = keys.with_columns(RDOMAIN=pl.lit("LB"), QNAM=pl.lit("Q"), QVAL=pl.lit("1"))
    write_folder({"SUPPLBHE": qualifiers, "SUPPLBUR": qualifiers}, tmp_path, format="json")
    records = read_folder(tmp_path)
    assert set(records.domains) == {"DM", "LB", "SUPPLB"}
    both = records.domains["LB"].collect().sort("USUBJID", "LBSEQ")
    assert both["LBSTRESN"].to_list() == [1.5, None] * 3
    assert both["LBMORE"].to_list() == [None, "u"] * 3
    assert records.domains["SUPPLB"].collect().height == 6


def test_parquet_parts_are_one_domain(tmp_path: Path, domains) -> None:
    write_folder({"DM": domains["DM"]}, tmp_path)
    ae = domains["AE"]
    write_parts([ae[:1], ae[1:]], tmp_path / "ae")
    records = read_folder(tmp_path)
    assert records.domains["AE"].collect().equals(ae)
    assert records.origin["ae"].rows == 3


def refusal(folder: Path) -> str:
    with pytest.raises(OpenLupusError) as error:
        read_folder(folder)
    assert type(error.value) in (FileFormatError, RecordsError)
    return str(error.value)


def test_missing_folder(tmp_path: Path) -> None:
    text = refusal(tmp_path / "nowhere")
    assert "nowhere" in text
    assert "there is no such folder" in text
    assert "give the folder that holds the data files" in text


def test_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "dm.csv").write_text("A\n1\n")
    assert "it is a file" in refusal(tmp_path / "dm.csv")


def test_folder_without_data(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "it has no data file" in refusal(tmp_path)


def test_format_that_is_not_read_is_not_passed_over(tmp_path: Path, folder) -> None:
    path = folder("csv")
    (path / "lb.sas7bdat").write_bytes(b"data")
    assert "lb.sas7bdat cannot be read" in refusal(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_file(suffix, folder) -> None:
    path = folder(suffix)
    (path / f"ae.{suffix}").write_bytes(b"")
    text = refusal(path)
    assert text.startswith("1 file cannot be read")
    assert f"ae.{suffix}" in text


def test_every_bad_file_is_told(folder) -> None:
    path = folder("csv")
    (path / "ae.csv").write_bytes(b"")
    (path / "lb.xpt").write_bytes(b"no transport file")
    (path / "vs.parquet").write_bytes(b"PAR1")
    (path / "qs.json").write_bytes(b"{")
    text = refusal(path)
    assert text.startswith("4 files cannot be read")
    assert all(name in text for name in ("ae.csv", "lb.xpt", "vs.parquet", "qs.json"))


def test_domain_given_twice(folder, domains) -> None:
    path = folder("csv")
    write_folder({"AE": domains["AE"]}, path, format="xpt")
    text = refusal(path)
    assert "AE is given twice, in ae.csv, ae.xpt; leave one of them" in text


def test_domain_given_whole_and_in_parts(folder, domains) -> None:
    path = folder("csv")
    write_folder({"AEX": domains["AE"].with_columns(DOMAIN=pl.lit("AE"))}, path, format="csv")
    assert "AE is given twice, in ae.csv, aex.csv" in refusal(path)


def test_name_and_rows_must_agree(folder, domains) -> None:
    path = folder("csv")
    (path / "ae.csv").unlink()
    write_folder({"CM": domains["AE"].with_columns(DOMAIN=pl.lit("AE"))}, path, format="csv")
    assert "cm.csv: its column DOMAIN says AE; rename the file" in refusal(path)


def test_no_demographics(folder) -> None:
    path = folder("json")
    (path / "dm.json").unlink()
    assert "DM: the domain is missing; needed are its columns STUDYID, USUBJID, ARMCD" in refusal(
        path
    )


def test_wrong_types_and_missing_columns_are_all_told(folder) -> None:
    path = folder("csv")
    (path / "dm.csv").write_text("STUDYID,USUBJID,AGE\nX,X-1,forty\nX,X-2,41\n")
    (path / "ae.csv").write_text("STUDYID,USUBJID,AETERM\nX,X-1,RASH\n")
    text = refusal(path)
    assert text.startswith("the records have 3 faults")
    assert "DM (dm.csv): column ARMCD is missing" in text
    assert "AGE must hold numbers, and 1 of its values are none (first 'forty')" in text
    assert "AE (ae.csv): column AESEQ is missing" in text


def test_wrong_type_in_one_part_of_a_split_domain(folder) -> None:
    path = folder("csv")
    head = "STUDYID,DOMAIN,USUBJID,LBSEQ,LBTESTCD,LBSTRESN\n"
    (path / "lbch.csv").write_text(head + "X,LB,X-1,1,ALB,3.5\n")
    (path / "lbhe.csv").write_text(head + "X,LB,X-1,2,HGB,low\n")
    assert "LBSTRESN must hold numbers" in refusal(path)


def test_numbers_in_undeclared_columns_go_by_sdtm_names(folder) -> None:
    path = folder("csv")
    head = "STUDYID,USUBJID,SCSEQ,SCSTRESN,SCORRES,VISITDY\n"
    (path / "sc.csv").write_text(head + "X,X-1,1,2.5,007,x\nX,X-2,2,,1,2\n")
    frame = read_folder(path).domains["SC"].collect()
    assert frame["SCSEQ"].to_list() == [1.0, 2.0]
    assert frame["SCSTRESN"].to_list() == [2.5, None]
    assert frame["SCORRES"].to_list() == ["007", "1"]
    assert frame["VISITDY"].to_list() == ["x", "2"]


def test_blank_text_is_missing_whatever_the_format(tmp_path: Path, domains) -> None:
    blank = domains["DM"].with_columns(pl.col("SEX").fill_null(""))
    blank.write_parquet(tmp_path / "dm.parquet")
    assert read_folder(tmp_path).domains["DM"].collect()["SEX"].to_list() == ["F", "M", None]


def test_adam_given_twice(tmp_path: Path) -> None:
    frame = pl.DataFrame({"USUBJID": ["X-1"]})
    write_folder({"ADSL": frame}, tmp_path, format="csv")
    write_folder({"ADSL": frame}, tmp_path, format="xpt")
    with pytest.raises(FileFormatError, match="ADSL are given in two formats"):
        read_adam(tmp_path)


def test_truncated_archive(folder) -> None:
    path = folder("csv.gz") / "ae.csv.gz"
    path.write_bytes(gzip.compress(b"A,B\n" + b"1,2\n" * 100)[:-12])
    assert "ae.csv.gz: archive" in refusal(path.parent)
