"""A workbook's formulas modulo primes, several at a time, each cell with the degree that it may have.

Read by its own small interpreter: numbers, references, + - * / ^, and the sums and products of ranges. What else a
formula may hold (MAX, IF, EXP, a text) is not rational.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.check.formulas import FormulaIndex
from xlparity.check.identity.modular import Degree, NotRational, residue, simplest
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.parse import parse
from xlparity.model.book import Book, FillKind
from xlparity.model.cell import Cell

__all__ = ["Cells", "Exact"]

_MOST_READ = 3_000_000  # cells of ranges, over all formulas
_MOST_POWER = 64


@dataclass(frozen=True, slots=True)
class Exact:
    """Residues of shape (rows, columns, primes), or (primes) for one number, and the degree that they may have.

    `numbers` says which cells of a range hold a number, None for all.
    """

    residue: NDArray[np.int64]
    degree: Degree
    numbers: NDArray[np.bool_] | None = None


class Cells:
    """The cells of a workbook modulo `primes`; those in `settled` have the values given there."""

    def __init__(self, book: Book, index: FormulaIndex, primes: tuple[int, ...]) -> None:
        self._book, self._index, self._primes = book, index, np.array(primes, np.int64)
        self.settled: dict[Cell, Exact] = {}
        self._open: set[Cell] = set()
        self._read = 0
        self._constants = {sheet.name.casefold(): sheet.constants for sheet in book.sheets}
        self._names = {sheet.name.casefold(): sheet.name for sheet in book.sheets}

    def cell(self, cell: Cell) -> Exact:
        """The number in `cell`; raises NotRational if it is none, or no rational function of what is settled."""
        found = self.settled.get(cell)
        if found is not None:
            return found
        fill = self._index.fill(cell)
        if fill is None:
            held = self._constants[cell.sheet.casefold()].scalar(cell.row, cell.column)
            if held is None:
                return self._number(Fraction(0))
            if isinstance(held, bool) or not isinstance(held, float):
                raise NotRational(f"{held!r} is no number")
            return self._number(simplest(held))
        if cell in self._open:
            raise NotRational("a formula that reads itself")
        self._open.add(cell)
        try:
            if fill.kind is FillKind.COPIED:
                made = self._one(self._value(_parsed(self._index.text(cell) or ""), cell))
            else:
                whole = self._value(_parsed(fill.formula), fill.area.corner)
                made = self._element(whole, cell.row - fill.area.row, cell.column - fill.area.column)
        except RecursionError:
            raise NotRational("too deep") from None
        finally:
            self._open.discard(cell)
        self.settled[cell] = made
        return made

    def _number(self, number: Fraction) -> Exact:
        return Exact(np.array([residue(number, prime) for prime in self._primes.tolist()]), Degree())

    def _element(self, whole: Exact, row: int, column: int) -> Exact:
        if whole.residue.ndim == 1:
            return whole
        height, width = whole.residue.shape[:2]
        row, column = 0 if height == 1 else row, 0 if width == 1 else column
        if row >= height or column >= width:
            raise NotRational("an array formula over too many cells")
        return Exact(whole.residue[row, column], whole.degree)

    def _one(self, value: Exact) -> Exact:
        if value.residue.ndim == 1:
            return value
        if value.residue.shape[:2] != (1, 1):
            raise NotRational("several numbers in one cell")
        return Exact(value.residue[0, 0], value.degree)

    def _value(self, node: ast.Expression, home: Cell) -> Exact:
        match node:
            case ast.Number(value):
                return self._number(simplest(value))
            case ast.CellReference(row, column, sheet=sheet, last_sheet=None):
                return self.cell(Cell(self._sheet(sheet, home), row, column))
            case ast.AreaReference(first, last, sheet=sheet, last_sheet=None):
                return self._area(self._sheet(sheet, home), first, last)
            case ast.Unary("-", operand):
                inner = self._value(operand, home)
                return Exact(-inner.residue % self._primes, inner.degree)
            case ast.Unary("+", operand):
                return self._value(operand, home)
            case ast.Percent(operand):
                inner = self._value(operand, home)
                return self._product(inner, self._number(Fraction(1, 100)))
            case ast.Binary("^", base, exponent):
                return self._power(self._value(base, home), exponent)
            case ast.Binary(operator, left, right) if operator in ("+", "-", "*", "/"):
                a, b = self._value(left, home), self._value(right, home)
                if operator == "*":
                    return self._product(a, b)
                if operator == "/":
                    return self._product(a, self._inverse(b))
                added = a.residue + b.residue if operator == "+" else a.residue - b.residue
                return Exact(added % self._primes, a.degree + b.degree)
            case ast.Call(name, arguments) if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, [self._value(one, home) for one in arguments])
            case ast.Call(name, _):
                raise NotRational(f"{name} is not rational")
            case _:
                raise NotRational(f"{type(node).__name__} is not rational")

    def _sheet(self, named: str | None, home: Cell) -> str:
        if named is None:
            return home.sheet
        found = self._names.get(named.casefold())
        if found is None:
            raise NotRational(f"no sheet {named}")
        return found

    def _area(self, sheet: str, first: ast.CellReference, last: ast.CellReference) -> Exact:
        rows = range(min(first.row, last.row), max(first.row, last.row) + 1)
        columns = range(min(first.column, last.column), max(first.column, last.column) + 1)
        self._read += len(rows) * len(columns)
        if self._read > _MOST_READ:
            raise NotRational("too many cells to read")
        found = np.zeros((len(rows), len(columns), len(self._primes)), np.int64)
        numbers = np.ones((len(rows), len(columns)), bool)
        degree = Degree()
        constants = self._constants[sheet.casefold()]
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                cell = Cell(sheet, row, column)
                if cell not in self.settled and self._index.fill(cell) is None:
                    held = constants.scalar(row, column)
                    if held is None or isinstance(held, bool | str):  # which ranges leave out
                        numbers[i, j] = False
                        continue
                one = self.cell(cell)
                found[i, j] = one.residue
                degree = degree | one.degree
        return Exact(found, degree, None if numbers.all() else numbers)

    def _product(self, a: Exact, b: Exact) -> Exact:
        return Exact(a.residue * b.residue % self._primes, a.degree * b.degree)

    def _inverse(self, value: Exact) -> Exact:
        flat = value.residue.reshape(-1, len(self._primes)).tolist()
        try:
            found = [
                [pow(one, -1, prime) for one, prime in zip(row, self._primes.tolist(), strict=True)] for row in flat
            ]
        except ValueError:
            raise NotRational("a division by zero") from None
        return Exact(np.array(found, np.int64).reshape(value.residue.shape), Degree() / value.degree)

    def _power(self, base: Exact, exponent: ast.Expression) -> Exact:
        match exponent:
            case ast.Number(value):
                power = value
            case ast.Unary("-", ast.Number(value)):
                power = -value
            case _:
                raise NotRational("a power that is not written as a number")
        if power != int(power) or abs(power) > _MOST_POWER:
            raise NotRational(f"a power of {power}")
        factor = base if power >= 0 else self._inverse(base)
        result = np.ones_like(factor.residue)
        for _ in range(abs(int(power))):
            result = result * factor.residue % self._primes
        return Exact(result, base.degree.power(int(power)))

    def whole(self, value: Exact) -> Exact:
        """A matrix, of one number too."""
        return value if value.residue.ndim == 3 else Exact(value.residue[None, None], value.degree)

    def summed(self, value: Exact) -> Exact:
        """The sum of a range's numbers."""
        value = self.whole(value)
        return Exact(value.residue.sum((0, 1)) % self._primes, value.degree.sum_of(_count(value)))

    def less_mean(self, value: Exact) -> Exact:
        """The sum of the squared distances from the mean."""
        value = self.whole(value)
        count = _count(value)
        if not count:
            raise NotRational("a mean of nothing")
        mean = self._product(self.summed(value), self._number(Fraction(1, count)))
        away = (value.residue - mean.residue) % self._primes
        if value.numbers is not None:
            away = np.where(value.numbers[:, :, None], away, 0)
        squared = Exact(away * away % self._primes, (value.degree + mean.degree).power(2))
        return Exact(squared.residue.sum((0, 1)) % self._primes, squared.degree.sum_of(count))

    def divided(self, value: Exact, number: int) -> Exact:
        """`value` by a whole number."""
        if number == 0:
            raise NotRational("a division by zero")
        return self._product(value, self._number(Fraction(1, number)))

    def counted(self, number: int) -> Exact:
        """A whole number."""
        return self._number(Fraction(number))

    def pairs(self, function: Callable[[Any, Any], Any], left: Exact, right: Exact, degree: Degree) -> Exact:
        """The sum of a function of two ranges of one shape, element by element."""
        a, b = self.whole(left), self.whole(right)
        if a.residue.shape != b.residue.shape or a.numbers is not None or b.numbers is not None:
            raise NotRational("ranges of different shapes, or with empty cells")
        each = Exact(function(a.residue, b.residue) % self._primes, degree)
        return self.summed(each)

    def multiplied(self, factors: list[Exact]) -> Exact:
        """SUMPRODUCT."""
        wholes = [self.whole(one) for one in factors]
        if len({one.residue.shape for one in wholes}) != 1:
            raise NotRational("factors of different shapes")
        product = reduce(self._product, wholes)
        return self.summed(Exact(product.residue, product.degree))

    def matrix_product(self, left: Exact, right: Exact) -> Exact:
        """MMULT."""
        a, b = self.whole(left), self.whole(right)
        if a.residue.shape[1] != b.residue.shape[0]:
            raise NotRational("matrices that do not fit")
        total = np.zeros((a.residue.shape[0], b.residue.shape[1], len(self._primes)), np.int64)
        for at in range(a.residue.shape[1]):
            total = (total + a.residue[:, at, None] * b.residue[None, at] % self._primes) % self._primes
        return Exact(total, (a.degree * b.degree).sum_of(a.residue.shape[1]))

    def product_of(self, value: Exact) -> Exact:
        """PRODUCT of one range."""
        value = self.whole(value)
        if value.numbers is not None:
            raise NotRational("a product over empty cells")
        flat = [Exact(one, value.degree) for one in value.residue.reshape(-1, len(self._primes))]
        return reduce(self._product, flat)


def _count(value: Exact) -> int:
    return int(np.prod(value.residue.shape[:2])) if value.numbers is None else int(value.numbers.sum())


@cache
def _parsed(text: str) -> ast.Expression:
    try:
        return parse(text)
    except FormulaError as error:
        raise NotRational(str(error)) from None


def _sum(cells: Cells, given: list[Exact]) -> Exact:
    parts = [cells.summed(one) for one in given]
    return reduce(lambda a, b: Exact((a.residue + b.residue) % cells._primes, a.degree + b.degree), parts)


def _of_one(function: Callable[[Cells, Exact], Exact]) -> Callable[[Cells, list[Exact]], Exact]:
    def called(cells: Cells, given: list[Exact]) -> Exact:
        if len(given) != 1:
            raise NotRational("several arguments")
        return function(cells, cells.whole(given[0]))

    return called


def _of_two(
    function: Callable[[Any, Any, Any], Any], degree: Callable[[Degree, Degree], Degree]
) -> Callable[[Cells, list[Exact]], Exact]:
    def called(cells: Cells, given: list[Exact]) -> Exact:
        left, right = given
        primes = cells._primes
        return cells.pairs(lambda a, b: function(a, b, primes), left, right, degree(left.degree, right.degree))

    return called


def _transposed(_cells: Cells, value: Exact) -> Exact:
    numbers = None if value.numbers is None else value.numbers.T
    return Exact(value.residue.transpose(1, 0, 2), value.degree, numbers)


def _squares(cells: Cells, value: Exact) -> Exact:
    squared = value.residue * value.residue % cells._primes
    return cells.summed(Exact(squared, value.degree.power(2), value.numbers))


_FUNCTIONS: Mapping[str, Callable[[Cells, list[Exact]], Exact]] = {
    "SUM": _sum,
    "AVERAGE": _of_one(lambda cells, value: cells.divided(cells.summed(value), _count(value))),
    "SUMSQ": _of_one(_squares),
    "DEVSQ": _of_one(lambda cells, value: cells.less_mean(value)),
    "VAR": _of_one(lambda cells, value: cells.divided(cells.less_mean(value), _count(value) - 1)),
    "VARP": _of_one(lambda cells, value: cells.divided(cells.less_mean(value), _count(value))),
    "VAR.S": _of_one(lambda cells, value: cells.divided(cells.less_mean(value), _count(value) - 1)),
    "VAR.P": _of_one(lambda cells, value: cells.divided(cells.less_mean(value), _count(value))),
    "COUNT": _of_one(lambda cells, value: cells.counted(_count(value))),
    "ROWS": _of_one(lambda cells, value: cells.counted(value.residue.shape[0])),
    "COLUMNS": _of_one(lambda cells, value: cells.counted(value.residue.shape[1])),
    "PRODUCT": _of_one(lambda cells, value: cells.product_of(value)),
    "TRANSPOSE": _of_one(_transposed),
    "SUMPRODUCT": lambda cells, given: cells.multiplied(given),
    "MMULT": lambda cells, given: cells.matrix_product(*given),
    "SUMXMY2": _of_two(lambda a, b, p: ((a - b) % p) * ((a - b) % p), lambda a, b: (a + b).power(2)),
    "SUMX2MY2": _of_two(lambda a, b, p: a * a % p - b * b % p, lambda a, b: a.power(2) + b.power(2)),
    "SUMX2PY2": _of_two(lambda a, b, p: a * a % p + b * b % p, lambda a, b: a.power(2) + b.power(2)),
}
