"""Formulas before they have a place: a syntax tree whose names `_0`, `_1`, ... stand for cells or areas.

A tensor that is still to be computed is one formula and, for each of its names, an array of the tensor's shape that
says which cell each element reads. A view (transpose, slice, expand) of it is the same view of these arrays, so it
makes no cells.

A cell is an int64: the block's number, the row and the column within the block. Block 0 holds no cells but literal
numbers, of which the row is the position in `LITERALS`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.formula.ast import Binary, Call, Expression, Name, Number, Unary, walk
from xlparity.formula.parse import parse
from xlparity.formula.show import show

__all__ = [
    "INFINITE",
    "LOWEST",
    "Formula",
    "Ids",
    "Literals",
    "Slot",
    "block_of",
    "column_of",
    "filled",
    "finite",
    "identity",
    "number",
    "pack",
    "pieces",
    "row_of",
    "uniform",
    "writable",
]

Ids = NDArray[np.int64]

INFINITE = 1e300  # stands for infinity, which a cell cannot hold
LOWEST = -INFINITE

_ROW_BITS, _COLUMN_BITS = 20, 14


def pack(block: int, row: Ids | int, column: Ids | int) -> Ids:
    """Cells of `block` at (`row`, `column`) within it."""
    return np.asarray(
        (np.int64(block) << (_ROW_BITS + _COLUMN_BITS)) | (np.asarray(row, np.int64) << _COLUMN_BITS) | column, np.int64
    )


def block_of(ids: Ids) -> Ids:
    """The blocks' numbers."""
    return ids >> (_ROW_BITS + _COLUMN_BITS)


def row_of(ids: Ids) -> Ids:
    """The rows within the blocks."""
    return (ids >> _COLUMN_BITS) & ((1 << _ROW_BITS) - 1)


def column_of(ids: Ids) -> Ids:
    """The columns within the blocks."""
    return ids & ((1 << _COLUMN_BITS) - 1)


class Literals:
    """The numbers that formulas hold in the place of cells."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._known: dict[float, int] = {}

    def id(self, value: float) -> int:
        """The cell id that stands for `value`."""
        if value not in self._known:
            self._known[value] = len(self.values)
            self.values.append(value)
        return int(pack(0, self._known[value], 0))

    def ids(self, values: NDArray[np.generic]) -> Ids:
        """The cell ids that stand for an array of numbers."""
        found, where = np.unique(np.asarray(values, np.float64), return_inverse=True)
        table = np.array([self.id(value) for value in found.tolist()], np.int64)
        return table[where.reshape(values.shape)]


@dataclass(frozen=True, eq=False, slots=True)
class Slot:
    """What a name of a formula stands for, element by element: cells, or areas from `first` to `last`."""

    first: Ids
    last: Ids | None = None

    def mapped(self, view: Callable[[Ids], Ids]) -> Slot:
        """The same view of both arrays."""
        return Slot(view(self.first), None if self.last is None else view(self.last))


@dataclass(frozen=True, eq=False, slots=True)
class Formula:
    """A tensor of `shape` as formulas: `tree` with the names `_0`, ... for `slots`, whose arrays have that shape.

    `torch` is the expression that a map row would have for it; `atom` says that it needs no brackets as an operand.
    `dtype` is the model's.
    """

    tree: Expression
    slots: tuple[Slot, ...]
    shape: tuple[int, ...]
    dtype: str
    torch: str = ""
    atom: bool = True
    made: str = ""  # the operation that made it, for a name

    @property
    def cells(self) -> Ids | None:
        """The cells, if the tensor is nothing but cells (or literals) that stand somewhere already."""
        if self.tree == _FIRST and self.slots[0].last is None:
            return self.slots[0].first
        return None

    def mapped(self, view: Callable[[Ids], Ids]) -> Formula:
        """A view of the tensor: `view` takes and gives arrays of cells."""
        slots = tuple(slot.mapped(view) for slot in self.slots)
        shape = slots[0].first.shape if slots else view(np.zeros(self.shape, np.int64)).shape
        return replace(self, slots=slots, shape=shape)

    def spelled(self, torch: str, atom: bool = True) -> Formula:
        """The same with another torch expression."""
        return replace(self, torch=torch, atom=atom)

    @property
    def operand(self) -> str:
        """The torch expression as an operand of another."""
        return self.torch if self.atom else f"({self.torch})"

    @property
    def size(self) -> int:
        """How many parts the formula has."""
        return sum(1 for _ in walk(self.tree))


_FIRST = Name("_0")


def finite(values: Tensor) -> Tensor:
    """`values` with the numbers that stand for infinities; integers and booleans as they are."""
    return torch.where(values.isinf(), values.sign() * INFINITE, values) if values.is_floating_point() else values


def identity(ids: Ids, dtype: str, torch: str) -> Formula:
    """The tensor that stands in the cells `ids`."""
    return Formula(_FIRST, (Slot(ids),), ids.shape, dtype, torch)


def number(value: float) -> Expression:
    """A literal; -inf is the lowest number that the sheet uses."""
    if math.isinf(value):
        value = math.copysign(INFINITE, value)
    return Unary("-", Number(-value)) if value < 0 else Number(float(value))


def uniform(value: float, shape: tuple[int, ...], dtype: str, torch: str) -> Formula:
    """A tensor that has one number everywhere."""
    return Formula(number(value), (), shape, dtype, torch)


def writable(formula: Formula) -> Formula:
    """The formula without numbers that no cell can hold or no one can type.

    NaN becomes the error value that stands for it, NA(), and 0.3333333333333333 becomes 1/3: of a constant in a formula
    Excel keeps 15 digits when the cell is edited, and LibreOffice when it saves. One that is no such quotient stays.
    """
    if not any(isinstance(part, Number) and _written(part) != part for part in walk(formula.tree)):
        return formula

    def seen(tree: Expression) -> Expression:
        match tree:
            case Number():
                return _written(tree)
            case Binary(operator, left, right):
                return Binary(operator, seen(left), seen(right))
            case Unary(operator, operand):
                return Unary(operator, seen(operand))
            case Call(name, arguments, prefix):
                return Call(name, tuple(seen(part) for part in arguments), prefix)
        return tree

    return replace(formula, tree=seen(formula.tree))


def _written(number: Number) -> Expression:
    value = number.value
    if math.isnan(value):
        return Call("NA", ())
    if float(f"{value:.15g}") == value:
        return number
    simple = Fraction(value).limit_denominator(10**6)
    above, below = float(simple.numerator), float(simple.denominator)
    return Binary("/", Number(above), Number(below)) if above / below == value and below > 1 else number


@cache
def _template(text: str) -> Expression:
    return parse(text)


def filled(
    text: str, shape: tuple[int, ...], dtype: str, values: Mapping[str, Formula | Slot | float | bool]
) -> Formula:
    """The formula `text` with tensors, areas or numbers in the place of its names.

    `text` is a formula such as "MAX(self,0)". Tensors are broadcast to `shape`.
    """
    slots: list[Slot] = []
    known: dict[tuple[int, ...], Name] = {}

    def name_of(slot: Slot) -> Name:
        last = -1 if slot.last is None else id(slot.last)
        key = (id(slot.first), last)
        if key not in known:
            known[key] = Name(f"_{len(slots)}")
            slots.append(
                Slot(_broadcast(slot.first, shape), None if slot.last is None else _broadcast(slot.last, shape))
            )
        return known[key]

    trees: dict[str, Expression] = {}
    for name, value in values.items():
        if isinstance(value, Slot):
            trees[name] = name_of(value)
        elif isinstance(value, Formula):
            names: dict[str, Expression] = {f"_{at}": name_of(slot) for at, slot in enumerate(value.slots)}
            trees[name] = _substituted(value.tree, names)
        else:
            trees[name] = number(float(value))
    tree = _substituted(_template(text), trees)
    return _pruned(Formula(tree, tuple(slots), shape, dtype))


def _broadcast(ids: Ids, shape: tuple[int, ...]) -> Ids:
    return ids if ids.shape == shape else np.broadcast_to(ids, shape)


def _pruned(formula: Formula) -> Formula:
    """Without slots that the tree does not name (a factor of 1 has gone), numbered in order of appearance."""
    used = list(dict.fromkeys(node.name for node in walk(formula.tree) if isinstance(node, Name)))
    if used == [f"_{at}" for at in range(len(formula.slots))]:
        return formula
    names: dict[str, Expression] = {name: Name(f"_{at}") for at, name in enumerate(used)}
    slots = tuple(formula.slots[int(name[1:])] for name in used)
    return replace(formula, tree=_substituted(formula.tree, names), slots=slots)


def _substituted(tree: Expression, values: Mapping[str, Expression]) -> Expression:
    match tree:
        case Name(name) if name in values:
            return values[name]
        case Binary(operator, left, right):
            return _simple(Binary(operator, _substituted(left, values), _substituted(right, values)))
        case Unary(operator, operand):
            inner = _substituted(operand, values)
            if operator == "-" and isinstance(inner, Unary) and inner.operator == "-":
                return inner.operand
            return Unary(operator, inner)
        case Call(name, arguments, prefix):
            return _simple_call(Call(name, tuple(_substituted(part, values) for part in arguments), prefix))
        case _:
            return tree


_ONE, _ZERO = Number(1.0), Number(0.0)
_COMPARING = {"=", "<>", "<", "<=", ">", ">="}


def _simple(tree: Binary) -> Expression:
    """Without what changes nothing in exact arithmetic nor in floats: times 1, plus 0, a sum of a negated term."""
    if any(isinstance(side, Binary) and side.operator in _COMPARING for side in (tree.left, tree.right)):
        return tree  # TRUE * 1 is a number, TRUE is not
    match tree:
        case Binary("*", left, right) if right == _ONE:
            return left
        case Binary("*", left, right) if left == _ONE:
            return right
        case Binary("/", left, right) if right == _ONE:
            return left
        case Binary("^", left, right) if right == _ONE:
            return left
        case Binary("+" | "-", left, right) if right == _ZERO:
            return left
        case Binary("+", left, right) if left == _ZERO:
            return right
        case Binary("-", left, right) if left == _ZERO:
            return Unary("-", right)
        case Binary("+", left, Unary("-", right)):
            return Binary("-", left, right)
        case Binary("-", left, Unary("-", right)):
            return Binary("+", left, right)
        case Binary("*" | "/" as operator, Unary("-", Number() as left), right) if left == _ONE and operator == "*":
            return Unary("-", right)
        case Binary("*", left, Unary("-", Number() as right)) if right == _ONE:
            return Unary("-", left)
    return tree


def _simple_call(tree: Call) -> Expression:
    """IF(IF(c,1,0),a,b) is IF(c,a,b); IF(0=0,a,b) is a."""
    match tree:
        case Call("IF", (Binary("=", Number(left), Number(right)), yes, no)):
            return yes if left == right else no
        case Call("IF", (Call("IF", (condition, yes, no)), *rest), prefix) if yes == _ONE and no == _ZERO:
            return Call("IF", (condition, *rest), prefix)
    return tree


_NAME = re.compile(r"\b_(\d+)\b")


def pieces(tree: Expression) -> tuple[list[str], list[int]]:
    """The text of a formula cut at its names: the texts between, and the numbers of the names."""
    words = _NAME.split(show(tree))
    return words[::2], [int(word) for word in words[1::2]]
