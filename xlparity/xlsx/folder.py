"""The workbooks in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xlparity.errors import InputError

__all__ = ["Found", "workbooks_in"]

# What a person takes for a workbook. The reader refuses the last four with a word on what to do: in a folder of
# homework they must not pass unseen.
_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".numbers"})


@dataclass(frozen=True, slots=True)
class Found:
    """A workbook, and its path from the folder that was named, or its name alone where it was named itself."""

    path: Path
    inside: Path


def workbooks_in(named: Iterable[Path], without: Path | None = None) -> list[Found]:
    """The workbooks that are named, and those in named folders and their subfolders, by their paths' order there.

    Hidden files and folders, the lock files `~$...` of an open Excel and the file `without` are left out of folders; a
    file that comes twice is taken once.

    Raises InputError for a folder that cannot be read or has no workbook.
    """
    found: dict[str, Found] = {}
    solution = None if without is None else os.path.realpath(without)
    for path in named:
        if not path.is_dir():
            found.setdefault(os.path.realpath(path), Found(path, Path(path.name)))
            continue
        inside = [each for each in _below(path) if os.path.realpath(each) != solution]
        if not inside:
            raise InputError(f"{path} holds no workbook; name a folder with .xlsx files, or the files themselves")
        for each in inside:
            found.setdefault(os.path.realpath(each), Found(each, each.relative_to(path)))
    return list(found.values())


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}; leave the folder out, or ask for rights")

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if path.suffix.lower() in _SUFFIXES and not name.startswith((".", "~$")) and (
                path.is_file() or not path.exists()  # no pipe; a link to nothing is said to be one
            ):  # fmt: skip
                yield path
