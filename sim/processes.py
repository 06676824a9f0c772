"""Start processes that leave Ctrl-C to this process and end with it, even if it is killed.

Functions for pools of workers, and for commands of this copy of Panj that run apart from this process. These processes,
and the one that `multiprocessing` itself starts, import no modules of the current folder.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any

from sim.provenance import python_command

SAFE_PATH = "PYTHONSAFEPATH"  # variable with which Python does not import from the current folder
changing = threading.Lock()
replaced: list[str | None] = []  # values of the variable before each block of `safe_imports` that is open


def follow_parent() -> None:
    """Set up a worker process: ignore Ctrl-C, which its parent handles, and end with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent process to end, then exit, so that a killed command leaves no processes behind."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def safe_imports() -> Iterator[None]:
    """Prevent new Python processes within a block from importing modules of the current folder, such as `types.py`.

    A worker still imports from the import paths of this process, even if the current folder is one of them. Blocks on
    several threads may overlap.
    """
    with changing:
        replaced.append(os.environ.get(SAFE_PATH))
        os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        with changing:
            before = replaced.pop()  # of the last block to end, the value before the first one
            if before is None:
                os.environ.pop(SAFE_PATH, None)
            else:
                os.environ[SAFE_PATH] = before


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Defer Ctrl-C to the end of a block, and make processes started within it ignore Ctrl-C from the beginning.

    An interrupt while a process is forked would be lost, since Python ignores errors in functions called after a fork.
    Outside the main thread, there is no effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    met: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda *given: met.append(given))
    has_mask = hasattr(signal, "pthread_sigmask")  # new processes inherit the mask
    if has_mask:
        from multiprocessing.resource_tracker import ensure_running

        with safe_imports():
            ensure_running()  # when this process of multiprocessing is started, SIGINT is unblocked
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        if has_mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if met and callable(before):
            before(*met[0])


class ProcessPool(ProcessPoolExecutor):
    """Pool of worker processes that import no modules of the current folder; they start when calls are submitted.

    Args:
        count: Number of processes.
        method: How to start them, such as `spawn`.
        start: Function that each process calls first; it should call `follow_parent`.
    """

    def __init__(self, count: int, method: str, start: Callable[[], None]) -> None:
        with safe_imports():  # the process of multiprocessing itself starts here
            super().__init__(count, get_context(method), start)

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Submit a call of `task` to a worker, and return the future of the result."""
        with safe_imports():
            return super().submit(task, *arguments, **named)


@contextmanager
def worker_pool(count: int, method: str, start: Callable[[], None] = follow_parent) -> Iterator[ProcessPool]:
    """Open a pool of worker processes for the duration of a block.

    If the block is interrupted, the workers are killed. If it fails, they first finish the calls that they are running.

    Args:
        count: Number of processes.
        method: How to start them, such as `spawn`.
        start: Function that each process calls first; it should call `follow_parent`.

    Yields:
        The pool.
    """
    pool = ProcessPool(count, method, start)
    try:
        try:
            yield pool
        except Exception:
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown(cancel_futures=True)
    except Exception:
        raise
    except BaseException:  # Ctrl-C in the block, or while waiting for the workers
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(cancel_futures=True)
        raise


@contextmanager
def running_apart(module: str, *words: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this copy of Panj in a new process, which ends at the end of the block or with this process.

    Args:
        module: Name of the module or package, such as `sim`.
        words: Arguments of the module.
        options: Options of `subprocess.Popen`.

    Yields:
        The process.
    """
    here, there = os.pipe()  # the new process waits in a thread until `there` is closed
    inherits = hasattr(os, "fork")  # other systems cannot pass on an open pipe
    try:
        command = python_command(module, *words, parent=here if inherits else None)
        with subprocess.Popen(command, text=True, pass_fds=[here] if inherits else [], **options) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
    finally:
        os.close(here)
        os.close(there)


def output_of(module: str, *words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a module of this copy of Panj in a new process to its end, and capture what it prints.

    Args:
        module: Name of the module or package, such as `sim`.
        words: Arguments of the module.
        options: Options of `subprocess.Popen`.

    Returns:
        The exit code, the output and the errors.
    """
    with running_apart(module, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        out, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)
