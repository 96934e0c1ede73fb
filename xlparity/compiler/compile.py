"""A module becomes sheets: captured, lowered step by step, placed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer

from xlparity.compiler.capture import capture
from xlparity.compiler.eager import Loss, tensor_name
from xlparity.compiler.graph import Given, Graph
from xlparity.compiler.lower import Lowering, Style
from xlparity.compiler.lower.optim import Updates
from xlparity.compiler.place import SheetPlan, place
from xlparity.errors import InputError
from xlparity.model.map import Role

__all__ = ["Compiled", "compile_model"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model's graph, its blocks and the sheets that they stand on."""

    graph: Graph
    low: Lowering
    sheets: list[SheetPlan]
    batch: int


def compile_model(
    model: nn.Module,
    inputs: Sequence[Tensor],
    targets: Tensor | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    steps: int = 1,
    *,
    style: str = Style.COMPACT,
    root: str = "net",
    progress: Callable[[str], None] = lambda _: None,
) -> Compiled:
    """Blocks of formulas for the forward pass of `model`; with a loss and an optimizer, for `steps` steps of training.

    Raises InputError for what no sheet can compute (see `capture` and the rules of `lower`), before anything is placed.
    """
    if optimizer is not None and loss is None:
        raise InputError("an optimizer needs a loss to make smaller; give loss= (--loss) and targets= (--targets)")
    if steps < 1 or (steps > 1 and optimizer is None):
        raise InputError(f"steps is {steps}; it is 1 or more, and more than 1 only with an optimizer")
    progress(f"capturing {type(model).__name__}")
    graph = capture(model, inputs, targets, loss, root=root)
    low = Lowering(graph, style)
    values: dict[int, object] = {
        id(given): low.source(given) for given in graph.givens if given.role in (Role.INPUT, Role.TARGET)
    }
    parameters = {given.name: given for given in graph.givens if given.role is Role.PARAMETER}
    updates = None
    if optimizer is not None:
        names = {id(parameter): tensor_name(root, path) for path, parameter in model.named_parameters()}
        updates = Updates(low, optimizer, names)
    for step in range(steps):
        progress(f"writing the formulas of step {step + 1} of {steps}")
        low.step = step
        values = low.run({id(given): values[id(given)] for given in graph.givens if id(given) in values})
        following = {
            id(_given(graph, name)): values[id(source)]
            for name, source in graph.updates.items()
            if id(source) in values
        }
        if updates is not None:
            low.phase = "update"
            for name, given in parameters.items():
                gradient = graph.results.get(f"{name}.grad")
                if gradient is not None:
                    new = updates.apply(name, values[id(given)], values[id(gradient)], low.sheet_of(given.module))  # type: ignore[arg-type]
                    following[id(given)] = new
        values = {**values, **following}
    kind = "" if loss is None else getattr(loss, "__name__", type(loss).__name__)
    progress("placing blocks on sheets")
    batch = inputs[0].shape[0] if inputs and inputs[0].dim() else 1
    return Compiled(graph, low, place(graph, low.blocks, steps, kind), batch)


def _given(graph: Graph, name: str) -> Given:
    return next(given for given in graph.givens if given.name == name)
