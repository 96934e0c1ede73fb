"""How one cell comes to its value: the tree of what its formula reads."""

from __future__ import annotations

from dataclasses import dataclass

from xlparity.model.cell import Cell
from xlparity.model.value import Scalar
from xlparity.model.verdict import Finding

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cell with its formula, its value in the sheet, its verdict where the map covers it, and what it reads.

    `omitted` counts the precedents that are left out because the formula reads more cells than are shown.
    `difference` is how far the value is from torch's, or, for a formula that the map does not cover, from what it gives
    on torch's values. Where the cell above is wrong, `share` is the part of its difference that this one carries, to
    first order; where this cell is wrong, `own` is the part that its formula makes on right operands, and `rest` what
    neither these nor `own` account for, since formulas are not linear.
    """

    cell: Cell
    formula: str | None
    value: Scalar
    finding: Finding | None
    given: str  # the tensor and its role where the map says that the number stands as it is, else ""
    precedents: tuple[Explanation, ...] = ()
    omitted: int = 0
    difference: float | None = None
    share: float | None = None
    own: float | None = None
    rest: float | None = None
