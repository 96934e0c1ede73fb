"""Workbooks with one slip of the hand, by the published operators for spreadsheets; `mutation.py` counts what is found.

The operators are those of Abraham and Erwig ("Mutation Operators for Spreadsheets", IEEE Transactions on Software
Engineering 35, 2009), and the slips of filling that they leave out: marks of absolute references, copies of a
neighbour, fills that start in the wrong place. They are written here anew and share nothing with `formula.edits`, from
which the checker takes its repairs. A mutant remembers the values that its own formulas give, as Excel saves it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xlparity.check.formulas import FormulaIndex
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula import ast
from xlparity.formula.parse import parse
from xlparity.formula.relative import move
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell
from xlparity.model.map import Map, Role
from xlparity.model.value import Cells, Values

__all__ = ["OPERATORS", "Mutant", "Mutants", "remembering"]

# What the page calls them, in its order.
OPERATORS = (
    "reference replaced", "range shrunk", "range extended", "range shifted", "operator replaced", "constant replaced",
    "function replaced", "operand removed", "sign", "absolute value", "reference to constant", "constant to reference",
    "formula to constant", "absolute/relative", "copy of a neighbour", "fill broken",
)  # fmt: skip

_ARITHMETIC = ("+", "-", "*", "/", "^")
_COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
_OF_RANGES = ("SUM", "AVERAGE", "MAX", "MIN", "COUNT", "PRODUCT", "SUMSQ", "DEVSQ")
_OF_NUMBERS = ("ABS", "EXP", "LN", "SQRT", "SIGN", "TANH", "INT", "SIN")
_OF_ARRAYS = ("SUMPRODUCT", "SUMXMY2", "SUMX2MY2", "SUMX2PY2")
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
_Edits = Callable[[ast.Expression], Iterator[tuple[str, ast.Expression]]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A slip: the new content of the changed cells, a formula without `=` or a number."""

    operator: str
    changes: tuple[tuple[Cell, str | float], ...]

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells that the slip makes wrong."""
        return frozenset(cell for cell, _ in self.changes)


class Mutants:
    """All single slips in the judged formulas of a workbook.

    Parameters
    ----------
    book, parity
        The workbook and its map; the formulas of its computed tensors are changed.
    seed
        Draws the cells that a reference is replaced by, beside those around it.
    """

    def __init__(self, book: Book, parity: Map, seed: int) -> None:
        self.book, self.index, self.values = book, FormulaIndex(book), EmbeddedEngine().evaluate(book)
        self._random = random.Random(seed)
        blocks = [row.block for row in parity if row.role is Role.COMPUTED]
        cells = dict.fromkeys(cell for block in blocks for plane in block.planes for cell in plane.cells())
        self.cells = tuple(cell for cell in cells if self.text(cell) is not None and self._copied(cell))
        self._numbers = [cell for cell in cells if isinstance(self.values.scalar(cell), float)]

    def text(self, cell: Cell) -> str | None:
        """The formula of `cell`, None if it has none."""
        return self.index.text(cell)

    def _copied(self, cell: Cell) -> bool:
        fill = self.index.fill(cell)
        return fill is not None and fill.kind is FillKind.COPIED

    def of(self, cell: Cell) -> list[Mutant]:
        """The slips in one cell; those of a whole fill stand with the first of its cells."""
        text = self.text(cell) or ""
        found: dict[tuple[tuple[Cell, str | float], ...], Mutant] = {}
        for mutant in (*self._of_one(cell, text), *self._of_fill(cell)):
            changes = tuple((one, new) for one, new in mutant.changes if new != self.text(one))
            if changes and not self._circular(changes):
                found.setdefault(changes, replace(mutant, changes=changes))
        return list(found.values())

    def position(self, cell: Cell) -> str:
        """Where `cell` stands in its fill."""
        fill = self.index.fill(cell)
        assert fill is not None
        area = fill.area
        if area.size == 1:
            return "alone"
        ends = {area.corner, Cell(area.sheet, area.bottom - 1, area.right - 1)}
        return "inside" if cell not in ends else "first" if cell == area.corner else "last"

    def sample(self, most: int) -> list[Mutant]:
        """At most `most` slips: all if there are no more, else by turns one of each operator, fill and position."""
        every: dict[tuple[str, Area, str], list[Mutant]] = {}
        cells = list(self.cells)
        if len(cells) > 2 * most:  # of a large fill its first, its last and one inside
            chosen: dict[tuple[Area, str], Cell] = {}
            self._random.shuffle(cells)
            for cell in cells:
                chosen.setdefault((self._fill(cell).area, self.position(cell)), cell)
            cells = list(chosen.values())
        for cell in cells:
            for mutant in self.of(cell):
                every.setdefault((mutant.operator, self._fill(cell).area, self.position(cell)), []).append(mutant)
        if sum(map(len, every.values())) <= most:
            return [mutant for group in every.values() for mutant in group]
        by_operator: dict[str, list[list[Mutant]]] = {}
        for (operator, _, _), group in every.items():
            self._random.shuffle(group)
            by_operator.setdefault(operator, []).append(group)
        drawn: list[Mutant] = []
        for groups in by_operator.values():
            self._random.shuffle(groups)
        while len(drawn) < most and any(by_operator.values()):
            for groups in by_operator.values():
                if groups and len(drawn) < most:
                    group = groups.pop(0)
                    drawn.append(group.pop())
                    if group:
                        groups.append(group)
        return drawn

    def made(self, mutant: Mutant) -> Book:
        """The workbook with the slip, as saved after recalculation."""
        return remembering(_changed(self.book, dict(mutant.changes)))

    def _fill(self, cell: Cell) -> Fill:
        fill = self.index.fill(cell)
        assert fill is not None
        return fill

    def _of_one(self, cell: Cell, text: str) -> Iterator[Mutant]:
        for operator, edited in _everywhere(parse(text), self._edits(cell)):
            yield Mutant(operator, ((cell, show(edited)),))
        value = self.values.scalar(cell)
        if isinstance(value, float):
            for number in (value, value + 1.0):
                yield Mutant("formula to constant", ((cell, number),))
        for row, column in _STEPS:
            other = cell.moved(row, column)
            copied = self.text(other) if min(other.row, other.column) >= 0 else None
            if copied is not None:
                yield Mutant("copy of a neighbour", ((cell, copied),))

    def _of_fill(self, cell: Cell) -> Iterator[Mutant]:
        """Slips of filling: a mark of an absolute reference in the whole fill; from here on filled one cell off."""
        fill = self._fill(cell)
        area = fill.area
        if area.size == 1:
            return
        if cell == area.corner:
            for _, edited in _everywhere(parse(fill.formula), _marks):
                pattern = show(edited)
                changes = ((c, move(pattern, c.row - area.row, c.column - area.column)) for c in area.cells())
                yield Mutant("absolute/relative", tuple((c, new) for c, new in changes if not self._same(c, new)))
        for line in ("row", "column"):
            rest = [c for c in area.cells() if (c.column == cell.column and c.row >= cell.row if line == "row"
                                                else c.row == cell.row and c.column >= cell.column)]  # fmt: skip
            if len(rest) > 1:
                down, right = (1, 0) if line == "row" else (0, 1)
                changes = ((c, move(self.text(c) or "", down, right)) for c in rest)
                yield Mutant("fill broken", tuple((c, new) for c, new in changes if not self._same(c, new)))

    def _same(self, cell: Cell, text: str) -> bool:
        """Whether two formulas read the same cells and do the same with them, whatever their marks."""
        return _unmarked(parse(text)) == _unmarked(parse(self.text(cell) or ""))

    def _edits(self, cell: Cell) -> _Edits:
        def edits(node: ast.Expression) -> Iterator[tuple[str, ast.Expression]]:
            yield from _structural(node)
            match node:
                case ast.CellReference(sheet=sheet):
                    yield from (("reference replaced", moved) for moved in _around(node))
                    if self._numbers:
                        other = self._random.choice(self._numbers)
                        named = None if other.sheet == cell.sheet else other.sheet
                        yield "reference replaced", ast.CellReference(other.row, other.column, sheet=named)
                    value = self.values.scalar(Cell(sheet or cell.sheet, node.row, node.column))
                    if isinstance(value, float):
                        yield "reference to constant", _number(value)
                case ast.Number() if self._numbers:
                    other = self._random.choice(self._numbers)
                    named = None if other.sheet == cell.sheet else other.sheet
                    yield "constant to reference", ast.CellReference(other.row, other.column, sheet=named)
                case _:
                    return

        return edits

    @cached_property
    def _readers(self) -> dict[Cell, list[Cell]]:
        """Which formula cells read a formula cell."""
        readers: dict[Cell, list[Cell]] = {}
        for sheet in self.book.sheets:
            for fill in sheet.fills:
                for cell in fill.area.cells():
                    for area in self.index.precedents(cell):
                        for read in _formulas(self.index, area):
                            readers.setdefault(read, []).append(cell)
        return readers

    def _circular(self, changes: Sequence[tuple[Cell, str | float]]) -> bool:
        """Whether a formula would read itself, which Excel refuses when it is typed."""
        changed = {cell for cell, _ in changes}
        after, stack = set(changed), list(changed)
        while stack:
            new = set(self._readers.get(stack.pop(), ())) - after
            after |= new
            stack += new
        for cell, text in changes:
            if isinstance(text, str):
                for area in self.index.read_by(text, cell.sheet):
                    if any(read in after for read in _formulas(self.index, area)):
                        if len(changes) == 1 or cell in area:
                            return True
                        # A fill may read its own cells in order, as a running sum does.
                        if any(read in after - changed for read in _formulas(self.index, area)):
                            return True
        return False


def _formulas(index: FormulaIndex, area: Area) -> list[Cell]:
    mask = index.mask(area)
    return [area.corner.moved(*at) for at in zip(*(part.tolist() for part in mask.nonzero()), strict=True)]


def _everywhere(expression: ast.Expression, edits: _Edits) -> Iterator[tuple[str, ast.Expression]]:
    """`expression` with one node changed."""
    yield from edits(expression)
    match expression:
        case ast.Binary(_, left, right):
            yield from ((name, replace(expression, left=new)) for name, new in _everywhere(left, edits))
            yield from ((name, replace(expression, right=new)) for name, new in _everywhere(right, edits))
        case ast.Unary(_, operand) | ast.Percent(operand):
            yield from ((name, replace(expression, operand=new)) for name, new in _everywhere(operand, edits))
        case ast.Call(_, arguments):
            for at, argument in enumerate(arguments):
                for name, new in _everywhere(argument, edits):
                    yield name, replace(expression, arguments=(*arguments[:at], new, *arguments[at + 1 :]))
        case _:
            return


def _structural(node: ast.Expression) -> Iterator[tuple[str, ast.Expression]]:
    """The edits that need nothing but the formula."""
    match node:
        case ast.AreaReference():
            yield from _ranges(node)
        case ast.Binary(operator, left, right) if operator in _ARITHMETIC:
            yield from (("operator replaced", replace(node, operator=other)) for other in _ARITHMETIC)
            yield "operand removed", left
            yield "operand removed", right
            yield "sign", replace(node, right=ast.Unary("-", right))
        case ast.Binary(operator) if operator in _COMPARISONS:
            yield from (("operator replaced", replace(node, operator=other)) for other in _COMPARISONS)
        case ast.Unary("-", operand):
            yield "sign", operand
        case ast.Number(value):
            for number in (value + 1, value - 1, value * 10, value / 10):
                if number >= 0:
                    yield "constant replaced", ast.Number(number)
        case ast.Call(name, arguments):
            for family in (_OF_RANGES, _OF_NUMBERS, _OF_ARRAYS):
                if name in family and (family is not _OF_ARRAYS or len(arguments) == 2):
                    yield from (("function replaced", replace(node, name=other)) for other in family)
            if len(arguments) > 1 and name not in ("IF", "INDEX"):
                for at in range(len(arguments)):
                    yield "operand removed", replace(node, arguments=(*arguments[:at], *arguments[at + 1 :]))
            elif name == "IF" and len(arguments) == 3:
                yield "operand removed", arguments[1]
                yield "operand removed", arguments[2]
                yield "operand removed", replace(node, arguments=(arguments[0], arguments[2], arguments[1]))
        case _:
            pass
    if isinstance(node, ast.CellReference):
        yield "sign", ast.Unary("-", node)
        yield "absolute value", ast.Call("ABS", (node,))


def _ranges(node: ast.AreaReference) -> Iterator[tuple[str, ast.Expression]]:
    first, last = node.first, node.last
    for row, column in _STEPS:
        grown = row + column > 0
        if (row and last.row > first.row) or (column and last.column > first.column):
            shrunk = (
                replace(node, first=_at(first, row, column)) if grown else replace(node, last=_at(last, row, column))
            )
            yield "range shrunk", shrunk
        if _inside(last if grown else first, row, column):
            extended = (
                replace(node, last=_at(last, row, column)) if grown else replace(node, first=_at(first, row, column))
            )
            yield "range extended", extended
        if _inside(last, row, column) and _inside(first, row, column):
            yield "range shifted", replace(node, first=_at(first, row, column), last=_at(last, row, column))


def _marks(node: ast.Expression) -> Iterator[tuple[str, ast.Expression]]:
    """A `$` too many or too few."""
    match node:
        case ast.CellReference():
            yield "absolute/relative", replace(node, row_absolute=not node.row_absolute)
            yield "absolute/relative", replace(node, column_absolute=not node.column_absolute)
        case ast.AreaReference(first, last):
            yield from (("absolute/relative", replace(node, first=new)) for _, new in _marks(first))
            yield from (("absolute/relative", replace(node, last=new)) for _, new in _marks(last))
        case _:
            return


def _unmarked(node: ast.Expression) -> ast.Expression:
    match node:
        case ast.CellReference():
            return replace(node, row_absolute=False, column_absolute=False)
        case ast.AreaReference(first, last):
            return replace(node, first=_unmarked(first), last=_unmarked(last))
        case ast.Binary(_, left, right):
            return replace(node, left=_unmarked(left), right=_unmarked(right))
        case ast.Unary(_, operand) | ast.Percent(operand):
            return replace(node, operand=_unmarked(operand))
        case ast.Call(_, arguments):
            return replace(node, arguments=tuple(map(_unmarked, arguments)))
        case _:
            return node


def _inside(node: ast.CellReference, row: int, column: int) -> bool:
    return 0 <= node.row + row < MAX_ROWS and 0 <= node.column + column < MAX_COLUMNS


def _at(node: ast.CellReference, row: int, column: int) -> ast.CellReference:
    return replace(node, row=node.row + row, column=node.column + column)


def _around(node: ast.CellReference) -> Iterator[ast.CellReference]:
    yield from (_at(node, *step) for step in _STEPS if _inside(node, *step))


def _number(value: float) -> ast.Expression:
    return ast.Number(value) if value >= 0 else ast.Unary("-", ast.Number(-value))


def _changed(book: Book, changes: dict[Cell, str | float]) -> Book:
    """The workbook with other contents in some formula cells: their fills are taken apart into cells."""
    sheets = []
    index = FormulaIndex(book)
    for sheet in book.sheets:
        here = {cell: content for cell, content in changes.items() if cell.sheet == sheet.name}
        if not here:
            sheets.append(sheet)
            continue
        broken = {fill.area for cell in here if (fill := index.fill(cell)) is not None}
        fills = [fill for fill in sheet.fills if fill.area not in broken]
        for fill in sheet.fills:
            if fill.area in broken:
                for cell in fill.area.cells():
                    content = here.get(cell, index.text(cell))
                    if isinstance(content, str):
                        fills.append(Fill(Area(cell, 1, 1), content))
        numbers = {(cell.row, cell.column): content for cell, content in here.items() if isinstance(content, float)}
        sheets.append(replace(sheet, fills=tuple(fills), constants=_with(sheet, numbers)))
    return replace(book, sheets=tuple(sheets))


def _with(sheet: Sheet, numbers: dict[tuple[int, int], float]) -> Cells:
    if not numbers:
        return sheet.constants
    held = {
        (row, column): sheet.constants.scalar(row, column)
        for row, column in zip(sheet.constants.row.tolist(), sheet.constants.column.tolist(), strict=True)
    }
    return Cells.of(held | numbers)


def remembering(book: Book) -> Book:
    """The workbook as saved after recalculation: it remembers what its formulas give."""
    values = EmbeddedEngine().evaluate(book)
    return replace(book, sheets=tuple(replace(sheet, cached=_cached(sheet, values)) for sheet in book.sheets))


def _cached(sheet: Sheet, values: Values) -> Cells:
    held = {
        (cell.row, cell.column): value
        for fill in sheet.fills
        for cell in fill.area.cells()
        if (value := values.scalar(cell)) is not None
    }
    return Cells.of(held)
