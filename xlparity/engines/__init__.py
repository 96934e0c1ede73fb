"""What computes a workbook's formulas.

`ENGINES` names them; each is made when it is asked for, so that a missing one disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from xlparity.errors import InputError, did_you_mean
from xlparity.model.engine import Engine
from xlparity.model.table import Table

__all__ = ["ENGINES", "engine"]

ENGINES: Table[str, Callable[[], Engine]] = Table("engines")


@ENGINES.rule("embedded")
def _embedded() -> Engine:
    from xlparity.engines.embedded import EmbeddedEngine  # noqa: PLC0415  (torch loads only when it is used)

    return EmbeddedEngine()


@ENGINES.rule("libreoffice")
def _libreoffice() -> Engine:
    from xlparity.engines.libreoffice import LibreOfficeEngine  # noqa: PLC0415

    return LibreOfficeEngine()


@ENGINES.rule("ironcalc")
def _ironcalc() -> Engine:
    from xlparity.engines.ironcalc import IronCalcEngine  # noqa: PLC0415

    return IronCalcEngine()


def engine(name: str) -> Engine:
    """The engine called `name`.

    Raises InputError for a name that is not in ENGINES, EngineError if the engine is not installed.
    """
    if name not in ENGINES:
        raise InputError(f"there is no engine {name!r}; {did_you_mean(name, ENGINES)}")
    return ENGINES[name]()
