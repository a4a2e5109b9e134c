"""Pictures of imputation from plain numbers; what they are made of is tested in modelling."""

import pytest

from openlupus.display.figures.diagnostics import (
    ComparisonPicture,
    TracePicture,
    chains_figure,
    comparison_figure,
    write_figure,
)
from openlupus.errors import DisplayError


def trace(**more):
    return TracePicture(label="mean", chains=[[0.0, 1.0, 0.5], [1.0, 0.0, 0.2]], **more)


def comparison(label="score"):
    five = (1.0, 2.0, 3.0, 4.0, 5.0)
    return ComparisonPicture(
        label=label, observed=five, imputed=five, observed_mean=3, imputed_mean=3.5, counts=(80, 20)
    )


def test_chains_stand_alone_or_beside_their_correlation():
    alone = chains_figure([trace(), trace(centre=0.4)], title="chains")
    beside = chains_figure([trace(correlation=[[1.0, 0.2], [1.0, 0.1]]), trace()], title="chains")
    assert len(alone.axes) == 2
    assert [axes.get_visible() for axes in beside.axes] == [True, True, True, False]
    assert len(beside.axes[0].lines) == 2


def test_chains_differ_in_style_as_well_as_in_colour():
    lines = chains_figure([trace()], title="chains").axes[0].lines
    assert len({line.get_color() for line in lines}) == len({x.get_linestyle() for x in lines}) == 2


def test_one_panel_a_variable():
    figure = comparison_figure([comparison(f"v{k}") for k in range(5)], title="values")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == [f"v{k}" for k in range(5)]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    figure = comparison_figure([comparison()], title="values")
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        write_figure(figure, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("draw", [chains_figure, comparison_figure])
def test_nothing_to_draw(draw):
    with pytest.raises(DisplayError, match="no "):
        draw([], title="nothing")
