"""Entry point of the command line, which handles Ctrl-C while the program is still being imported.

`python -m sim` and the script `panj` both call `run`. Before the first line of this module, Python itself is starting
and answers Ctrl-C with a traceback. `import sim` in a program of a user does not import this module.
"""

import _signal as signal  # type: ignore[import-not-found]  # the part of `signal` that is not slow to import
import os
from importlib import import_module  # imported by `sim` already

INTERRUPTED = 130  # exit code after Ctrl-C
STOPPED_AT_ONCE = "\nStopped at once."


def run() -> None:
    """Import the command line and run one command with the arguments of this process, which then ends."""
    stop_on_interrupt()
    import_module("sim.__main__").run_program()


def stop_on_interrupt() -> None:
    """End the process at once on Ctrl-C, unless Ctrl-C is ignored or handled in another way.

    This is for the times before and after a command, in which there is nothing to store or to clean up.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop_at_once)


def raise_on_interrupt() -> None:
    """Raise KeyboardInterrupt on Ctrl-C again, as Python usually does, if `stop_on_interrupt` has changed that."""
    if signal.getsignal(signal.SIGINT) is stop_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_at_once(*_: object) -> None:
    """Print that the program was stopped, and end the process, without the errors that imports turn Ctrl-C into."""
    try:
        os.write(2, f"{STOPPED_AT_ONCE}\n".encode())
    finally:
        os._exit(INTERRUPTED)
