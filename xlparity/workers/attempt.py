"""What happens inside a worker process: its limits, and one call of the function with whatever comes of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from xlparity.errors import out_of_memory
from xlparity.limits import memory_taken
from xlparity.model.outcome import Ending

__all__ = ["Limits", "Lost", "attempt", "beyond_memory", "beyond_time", "limit_memory", "mute", "with_parent"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one argument may cost: seconds, and GB of memory beyond what the worker has at its start; None: any."""

    seconds: float | None = None
    gigabytes: float | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """An argument for which the function gave no result, and why in words."""

    ending: Ending
    because: str
    seconds: float | None = None


def attempt(function: Callable[[Any, Any], Any], argument: object, shared: object, limits: Limits) -> object:
    """What the function returns, or Lost for an exception, which it should not let out, and where memory is out."""
    try:
        return function(argument, shared)
    except BaseException as error:  # also SystemExit, from a model's file
        if out_of_memory(error):
            return beyond_memory(limits)
        if os.environ.get("XLPARITY_DEBUG"):
            traceback.print_exc()
        said = f"{type(error).__name__}: {str(error)[:200]}"
        return Lost(Ending.DEFECT, f"internal error: {said}; this is a defect of xlparity, please report it")


def beyond_memory(limits: Limits) -> Lost:
    """An argument that took more memory than it may."""
    allowed = "there is" if limits.gigabytes is None else f"{limits.gigabytes:g} GB"
    return Lost(Ending.MEMORY, f"took more memory than {allowed} and was stopped; raise --memory")


def beyond_time(limits: Limits) -> Lost:
    """An argument that took more time than it may."""
    return Lost(Ending.TIMEOUT, f"took more than {limits.seconds:g} s and was stopped; raise --timeout", limits.seconds)


def limit_memory(gigabytes: float | None) -> None:
    """Let this process allocate so much more than it has now, in GB of 10^9 bytes; Linux alone has such a limit.

    The limit is on what the process may write to privately (RLIMIT_DATA). Not on the address space (RLIMIT_AS), of
    which libraries take far more than they use, and not by a watch on the resident memory, which looks too late at a
    process that takes 4 GB a second. The allocation fails, so the worker itself can say what happened.
    """
    if gigabytes is None or sys.platform != "linux":
        return
    import resource  # noqa: PLC0415  (Unix alone has it)

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory_taken() + int(gigabytes * 1e9)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def with_parent() -> None:
    """End this process when the one that started it ends, however that ends and whatever this one is doing; on Linux.

    The kernel is told to send SIGIO, which ends a process, when the pipe that the other holds open is closed. A thread
    that waits for it would wait in vain for an interpreter that a hanging workbook keeps busy.
    """
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    import fcntl  # noqa: PLC0415  (Unix alone has it)

    pipe = parent.sentinel
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if connection.wait([pipe], 0):  # it ended in between
        os._exit(1)


def mute() -> None:
    """Let nothing that is printed here, by a model or a library, get between the results of the main process."""
    if os.environ.get("XLPARITY_DEBUG"):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
