"""Helpers for notebooks: consoles, display of figures, warnings with the user's line, commands in new processes."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import PanjError
from sim.processes import output_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console


PACKAGE = str(Path(__file__).parents[1])


def console_for(progress: bool) -> "Console":
    """Return a console that shows progress and notes, but no tables, or nothing without `progress`."""
    from sim.execution.console import Terse

    return Terse(quiet=not progress, highlight=False, markup=False)


def shown_by_notebooks(figure: "Figure") -> "Figure":
    """Ensure that a notebook displays a figure when it is the value of a cell, and return the figure.

    Notebooks display figures only after a cell that used pyplot. This figure is not managed by pyplot, so it is not
    displayed twice and does not have to be closed.
    """
    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook is not None else None
    if shell is not None:
        formatters = shell.display_formatter.formatters.values()
        if not any(type(figure) in each.type_printers for each in formatters):
            import_module("IPython.core.pylabtools").select_figure_formats(shell, {"png"})
    return figure


def run_apart(words: Sequence[str]) -> None:
    """Run a command of Panj in a separate process, which frees the memory that figures need.

    A file `sim.py` in the current folder cannot shadow the package.

    Args:
        words: The arguments after `python -m sim`.

    Raises:
        PanjError: The command failed; the error has the message of the command.
    """
    done = output_of("sim", *words)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise PanjError(lines[-1].removeprefix("panj: "))


def warn(message: str) -> None:
    """Issue a warning at the line of the user's program that called the Python interface.

    Python puts `UserWarning:` before the message, so `Warning:` or `Note:` at its beginning is left out.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and is_inside(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(message.removeprefix("Warning: ").removeprefix("Note: "), stacklevel=level)


def is_inside(path: str) -> bool:
    """Return whether a source file belongs to Panj, or to the library that runs its context managers."""
    return path.startswith(PACKAGE) or path.endswith("contextlib.py")
