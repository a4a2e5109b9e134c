"""Pages of records: a patient's profile, and listings."""

from dataclasses import dataclass

import polars as pl

from openlupus.display.model import flags
from openlupus.display.render_html import environment


@dataclass(frozen=True)
class Page:
    """A page of facts, a picture and tables of records.

    Attributes:
        facts: Name and value of what stands at the top.
        picture: An `<svg>`, or nothing.
        tables: Title and rows; columns are shown as they are named.
        synthetic, dummy_arms: What must be said of the records.
    """

    title: str
    subtitle: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    picture: str = ""
    tables: tuple[tuple[str, pl.DataFrame], ...] = ()
    synthetic: bool = False
    dummy_arms: bool = False


def page_html(page: Page) -> str:
    """The page as one HTML document that fetches nothing; the same page gives the same bytes."""
    template = environment().get_template("profile.html.j2")
    said = flags(synthetic=page.synthetic, dummy_arms=page.dummy_arms)
    return template.render(profile=page, flags=said, running=" · ".join(said)) + "\n"
