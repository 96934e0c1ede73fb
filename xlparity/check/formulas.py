"""What a workbook's formulas say by themselves: where they stand, what they read, which break a fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import FormulaError
from xlparity.formula.a1 import show_area, show_cell
from xlparity.formula.ast import (
    AreaReference,
    Boolean,
    Call,
    CellReference,
    Expression,
    Number,
    Text,
    walk,
)
from xlparity.formula.parse import parse
from xlparity.formula.precedents import precedents
from xlparity.formula.relative import move, relative_text
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, FillKind
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell
from xlparity.model.value import Kind, Values

__all__ = [
    "FillBreak",
    "FormulaIndex",
    "FormulaTexts",
    "MappedAreas",
    "breaks_of_fill",
    "neighbours_formula",
    "neighbours_formulas",
    "reaches_beyond",
]

_KEY = np.int64(MAX_COLUMNS)


class FormulaTexts(Mapping[Cell, str]):
    """The formula of every cell that has one, with `=`; each is made when it is asked for.

    `fills` by sheet, and for each sheet the cells' row * MAX_COLUMNS + column, sorted, with the number of the fill that
    each belongs to.
    """

    def __init__(
        self, fills: Mapping[str, Sequence[Fill]], keys: Mapping[str, NDArray[np.int64]],
        numbers: Mapping[str, NDArray[np.int64]],
    ) -> None:  # fmt: skip
        self._fills, self._keys, self._numbers = fills, keys, numbers

    def fill(self, cell: Cell) -> Fill | None:
        """The fill that `cell` belongs to, or None if it holds no formula."""
        keys = self._keys.get(cell.sheet)
        if keys is None:
            return None
        key = cell.row * MAX_COLUMNS + cell.column
        at = int(keys.searchsorted(key))
        if at == len(keys) or keys[at] != key:
            return None
        return self._fills[cell.sheet][int(self._numbers[cell.sheet][at])]

    def __getitem__(self, cell: Cell) -> str:
        fill = self.fill(cell)
        if fill is None:
            raise KeyError(cell)
        if fill.kind is not FillKind.COPIED:
            return f"={fill.formula}"
        return f"={move(fill.formula, cell.row - fill.area.row, cell.column - fill.area.column)}"

    def __iter__(self) -> Iterator[Cell]:
        for sheet, keys in self._keys.items():
            for key in keys.tolist():
                yield Cell(sheet, *divmod(key, MAX_COLUMNS))

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._keys.values())


class FormulaIndex:
    """The formula cells of a workbook, found by address; arrays, not an object a cell.

    `keys` holds for each sheet the cells' row * MAX_COLUMNS + column, sorted.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self._fills = {sheet.name: sheet.fills for sheet in book.sheets}
        self.keys: dict[str, NDArray[np.int64]] = {}
        self._numbers: dict[str, NDArray[np.int64]] = {}
        for sheet in book.sheets:
            keys = [_keys(fill.area) for fill in sheet.fills]
            joined = np.concatenate(keys) if keys else np.empty(0, np.int64)
            numbers = np.repeat(np.arange(len(keys)), [len(part) for part in keys])
            order = np.argsort(joined, kind="stable")
            self.keys[sheet.name], self._numbers[sheet.name] = joined[order], numbers[order]
        self.texts = FormulaTexts(self._fills, self.keys, self._numbers)

    @property
    def count(self) -> int:
        """The number of formula cells."""
        return len(self.texts)

    def mask(self, area: Area) -> NDArray[np.bool_]:
        """Which cells of `area` hold a formula, as an array of its height and width."""
        keys = self.keys.get(area.sheet, np.empty(0, np.int64))
        wanted = _keys(area)
        found = np.searchsorted(keys, wanted)
        inside = found < len(keys)
        mask = np.zeros(len(wanted), bool)
        mask[inside] = keys[found[inside]] == wanted[inside]
        return mask.reshape(area.height, area.width)

    def mask_of(self, block: Block) -> NDArray[np.bool_]:
        """Which elements of the tensor in `block` are formulas, as an array of its shape."""
        masks = [self.mask(plane).T if block.transposed else self.mask(plane) for plane in block.planes]
        return np.stack(masks).reshape(block.shape)

    def covered(self, blocks: Sequence[Block]) -> dict[str, NDArray[np.bool_]]:
        """For each sheet which of its `keys` are cells of one of `blocks`."""
        masks = {sheet: np.zeros(len(keys), bool) for sheet, keys in self.keys.items()}
        for plane in {plane for block in blocks for plane in block.planes}:
            if plane.sheet in masks:
                masks[plane.sheet][self._places(plane)] = True
        return masks

    def _places(self, area: Area) -> NDArray[np.int64]:
        """The places among the `keys` of its sheet of those that lie in `area`."""
        keys, wanted = self.keys[area.sheet], _keys(area)
        found = np.searchsorted(keys, wanted)
        inside = found < len(keys)
        places = found[inside]
        return np.asarray(places[keys[places] == wanted[inside]])

    def first_of_each_fill(self, block: Block) -> list[Cell]:
        """A formula cell of `block` for every fill that it has: what a fill's other cells read is as large."""
        found: dict[Area, Cell] = {}
        for plane in block.planes:
            fill = self.fill(plane.corner)
            if fill is not None and fill.area.intersection(plane) == plane:
                found.setdefault(fill.area, plane.corner)
                continue
            for row, column in np.argwhere(self.mask(plane)).tolist():
                cell = plane.corner.moved(row, column)
                fill = self.fill(cell)
                assert fill is not None  # which the mask says
                found.setdefault(fill.area, cell)
        return list(found.values())

    def fills_in(self, area: Area) -> list[Fill]:
        """The fills that have a cell in `area`, each once."""
        if area.sheet not in self.keys:
            return []
        numbers = self._numbers[area.sheet][self._places(area)]
        return [self._fills[area.sheet][number] for number in np.unique(numbers).tolist()]

    def fill(self, cell: Cell) -> Fill | None:
        """The fill that `cell` belongs to, or None if it holds no formula."""
        return self.texts.fill(cell)

    def text(self, cell: Cell) -> str | None:
        """The formula of `cell` without `=`, or None if it holds none."""
        text = self.texts.get(cell)
        return None if text is None else text[1:]

    def numbers(self, most: int = 64) -> tuple[float, ...]:
        """The different numbers that stand in the formulas, `most` of them at most."""
        found: dict[float, None] = {}
        for text in dict.fromkeys(fill.formula for fills in self._fills.values() for fill in fills):
            try:
                found |= {node.value: None for node in walk(parse(text)) if isinstance(node, Number)}
            except FormulaError:
                continue
            if len(found) >= most:
                break
        return tuple(found)[:most]

    def precedents(self, cell: Cell) -> list[Area]:
        """The areas that the formula of `cell` reads, as far as its text says; empty for a cell without formula.

        Of a row or column that is the whole formula, =A1:C1, a single cell takes what stands in its own column or row.
        """
        text, fill = self.text(cell), self.fill(cell)
        if text is None or fill is None:
            return []
        areas = self.read_by(text, cell.sheet)
        if fill.kind is FillKind.COPIED and len(areas) == 1 and ":" in text and isinstance(parse(text), AreaReference):
            return [_intersected(areas[0], cell)]
        return areas

    def read_by(self, text: str, sheet: str) -> list[Area]:
        """The areas that a formula on `sheet` would read."""
        try:
            return precedents(parse(text), sheet, self.book)
        except FormulaError:
            return []


def _intersected(area: Area, cell: Cell) -> Area:
    """What =`area` takes in `cell`: Excel's implicit intersection."""
    if area.height == 1 and area.column <= cell.column < area.right:
        return Area.of(area.sheet, area.row, cell.column, 1, 1)
    if area.width == 1 and area.row <= cell.row < area.bottom:
        return Area.of(area.sheet, cell.row, area.column, 1, 1)
    return area


def _keys(area: Area) -> NDArray[np.int64]:
    rows = np.arange(area.row, area.bottom, dtype=np.int64)[:, None] * _KEY
    return (rows + np.arange(area.column, area.right, dtype=np.int64)).ravel()


@dataclass(frozen=True, slots=True)
class FillBreak:
    """The `line`, "row" or "column", and the `formula`, without `=`, that the cell would have if filled so."""

    line: str
    formula: str

    @property
    def reason(self) -> str:
        return f"it breaks the fill of its {self.line}, which has ={self.formula} here"


def breaks_of_fill(index: FormulaIndex, block: Block, wrong: Set[Cell] = frozenset()) -> dict[Cell, FillBreak]:
    """Cells whose formula is not the one that the rest of their column or row in `block` is filled with.

    Only near misses are named: a formula of the same build with another reference,
    operator or number, where at least two others, and all others, in its line share one relative form. A formula of
    another build (the first of a running sum) may be meant, and is judged by its value alone. Where one of the others
    is `wrong` by its value, they were filled from a wrong cell; the rest of them may be right by coincidence.
    """
    found: dict[Cell, FillBreak] = {}
    for plane in block.planes:
        mask = index.mask(plane)
        if mask.sum() < 3 or _one_fill(index, plane):
            continue
        forms: dict[Cell, str] = {}
        for row, column in np.argwhere(mask).tolist():
            cell = plane.corner.moved(row, column)
            forms[cell] = relative_text(index.text(cell) or "", cell.row, cell.column)
        seen: set[Cell] = set()
        for line in ("column", "row"):
            for alone, others in _alone_in_line(forms, line):
                if alone in seen or not wrong.isdisjoint(others):
                    continue
                seen.add(alone)
                expected = _moved_here(index, others[0], alone)
                if _same_build(index.text(alone) or "", expected):
                    found[alone] = FillBreak(line, expected)
    return found


def _alone_in_line(forms: Mapping[Cell, str], line: str) -> Iterator[tuple[Cell, list[Cell]]]:
    """Cells whose form no other in their line has while all others, two at least, share one; and those others."""
    lines: dict[int, dict[str, list[Cell]]] = {}
    for cell, form in forms.items():
        lines.setdefault(getattr(cell, line), {}).setdefault(form, []).append(cell)
    for shared in lines.values():
        if len(shared) == 2:
            few, many = sorted(shared.values(), key=len)
            if len(few) == 1 and len(many) >= 2:
                yield few[0], many


def neighbours_formula(index: FormulaIndex, block: Block, cell: Cell) -> str | None:
    """What `cell` would hold if it were filled as most others in its column or row of `block`, or in its plane, are."""
    for forms, like in _lines(index, block, cell):
        if forms.total() < 2:
            continue
        form, count = forms.most_common(1)[0]
        if 2 * count > forms.total():
            return _moved_here(index, like[form], cell)
    return None


def neighbours_formulas(index: FormulaIndex, block: Block, cell: Cell, most: int = 12) -> list[str]:
    """What `cell` would hold if it were filled as others in its column, its row or its plane of `block` are.

    Those that most have come first.
    """
    found: dict[str, None] = {}
    for forms, like in _lines(index, block, cell):
        for form, _ in forms.most_common(most):
            found[_moved_here(index, like[form], cell)] = None
    return list(found)[:most]


def _lines(index: FormulaIndex, block: Block, cell: Cell) -> Iterator[tuple[Counter[str], dict[str, Cell]]]:
    """For the column, the row and the plane of `cell`: how many others have each relative form, and one that has it."""
    for plane in block.planes:
        if cell not in plane:
            continue
        column = Area.of(plane.sheet, plane.row, cell.column, plane.height, 1)
        row = Area.of(plane.sheet, cell.row, plane.column, 1, plane.width)
        for line in (column, row, plane):
            if line.size > 100_000:
                continue
            forms: Counter[str] = Counter()
            like: dict[str, Cell] = {}
            for fill in index.fills_in(line):
                part = fill.area.intersection(line)
                if part is not None and part.size > (cell in part):
                    form = relative_text(fill.formula, fill.area.row, fill.area.column)
                    forms[form] += part.size - (cell in part)
                    like.setdefault(form, part.corner)
            yield forms, like


def _one_fill(index: FormulaIndex, plane: Area) -> bool:
    fill = index.fill(plane.corner)
    return fill is not None and fill.area.intersection(plane) == plane


def _moved_here(index: FormulaIndex, source: Cell, target: Cell) -> str:
    return move(index.text(source) or "", target.row - source.row, target.column - source.column)


def _same_build(text: str, other: str) -> bool:
    """Whether two formulas differ in references, operators and numbers alone."""
    try:
        return _build(parse(text)) == _build(parse(other))
    except FormulaError:
        return False


def _build(expression: Expression) -> list[str]:
    parts = []
    for node in walk(expression):
        match node:
            case Number() | Text() | Boolean() | CellReference():
                parts.append("operand")
            case Call(name=name):
                parts.append(name)
            case _:
                parts.append(type(node).__name__)
    return parts


class MappedAreas:
    """The areas of all tensors of a map, to ask which cells of a range belong to one."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        # By sheet and by how tall they are, so that few are looked at that do not lie near: (top, left, bottom, right).
        corners: dict[str, dict[int, list[tuple[int, int, int, int]]]] = {}
        for plane in {plane for block in blocks for plane in block.planes}:
            alike = corners.setdefault(plane.sheet, {}).setdefault(plane.height.bit_length(), [])
            alike.append((plane.row, plane.column, plane.bottom, plane.right))
        self._corners = {
            sheet: [(1 << bits, np.array(sorted(found))) for bits, found in groups.items()]
            for sheet, groups in corners.items()
        }

    def covered(self, area: Area) -> NDArray[np.bool_]:
        """Which cells of `area` belong to a tensor, as an array of its height and width."""
        mask = np.zeros((area.height, area.width), bool)
        for tallest, corners in self._corners.get(area.sheet, ()):
            first, last = np.searchsorted(corners[:, 0], (area.row - tallest, area.bottom))
            near = corners[first:last]
            low = np.maximum(near[:, :2], (area.row, area.column)) - (area.row, area.column)
            high = np.minimum(near[:, 2:], (area.bottom, area.right)) - (area.row, area.column)
            for at in np.flatnonzero((low < high).all(1)).tolist():
                mask[low[at, 0] : high[at, 0], low[at, 1] : high[at, 1]] = True
        return mask


def reaches_beyond(areas: Iterable[Area], values: Values, cell: Cell, mapped: MappedAreas) -> str | None:
    """Why a formula in `cell` that reads `areas` reads too much, or None.

    A range that covers a tensor and goes on over cells that hold no number gives the right value today, and another as
    soon as somebody types there; so does a reference to an empty cell. Whole columns and rows are meant to be open.
    """
    for area in areas:
        if area.height == MAX_ROWS or area.width == MAX_COLUMNS:
            continue
        covered = mapped.covered(area)
        if covered.all():
            continue
        kinds = values.grid(area).kind
        if not covered.any():
            if (kinds == Kind.BLANK).all():
                place = show_area(area, sheet=area.sheet != cell.sheet)
                return f"it reads {place}, which is empty and belongs to no tensor"
            continue
        idle = ~covered & np.isin(kinds, (Kind.BLANK, Kind.TEXT))
        if idle.any() and (idle | covered).all():
            row, column = np.argwhere(idle)[0].tolist()
            spare = show_cell(area.corner.moved(row, column), sheet=False)
            holds = "is empty" if kinds[row, column] == Kind.BLANK else "holds a text"
            return (
                f"its range {show_area(area, sheet=area.sheet != cell.sheet)} reaches beyond the tensor that it stands "
                f"for: {spare} {holds} and belongs to no tensor"
            )
    return None
