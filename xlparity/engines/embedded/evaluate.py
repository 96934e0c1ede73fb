"""The value of an expression for all cells of a window at once."""

# ruff: noqa: ARG002 (all rules take the same arguments)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.engines.embedded import address
from xlparity.engines.embedded.classes import ARRAY_FUNCTIONS, UP_TO_USED, WHOLE_FUNCTIONS
from xlparity.engines.embedded.contract import product, sum_of_products
from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.growing import GROWING, running
from xlparity.engines.embedded.operand import (
    Lambda,
    Mixture,
    NotReady,
    Operand,
    Ragged,
    Reference,
    SamplesDiffer,
    Scattered,
    Union,
    Unresolved,
    differing,
)
from xlparity.engines.embedded.special import SPECIAL
from xlparity.engines.embedded.store import Store, all_numbers
from xlparity.engines.embedded.workbook import Workbook
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions import FUNCTIONS, Argument, LanesDiffer, Unsupported, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.operators import negate, operator, percent
from xlparity.functions.scalars import array_of_rows
from xlparity.functions.signature import Type
from xlparity.limits import budget
from xlparity.model.book import FillKind
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.value import Error, Kind

__all__ = ["Evaluator"]

_WHOLE = frozenset({Type.NUMBERS, Type.ARRAY})
_MAX_CALLS = 60


class Evaluator:
    """Evaluates expressions on the values in `store`."""

    def __init__(self, workbook: Workbook, store: Store, texts: Texts) -> None:
        self.workbook = workbook
        self.store = store
        self.texts = texts
        # For each sheet which cells have a formula that is not computed yet; there for checked frames.
        self.pending: list[NDArray[np.bool_]] | None = None

    # -- values ---------------------------------------------------------------------------------------------------

    def undecided(self, reason: str) -> Array:
        """A value that could not be computed, for `reason`."""
        return Array.single(Kind.UNDECIDED, float(self.texts.reason(reason)))

    def evaluate(self, expression: Expression, frame: Frame) -> Operand:
        """The operand that `expression` is: references stay references."""
        left = budget()
        left.time()
        operand = _RULES[type(expression)](self, expression, frame)
        left.step(operand.number.numel() if isinstance(operand, Array) else 0)
        return operand

    def value(self, expression: Expression, frame: Frame) -> Array:
        """The value where one value is wanted; an array where `frame` is in array mode."""
        return self.one(self.evaluate(expression, frame), frame)

    def one(self, operand: Operand, frame: Frame) -> Array:
        """`operand` where one value is wanted: outside array mode a range gives the value in the cell's own line."""
        if isinstance(operand, Array):
            return operand
        if isinstance(operand, Lambda):
            return Array.of_error(Error.CALC)
        if not frame.array and not operand.single:
            crossing = self.intersected(operand, frame)
            return crossing if isinstance(crossing, Array) else self.read(crossing, frame)
        return self.read(operand, frame)

    def whole(self, operand: Operand, frame: Frame, name: str = "") -> Array:
        """All values of `operand`; of whole columns and rows only what the function `name` can see."""
        if isinstance(operand, Array):
            return operand
        if isinstance(operand, Reference) and name in UP_TO_USED:
            operand = self.used(operand)
        if isinstance(operand, Lambda):
            return Array.of_error(Error.CALC)
        return self.read(operand, frame)

    def read(self, operand: Reference | Scattered | Union, frame: Frame) -> Array:
        """The values of the cells that `operand` refers to; several areas stand below each other as one column."""
        if isinstance(operand, Reference):
            return _cut(self._read_area(operand, frame), frame)
        if isinstance(operand, Scattered):
            return _cut(self._read_scattered(operand, frame), frame)
        parts = [self.read(part, frame) for part in operand.parts]
        shape = np.broadcast_shapes(*(part.number.shape[:-2] for part in parts))
        numbers = [part.number.expand(*shape, -1, -1).flatten(-2).unsqueeze(-1) for part in parts]
        kinds = None
        if any(part.kind is not None for part in parts):
            kinds = torch.cat([part.kinds.expand(*shape, -1, -1).flatten(-2).unsqueeze(-1) for part in parts], -2)
        return Array(torch.cat(numbers, -2), kinds)

    def used(self, area: Reference) -> Reference:
        """`area`, whole columns and rows cut where all sheets are empty."""
        if area.rows < MAX_ROWS and area.columns < MAX_COLUMNS:
            return area
        rows = min(self.store.height + 1, MAX_ROWS) if area.rows == MAX_ROWS else area.rows
        columns = min(self.store.width + 1, MAX_COLUMNS) if area.columns == MAX_COLUMNS else area.columns
        return replace(area, rows=rows, columns=columns)

    def _read_area(self, area: Reference, frame: Frame) -> Array:
        window = frame.window
        rows, columns = area.rows, area.columns
        height = rows + (window.height - 1 if area.down else 0)
        width = columns + (window.width - 1 if area.across else 0)
        if frame.checked:
            self.check_ready(area.sheet, area.top, area.left, height, width)
        grid = self.store.grids[area.sheet]
        down, across = grid.rows.places(area.top, height), grid.columns.places(area.left, width)
        if isinstance(down, slice) and isinstance(across, slice) and all_numbers(grid.kinds[:, down, across]):
            return Array(grid.windows(down, across, rows, columns))
        budget().size(self.store.batch * height * width)
        number, kind = grid.read(area.top, area.left, height, width)
        views = number.unfold(1, rows, 1).unfold(2, columns, 1)
        if all_numbers(kind.numpy()):
            return Array(views)
        return Array(views, kind.unfold(1, rows, 1).unfold(2, columns, 1))

    def _read_scattered(self, area: Scattered, frame: Frame) -> Array:
        grid = self.store.grids[area.sheet]
        row = area.top[..., None, None] + torch.arange(area.rows)[:, None]
        column = area.left[..., None, None] + torch.arange(area.columns)
        if frame.checked:
            top, left = int(row.min()), int(column.min())
            self.check_ready(area.sheet, top, left, int(row.max()) - top + 1, int(column.max()) - left + 1)
        shape = np.broadcast_shapes(row.shape, column.shape)
        budget().size(math.prod(shape))
        row, column = row.expand(shape), column.expand(shape)
        places = [
            torch.from_numpy(address.stored_places(axis, index.numpy()))
            for axis, index in ((grid.rows, row), (grid.columns, column))
        ]
        number, kind = grid.gather(*places)
        if self.store.batch > 1 and row.ndim >= 5 and row.shape[-5] > 1:
            # The reference differs from sample to sample: each lane of the batch reads its own sample.
            index = torch.arange(self.store.batch)[:, None, None, None, None]
            number = number.movedim(0, -1).gather(-1, index.expand(row.shape)[..., None]).squeeze(-1)
            kind = kind.movedim(0, -1).gather(-1, index.expand(row.shape)[..., None]).squeeze(-1)
        elif row.ndim >= 5:
            number, kind = number.movedim(0, -5).squeeze(-6), kind.movedim(0, -5).squeeze(-6)
        if all_numbers(kind.numpy()):
            return Array(number)
        return Array(number, kind)

    def check_ready(self, sheet: int, top: int, left: int, height: int, width: int) -> None:
        """NotReady if a formula in the area has not been computed."""
        grid = self.store.grids[sheet]
        rows, columns = grid.place(top, left, height, width)
        assert self.pending is not None
        waiting = self.pending[sheet][rows, columns]
        if waiting.any():
            row_numbers = grid.rows.numbers()[rows].reshape(-1)
            column_numbers = grid.columns.numbers()[columns].reshape(-1)
            found = np.argwhere(waiting)
            raise NotReady(sheet, [(int(row_numbers[i]), int(column_numbers[j])) for i, j in found.tolist()])

    def intersected(self, operand: Reference | Scattered | Union, frame: Frame) -> Array | Reference | Scattered:
        """The cell of a range in the row or column of the formula's own cell (implicit intersection)."""
        if isinstance(operand, Reference):
            return address.intersected(operand, frame.window)
        if isinstance(operand, Scattered) and operand.single:
            return operand
        if isinstance(operand, Scattered) and frame.window.size > 1:
            raise Ragged("cells")
        return Array.of_error(Error.VALUE)

    # -- leaves ---------------------------------------------------------------------------------------------------

    def number(self, node: ast.Number, frame: Frame) -> Operand:
        return Array.of_number(node.value)

    def text(self, node: ast.Text, frame: Frame) -> Operand:
        return Array.single(Kind.TEXT, float(self.texts.index(node.value)))

    def boolean(self, node: ast.Boolean, frame: Frame) -> Operand:
        return Array.of_boolean(node.value)

    def error(self, node: ast.ErrorLiteral, frame: Frame) -> Operand:
        return Array.of_error(node.error)

    def missing(self, node: ast.Missing, frame: Frame) -> Operand:
        return Array.single(Kind.BLANK, 0.0)

    def constants(self, node: ast.ArrayConstant, frame: Frame) -> Operand:
        return array_of_rows(node.rows, self.texts)

    def external(self, node: ast.External, frame: Frame) -> Operand:
        return self.undecided(f"it refers to another workbook, [{node.book}], whose values are not known")

    def reference(self, node: address.AreaNode, frame: Frame) -> Operand:
        if node.last_sheet is not None:
            return self._sheets(node, frame)
        sheet = frame.sheet if node.sheet is None else self.workbook.sheet(node.sheet)
        if sheet is None:
            return Array.of_error(Error.REF)
        return address.placed(node, sheet, frame) or Array.of_error(Error.REF)

    def _sheets(self, node: address.AreaNode, frame: Frame) -> Operand:
        first, last = self.workbook.sheet(node.sheet or ""), self.workbook.sheet(node.last_sheet or "")
        if first is None or last is None:
            return self.undecided(f"there are no sheets from {node.sheet!r} to {node.last_sheet!r} in the workbook")
        parts = [address.placed(node, sheet, frame) for sheet in range(min(first, last), max(first, last) + 1)]
        found = tuple(part for part in parts if part is not None)
        return Union(found) if len(found) == len(parts) else Array.of_error(Error.REF)

    def name(self, node: ast.Name, frame: Frame) -> Operand:
        if node.sheet is None:
            variable = frame.variables.get(address.plain_name(node.name))
            if variable is not None:
                return _cut(variable, frame) if isinstance(variable, Array) else variable
        sheet = frame.sheet if node.sheet is None else self.workbook.sheet(node.sheet)
        if sheet is None:
            return self.undecided(f"there is no sheet {node.sheet!r} in the workbook")
        defined = self.workbook.name(node.name, sheet)
        if defined is None:
            return Array.of_error(Error.NAME)
        tree = self.workbook.parsed(defined.formula)
        if isinstance(tree, str):
            return self.undecided(f"the defined name {defined.name}: {tree}")
        if frame.depth >= _MAX_CALLS:
            return self.undecided(f"the defined name {defined.name} refers to itself")
        own = sheet if defined.sheet is None else self.workbook.sheet(defined.sheet)
        inside = replace(
            frame, home=(0, 0), sheet=sheet if own is None else own, array=True, variables={}, depth=frame.depth + 1
        )
        return self.evaluate(tree, inside)

    def table(self, node: ast.TableReference, frame: Frame) -> Operand:
        window = frame.window
        table = (
            self.workbook.table_around(window.sheet, window.row, window.column)
            if node.table is None
            else self.workbook.table(node.table)
        )
        if table is None:
            return self.undecided(f"there is no table {node.table or 'around the cell'}")
        sheet = self.workbook.sheet(table.area.sheet)
        if sheet is None:
            return self.undecided(f"there is no sheet {table.area.sheet!r} in the workbook")
        return address.in_table(node, table, sheet, window)

    def spill(self, node: ast.SpillReference, frame: Frame) -> Operand:
        anchor = self.evaluate(node.anchor, frame)
        if not isinstance(anchor, Reference):
            return anchor if isinstance(anchor, Array) else Array.of_error(Error.REF)
        if frame.window.size > 1 and (anchor.down or anchor.across):
            raise Ragged("cells")
        owner = self.store.grids[anchor.sheet].owners.at(anchor.top, anchor.left)
        if owner < 0:
            return Array.of_error(Error.REF)
        fill = self.workbook.formulas[owner].fill
        if fill.kind is FillKind.COPIED:
            return replace(anchor, rows=1, columns=1)
        if (fill.area.row, fill.area.column) != (anchor.top, anchor.left):
            return Array.of_error(Error.REF)
        return Reference(anchor.sheet, anchor.top, anchor.left, fill.area.height, fill.area.width)

    # -- operators ------------------------------------------------------------------------------------------------

    def unary(self, node: ast.Unary, frame: Frame) -> Operand:
        operand = self.evaluate(node.operand, frame)
        if node.operator == "+":
            return operand
        if node.operator == "@":
            if isinstance(operand, Reference | Scattered | Union):
                return operand if operand.single else self.intersected(operand, frame)
            if isinstance(operand, Array):
                kind = None if operand.kind is None else operand.kind[..., :1, :1]
                return Array(operand.number[..., :1, :1], kind)
            return operand
        return negate(self.one(operand, frame), self.texts)

    def percents(self, node: ast.Percent, frame: Frame) -> Operand:
        return percent(self.value(node.operand, frame), self.texts)

    def binary(self, node: ast.Binary, frame: Frame) -> Operand:
        # A sum of thousands of terms is that deep on its left side, so loop there.
        spine = [node]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        result = self.evaluate(spine[-1].left, frame)
        for part in reversed(spine):
            if part.operator in " :,":
                result = address.combined(part.operator, result, self.evaluate(part.right, frame), frame.window)
            else:
                left = self.one(result, frame)
                result = operator(part.operator, left, self.value(part.right, frame), self.texts)
        return result

    # -- functions ------------------------------------------------------------------------------------------------

    def call(self, node: ast.Call, frame: Frame) -> Operand:
        special = SPECIAL.get(node.name)
        try:
            if special is not None:
                try:
                    return special(self, node.arguments, frame)
                except LanesDiffer:
                    raise differing(f"{node.name} gives results of different sizes", frame) from None
            function = FUNCTIONS.get(node.name)
            if function is None:
                called = self.evaluate(ast.Name(node.name), frame)
                if isinstance(called, Lambda):
                    return self.invoke(called, [self.evaluate(part, frame) for part in node.arguments], frame)
                return self.undecided(f"the function {node.name} is not supported")
            inside = frame.as_array() if node.name in ARRAY_FUNCTIONS else frame
            if node.name in GROWING:
                grown = self._grown(node, inside)
                if grown is not None:
                    return grown
            made = self._contracted(node, inside)
            if isinstance(made, Array):
                return made
            arguments: list[Argument | None] = []
            for position, (part, given) in enumerate(zip(node.arguments, made, strict=True)):
                if isinstance(part, ast.Missing):
                    arguments.append(None)
                    continue
                operand = self.evaluate(part, inside) if given is None else given
                parameter = function.parameter(position) if function.parameters else None
                takes_whole = node.name in WHOLE_FUNCTIONS or (parameter is not None and parameter.type in _WHOLE)
                if takes_whole and isinstance(operand, Union) and parameter is not None and parameter.repeating:
                    arguments.extend(Argument(self.read(area, inside), True) for area in operand.parts)
                    continue
                if takes_whole and isinstance(operand, Mixture) and (frame.window.size > 1 or self.store.batch > 1):
                    raise differing("a cell is chosen in some samples, and a value in others", frame)
                array = self.whole(operand, inside, node.name) if takes_whole else self.one(operand, inside)
                arguments.append(Argument(array, not isinstance(operand, Array)))
            return self.apply(node.name, arguments, frame)
        except (Unsupported, Unresolved, FormulaError) as problem:
            if isinstance(problem, SamplesDiffer) and self.store.batch > 1:
                raise
            return self.undecided(str(problem))

    def _grown(self, node: ast.Call, frame: Frame) -> Array | None:
        """An aggregate over a range that grows from row to row; None for any other call."""
        if len(node.arguments) != 1 or frame.window.height == 1:
            return None
        area = node.arguments[0]
        if not isinstance(area, ast.AreaReference) or area.first.row_absolute == area.last.row_absolute:
            return None
        return running(self, node.name, area, frame)

    def _contracted(self, node: ast.Call, frame: Frame) -> Array | Sequence[Operand | None]:
        """The call as one matrix product, if it is one; otherwise the arguments as far as they were evaluated."""
        arguments = node.arguments
        nothing = (None,) * len(arguments)
        if frame.window.size == 1 and self.store.batch == 1 and frame.lanes == 3:
            return nothing
        if node.name in ("SUMPRODUCT", "MMULT") and len(arguments) == 2:
            operands = [self.evaluate(part, frame) for part in arguments]
            left, right = (self.whole(operand, frame, node.name) for operand in operands)
            made = (sum_of_products if node.name == "SUMPRODUCT" else product)(left, right)
            if made is None and frame.entire:
                raise Ragged("portions")
            return made or operands
        if len(arguments) == 1 and (node.name == "SUMPRODUCT" or (node.name == "SUM" and frame.array)):
            factors = arguments[0]
            if isinstance(factors, ast.Binary) and factors.operator == "*":
                left, right = self.value(factors.left, frame), self.value(factors.right, frame)
                return sum_of_products(left, right) or [operator("*", left, right, self.texts)]
        return nothing

    def apply(self, name: str, arguments: Sequence[Argument | None], frame: Frame) -> Array:
        """The function `name` of values."""
        if name not in FUNCTIONS:
            raise Unresolved(f"the function {name} is not supported")
        try:
            return call(name, arguments, self.texts)
        except LanesDiffer:
            raise differing(f"{name} gives results of different sizes", frame) from None

    def invoked(self, node: ast.Invoke, frame: Frame) -> Operand:
        made = self.evaluate(node.function, frame)
        if not isinstance(made, Lambda):
            return made if isinstance(made, Array) else Array.of_error(Error.REF)
        return self.invoke(made, [self.evaluate(part, frame) for part in node.arguments], frame)

    def invoke(self, function: Lambda, arguments: Sequence[Operand], frame: Frame) -> Operand:
        """The value of `function` for `arguments`; an argument not given is a blank."""
        if len(arguments) > len(function.parameters):
            return Array.of_error(Error.VALUE)
        if frame.depth >= _MAX_CALLS:
            return self.undecided(f"functions call each other more than {_MAX_CALLS} deep")
        variables = dict(function.variables)
        blank: Operand = Array.single(Kind.BLANK, 0.0)
        for position, name in enumerate(function.parameters):
            variables[name] = arguments[position] if position < len(arguments) else blank
        inside = replace(
            function.frame,
            variables=variables,
            lanes=frame.lanes,
            depth=frame.depth + 1,
            array=True,
            window=frame.window,
            checked=frame.checked,
            cut=frame.cut,
        )
        return self.evaluate(function.body, inside)


def _cut(array: Array, frame: Frame) -> Array:
    """`array` without history in the lanes where the frame's branch is not taken."""
    if frame.cut is None or not array.number.requires_grad:
        return array
    return Array(torch.where(frame.cut, array.number.detach(), array.number), array.kind)


_Rule = Callable[[Evaluator, Any, Frame], Operand]

_RULES: dict[type, _Rule] = {
    ast.Number: Evaluator.number,
    ast.Text: Evaluator.text,
    ast.Boolean: Evaluator.boolean,
    ast.ErrorLiteral: Evaluator.error,
    ast.Missing: Evaluator.missing,
    ast.ArrayConstant: Evaluator.constants,
    ast.CellReference: Evaluator.reference,
    ast.AreaReference: Evaluator.reference,
    ast.WholeColumns: Evaluator.reference,
    ast.WholeRows: Evaluator.reference,
    ast.Name: Evaluator.name,
    ast.TableReference: Evaluator.table,
    ast.SpillReference: Evaluator.spill,
    ast.External: Evaluator.external,
    ast.Unary: Evaluator.unary,
    ast.Percent: Evaluator.percents,
    ast.Binary: Evaluator.binary,
    ast.Call: Evaluator.call,
    ast.Invoke: Evaluator.invoked,
}
