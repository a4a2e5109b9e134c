"""The command line: parse, one call, show. Exit codes: 0, 1 findings, 2 usage or unusable input."""

import sys
import tempfile

from rich.markup import escape

from openlupus.cli import ask, audit, monitoring, study, tools, twin
from openlupus.cli.app import app
from openlupus.cli.shared import USAGE, err_console
from openlupus.errors import OpenLupusError

__all__ = ["ask", "audit", "main", "monitoring", "study", "tools", "twin"]


def main() -> None:
    """Run the command; a fault that we know of is a message, any other a traceback."""
    words = sys.argv[1:]
    debug = "--debug" in words
    try:
        code = app([word for word in words if word != "--debug"], result_action="return_value")
    except OpenLupusError as error:
        if debug:
            raise
        err_console.print(
            f"[bold]{type(error).__name__}[/bold]: {escape(str(error))}", soft_wrap=True
        )
        sys.exit(USAGE)
    except OSError as error:
        if debug:
            raise
        where = f" {error.filename}" if error.filename else ""
        err_console.print(f"[bold]File[/bold]:{escape(f'{where}: {error.strerror or error}')}")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        err_console.print("interrupted")
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        with tempfile.NamedTemporaryFile(
            "w", suffix=".txt", prefix="openlupus-", delete=False
        ) as f:
            import traceback

            traceback.print_exc(file=f)
        err_console.print(
            f"[bold]Internal error[/bold]: {escape(f'{type(error).__name__}: {error}')}\n"
            f"This is a fault of OpenLupus, not of your input. Its trace is in {f.name}; "
            "run with --debug to see it here.",
            soft_wrap=True,
        )
        sys.exit(USAGE)
    sys.exit(code if isinstance(code, int) else 0)
