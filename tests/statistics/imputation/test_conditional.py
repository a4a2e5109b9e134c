"""Chained equations and their regressions. Their law against R's mice is a golden record."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from openlupus.errors import ImputationError
from openlupus.statistics.imputation.conditional import (
    impute_chained,
    impute_chained_stream,
    sweep_trace,
)
from openlupus.statistics.imputation.mixed import Column
from openlupus.statistics.imputation.monotone import impute_monotone
from openlupus.statistics.imputation.regressions import draw_matched, draw_nominal, draw_ordinal

COLUMNS = (
    Column("age"),
    Column("score", model="pmm"),
    Column("grade", "ordinal"),
    Column("responder", "binary"),
    Column("region", "nominal"),
)


def mixed(n: int = 150, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(n)
    y = np.column_stack(
        [
            z,
            np.round(5 + 2 * z + rng.standard_normal(n), 1),
            np.digitize(z + rng.logistic(size=n), [-1.0, 1.0]) + 1.0,
            (z + rng.logistic(size=n) > 0) * 1.0,
            rng.choice([10.0, 20.0, 40.0, 80.0], n),
        ]
    )
    y[rng.random((n, 5)) < [0.0, 0.2, 0.2, 0.2, 0.2]] = np.nan
    return y


def draw(data, columns=COLUMNS, seed=3, **options):
    options = {"m": 6, "sweeps": 3} | options
    return impute_chained(data, columns, generator=np.random.default_rng(seed), **options)


def test_draws_are_values_of_their_kind() -> None:
    y = mixed()
    got = draw(y)
    for j in (1, 2, 3, 4):
        assert set(np.unique(got.drawn(j))) <= set(np.unique(y[~np.isnan(y[:, j]), j]))
    assert not np.isnan(got.stacked()).any()
    assert not got.imputed[:, 0].any()
    assert "score pmm" in got.method


def test_the_draws_do_not_depend_on_who_runs_the_blocks(monkeypatch) -> None:
    monkeypatch.setattr("openlupus.statistics.imputation.conditional._ROOM", 1600)
    y = mixed()
    alone = draw(y)
    with ThreadPoolExecutor(2) as executor:
        shared = draw(y, executor=executor)
    assert np.array_equal(alone.values, shared.values)
    stream = impute_chained_stream(y, COLUMNS, generator=np.random.default_rng(3), m=6, sweeps=3)
    assert [len(block) for block in stream] == [2, 2, 2]


def test_models_by_arm_see_only_their_arm() -> None:
    rng = np.random.default_rng(1)
    arm = np.repeat([0, 1], 80)
    x = rng.standard_normal(160)
    y = np.where(arm == 1, 50 + 3 * x, -50 - 3 * x) + rng.standard_normal(160)
    y[::5] = np.nan
    apart = draw(np.column_stack([x, y]), ("x", "y"), by=arm).column(1)
    assert np.all(apart[:, arm == 1] > 0)
    assert np.all(apart[:, arm == 0] < 0)
    # With the arm as a predictor the slope is common: the wrong model here, but the right level.
    together = draw(np.column_stack([x, y, arm]), ("x", "y", Column("arm", "nominal"))).column(1)
    assert together[:, arm == 1].mean() == pytest.approx(50, abs=3)


def test_columns_that_do_not_predict_are_left_out() -> None:
    y = mixed()
    uses = np.ones((5, 5), bool)
    uses[1] = [True, False, False, False, False]
    assert not np.array_equal(draw(y, predictors=uses).values, draw(y).values)
    with pytest.raises(ImputationError, match="predictors has shape"):
        draw(y, predictors=np.ones((2, 2)))


def separated() -> np.ndarray:
    x = np.linspace(-2, 2, 80)
    y = (x > 0).astype(float)
    y[::6] = np.nan
    return np.column_stack([x, y])


def test_a_separated_response_needs_the_named_prior() -> None:
    columns = (Column("x"), Column("y", "binary"))
    with pytest.raises(ImputationError, match=r"y: .*separated"):
        draw(separated(), columns, prior="none")
    got = draw(separated(), columns, m=20)
    assert "augmented" in got.method
    x = separated()[np.isnan(separated()[:, 1]), 0]
    assert got.drawn(1)[:, x > 1].mean() > 0.9
    assert got.drawn(1)[:, x < -1].mean() < 0.1


def test_separation_is_refused_for_ordered_categories_too() -> None:
    x = np.linspace(-2, 2, 90)
    y = np.digitize(x, [-0.7, 0.7]).astype(float)
    y[::6] = np.nan
    columns = (Column("x"), Column("y", "ordinal"))
    with pytest.raises(ImputationError, match="y: "):
        draw(np.column_stack([x, y]), columns, prior="none")
    assert np.isfinite(draw(np.column_stack([x, y]), columns).values).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y.__setitem__((slice(None), 1), np.nan), "score: no value is observed"),
        (lambda y: y.__setitem__((~np.isnan(y[:, 3]), 3), 1.0), "no other category"),
        (lambda y: y.__setitem__((0, 3), 7.0), "binary and has 3 values"),
        (lambda y: y.__setitem__((0, 0), np.inf), "infinite"),
    ],
)
def test_columns_that_cannot_be_imputed(change, words) -> None:
    y = mixed()
    change(y)
    with pytest.raises(ImputationError, match=words):
        draw(y)


def test_collinear_predictors_are_refused_by_the_name_of_the_column() -> None:
    y = mixed()
    twin = np.column_stack([y[:, :2], y[:, 0] * 2 + 1])
    with pytest.raises(ImputationError, match="score: predictors depend on each other"):
        draw(twin, ("age", "score", "double"))


def test_an_arm_without_observations_is_refused_by_name() -> None:
    y = mixed()
    arm = np.repeat(["active", "placebo"], 75)
    y[arm == "placebo", 1] = np.nan
    with pytest.raises(ImputationError, match="group placebo: score: no value is observed"):
        draw(y, by=arm)
    with pytest.raises(ImputationError, match="by has shape"):
        draw(y, by=arm[:10])


@pytest.mark.parametrize(("options", "words"), [({"m": 1}, "m is 1"), ({"sweeps": 0}, "sweeps")])
def test_options_that_cannot_be(options, words) -> None:
    with pytest.raises(ImputationError, match=words):
        draw(mixed(), **options)


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ImputationError, match="cannot be imputed by 'logistic'"):
        Column("age", "numeric", "logistic")


def test_more_donors_than_values_are_refused() -> None:
    x = np.ones((2, 3, 1))
    with pytest.raises(ImputationError, match="5 donors"):
        draw_matched(x, np.arange(3.0), x, np.random.default_rng(0), donors=5)


def test_the_nearest_donors_are_drawn_equally_often() -> None:
    # One predictor that fits exactly but for noise: the donors of 5.02 are 4 to 6.
    x = np.column_stack([np.ones(60), np.arange(60.0)])
    y = np.arange(60.0) + 1e-9 * np.random.default_rng(0).standard_normal(60)
    wanted = np.array([[1.0, 5.02]])
    chains = 3000
    got = draw_matched(
        np.repeat(x[None], chains, 0), y, np.repeat(wanted[None], chains, 0),
        np.random.default_rng(1), donors=3,
    )  # fmt: skip
    values, counts = np.unique(np.round(got), return_counts=True)
    assert values.tolist() == [4, 5, 6]
    assert counts / chains == pytest.approx([1 / 3] * 3, abs=0.04)


@pytest.mark.independent
def test_drawn_categories_have_the_chances_of_statsmodels() -> None:
    y = mixed(1500, 4)
    y = y[~np.isnan(y).any(axis=1)]
    x = np.column_stack([np.ones(len(y)), y[:, 0]])
    at = np.array([[1.0, -1.0], [1.0, 1.5]])
    stacks = np.repeat(x[None], 1000, 0), np.repeat(at[None], 1000, 0)
    grade = y[:, 2] - 1
    drawn = draw_ordinal(
        stacks[0], grade, stacks[1], np.random.default_rng(1), categories=3, prior="none"
    )
    fit = OrderedModel(grade, y[:, :1], distr="logit").fit(method="bfgs", disp=False)
    assert shares(drawn, 3) == pytest.approx(fit.predict(at[:, 1:]), abs=0.06)
    region = np.searchsorted([10, 20, 40, 80], y[:, 4]).astype(float)
    drawn = draw_nominal(
        stacks[0], region, stacks[1], np.random.default_rng(1), categories=4, prior="none"
    )
    chances = sm.MNLogit(region, x).fit(disp=False).predict(at)
    assert shares(drawn, 4) == pytest.approx(chances, abs=0.06)


def shares(drawn: np.ndarray, categories: int) -> np.ndarray:
    return (drawn[:, :, None] == np.arange(categories)).mean(axis=0)


def test_the_trace_of_the_sweeps_has_a_line_for_each_chain() -> None:
    got = sweep_trace(mixed(), COLUMNS, sweeps=4, chains=3, generator=np.random.default_rng(0))
    assert got.mean.shape == (3, 4, 5)
    assert np.isnan(got.mean[:, :, 0]).all()
    assert np.isfinite(got.mean[:, :, 1:]).all()


def test_a_category_without_an_observed_response_is_named() -> None:
    rng = np.random.default_rng(8)
    region = np.repeat([1.0, 2.0, 3.0], 20)
    response = (rng.random(60) < 0.4).astype(float)
    response[region == 3] = np.nan
    response[:3] = np.nan
    columns = [Column("region", "nominal"), Column("response", "binary")]
    table = np.column_stack([region, response])
    chained = impute_chained(table, columns, m=400, sweeps=1, generator=rng)
    monotone = impute_monotone(table, columns, m=400, generator=rng)
    for got in (chained, monotone):
        assert len(got.warnings) == 1
        assert "response is observed in no row with region = 3" in got.warnings[0]
        drawn = got.column(1)[:, region == 3]
        # Drawn about the first category, whose effect is the intercept, and far less surely.
        assert 0.2 < drawn.mean() < 0.6
        assert drawn.mean(axis=1).std() > 0.15


def test_a_group_of_one_level_is_imputed_by_itself() -> None:
    rng = np.random.default_rng(9)
    arm = np.repeat([0.0, 1.0], 30)
    score = arm + rng.normal(size=60)
    score[::7] = np.nan
    columns = [Column("arm", "binary"), "score"]
    for impute in (impute_chained, impute_monotone):
        got = impute(np.column_stack([arm, score]), columns, m=3, generator=rng, by=arm)
        assert not np.isnan(got.stacked()).any()
