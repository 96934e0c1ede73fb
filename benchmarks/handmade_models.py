"""Modules of torch that hand-made workbooks of the corpus say they are, with the weights that stand in their cells.

Written as a user of PyTorch would write them, from the labels alone: `xlparity init BOOK --model` has to find in the
sheet what they compute (benchmarks/proposals.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xlparity.formula.a1 import parse_area
from xlparity.model.area import Area
from xlparity.xlsx.read import read_book

ADVANCED = Path(__file__).parents[2] / "shared" / "corpus" / "ai-by-hand-excel" / "advanced"


@dataclass(frozen=True)
class HandMade:
    """A module of one sheet of a workbook: `name` is what its map calls it, `rows` what its rows there begin with."""

    book: str
    sheet: str
    name: str
    rows: str
    make: Callable[[], nn.Module]
    loss: Any = None


class Numbers:
    """The numbers that stand in one sheet of a workbook of the corpus."""

    def __init__(self, book: str, sheet: str) -> None:
        self.sheet = sheet
        self.cells = read_book(ADVANCED / f"{book}.xlsx").sheet(sheet).constants

    def __call__(self, area: str) -> Tensor:
        """An area as a matrix, float32."""
        found = parse_area(f"'{self.sheet}'!{area}")
        place = Area.of(self.sheet, found.row, found.column, found.height, found.width)
        return torch.tensor(self.cells.grid(place).number, dtype=torch.float32)


def filled(module: nn.Module, **parameters: Tensor) -> Any:
    """`module` with these parameters, `_` in the place of the dots in their names."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            given = parameters.get(name.replace(".", "_"))
            parameter.copy_(torch.zeros_like(parameter) if given is None else given.reshape(parameter.shape))
    return module


def linear(weight: Tensor, bias: Tensor | None = None) -> Any:
    """nn.Linear with this weight and bias."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    return filled(layer, weight=weight, **({} if bias is None else {"bias": bias}))


def perceptron() -> nn.Module:
    """The network of the sheet small: 4 inputs, ReLU, and a sigmoid at the end."""
    at = Numbers("Multi-Layer Perceptron", "small")
    return nn.Sequential(
        linear(at("B12:E14"), at("F12:F14")), nn.ReLU(), linear(at("F18:H21"), at("I18:I21")), nn.ReLU(),
        linear(at("H25:K27"), at("L25:L27")), nn.ReLU(), linear(at("L31:N31"), at("O31")), nn.Sigmoid(),
    )  # fmt: skip


def large_perceptron() -> nn.Module:
    """That of the sheet large: 6-12-18-24-32 and a softmax."""
    at = Numbers("Multi-Layer Perceptron", "large")
    return nn.Sequential(
        linear(at("E14:J25"), at("K14:K25")), nn.ReLU(), linear(at("F29:Q46"), at("R29:R46")), nn.ReLU(),
        linear(at("G50:X73"), at("Y50:Y73")), nn.ReLU(), linear(at("H77:AE108"), at("AF77:AF108")), nn.Softmax(1),
    )  # fmt: skip


def backpropagated() -> nn.Module:
    """The network of the workbook on backpropagation."""
    at = Numbers("Backpropgation", "Backprop")
    return nn.Sequential(
        linear(at("D15:G17"), at("H15:H17")), nn.ReLU(), linear(at("H24:J27"), at("K24:K27")), nn.ReLU(),
        linear(at("J34:M36"), at("N34:N36")),
    )  # fmt: skip


class Recurrent(nn.Module):
    """nn.RNN and a linear layer on each step's hidden state."""

    def __init__(self) -> None:
        super().__init__()
        at = Numbers("RNN", "small")
        self.rnn = filled(
            nn.RNN(4, 3), weight_ih_l0=at("B16:E18"), weight_hh_l0=at("F16:H18"), bias_ih_l0=at("I16:I18")
        )
        self.out = linear(at("F27:H27"), at("I27"))

    def forward(self, x: Tensor) -> Tensor:
        """Of steps (time, samples, 4)."""
        hidden, _ = self.rnn(x)
        return torch.sigmoid(self.out(hidden))


class LongShortTerm(nn.Module):
    """nn.LSTM, its gates as torch orders them: input, forget, cell, output."""

    def __init__(self) -> None:
        super().__init__()
        at = Numbers("LSTM", "small")
        rows = ((23, 24), (13, 14), (18, 19), (35, 36))
        self.lstm = filled(
            nn.LSTM(3, 2),
            weight_ih_l0=torch.cat([at(f"B{first}:D{last}") for first, last in rows]),
            weight_hh_l0=torch.cat([at(f"E{first}:F{last}") for first, last in rows]),
            bias_ih_l0=torch.cat([at(f"G{first}:G{last}") for first, last in rows]),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of steps (time, samples, 3)."""
        hidden, _ = self.lstm(x)
        return hidden


class Head(nn.Module):
    """One head of scaled dot product attention."""

    def __init__(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        super().__init__()
        self.W_q, self.W_k, self.W_v = linear(query), linear(key), linear(value)

    def forward(self, x: Tensor) -> Tensor:
        """Of tokens (count, features)."""
        return F.scaled_dot_product_attention(self.W_q(x), self.W_k(x), self.W_v(x))


def attention(sheet: str = "small", query: str = "C14:H16", key: str = "C19:H21", value: str = "C37:H39") -> nn.Module:
    """The head of a sheet of Self-Attention."""
    at = Numbers("Self-Attention", sheet)
    return Head(at(query), at(key), at(value))


def medium_attention() -> nn.Module:
    """The head of the sheet medium, with 8 tokens."""
    return attention("medium", "C14:H17", "C22:H25", "C54:H59")


class MultiHead(nn.Module):
    """Three heads, joined and projected."""

    def __init__(self) -> None:
        super().__init__()
        at = Numbers("Multihead-Attention", "3 heads")
        rows = (17, 38, 59)
        self.head = nn.ModuleList(Head(*(at(f"H{row + down}:L{row + down + 2}") for down in (0, 4, 8))) for row in rows)
        self.out = linear(at("B92:J96"))

    def forward(self, x: Tensor) -> Tensor:
        """Of tokens (6, 5)."""
        return self.out(torch.cat([head(x) for head in self.head], 1))


class Encoder(nn.Module):
    """Given attention weights, then a feed forward network that ends in a ReLU, as the sheet Medium draws it."""

    def __init__(self) -> None:
        super().__init__()
        at = Numbers("Transformer", "Medium")
        self.linear1 = linear(at("D23:I32"), at("J23:J32"))
        self.linear2 = linear(at("J35:S40"), at("T35:T40"))

    def forward(self, A: Tensor, x: Tensor) -> Tensor:
        """Of attention weights (8, 8) and tokens (8, 6)."""
        return F.relu(self.linear2(F.relu(self.linear1(A @ x))))


HAND_MADE = (
    HandMade("Multi-Layer Perceptron", "small", "net", "small.", perceptron),
    HandMade("Multi-Layer Perceptron", "large", "net", "large.", large_perceptron),
    HandMade("Backpropgation", "Backprop", "net", "", backpropagated, nn.CrossEntropyLoss(reduction="sum")),
    HandMade("RNN", "small", "small", "small.", Recurrent),
    HandMade("LSTM", "small", "small", "small.", LongShortTerm),
    HandMade("Self-Attention", "small", "small", "small.", attention),
    HandMade("Self-Attention", "medium", "medium", "medium.", medium_attention),
    HandMade("Multihead-Attention", "3 heads", "net", "", MultiHead),
    HandMade("Transformer", "Medium", "medium", "medium.", Encoder),
)
