"""Where an expression is evaluated: for which cells, with which variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from xlparity.engines.embedded.operand import Operand

__all__ = ["Frame", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """The cells of a fill that are evaluated at once; (`row`, `column`) is the first one."""

    sheet: int
    row: int
    column: int
    height: int = 1
    width: int = 1

    @property
    def size(self) -> int:
        return self.height * self.width

    def split(self, axis: str) -> list[Window]:
        """The window's rows, columns or cells."""
        rows = range(self.height) if axis in ("rows", "cells") else range(1)
        columns = range(self.width) if axis in ("columns", "cells") else range(1)
        height = 1 if axis in ("rows", "cells") else self.height
        width = 1 if axis in ("columns", "cells") else self.width
        return [Window(self.sheet, self.row + i, self.column + j, height, width) for i in rows for j in columns]


@dataclass(frozen=True, slots=True)
class Frame:
    """The surroundings of an expression.

    Lanes are (batch, window rows, window columns), with one more in front for each MAP or BYROW around the expression;
    `lanes` counts them. `home` is the cell that the formula's text was written for, `sheet` the one it stands on (they
    differ from the window's for defined names). `array` tells that ranges are calculated element by element, as in
    array formulas; elsewhere a range where one value is wanted gives the value in the cell's own row or column.
    `checked` tells to look, at each reading, whether all cells are computed. `entire` tells that the window is so large
    that nothing but matrix products is allowed for its ranges. `cut` says in which lanes no gradient
    flows from what is read.
    """

    window: Window
    home: tuple[int, int]
    sheet: int
    array: bool = False
    variables: Mapping[str, Operand] = field(default_factory=dict)
    lanes: int = 3
    depth: int = 0
    checked: bool = False
    entire: bool = False
    cut: Tensor | None = None

    def as_array(self) -> Frame:
        """The same place in array mode."""
        return self if self.array else replace(self, array=True)

    def cut_where(self, mask: Tensor) -> Frame:
        """The same place in a branch that the lanes in `mask` do not take.

        Its values there do not matter, and neither may their gradients: SQRT has none at 0, and 0 times infinity would
        spoil the gradients of the branch that is taken.
        """
        if not torch.is_grad_enabled() or mask.shape[-2:] != (1, 1):
            return self
        return replace(self, cut=mask if self.cut is None else self.cut | mask)

    def having(self, variables: Mapping[str, Operand]) -> Frame:
        """The same place with more variables."""
        return replace(self, variables={**self.variables, **variables})
