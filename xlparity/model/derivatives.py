"""The computational graph of a loss with the derivative of each of its operations, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Derivatives", "Edge", "Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """A tensor of the graph: its value, and the derivative of the loss with respect to it (None: none flows there).

    Both are float64 of the tensor's shape.
    """

    name: str
    value: NDArray[np.float64]
    gradient: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` is computed from `source`.

    `local` is the derivative of `target` by `source` as an expression of torch, and `number` its value: one factor for
    each element where the operation works element by element, the other operand where it is a product of matrices.
    `back` is the expression that makes of `g`, the gradient of the target, what this edge adds to that of the source.
    Expressions are "" where there is no short one. `share` is that addend, float64 of the source's shape, as autograd
    computes it; None where no gradient flows. `printed` says to how many decimals the target's cells show the source
    where that is how they hang together.
    """

    source: str
    target: str
    local: str = ""
    number: NDArray[np.float64] | None = None
    back: str = ""
    share: NDArray[np.float64] | None = None
    printed: int | None = None


@dataclass(frozen=True, slots=True)
class Derivatives:
    """The tensors that the number `of` is computed from, each after those that it reads; the last is `of` itself."""

    of: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
