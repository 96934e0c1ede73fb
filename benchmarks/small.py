"""Compiled networks that are small enough for every one of their mutants to be checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SMALL", "small"]


class _Attention(nn.Module):
    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(query, key, value)


# What `xlparity.generate` is given: a module, its inputs, and for some a target and a loss.
_MAKERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "small linear, mean squared error": lambda: (nn.Linear(2, 1), _x(1, 2), _x(1, 1), nn.MSELoss()),
    "small L1": lambda: (nn.Linear(1, 1), _x(2, 1), _x(2, 1), nn.L1Loss()),
    "small cross entropy": lambda: (nn.Linear(1, 2), _x(1, 1), torch.tensor([1]), nn.CrossEntropyLoss()),
    "small binary cross entropy": lambda: (
        nn.Sequential(nn.Linear(1, 1), nn.Sigmoid()), _x(2, 1), torch.tensor([[1.0], [0.0]]), nn.BCELoss(),
    ),
    "small leaky ReLU": lambda: (
        nn.Sequential(nn.Linear(1, 1), nn.LeakyReLU(0.1)), _x(2, 1), _x(2, 1), nn.MSELoss(),
    ),
    "small ReLU": lambda: (nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)), _x(1, 1)),
    "small tanh": lambda: (nn.Sequential(nn.Linear(2, 1), nn.Tanh()), _x(2, 2)),
    "small softmax": lambda: (nn.Sequential(nn.Linear(1, 2), nn.Softmax(1)), _x(2, 1)),
    "small layer norm": lambda: (nn.LayerNorm(2), _x(2, 2)),
    "small GELU": lambda: (nn.Sequential(nn.Linear(1, 1), nn.GELU()), _x(2, 1)),
    "small embedding": lambda: (nn.Embedding(3, 2), torch.tensor([0, 2])),
    "small convolution": lambda: (nn.Conv1d(1, 1, 2), _x(1, 1, 4)),
    "small max pooling": lambda: (nn.MaxPool1d(2), _x(1, 1, 6)),
    "small attention": lambda: (_Attention(), (_x(2, 1), _x(2, 1), _x(2, 1))),
}  # fmt: skip
SMALL = tuple(_MAKERS)


def small(name: str) -> tuple[Any, ...]:
    """The arguments of `xlparity.generate` for the network `name`, the same each time."""
    torch.manual_seed(0)
    return _MAKERS[name]()


def _x(*shape: int) -> Tensor:
    return torch.randn(*shape)
