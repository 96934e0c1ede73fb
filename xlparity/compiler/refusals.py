"""What no sheet can compute, said before anything is written: the operation, the module, the line, what to do."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from xlparity.compiler.eager import Loss, plain_attention
from xlparity.compiler.graph import LOSS
from xlparity.compiler.origin import place_of, said_of, users_line
from xlparity.errors import InputError

__all__ = ["refuse_dependence", "refuse_dropout", "refuse_operations"]

_UNWRITTEN = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
_FIXED_SHAPES = "for a selection multiply by a mask or use torch.where, so that all shapes are fixed"
_PYTHON_NUMBER = (
    "makes a Python number of a tensor, and what follows depends on it, but a sheet's formulas are fixed; for a branch "
    "use torch.where, for a factor leave it a tensor (no .item())"
)


def refuse_dropout(module: fx.GraphModule, root: str) -> None:
    """InputError for dropout that is switched on, while the graph still calls it so."""
    for node in module.graph.nodes:
        if "dropout" not in str(node.target) or len(node.args) < 3:
            continue
        _, probability, training = node.args[:3]
        if training and probability:
            raise InputError(
                f"{node.target} in {place_of(node, root)} draws random numbers in training, so no formula can give its "
                "value; call model.eval() before, or multiply by a mask that is an input of the model"
            )


def refuse_operations(module: fx.GraphModule, root: str) -> None:
    """InputError for the first operation that no sheet can compute: random, complex, without a fixed shape."""
    for node in module.graph.nodes:
        if node.op != "call_function" or not isinstance(node.target, OpOverload):
            continue
        name = str(node.target)
        if torch.Tag.nondeterministic_seeded in node.target.tags:
            raise InputError(
                f"{name} in {place_of(node, root)} is random, so no formula can give its value; draw the numbers "
                "outside of the model and pass them as an input (for dropout: call model.eval() before)"
            )
        if isinstance(node.meta.get("val"), torch.SymFloat | torch.SymInt | torch.SymBool):
            raise InputError(f"{name} in {place_of(node, root)} {_PYTHON_NUMBER}")
        unwritten = node.target.overloadpacket.__name__ in _UNWRITTEN and _has_elements(node.meta.get("val"))
        if unwritten and any(user.op == "output" for user in node.users):
            raise InputError(f"{name} in {place_of(node, root)} gives memory that nobody wrote; give its values")
        for value in tree_flatten(node.meta.get("val"))[0]:
            if not isinstance(value, Tensor):
                continue
            if value.is_complex():
                raise InputError(
                    f"{name} in {place_of(node, root)} gives complex numbers, which a cell cannot hold; write it with "
                    "the real and the imaginary part as two tensors"
                )
            if not all(isinstance(size, int) for size in value.shape):
                raise InputError(
                    f"{name} in {place_of(node, root)} gives a tensor whose shape {tuple(value.shape)} depends on the "
                    f"data; {_FIXED_SHAPES}"
                )


def _has_elements(value: Any) -> bool:
    return isinstance(value, Tensor) and not any(isinstance(size, int) and size == 0 for size in value.shape)


def refuse_dependence(net: nn.Module, loss: Loss | None, arguments: Sequence[Tensor], root: str) -> None:
    """InputError for the first operation on which the model's shapes or branches depend; nothing if there is none.

    Runs the model once, on its `arguments` (with a loss the last of them is the target), and watches its operations.
    """
    watch = _Watch()
    hooks = [module.register_forward_pre_hook(watch.enters(path)) for path, module in net.named_modules()]
    hooks += [module.register_forward_hook(watch.leaves) for module in net.modules()]
    try:
        with torch.no_grad(), plain_attention(), warnings.catch_warnings(), watch:
            warnings.simplefilter("ignore")
            output = net(*(part.clone() for part in (arguments if loss is None else arguments[:-1])))
            if loss is not None:
                loss(output, arguments[-1])
    finally:
        for hook in hooks:
            hook.remove()
    if watch.found is None:
        return
    operation, path, line = watch.found
    what = f"{operation} in {said_of(path, line, root)}"
    if torch.Tag.data_dependent_output in operation.tags:
        raise InputError(f"{what} {_PYTHON_NUMBER}")
    raise InputError(f"{what} gives a tensor whose shape depends on the data; {_FIXED_SHAPES}")


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the first operation whose shape or number depends on its tensors' values, with its module and line."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: tuple[OpOverload, str, str] | None = None
        self._inside: list[str] = []

    def enters(self, path: str) -> Callable[..., None]:
        """A hook for before the module `path` runs."""

        def hook(_module: nn.Module, _arguments: Any) -> None:
            self._inside.append(path)

        return hook

    def leaves(self, _module: nn.Module, _arguments: Any, _output: Any) -> None:
        """A hook for after a module has run."""
        self._inside.pop()

    def __torch_dispatch__(
        self, operation: Any, _types: Any, arguments: tuple[Any, ...] = (), keywords: Any = None
    ) -> Any:
        if self.found is None and _depends_on_values(operation, arguments):
            # The user's frames are those above the one that runs the model here.
            stack = traceback.format_stack()
            start = max(at for at, text in enumerate(stack) if "refuse_dependence" in text)
            self.found = (operation, self._inside[-1] if self._inside else LOSS, users_line("".join(stack[start:])))
        return operation(*arguments, **(keywords or {}))


def _depends_on_values(operation: Any, arguments: tuple[Any, ...]) -> bool:
    if torch.Tag.data_dependent_output in operation.tags:
        return True
    if torch.Tag.dynamic_output_shape not in operation.tags:
        return False
    if operation is not torch.ops.aten.index.Tensor:
        return True
    # Whole numbers as an index take as many elements as they are; a mask takes as many as it has ones.
    return any(part is not None and part.dtype in (torch.bool, torch.uint8) for part in arguments[1])
