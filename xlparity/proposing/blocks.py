"""The blocks of formulas of a workbook: areas whose cells are built alike, and where each of their references points.

Cells filled with one formula make a piece; neighbouring pieces whose formulas differ in references alone make a block,
such as a matrix product written out column by column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import FormulaError
from xlparity.formula.ast import (
    AreaReference,
    Binary,
    Call,
    CellReference,
    Expression,
    Name,
    Number,
    Percent,
    Unary,
    children,
    walk,
)
from xlparity.formula.parse import parse
from xlparity.formula.relative import move, relative_text
from xlparity.model.area import Area
from xlparity.model.book import Book, FillKind

__all__ = ["FormulaBlock", "Leaf", "Piece", "Reference", "formula_blocks", "is_number", "leaves"]

Reference = CellReference | AreaReference
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """An area with one formula: filled down and right, or one array formula whose result covers it.

    `formula` stands in the corner; of an array formula, the area shows the result from `row`, `column` on.
    """

    area: Area
    formula: str
    array: bool = False
    row: int = 0
    column: int = 0

    def part(self, rows: slice, columns: slice) -> Piece:
        """The piece's cells in these rows and columns, counted from its corner."""
        area = Area.of(
            self.area.sheet, self.area.row + rows.start, self.area.column + columns.start,
            rows.stop - rows.start, columns.stop - columns.start,
        )  # fmt: skip
        if self.array:
            return Piece(area, self.formula, True, self.row + rows.start, self.column + columns.start)
        return Piece(area, move(self.formula, rows.start, columns.start))


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one reference of a block's formula reads in each of its cells.

    `rows` and `columns`, int64 of the block's height and width, are the corners of what is read, a range of `height`
    x `width` cells.
    """

    sheet: str
    rows: Places
    columns: Places
    height: int = 1
    width: int = 1

    def area(self) -> Area:
        """The smallest area that has all cells read."""
        top, left = int(self.rows.min()), int(self.columns.min())
        bottom, right = int(self.rows.max()) + self.height, int(self.columns.max()) + self.width
        return Area.of(self.sheet, top, left, bottom - top, right - left)


@dataclass(frozen=True, slots=True)
class FormulaBlock:
    """An area of formulas that are built alike; `pieces` cover it, `tree` is the first piece's formula."""

    area: Area
    pieces: tuple[Piece, ...]
    tree: Expression

    @property
    def formula(self) -> str:
        """The formula of the first cell, without `=`."""
        return self.pieces[0].formula

    def leaf(self, position: int) -> Leaf:
        """What the reference at `position`, counted through the formula, reads in each cell."""
        rows = np.empty((self.area.height, self.area.width), np.int64)
        columns = np.empty_like(rows)
        found: Leaf | None = None
        for piece in self.pieces:
            found = _leaf_of(piece, leaves(parsed(piece.formula))[position])
            top, left = piece.area.row - self.area.row, piece.area.column - self.area.column
            inside = np.s_[top : top + piece.area.height, left : left + piece.area.width]
            rows[inside], columns[inside] = found.rows, found.columns
        assert found is not None
        return Leaf(found.sheet, rows, columns, found.height, found.width)

    def cut(self, line: str, at: int) -> tuple[FormulaBlock, FormulaBlock]:
        """The block in two: before row (or column) `at` and from there on."""
        height, width = self.area.height, self.area.width
        if line == "row":
            return self.part(slice(0, at), slice(0, width)), self.part(slice(at, height), slice(0, width))
        return self.part(slice(0, height), slice(0, at)), self.part(slice(0, height), slice(at, width))

    def part(self, rows: slice, columns: slice) -> FormulaBlock:
        """The block's cells in these rows and columns, counted from its corner."""
        area = Area.of(
            self.area.sheet, self.area.row + rows.start, self.area.column + columns.start,
            rows.stop - rows.start, columns.stop - columns.start,
        )  # fmt: skip
        pieces = []
        for piece in self.pieces:
            shared = piece.area.intersection(area)
            if shared is not None:
                top, left = shared.row - piece.area.row, shared.column - piece.area.column
                pieces.append(piece.part(slice(top, top + shared.height), slice(left, left + shared.width)))
        return FormulaBlock(area, tuple(pieces), parsed(pieces[0].formula))

    def alone(self) -> list[FormulaBlock]:
        """Each piece as a block of its own."""
        return [FormulaBlock(piece.area, (piece,), parsed(piece.formula)) for piece in self.pieces]


_parsed: dict[str, Expression] = {}


def parsed(formula: str) -> Expression:
    """The syntax tree of `formula`, parsed once. Raises FormulaError."""
    if formula not in _parsed:
        if len(_parsed) > 10_000:
            _parsed.clear()
        _parsed[formula] = parse(formula)
    return _parsed[formula]


def leaves(tree: Expression) -> list[Reference]:
    """The references of a formula, in the order of its text."""
    return [node for node in walk(tree) if isinstance(node, CellReference | AreaReference)]


def is_number(tree: Expression) -> bool:
    """Whether a formula is made of numbers alone, as =1/2 is, which people type in the place of one."""
    return all(isinstance(node, Number | Unary | Binary | Percent) for node in walk(tree))


def formula_blocks(book: Book) -> tuple[list[FormulaBlock], list[tuple[Area, str]]]:
    """The blocks of all formulas of `book`, and the areas of those that cannot be read, each with the reason."""
    blocks: list[FormulaBlock] = []
    unread: list[tuple[Area, str]] = []
    for sheet in book.sheets:
        alike: dict[tuple[str, bool], list[Piece]] = {}
        for fill in sheet.fills:
            array = fill.kind is not FillKind.COPIED and fill.area.size > 1
            formula = _with_names(fill.formula, sheet.name, book)
            text = relative_text(formula, fill.area.row, fill.area.column)
            alike.setdefault((text, array), []).append(Piece(fill.area, formula, array))
        pieces: list[Piece] = []
        for (_, array), found in alike.items():
            pieces += found if array else _joined(found)
        by_build: dict[str, list[FormulaBlock]] = {}
        for piece in pieces:
            try:
                tree = parsed(piece.formula)
            except FormulaError as error:
                unread.append((piece.area, str(error)))
                continue
            build = ("array " if piece.array else "") + _build(tree, sheet.name)
            by_build.setdefault(build, []).append(FormulaBlock(piece.area, (piece,), tree))
        for same in by_build.values():
            blocks += _merged(same)
    return blocks, unread


def _with_names(formula: str, sheet: str, book: Book) -> str:
    """`formula` of a cell of `sheet` with the defined names that stand for one reference replaced by it."""
    if not book.names:
        return formula
    try:
        names = {node.name.casefold() for node in walk(parsed(formula)) if isinstance(node, Name)}
    except FormulaError:
        return formula
    for name in names:
        # The sheet's own name hides the workbook's.
        same = [defined for defined in book.names if defined.name.casefold() == name and defined.sheet in (sheet, None)]
        same.sort(key=lambda defined: defined.sheet is None)
        try:
            if same and isinstance(parsed(same[0].formula), CellReference | AreaReference):
                formula = re.sub(rf"(?<![\w.!\\]){re.escape(name)}(?![\w.!(])", same[0].formula, formula, flags=re.I)
        except FormulaError:
            continue
    return formula


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbouring pieces that are filled with the same formula as one each."""
    found = {piece.area: piece for piece in pieces}
    areas = _rectangles(list(found))
    return [Piece(area, next(found[part] for part in parts if part.corner == area.corner).formula)
            for area, parts in areas]  # fmt: skip


def _merged(blocks: Sequence[FormulaBlock]) -> list[FormulaBlock]:
    of = {block.area: block for block in blocks}
    return [
        FormulaBlock(area, tuple(piece for part in parts for piece in of[part].pieces), of[parts[0]].tree)
        for area, parts in _rectangles(list(of))
    ]


def _rectangles(areas: list[Area]) -> list[tuple[Area, list[Area]]]:
    """Areas joined to larger ones where they touch along a whole side, each with its parts in order."""
    groups = [(area, [area]) for area in sorted(areas)]
    while True:
        before = len(groups)
        groups = _joined_along(groups, "column")
        groups = _joined_along(groups, "row")
        if len(groups) == before:
            return [(area, sorted(parts)) for area, parts in groups]


def _joined_along(groups: list[tuple[Area, list[Area]]], line: str) -> list[tuple[Area, list[Area]]]:
    def key(area: Area) -> tuple[int, ...]:
        across = (area.row, area.height) if line == "column" else (area.column, area.width)
        return (*across, getattr(area, line))

    joined: list[tuple[Area, list[Area]]] = []
    for area, parts in sorted(groups, key=lambda group: key(group[0])):
        if joined:
            last, before = joined[-1]
            if line == "column" and (last.row, last.height, last.right) == (area.row, area.height, area.column):
                joined[-1] = (Area(last.corner, last.height, last.width + area.width), before + parts)
                continue
            if line == "row" and (last.column, last.width, last.bottom) == (area.column, area.width, area.row):
                joined[-1] = (Area(last.corner, last.height + area.height, last.width), before + parts)
                continue
        joined.append((area, parts))
    return joined


def _build(tree: Expression, home: str) -> str:
    """What a formula looks like without the places that it refers to."""
    parts: list[str] = []
    for node in walk(tree):
        match node:
            case CellReference(sheet=sheet):
                parts.append(f"cell {sheet or home}")
            case AreaReference(first=first, last=last, sheet=sheet):
                height, width = abs(last.row - first.row) + 1, abs(last.column - first.column) + 1
                parts.append(f"area {height} {width} {sheet or home}")
            case Number(value):
                parts.append(repr(value))
            case Binary(operator) | Unary(operator):
                parts.append(f"{type(node).__name__} {operator}")
            case Call(name, arguments):
                parts.append(f"{name} {len(arguments)}")
            case _:
                parts.append(repr(node) if not children(node) else type(node).__name__)
    return "; ".join(parts)


def _leaf_of(piece: Piece, node: Reference) -> Leaf:
    home = node.sheet or piece.area.sheet
    down, across = np.indices((piece.area.height, piece.area.width), dtype=np.int64)
    match node:
        case CellReference():
            if piece.array:
                down, across = down * 0, across * 0
            return Leaf(home, *_moved(node, down, across))
        case AreaReference(first=first, last=last):
            top, left = min(first.row, last.row), min(first.column, last.column)
            height, width = abs(last.row - first.row) + 1, abs(last.column - first.column) + 1
            if not piece.array:
                rows, columns = _moved(first, down, across)
                return Leaf(home, rows - first.row + top, columns - first.column + left, height, width)
            return Leaf(home, down * 0 + top, across * 0 + left, height, width)


def _moved(node: CellReference, down: Places, across: Places) -> tuple[Places, Places]:
    rows = node.row + (down * 0 if node.row_absolute else down)
    columns = node.column + (across * 0 if node.column_absolute else across)
    return rows, columns


def moves_as_one(node: AreaReference) -> bool:
    """Whether a range keeps its size where it is filled on; `A$1:A1` grows."""
    first, last = node.first, node.last
    return first.row_absolute == last.row_absolute and first.column_absolute == last.column_absolute
