"""The graph of a captured model: what each tensor is computed from, forward and backward, in plain data.

inputs      -> nodes (aten operations, each after those it reads) -> results by their users' names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch._ops import OpOverload

from xlparity.model.map import Role

LOSS = "(loss)"  # the path of what belongs to no module of the model; no module can be called so

__all__ = ["LOSS", "Constant", "Given", "Graph", "Node", "Output", "operands"]


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """A tensor that the sheet holds as numbers: an input, a target, a parameter or a buffer.

    `value` is float64, or the integer or boolean tensor that the model takes. `module` is the path of the module that
    owns a parameter, as `named_modules` has it. `dtype` is the model's own.
    """

    name: str
    role: Role
    value: Tensor
    dtype: str
    module: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Constant:
    """A tensor that depends on no input: masks, ranges, fillings."""

    value: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One aten operation.

    `arguments` and `keywords` are the operation's own, with nodes, givens and constants in the place of tensors.
    `shape` and `dtype` are the result's, those of the first for an operation that has several. `module` is the path
    of the innermost module whose forward asked for it, `line` the user's own source line. `sequence` is the same for a
    forward operation and for the operations of its backward pass. `name` is set where a user of PyTorch has one for
    the result (`net[0]`, `loss`, `net[0].weight.grad`).
    """

    operation: OpOverload
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: str
    module: str = ""
    backward: bool = False
    sequence: int = -1
    line: str = ""
    name: str = ""

    def __str__(self) -> str:
        return str(self.operation)


@dataclass(frozen=True, eq=False, slots=True)
class Output:
    """One of the results of a node that has several."""

    node: Node
    position: int
    shape: tuple[int, ...]
    dtype: str
    name: str = ""


Source = Given | Constant | Node | Output


@dataclass(frozen=True, slots=True)
class Graph:
    """A captured computation; `real` is the dtype of the model's real numbers.

    `nodes` come each after those it reads. `results` are the tensors that must stand in the workbook whether or not
    another one needs them, by their names; `updates` gives for a buffer that the forward pass changes (running means)
    its new value. `modules` are the classes by path. `aliases` gives the other
    names of a tensor that has several (the model's output is that of its last module).
    """

    root: str
    real: str
    givens: tuple[Given, ...]
    nodes: tuple[Node | Output, ...]
    results: Mapping[str, Source]
    updates: Mapping[str, Source] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


def operands(node: Node) -> Iterator[Source]:
    """The tensors that `node` reads, in the order of its arguments."""

    def inside(part: Any) -> Iterator[Source]:
        if isinstance(part, Given | Constant | Node | Output):
            yield part
        elif isinstance(part, tuple | list):
            for each in part:
                yield from inside(each)

    yield from inside(node.arguments)
    yield from inside(tuple(node.keywords.values()))
