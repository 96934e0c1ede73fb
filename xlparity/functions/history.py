"""Numbers whose derivative is not known: they refuse autograd's question rather than answer it with zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xlparity.errors import InputError

__all__ = ["without_derivative"]


def without_derivative(number: Tensor, name: str, sources: Sequence[Tensor]) -> Tensor:
    """`number`, computed outside autograd from `sources`; asking for a derivative through it raises InputError."""
    traced = [source for source in sources if source.requires_grad]
    if not traced:
        return number
    made: Tensor = _Unknown.apply(number, name, *traced)  # type: ignore[no-untyped-call]
    return made


class _Unknown(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, number: Tensor, name: str, *sources: Tensor) -> Tensor:
        context.name, context.count = name, len(sources)
        return number.clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, ...]:
        if any(bool((gradient != 0).any()) for gradient in gradients):
            raise InputError(f"{context.name} is computed without derivatives, and the cell depends on it")
        return (None,) * (2 + int(context.count))  # a branch of IF that is not taken
