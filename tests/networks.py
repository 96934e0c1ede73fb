"""The 34 networks and losses that any generated workbook must be right for: small, with fixed seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NETWORKS", "Network", "network"]


class Network(NamedTuple):
    """A model with what it is trained on."""

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: Any


class Sequence(nn.Module):
    """A recurrent layer's outputs and a linear layer on them."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer = layer
        self.out = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layer(x)[0])


class Attention(nn.Module):
    """Scaled dot-product attention with a causal mask, of three linear maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x), is_causal=True)


class MultiHead(nn.Module):
    """nn.MultiheadAttention of a sequence with itself."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Block(nn.Module):
    """A block of nanoGPT: causal attention with heads and an MLP, each behind a layer norm and around a sum."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.attention(self.norm1(x)).split(width, dim=2)
        q, k, v = (part.view(batch, time, self.heads, width // self.heads).transpose(1, 2) for part in (q, k, v))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.mlp(self.norm2(x))


class NanoGPT(nn.Module):
    """nanoGPT: token and position embeddings, blocks, a head."""

    def __init__(self, vocabulary: int, length: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)).flatten(0, 1)


class LeNet(nn.Module):
    """LeNet-5 with 61,706 parameters on images of 28 x 28."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def _mlp(*behind: nn.Module, outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, outputs), *behind)


def _lecture() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 1))


def _activated(activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 2))


def _image(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2))


_LABELS = torch.tensor([0, 1, 1, 0, 1])
_Maker = Callable[[], tuple[nn.Module, Tensor, Tensor, Any]]


def _flat(model: nn.Module, targets: Tensor | None = None, loss: Any = None, width: int = 3) -> Any:
    return model, torch.randn(5, width), torch.randn(5, 2) if targets is None else targets, loss or nn.MSELoss()


def _pictures(model: nn.Module) -> Any:
    x = torch.randn(3, 2, 6, 6)
    model(x)  # gives the lazy layer its size
    return model, x, torch.randn(3, 2), nn.MSELoss()


def _sequence(model: nn.Module, width: int = 2) -> Any:
    return model, torch.randn(2, 3, 4), torch.randn(2, 3, width), nn.MSELoss()


def _evaluated(made: Any) -> Any:
    made[0].eval()
    return made


def _batch_norm() -> nn.Sequential:
    return _image(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.ReLU())


def _words() -> Any:
    model = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(12, 2))
    return model, torch.randint(0, 7, (5, 4)), torch.randn(5, 2), nn.MSELoss()


NETWORKS: Mapping[str, _Maker] = {
    "2-3-2-1, mean squared error": lambda: (_lecture(), torch.randn(3, 2), torch.randn(3, 1), nn.MSELoss()),
    "cross entropy": lambda: _flat(_mlp(), _LABELS, nn.CrossEntropyLoss()),
    "negative log likelihood": lambda: _flat(_mlp(nn.LogSoftmax(1)), _LABELS, nn.NLLLoss()),
    "binary cross entropy": lambda: _flat(_mlp(nn.Sigmoid()), torch.rand(5, 2), nn.BCELoss()),
    "binary cross entropy with logits": lambda: _flat(_mlp(), torch.rand(5, 2), nn.BCEWithLogitsLoss()),
    "L1": lambda: _flat(_mlp(), None, nn.L1Loss()),
    "smooth L1": lambda: _flat(_mlp(), 2 * torch.randn(5, 2), nn.SmoothL1Loss()),
    "Huber": lambda: _flat(_mlp(), 2 * torch.randn(5, 2), nn.HuberLoss(delta=0.7)),
    "Kullback-Leibler": lambda: _flat(
        _mlp(nn.LogSoftmax(1)), torch.softmax(torch.randn(5, 2), 1), nn.KLDivLoss(reduction="batchmean")
    ),
    "ReLU": lambda: _flat(_activated(nn.ReLU())),
    "leaky ReLU": lambda: _flat(_activated(nn.LeakyReLU(0.1))),
    "ELU": lambda: _flat(_activated(nn.ELU())),
    "SiLU": lambda: _flat(_activated(nn.SiLU())),
    "softplus": lambda: _flat(_activated(nn.Softplus())),
    "tanh": lambda: _flat(_activated(nn.Tanh())),
    "sigmoid": lambda: _flat(_activated(nn.Sigmoid())),
    "GELU": lambda: _flat(_activated(nn.GELU())),
    "GELU by tanh": lambda: _flat(_activated(nn.GELU(approximate="tanh"))),
    "softmax": lambda: _flat(_activated(nn.Softmax(1))),
    "layer norm": lambda: _flat(_activated(nn.LayerNorm(4))),
    "dropout in evaluation": lambda: _evaluated(_flat(_activated(nn.Dropout(0.5)))),
    "Conv2d": lambda: _pictures(_image(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU())),
    "max pooling": lambda: _pictures(_image(nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2))),
    "average pooling": lambda: _pictures(_image(nn.Conv2d(2, 2, 3, padding=1), nn.AvgPool2d(3, 2))),
    "batch norm in evaluation": lambda: _evaluated(_pictures(_batch_norm())),
    "batch norm in training": lambda: _pictures(_batch_norm()),
    "embedding": _words,
    "RNN": lambda: _sequence(Sequence(nn.RNN(4, 3, batch_first=True), 3)),
    "GRU": lambda: _sequence(Sequence(nn.GRU(4, 3, batch_first=True), 3)),
    "LSTM": lambda: _sequence(Sequence(nn.LSTM(4, 3, batch_first=True), 3)),
    "scaled dot-product attention": lambda: _sequence(Attention(4), 4),
    "multi-head attention": lambda: _sequence(MultiHead(), 4),
    "transformer encoder layer": lambda: _sequence(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 4),
    "nanoGPT block": lambda: _sequence(Block(4, 2), 4),
}


def network(name: str) -> Network:
    """The network `name`, the same each time."""
    torch.manual_seed(0)
    return Network(*NETWORKS[name]())
