"""Worker processes on a Ray cluster: actors that do one argument at a time and may be lost with their machine."""

from __future__ import annotations

import io
import logging
import os
import pickle
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from xlparity.errors import EngineError
from xlparity.model.outcome import Ending
from xlparity.version import __version__
from xlparity.workers.attempt import Limits, Lost, attempt, beyond_memory, beyond_time, limit_memory

__all__ = ["run_on_cluster"]

_START = 300.0  # seconds until the first worker must be there
_REACHED = 10.0  # seconds until the cluster must have answered
_ADDRESS = re.compile(r"(?:ray://)?(?P<host>[^/]+):(?P<port>\d{1,5})")
_NAMED = re.compile(r"[\w.]*(?:Error|Exception): .+")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class _Worker:
    """Runs in a process of the cluster."""

    def __init__(self, limits: Limits, preload: Sequence[str]) -> None:
        for name in preload:  # once for each worker, and before the limit
            import_module(name)
        self._limits = limits
        limit_memory(limits.gigabytes)

    def version(self) -> str:
        return __version__

    def work(self, function: Callable[[Any, Any], Any], argument: object, shared: object) -> bytes:
        result = attempt(lambda one, other: pickle.dumps(function(one, other)), argument, shared, self._limits)
        return result if isinstance(result, bytes) else pickle.dumps(result)


@dataclass(slots=True)
class _Actor:
    """A worker as seen from here: what it was asked, and when."""

    handle: Any
    asked: Any  # Ray's reference to the answer
    ready: bool = False
    task: tuple[int, Any] | None = None
    since: float = 0.0


def run_on_cluster(
    function: Callable[[Any, Any], Any],
    arguments: Iterable[Any],
    shared: object,
    *,
    address: str,
    jobs: int | None,
    limits: Limits,
    preload: Sequence[str] = (),
) -> Iterator[tuple[int, Any]]:
    """As `run_in_pool`, on a Ray cluster; an argument whose worker is lost is tried a second time.

    Parameters
    ----------
    function, arguments, shared, limits, preload
        As there. The modules that they come from, in the same version of xlparity, are installed on all machines.
    address
        As `ray.init` takes it: host:port, ray://host:port, auto, or local for a cluster of this machine alone.
    jobs
        How many workers, one CPU each; by default as many as the cluster has CPUs.

    Raises EngineError if Ray is not installed, the cluster cannot be reached, has another version of xlparity or no
    free CPU.
    """
    ray = _connected(address)
    try:
        yield from _run(ray, function, arguments, shared, jobs, limits, tuple(preload))
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    if find_spec("ray") is None:
        raise EngineError("--cluster needs Ray, which is not installed; pip install 'xlparity[cluster]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a local cluster must not report to anyone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray  # noqa: PLC0415  (an extra)

    if ray.is_initialized():
        raise EngineError("this process is connected to a Ray cluster already; ray.shutdown() leaves it")
    try:
        named = _ADDRESS.fullmatch(address)
        if named:  # Ray itself tries for minutes
            socket.create_connection((named["host"].strip("[]"), int(named["port"])), _REACHED).close()
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it talks of itself
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False)
    except Exception as error:  # Ray raises many kinds
        raise EngineError(
            f"the Ray cluster {address} cannot be reached: {_said(error)}; name a running one, or local"
        ) from None
    return ray


def _run(
    ray: Any,
    function: Callable[[Any, Any], Any],
    arguments: Iterable[Any],
    shared: object,
    jobs: int | None,
    limits: Limits,
    preload: tuple[str, ...],
) -> Iterator[tuple[int, Any]]:
    kind = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
    everywhere = ray.put(shared)
    feed = enumerate(arguments)
    again: deque[tuple[int, Any]] = deque()
    tried: set[int] = set()
    actors: list[_Actor] = []
    count = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
    failures = 0  # of workers that never came up
    fed = False  # whether `feed` is at its end
    began = time.monotonic()

    def new() -> _Actor:
        handle = kind.remote(limits, preload)
        return _Actor(handle, handle.version.remote())

    def replaced(actor: _Actor) -> None:
        with suppress(Exception):  # it may be gone
            ray.kill(actor.handle, no_restart=True)
        actors[actors.index(actor)] = new()

    def give(actor: _Actor) -> None:
        """The next argument, if there is one; else the worker rests."""
        nonlocal fed
        actor.task = again.popleft() if again else next(feed, None)
        fed = fed or actor.task is None
        if actor.task is not None:
            actor.asked = actor.handle.work.remote(function, actor.task[1], everywhere)
            actor.since = time.monotonic()

    actors.extend(new() for _ in range(count))
    some_ready = False
    try:
        while True:
            for actor in actors:
                if actor.ready and actor.task is None:
                    give(actor)
            busy = [actor for actor in actors if actor.task is not None or not actor.ready]
            if fed and not again and not any(actor.task is not None for actor in actors):
                return
            by_reference = {actor.asked: actor for actor in busy}
            done, _ = ray.wait(list(by_reference), num_returns=1, timeout=_patience(actors, limits))
            for reference in done:
                actor = by_reference[reference]
                task, actor.task = actor.task, None
                try:
                    answer = ray.get(reference)
                except ray.exceptions.RayError as error:
                    replaced(actor)
                    if task is None:
                        failures += 1
                        if failures > 3 * count:
                            raise EngineError(f"the cluster's workers do not start: {_said(error)}") from None
                        continue
                    number, _ = task
                    if number in tried:
                        yield number, Lost(Ending.CRASHED, f"its process crashed twice ({_said(error)})")
                    else:
                        tried.add(number)
                        again.append(task)
                    continue
                if task is None:
                    if answer != __version__:
                        raise EngineError(f"the cluster has xlparity {answer}, here is {__version__}; install the same")
                    actor.ready = some_ready = True
                    continue
                result = pickle.loads(answer)
                if isinstance(result, Lost) and result.ending is Ending.MEMORY:
                    replaced(actor)  # what is left of its memory is in pieces
                    result = beyond_memory(limits)
                yield task[0], result
            for actor in _late(actors, limits):
                task = actor.task
                replaced(actor)
                if task is not None:
                    yield task[0], beyond_time(limits)
            if not some_ready and time.monotonic() - began > _START:
                raise EngineError(f"the cluster had no free CPU for {_START:g} s; free some, or ask for fewer --jobs")
    finally:
        for actor in actors:
            with suppress(Exception):
                ray.kill(actor.handle, no_restart=True)


def _patience(actors: list[_Actor], limits: Limits) -> float:
    """Seconds until the next worker is late, at most as long as one waits for a signal."""
    if limits.seconds is None:
        return 1.0
    now = time.monotonic()
    left = [actor.since + limits.seconds - now for actor in actors if actor.task is not None]
    return max(0.0, min([1.0, *left]))


def _late(actors: list[_Actor], limits: Limits) -> list[_Actor]:
    now = time.monotonic()
    return [
        actor
        for actor in actors
        if actor.task is not None and limits.seconds is not None and now - actor.since > limits.seconds
    ]


def _said(error: BaseException) -> str:
    """The line of a message of Ray's that says what happened: an exception from the worker, else the first."""
    lines = _COLOURS.sub("", str(error)).strip().splitlines() or [type(error).__name__]
    raised = [line.strip() for line in lines if _NAMED.fullmatch(line.strip())]
    return (raised[-1] if raised else lines[0].strip().rstrip("."))[:200]
