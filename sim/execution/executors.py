"""Run campaigns on threads, processes or a Dask cluster, all through `concurrent.futures`.

Only the main process reacts to Ctrl-C; workers ignore it and finish their tasks.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor as Pool
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sim.errors import PanjError
from sim.processes import ProcessPool, follow_parent, interrupts_deferred, safe_imports
from sim.study.files import make_arrow_lean

if TYPE_CHECKING:
    from sim.configuration.settings import Executor

PATIENCE = 5  # longest wait for an answer of a scheduler, or for the end of processes and clusters, seconds
WITHOUT_WORKERS = 30  # time without workers after which a cluster on this machine counts as lost, seconds


class Workers:
    """Pool of workers, which is reopened if a worker process is lost."""

    def __init__(self, executor: "Executor") -> None:
        self.executor = executor
        self.client: Any = None
        self.seen_at = time.monotonic()  # time at which a cluster last had a worker
        self.starting = threading.Lock()
        self.is_stopped = False
        self.pool = self.open()

    @property
    def count(self) -> int:
        """Number of tasks that can run at once."""
        if self.client is not None:
            with self.scheduler_answers():
                return max(1, sum(self.client.ncores().values()))
        return self.executor.workers or cores()

    def check_alive(self) -> None:
        """Raise PanjError if a cluster started by this process has had no worker for `WITHOUT_WORKERS` seconds.

        Remote clusters are not checked, since they may get new workers.
        """
        if self.client is None or self.client.cluster is None:
            return
        with self.scheduler_answers():
            if self.client.ncores():
                self.seen_at = time.monotonic()
        if time.monotonic() - self.seen_at > WITHOUT_WORKERS:
            raise PanjError(
                f"executor: found no Dask worker for {WITHOUT_WORKERS} s, expected {self.executor.workers or cores()}; "
                "run the same command to continue from the stored campaigns"
            )

    def open(self) -> Pool:
        """Start workers, or connect to the workers of a Dask scheduler, and return their pool."""
        if self.executor.kind == "threads":
            return ThreadPoolExecutor(self.count, thread_name_prefix="campaigns")
        if self.executor.kind == "processes":
            check_main_module()
            return ProcessPool(self.count, "spawn", serve_the_parent)
        self.client = dask_client(self.executor)
        return self.client.get_executor(pure=False)  # type: ignore[no-any-return]

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a call of `task` with `arguments` to a worker, and return the future of the result."""
        if self.executor.kind == "processes":
            return self.submit_to_processes(task, *arguments)
        with self.scheduler_answers():
            return self.pool.submit(task, *arguments)

    def submit_to_processes(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a call of `task` to a worker process, after opening a new pool if a process was lost.

        Processes started by this method ignore Ctrl-C from the beginning. Raise RuntimeError after `stop`.
        """
        with self.starting, interrupts_deferred():
            if self.is_stopped:
                raise RuntimeError("the workers are stopped")
            try:
                return self.pool.submit(task, *arguments)
            except BrokenProcessPool:
                self.pool.shutdown(wait=False, cancel_futures=True)
                self.pool = self.open()
                return self.pool.submit(task, *arguments)

    @contextmanager
    def scheduler_answers(self) -> Iterator[None]:
        """Raise PanjError if the connection to the scheduler is lost within a block."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            if self.client is None:
                raise
            raise PanjError(
                f"executor: found that the scheduler at {self.client.scheduler.address} no longer answers, expected it "
                "to keep running; run the same command to continue from the stored campaigns"
            ) from error

    def stop(self) -> None:
        """Kill worker processes immediately, so that their tasks fail, and start no others."""
        with self.starting:
            self.is_stopped = True
            processes = list((getattr(self.pool, "_processes", None) or {}).values())
            self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(PATIENCE)

    def close(self) -> None:
        """Stop the workers, and the Dask cluster if this process started it."""
        if self.client is None:
            self.pool.shutdown(wait=True, cancel_futures=True)
        else:
            cluster = self.client.cluster
            with suppress(Exception):  # the scheduler may have ended
                self.client.close(timeout=PATIENCE)
                if cluster is not None:
                    cluster.close(timeout=PATIENCE)


@contextmanager
def workers_of(executor: "Executor") -> Iterator[Workers]:
    """Start workers for the duration of a block.

    Args:
        executor: Kind and number of workers and, for Dask, the address of a scheduler.

    Yields:
        The workers.

    Raises:
        PanjError: If worker processes or a Dask cluster cannot be started.
    """
    with safe_imports():  # a Dask cluster replaces lost workers at any time
        workers = Workers(executor)
        try:
            yield workers
        finally:
            workers.close()


def check_main_module() -> None:
    """Raise PanjError if worker processes cannot import the main script, for instance one read from standard input."""
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None) if getattr(main, "__spec__", None) is None else None
    if script is not None and not os.path.exists(script):
        raise PanjError(
            f"executor: found a script from {script}, which worker processes cannot import, expected a script in a "
            "file with its calls under if __name__ == '__main__', or executor=threads", key="executor",
        )  # fmt: skip


def cores() -> int:
    """Return the number of cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve_the_parent() -> None:
    """Set up a worker process to ignore Ctrl-C, end with its parent and use little memory."""
    follow_parent()
    make_arrow_lean()


async def greet(address: str) -> None:
    """Check, with a timeout, that a scheduler answers; without this check, a Dask client could wait forever."""
    from distributed import Security
    from distributed.core import connect

    comm = await connect(address, timeout=PATIENCE, **Security().get_connection_args("client"))
    await comm.close()


def dask_client(executor: "Executor") -> Any:
    """Return a client of the scheduler at the given address or, without one, of a new cluster on this machine."""
    import asyncio

    from distributed import Client, LocalCluster

    if executor.address:
        try:
            asyncio.run(asyncio.wait_for(greet(executor.address), PATIENCE))
            return Client(executor.address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise PanjError(
                f"executor.address: found no scheduler that answers at {executor.address} within {PATIENCE} s "
                f"({' '.join(str(error).split())[:120] or 'timeout'}), expected the address of one, such as tcp://host:8786"
            ) from error
    try:
        with interrupts_deferred():  # the workers inherit this
            cluster = LocalCluster(
                n_workers=executor.workers or cores(), threads_per_worker=1, processes=True, dashboard_address=":0",
                silence_logs=50,
            )  # fmt: skip
    except (RuntimeError, OSError) as error:
        raise PanjError(
            f"executor: found Dask workers that did not start ({' '.join(str(error).split())[:120]}), expected "
            f"{executor.workers or cores()}; run the same command to try again"
        ) from error
    return Client(cluster, set_as_default=False)
