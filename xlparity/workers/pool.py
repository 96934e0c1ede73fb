"""Worker processes on this machine, by pebble: a crash, a hang or want of memory costs the one argument at work."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from xlparity.errors import EngineError
from xlparity.model.outcome import Ending
from xlparity.workers.attempt import Limits, Lost, attempt, beyond_memory, beyond_time, limit_memory, mute, with_parent

__all__ = ["run_in_pool"]

_OUT_OF_MEMORY = 86  # the exit code of a worker that ends itself, since what is left of its memory is in pieces
_GRACE = 120.0  # seconds beyond the time limit after which not a worker but the pool itself is stuck
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_Function = Callable[[Any, Any], Any]


def run_in_pool(
    function: _Function,
    arguments: Iterable[Any],
    shared: object,
    *,
    jobs: int,
    limits: Limits,
    preload: Sequence[str] = (),
) -> Iterator[tuple[int, Any]]:
    """Each argument's number with `function(argument, shared)`, or with a `Lost`, as they come.

    Parameters
    ----------
    function
        A function of a module that the workers can import. It runs in one thread, and nothing that it prints is seen.
    arguments
        Taken one by one, two for each worker ahead.
    shared
        What all calls get; sent once to each worker.
    jobs
        How many processes.
    limits
        For each argument.
    preload
        Modules that a worker imports before its first argument, and before its limits count. On Linux they are
        imported once, and workers are forked with them.

    Raises EngineError if the workers cannot start. When the iterator is closed all workers end at once; if this process
    is killed they end with it (on Linux; elsewhere when they have done the argument at work).
    """
    feed = enumerate(arguments)
    again: deque[tuple[int, Any]] = deque()
    tried: set[int] = set()
    context = _Context(preload)
    any_result = False
    pool = _Pool(context, function, shared, jobs, limits, preload)
    try:
        while True:
            while len(pool.running) < 2 * jobs:
                numbered = again.popleft() if again else next(feed, None)
                if numbered is None:
                    break
                pool.start(*numbered)
            if not pool.running:
                return
            results, unfinished = pool.some_results()
            for number, result in results:
                any_result = True
                yield number, result
            if not unfinished:
                continue
            if not any_result:
                raise EngineError(
                    "the worker processes do not start (XLPARITY_DEBUG=1 shows why); a script that checks many "
                    "workbooks must do so under `if __name__ == '__main__':`, since each worker imports it"
                )
            pool.end()
            for number, argument in unfinished:
                if number in tried:
                    yield number, Lost(Ending.CRASHED, "its process ended twice, and the other workers with it")
                else:
                    tried.add(number)
                    again.append((number, argument))
            pool = _Pool(context, function, shared, jobs, limits, preload)
    finally:
        pool.end()


class _Pool:
    """One pebble pool and what it has at work."""

    def __init__(
        self,
        context: _Context,
        function: _Function,
        shared: object,
        jobs: int,
        limits: Limits,
        preload: Sequence[str],
    ) -> None:
        self.running: dict[ProcessFuture[bytes], tuple[int, Any]] = {}
        self._context, self._limits = context, limits
        self._pool = ProcessPool(
            jobs,
            initializer=_prepare,
            initargs=(function, pickle.dumps(shared), limits, tuple(preload)),
            context=context,
        )

    def start(self, number: int, argument: object) -> None:
        try:
            future = self._pool.schedule(_work, (argument,), timeout=self._limits.seconds)
        except RuntimeError as error:  # the pool broke since we looked
            future = ProcessFuture()
            future.set_exception(BrokenProcessPool(str(error)))
        self.running[future] = (number, argument)

    def some_results(self) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
        """What has ended, at least one; if the pool is broken, also the arguments that it can no longer finish."""
        patience = None if self._limits.seconds is None else self._limits.seconds + _GRACE
        wait(self.running, timeout=patience, return_when=FIRST_COMPLETED)
        done = [future for future in self.running if future.done()]
        results, broken = [], not done
        for future in done:
            try:
                error = future.exception()
            except BaseException as cancelled:
                error = cancelled
            if isinstance(error, BrokenProcessPool):
                broken = True
                continue
            number, _ = self.running.pop(future)
            results.append((number, pickle.loads(future.result()) if error is None else self._lost(error)))
        return results, list(self.running.values()) if broken else []

    def _lost(self, error: BaseException) -> Lost:
        if isinstance(error, TimeoutError):
            return beyond_time(self._limits)
        if not isinstance(error, ProcessExpired):
            return Lost(Ending.DEFECT, f"internal error: {type(error).__name__}: {str(error)[:200]}")
        if error.exitcode == _OUT_OF_MEMORY:
            return beyond_memory(self._limits)
        return Lost(Ending.CRASHED, _death(error.exitcode))

    def end(self) -> None:
        """End all workers at once."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._context.kill()
        self._pool.join()


class _Context:
    """A multiprocessing context as pebble asks for one, which remembers the processes that it makes.

    On Linux workers are forked from a server that has imported all they need, so that torch is imported once, and a
    worker that died is replaced in a moment. Elsewhere each worker imports for itself.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self._processes: list[BaseProcess] = []
        if sys.platform != "linux":
            self._context: Any = multiprocessing.get_context("spawn")
            return
        self._context = multiprocessing.get_context("forkserver")
        with suppress(ValueError), _one_thread():
            self._context.set_forkserver_preload(list(preload))
            forkserver.ensure_running()

    def Process(self, *arguments: Any, **options: Any) -> BaseProcess:
        self._processes = [process for process in self._processes if process.is_alive()]
        with _one_thread():
            process: BaseProcess = self._context.Process(*arguments, **options)
        self._processes.append(process)
        return process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def kill(self) -> None:
        for process in self._processes:
            with suppress(ValueError, AttributeError):  # closed, or never started
                process.kill()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start in this block compute in one thread: their results do not depend on how many they are."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_job: tuple[_Function, Any, Limits] | None = None  # what this worker process does


def _prepare(function: _Function, shared: bytes, limits: Limits, preload: tuple[str, ...]) -> None:
    global _job  # noqa: PLW0603  (an initializer has no other way to hand on what it has)
    with_parent()
    mute()
    for name in preload:
        import_module(name)
    _job = (function, pickle.loads(shared), limits)
    limit_memory(limits.gigabytes)


def _work(argument: object) -> bytes:
    """The result as bytes, so that what cannot be pickled fails here and not in the pool's own machinery."""
    assert _job is not None
    function, shared, limits = _job
    result = attempt(lambda one, other: pickle.dumps(function(one, other)), argument, shared, limits)
    if isinstance(result, Lost):
        if result.ending is Ending.MEMORY:
            os._exit(_OUT_OF_MEMORY)
        return pickle.dumps(result)
    assert isinstance(result, bytes)
    return result


def _death(code: int) -> str:
    """In words how a process ended."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    with suppress(ValueError):
        name = signal.Signals(-code).name
        if name == "SIGKILL":
            return f"its process was killed ({name}): by hand, or by the system, as happens when memory is out"
        return f"its process crashed ({name})"
    return f"its process was ended by signal {-code}"
