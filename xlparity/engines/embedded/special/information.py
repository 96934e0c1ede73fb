"""What formulas can ask about cells and sheets."""

# ruff: noqa: ARG001 (all special functions take the same arguments)

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Operand, Ragged, Reference, Scattered, Union, Unresolved
from xlparity.engines.embedded.special.common import Special, check_count
from xlparity.formula.a1 import column_letters
from xlparity.formula.ast import Expression
from xlparity.formula.relative import move
from xlparity.functions.array import Array
from xlparity.model.book import FillKind
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["TABLE"]

TABLE: Table[str, Special] = Table("information about cells")


@TABLE.rule("AREAS")
def _areas(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("AREAS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Union):
        return Array.of_number(float(len(operand.parts)))
    return operand if isinstance(operand, Array) else Array.of_number(1.0)


@TABLE.rule("ISREF")
def _isref(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("ISREF", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    return Array.of_boolean(isinstance(operand, Reference | Scattered | Union))


@TABLE.rule("SHEETS")
def _sheets(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("SHEETS", arguments, 0, 1)
    if not arguments:
        return Array.of_number(float(len(evaluator.workbook.book.sheets)))
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Array):
        return operand
    return Array.of_number(float(len(operand.parts)) if isinstance(operand, Union) else 1.0)


@TABLE.rule("SHEET")
def _sheet(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("SHEET", arguments, 0, 1)
    if not arguments:
        return Array.of_number(float(frame.window.sheet + 1))
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Reference | Scattered):
        return Array.of_number(float(operand.sheet + 1))
    if isinstance(operand, Array) and operand.kind is not None and operand.number.numel() == 1:
        kind, payload = int(operand.kind.reshape(-1)[0]), float(operand.number.reshape(-1)[0])
        if kind == int(Kind.TEXT):
            place = evaluator.workbook.sheet(evaluator.texts.table[int(payload)])
            return Array.of_error(Error.NA) if place is None else Array.of_number(float(place + 1))
        if kind >= int(Kind.ERROR):
            return operand
    raise Unresolved("SHEET of something else than a reference or a sheet's name is not supported")


def _one_cell(operand: Operand, frame: Frame) -> Reference | None:
    """The first cell of a reference, which has to be the same for all cells of the window."""
    if isinstance(operand, Reference):
        if frame.window.size > 1 and (operand.down or operand.across):
            raise Ragged("cells")
        return replace(operand, rows=1, columns=1)
    if isinstance(operand, Scattered) and frame.window.size > 1:
        raise Ragged("cells")
    return None


@TABLE.rule("ISFORMULA")
def _isformula(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("ISFORMULA", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Array) and operand.kind is not None:
        return operand
    cell = _one_cell(operand, frame)
    if cell is None:
        return Array.of_error(Error.VALUE)
    return Array.of_boolean(evaluator.store.grids[cell.sheet].owners.at(cell.top, cell.left) >= 0)


@TABLE.rule("FORMULATEXT")
def _formulatext(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("FORMULATEXT", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Array) and operand.kind is not None:
        return operand
    cell = _one_cell(operand, frame)
    owner = -1
    if cell is not None:
        owner = evaluator.store.grids[cell.sheet].owners.at(cell.top, cell.left)
    if cell is None or owner < 0:
        return Array.of_error(Error.NA)
    fill = evaluator.workbook.formulas[owner].fill
    text = fill.formula
    if fill.kind is FillKind.COPIED:
        text = move(text, cell.top - fill.area.row, cell.left - fill.area.column)
    elif fill.kind is FillKind.ARRAY:
        raise Unresolved("FORMULATEXT of an array formula is not supported")
    if re.search(r"_xlfn\.(SINGLE|ANCHORARRAY)", text):
        raise Unresolved("FORMULATEXT of a formula with @ or # is not supported")
    shown = re.sub(r"_xlfn\.(_xlws\.)?|_xlpm\.", "", text)
    return Array.single(Kind.TEXT, float(evaluator.texts.index("=" + shown)))


@TABLE.rule("CELL")
def _cell(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("CELL", arguments, 1, 2)
    asked = evaluator.value(arguments[0], frame)
    if asked.kind is None or int(asked.kind.reshape(-1)[0]) != int(Kind.TEXT) or asked.number.numel() != 1:
        return Array.of_error(Error.VALUE)
    what = evaluator.texts.table[int(asked.number.reshape(-1)[0])].lower()
    if what not in ("address", "col", "contents", "row", "type"):
        raise Unresolved(f"CELL({what!r}) is not supported: it asks for looks or for the file")
    if len(arguments) == 1:
        raise Unresolved("CELL without a cell tells about the cell that was changed last")
    operand = evaluator.evaluate(arguments[1], frame)
    cell = _one_cell(operand, frame)
    if cell is None:
        return operand if isinstance(operand, Array) and operand.kind is not None else Array.of_error(Error.VALUE)
    if what in ("row", "col"):
        return Array.of_number(float(cell.top + 1 if what == "row" else cell.left + 1))
    if what == "contents":
        return cell
    if what == "address":
        if cell.sheet != frame.sheet:
            raise Unresolved("CELL(address) of another sheet gives the file's name")
        text = f"${column_letters(cell.left)}${cell.top + 1}"
    else:
        kind = int(evaluator.read(cell, frame).kinds.reshape(-1)[0])
        text = {int(Kind.BLANK): "b", int(Kind.TEXT): "l"}.get(kind, "v")
    return Array.single(Kind.TEXT, float(evaluator.texts.index(text)))


@TABLE.rule("SUBTOTAL", "AGGREGATE")
def _subtotal(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    raise Unresolved("SUBTOTAL and AGGREGATE depend on which rows are hidden, which is not read")
