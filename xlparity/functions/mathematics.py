"""Mathematics: SUM, PRODUCT, EXP, LN, ... ("Math and trigonometry functions" of Excel's documentation)."""

from __future__ import annotations

import torch
from torch import Tensor

from xlparity.functions.lift import elementwise
from xlparity.functions.signature import Function, number
from xlparity.model.table import Table

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("mathematics")

elementwise(TABLE, "ABS", number("number"), summary="The absolute value.")(torch.abs)
elementwise(TABLE, "EXP", number("number"), summary="e to the power of a number.")(torch.exp)
elementwise(TABLE, "SQRT", number("number"), summary="The square root.")(torch.sqrt)


@elementwise(TABLE, "LN", number("number"), summary="The natural logarithm.")
def ln(x: Tensor) -> Tensor:
    return torch.log(x)
