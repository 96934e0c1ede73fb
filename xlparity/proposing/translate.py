"""A formula and the tensors that it reads to an expression of torch, in the language of maps.

Each part of a formula becomes a `Term`: text, and which of its two dimensions run with which loop. "i" and "j" are the
row and the column of the block of formulas, "p" and "q" those within a range that is read and summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from xlparity.formula.ast import (
    AreaReference,
    Binary,
    Boolean,
    Call,
    CellReference,
    Expression,
    Missing,
    Number,
    Percent,
    Unary,
    walk,
)
from xlparity.model.area import Area
from xlparity.proposing.blocks import FormulaBlock, Leaf, leaves, moves_as_one
from xlparity.proposing.picks import DoesNotFit, arranged, joined, sliced
from xlparity.proposing.tensors import BeyondOneTensor, CutNeeded, Tensors, Untranslatable
from xlparity.proposing.terms import Term, binary, call, known_text, method, minus, number, where
from xlparity.proposing.terms import patterns as known_patterns

__all__ = ["Line", "Translation", "translate"]

_ELEMENTWISE = {
    "EXP": "exp", "LN": "log", "SQRT": "sqrt", "ABS": "abs", "TANH": "tanh", "SIN": "sin", "COS": "cos", "TAN": "tan",
    "SINH": "sinh", "COSH": "cosh", "ERF": "erf", "ERF.PRECISE": "erf", "SIGN": "sign", "LOG10": "log10",
}  # fmt: skip
_REDUCTIONS = {
    "SUM": "sum", "AVERAGE": "mean", "MAX": "amax", "MIN": "amin", "PRODUCT": "prod", "DEVSQ": "devsq", "VAR": "var 1",
    "VAR.S": "var 1", "VARP": "var 0", "VAR.P": "var 0", "STDEV": "std 1", "STDEV.S": "std 1", "STDEVP": "std 0",
    "STDEV.P": "std 0",
}  # fmt: skip

_MOST_TERMS = 100  # of a sum that is written term by term

Windows = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Translation:
    """The expression of a block, the lines of cells that its matrix products multiply, and the areas that it reads."""

    text: str
    products: tuple[tuple[Line, Line], ...]
    read: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """The first row or column of a matrix that a product sums over."""

    sheet: str
    row: int
    column: int
    down: bool
    length: int


def translate(block: FormulaBlock, tensors: Tensors) -> Translation:
    """The expression for the tensor in `block`, of shape (height, width), or () for a single cell.

    Raises Untranslatable with the reason if the formula is none that an expression says, CutNeeded if its parts are
    different ones.
    """
    translator = _Translator(block, tensors)
    return Translation(translator.expression(), tuple(translator.products), tuple(dict.fromkeys(translator.areas)))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Which loops the two dimensions of a term run with, and what part of a range is meant.

    `turned` says that a range is read transposed.
    """

    layout: tuple[str, str] = ("i", "j")
    windows: Windows | None = None
    turned: bool = False


class _Translator:
    def __init__(self, block: FormulaBlock, tensors: Tensors) -> None:
        self.block, self.tensors = block, tensors
        self.array = block.pieces[0].array
        self.places = {id(node): at for at, node in enumerate(leaves(block.tree))}
        self.read: dict[int, Leaf] = {}
        self.products: list[tuple[Line, Line]] = []
        self.areas: list[Area] = []

    def expression(self) -> str:
        height, width = self.block.area.height, self.block.area.width
        term = known_patterns(self.term(self.block.tree, _Frame()))
        if not self.places:
            if term.number is None or (height, width) != (1, 1):
                raise Untranslatable("it reads no cell")
            return term.text
        if term.number is not None:
            return self.count()
        if (height, width) == (1, 1):
            return known_text(term.text if not term.axes else method(term, "reshape", "()").text)
        axes = ("1",) * (2 - len(term.axes)) + term.axes
        full = all(size == 1 or axis != "1" for size, axis in zip((height, width), axes, strict=True))
        if full and len(term.axes) == 2:
            return known_text(term.text)
        return method(term, "expand", f"{height}, {width}").text

    def count(self) -> str:
        """COUNT of a whole range as torch has it; any other number that does not depend on values is none."""
        match self.block.tree:
            case Call("COUNT", (AreaReference() as counted,)) if self.block.area.size == 1:
                return f"torch.ones_like({self.picked(self.leaf(counted), _Frame(('p', 'q'))).text}).sum()"
        raise Untranslatable("it only counts cells")

    # -- parts of a formula -------------------------------------------------------------------------------------------

    def term(self, node: Expression, frame: _Frame) -> Term:
        match node:
            case Number(value):
                return number(value)
            case Boolean(value):
                return number(float(value))
            case CellReference() | AreaReference():
                return self.reference(node, frame)
            case Unary("-", operand):
                return minus(self.term(operand, frame))
            case Unary("+", operand) | Unary("@", operand):
                return self.term(operand, frame)
            case Percent(operand):
                return binary("/", self.term(operand, frame), number(100.0))
            case Binary("+" | "-"):
                return self.sum_of_terms(node, frame)
            case Binary(operator, left, right) if operator in _OPERATORS:
                return known_patterns(binary(_OPERATORS[operator], self.term(left, frame), self.term(right, frame)))
            case Call(name, arguments):
                return known_patterns(self.call(name.upper(), arguments, frame))
        raise Untranslatable(f"{type(node).__name__} has no counterpart in torch")

    def leaf(self, node: Expression) -> Leaf:
        if not isinstance(node, CellReference | AreaReference):
            raise Untranslatable("only a range can stand here")
        if node.last_sheet is not None or (isinstance(node, AreaReference) and not moves_as_one(node)):
            raise Untranslatable("a range that grows from cell to cell has no counterpart in torch")
        place = self.places[id(node)]
        if place not in self.read:
            self.read[place] = self.block.leaf(place)
        return self.read[place]

    def reference(self, node: CellReference | AreaReference, frame: _Frame) -> Term:
        leaf = self.leaf(node)
        if frame.layout == ("i", "j"):
            if self.array:
                leaf = self.spilled(leaf)
            elif leaf.height * leaf.width > 1:
                leaf = self.crossed(leaf)
        return self.picked(leaf, frame)

    def crossed(self, leaf: Leaf) -> Leaf:
        """What a single cell takes from a row or column of cells: the one in its own column or row."""
        area = self.block.area
        own = np.indices((area.height, area.width), dtype=np.int64)
        if leaf.height == 1:
            places, first, size = own[1] + area.column, leaf.columns, leaf.width
        elif leaf.width == 1:
            places, first, size = own[0] + area.row, leaf.rows, leaf.height
        else:
            raise Untranslatable("a range stands where one number is needed")
        if not ((first <= places) & (places < first + size)).all():
            raise Untranslatable("a range stands where one number is needed")
        return Leaf(leaf.sheet, leaf.rows, places) if leaf.height == 1 else Leaf(leaf.sheet, places, leaf.columns)

    def spilled(self, leaf: Leaf, turned: bool = False) -> Leaf:
        """What an array formula takes from a range for each cell of its result."""
        down, across = self.block_offsets()
        if turned:
            down, across = across, down
        rows = leaf.rows + (down if leaf.height > 1 else 0)
        columns = leaf.columns + (across if leaf.width > 1 else 0)
        return Leaf(leaf.sheet, rows, columns)

    def block_offsets(self) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], ...]:
        """For each cell of a block of array formulas its row and column in the formula's result."""
        area = self.block.area
        down = np.empty((area.height, area.width), np.int64)
        across = np.empty_like(down)
        for piece in self.block.pieces:
            own = np.indices((piece.area.height, piece.area.width), dtype=np.int64)
            top, left = piece.area.row - area.row, piece.area.column - area.column
            inside = np.s_[top : top + piece.area.height, left : left + piece.area.width]
            down[inside], across[inside] = own[0] + piece.row, own[1] + piece.column
        return down, across

    def picked(self, leaf: Leaf, frame: _Frame) -> Term:
        """What `leaf` takes, joined where that lies in several tensors.

        A block that was filled is cut there instead, since people fill one formula over several tensors; an array
        formula was written for its area as a whole.
        """
        try:
            return self.picked_from_one(leaf, frame)
        except CutNeeded as where:
            if not self.array:
                raise
            if len(self.block.pieces) > 1:
                raise Untranslatable("its parts read different tensors") from None
            return joined(*self.along_cells(leaf, frame, where), frame.layout)
        except BeyondOneTensor:
            return joined(*self.along_range(leaf, frame), frame.layout)

    def picked_from_one(self, leaf: Leaf, frame: _Frame) -> Term:
        windows = frame.windows or {}
        pick = self.tensors.pick(leaf, windows)
        self.areas.append(_within(leaf, windows).area())
        if frame.turned:
            loops = tuple(tuple(_TURNED.get(loop, loop) for loop in each) for each in pick.loops)
            pick = replace(pick, loops=loops)
        return arranged(pick, frame.layout)

    def along_cells(self, leaf: Leaf, frame: _Frame, where: CutNeeded) -> tuple[list[Term], int]:
        """What the cells before and after each cut take, and along which dimension of the layout these follow."""
        dimension = _dimension("i" if where.line == "row" else "j", frame.layout)
        terms: list[Term] = []
        at = where.at
        while True:
            before, leaf = _halves(leaf, where.line, at)
            terms.append(self.picked(before, frame))
            if len(terms) > _MOST_TERMS:
                raise Untranslatable(f"it reads more than {_MOST_TERMS} tensors")
            try:
                return [*terms, self.picked_from_one(leaf, frame)], dimension
            except CutNeeded as more:
                if more.line != where.line:
                    return [*terms, self.picked(leaf, frame)], dimension
                at = more.at
            except BeyondOneTensor:
                return [*terms, self.picked(leaf, frame)], dimension

    def along_range(self, leaf: Leaf, frame: _Frame) -> tuple[list[Term], int]:
        """What a range takes from each of the tensors that it goes over, and along which dimension of the layout."""
        windows = dict(frame.windows or {})
        part = _within(leaf, windows)
        for line, size in (("p", part.height), ("q", part.width)):
            edges = list(self.tensors.edges(part, line))
            if edges:
                start = windows.get(line, (0, 0))[0]
                dimension = _dimension(_TURNED[line] if frame.turned else line, frame.layout)
                if len(edges) > _MOST_TERMS:
                    raise Untranslatable(f"it reads more than {_MOST_TERMS} tensors")
                return [
                    self.picked(leaf, replace(frame, windows={**windows, line: (start + first, start + last)}))
                    for first, last in pairwise([0, *edges, size])
                ], dimension
        raise Untranslatable("a range that it reads goes beyond one tensor")

    def call(self, name: str, arguments: Sequence[Expression], frame: _Frame) -> Term:
        inner = [node for node in arguments if not isinstance(node, Missing)]
        if name in _ELEMENTWISE and len(inner) == 1:
            operand = self.term(inner[0], frame)
            if name == "LOG10":
                return binary("/", _function("log", operand), number(float(np.log(10.0))))
            return _function(_ELEMENTWISE[name], operand)
        match name, len(inner):
            case "LOG", 1 | 2:
                base = self.term(inner[1], frame).number if len(inner) == 2 else 10.0
                if base is None or base <= 0:
                    raise Untranslatable("a logarithm to a base that is no number")
                return binary("/", _function("log", self.term(inner[0], frame)), number(float(np.log(base))))
            case "PI", 0:
                return number(float(np.pi))
            case "POWER", 2:
                return binary("**", self.term(inner[0], frame), self.term(inner[1], frame))
            case "IF", 3:
                condition, first, second = (self.term(node, frame) for node in inner)
                return where(condition, first, second)
            case (("COUNT" | "ROWS" | "COLUMNS" | "COUNTA"), 1):
                leaf = self.leaf(inner[0])
                return number({"ROWS": leaf.height, "COLUMNS": leaf.width}.get(name, leaf.height * leaf.width) * 1.0)
            case "TRANSPOSE", 1 if frame.layout != ("i", "j"):
                return self.term(inner[0], replace(frame, turned=not frame.turned))
            case "TRANSPOSE", 1 if self.array:
                return self.picked(self.spilled(self.leaf(inner[0]), turned=True), frame)
            case "MMULT", 2:
                return self.matrix_product(inner[0], inner[1])
        if frame.layout == ("i", "j"):
            return self.aggregate(name, inner)
        raise Untranslatable(f"{name} within a sum has no counterpart in torch")

    # -- sums over ranges ---------------------------------------------------------------------------------------------

    def aggregate(self, name: str, nodes: Sequence[Expression]) -> Term:
        match name, len(nodes):
            case "SUMPRODUCT", count if count:
                body = nodes[0]
                for node in nodes[1:]:
                    body = Binary("*", body, node)
                if count == 1 and isinstance(body, Call) and body.name.upper() in ("MAX", "MIN"):
                    return self.aggregate(body.name.upper(), body.arguments)  # as an array formula
                if count == 1 and isinstance(body, Call) and body.name.upper() == "MMULT":
                    return self.matrix_product(*body.arguments)  # one number, which needs no array formula so
                return self.total("sum", body)
            case "SUMSQ", 1:
                return self.total("sum", Binary("^", nodes[0], Number(2.0)))
            case "SUMXMY2", 2:
                return self.total("sum", Binary("^", Binary("-", *nodes), Number(2.0)))
            case _, 1 if name in _REDUCTIONS:
                return self.total(_REDUCTIONS[name], nodes[0])
            case "SUM", count if count:
                terms = [self.total("sum", node) for node in nodes]
                return _added([(1, term) for term in terms])
            case (("MAX" | "MIN"), 2):
                one, other = (self.term(node, _Frame()) for node in nodes)
                return _larger(name, one, other)
        raise Untranslatable(f"{name} has no counterpart in torch")

    def total(self, kind: str, body: Expression) -> Term:
        """The sum (mean, largest, ...) of `body` over the ranges that it reads."""
        read = [node for node in walk(body) if isinstance(node, AreaReference)]
        if not read:
            return self.term(body, _Frame())
        cuts: list[Windows] = [{}]
        if kind == "sum":
            cuts = self.windows([(self.leaf(node), node, _is_turned(body, node)) for node in read])
        parts = []
        for window in cuts:
            parts.append((1, self.part_of_total(kind, body, window)))
        return _added(parts)

    def windows(self, read: Sequence[tuple[Leaf, Expression, bool]]) -> list[Windows]:
        """The parts of ranges that are summed in step, so that each lies in one tensor."""
        for line in ("p", "q"):
            edges: set[int] = set()
            size = 1
            for leaf, _, turned in read:
                along = ({"p": "q", "q": "p"}[line]) if turned else line
                extent = leaf.height if along == "p" else leaf.width
                if extent > 1:
                    size = max(size, extent)
                    edges |= set(self.tensors.edges(leaf, along))
            if edges:
                places = sorted({0, size, *edges})
                return [{line: (start, stop)} for start, stop in pairwise(places)]
        return [{}]

    def part_of_total(self, kind: str, body: Expression, window: Windows) -> Term:
        if kind == "sum" and isinstance(body, Binary) and body.operator == "*":
            for one, other in ((body.left, body.right), (body.right, body.left)):
                for loop in ("q", "p"):
                    product = self.product_over(one, other, loop, loop, window)
                    if product is not None:
                        return product
            convolved = self.convolution(body, window)
            if convolved is not None:
                return convolved
        for layout, kept in (
            (("p", "q"), ""),
            (("i", "q"), "i"),
            (("q", "j"), "j"),
            (("p", "j"), "j"),
            (("i", "p"), "i"),
        ):
            try:
                term = known_patterns(self.term(body, _Frame(layout, window)))
            except DoesNotFit:
                continue
            if not kept:
                return _reduced(kind, term, None)
            dimension = layout.index(next(loop for loop in layout if loop != kept))
            return replace(
                _reduced(kind, term, dimension), axes=tuple(axis if axis == kept else "1" for axis in term.axes)
            )
        raise Untranslatable("its sum runs over more dimensions than an expression of a map has")

    def matrix_product(self, left: Expression, right: Expression) -> Term:
        """MMULT of a row and a column in each cell, or of two areas in one array formula."""
        leaf, turned = self.factor(left)
        other, other_turned = self.factor(right)
        if self.array:
            down, across = self.block_offsets()
            one = _rows_of(leaf, down, turned)
            two = _columns_of(other, across, other_turned)
        else:
            one, two = leaf, other
        rows, columns = (leaf.width, leaf.height) if turned else (leaf.height, leaf.width)
        if not self.array and rows != 1 and self.block.area.size > 1:
            raise Untranslatable("a matrix product stands where one number is needed")
        parts = []
        line = "p" if turned else "q"
        other_line = "q" if other_turned else "p"
        edges = self.edges_of_product(one, line, two, other_line)
        for start, stop in pairwise(sorted({0, columns, *edges})):
            # Both are read along "q" below, whichever way the range lies.
            first = self.picked(one, _Frame(("i", "q"), {line: (start, stop)}, turned))
            second = self.picked(two, _Frame(("q", "j"), {other_line: (start, stop)}, not other_turned))
            parts.append((1, _product(first, second)))
        return _added(parts)

    def factor(self, node: Expression) -> tuple[Leaf, bool]:
        """The range that a matrix product multiplies, and whether it does so with its transpose."""
        if isinstance(node, Call) and _transposes(node):
            return self.leaf(node.arguments[0]), True
        return self.leaf(node), False

    def edges_of_product(self, one: Leaf, line: str, other: Leaf, other_line: str) -> set[int]:
        """Where along the sum of a matrix product one of its factors goes over to another tensor."""
        self.products.append((_first_line(one, line), _first_line(other, other_line)))
        return {*self.tensors.edges(one, line), *self.tensors.edges(other, other_line)}

    def product_over(
        self, one: Expression, other: Expression, line: str, other_line: str, window: Windows
    ) -> Term | None:
        """The matrix product that the sum of products over `line` is, or None if it is none."""
        try:
            first = self.term(one, _Frame(("i", line), window))
            second = self.term(other, _Frame((other_line, "j"), window))
        except DoesNotFit:
            return None
        if line not in first.axes or other_line not in second.axes:
            return None
        if "i" not in first.axes and "j" not in second.axes:
            return None  # a dot product, as an elementwise product and its sum
        return _product(first, second)

    def convolution(self, body: Binary, window: Windows) -> Term | None:
        """The convolution that a sum of products of a moving window with one kernel is, or None."""
        nodes = (body.left, body.right)
        if self.array or not all(isinstance(node, AreaReference) for node in nodes):
            return None
        picks = [self.tensors.pick(self.leaf(node), window) for node in nodes]
        for image, kernel in (picks, picks[::-1]):
            if image.loops == (("i", "p"), ("j", "q")) and kernel.loops == (("p",), ("q",)):
                height, width = self.block.area.height, self.block.area.width
                size, seen = kernel.stops[0] - kernel.starts[0], kernel.stops[1] - kernel.starts[1]
                taken, held = (sliced(pick).text for pick in (image, kernel))
                rows, columns = image.stops[0] - image.starts[0], image.stops[1] - image.starts[1]
                text = (
                    f"aten.convolution.default({taken}.reshape(1, 1, {rows}, {columns}), "
                    f"{held}.reshape(1, 1, {size}, {seen}), None, {list(image.steps)}, [0, 0], [1, 1], "
                    f"False, [0, 0], 1).reshape({height}, {width})"
                )
                return Term(text, 5, ("i", "j"))
        return None

    # -- sums of terms ------------------------------------------------------------------------------------------------

    def sum_of_terms(self, node: Expression, frame: _Frame) -> Term:
        """Sums such as a + b - c; products of two cells each, such as x1*w1 + x2*w2, become a matrix product."""
        signed = list(_terms_of(node))
        if frame.layout == ("i", "j") and not self.array:
            stacked = self.stacked(signed)
            if stacked is not None:
                return stacked
        if len(signed) > _MOST_TERMS:
            raise Untranslatable(f"a sum of {len(signed)} terms that are no matrix product")
        return known_patterns(_added([(sign, self.term(part, frame)) for sign, part in signed]))

    def stacked(self, signed: Sequence[tuple[int, Expression]]) -> Term | None:
        products = [
            (at, part.left, part.right)
            for at, (sign, part) in enumerate(signed)
            if sign > 0 and isinstance(part, Binary) and part.operator == "*"
            and isinstance(part.left, CellReference) and isinstance(part.right, CellReference)
        ]  # fmt: skip
        if len(products) < 2:
            return None
        pairs = _in_line([(self.leaf(left), self.leaf(right)) for _, left, right in products])
        if pairs is None:
            return None
        one, other = pairs
        line = "p" if one.height > 1 else "q"
        other_line = "p" if other.height > 1 else "q"
        edges = self.edges_of_product(one, line, other, other_line)
        parts: list[tuple[int, Term]] = []
        try:
            for start, stop in pairwise(sorted({0, len(products), *edges})):
                parts.append((1, self.stacked_part(one, other, line, other_line, start, stop)))
        except CutNeeded:
            raise
        except Untranslatable:
            return None
        taken = {at for at, _, _ in products}
        if len(signed) - len(products) > _MOST_TERMS:
            raise Untranslatable(f"a sum of {len(signed)} terms that are no matrix product")
        parts += [(sign, self.term(part, _Frame())) for at, (sign, part) in enumerate(signed) if at not in taken]
        return _added(parts)

    def stacked_part(self, one: Leaf, other: Leaf, line: str, other_line: str, start: int, stop: int) -> Term:
        for (left, left_line), (right, right_line) in (
            ((one, line), (other, other_line)), ((other, other_line), (one, line)),
        ):  # fmt: skip
            try:
                first = self.picked(left, _Frame(("i", "q"), {left_line: (start, stop)}, left_line == "p"))
                second = self.picked(right, _Frame(("q", "j"), {right_line: (start, stop)}, right_line == "p"))
            except DoesNotFit:
                continue
            return _product(first, second)
        first = self.picked(one, _Frame(("i", "q"), {line: (start, stop)}, line == "p"))
        second = self.picked(other, _Frame(("i", "q"), {other_line: (start, stop)}, other_line == "p"))
        return replace(method(binary("*", first, second), "sum", "1, True"), axes=("i", "1"))


_OPERATORS = {"*": "*", "/": "/", "^": "**", ">": ">", "<": "<", ">=": ">=", "<=": "<=", "=": "==", "<>": "!="}


def _terms_of(node: Expression) -> list[tuple[int, Expression]]:
    """The terms of a sum with their signs, from left to right."""
    found: list[tuple[int, Expression]] = []
    while isinstance(node, Binary) and node.operator in "+-":
        found.append((1 if node.operator == "+" else -1, node.right))
        node = node.left
    if isinstance(node, Unary) and node.operator == "+":
        node = node.operand
    found.append((1, node))
    return found[::-1]


def _in_line(pairs: Sequence[tuple[Leaf, Leaf]]) -> tuple[Leaf, Leaf] | None:
    """The ranges along which the first and the second factors of products lie, or None if they do not lie in line."""
    first, second = pairs[0]
    ordered = [
        (one, other) if _share_a_line(first, one) and _share_a_line(second, other) else (other, one)
        for one, other in pairs
    ]
    ordered.sort(key=lambda pair: (int(pair[0].rows.flat[0]), int(pair[0].columns.flat[0])))
    for (one, other), (after, other_after) in pairwise(ordered):
        if not _near(one, after) or not _near(other, other_after):
            return None
    lines = [_line([pair[which] for pair in ordered]) for which in (0, 1)]
    if lines[0] is None or lines[1] is None:
        return None
    return lines[0], lines[1]


def _share_a_line(one: Leaf, other: Leaf) -> bool:
    return bool((one.rows == other.rows).all() or (one.columns == other.columns).all())


def _near(one: Leaf, other: Leaf) -> bool:
    """Whether `other` reads the next cell to the right or below, in every cell of the block."""
    if one.sheet != other.sheet:
        return False
    down, across = other.rows - one.rows, other.columns - one.columns
    return bool(((down == 1) & (across == 0)).all() or ((down == 0) & (across == 1)).all())


def _line(read: Sequence[Leaf]) -> Leaf | None:
    down = int(read[1].rows.flat[0] - read[0].rows.flat[0])
    for one, other in pairwise(read):
        if int(other.rows.flat[0] - one.rows.flat[0]) != down:
            return None
    height, width = (len(read), 1) if down else (1, len(read))
    return Leaf(read[0].sheet, read[0].rows, read[0].columns, height, width)


_TURNED = {"p": "q", "q": "p"}


def _dimension(loop: str, layout: tuple[str, str]) -> int:
    if loop not in layout:
        raise DoesNotFit("a part runs over more dimensions than an expression of a map has")
    return layout.index(loop)


def _halves(leaf: Leaf, line: str, at: int) -> tuple[Leaf, Leaf]:
    """What the cells before row (or column) `at` read, and those from there on."""
    before, after = (np.s_[:at], np.s_[at:]) if line == "row" else (np.s_[:, :at], np.s_[:, at:])
    return (
        replace(leaf, rows=leaf.rows[before], columns=leaf.columns[before]),
        replace(leaf, rows=leaf.rows[after], columns=leaf.columns[after]),
    )


def _within(leaf: Leaf, windows: Windows) -> Leaf:
    """The part of what `leaf` reads that lies in the windows."""
    top, bottom = windows.get("p", (0, leaf.height)) if leaf.height > 1 else (0, 1)
    left, right = windows.get("q", (0, leaf.width)) if leaf.width > 1 else (0, 1)
    return Leaf(leaf.sheet, leaf.rows + top, leaf.columns + left, bottom - top, right - left)


def _first_line(leaf: Leaf, line: str) -> Line:
    length = leaf.height if line == "p" else leaf.width
    return Line(leaf.sheet, int(leaf.rows[0, 0]), int(leaf.columns[0, 0]), line == "p", length)


def _rows_of(leaf: Leaf, down: np.ndarray[tuple[int, ...], np.dtype[np.int64]], turned: bool) -> Leaf:
    """For each cell of a matrix product's result the line of the left matrix that it takes."""
    if turned:
        return Leaf(leaf.sheet, leaf.rows, leaf.columns + down, leaf.height, 1)
    return Leaf(leaf.sheet, leaf.rows + down, leaf.columns, 1, leaf.width)


def _columns_of(leaf: Leaf, across: np.ndarray[tuple[int, ...], np.dtype[np.int64]], turned: bool) -> Leaf:
    if turned:
        return Leaf(leaf.sheet, leaf.rows + across, leaf.columns, 1, leaf.width)
    return Leaf(leaf.sheet, leaf.rows, leaf.columns + across, leaf.height, 1)


def _transposes(node: Expression) -> bool:
    return isinstance(node, Call) and node.name.upper() == "TRANSPOSE" and len(node.arguments) == 1


def _is_turned(body: Expression, node: Expression) -> bool:
    """Whether the range `node` stands in a TRANSPOSE of `body`."""
    return any(_transposes(part) and any(inner is node for inner in walk(part)) for part in walk(body))


def _function(name: str, operand: Term) -> Term:
    if operand.number is not None:
        value = float(getattr(torch, name)(torch.tensor(operand.number, dtype=torch.float64)))
        if not np.isfinite(value):
            raise Untranslatable(f"{name} of {operand.text} is no number")
        return number(value)
    return call(f"torch.{name}", [operand], operand.axes)


def _reduced(kind: str, term: Term, dimension: int | None) -> Term:
    """The sum, mean, spread, ... of `term` over one of its dimensions, which stays as one of size 1, or over both."""
    over = "" if dimension is None else f"{dimension}, True"
    if kind == "devsq":
        apart = binary("-", term, replace(method(term, "mean", over), axes=term.axes))
        return method(method(apart, "square", ""), "sum", over)
    if " " in kind:  # a variance or a standard deviation, over n or n - 1
        name, correction = kind.split()
        parts = [*([] if dimension is None else [str(dimension)]), f"correction={correction}"]
        return method(term, name, ", ".join([*parts, *([] if dimension is None else ["keepdim=True"])]))
    if dimension is None and kind in ("amax", "amin"):
        kind = kind[1:]
    return method(term, kind, over)


def _larger(name: str, one: Term, other: Term) -> Term:
    if one.number is not None:
        one, other = other, one
    if one.number is not None:
        raise Untranslatable("it only compares numbers")
    if other.number is not None:
        if name == "MAX" and other.number == 0:
            return call("torch.relu", [one], one.axes)
        bound = "min" if name == "MAX" else "max"
        return Term(f"torch.clamp({one.text}, {bound}={other.text})", 5, one.axes)
    return call("torch.maximum" if name == "MAX" else "torch.minimum", [one, other], binary("+", one, other).axes)


def _product(first: Term, second: Term) -> Term:
    """The matrix product of terms laid out (i, r) and (r, j)."""
    if not first.axes or not second.axes:  # a single number, so that nothing is summed
        return binary("*", first, second)
    first, second = (
        Term(f"{part.text}.unsqueeze({at})", 5, axes) if part.level == 5 and len(part.axes) == 1 else part
        for part, at, axes in ((first, 0, ("1", *first.axes)), (second, 1, (*second.axes, "1")))
    )
    if len(first.axes) != 2 or len(second.axes) != 2:
        raise Untranslatable("a product of numbers is no matrix product")
    return replace(binary("@", first, second), axes=(first.axes[0], second.axes[1]))


def _added(parts: Sequence[tuple[int, Term]]) -> Term:
    result: Term | None = None
    for sign, term in parts:
        if result is None:
            result = term if sign > 0 else minus(term)
        else:
            result = binary("+" if sign > 0 else "-", result, term)
    assert result is not None
    return result
