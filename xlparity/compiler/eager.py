"""What PyTorch itself computes: a training step of the model in float64, with every value that a user has a name for.

This is what a captured graph must agree with, and what a workbook shows as PyTorch's values.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map

from xlparity.errors import InputError

__all__ = [
    "Elsewhere", "Loss", "Step", "double", "eager_step", "elsewhere", "exact", "first_line", "optimizer_for",
    "plain_attention", "tensor_name", "trained",
]  # fmt: skip

Loss = Callable[[Any, Tensor], Tensor]


@dataclass(slots=True)
class Step:
    """One step of eager PyTorch: outputs of each call of each module by path, the loss, the parameters' gradients."""

    outputs: dict[str, list[Tensor]] = field(default_factory=dict)
    loss: Tensor | None = None
    gradients: dict[str, Tensor] = field(default_factory=dict)
    result: Any = None

    def keep(self, path: str) -> Callable[..., None]:
        """A forward hook that keeps the output of the module `path`."""

        def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:
            if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
                output = output[0]  # an LSTM's sequence, attention's values
            if isinstance(output, Tensor):
                if output.requires_grad and not output.is_leaf:
                    output.retain_grad()
                self.outputs.setdefault(path, []).append(output)

        return hook


def eager_step(net: nn.Module, inputs: Sequence[Tensor], target: Tensor | None, loss: Loss | None) -> Step:
    """Forward and, with a loss, backward; the gradients stay in the parameters of `net`, a model in float64.

    Raises InputError if the model or the loss does not take these tensors, or the loss is no single number.
    """
    step = Step()
    hooks = [module.register_forward_hook(step.keep(path)) for path, module in net.named_modules()]
    try:
        with plain_attention(), torch.set_grad_enabled(loss is not None), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = net(*inputs)
            if loss is not None:
                if target is None:
                    raise InputError("a loss needs targets; give them with targets= (--targets)")
                step.loss = loss(output, target)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AttributeError) as error:
        raise InputError(
            f"{type(net).__name__} does not run on inputs of shape {_shapes(inputs)}"
            f"{'' if target is None else f' and targets of shape {tuple(target.shape)}'}: {first_line(error)}"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    if loss is not None:
        value = step.loss
        if not isinstance(value, Tensor) or value.dim() or not value.is_floating_point():
            what = (
                f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            )
            raise InputError(f"the loss is {what}, not one number; use a loss with reduction 'mean' or 'sum'")
        if not value.requires_grad:
            raise InputError("the loss does not depend on any parameter that requires a gradient")
        _differentiate(value, net)
        for name, parameter in net.named_parameters():
            if parameter.grad is not None:
                step.gradients[name] = parameter.grad
    step.result = tree_map(lambda part: part.detach() if isinstance(part, Tensor) else part, output)
    return step


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A step of the same model from other numbers, which tells tensors apart that are equal at the user's own.

    `named` are the parameters and buffers as they were before it.
    """

    step: Step
    inputs: Sequence[Tensor]
    target: Tensor | None
    named: Mapping[str, Tensor]


def elsewhere(model: nn.Module, inputs: Sequence[Tensor], target: Tensor | None, loss: Loss | None) -> Elsewhere | None:
    """A step from the numbers of the model and its data in another order; None if the model does not take them.

    What has negative numbers is turned and made larger too, so that units that were active are not; and the targets are
    made much larger, so that losses are in their other parts.
    """
    chance = torch.Generator().manual_seed(0)

    def moved(value: Tensor, factor: float = 1.5) -> Tensor:
        if not value.is_floating_point():
            return value.clone()
        mixed = value.flatten()[torch.randperm(value.numel(), generator=chance)].reshape(value.shape)
        return mixed * -factor if bool((value < 0).any()) else mixed

    net = double(model)
    with torch.no_grad():
        for part in (*net.parameters(), *net.buffers()):
            part.copy_(moved(part.detach()))
    named = {name: part.detach().clone() for name, part in (*net.named_parameters(), *net.named_buffers())}
    inputs, target = [moved(part) for part in inputs], None if target is None else 20 * moved(target)
    try:
        return Elsewhere(eager_step(net, [part.clone() for part in inputs], target, loss), inputs, target, named)
    except InputError:
        return None


def _differentiate(loss: Tensor, net: nn.Module) -> None:
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"PyTorch has no gradient of the loss of {type(net).__name__}: {first_line(error)}; leave out "
            "the loss to generate the forward pass alone"
        ) from None


def trained(
    model: nn.Module,
    inputs: Sequence[Tensor],
    target: Tensor | None,
    loss: Loss | None,
    optimizer: Optimizer | None,
    steps: int,
    root: str,
) -> dict[str, Tensor]:
    """PyTorch's own values in float64, by the names that a map gives them: outputs, losses, gradients, new parameters.

    The model and the optimizer are not changed.
    """
    net = double(model)
    loss = double(loss) if isinstance(loss, nn.Module) else loss
    own = None if optimizer is None else optimizer_for(optimizer, model, net)
    inputs = [exact(part) for part in inputs]
    target = None if target is None else exact(target)
    found: dict[str, Tensor] = {}
    for number in range(steps):
        prefix = f"step[{number}]." if number else ""
        net.zero_grad()
        step = eager_step(net, [part.clone() for part in inputs], target, loss)  # a model may write into them
        for path, calls in step.outputs.items():
            for call, value in enumerate(calls):
                name = f"{prefix}{tensor_name(root, path)}" + (f".call_{call + 1}" if call else "")
                found[name] = value.detach().clone()
                if value.grad is not None:
                    found[f"{name}.grad"] = value.grad.clone()
        results = [part for part in tree_leaves(step.result) if isinstance(part, Tensor)]
        if len(results) > 1 and step.loss is None:
            found |= {f"{root}.output[{at}]": part.clone() for at, part in enumerate(results)}
        if step.loss is not None:
            found[f"{prefix}loss"] = step.loss.detach().clone()
        for path, gradient in step.gradients.items():
            found[f"{prefix}{tensor_name(root, path)}.grad"] = gradient.clone()
        if own is None:
            continue
        own.step()
        for path, parameter in net.named_parameters():
            name = tensor_name(root, path)
            found[f"step[{number + 1}].{name}"] = parameter.detach().clone()
            for key, value in own.state.get(parameter, {}).items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    found[f"{prefix}{name}.{key}"] = value.detach().clone()
    return found


def optimizer_for(optimizer: Optimizer, model: nn.Module, net: nn.Module) -> Optimizer:
    """A copy of `optimizer` (of the model's parameters) for the same parameters of `net`, with its options and state.

    Raises InputError if it holds other parameters than the model's.
    """
    of = {id(mine): other for mine, other in zip(model.parameters(), net.parameters(), strict=True)}
    groups: list[dict[str, Any]] = []
    for group in optimizer.param_groups:
        if any(id(parameter) not in of for parameter in group["params"]):
            raise InputError("the optimizer holds parameters that the model does not have; make it from this model's")
        groups.append({**group, "params": [of[id(parameter)] for parameter in group["params"]]})
    made = type(optimizer)(groups)  # type: ignore[call-arg]
    made.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # else both would count the same steps
    for group in made.param_groups:
        group.update({key: False for key in ("fused", "foreach", "capturable") if group.get(key)})
    return made


def tensor_name(root: str, path: str) -> str:
    """A state_dict key or module path as a PyTorch user types it: `layers.0.weight` -> `net.layers[0].weight`."""
    words = [word for word in path.split(".") if word]
    return root + "".join(f"[{word}]" if word.isdecimal() else f".{word}" for word in words)


def double(model: nn.Module) -> nn.Module:
    """A copy in float64; the model itself stays as it is."""
    try:
        return copy.deepcopy(model).double()
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"{type(model).__name__} cannot be copied ({first_line(error)}); give a module whose parameters are leaves"
        ) from None


def exact(value: Tensor) -> Tensor:
    """A tensor of real numbers in float64; integers and booleans as they are."""
    if value.is_complex():
        raise InputError("an input is complex; a cell cannot hold complex numbers")
    return value.detach().to(torch.float64, copy=True) if value.is_floating_point() else value.detach().clone()


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention as matrix products and a softmax, whose gradients autograd can take apart."""
    from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: PLC0415 - slow to import

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _shapes(values: Sequence[Tensor]) -> str:
    return ", ".join(str(tuple(value.shape)) for value in values)
