"""Which tensors are the same functions in the sheet and in torch: not on samples, but as rational functions.

Sums, products, quotients and integer powers of the given numbers are polynomials or quotients of such. If the sheet's
and torch's are not the same, they differ at a random point modulo a prime p with a probability of at least 1 - d/p,
where d is the degree of their difference (Schwartz, Fast probabilistic algorithms for verification of polynomial
identities, 1980; Zippel 1979). Both are evaluated exactly at such points, modulo several primes, each drawn anew.

A tensor that is not rational (a maximum, an exponential), or whose degree gets large, is cut: its cells become
variables of what is computed from them, in the sheet and in torch alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from xlparity.check.formulas import FormulaIndex
from xlparity.check.identity.cells import Cells, Exact
from xlparity.check.identity.modular import Degree, NotRational, drawn_primes, residue, simplest
from xlparity.check.identity.tensors import Residues, modulo
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.errors import MapError
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Values

__all__ = ["Identical", "identical_tensors"]

_POINTS = 4  # each modulo a prime of its own
_HIGHEST = 1 << 14  # the degree at which a tensor is cut
_MOST_FORMULAS = 20_000
_MOST_ELEMENTS = 200_000  # of all tensors together


@dataclass(frozen=True, slots=True)
class Identical:
    """The tensors whose cells are the same functions as torch's, and the probability that this is wrong of any cell."""

    tensors: tuple[str, ...]
    probability: float


def identical_tensors(program: Program, book: Book, index: FormulaIndex, values: Values, seed: int) -> Identical:
    """The computed tensors of a map that are identical to torch's as rational functions.

    Functions of the given tensors with a floating dtype and of the tensors that are not rational; integers, booleans
    and constants are those of the sheet. Nothing is said of large workbooks.
    """
    size = sum(row.block.size for row in program.rows.values())
    if index.count > _MOST_FORMULAS or size > _MOST_ELEMENTS:
        return Identical((), 0.0)
    both = _Both(program, book, index, values, random.Random(seed))
    found, probability = [], 0.0
    for name in program.order:
        apart = both.settle(name)
        if apart is not None:
            found.append(name)
            wrong = 1.0
            for prime in both.primes:
                wrong *= max(apart, 1) / prime
            probability += wrong * program.rows[name].block.size
    return Identical(tuple(found), probability)


@dataclass(slots=True)
class _Both:
    """The sheet and torch at the same random points."""

    program: Program
    book: Book
    index: FormulaIndex
    values: Values
    random: random.Random
    primes: tuple[int, ...] = ()
    _torch: dict[str, list[Tensor]] = field(default_factory=dict)  # a tensor for each prime
    _variables: set[Cell] = field(default_factory=set)
    _cells: Cells = field(init=False)

    def __post_init__(self) -> None:
        self.primes = tuple(drawn_primes(_POINTS, self.random))
        self._cells = Cells(self.book, self.index, self.primes)
        for name, row in self.program.rows.items():
            if name not in self.program.expressions:
                self._give(name, row)

    def _give(self, name: str, row: MapRow) -> None:
        if not getattr(torch, row.dtype).is_floating_point:
            held = hold(self.values, row.block, row.dtype).values
            if self.program.is_possible(name, held).all():
                self._torch[name] = [self.program.given(name, held)] * len(self.primes)
            return
        if row.role is not Role.CONSTANT and not self.index.mask_of(row.block).any():
            self._make_variables(row.block)
        try:
            self._take(name, row.block)
        except NotRational:
            return

    def settle(self, name: str) -> int | None:
        """The degree of the difference if `name` is found identical, else None; then, or if it is high, it is cut."""
        row = self.program.rows[name]
        if not getattr(torch, row.dtype).is_floating_point:
            return None
        apart = None
        try:
            expected = self._expected(name)
            residues, degree = self._held(row.block)
            same = all(
                np.array_equal(one.residue.numpy(), residues[..., at]) for at, one in enumerate(expected)
            )  # fmt: skip
            apart = degree.apart(expected[0].degree) if same else None
        except (NotRational, MapError):
            pass
        if apart is None or apart > _HIGHEST:
            self._make_variables(row.block)
        try:
            self._take(name, row.block)
        except NotRational:
            self._torch.pop(name, None)
        return apart

    def _expected(self, name: str) -> list[Residues]:
        """Torch's residues of `name`, a tensor for each prime."""
        found = []
        for at, prime in enumerate(self.primes):

            def tensor(operand: str, at: int = at) -> Tensor:
                if operand not in self._torch:
                    raise NotRational(f"{operand} has no residues")
                return self._torch[operand][at]

            def shown(key: tuple[str, bool], prime: int = prime) -> Tensor:
                row = self.program.shown[key]
                numbers = hold(self.values, row.block, row.dtype).values
                flat = [residue(simplest(number), prime) for number in numbers.ravel().tolist()]
                return Residues(torch.tensor(flat).reshape(numbers.shape), Degree())

            with modulo(prime):
                result = self.program.computed(name, tensor, shown)
            if not isinstance(result, Residues):
                raise NotRational(f"{name} does not depend on anything")
            found.append(result)
        return found

    def _held(self, block: Block) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Degree]:
        """The residues in the cells of `block`, of its tensor's shape and a last dimension for the primes."""
        found = np.zeros((*block.shape, len(self.primes)), np.int64)
        degree = Degree()
        for at in block.indices():
            one = self._cells.cell(block.cell(at))
            found[at] = one.residue
            degree = degree | one.degree
        return found, degree

    def _take(self, name: str, block: Block) -> None:
        """Torch has what stands in the cells."""
        residues, degree = self._held(block)
        self._torch[name] = [
            Residues(torch.from_numpy(residues[..., at].copy()), degree) for at in range(len(self.primes))
        ]

    def _make_variables(self, block: Block) -> None:
        """The cells get random residues, functions of degree 1; those of another tensor that is cut keep theirs."""
        for at in block.indices():
            cell = block.cell(at)
            if cell in self._variables:
                continue
            self._variables.add(cell)
            drawn = np.array([self.random.randrange(prime) for prime in self.primes])
            self._cells.settled[cell] = Exact(drawn, Degree(1))
