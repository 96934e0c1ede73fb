"""Which cell of one workbook stands for which cell of the other, by address or by the names in both maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlparity.check.edited import keys_in, rectangles, without_formulas
from xlparity.check.elsewhere import areas_of
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import Array, held_in, hold, show_value
from xlparity.engines.embedded.frame import Window
from xlparity.engines.embedded.precedents import reads
from xlparity.engines.embedded.workbook import Workbook
from xlparity.errors import InputError, MapError
from xlparity.formula.a1 import show_area, show_cell
from xlparity.formula.relative import relative_text
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.map import Map, Role
from xlparity.model.report import Changed
from xlparity.model.value import Cells, Kind, Values
from xlparity.xlsx.map_file import PARITY_SHEET

__all__ = ["Counterparts", "Pair", "alike", "by_address", "by_name"]

_KEY = np.int64(MAX_COLUMNS)
_MOST_LISTED = 1_000
# What becomes of a tensor that the student's map lacks, a given one and a computed one.
_FATE = "the solution's own numbers stand for it", "which was not compared"
_SAVED = 5.5e-15  # of its size: so far a number moves that LibreOffice saves, with 15 digits


@dataclass(frozen=True, slots=True)
class Pair:
    """The cells of one tensor in both workbooks."""

    name: str
    student: Block
    solution: Block
    dtype: str = "float64"


@dataclass(frozen=True, slots=True)
class Counterparts:
    """What is compared with what.

    `judged` are the solution's formulas, `given` the numbers that both type in and that a formula of the solution
    reads. `solution` is the solution's workbook with the student's numbers in these places. `changed` are those that
    differ from the solution's own, `missing` what the student's workbook lacks, in words. `own` is the solution's
    workbook as it is. `uncompared` are the tensors that it computes and that the student's map does not name.
    """

    judged: tuple[Pair, ...]
    given: tuple[Pair, ...]
    solution: Book
    changed: tuple[Changed, ...]
    missing: tuple[str, ...]
    own: Book
    uncompared: tuple[str, ...] = ()


# -- by address -------------------------------------------------------------------------------------------------------


def by_address(student: Book, index: FormulaIndex, values: Values, solution: Book) -> Counterparts:
    """Every formula cell of `solution` with the cell of that address in `student`; `values` are the student's."""
    solution_index = FormulaIndex(solution)
    own_names = {sheet.name.casefold(): sheet.name for sheet in student.sheets}
    read = _cells_read(solution)
    judged: list[Pair] = []
    given: list[Pair] = []
    changed: list[Changed] = []
    missing: list[str] = []
    sheets: list[Sheet] = []
    for sheet in solution.sheets:
        if sheet.name.casefold() == PARITY_SHEET.casefold():
            sheets.append(sheet)
            continue
        own = own_names.get(sheet.name.casefold())
        for area in rectangles(solution_index.keys[sheet.name], sheet.name):
            judged.append(_pair(area, own))
        if own is None:
            missing.append(f"there is no sheet {sheet.name!r}")
            sheets.append(sheet)
            continue
        merged, shared = _merged(sheet, student.sheet(own), index, values, read.get(sheet.name, []), changed, missing)
        sheets.append(merged)
        given += [_pair(area, own) for area in rectangles(shared, sheet.name)]
    return Counterparts(
        tuple(judged), tuple(given), replace(solution, sheets=tuple(sheets)), tuple(changed), tuple(missing), solution
    )


def _pair(area: Area, own: str | None) -> Pair:
    shape = (area.height, area.width)
    moved = area if own is None else Area.of(own, area.row, area.column, *shape)
    return Pair(show_area(area), Block(shape, (moved,)), Block(shape, (area,)))


def _merged(
    sheet: Sheet, own: Sheet, index: FormulaIndex, values: Values, read: Sequence[tuple[int, int, int, int]],
    changed: list[Changed], missing: list[str],
) -> tuple[Sheet, NDArray[np.int64]]:  # fmt: skip
    """The solution's `sheet` with the constants of the student's `own`; and the keys of the numbers that both have.

    A constant that the student computes by a formula has the value of that formula; one that the student lacks stays.
    """
    cells = sheet.constants
    keys, own_keys = _keys_of(cells), _keys_of(own.constants)
    kind, number = cells.kind.copy(), cells.number.copy()
    texts = cells.texts + own.constants.texts
    both, at, own_at = np.intersect1d(keys, own_keys, assume_unique=True, return_indices=True)
    kind[at] = own.constants.kind[own_at]
    shifted = np.where(
        kind[at] == Kind.TEXT, own.constants.number[own_at] + len(cells.texts), own.constants.number[own_at]
    )
    number[at] = shifted
    seen = _inside(both, read)
    numeric = (cells.kind[at] == Kind.NUMBER) & (kind[at] == Kind.NUMBER)
    differs = seen & ((cells.kind[at] != kind[at]) | (numeric & _differ(cells.number[at], number[at])))
    for key in both[differs][:_MOST_LISTED].tolist():
        row, column = divmod(key, MAX_COLUMNS)
        changed.append(
            Changed(Cell(own.name, row, column), own.constants.scalar(row, column), cells.scalar(row, column))
        )
    computed = np.isin(keys, index.keys[own.name], assume_unique=True) & _inside(keys, read)
    for place in np.flatnonzero(computed).tolist():
        row, column = divmod(int(keys[place]), MAX_COLUMNS)
        cell = Cell(own.name, row, column)
        grid = values.grid(Area(cell, 1, 1))
        if grid.kind[0, 0] in (Kind.NUMBER, Kind.BOOLEAN):
            kind[place], number[place] = grid.kind[0, 0], grid.number[0, 0]
        changed.append(Changed(cell, values.scalar(cell), cells.scalar(row, column), f"={index.text(cell)}"))
    absent = ~np.isin(keys, both) & ~computed & _inside(keys, read) & (cells.kind == Kind.NUMBER)
    missing += [
        f"{show_area(area)} is empty where the solution has numbers that its formulas read"
        for area in rectangles(keys[absent], own.name)
    ]
    merged = replace(sheet, constants=Cells(cells.row, cells.column, kind, number, texts))
    return merged, both[numeric & seen]


def _differ(before: Array, now: Array) -> NDArray[np.bool_]:
    """Which numbers somebody changed; a program that saves 15 digits has not."""
    return np.asarray(np.abs(now - before) > _SAVED * np.abs(before))


def _keys_of(cells: Cells) -> NDArray[np.int64]:
    return cells.row.astype(np.int64) * _KEY + cells.column


def _inside(keys: NDArray[np.int64], boxes: Sequence[tuple[int, int, int, int]]) -> NDArray[np.bool_]:
    """Which cells lie in one of `boxes` (top, left, bottom, right; the last two exclusive)."""
    found = np.zeros(len(keys), bool)
    column = keys % _KEY
    for top, left, bottom, right in boxes:
        start, stop = np.searchsorted(keys, [top * MAX_COLUMNS, bottom * MAX_COLUMNS])
        found[start:stop] |= (column[start:stop] >= left) & (column[start:stop] < right)
    return found


def _cells_read(book: Book) -> dict[str, list[tuple[int, int, int, int]]]:
    """For each sheet the rectangles that some formula of the book reads, as far as its text tells."""
    workbook = Workbook(book)
    boxes: dict[str, dict[tuple[int, int, int, int], None]] = {}
    for formula in workbook.formulas:
        area = formula.area
        window = Window(formula.sheet, area.row, area.column, area.height, area.width)
        for span in reads(workbook, formula).spans:
            box = span.box(window)
            if box is not None:
                boxes.setdefault(book.sheets[box[0]].name, {})[box[1:]] = None
    return {sheet: list(found) for sheet, found in boxes.items()}


def alike(pair: Pair, student: FormulaIndex, solution: FormulaIndex) -> NDArray[np.bool_]:
    """Where the cells of a pair lie at the same address and have the same formula."""
    planes = []
    for mine, theirs in zip(pair.student.planes, pair.solution.planes, strict=True):
        same = np.zeros((mine.height, mine.width), bool)
        if mine == theirs and pair.student.transposed == pair.solution.transposed:
            for fill in student.fills_in(mine):
                for other in solution.fills_in(mine) if fill.kind is FillKind.COPIED else ():
                    both = fill.area.intersection(other.area)
                    part = None if both is None or other.kind is not FillKind.COPIED else both.intersection(mine)
                    if part is not None and _relative(fill) == _relative(other):
                        rows = slice(part.row - mine.row, part.bottom - mine.row)
                        same[rows, part.column - mine.column : part.right - mine.column] = True
        planes.append(same.T if pair.student.transposed else same)
    return np.stack(planes).reshape(pair.student.shape)


def _relative(fill: Fill) -> str:
    return relative_text(fill.formula, fill.area.row, fill.area.column)


# -- by name ----------------------------------------------------------------------------------------------------------


def by_name(student: Map, values: Values, solution: Book, solution_map: Map) -> Counterparts:
    """The tensors that both maps name; `values` are the student's.

    Raises MapError if a tensor's shapes differ or nothing that the solution computes is in the student's map,
    InputError if a given tensor's cell holds no number.
    """
    own = {row.tensor: row for row in student if row.role is not Role.EXPECTED}
    shown = {(row.tensor, row.decimals): row for row in student if row.role is Role.EXPECTED}
    judged: list[Pair] = []
    given: list[Pair] = []
    changed: list[Changed] = []
    missing: list[str] = []
    uncompared: list[str] = []
    numbers: dict[Area, Array] = {}
    kinds: dict[Area, Array] = {}
    theirs = FormulaIndex(solution)
    for row in solution_map:
        if row.role is Role.EXPECTED:  # which the solution's formulas may read: they take what the workbook shows
            mine_shown = shown.get((row.tensor, row.decimals))
            if mine_shown is not None and mine_shown.block.shape == row.block.shape:
                pair = Pair(row.tensor, mine_shown.block, row.block, row.dtype)
                held = hold(values, pair.student, row.dtype)
                if not np.isnan(held.values).any():
                    numbers |= areas_of(row.block, held.values)
                    kinds |= areas_of(row.block, held.kinds.astype(np.float64))
                    changed += _changed_numbers(pair, values, solution, held.values)[: _MOST_LISTED - len(changed)]
            continue
        mine = own.get(row.tensor)
        if mine is None:
            missing.append(f"the map of the workbook does not name {row.tensor}, {_FATE[row.role is Role.COMPUTED]}")
            if row.role is Role.COMPUTED:
                uncompared.append(row.tensor)
            continue
        if mine.block.shape != row.block.shape:
            raise MapError(
                f"{mine.place}: {row.tensor} has the shape {mine.block.shape}, in the solution {row.block.shape} "
                f"({row.place}); correct one of the maps"
            )
        pair = Pair(row.tensor, mine.block, row.block, row.dtype)
        if row.role is Role.COMPUTED:
            judged.append(pair)
            continue
        held = hold(values, mine.block, row.dtype)
        bad = np.argwhere(np.isnan(held.values))
        if len(bad):
            cell = mine.block.cell(tuple(bad[0].tolist()))
            raise InputError(
                f"{show_cell(cell)} should hold a number, the {row.role.value} {row.tensor}, but is "
                f"{show_value(values.scalar(cell))}; type the number there, or correct the cells in {mine.place}"
            )
        numbers |= areas_of(row.block, held.values)
        kinds |= areas_of(row.block, held.kinds.astype(np.float64))
        if row.role is not Role.CONSTANT and not theirs.mask_of(row.block).any():
            given.append(pair)
        changed += _changed_numbers(pair, values, solution, held.values)[: _MOST_LISTED - len(changed)]
    if not judged:
        raise MapError(
            "the two maps have no computed tensor in common; name the solution's tensors in the workbook's map, or "
            "take both maps away to compare by address"
        )
    return Counterparts(
        tuple(judged), tuple(given), _with_numbers(solution, numbers, kinds), tuple(changed), tuple(missing), solution,
        tuple(uncompared),
    )  # fmt: skip


def _changed_numbers(pair: Pair, values: Values, solution: Book, held: Array) -> list[Changed]:
    """The given numbers that are not those which the solution has as constants."""
    grids = [solution.sheet(plane.sheet).constants.grid(plane) for plane in pair.solution.planes]
    before = held_in([grid.kind for grid in grids], [grid.number for grid in grids], pair.solution, pair.dtype).values
    found = []
    for at in np.argwhere(~np.isnan(before) & _differ(before, held))[:_MOST_LISTED].tolist():
        cell = pair.student.cell(tuple(at))
        found.append(Changed(cell, values.scalar(cell), float(before[tuple(at)])))
    return found


def _with_numbers(book: Book, areas: Mapping[Area, Array], kinds_of: Mapping[Area, Array]) -> Book:
    """`book` with numbers, or truth values, in the place of whatever stands in `areas`; `kinds_of` says which."""
    cut = without_formulas(book, list(areas))
    sheets = []
    for sheet in cut.sheets:
        here = {area: array for area, array in areas.items() if area.sheet == sheet.name}
        cells = sheet.constants
        keys = [_keys_of(cells)]
        columns = [(cells.kind, cells.number)]
        for area, array in here.items():
            keys.append(keys_in(area))
            columns.append((kinds_of[area].ravel().astype(np.uint8), array.ravel()))
        every = np.concatenate(keys)
        kinds, numbers = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        # Of two numbers for one cell the later one stands.
        unique, place = np.unique(every[::-1], return_index=True)
        kinds, numbers = kinds[::-1][place], numbers[::-1][place]
        row, column = np.divmod(unique, _KEY)
        cells = Cells(row.astype(np.int32), column.astype(np.int32), kinds, numbers, cells.texts)
        sheets.append(replace(sheet, constants=cells))
    return replace(cut, sheets=tuple(sheets))
