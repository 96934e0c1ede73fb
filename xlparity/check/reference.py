"""What torch makes of a map: every computed tensor, from given values and from the sheet's own operands.

The values of all tensors of a map come in three kinds:

- *local*: the one expression of a row, on the operand values that stand in the sheet. A sheet whose every cell agrees
  locally is right as a whole, and a cell that does not is where the error enters.
- *whole*: all expressions in turn, from the given tensors (inputs, parameters) alone.
- *the model's*: the same from the model's own inputs, where the sheet shows them (rows `expected`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.bound import Ball
from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.errors import MapError
from xlparity.limits import UNLIMITED, Budget, limits
from xlparity.model.map import Map, MapRow, Role

__all__ = ["Program", "Reference"]

# What a map's expressions may take beyond `Limits.products`: a dot product of some thousand terms in every cell.
_PRODUCTS_A_CELL = 4_000


@dataclass(frozen=True, slots=True)
class Reference:
    """Torch's value of one tensor and how far it may be off, both float64 of the tensor's shape.

    NaN stands where torch gives no finite number and where no bound is known.
    """

    value: NDArray[np.float64]
    radius: NDArray[np.float64]


class Program:
    """The expressions of a map in an order in which each comes after those that it reads.

    Raises MapError for an expression that is not allowed, reads a tensor that the map lacks, or reads itself.
    """

    def __init__(self, parity: Map) -> None:
        self.rows: dict[str, MapRow] = {row.tensor: row for row in parity if row.role is not Role.EXPECTED}
        self.shown: dict[tuple[str, bool], MapRow] = {}
        for row in parity:
            if row.role is Role.EXPECTED:
                if row.tensor not in self.rows:
                    raise MapError(
                        f"{row.place}: expected values for {row.tensor!r}, which no other row of the map names"
                    )
                if row.block.shape != self.rows[row.tensor].block.shape:
                    raise MapError(f"{row.place}: expected values of shape {row.block.shape} for {row.tensor!r}, "
                                   f"whose shape is {self.rows[row.tensor].block.shape}")  # fmt: skip
                self.shown.setdefault((row.tensor, row.decimals is not None), row)
        for row in self.rows.values():
            if row.role is Role.COMPUTED and not row.torch:
                raise MapError(
                    f"{row.place}: {row.tensor} is computed, so the column torch must say from what, for instance "
                    "x @ W.T + b; or name the model that has a tensor of this name with --model"
                )
        names = frozenset(self.rows)
        self.expressions: dict[str, Expression] = {
            name: parse_expression(row.torch, names, row.place)
            for name, row in self.rows.items()
            if row.role is Role.COMPUTED
        }
        for name, expression in self.expressions.items():
            for tensor, printed in expression.shown:
                if (tensor, printed) not in self.shown:
                    what = "expected values with decimals" if printed else "expected values"
                    raise MapError(f"{self.rows[name].place}: the map has no row with {what} for {tensor!r}")
        self.order: tuple[str, ...] = self._order()
        self._position = dict.fromkeys(self.rows, -1) | {name: at for at, name in enumerate(self.order)}
        self._of_known_size: set[tuple[str, bool]] = set()
        cells = sum(row.block.size for row in self.rows.values())
        self.budget = Budget(products=limits().products + _PRODUCTS_A_CELL * cells)  # of all expressions together

    def operands(self, name: str) -> tuple[str, ...]:
        """The tensors that the expression of `name` reads, those of its gradients too."""
        expression = self.expressions.get(name)
        if expression is None:
            return ()
        return (*expression.names, *(part for pair in expression.grads for part in pair))

    def _order(self) -> tuple[str, ...]:
        order: dict[str, None] = {}
        for start in self.expressions:
            path: dict[str, int] = {start: 0}  # the names being visited, and how many of their operands were
            while path:
                name, seen = next(reversed(path.items()))
                operands = self.operands(name)
                if seen == len(operands) or name in order:
                    order[name] = None
                    del path[name]
                    continue
                path[name] = seen + 1
                operand = operands[seen]
                if operand in path:
                    circle = [*list(path)[list(path).index(operand) :], operand]
                    raise MapError(f"{self.rows[name].place}: {' -> '.join(circle)} read each other in a circle")
                path[operand] = 0
        return tuple(name for name in order if name in self.expressions)

    def upstream(self, name: str) -> set[str]:
        """`name` and all tensors that it is computed from, over however many steps."""
        found, stack = {name}, [name]
        while stack:
            new = set(self.operands(stack.pop())) - found
            found |= new
            stack += new
        return found

    def position(self, name: str) -> int:
        """Where the computed tensor `name` stands in `order`."""
        return self._position[name]

    def between(self, of: str, wrt: str) -> list[str]:
        """The tensors on the ways from `wrt` to `of`, in order, without `wrt` itself; empty if there is no way."""
        steps = self.order[self._position[wrt] + 1 : self._position[of] + 1]
        moved, needed = {wrt}, {of}
        for name in steps:
            if not moved.isdisjoint(self.operands(name)):
                moved.add(name)
        for name in reversed(steps):
            if name in needed:
                needed.update(self.operands(name))
        return [name for name in steps if name in moved & needed]

    def local(
        self,
        name: str,
        values: Mapping[str, NDArray[np.float64]],
        shown: Mapping[tuple[str, bool], NDArray[np.float64]],
        right: Mapping[str, Reference] | None = None,
        off: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
    ) -> Reference:
        """The value of `name` from its operands' `values`, with the error that this one expression may make.

        Where an operand's cells hold no number, or none that its dtype has, nothing is known (NaN). If torch refuses
        the operands, an index is out of range: those that are not `right` are then as good as none. `off` says of
        operands how far the values may be off.
        """
        doubtful = [operand for operand in self.operands(name) if self._is_doubtful(operand, values[operand])]
        given: dict[str, Tensor] = {}  # in the place of the sheet's

        def operand_of(operand: str) -> Tensor:
            return given[operand] if operand in given else self.given(operand, values[operand], off.get(operand, 0.0))

        lookup = _Lookup(self, operand_of, lambda key: _ball(_with_infinities(shown[key])))
        try:
            result = self._tensor(name, lookup)
        except MapError:
            if right is None or not doubtful:
                raise
            for operand in doubtful:
                sure = np.where(values[operand] == right[operand].value, values[operand], np.nan)
                given[operand] = _replaced(self.given(operand, sure), right[operand].value)
            result = self._tensor(name, lookup)
        found = _reference_of(result)
        if not doubtful or not isinstance(result, Ball):
            return found
        return Reference(
            np.where(result.radius.expand(result.shape).isnan().numpy(), np.nan, found.value), found.radius
        )

    def whole(
        self,
        given: Mapping[str, Tensor],
        shown: Mapping[tuple[str, bool], NDArray[np.float64]],
        progress: Callable[[str], None] = lambda _: None,
        names: Sequence[str] | None = None,
    ) -> dict[str, Reference]:
        """The values of all tensors from the `given` ones (Balls or plain tensors, of whatever float dtype).

        If these are float64, as the sheet's are, every floating dtype that an expression names is float64 too.
        `progress` is told how many tensors are computed. `names`, in their order, are all that is computed if given.
        """
        return {name: _reference_of(tensor) for name, tensor in self.tensors(given, shown, progress, names).items()}

    def tensors(
        self,
        given: Mapping[str, Tensor],
        shown: Mapping[tuple[str, bool], NDArray[np.float64]],
        progress: Callable[[str], None] = lambda _: None,
        names: Sequence[str] | None = None,
    ) -> dict[str, Tensor]:
        """The same as tensors, of the kind of those `given`."""
        order = self.order if names is None else names
        wide = all(one.dtype == torch.float64 or not one.dtype.is_floating_point for one in given.values())
        tensors: dict[str, Tensor] = dict(given)
        lookup = _Lookup(self, tensors.__getitem__, lambda key: _ball(_with_infinities(shown[key])), wide)
        for number, name in enumerate(order, 1):
            progress(f"bounding the rounding of tensor {number:,} of {len(order):,}")
            tensors[name] = self._tensor(name, lookup)
        return tensors

    def _tensor(self, name: str, lookup: _Lookup) -> Tensor:
        return self._shaped(name, lookup).detach()

    def _shaped(self, name: str, lookup: _Lookup) -> Tensor:
        row = self.rows[name]
        try:
            result = self.evaluated(name, lookup)
        except MapError as error:
            raise MapError(f"{row.place}: {error}") from None
        if tuple(result.shape) != row.block.shape:
            raise MapError(f"{row.place}: {row.torch!r} gives shape {tuple(result.shape)}, "
                           f"but the map gives {name} the shape {row.block.shape}")  # fmt: skip
        return result

    def computed(
        self, name: str, tensor: Callable[[str], Tensor], shown: Callable[[tuple[str, bool]], Tensor]
    ) -> Tensor:
        """The value of `name` from tensors of whatever kind: those that `tensor` gives by name, and those `shown`.

        Its history goes on into these tensors.
        """
        return self._shaped(name, _Lookup(self, tensor, shown))

    def evaluated(self, name: str, lookup: _Lookup) -> Tensor:
        """The value of the expression of `name`; how large it gets is looked at once, since its shapes stay."""
        known = (name, lookup.wide) in self._of_known_size
        result = evaluate(self.expressions[name], lookup, lookup.wide, UNLIMITED if known else self.budget)
        self._of_known_size.add((name, lookup.wide))
        return result

    def _is_doubtful(self, name: str, values: NDArray[np.float64]) -> bool:
        dtype = getattr(torch, self.rows[name].dtype)
        return (name in self.expressions and not dtype.is_floating_point) or not self.is_possible(name, values).all()

    def is_possible(self, name: str, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where `values` are what the tensor `name` can hold: numbers, and integers if its dtype is one."""
        dtype = getattr(torch, self.rows[name].dtype)
        if dtype.is_floating_point:
            return ~np.isnan(values)
        low, high = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
        # Integers above 2^53 are not told apart in float64, and 2^63 as such is none of int64.
        return np.asarray((np.rint(values) == values) & (values >= low) & (values <= high) & (np.abs(values) < 2.0**63))

    def given(self, name: str, values: NDArray[np.float64], radius: NDArray[np.float64] | float = 0.0) -> Tensor:
        """The tensor `name` with the sheet's `values`, within `radius`: a float64 Ball; exact for an integer dtype.

        Values that are no such integers become 0 and are known to within nothing (a radius of NaN).
        """
        dtype = getattr(torch, self.rows[name].dtype)
        if dtype.is_floating_point:
            return _ball(_with_infinities(values), radius)
        possible = self.is_possible(name, values)
        whole = torch.from_numpy(np.where(possible, values, 0.0)).to(dtype)
        return whole if possible.all() else Ball(whole, torch.from_numpy(np.where(possible, 0.0, np.nan)))


def _replaced(tensor: Tensor, right: NDArray[np.float64]) -> Tensor:
    """Integers of which those that are not known are the `right` ones, so that torch takes them."""
    if not isinstance(tensor, Ball) or tensor.is_floating_point():
        return tensor
    return Ball(torch.from_numpy(right).to(tensor.dtype), tensor.radius)


def _with_infinities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `values` of cells stand for: Excel has no infinity, generated sheets hold 1E+300 in its place."""
    return np.where(np.abs(values) >= 1e300, np.copysign(np.inf, values), values)


def _ball(values: NDArray[np.float64], radius: NDArray[np.float64] | float = 0.0) -> Ball:
    value = torch.from_numpy(np.array(values))
    # Laid out as the values are, which may be transposed: views are taken of both alike.
    return Ball(value, torch.empty_like(value).copy_(torch.as_tensor(radius)))


def _reference_of(tensor: Tensor) -> Reference:
    value, radius = (tensor.value, tensor.radius) if isinstance(tensor, Ball) else (tensor, torch.zeros(tensor.shape))
    array = value.to(torch.float64).numpy()
    bound = radius.to(torch.float64).expand(value.shape).numpy()
    return Reference(array, np.where(np.isfinite(array) & np.isfinite(bound), bound, np.nan))


class _Lookup:
    """Tensors by name for one evaluation; gradients by rebuilding the graph between the two tensors."""

    def __init__(
        self,
        program: Program,
        tensor: Callable[[str], Tensor],
        shown: Callable[[tuple[str, bool]], Tensor],
        wide: bool = True,
    ) -> None:
        self._program, self._tensor, self._shown, self.wide = program, tensor, shown, wide

    def tensor(self, name: str) -> Tensor:
        return self._tensor(name)

    def expected(self, name: str, printed: bool) -> Tensor:
        return self._shown((name, printed))

    def grad(self, of: Expression, wrt: str) -> Tensor:
        program = self._program
        moving = [name for name in of.names if name not in of.held]
        between = list(dict.fromkeys(name for read in moving for name in program.between(read, wrt)))
        if not between and wrt not in moving:
            raise MapError(f"{of.text} is not computed from {wrt}, so it has no gradient there")
        between.sort(key=program.position)
        source = self._tensor(wrt)
        leaf = source.detach().clone().requires_grad_()
        graph: dict[str, Tensor] = {wrt: leaf}
        rebuilt = _Lookup(
            program, lambda name: graph[name] if name in graph else self._tensor(name), self._shown, self.wide
        )
        for name in between:
            if program.expressions[name].grads:
                raise MapError(
                    f"{of.text} is computed from a gradient ({name}); a gradient of a gradient is not supported"
                )
            graph[name] = program.evaluated(name, rebuilt)
        result = evaluate(of, rebuilt, self.wide, UNLIMITED)  # what it costs is taken by the expression around it
        if result.numel() != 1:
            raise MapError(f"the gradient of {of.text}, which is not a single number, is not defined")
        (gradient,) = torch.autograd.grad(result, leaf)
        return gradient.detach()
