"""Reports to a data-monitoring committee: what they hold, and that the open one tells no arm."""

import base64
import gzip
import re
import sys
from datetime import date

import polars as pl
import pytest

from derivation.small_trial import DECLARATION, STEADY, Subject, day, frames
from openlupus import cli, pipeline
from openlupus.derivation import Arms
from openlupus.errors import MonitoringError, ProtocolError
from openlupus.exchange.study import Study
from openlupus.monitoring import monitor, refuse_telling
from openlupus.protocol import monitoring as seen
from openlupus.protocol import parse
from openlupus.records import from_frames

CUT, SINCE = "2018-12-31", "2018-06-30"
STUDY = "nct03161483"

MONITORED = """
[safety]
days_after_last_dose = 28

[columns]
both = [
  { key = "active", header = "Active, 10 mg (N={N})", group = "active" },
  { key = "placebo", header = "Placebo (N={N})", group = "placebo" },
  { key = "d", header = "Difference", group = "active", comparator = "placebo", slot = "d" },
]

[monitoring]
displays = ["ae"]
interval = ["ae"]

[analysis.events]
dataset = "ADAE"
where = { TRTEMFL = "Y" }
population = "treated"
compare = { test = ["active"], control = "placebo" }
method = { name = "incidence", overall = "Any", rate = "events", difference = "newcombe" }

[display.ae]
kind = "table"
number = "Table 9"
title = "Events"
population = "treated"
columns = "both"
rows = [{ label = "Any", analysis = "events", cells = { value = "{n}", d = "{difference:2}" } }]
"""


def event(term, on, end=None):
    return {"AETERM": term, "AEDECOD": term, "AESTDTC": day(on), "AEENDTC": end}


@pytest.fixture
def trial():
    """Four subjects: events on days 5 and 40, an event on day 80, none."""
    people = (
        Subject("A1", STEADY, ae=[event("rash", 5), event("rash", 40)]),
        Subject("A2", STEADY, ae=[event("clot", 80)]),
        Subject("P1", STEADY, arm="PLA", ae=[event("rash", 41)]),
        Subject("P2", STEADY, arm="PLA"),
    )
    return Study("twoarm", None, PROTOCOL, Arms.dummy(1), from_frames(frames(*people)))


PROTOCOL = parse(DECLARATION + MONITORED)


def n_of(made, analysis, group, statistic="n"):
    (row,) = made.results.find(analysis=analysis, statistic=statistic, parameter="Any", group=group)
    return row.value


def test_events_after_the_cut_do_not_count_and_time_at_risk_ends_there(trial):
    # The day of the cut is study day 50.
    made = monitor(trial, kind="open", cut=date(2020, 4, 20), since=date(2020, 3, 31))
    assert n_of(made, "events", "pooled") == 2
    assert n_of(made, "events", "pooled", "exposure") == pytest.approx(4 * 50 / 365.25)
    # Since day 30: events of days 40 and 41, twenty days at risk each.
    assert n_of(made, "events_interval", "pooled") == 2
    assert n_of(made, "events_interval", "pooled", "exposure") == pytest.approx(4 * 20 / 365.25)
    left_out = made.data.excluded.filter(pl.col("dataset") == "RECORDS", pl.col("domain") == "AE")
    assert left_out["records"].sum() == 1


def test_pooled_data_hold_one_arm(trial):
    made = monitor(trial, kind="open", cut=date(2020, 4, 20))
    assert set(made.data.frame("ADSL")["ACTARMCD"]) == {"POOLED"}
    assert list(made.study.protocol.arms) == ["pooled"]
    (table,) = made.study.protocol.displays.values()
    assert [column.header for column in table.columns] == ["All patients\n(N={N})"]
    assert made.key == {}


def test_closed_data_hold_letters_and_the_key_says_which(trial):
    made = monitor(trial, kind="closed", cut=date(2020, 4, 20), seed=3, lock="the committee's")
    assert set(made.data.frame("ADSL")["ACTARMCD"]) == {"A", "B"}
    active = next(letter for letter, arm in made.key.items() if arm == "active")
    mine = made.data.frame("ADSL").filter(ACTARMCD=active)["USUBJID"].to_list()
    assert mine == ["A1", "A2"]
    (table,) = made.study.protocol.displays.values()
    assert [column.header for column in table.columns] == ["Arm A\n(N={N})", "Arm B\n(N={N})"]
    again = monitor(trial, kind="closed", cut=date(2020, 6, 20), seed=3, lock="the committee's")
    assert again.key == made.key


def test_a_closed_draft_has_shuffled_arms(trial):
    made = monitor(trial, kind="closed", cut=date(2020, 4, 20))
    assert made.data.arms.is_dummy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": date(2020, 4, 20)}, "is not before"),
        ({"lock": "x"}, "--lock is for the closed one"),
        ({"kind": "closed", "lock": "x"}, "needs --seed"),
    ],
)
def test_what_cannot_be_asked_for(trial, options, words):
    with pytest.raises(MonitoringError, match=words):
        monitor(trial, **({"kind": "open", "cut": date(2020, 4, 20)} | options))


def test_a_study_without_monitoring_says_what_to_add(trial):
    bare = Study("x", None, parse(DECLARATION), Arms.dummy(1), trial.records)
    with pytest.raises(MonitoringError, match=r"no \[monitoring\]"):
        monitor(bare, kind="open", cut=date(2020, 4, 20))


def test_a_display_that_compares_arms_is_refused(trial):
    text = MONITORED.replace('analysis = "events"', 'analysis = "bicla", visit = "W16"')
    other = Study("x", None, parse(DECLARATION + text), Arms.dummy(1), trial.records)
    with pytest.raises(MonitoringError, match="analysis bicla, which does more than describe"):
        monitor(other, kind="open", cut=date(2020, 4, 20))


def test_a_text_that_names_an_arm_is_refused():
    with pytest.raises(MonitoringError, match="'Placebo'"):
        refuse_telling(PROTOCOL, {"a footnote": "more than with Placebo."})
    with pytest.raises(MonitoringError, match="10 mg"):
        refuse_telling(PROTOCOL, {"a footnote": "dose of 10 mg"})
    refuse_telling(PROTOCOL, {"a footnote": "110 mg, placebos, ACTive"[:6]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('displays = ["none"]', 'display "none" is not declared'),
        ('displays = ["t1"]\ninterval = ["ae"]', '"ae" is not among the displays'),
    ],
)
def test_the_declaration_is_checked(text, words):
    wrong = MONITORED.replace('displays = ["ae"]\ninterval = ["ae"]', text)
    with pytest.raises(ProtocolError, match=words):
        parse(DECLARATION + wrong)


def written(folder, *words):
    argv = sys.argv
    sys.argv = ["openlupus", "monitor", STUDY, "--cut", CUT, "--out", str(folder), *words]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = argv
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def open_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dmc") / "open"
    assert written(folder, "--dmc", "open", "--since", SINCE) == 0
    return folder


def everything(folder):
    """All text of all files, whatever the format."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            yield path.name, pl.read_parquet(path).write_csv()
        elif path.is_file():
            text = path.read_text("utf-8")
            yield path.name, text
            for packed in re.findall(r"H4sI[A-Za-z0-9+/=]+", text):
                yield f"{path.name}, packed", gzip.decompress(base64.b64decode(packed)).decode()


def test_no_file_of_the_open_report_names_an_arm_its_code_or_dose(open_folder):
    protocol = pipeline.load_protocol(pipeline.find(STUDY))
    names = [w for arm in protocol.arms.values() for w in (arm.label, arm.code)]
    names += ["Placebo", "Iberdomide, Total", "IBERDOM", *protocol.arms, "ibe_total"]
    texts = list(everything(open_folder))
    assert "index.html, packed" in [name for name, _ in texts]
    for name, text in texts:
        for word in names:
            assert not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I), (name, word)
        assert not re.search(r"0\.(45|30?|15) ?mg", text), name


def test_no_number_of_the_open_report_belongs_to_an_arm(open_folder):
    rows = pl.read_parquet(open_folder / "results.parquet")
    assert set(rows["group"]) <= {"", "pooled"}
    assert set(rows["comparator"]) == {""}
    # No N of an arm, and no count of records that only some arms have.
    excluded = pl.read_csv(open_folder / "excluded.csv")
    assert "PC" not in excluded["domain"].to_list()
    assert "EXDOSE" not in "".join(text for _, text in everything(open_folder))


def test_open_and_closed_reports_agree_on_the_whole(open_folder, tmp_path):
    assert written(tmp_path / "closed", "--dmc", "closed", "--since", SINCE) == 0
    page = (tmp_path / "closed" / "index.html").read_text("utf-8")
    assert "Arm A" in page
    assert "Arm D" in page
    assert not seen.told(pipeline.load_protocol(pipeline.find(STUDY)), page)
    both = [
        pl.read_parquet(folder / "results.parquet").filter(
            pl.col("analysis").is_in(["ae_terms", "ae_terms_interval"]), pl.col("statistic") == "n"
        )
        for folder in (open_folder, tmp_path / "closed")
    ]
    whole = [
        dict(rows.group_by("analysis", "parameter").agg(pl.col("value").sum()).select(
            pl.struct("analysis", "parameter").struct.json_encode(), "value"
        ).iter_rows())
        for rows in (both[0], both[1].filter(pl.col("group").is_in(list("ABCD"))))
    ]  # fmt: skip
    assert whole[0] == whole[1]
    assert whole[0]


def test_the_key_may_not_lie_in_the_report(tmp_path, capsys):
    folder = tmp_path / "closed"
    words = ("--dmc", "closed", "--seed", "5", "--lock", "x", "--key", str(folder / "key.json"))
    assert written(folder, *words) == 2
    assert "must not lie in the folder" in capsys.readouterr().err


@pytest.mark.independent
def test_events_at_the_cut_are_those_counted_from_the_records(open_folder):
    study = pipeline.load(STUDY)
    assert study.records is not None
    doses = study.records.domain("EX").select("USUBJID", "EXSTDTC", "EXENDTC").collect()
    treated: dict[str, list[tuple[str, str]]] = {}
    for subject, start, end in doses.iter_rows():
        if start <= CUT:
            treated.setdefault(subject, []).append((start, min(end, CUT)))
    counted, since = set(), set()
    for row in study.records.domain("AE").collect().to_dicts():
        mine = treated.get(row["USUBJID"])
        if mine is None or row["AESTDTC"] > CUT:
            continue
        last = date.fromisoformat(max(end for _, end in mine))
        on = date.fromisoformat(row["AESTDTC"])
        if min(start for start, _ in mine) <= row["AESTDTC"] and (on - last).days <= 28:
            counted.add((row["USUBJID"], row["AESEQ"]))
            if row["AESTDTC"] > SINCE:
                since.add((row["USUBJID"], row["AESEQ"]))
    rows = pl.read_parquet(open_folder / "results.parquet")
    for analysis, events in (("ae_terms", counted), ("ae_terms_interval", since)):
        mine = rows.filter(
            pl.col("analysis") == analysis, pl.col("parameter") == "Any adverse event"
        )
        value = dict(mine.select("statistic", "value").iter_rows())
        assert value["events"] == len(events)
        assert value["n"] == len({subject for subject, _ in events})
        assert value["events"] > 30


def test_a_day_that_is_none_is_refused(tmp_path, capsys):
    assert written(tmp_path / "x", "--dmc", "open", "--since", "June") == 2
    assert "'June' is not a day; write it as 2019-03-31" in capsys.readouterr().err
