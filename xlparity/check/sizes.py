"""A limit for what an expression may ask of torch, checked before anything is computed."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from xlparity.limits import Budget, TooMuch, limits

__all__ = ["Sizes"]

_SURELY_SMALL = 100_000
_PASS = 100  # multiplications that a pass over an element of memory takes as long as

_CONTRACTIONS = frozenset({"mm", "bmm", "mv", "dot", "addmm", "addmv", "baddbmm"})


class Sizes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Inside, every operation of torch is refused with ValueError whose results would be too large.

    An operation whose operands' sizes and whose numbers, all multiplied, are small cannot make much. Any other is run
    first on tensors that have a shape and no elements (torch's device "meta"). `budget` counts the multiplications of
    all that is large.
    """

    def __init__(self, budget: Budget) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._budget = budget

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would load its compiler, which takes more than a second and is not asked to look inside."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves, _ = tree_flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        packet = func.overloadpacket.__name__
        if packet in ("index", "_unsafe_index") and any(one.dtype in (torch.bool, torch.uint8) for one in tensors[1:]):
            raise ValueError("a boolean index makes a shape that depends on values; use where or masked_fill")
        if _could_be_large(packet, leaves):
            self._refuse_large(func, packet, tensors, args, kwargs)
        return func(*args, **kwargs)

    def _refuse_large(self, func: Any, packet: str, tensors: list[Tensor], args: Any, kwargs: Any) -> None:
        if packet == "arange":  # its meta form divides by the step as it stands
            numbers = [part for part in args if isinstance(part, int | float)]
            start, end = (0, *numbers) if len(numbers) == 1 else numbers[:2]
            step = numbers[2] if len(numbers) > 2 else 1
            elements = abs((end - start) / step)
        else:
            shapes = tree_map(_without_elements, (args, kwargs))
            if not tensors:
                shapes[1]["device"] = torch.device("meta")
            made, _ = tree_flatten(func(*shapes[0], **shapes[1]))
            elements = sum(one.numel() for one in made if isinstance(one, Tensor))
        most = limits().tensor
        if not elements <= most:
            raise ValueError(f"it would have {elements:.0f} elements; at most {most} are computed")
        try:
            self._budget.work(elements * max(_terms(packet, tensors), _PASS))
        except TooMuch as problem:
            raise ValueError(str(problem)) from None


def _could_be_large(packet: str, leaves: list[Any]) -> bool:
    if packet == "arange" or packet.startswith("upsample"):  # whose sizes may be fractions
        return True
    size = 1
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            size *= max(leaf.numel(), 1)
        elif isinstance(leaf, int):
            size *= max(abs(leaf), 1)
    return size > _SURELY_SMALL


def _without_elements(part: Any) -> Any:
    if not isinstance(part, Tensor):
        return part
    return torch.empty_strided(part.shape, part.stride(), dtype=part.dtype, device="meta")


def _terms(packet: str, tensors: list[Tensor]) -> int:
    """How many products make one element of a contraction."""
    if packet in _CONTRACTIONS:
        return tensors[-1].shape[-2] if tensors[-1].dim() > 1 else tensors[-1].numel()
    if packet == "addbmm":  # the products of all matrices are summed
        return prod(tensors[-1].shape[:-1])
    if packet == "_cdist_forward":
        return tensors[-1].shape[-1]
    if packet.startswith("convolution"):
        return max(prod(one.shape[1:]) for one in tensors[1:])
    return 1
