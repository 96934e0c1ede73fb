"""Writing files so that there is either the old one or the whole new one, and nothing else, whenever the process ends.

Where the system can (Linux, on most file systems), what is written has no name until it is whole: a process that is
killed leaves nothing. Elsewhere, and for the instant in which an old file is replaced, it has a hidden name beside the
result, and a lock by which the next run tells the leftovers of a killed process from the work of one that runs, and
removes them. A link is replaced, not what it leads to, which another person may have chosen; devices and pipes, such as
/dev/null and /dev/stdout, are written to.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from xlparity.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module where there is one

__all__ = ["written_aside"]

_PART = ".part"


@contextmanager
def written_aside(path: Path) -> Iterator[IO[bytes]]:
    """A file without a name, or under a hidden one beside `path`, moved there if the block ends without an exception.

    Raises InputError if the folder cannot be written or the disk is full.
    """
    if _is_device(path):
        try:
            with path.open("wb") as file:
                yield file
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        return
    # Not tempfile's name: the leftovers of one result are found by it.
    hidden = path.parent / f".{path.name}.{secrets.token_hex(8)}{_PART}"
    try:
        _remove_leftovers(path)
        handle, named = _opened(hidden)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; name a folder that can be written") from None
    try:
        with os.fdopen(handle, "w+b") as file:
            _lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not named:
                named = _named(file.fileno(), path, hidden)
            if named and fcntl is not None:  # while it is locked
                hidden.replace(path)
        if named and fcntl is None:  # Windows moves no open file
            hidden.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            hidden.unlink()
        if isinstance(error, OSError):
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


def _is_device(path: Path) -> bool:
    """Whether it is a device, a pipe or a name that the system gives one: to replace it would harm all who use it."""
    folder = os.path.realpath(path.parent)
    return folder == "/dev" or folder.startswith("/proc/") or (path.exists() and not (path.is_file() or path.is_dir()))


def _opened(hidden: Path) -> tuple[int, bool]:
    """A new file for writing and whether it has a name, `hidden`."""
    nameless = getattr(os, "O_TMPFILE", 0)
    if nameless and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):  # a file system that has no such files
            return os.open(hidden.parent, os.O_RDWR | nameless, 0o666), False
    return os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), True


def _named(handle: int, path: Path, hidden: Path) -> bool:
    """Give a file without a name its own; where there is one of that name already, `hidden`, and True."""
    source = f"/proc/self/fd/{handle}"
    # Only with a directory does Python call linkat, which follows the link in /proc; for a whole path it means nothing.
    try:
        os.link(source, path, src_dir_fd=handle)
    except FileExistsError:
        os.link(source, hidden, src_dir_fd=handle)
        return True
    return False


def _lock(handle: int) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside `path`: hidden parts that nobody holds a lock on."""
    if fcntl is None:
        return
    for name in os.listdir(path.parent or "."):  # noqa: PTH208 (no pattern: the name may have brackets)
        if not (name.startswith(f".{path.name}.") and name.endswith(_PART)):
            continue
        left = path.parent / name
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)
