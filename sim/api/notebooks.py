"""What notebooks need: a console for progress, figures that are shown, and commands in a separate process."""

import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.errors import PanjError
from sim.provenance import python_command

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console


def console_for(progress: bool) -> "Console":
    """Return a console that shows progress and notes, but no tables; without `progress`, it shows nothing."""
    from sim.execution.console import Terse

    return Terse(quiet=not progress, highlight=False, markup=False)


def shown_by_notebooks(figure: "Figure") -> "Figure":
    """Return a figure, after making sure that a notebook shows it when it is the value of a cell.

    Notebooks show figures only once pyplot has been imported; the figure itself does not belong to pyplot, so it is
    not shown twice and need not be closed.
    """
    notebook = sys.modules.get("IPython")
    if notebook is not None and notebook.get_ipython() is not None:
        import matplotlib.pyplot as plt

        plt.get_backend()
    return figure


def run_apart(words: Sequence[str]) -> None:
    """Run a command of Panj in a separate process, which frees the memory that figures need.

    A file `sim.py` in the current folder does not shadow the package.

    Args:
        words: The words after `python -m sim`.

    Raises:
        PanjError: The command failed; the message is its own.
    """
    done = subprocess.run(python_command("sim", *words), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise PanjError(lines[-1].removeprefix("panj: "))
