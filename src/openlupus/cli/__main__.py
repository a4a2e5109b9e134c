"""`python -m openlupus.cli`."""

from openlupus.cli import main

main()
