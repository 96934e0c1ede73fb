"""The functions that came from the Analysis ToolPak, which convert their arguments more strictly.

TRUE and FALSE are #VALUE! to them, from cells too, and an argument left empty is #N/A: as Excel's cached values show.
"""

from __future__ import annotations

import torch

from xlparity.functions.array import Array
from xlparity.functions.signature import Argument
from xlparity.model.value import Error, Kind

__all__ = ["TOOLPAK", "strict"]

TOOLPAK: frozenset[str] = frozenset(
    [
        "BIN2DEC",
        "BIN2HEX",
        "BIN2OCT",
        "DEC2BIN",
        "DEC2HEX",
        "DEC2OCT",
        "DELTA",
        "EDATE",
        "EFFECT",
        "EOMONTH",
        "ERF",
        "ERF.PRECISE",
        "ERFC",
        "ERFC.PRECISE",
        "FACTDOUBLE",
        "GCD",
        "GESTEP",
        "HEX2BIN",
        "HEX2DEC",
        "HEX2OCT",
        "ISEVEN",
        "ISODD",
        "LCM",
        "MROUND",
        "MULTINOMIAL",
        "NOMINAL",
        "OCT2BIN",
        "OCT2DEC",
        "OCT2HEX",
        "QUOTIENT",
        "SERIESSUM",
        "SQRTPI",
        "WEEKNUM",
        "YEARFRAC",
    ]
)


def strict(argument: Argument | None) -> Argument:
    """An argument as these functions see it."""
    if argument is None:
        return Argument(Array.of_error(Error.NA))
    given = argument.array
    if given.kind is None:
        return argument
    boolean = given.kind == int(Kind.BOOLEAN)
    if not bool(boolean.any()):
        return argument
    kind = torch.where(boolean, int(Kind.ERROR), given.kind).to(torch.uint8)
    return Argument(Array(torch.where(boolean, float(Error.VALUE), given.number), kind), argument.reference)
