"""How much a workbook, its formulas and its map may ask for before they are refused; all of it in one place.

The defaults are for workbooks from strangers. `XLPARITY_LIMITS` raises them, for this process and those that it starts:

    XLPARITY_LIMITS="ratio=2000 seconds=120 memory=8e9"
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from math import inf
from pathlib import Path
from time import monotonic, thread_time

from xlparity.errors import InputError, out_of_memory

__all__ = [
    "UNLIMITED",
    "VARIABLE",
    "Budget",
    "Limits",
    "TooMuch",
    "budget",
    "limited_memory",
    "limits",
    "memory_taken",
    "spending",
]

VARIABLE = "XLPARITY_LIMITS"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits.

    Parameters
    ----------
    package, part
        Bytes of all parts of the file together and of one part, unpacked.
    ratio
        Unpacked bytes a packed byte of a part may give; parts below 4 MiB are not asked. Sheets saved by Excel stay
        below 60, repetitive generated ones below 150; a zip bomb reaches 1,000.
    entries
        Parts of the file.
    names
        Defined names.
    spilled
        Cells that the array formulas of one sheet may fill together.
    elements
        Elements of one value in a formula, and of one operation of a map's torch expression.
    formula
        Characters of a formula; Excel takes 8,192.
    map
        Characters of a map as TOML.
    tensor
        Elements of one result of a map's torch expression.
    products
        Multiplications of all matrix operations of one evaluation of the formulas, and of all torch expressions of a
        map, which are given 4,000 more for each cell of their tensors. A pass over an element counts as 100.
    characters
        Of all texts together that the formulas of one evaluation make.
    seconds
        Of the processor, for one evaluation of the formulas by the embedded engine; it is given 3 ms more for each
        different formula, and 0.3 s for each 10,000 cells. What is not computed then is undecided.
    memory
        Bytes that a command of the command line may take, for workbooks that unpack to 8 MiB, on systems that have
        RLIMIT_DATA (Linux). Larger workbooks are given 24 bytes more for each byte beyond, and more for samples.
    """

    package: int = 4096 * _MIB
    part: int = 2048 * _MIB
    ratio: float = 250.0
    entries: int = 20_000
    names: int = 100_000
    spilled: int = 1 << 25
    elements: int = 1 << 24
    formula: int = 1 << 16
    map: int = 4_000_000
    tensor: int = 50_000_000
    products: float = 2e10
    characters: int = 50_000_000
    seconds: float = 4.0
    memory: int = 900_000_000


def limits() -> Limits:
    """The defaults, changed by what `XLPARITY_LIMITS` says; InputError if that makes no sense."""
    chosen = os.environ.get(VARIABLE, "")
    if not chosen.strip():
        return _DEFAULT
    known = {field.name: field.type for field in fields(Limits)}
    changes: dict[str, float] = {}
    for word in re.split(r"[\s,]+", chosen.strip()):
        name, _, text = word.partition("=")
        value = float("nan")
        with suppress(ValueError):
            value = float(text)
        if name not in known or not 0 < value < inf:
            raise InputError(
                f"{VARIABLE}: {word!r} is no limit; write for instance seconds=60, with the names {', '.join(known)}"
            )
        changes[name] = value if known[name] == "float" else int(value)
    return replace(_DEFAULT, **changes)  # type: ignore[arg-type]  # by the fields' own types, just above


_DEFAULT = Limits()


class TooMuch(Exception):
    """A formula asks for more than the limits allow; the engine makes an undecided value of it, with this reason."""


class Budget:
    """What one evaluation of formulas has left.

    Parameters
    ----------
    seconds
        Its processor time, from now on, in the thread that makes it.
    elements
        Elements of one value.
    characters
        Of all texts that it makes.
    products
        Multiplications of all its matrix operations.
    effort
        Steps, each an operation or function, and one more for each 128 elements of what it gives. Unlike seconds they
        are the same on every machine.
    outer
        The budget of what the evaluation is a part of, whose effort it takes too.
    """

    def __init__(
        self,
        seconds: float = inf,
        elements: float = inf,
        characters: float = inf,
        products: float = inf,
        effort: float = inf,
        outer: Budget | None = None,
    ) -> None:
        self._seconds, self._until = seconds, thread_time() + seconds
        self._not_before = monotonic() + seconds
        self._elements, self._characters, self._products = elements, characters, products
        self._effort, self._outer = effort, outer

    def time(self) -> None:
        """Raise TooMuch if the time is up."""
        # The clock on the wall costs a twentieth, and no thread takes more time than it shows.
        if monotonic() > self._not_before and thread_time() > self._until:
            raise TooMuch(f"the formulas take more than {self._seconds:.3g} s to compute, {_RAISE.format('seconds')}")

    def step(self, elements: int) -> None:
        """Raise TooMuch if one more step, which gives so many elements, is too many."""
        self._effort -= 1 + (elements >> 7)
        if self._effort < 0:
            raise TooMuch("the formulas are too costly to be computed as often as is wanted here")
        if self._outer is not None:
            self._outer.step(elements)

    def size(self, elements: int) -> None:
        """Raise TooMuch if a value of so many elements is not allowed."""
        if elements > self._elements:
            raise TooMuch(f"a value in it has {elements:.3g} elements, {_RAISE.format('elements')}")

    def objects(self, count: int) -> None:
        """Raise TooMuch if so many values are not allowed as Python's own, of which each takes 16 times a number."""
        self.size(16 * count)

    def work(self, products: float) -> None:
        """Raise TooMuch if there would be, with so many multiplications more, too many in all."""
        self._products -= products
        if self._products < 0:
            raise TooMuch(f"it takes {products:.0e} multiplications, {_RAISE.format('products')}")

    def text(self, characters: int) -> None:
        """Raise TooMuch if the texts, with so many characters more, are too long together."""
        self._characters -= characters
        if self._characters < 0:
            raise TooMuch(f"the formulas make texts of too many characters, {_RAISE.format('characters')}")
        self.step(64 * characters)  # a text is made character by character


@contextmanager
def limited_memory(book: Path, samples: int = 0, model: bool = False) -> Iterator[None]:
    """Let a block that works on a stranger's workbook fail, before it takes the machine's memory.

    The block gets `Limits.memory`, more for a workbook that unpacks to more than 8 MiB and for `samples`, and 4 GB more
    where there is a `model`, which the user trusts. Raises InputError, saying so, where that does not suffice. It does
    nothing on systems without RLIMIT_DATA, and on others it counts for all threads of the process.
    """
    try:
        import resource  # noqa: PLC0415 (not there on Windows)

        before = resource.getrlimit(resource.RLIMIT_DATA)
        taken = memory_taken()
    except (ImportError, AttributeError, OSError, IndexError, ValueError):
        yield
        return
    size = _unpacked(book)
    room = limits().memory - _TORCH + 24 * max(size - 8 * _MIB, 0) + 10 * samples * size + (4 << 30) * model
    ceiling = max(taken, _TORCH) + room
    soft, hard = before
    if soft != resource.RLIM_INFINITY:
        ceiling = min(ceiling, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling, hard))
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise InputError(
            f"{book}: needs more memory than the limit of {room / 1e9:.1f} GB; if it is to be trusted, raise it with "
            f"{VARIABLE}=memory={2 * room:.0e}"
        ) from None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def memory_taken() -> int:
    """Bytes that RLIMIT_DATA counts of this process; raises OSError, IndexError or ValueError but on Linux."""
    return int(re.findall(r"VmData:\s*(\d+)", Path("/proc/self/status").read_text())[0]) << 10


def _unpacked(path: Path) -> int:
    """Bytes that a workbook unpacks to by its own account; 0 if it is none."""
    if not path.is_file():
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist())
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, struct.error, IndexError):
        return 0


_TORCH = 230_000_000  # bytes that a process has once torch is imported
_RAISE = "which is more than the limit (" + VARIABLE + "={}=... raises it)"
UNLIMITED = Budget()
_CURRENT: ContextVar[Budget] = ContextVar("budget", default=UNLIMITED)


def budget() -> Budget:
    """The budget of the evaluation that is going on; unlimited if there is none."""
    return _CURRENT.get()


@contextmanager
def spending(given: Budget) -> Iterator[None]:
    """Make `given` the budget inside the block."""
    token = _CURRENT.set(given)
    try:
        yield
    finally:
        _CURRENT.reset(token)
