"""A matplotlib figure as one SVG element that can stand inside a page."""

import re
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "openlupus",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "axes.unicode_minus": True,
}
_UNDATED = {"Date": None, "Creator": None}


def svg_of(figure: "Figure", *, figure_id: str, title: str, description: str) -> str:
    """The figure as `<svg>`: text as text, ids of its own, title and description for readers.

    The same figure gives the same bytes: no date, no random identifiers.
    """
    from matplotlib import rc_context  # pyright: ignore[reportUnknownVariableType]

    with StringIO() as file:
        with rc_context(_SETTINGS):
            figure.savefig(file, format="svg", metadata=_UNDATED)  # pyright: ignore[reportUnknownMemberType]
        text = file.getvalue()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Several figures share a page, so an id must say which figure it belongs to.
    text = re.sub(r'\bid="', f'id="{figure_id}-', text)
    text = re.sub(r'href="#', f'href="#{figure_id}-', text).replace("url(#", f"url(#{figure_id}-")
    head = (
        f'<title id="{figure_id}-name">{escape(title)}</title>\n'
        f'<desc id="{figure_id}-words">{escape(description)}</desc>\n'
    )
    opening, rest = text.split(">", 1)
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    # Type has the same size in every figure of a page, whatever their widths.
    across = figure.get_figwidth()
    opening += f' style="min-width: {5.2 * across:.1f}rem; max-width: {7.2 * across:.1f}rem"'
    labelled = f'role="img" aria-labelledby="{figure_id}-name" aria-describedby="{figure_id}-words"'
    return f"{opening} {labelled}>\n{head}{rest.lstrip()}"
