"""Placed blocks as the sheets of a workbook and the rows of its map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from xlparity.compiler.fill import fills
from xlparity.compiler.lower.formula import INFINITE, Formula, Literals
from xlparity.compiler.lower.lowering import BlockPlan
from xlparity.compiler.place import COLUMN_WIDTH, PlacedBlock, SheetPlan, labels
from xlparity.formula.ast import Number, walk
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Fill, Layout, Link, Sheet, Style
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Cells, Kind

__all__ = ["CellsBuilder", "map_rows", "sheets_of"]

_STYLES = {Role.COMPUTED: Style.FORMULA, Role.EXPECTED: Style.EXPECTED}


@dataclass(slots=True)
class CellsBuilder:
    """Constants of one sheet, gathered as arrays."""

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    columns: list[NDArray[np.int64]] = field(default_factory=list)
    numbers: list[NDArray[np.float64]] = field(default_factory=list)
    kinds: list[NDArray[np.uint8]] = field(default_factory=list)
    texts: dict[str, int] = field(default_factory=dict)

    def add_numbers(self, rows: NDArray[np.int64], columns: NDArray[np.int64], numbers: NDArray[np.float64]) -> None:
        """Numbers at (`rows`, `columns`), three arrays of one shape."""
        self._add(rows.reshape(-1), columns.reshape(-1), numbers.reshape(-1), Kind.NUMBER)

    def text(self, row: int, column: int, text: str) -> None:
        """A text at (`row`, `column`); nothing for an empty one."""
        self.run(row, column, [text])

    def run(self, row: int, column: int, texts: Sequence[str], down: bool = False) -> None:
        """Texts side by side, or one below the other; empty ones leave their cell blank."""
        kept = [(at, text) for at, text in enumerate(texts) if text]
        if not kept:
            return
        along = np.array([at for at, _ in kept], np.int64)
        still = np.zeros(len(kept), np.int64)
        numbers = np.array([self.texts.setdefault(text, len(self.texts)) for _, text in kept], np.float64)
        rows, columns = (along, still) if down else (still, along)
        self._add(rows + row, columns + column, numbers, Kind.TEXT)

    def _add(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], numbers: NDArray[np.float64], kind: Kind
    ) -> None:
        self.rows.append(rows)
        self.columns.append(columns)
        self.numbers.append(numbers)
        self.kinds.append(np.full(len(rows), int(kind), np.uint8))

    def cells(self) -> Cells:
        """All of it, sorted by row and column."""
        if not self.rows:
            return Cells.empty()
        row, column = np.concatenate(self.rows), np.concatenate(self.columns)
        order = np.lexsort((column, row))
        return Cells(
            row[order].astype(np.int32), column[order].astype(np.int32), np.concatenate(self.kinds)[order],
            np.concatenate(self.numbers)[order], tuple(self.texts),
        )  # fmt: skip


def sheets_of(
    plans: Sequence[SheetPlan], count: int, literals: Literals, batch: int, number_format: str,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Sheet]:  # fmt: skip
    """The sheets with their numbers, formulas, labels and looks; `count` is the number of blocks."""
    names = [sheet.name for sheet in plans]
    corners = np.zeros((count + 1, 3), np.int64)
    corners[0, 0] = -1
    for at, sheet in enumerate(plans):
        for placed in sheet.blocks:
            if placed.plan.role is Role.EXPECTED:
                continue  # PyTorch's values of a tensor that stands elsewhere
            corners[placed.plan.number] = at, placed.corner.row, placed.corner.column
    infinite = INFINITE if any(_has_infinities(placed.plan) for sheet in plans for placed in sheet.blocks) else None
    made = []
    for number, sheet in enumerate(plans, 1):
        progress(f"filling sheet {number} of {len(plans)} with formulas")
        made.append(_sheet(sheet, corners, names, literals, batch, number_format, "Summary", infinite))
    return made


def _has_infinities(plan: BlockPlan) -> bool:
    if plan.values is not None and plan.values.is_floating_point() and bool((plan.values.abs() >= INFINITE).any()):
        return True
    numbers = () if plan.formula is None else (node for node in walk(plan.formula.tree) if isinstance(node, Number))
    return any(number.value >= INFINITE for number in numbers)


def _sheet(
    sheet: SheetPlan, corners: NDArray[np.int64], names: Sequence[str], literals: Literals, batch: int,
    number_format: str, home: str, infinite: float | None,
) -> Sheet:  # fmt: skip
    cells = CellsBuilder()
    formulas: list[Fill] = []
    styles: list[tuple[Area, Style]] = []
    formats: list[tuple[Area, str]] = []

    def mark(row: int, column: int, style: Style, height: int = 1, width: int = 1) -> None:
        styles.append((Area.of(sheet.name, row, column, height, width), style))

    cells.text(0, 0, sheet.title)
    mark(0, 0, Style.TITLE)
    cells.text(1, 0, "to the summary")
    right = 1
    widths: dict[int, float] = {}
    for row, heading in sheet.headings:
        cells.text(row, 0, heading)
        mark(row, 0, Style.TITLE)
    for placed in sheet.blocks:
        plan, corner = placed.plan, placed.corner
        cells.text(corner.row - 3, corner.column - 1, placed.title)
        mark(corner.row - 3, corner.column - 1, Style.HEADING, 1, plan.width + 1)
        cells.text(corner.row - 2, corner.column - 1, placed.subtitle)
        mark(corner.row - 2, corner.column - 1, Style.PLAIN)
        right = max(right, corner.column + plan.width)
        for column, letters in _labelled(placed, cells, batch, mark):
            widths[column] = max(widths.get(column, COLUMN_WIDTH), letters)
        style = Style.LINK if plan.link is not None else _STYLES.get(plan.role, Style.INPUT)
        shown = "0" if "float" not in plan.dtype else number_format
        for area in planes(placed):
            styles.append((area, style))
            formats.append((area, shown))
        if plan.values is not None:
            cells.add_numbers(plan.rows + corner.row, plan.columns + corner.column, plan.values.double().numpy())
        if plan.formula is not None:
            formulas.extend(_fills(placed, plan.formula, corners, names, literals))
    layout = Layout(
        styles=tuple(styles),
        formats=tuple(formats),
        widths=tuple((column, widths.get(column, COLUMN_WIDTH)) for column in range(min(right + 1, 2000))),
        links=(Link(Cell(sheet.name, 1, 0), Cell(home, 0, 0)),),
        freeze=Cell(sheet.name, 2, 1),
        infinite=infinite,
    )
    return Sheet(sheet.name, cells.cells(), tuple(formulas), layout=layout)


def planes(placed: PlacedBlock) -> list[Area]:
    """The areas of a block's planes."""
    height, width = placed.plan.plane_shape
    return [Area(placed.corner.moved(row, column), height, width) for row, column in placed.plan.planes]


def _fills(
    placed: PlacedBlock, formula: Formula, corners: NDArray[np.int64], names: Sequence[str], literals: Literals
) -> list[Fill]:
    plan = placed.plan
    height, width = plan.plane_shape
    positions = np.arange(height * width * len(plan.planes)).reshape(len(plan.planes), *(
        (width, height) if plan.transposed and len(plan.shape) > 1 else (height, width)
    ))  # fmt: skip
    if plan.transposed and len(plan.shape) > 1:
        positions = positions.swapaxes(1, 2)
    return list(fills(formula, list(zip(planes(placed), positions, strict=True)), corners, names, literals))


def _labelled(
    placed: PlacedBlock, cells: CellsBuilder, batch: int, mark: Callable[..., None]
) -> Iterator[tuple[int, int]]:
    """Write the labels; yields each column that they begin in with the letters of the longest."""
    plan, corner = placed.plan, placed.corner
    plane_labels, rows, columns = labels(plan, batch)
    said: dict[int, str] = {}  # of the first plane in each row
    for (row, column), label in zip(plan.planes, plane_labels, strict=True):
        top, left = corner.row + row, corner.column + column
        outer, _, last = label.rpartition(", ")
        text = last if outer and said.get(row) == outer else label
        said.setdefault(row, outer)
        cells.text(top - 1, left - 1, text)
        yield left - 1, len(text)
        mark(top - 1, left - 1, Style.LABEL)
        if row == 0:
            cells.run(top - 1, left, columns)
            mark(top - 1, left, Style.LABEL, 1, len(columns))
        if column == 0:
            cells.run(top, left - 1, rows, down=True)
            mark(top, left - 1, Style.LABEL, len(rows), 1)


def map_rows(plans: Sequence[SheetPlan], aliases: Mapping[str, str] = MappingProxyType({})) -> list[MapRow]:
    """The rows of the map, in the order in which the blocks were made; `aliases` are further names of tensors."""
    also: dict[str, list[str]] = {}
    for alias, name in aliases.items():
        also.setdefault(name, []).append(alias)
    rows = []
    for placed in sorted((block for sheet in plans for block in sheet.blocks), key=lambda block: block.plan.number):
        plan = placed.plan
        block = Block(plan.shape, tuple(planes(placed)), plan.transposed and len(plan.shape) > 1)
        phase = plan.phase if not plan.step else f"step {plan.step} {plan.phase}"
        torch = plan.torch if plan.role is Role.COMPUTED else ""
        rows.append(MapRow(plan.name, plan.role, block, plan.dtype, torch, module=plan.module, phase=phase.strip()))
        prefix = f"step[{plan.step}]." if plan.step else ""
        if plan.role is Role.COMPUTED:
            for alias in also.get(plan.name.removeprefix(prefix), ()):
                rows.append(
                    MapRow(prefix + alias, plan.role, block, plan.dtype, plan.name, module=plan.module, phase=phase)
                )
    return rows
