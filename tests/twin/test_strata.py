"""Stratum tables that print every comparison, verified by the method itself."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from openlupus.audit.printed import Estimate, Number, Plain
from openlupus.exchange.published import read_published
from openlupus.statistics.cmh import cmh
from openlupus.statistics.newcombe import stratified_newcombe
from openlupus.statistics.risk_difference import miettinen_nurminen
from openlupus.twin.strata import Drawn, Margin, Row, StratumTables, stratum_tables

KEY = ("table", "response")


def number(value: float, digits: int = 1) -> Number:
    return Number(Decimal(f"{value:.{digits}f}"))


def printed(x, n, interval=stratified_newcombe):
    got = interval(np.array(x, float), np.array(n, float))
    difference = Estimate(*(number(100 * float(v)) for v in (got.value, got.lower, got.upper)))
    return difference, number(float(cmh(x, n).p), 2)


def row(x, n, said) -> Row:
    strata = len(x[0])
    return Row(
        KEY,
        {"test": sum(x[0]), "control": sum(x[1])},
        {"test": sum(n[0]), "control": sum(n[1])},
        {"test": said},
        {arm: np.ones(strata) for arm in ("test", "control")},
        {arm: np.full(strata, 0.4) for arm in ("test", "control")},
    )


def search(of: Row, *, seed: int = 1, interval=stratified_newcombe, **options):
    strata = len(of.rate["test"])
    return stratum_tables(
        [of],
        control="control",
        sizes=of.of,
        shares={arm: np.full(strata, 1 / strata) for arm in of.of},
        interval=interval,
        p=lambda x, n: cmh(x, n).p,
        seed=seed,
        **options,
    )


def only(found: Drawn) -> StratumTables:
    assert not found.left_out
    return found.tables[0]


def reprinted(found: StratumTables, interval=stratified_newcombe):
    x, n = ([t[KEY][arm] for arm in ("test", "control")] for t in (found.responders, found.of))
    return printed(x, n, interval)


X, N = [[12, 9], [8, 5]], [[20, 21], [22, 17]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_found_tables_print_the_row(seed: int):
    said = printed(X, N)
    drawn = search(row(X, N, said), seed=seed)
    assert all(reprinted(each) == said for each in drawn.tables)
    found = only(drawn)
    assert found.patients == found.of[KEY]
    assert {arm: sum(x) for arm, x in found.responders[KEY].items()} == {"test": 21, "control": 13}


def test_a_margin_is_held():
    found = only(search(row(X, N, printed(X, N)), margins=[Margin("test", (0,), 20)]))
    assert found.patients["test"] == (20, 21)


def test_one_seed_gives_one_answer():
    of = row(X, N, printed(X, N))
    assert search(of, seed=4) == search(of, seed=4)


def test_one_stratum_and_another_method():
    x, n = [[12], [8]], [[20], [22]]
    said = printed(x, n, miettinen_nurminen)
    found = only(search(row(x, n, said), interval=miettinen_nurminen))
    assert found.responders[KEY] == {"test": (12,), "control": (8,)}
    assert reprinted(found, miettinen_nurminen) == said


def test_a_print_that_no_table_has_is_told():
    impossible = Estimate(number(60.0), number(59.9), number(60.1)), None
    found = search(row(X, N, impossible))
    assert found.left_out == ((KEY, "test"),)
    assert found.tables


def test_counts_that_contradict_each_other_are_told():
    found = search(row(X, N, printed(X, N)), margins=[Margin("test", (0,), 50)])
    assert found == Drawn((), arms=("test",))


def test_an_arm_that_prints_nothing_still_has_tables():
    silent = row(X, N, (None, None))
    found = only(search(silent))
    assert {arm: sum(x) for arm, x in found.responders[KEY].items()} == silent.responders


def test_a_method_without_weights_of_the_strata():
    def crude(x, n):
        return miettinen_nurminen(x.sum(axis=-1, keepdims=True), n.sum(axis=-1, keepdims=True))

    said = printed([[21], [13]], [[41], [39]], miettinen_nurminen)[0], None
    assert only(search(row(X, N, said), interval=crude))


def test_every_way_to_split_an_arm_prints_the_row():
    said = printed(X, N)
    for found in search(row(X, N, said)).tables:
        control = found.of[KEY]["control"], found.responders[KEY]["control"]
        assert found.ways["control"] == (({KEY: control},),)
        (ways,) = found.ways["test"]
        assert ways[0] == {KEY: (found.of[KEY]["test"], found.responders[KEY]["test"])}
        for way in ways:
            n, x = way[KEY]
            assert printed([x, control[1]], [n, control[0]]) == said


def test_a_few_more_responders_are_where_the_pool_has_them():
    outer = row(X, N, (None, None))
    inner = ("table", "inner")
    more = replace(
        row([[11, 9], [8, 5]], N, (None, None)),
        key=inner,
        beyond={KEY: {"test": np.array([0.0, 1.0])}},
    )
    found = stratum_tables(
        [more, outer],
        control="control",
        sizes=outer.of,
        shares={arm: np.full(2, 0.5) for arm in outer.of},
        interval=stratified_newcombe,
        p=lambda x, n: cmh(x, n).p,
        seed=1,
        conjunction={inner: [KEY]},
    )
    for tables in found.tables:
        for way in (way for ways in tables.ways["test"] for way in ways):
            beyond = np.subtract(way[KEY][1], way[inner][1])
            assert beyond.tolist() == [0, 1]


PAPER = Path(__file__).parents[2] / "src/openlupus/studies/nct03161483/published.toml"
EVERYONE = ("SRI-4 response —", "SLEDAI-2K", "BILAG-2004", "PGA score")
ALL, SOME, DOSED = np.ones(4), np.full(4, 0.2), np.array([1.0, 1.0, 0.0, 0.0])


def founding_row(paper, key, arms, eligible) -> Row:
    cells = paper.rows[key]
    count = {arm: paper.count(cells[arm]) for arm in arms}
    said = {}
    for arm in arms:
        difference, p = (cells.get(f"{arm}_{part}") for part in ("difference", "p"))
        if difference:
            value = p.content.value if p and isinstance(p.content, Plain) else None
            said[arm] = difference.content, value
    of, responders = ({arm: getattr(c, part) for arm, c in count.items()} for part in ("of", "n"))
    rate = {arm: np.clip(np.full(4, responders[arm] / of[arm]), 0.05, 0.95) for arm in arms}
    return Row(key, responders, of, said, dict.fromkeys(arms, eligible), rate)


def test_the_founding_paper_is_printed_by_one_set_of_tables():
    paper = read_published(PAPER)

    def key_of(words):
        return next(key for key in paper.rows if key[0] == "table2" and words in key[1])

    everyone = [key_of(words) for words in EVERYONE]
    arms = [arm for arm in paper.rows[everyone[0]] if arm in paper.columns]
    rows = [founding_row(paper, key, arms, ALL) for key in everyone]
    rows.append(founding_row(paper, key_of("CLASI-50"), arms, SOME))
    dosed = founding_row(paper, key_of("Glucocorticoid dose reduced"), arms, DOSED)
    drawn = stratum_tables(
        [*rows, dosed],
        control=paper.control,
        sizes=rows[0].of,
        shares=dict.fromkeys(arms, np.array([0.16, 0.21, 0.27, 0.36])),
        interval=stratified_newcombe,
        p=lambda x, n: cmh(x, n).p,
        seed=1,
        margins=[Margin(arm, (0, 1), dosed.of[arm]) for arm in arms],
        conjunction={everyone[0]: everyone[1:]},
    )
    found, seen = only(drawn), 0
    for each in [*rows, dosed]:
        for arm in arms:
            assert sum(found.responders[each.key][arm]) == each.responders[arm]
            assert sum(found.of[each.key][arm]) == each.of[arm]
            assert (np.array(found.of[each.key][arm]) <= found.patients[arm]).all()
        for arm, (difference, p) in each.printed.items():
            x, n = (
                [t[each.key][a] for a in (arm, paper.control)] for t in (found.responders, found.of)
            )
            again = printed(x, n)
            assert again[0] == difference
            assert p is None or again[1] == p
            seen += 1
    assert seen == 16
    inner, *outers = (found.responders[key] for key in everyone)
    for arm, size in found.patients.items():
        x, n = np.array([outer[arm] for outer in outers]), np.array(size)
        assert (inner[arm] <= x).all()
        assert (inner[arm] >= x.sum(axis=0) - 2 * n).all()
    assert {arm: n[0] + n[1] for arm, n in found.patients.items()} == dosed.of
