"""An analysis that does not fit the data says why in its place, and the report goes on."""

from pathlib import Path

import pytest

from derivation.small_trial import DECLARATION, STEADY, Subject, frames
from openlupus import pipeline
from openlupus.display import FigureModel, TableModel
from openlupus.errors import AnalysisError
from openlupus.protocol import load

TWOARM = Path(__file__).parent / "studies" / "twoarm"
FIRST = next(iter(load(TWOARM).populations))
ARM, CONTROL = list(load(TWOARM).arms)[:2]
FURTHER = f"""
[analysis.absent]
population = "{FIRST}"
dataset = "ADZZ"
method = {{ name = "incidence", by = ["AEDECOD"], overall = "Any" }}

[display.absent]
kind = "table"
number = "Table 99"
title = "Events"
population = "{FIRST}"
columns = [{{ key = "all", header = "All", group = "{ARM}" }}]
rows = [
  {{ label = "Heading", heading = true }},
  {{ label = "Any event", analysis = "absent", parameter = "Any", cells = {{ value = "{{n}}" }} }},
  {{ analysis = "absent", expand = true, cells = {{ value = "{{n}}" }} }},
]

[display.absent_figure]
kind = "figure"
number = "Figure 99"
title = "Events"
shows = "dot_plot"
read = {{ analysis = "absent" }}
test = "{ARM}"
control = "{CONTROL}"
"""


@pytest.fixture
def study(tmp_path: Path) -> pipeline.Study:
    (tmp_path / "study.toml").write_text(DECLARATION + FURTHER, encoding="utf-8")
    return pipeline.load(tmp_path, data=frames(Subject("A", STEADY), Subject("B", STEADY)))


def test_the_reason_stands_in_its_place(study: pipeline.Study, tmp_path: Path) -> None:
    data = pipeline.derive(study)
    with pytest.raises(AnalysisError, match="ADZZ"):
        pipeline.analyse(study, data)
    results = pipeline.analyse(study, data, go_on=True)
    assert set(results.failed) == {"absent"}
    assert set(results.analyses) >= {*study.protocol.analyses}
    table, figure = pipeline.displays(study, data, results, only=["absent", "absent_figure"])
    assert isinstance(table, TableModel)
    assert isinstance(figure, FigureModel)
    cells = [cell for row in table.rows if not row.heading for cell in row.cells]
    assert [cell.text for cell in cells] == ["NE", "NE"]
    assert all("ADZZ" in cell.warnings[0] for cell in cells)
    assert "ADZZ" in table.footnotes[-1]
    assert "ADZZ" in figure.description
    page = pipeline.report(study, data, results, out=tmp_path / "out")
    assert page.read_text("utf-8").count("ADZZ") >= 2
