"""Degrees of freedom, adjusted covariance, sandwich: against classical answers and definitions."""

import numpy as np
import pytest
from mmrm_trials import trial
from scipy.stats import f as f_distribution

from openlupus.errors import StatisticsError
from openlupus.statistics.mmrm import fit, inference
from openlupus.statistics.mmrm.degrees_of_freedom import between_within


def fitted(t, **options):
    return fit(t.y, t.x, t.visit, t.subject, **options)


def balanced(subjects: int = 12, visits: int = 4):
    t = trial(seed=5, subjects=subjects, visits=visits, missing=0.0)
    x = np.column_stack([(t.visit == v).astype(float) for v in range(visits)])
    return t, x, t.y.reshape(subjects, visits)


@pytest.mark.parametrize(
    ("df", "vcov"),
    [
        ("kenward-roger", "kenward-roger-linear"),
        ("kenward-roger", "kenward-roger-sas"),
        ("satterthwaite", "asymptotic"),
    ],
)
def test_balanced_compound_symmetry_is_the_analysis_of_variance(df: str, vcov: str) -> None:
    t, x, table = balanced()
    n, m = table.shape
    found = inference(fit(t.y, x, t.visit, t.subject, covariance="cs"), df=df, vcov=vcov)
    test = found.joint(np.eye(m)[1:] - np.eye(m)[0])
    residual = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    within = (residual**2).sum() / ((n - 1) * (m - 1))
    expected = n * ((table.mean(0) - table.mean()) ** 2).sum() / (m - 1) / within
    assert test.numerator_df == m - 1
    assert test.df == pytest.approx((n - 1) * (m - 1), rel=1e-6)
    assert test.statistic == pytest.approx(expected, rel=1e-7)
    assert test.p == pytest.approx(f_distribution.sf(expected, m - 1, test.df), rel=1e-5)


@pytest.mark.parametrize("vcov", ["kenward-roger-linear", "kenward-roger-sas"])
def test_balanced_unstructured_is_hotelling(vcov: str) -> None:
    """Kenward-Roger recovers Hotelling's T2, which is exact, with its F and degrees of freedom."""
    t, x, table = balanced()
    n, m = table.shape
    found = inference(fit(t.y, x, t.visit, t.subject), vcov=vcov)
    contrasts = np.eye(m)[1:] - np.eye(m)[0]
    differences = table @ contrasts.T
    mean, spread = differences.mean(0), np.cov(differences.T)
    q = m - 1
    expected = n * mean @ np.linalg.solve(spread, mean) * (n - q) / (q * (n - 1))
    test = found.joint(contrasts)
    assert test.df == pytest.approx(n - q, rel=1e-7)
    assert test.statistic == pytest.approx(expected, rel=1e-7)


def test_one_contrast_is_the_square_of_its_t() -> None:
    for df, vcov in [
        ("kenward-roger", None), ("satterthwaite", None), ("satterthwaite", "empirical"),
        ("between-within", None), ("residual", None), ("normal", None),
    ]:  # fmt: skip
        found = inference(fitted(trial()), df=df, vcov=vcov)
        row = np.array([0.0, 1.0, 0.5, -0.5])
        single, joint = found.estimate(row), found.joint(row)
        assert joint.statistic == pytest.approx(single.t[0] ** 2, rel=1e-9)
        assert joint.p == pytest.approx(single.p[0], rel=1e-7)


@pytest.mark.parametrize("df", ["kenward-roger", "residual"])
def test_a_joint_test_does_not_depend_on_how_its_contrasts_are_written(df: str) -> None:
    found = inference(fitted(trial()), df=df)
    rows = np.eye(4)[1:]
    mixed = np.random.default_rng(1).normal(size=(3, 3)) @ rows
    doubled = np.vstack([rows, rows[0] + rows[1]])
    one, two, three = (found.joint(r) for r in (rows, mixed, doubled))
    for other in (two, three):
        assert other.numerator_df == 3
        assert other.statistic == pytest.approx(one.statistic, rel=1e-9)
        assert other.df == pytest.approx(one.df, rel=1e-7)


def test_satterthwaite_joint_tests_depend_on_the_basis_of_their_contrasts_only_by_its_angles() -> (
    None
):
    found = inference(fitted(trial()), df="satterthwaite")
    rows = np.eye(4)[1:]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    one, two = found.joint(rows), found.joint(turn @ rows)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-9)
    assert two.df == pytest.approx(one.df, rel=1e-7)


def test_kenward_roger_of_linear_structures_needs_no_second_derivatives() -> None:
    own = fitted(trial())
    sas, linear, mmrm = (
        inference(own, vcov=name).covariance
        for name in ("kenward-roger-sas", "kenward-roger-linear", "kenward-roger")
    )
    np.testing.assert_allclose(sas, linear, rtol=1e-12)
    assert np.abs(mmrm / linear - 1).max() > 1e-3


def leave_one_out(t, own) -> np.ndarray:
    """Coefficients without each subject, the covariance of the visits kept."""
    (covariance,) = own.visit_covariance
    parts = []
    for subject in np.unique(t.subject):
        rows = t.subject == subject
        visits = t.visit[rows]
        inverse = np.linalg.inv(covariance[np.ix_(visits, visits)])
        parts.append((t.x[rows].T @ inverse @ t.x[rows], t.x[rows].T @ inverse @ t.y[rows]))
    left, right = (np.sum([p[k] for p in parts], axis=0) for k in (0, 1))
    return np.array([np.linalg.solve(left - a, right - b) for a, b in parts])


def test_jackknife_sandwich_is_the_jackknife() -> None:
    t = trial()
    own = fitted(t)
    apart = leave_one_out(t, own) - own.beta
    found = inference(own, df="satterthwaite", vcov="empirical-jackknife").covariance
    np.testing.assert_allclose(found, apart.T @ apart, rtol=1e-8)


def test_plain_sandwich_is_its_definition() -> None:
    t = trial()
    own = fitted(t)
    (covariance,) = own.visit_covariance
    meat = np.zeros((4, 4))
    for subject in np.unique(t.subject):
        rows = t.subject == subject
        visits = t.visit[rows]
        inverse = np.linalg.inv(covariance[np.ix_(visits, visits)])
        score = t.x[rows].T @ inverse @ (t.y[rows] - t.x[rows] @ own.beta)
        meat += np.outer(score, score)
    found = inference(own, df="normal", vcov="empirical").covariance
    np.testing.assert_allclose(found, own.covariance @ meat @ own.covariance, rtol=1e-8)


def test_corrections_of_the_sandwich_are_ordered() -> None:
    own = fitted(trial())
    plain, reduced, jackknife = (
        np.diag(inference(own, df="normal", vcov=name).covariance)
        for name in ("empirical", "empirical-bias-reduced", "empirical-jackknife")
    )
    assert (plain < reduced).all()
    assert (reduced < jackknife).all()


def test_sandwich_of_least_squares_is_hc() -> None:
    """One visit: CR0, CR2, CR3 are the HC0, HC2, HC3 of least squares."""
    t = trial()
    first = t.rows(t.visit == 0)
    x, y = first.x[:, :2], first.y
    own = fit(y, x, first.visit, first.subject)
    bread = np.linalg.inv(x.T @ x)
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    residual = y - x @ own.beta
    for name, power in [
        ("empirical", 0),
        ("empirical-bias-reduced", 1),
        ("empirical-jackknife", 2),
    ]:
        weight = residual**2 / (1 - leverage) ** power
        expected = bread @ (x.T * weight) @ x @ bread
        found = inference(own, df="satterthwaite", vcov=name)
        np.testing.assert_allclose(found.covariance, expected, rtol=1e-8)


def test_bell_and_mccaffrey_degrees_of_freedom_by_their_definition() -> None:
    t = trial(subjects=10)
    own = fitted(t)
    (covariance,) = own.visit_covariance
    blocks, roots = [], []
    for subject in np.unique(t.subject):
        rows = t.subject == subject
        whole = covariance[np.ix_(t.visit[rows], t.visit[rows])]
        root = np.linalg.inv(np.linalg.cholesky(whole))
        blocks.append(root @ t.x[rows])
        roots.append(rows)
    design = np.concatenate(blocks)
    hat = design @ own.covariance @ design.T
    row = np.array([0.0, 1.0, 0.0, 0.0])
    place, columns = 0, []
    for block in blocks:
        own_rows = slice(place, place + len(block))
        place += len(block)
        values, axes = np.linalg.eigh(np.eye(len(block)) - hat[own_rows, own_rows])
        correction = axes @ np.diag(values**-0.5) @ axes.T
        columns.append(
            (np.eye(len(hat)) - hat)[:, own_rows] @ correction @ block @ own.covariance @ row
        )
    gram = np.array(columns) @ np.array(columns).T
    expected = np.trace(gram) ** 2 / np.sum(gram**2)
    found = inference(own, df="satterthwaite", vcov="empirical-bias-reduced").estimate(row)
    assert found.df[0] == pytest.approx(expected, rel=1e-9)


def test_between_within() -> None:
    t = trial()
    own = fitted(t)
    n, subjects = t.y.size, np.unique(t.subject).size
    rows = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0.0]])
    between, within = subjects - 2, n - subjects - 2
    np.testing.assert_array_equal(between_within(own, rows), [between, within, between, within])


def test_swapping_the_arms_mirrors_the_difference() -> None:
    t = trial()
    x = t.x.copy()
    x[:, 1] = 1 - x[:, 1]
    row = np.array([0.0, 1.0, 0.0, 0.0])
    one = inference(fitted(t)).estimate(row)
    two = inference(fit(t.y, x, t.visit, t.subject)).estimate(row)
    assert two.value[0] == pytest.approx(-one.value[0], rel=1e-9)
    assert (two.lower[0], two.upper[0]) == pytest.approx((-one.upper[0], -one.lower[0]), rel=1e-8)
    assert (two.df[0], two.p[0]) == pytest.approx((one.df[0], one.p[0]), rel=1e-7)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"df": "satterthwaite", "vcov": "kenward-roger"}, "belong together"),
        ({"df": "kenward-roger", "vcov": "empirical"}, "belong together"),
        ({"df": "containment"}, "df is one of"),
        ({"vcov": "hc3", "df": "normal"}, "vcov of"),
        ({"level": 1.0}, "confidence level"),
    ],
)
def test_refuses_options_that_clash(options, words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        inference(fitted(trial()), **options)


def test_refuses_kenward_roger_after_maximum_likelihood() -> None:
    with pytest.raises(StatisticsError, match="restricted maximum likelihood"):
        inference(fitted(trial(), reml=False))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.ones((1, 3)), "each needs 4 numbers"),
        (np.full((1, 4), np.nan), "not finite"),
        (np.zeros((1, 4)), "only zeros"),
    ],
)
def test_refuses_contrasts_that_cannot_be(rows, words: str) -> None:
    found = inference(fitted(trial()))
    for ask in (found.estimate, found.joint):
        with pytest.raises(StatisticsError, match=words):
            ask(rows)


def test_refuses_a_jackknife_where_a_subject_determines_a_coefficient() -> None:
    t = trial()
    x = np.column_stack([t.x, t.subject == 4])
    own = fit(t.y, x, t.visit, t.subject)
    with pytest.raises(StatisticsError, match="1 subjects each determine"):
        inference(own, df="normal", vcov="empirical-jackknife")
