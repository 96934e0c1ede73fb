"""What computes a workbook's formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from xlparity.errors import InputError
from xlparity.model.engine import Engine

__all__ = ["ENGINES", "engine"]


def _embedded() -> Engine:
    from xlparity.engines.embedded import EmbeddedEngine  # noqa: PLC0415 - imports torch

    return EmbeddedEngine()


# Name to what starts the engine; each is imported only when it is asked for.
ENGINES: Mapping[str, Callable[[], Engine]] = {"embedded": _embedded}


def engine(name: str) -> Engine:
    """The engine called `name`.

    Raises InputError for a name that is not in ENGINES, EngineError if the engine is not installed.
    """
    if name not in ENGINES:
        near = get_close_matches(name, ENGINES, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(ENGINES)}"
        raise InputError(f"there is no engine {name!r}; {hint}")
    return ENGINES[name]()
