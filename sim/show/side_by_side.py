"""Pictures drawn at the same time, each in a copy of this process, as many as there are cores."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

Deed = Callable[[], Path]  # draws one file; can be pickled


def side_by_side(deeds: Sequence[Deed]) -> list[Path]:
    """What each deed drew, in their order; the first to raise is raised.

    A copy of a process has imported already what it draws with. Only Linux makes copies that are safe to draw in;
    elsewhere one deed follows the other.
    """
    workers = min(len(os.sched_getaffinity(0)), len(deeds)) if sys.platform == "linux" else 1
    if workers < 2:
        return [deed() for deed in deeds]
    with ProcessPoolExecutor(workers, get_context("fork"), leave_interrupts) as pool:
        return [drawn.result() for drawn in [pool.submit(deed) for deed in deeds]]


def leave_interrupts() -> None:
    """Ctrl-C is for the process that waits for all; a picture takes a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
