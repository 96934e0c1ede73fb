"""Excel's functions on torch tensors, by family.

`FUNCTIONS` is the table of all of them; `call` evaluates one. Values are `array.Array`: every function is evaluated at
once for all lanes (the cells of a fill, the samples of a batch), and numbers carry autograd.
"""

from __future__ import annotations

from collections.abc import Sequence

from xlparity.functions import (
    arrays,
    criteria,
    database,
    dates,
    distributions,
    financial,
    information,
    logic,
    lookup,
    mathematics,
    matrix,
    number_systems,
    regression,
    rounding,
    statistics,
    tails,
    text,
    trigonometry,
)
from xlparity.functions.array import Array, Texts
from xlparity.functions.calling import call_function
from xlparity.functions.newer import NEWER
from xlparity.functions.signature import Argument, Function, LanesDiffer, Parameter, Unsupported
from xlparity.model.table import Table

__all__ = ["FUNCTIONS", "NEWER", "Argument", "Function", "LanesDiffer", "Parameter", "Unsupported", "call"]

FUNCTIONS: Table[str, Function] = Table(
    "functions",
    mathematics.TABLE,
    trigonometry.TABLE,
    statistics.TABLE,
    distributions.TABLE,
    tails.TABLE,
    rounding.TABLE,
    logic.TABLE,
    information.TABLE,
    criteria.TABLE,
    lookup.TABLE,
    matrix.TABLE,
    regression.TABLE,
    arrays.TABLE,
    text.TABLE,
    dates.TABLE,
    number_systems.TABLE,
    database.TABLE,
    financial.TABLE,
)


def call(name: str, arguments: Sequence[Argument | None], texts: Texts) -> Array:
    """The value of the function `name` (upper case, without `_xlfn.`); None is an argument left empty.

    Undecided values among the arguments make the result undecided, with the same reason; where a function finds such a
    reason itself for single elements, it enters it into `texts`.

    Raises
    ------
    KeyError
        There is no such function.
    FormulaError
        The number of arguments is wrong; Excel would not accept the formula.
    Unsupported
        The value cannot be computed honestly; the result is undecided for the reason given.
    LanesDiffer
        The result has different sizes in different lanes; evaluate each lane alone.
    """
    return call_function(FUNCTIONS[name], arguments, texts)
