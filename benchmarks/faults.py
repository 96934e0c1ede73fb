"""A check that crashes, hangs or takes all memory at workbooks named so: what `benchmarks/many.py` and tests inject.

    python -m benchmarks.faults check FOLDER ...

is the command line with this check in the place of xlparity's own: the workers find it by its name.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import Any

from xlparity import many
from xlparity.model.outcome import Outcome

_own = many._checked


def checked(task: Any, run: Any) -> Outcome:
    name = Path(task.path).name
    if name.startswith("crash"):
        ctypes.string_at(0)  # a segmentation fault
    if name.startswith("hang") and "libre" not in name:
        while True:
            time.sleep(0.01)
    if name.startswith("stuck"):
        10 ** (10**9)  # never lets go of the interpreter
    if name.startswith("hog"):
        hold = []
        while True:
            hold.append(bytearray(50_000_000))
    return _own(task, run)


if __name__ == "__main__":
    import benchmarks.faults
    from xlparity.cli import main

    many._checked = benchmarks.faults.checked
    main()
