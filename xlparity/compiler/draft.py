"""Sheets being laid out: tensors in cells, and beside them the same cells as PyTorch has them, and the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Fill, Layout, Sheet, Style
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Cells, Scalar

__all__ = ["NUMBER_FORMAT", "SMALL_FORMAT", "Draft", "difference_name", "largest_name"]

NUMBER_FORMAT = "0.0000"  # four decimals, as the lecture shows them
SMALL_FORMAT = "0.0E+00"  # differences and bounds


def difference_name(tensor: str) -> str:
    """The tensor of the cells that show sheet minus PyTorch for `tensor`."""
    return f"{tensor}.difference"


def largest_name(tensor: str) -> str:
    """The tensor of the cell that shows the largest difference of `tensor`."""
    return f"{tensor}.largest_difference"


@dataclass(slots=True)
class Draft:
    """One sheet while it is laid out.

    `beside` is how many rows down and columns to the right the same cells stand with PyTorch's values; the differences
    stand as far again.
    """

    name: str
    beside: tuple[int, int]
    rows: list[MapRow] = field(default_factory=list)
    _values: dict[tuple[int, int], Scalar] = field(default_factory=dict)
    _fills: list[Fill] = field(default_factory=list)
    _styles: list[tuple[Area, Style]] = field(default_factory=list)
    _formats: list[tuple[Area, str]] = field(default_factory=list)
    _merged: list[Area] = field(default_factory=list)
    _limits: list[tuple[Area, float]] = field(default_factory=list)
    _widths: dict[int, float] = field(default_factory=dict)
    freeze: str = ""

    def text(self, at: str, text: str, style: Style = Style.LABEL, beside: str | bool = False) -> None:
        """Write `text` into the cell `at`; `beside`: also beside PyTorch's values and the differences.

        A text as `beside` stands there instead, with "PyTorch" or "Excel - PyTorch" in the place of {}.
        """
        cell = parse_cell(at, self.name)
        self._put(cell, text, style)
        if beside:
            for times, what in ((1, "PyTorch"), (2, "Excel - PyTorch")):
                words = text if beside is True else str(beside).format(what)
                self._put(cell.moved(self.beside[0] * times, self.beside[1] * times), words, style)

    def texts(self, at: str, texts: Sequence[str], down: bool = False, style: Style = Style.LABEL) -> None:
        """Labels in a row or, if `down`, in a column, repeated beside PyTorch's values and the differences."""
        cell = parse_cell(at, self.name)
        for number, text in enumerate(texts):
            place = cell.moved(number, 0) if down else cell.moved(0, number)
            self.text(show_cell(place, sheet=False), text, style, beside=True)

    def note(self, at: str, text: str, columns: int) -> None:
        """A remark over `columns` columns."""
        cell = parse_cell(at, self.name)
        self._put(cell, text, Style.NOTE)
        self._merged.append(Area(cell, 1, columns))

    def given(
        self,
        tensor: str,
        at: str,
        values: Any,
        role: Role,
        *,
        transposed: bool = False,
        decimals: int | None = None,
        dtype: str = "float32",
        phase: str = "",
    ) -> None:
        """Place a tensor whose numbers are typed in: `values` of the tensor's own shape.

        A vector stands in a row; `transposed` puts the transpose of a matrix into the cells.
        """
        array = np.asarray(values, np.float64)
        block = _block(parse_cell(at, self.name), array.shape, transposed)
        role_style = Style.EXPECTED if role is Role.EXPECTED else Style.INPUT
        self._numbers(block, array, role_style)
        self.rows.append(MapRow(tensor, role, block, dtype, "", decimals, phase=phase))

    def computed(
        self,
        tensor: str,
        at: str,
        shape: tuple[int, ...],
        formula: str | Sequence[str],
        torch: str,
        *,
        by_rows: bool = False,
        transposed: bool = False,
        style: Style = Style.FORMULA,
        dtype: str = "float32",
        number_format: str = NUMBER_FORMAT,
        phase: str = "",
    ) -> None:
        """Place a tensor whose cells are all filled with `formula`, as written for the first of them.

        Several formulas fill a line each: the rows if `by_rows`, else the columns.
        """
        block = _block(parse_cell(at, self.name), shape, transposed)
        (area,) = block.planes
        if isinstance(formula, str):
            self._fills.append(Fill(area, formula))
        elif by_rows:
            self._fills += [Fill(Area(area.corner.moved(n, 0), 1, area.width), text) for n, text in enumerate(formula)]
        else:
            self._fills += [Fill(Area(area.corner.moved(0, n), area.height, 1), text) for n, text in enumerate(formula)]
        self._styles.append((area, style))
        self._formats.append((area, number_format))
        self.rows.append(MapRow(tensor, Role.COMPUTED, block, dtype, torch, phase=phase))

    def printed(self, tensor: str, at: str, values: Any, decimals: int, apart: str) -> None:
        """Place the values that a document prints for `tensor`, rounded to `decimals`.

        What the sheet has more than they stands from the cell `apart` on.
        """
        row = self.row(tensor)
        self.given(
            tensor, at, values, Role.EXPECTED, transposed=row.block.transposed, decimals=decimals, dtype=row.dtype
        )
        printed = self.rows[-1].block
        self.computed(
            f"{tensor}.difference_to_printed",
            apart,
            row.block.shape,
            f"{_corner(row.block)}-{_corner(printed)}",
            f"{tensor} - printed({tensor})",
            transposed=row.block.transposed,
            style=Style.DIFFERENCE,
            dtype="float64",
            number_format=SMALL_FORMAT,
        )

    def also_printed(self, tensor: str, of: str, decimals: int) -> None:
        """Let the cells of the given tensor `of` count as a document's printed values for `tensor` too."""
        row = self.row(tensor)
        self.rows.append(MapRow(tensor, Role.EXPECTED, self.row(of).block, row.dtype, "", decimals))

    def row(self, tensor: str) -> MapRow:
        """The map's row of the tensor that was placed under this name."""
        return next(row for row in self.rows if row.tensor == tensor and row.role is not Role.EXPECTED)

    def show_pytorch(self, values: Mapping[str, NDArray[Any]], limits: Mapping[str, float]) -> None:
        """Place PyTorch's `values` and the differences beside the tensors that they name.

        `limits` gives for each tensor the largest difference that is not coloured.
        """
        for row in [row for row in self.rows if row.role is not Role.EXPECTED and row.tensor in values]:
            down, right = self.beside
            shown = _moved(row.block, down, right)
            apart = _moved(row.block, 2 * down, 2 * right)
            array = np.asarray(values[row.tensor], np.float64).reshape(row.block.shape)
            self._numbers(shown, array, Style.EXPECTED)
            self.rows.append(MapRow(row.tensor, Role.EXPECTED, shown, row.dtype, phase=row.phase))
            (area,) = apart.planes
            self._fills.append(Fill(area, f"{_corner(row.block)}-{_corner(shown)}"))
            self._styles.append((area, Style.DIFFERENCE))
            self._formats.append((area, SMALL_FORMAT))
            self._limits.append((area, limits[row.tensor]))
            expression = f"{row.tensor} - expected({row.tensor})"
            name = difference_name(row.tensor)
            self.rows.append(MapRow(name, Role.COMPUTED, apart, "float64", expression, phase=row.phase))

    def sheet(self, **layout: Any) -> Sheet:
        """The finished sheet."""
        widths = dict(self._fitting_widths()) | self._widths
        return Sheet(
            self.name,
            Cells.of(self._values),
            tuple(self._fills),
            layout=Layout(
                styles=tuple(self._styles),
                formats=tuple(self._formats),
                widths=tuple(sorted(widths.items())),
                merged=tuple(self._merged),
                limits=tuple(self._limits),
                freeze=parse_cell(self.freeze, self.name) if self.freeze else None,
                **layout,
            ),
        )

    def _put(self, cell: Cell, value: Scalar, style: Style) -> None:
        if (cell.row, cell.column) in self._values:
            raise ValueError(f"{show_cell(cell)} is written twice: {value!r}")
        self._values[cell.row, cell.column] = value
        self._styles.append((Area(cell, 1, 1), style))

    def _numbers(self, block: Block, array: NDArray[np.float64], style: Style) -> None:
        for index in block.indices():
            cell = block.cell(index)
            if (cell.row, cell.column) in self._values:
                raise ValueError(f"{show_cell(cell)} is written twice")
            self._values[cell.row, cell.column] = float(array[index])
        for plane in block.planes:
            self._styles.append((plane, style))
            self._formats.append((plane, "General" if (array == array.round()).all() else NUMBER_FORMAT))

    def _fitting_widths(self) -> Mapping[int, float]:
        """Column widths in characters that show every label and number in full."""
        flowing = {
            (area.row, area.column) for area, style in self._styles if style in (Style.TITLE, Style.NOTE, Style.HEADING)
        }
        widths: dict[int, float] = {}
        for (row, column), value in self._values.items():
            if isinstance(value, str) and (row, column) not in flowing:
                widths[column] = max(widths.get(column, 0), len(value) + 2)
            elif not isinstance(value, str):
                widths[column] = max(widths.get(column, 0), 10)
        for fill in self._fills:
            for column in range(fill.area.column, fill.area.right):
                widths[column] = max(widths.get(column, 0), 10)
        used = max(widths, default=0)
        return {column: widths.get(column, 3) for column in range(used + 1)}


def _block(corner: Cell, shape: tuple[int, ...], transposed: bool) -> Block:
    height, width = (1, *shape)[-2:] if shape else (1, 1)
    if transposed:
        height, width = width, height
    return Block(shape, (Area(corner, height, width),), transposed)


def _corner(block: Block) -> str:
    return show_cell(block.planes[0].corner, sheet=False)


def _moved(block: Block, rows: int, columns: int) -> Block:
    return Block(block.shape, tuple(plane.moved(rows, columns) for plane in block.planes), block.transposed)
