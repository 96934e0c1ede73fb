"""The computational graph of a map's loss, forward and backward, as torch computes it operation by operation."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.backward import GRADIENT, Backward, backward
from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import MapError
from xlparity.model.derivatives import Derivatives, Edge, Node
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Values

__all__ = ["loss_derivatives"]

_LOSS = "loss"
_MOST_TENSORS = 24  # that a picture can show
_MOST_NUMBERS = 20_000


@one_thread()
def loss_derivatives(parity: Map, values: Values) -> Derivatives | None:
    """How the tensor `loss` of a map is computed, and how its derivative flows back.

    None where the map has no such tensor, one of its expressions does not compute, or the graph is too large to draw.

    Parameters
    ----------
    parity
        Its rows say which tensors there are and what each is computed from.
    values
        The cells' values; those of the given tensors are used, all others torch computes.

    Notes
    -----
    Gradients flow to parameters, and to inputs where the loss has no parameter. Where the cells of a given tensor show
    another tensor's values to some decimals, the graph goes on there with the derivative 1, as from the lecture's y_hat
    to its layer's output.
    """
    try:
        graph = _Graph(parity)
        return graph.derivatives(values) if graph.order else None
    except (MapError, RuntimeError):  # that torch refuses is what the check itself reports
        return None


class _Graph:
    """The rows that `loss` is computed from; `order` is empty where there is no graph that could be drawn."""

    def __init__(self, parity: Map) -> None:
        self.rows: dict[str, MapRow] = {}
        for row in parity:
            if row.role is not Role.EXPECTED:
                self.rows.setdefault(row.tensor, row)
        # A given tensor whose cells are the expected values of another one: that one as it was printed.
        expected = {row.block: row for row in parity if row.role is Role.EXPECTED and row.decimals is not None}
        self.printed = {
            row.tensor: (found.tensor, found.decimals)
            for row in self.rows.values()
            if row.role is not Role.COMPUTED
            and (found := expected.get(row.block)) is not None
            and found.tensor != row.tensor
            and found.tensor in self.rows
        }
        self.expressions: dict[str, Expression] = {}
        self.order: list[str] = []
        if _LOSS in self.rows and self.rows[_LOSS].block.size == 1 and self.rows[_LOSS].role is Role.COMPUTED:
            self._visit(_LOSS, ())
        if sum(self.rows[name].block.size for name in self.order) > _MOST_NUMBERS:
            self.order = []

    def _visit(self, name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise MapError(f"{name} is computed from itself")
        if name in self.order:
            return
        if len(self.order) + len(path) >= _MOST_TENSORS:
            raise MapError("the graph has too many tensors to be drawn")
        row = self.rows[name]
        if row.role is Role.COMPUTED:
            self.expressions[name] = parse_expression(row.torch, self.rows.keys(), row.place)
        for operand in self.operands(name):
            self._visit(operand, (*path, name))
        self.order.append(name)

    def operands(self, name: str) -> tuple[str, ...]:
        if name in self.expressions:
            return self.expressions[name].names
        return (self.printed[name][0],) if name in self.printed else ()

    def derivatives(self, cells: Values) -> Derivatives | None:
        program = Program(Map(tuple(self.rows[name] for name in self.order)))
        values: dict[str, Tensor] = {}
        for name in self.order:
            if name in self.expressions:
                values[name] = program.computed(name, values.__getitem__, _no_printed)
            else:
                row = self.rows[name]
                dtype = getattr(torch, row.dtype)
                held = torch.from_numpy(np.array(hold(cells, row.block, row.dtype).values, np.float64))
                values[name] = held if dtype.is_floating_point else held.to(dtype)
            if not values[name].isfinite().all():
                return None
        moving = self._moving(values)
        gradients = {_LOSS: torch.ones_like(values[_LOSS])} if _LOSS in moving else {}
        edges: dict[str, list[Edge]] = {}
        for name in reversed(self.order):
            through = {read for read in self.operands(name) if read in moving and name in gradients}
            shares = self._shares(program, name, values, gradients[name], through) if through else {}
            for read, share in shares.items():
                gradients[read] = gradients[read] + share if read in gradients else share
            known = self._expressions(name, values, gradients[name], shares) if shares else {}
            edges[name] = [
                self._edge(read, name, values, gradients.get(name), shares.get(read), known.get(read))
                for read in self.operands(name)
            ]
        nodes = [
            Node(name, _array(values[name]), _array(gradients[name]) if name in gradients else None)
            for name in self.order
        ]
        return Derivatives(_LOSS, tuple(nodes), tuple(edge for name in self.order for edge in edges[name]))

    def _moving(self, values: Mapping[str, Tensor]) -> set[str]:
        """The tensors through which a gradient flows."""
        roles = {self.rows[name].role for name in self.order}
        leaf = Role.PARAMETER if Role.PARAMETER in roles else Role.INPUT
        moving: set[str] = set()
        for name in self.order:
            held = self.expressions[name].held if name in self.expressions else ()
            source = self.rows[name].role is leaf and name not in self.printed
            if values[name].is_floating_point() and (
                source or any(read in moving and read not in held for read in self.operands(name))
            ):
                moving.add(name)
        return moving

    def _shares(
        self, program: Program, name: str, values: Mapping[str, Tensor], gradient: Tensor, through: set[str]
    ) -> dict[str, Tensor]:
        """What autograd makes of the gradient of `name` for each of the operands that it goes through."""
        if name in self.printed:
            return {self.printed[name][0]: gradient}
        leaves = {read: values[read].detach().requires_grad_() for read in self.operands(name) if read in through}
        value = program.computed(name, lambda read: leaves[read] if read in leaves else values[read], _no_printed)
        found = torch.autograd.grad(value, list(leaves.values()), gradient, allow_unused=True)
        return {
            read: torch.zeros_like(values[read]) if share is None else share.detach()
            for read, share in zip(leaves, found, strict=True)
        }

    def _expressions(
        self, name: str, values: Mapping[str, Tensor], gradient: Tensor, shares: Mapping[str, Tensor]
    ) -> dict[str, Backward]:
        """The expressions of the derivatives that give what autograd gave."""
        if name in self.printed:
            return {self.printed[name][0]: Backward("1", GRADIENT)}
        if GRADIENT in values:  # a tensor of that name; the letter would mean two things
            return {}
        lookup = _Values({**values, GRADIENT: gradient})

        def shape(part: ast.expr) -> tuple[int, ...]:
            return tuple(lookup.of(ast.unparse(ast.fix_missing_locations(part))).shape)

        found = backward(name, self.expressions[name].tree, shares.keys(), shape)
        return {
            read: expressions
            for read, expressions in found.items()
            if torch.allclose(lookup.of(expressions.back).to(torch.float64).expand_as(shares[read]), shares[read])
        }

    def _edge(
        self,
        read: str,
        name: str,
        values: Mapping[str, Tensor],
        gradient: Tensor | None,
        share: Tensor | None,
        known: Backward | None,
    ) -> Edge:
        printed = self.printed[name][1] if name in self.printed else None
        if share is None or gradient is None:
            return Edge(read, name, printed=printed)
        local, back = (known.local, known.back) if known else ("", "")
        number = _Values(values).of(local).to(torch.float64) if local else None
        if number is None and gradient.numel() == 1 and gradient.item() != 0:
            number = share / gradient.item()
        return Edge(read, name, local, None if number is None else _array(number), back, _array(share), printed)


class _Values:
    """Where the expressions of derivatives find their tensors."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self._values = values

    def of(self, text: str) -> Tensor:
        return evaluate(parse_expression(text, self._values.keys(), text), self)

    def tensor(self, name: str) -> Tensor:
        return self._values[name]

    def expected(self, name: str, printed: bool) -> Tensor:
        return _no_printed((name, printed))

    def grad(self, of: Expression, wrt: str) -> Tensor:
        raise MapError(f"the loss is computed from a gradient, of {of.text} by {wrt}")


def _no_printed(key: tuple[str, bool]) -> Tensor:
    raise MapError(f"the loss is computed from expected values of {key[0]}")


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().to(torch.float64).numpy()
