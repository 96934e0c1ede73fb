"""`hidden_layers.xlsx`: the documents' sheets for n3, n4, n5 (layer 1) and n6, n7 (layer 2)."""

from __future__ import annotations

import torch
from torch import nn

from xlparity.compiler.draft import Draft
from xlparity.lessons.network import B0, B1, W0, W1, X, lecture_network
from xlparity.lessons.proof import proved
from xlparity.model.book import Book, Style
from xlparity.model.map import Role

__all__ = ["hidden_layers"]

# What PyTorch printed for layer 1; its weights had more than the four decimals that the sheet has.
PRINTED_N = ((-0.4767, 1.7673, -1.7317), (-0.0946, 2.6345, -2.6689), (3.8733, 7.3268, -6.1684))

SAMPLES = ["sample 1", "sample 2", "sample 3"]


def hidden_layers() -> Book:
    """`Layer 1` from the inputs, `Layer 2` from Layer 1's n by links."""
    first = Draft("Layer 1", beside=(12, 0))
    first.text("A1", "Layer 1: n3, n4, n5", Style.TITLE)
    first.note("A2", "net[0] = nn.Linear(2, 3): k = x * w, then n = k + b. A row per input, a column per neuron.", 16)
    first.text("A4", "Excel", Style.HEADING, beside="{}")
    first.text("A5", "Input x", Style.HEADING, beside=True)
    first.texts("B5", ["x1", "x2"])
    first.texts("A6", SAMPLES, down=True)
    first.given("x", "B6", X, Role.INPUT)
    first.text("A10", "Weight", Style.HEADING, beside=True)
    first.texts("B10", ["n3", "n4", "n5"])
    first.texts("A11", ["x1 (w13 w14 w15)", "x2 (w23 w24 w25)"], down=True)
    first.given("net[0].weight", "B11", W0, Role.PARAMETER, transposed=True, decimals=4)
    first.text("A14", "Bias (b3 b4 b5)", beside=True)
    first.given("net[0].bias", "B14", B0, Role.PARAMETER, decimals=4)
    first.text("F9", "k = x * w", Style.HEADING, beside=True)
    first.texts("F10", ["k3", "k4", "k5"])
    first.computed("k", "F11", (3, 3), "$B6*B$11+$C6*B$12", "x @ net[0].weight.T")
    first.texts("J10", ["b3", "b4", "b5"])
    first.computed("b", "J11", (3, 3), "B$14", "net[0].bias.expand(3, 3)")
    first.text("N9", "n", Style.HEADING, beside=True)
    first.texts("N10", ["n3", "n4", "n5"])
    first.computed("net[0]", "N11", (3, 3), "F11+J11", "F.linear(x, net[0].weight, net[0].bias)")

    second = Draft("Layer 2", beside=(13, 0))
    second.text("A1", "Layer 2: n6, n7", Style.TITLE)
    second.note("A2", "net[1] = nn.Linear(3, 2). Its input is Layer 1's n, linked (green).", 14)
    second.text("A4", "Excel", Style.HEADING, beside="{}")
    second.text("A5", "Layer 1", Style.HEADING, beside=True)
    second.texts("B5", ["n3", "n4", "n5"])
    second.texts("A6", SAMPLES, down=True)
    second.computed("layer1", "B6", (3, 3), "'Layer 1'!N11", "net[0]", style=Style.LINK)
    second.text("A10", "Weight", Style.HEADING, beside=True)
    second.texts("B10", ["n6", "n7"])
    second.texts("A11", ["n3 (w36 w37)", "n4 (w46 w47)", "n5 (w56 w57)"], down=True)
    second.given("net[1].weight", "B11", W1, Role.PARAMETER, transposed=True, decimals=4)
    second.text("A15", "Bias (b6 b7)", beside=True)
    second.given("net[1].bias", "B15", B1, Role.PARAMETER, decimals=4)
    second.text("F9", "k = x * w", Style.HEADING, beside=True)
    second.texts("F10", ["k6", "k7"])
    second.computed("k_2", "F11", (3, 2), "$B6*B$11+$C6*B$12+$D6*B$13", "layer1 @ net[1].weight.T")
    second.texts("I10", ["b6", "b7"])
    second.computed("b_2", "I11", (3, 2), "B$15", "net[1].bias.expand(3, 2)")
    second.text("L9", "n", Style.HEADING, beside=True)
    second.texts("L10", ["n6", "n7"])
    second.computed("net[1]", "L11", (3, 2), "F11+I11", "F.linear(layer1, net[1].weight, net[1].bias)")

    network = lecture_network(2, torch.float32)
    layer1, layer2 = network
    assert isinstance(layer1, nn.Linear)
    assert isinstance(layer2, nn.Linear)
    x = torch.tensor(X)
    n1 = layer1(x)
    values = {
        "x": x,
        "net[0].weight": layer1.weight,
        "net[0].bias": layer1.bias,
        "k": x @ layer1.weight.T,
        "b": layer1.bias.expand(3, 3),
        "net[0]": n1,
        "layer1": n1,
        "net[1].weight": layer2.weight,
        "net[1].bias": layer2.bias,
        "k_2": n1 @ layer2.weight.T,
        "b_2": layer2.bias.expand(3, 2),
        "net[1]": network(x),
    }
    _printed(first)
    return proved("The lecture's hidden layers", [first, second], values)


def _printed(draft: Draft) -> None:
    """PyTorch's printed n beside the sheet's: the documents' own difference that is no fault."""
    draft.text("A41", "The lecture's own PyTorch output", Style.HEADING)
    draft.note(
        "A42", "Printed with 4 decimals, from weights that have more decimals than this sheet: "
        "that rounding explains a difference in the 4th decimal.", 16,
    )  # fmt: skip
    for column, text in (("F", "n as printed"), ("N", "Excel - printed")):
        draft.text(f"{column}43", text, Style.HEADING)
        for at, neuron in enumerate(("n3", "n4", "n5")):
            draft.text(f"{chr(ord(column) + at)}44", neuron)
    for at, sample in enumerate(SAMPLES):
        draft.text(f"A{45 + at}", sample)
    draft.printed("net[0]", "F45", PRINTED_N, 4, apart="N45")
