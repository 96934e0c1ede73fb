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
    """

    cell: Cell
    formula: str | None
    value: Scalar
    finding: Finding | None
    given: str  # the tensor and its role where the map says that the number stands as it is, else ""
    precedents: tuple[Explanation, ...] = ()
    omitted: int = 0
