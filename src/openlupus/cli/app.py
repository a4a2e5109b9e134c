"""The command `openlupus`; each module beside adds its own commands."""

from cyclopts import App

from openlupus import __version__

app = App(
    name="openlupus",
    version=__version__,
    help="One open engine for the whole life of a lupus trial.",
    help_format="plaintext",
)
