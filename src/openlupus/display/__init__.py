"""Displays: declared tables and figures filled with results, and the report that holds them.

A display reads results and nothing that computes; rounding happens here, in one file.
"""

from openlupus.display.figures.build import build_figure
from openlupus.display.figures.design import (
    DesignArm,
    DesignPeriod,
    DesignPicture,
    design_figure,
)
from openlupus.display.figures.source import Source
from openlupus.display.model import Cell, FigureModel, Header, TableModel, TableRow
from openlupus.display.render_html import Patients, Report, report_html
from openlupus.display.render_text import table_text
from openlupus.display.table import build_table

__all__ = [
    "Cell",
    "DesignArm",
    "DesignPeriod",
    "DesignPicture",
    "FigureModel",
    "Header",
    "Patients",
    "Report",
    "Source",
    "TableModel",
    "TableRow",
    "build_figure",
    "build_table",
    "design_figure",
    "report_html",
    "table_text",
]
