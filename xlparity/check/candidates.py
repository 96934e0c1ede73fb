"""Formulas that may be meant where a wrong one stands: those of other cells first, then those an edit away.

What other cells have is asked of the neighbours in the tensor, of the cells around on the sheet, and of tensors that
torch computes in the same way from others (the layer before, the step before): their formulas with the operands put in
their place. A constant that stands for a formula has only these, and small formulas over its operands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, permutations, product

from xlparity.check.formulas import FormulaIndex, neighbours_formulas
from xlparity.check.reference import Program
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.ast import AreaReference, Binary, Call, CellReference, Expression, Number, Unary, walk
from xlparity.formula.edits import additions, everywhere, replacements, single_edits
from xlparity.formula.parse import parse
from xlparity.formula.relative import move
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell

__all__ = ["Candidates"]

_MOST_OPERANDS = 48  # cells of its operands that a formula may have missed or taken for another
_MOST_AREAS = 40  # rows, columns and planes of its operands, likewise
_MOST_ALIKE = 6  # tensors that torch computes alike
_MOST_PLACED = 6  # elements or areas that small formulas are made of
_WHOLES = ("SUM", "AVERAGE", "MAX", "MIN", "SUMSQ", "DEVSQ", "COUNT")
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True, slots=True)
class _Place:
    """The element `at` of the tensor `name`, which stands in `cell` with the formula `text`, if any."""

    name: str
    at: tuple[int, ...]
    cell: Cell
    text: str | None


class Candidates:
    """Formulas for the cells of the computed tensors of a workbook."""

    def __init__(self, program: Program, index: FormulaIndex) -> None:
        self._program, self._index = program, index
        self._numbers = [Number(number) for number in index.numbers() if number >= 0]

    def of(self, name: str, at: tuple[int, ...]) -> Iterator[Iterator[str]]:
        """Formulas without `=` for element `at` of `name`, the likeliest first, in groups to be tried in turn."""
        cell = self._program.rows[name].block.cell(at)
        place = _Place(name, at, cell, self._index.text(cell))
        yield self._of_others(place)
        tree = _parsed(place.text)
        if tree is None:
            yield (show(one) for one in self._small(place))
            return
        yield map(show, single_edits(tree))
        yield map(show, self._completed(place, tree))

    def _completed(self, place: _Place, tree: Expression) -> Iterator[Expression]:
        """What was left out put back, an operand in the place of another, a whole of it in the place of a part."""
        operands = list(islice(self._cells(place), _MOST_OPERANDS))
        yield from replacements(tree, [*operands, *self._numbers, *self._counts(place)])
        areas = list(islice(self._areas(place), _MOST_AREAS))

        def other_area(node: Expression) -> Iterator[Expression]:
            if isinstance(node, AreaReference):
                yield from (area for area in areas if area != node)

        yield from everywhere(tree, other_area)
        used = Counter(node for node in walk(tree) if isinstance(node, CellReference | AreaReference))
        for node, times in used.items():
            if times > 1:  # the wrong one everywhere
                wanted: list[Expression] = [*operands] if isinstance(node, CellReference) else [*areas]
                yield from (_with(tree, node, other) for other in wanted if other != node)
        yield from everywhere(tree, lambda node: _joined(node, areas))
        yield from additions(tree, operands)
        counts = list(self._counts(place))
        sums = [Call("SUM", (area,)) for area in islice(areas, _MOST_PLACED)]
        for count in counts:
            yield Binary("*", tree, count)
            yield Binary("/", tree, count)
            yield Binary("/", Binary("*", Number(2.0), tree), count)
        yield from (Binary(operator, tree, whole) for operator, whole in product("+-*", sums))
        few = operands[:_MOST_PLACED]
        for one, other in permutations(few, 2):
            for operator in "+-":
                yield Binary(operator, tree, Binary("*", one, other))
                yield Binary(operator, Binary("*", one, other), tree)

    def _of_others(self, place: _Place) -> Iterator[str]:
        """What other cells would have here."""
        cell, text = place.cell, place.text
        yield from neighbours_formulas(self._index, self._program.rows[place.name].block, cell)
        yield from self._of_alike(place)
        for row, column in _STEPS:
            if text is not None:
                yield move(text, row, column)
            if 0 <= cell.row + row < MAX_ROWS and 0 <= cell.column + column < MAX_COLUMNS:
                beside = self._index.text(cell.moved(row, column))
                if beside is not None:
                    yield move(beside, -row, -column)

    @cached_property
    def _alike(self) -> Mapping[str, list[str]]:
        """The computed tensors by the form of their expression, whatever the names in it."""
        found: dict[str, list[str]] = {}
        for name in self._program.order:
            found.setdefault(self._form(name)[0], []).append(name)
        return found

    def _form(self, name: str) -> tuple[str, list[str]]:
        """The expression of `name` with a mark for each of its tensors, and these in turn."""
        found: list[str] = []

        def mark(match: re.Match[str]) -> str:
            if match[0] not in found:
                found.append(match[0])
            return f"\0{found.index(match[0])}"

        operands = sorted(set(self._program.operands(name)), key=len, reverse=True)
        if not operands:
            return self._program.expressions[name].text, []
        pattern = rf"(?<![\w.])(?:{'|'.join(map(re.escape, operands))})(?![\w\[])"
        return re.sub(pattern, mark, self._program.expressions[name].text), found

    def _of_alike(self, place: _Place) -> Iterator[str]:
        """The formulas of tensors that torch computes alike, over the operands of this one."""
        form, own = self._form(place.name)
        position = self._program.order.index(place.name)
        others = [other for other in self._alike.get(form, []) if other != place.name]
        rows = self._program.rows

        def far(other: str) -> tuple[int, int]:
            pairs = zip((other, *self._form(other)[1]), (place.name, *own), strict=True)
            unlike = sum(rows[theirs].block.shape != rows[ours].block.shape for theirs, ours in pairs)
            return unlike, abs(self._program.order.index(other) - position)

        others.sort(key=far)
        for other in others[:_MOST_ALIKE]:
            pairs = [(rows[other].block, rows[place.name].block)]
            pairs += [
                (rows[theirs].block, rows[ours].block)
                for theirs, ours in zip(self._form(other)[1], own, strict=True)
            ]  # fmt: skip
            at = _index_alike(place.at, rows[place.name].block, rows[other].block)
            if at is None:
                continue
            source = rows[other].block.cell(at)
            tree = _parsed(self._index.text(source))
            if tree is not None:
                yield show(_translated(tree, source, place.cell, pairs))

    def _operand_blocks(self, place: _Place) -> list[Block]:
        """The tensors that torch computes it from, the small ones (a bias, a rate) first."""
        rows = {one: self._program.rows[one] for one in self._program.operands(place.name)}
        shown = [self._program.shown[key] for key in self._program.expressions[place.name].shown]
        return sorted((row.block for row in (*rows.values(), *shown)), key=lambda block: block.size)

    def _cells(self, place: _Place) -> Iterator[CellReference]:
        """Cells of the operands: those that stand for the same element first, then tensor by tensor."""
        blocks = self._operand_blocks(place)
        seen: set[Cell] = set()
        same = (block.cell(at) for block in blocks if (at := _broadcast(place.at, block)) is not None)
        for cell in (*same, *(block.cell(at) for block in blocks for at in islice(block.indices(), _MOST_OPERANDS))):
            if cell not in seen:
                seen.add(cell)
                yield _reference(cell, place.cell)

    def _areas(self, place: _Place) -> Iterator[AreaReference]:
        """Planes of the operands, and their rows and columns."""
        planes = [plane for block in self._operand_blocks(place) for plane in block.planes]
        for plane in planes:
            yield _area(plane, place.cell)
        for plane in planes:
            for row in range(plane.height if plane.height > 1 else 0):
                yield _area(Area(plane.corner.moved(row, 0), 1, plane.width), place.cell)
            for column in range(plane.width if plane.width > 1 else 0):
                yield _area(Area(plane.corner.moved(0, column), plane.height, 1), place.cell)

    def _counts(self, place: _Place) -> Iterator[Number]:
        """How many elements, rows and columns the operands have."""
        sizes = dict.fromkeys(n for block in self._operand_blocks(place) for n in (block.size, *block.shape))
        yield from (Number(float(size)) for size in sizes if size > 1)

    def _small(self, place: _Place) -> Iterator[Expression]:
        """Small formulas over the operands, for a cell of which nothing is known but them."""
        elements = list(islice(self._cells(place), _MOST_PLACED))
        blocks = self._operand_blocks(place)
        for one in elements:
            yield one
            yield Unary("-", one)
            yield Call("MAX", (Number(0.0), one))
            yield Binary("^", one, Number(2.0))
            yield from (Call(name, (one,)) for name in ("EXP", "LN", "SQRT", "TANH", "ABS"))
            yield Binary("/", Number(1.0), Binary("+", Number(1.0), Call("EXP", (Unary("-", one),))))
            yield Binary("/", Number(1.0), one)
            yield Binary("/", Number(2.0), one)
        for one, other in permutations(elements, 2):
            yield from (Binary(operator, one, other) for operator in "+-*/")
            yield Binary("^", Binary("-", one, other), Number(2.0))
        for one, two, three in permutations(elements[:4], 3):
            yield from (Binary(operator, one, Binary("*", two, three)) for operator in "+-")
        areas = [_area(block.planes[0], place.cell) for block in blocks if len(block.planes) == 1 and block.size > 1]
        counts = list(self._counts(place))
        for area in areas[:_MOST_PLACED]:
            wholes: list[Expression] = [
                Call(name, (area,)) for name in ("SUM", "AVERAGE", "MAX", "MIN", "SUMSQ", "DEVSQ", "COUNT")
            ]
            extremes: Expression = Call("MAX", (Call("MAX", (area,)), Unary("-", Call("MIN", (area,)))))
            yield from (*wholes, extremes)
            yield from (Binary("/", whole, count) for whole, count in product(wholes, counts))
            yield from (Binary("/", Number(factor), Call("COUNT", (area,))) for factor in (1.0, 2.0))
            halves = (Binary("/", Binary("*", Number(2.0), whole), count) for whole, count in product(wholes, counts))
            yield from halves
        for left, right in permutations(areas[:_MOST_PLACED], 2):
            both: list[Expression] = [Call(name, (left, right)) for name in ("SUMPRODUCT", "SUMXMY2")]
            yield from (*both, *(Binary("/", one, count) for one, count in product(both, counts)))


def _with(tree: Expression, node: Expression, other: Expression) -> Expression:
    """`tree` with `other` wherever `node` stands."""
    match tree:
        case _ if tree == node:
            return other
        case Binary(_, left, right):
            return replace(tree, left=_with(left, node, other), right=_with(right, node, other))
        case Unary(_, operand) | ast.Percent(operand):
            return replace(tree, operand=_with(operand, node, other))
        case Call(_, arguments):
            return replace(tree, arguments=tuple(_with(one, node, other) for one in arguments))
        case _:
            return tree


def _joined(node: Expression, areas: Sequence[AreaReference]) -> Iterator[Expression]:
    """A range less, plus or times another of its size."""
    if isinstance(node, AreaReference):
        for other in areas:
            if other != node and _extent(other) == _extent(node):
                yield from (Binary(operator, node, other) for operator in "-+*")
                yield Binary("-", other, node)


def _extent(node: AreaReference) -> tuple[int, int]:
    return abs(node.last.row - node.first.row), abs(node.last.column - node.first.column)


def _parsed(text: str | None) -> Expression | None:
    try:
        return None if text is None else parse(text)
    except FormulaError:
        return None


def _broadcast(at: tuple[int, ...], block: Block) -> tuple[int, ...] | None:
    """The index at which torch's broadcasting reads the tensor in `block` for the element `at`."""
    if len(block.shape) > len(at):
        return None
    tail = at[len(at) - len(block.shape) :]
    index = tuple(0 if size == 1 else spot for spot, size in zip(tail, block.shape, strict=True))
    return index if all(spot < size for spot, size in zip(index, block.shape, strict=True)) else None


def _index_alike(at: tuple[int, ...], block: Block, other: Block) -> tuple[int, ...] | None:
    """The index in `other` that stands as `at` does in `block`: first for first, last for last."""
    if len(block.shape) != len(other.shape):
        return None
    return tuple(
        size - 1 if spot == own - 1 and spot else min(spot, size - 1)
        for spot, own, size in zip(at, block.shape, other.shape, strict=True)
    )


def _reference(cell: Cell, home: Cell) -> CellReference:
    return CellReference(cell.row, cell.column, sheet=None if cell.sheet == home.sheet else cell.sheet)


def _area(area: Area, home: Cell) -> AreaReference:
    first, last = area.corner, Cell(area.sheet, area.bottom - 1, area.right - 1)
    sheet = None if area.sheet == home.sheet else area.sheet
    return AreaReference(CellReference(first.row, first.column), CellReference(last.row, last.column), sheet)


def _translated(tree: Expression, source: Cell, target: Cell, pairs: list[tuple[Block, Block]]) -> Expression:
    """The formula `tree` of `source` for `target`, with the cells of each pair's first block taken in its second."""

    def moved(cell: Cell) -> Cell:
        for theirs, ours in pairs:
            if cell in theirs:
                index = _index_alike(theirs.index(cell), theirs, ours)
                if index is not None:
                    return ours.cell(index)
        if cell.sheet != source.sheet:
            return cell
        row, column = cell.row + target.row - source.row, cell.column + target.column - source.column
        return Cell(target.sheet, min(max(row, 0), MAX_ROWS - 1), min(max(column, 0), MAX_COLUMNS - 1))

    def translated(node: Expression) -> Expression:
        match node:
            case CellReference(row, column, sheet=sheet, last_sheet=None):
                place = moved(Cell(sheet or source.sheet, row, column))
                return replace(
                    node, row=place.row, column=place.column, sheet=None if place.sheet == target.sheet else place.sheet
                )
            case AreaReference(first, last, sheet=sheet, last_sheet=None):
                ends = [moved(Cell(sheet or source.sheet, end.row, end.column)) for end in (first, last)]
                named = None if ends[0].sheet == target.sheet else ends[0].sheet
                first, last = (
                    replace(end, row=place.row, column=place.column)
                    for end, place in zip((first, last), ends, strict=True)
                )
                return AreaReference(first, last, named)
            case Binary(_, left, right):
                return replace(node, left=translated(left), right=translated(right))
            case Unary(_, operand) | ast.Percent(operand):
                return replace(node, operand=translated(operand))
            case Call(_, arguments):
                return replace(node, arguments=tuple(map(translated, arguments)))
            case _:
                return node

    return translated(tree)
