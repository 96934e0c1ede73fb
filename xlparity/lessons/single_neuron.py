"""`single_neuron.xlsx`: the documents' table "Single neuron with one input data"."""

from __future__ import annotations

import torch
from torch import nn

from xlparity.compiler.draft import Draft
from xlparity.lessons.proof import proved
from xlparity.model.book import Book, Style
from xlparity.model.map import Role

__all__ = ["single_neuron"]

W = (0.5398, -0.5377, 0.3111)
X = (1.0, 2.0, 3.0)
BIAS = -0.1321


def single_neuron() -> Book:
    """Weight, Input, Weight x Input, Total, bias, Total + Bias."""
    draft = Draft("Single neuron", beside=(0, 7))
    draft.text("A1", "Single neuron with one input data", Style.TITLE)
    draft.note("A2", "neuron = nn.Linear(3, 1): the total of weight x input, plus the bias. Change a blue number.", 20)
    draft.text("A4", "Excel", Style.HEADING, beside="{}")
    for column, text in zip("BDF", ("Weight", "Input", "Weight x Input"), strict=True):
        draft.text(f"{column}5", text, Style.HEADER, beside=True)
    draft.texts("A6", ["w1", "w2", "w3"], down=True)
    draft.texts("C6", ["x1", "x2", "x3"], down=True)
    draft.given("neuron.weight", "B6", [W], Role.PARAMETER, transposed=True)
    draft.given("x", "D6", [X], Role.INPUT, transposed=True)
    draft.computed("weight_x_input", "F6", (1, 3), "B6*D6", "neuron.weight * x", transposed=True)
    draft.text("E9", "Total", beside=True)
    draft.computed("total", "F9", (), "SUM(F6:F8)", "weight_x_input.sum()")
    draft.text("A10", "bias", beside=True)
    draft.given("neuron.bias", "B10", [BIAS], Role.PARAMETER)
    draft.text("E10", "Total + Bias", beside=True)
    draft.computed("neuron", "F10", (1, 1), "F9+B10", "total + neuron.bias.reshape(1, 1)")

    neuron = nn.Linear(3, 1)
    with torch.no_grad():
        neuron.weight.copy_(torch.tensor([W]))
        neuron.bias.copy_(torch.tensor([BIAS]))
    x = torch.tensor([X])
    products = neuron.weight * x
    return proved(
        "The lecture's single neuron",
        [draft],
        {
            "neuron.weight": neuron.weight,
            "neuron.bias": neuron.bias,
            "x": x,
            "weight_x_input": products,
            "total": products.sum(),
            "neuron": neuron(x),
        },
    )
