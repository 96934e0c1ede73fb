"""`descent.xlsx`: the whole 2-3-2-1 network trained by gradient descent in cells, 20 steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xlparity.compiler.draft import Draft
from xlparity.formula.a1 import parse_area
from xlparity.lessons.network import ALPHA, B0, B1, B2, STEPS, W0, W1, W2, X, Y, lecture_network
from xlparity.lessons.proof import proved
from xlparity.model.book import Book, Chart, Style
from xlparity.model.map import Role

__all__ = ["descent"]

_FIRST_ROW = 13  # of the band of step 0
_BAND = 21  # rows from one step to the next
# Rows within a band: weights, bias, forward pass, dL/dn, dL/dw, dL/db.
_W, _B, _F, _G, _DW, _DB = 1, 4, 6, 11, 15, 18

_NOTES = (
    "MyNet = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2), nn.Linear(2, 1)) in float64, MSELoss, SGD. "
    "Every partial derivative by the chain rule.",
    "Parameters of step 0 are the documents' (4 decimals); alpha is our own. "
    "The documents' 628.7084 -> 459.275 cannot be recomputed: they print neither the parameters nor alpha of that run.",
)

# Per layer: its first column, its neurons, what its rows are labelled with.
_LAYERS = (
    ("B", ("n3", "n4", "n5"), ("x1", "x2")),
    ("G", ("n6", "n7"), ("n3", "n4", "n5")),
    ("K", ("n8",), ("n6", "n7")),
)


def descent() -> Book:
    """A band of cells a step (forward, loss, dL/dn, dL/dw, update) on `Descent`; the loss with its chart on `Loss`."""
    draft = Draft("Descent", beside=(0, 15))
    draft.text("A1", "Gradient descent on the 2-3-2-1 network, in cells", Style.TITLE)
    for row, text in enumerate(_NOTES, 2):
        draft.note(f"A{row}", text, 30)
    draft.text("A5", "Excel", Style.HEADING, beside="{}")
    draft.text("A6", "alpha", beside=True)
    draft.given("alpha", "B6", ALPHA, Role.HYPERPARAMETER, dtype="float64")
    draft.texts("B7", ["x1", "x2"])
    draft.text("D7", "y", beside=True)
    draft.texts("A8", ["sample 1", "sample 2", "sample 3"], down=True)
    draft.given("x", "B8", X, Role.INPUT, dtype="float64")
    draft.given("y", "D8", Y, Role.TARGET, dtype="float64")
    for step in range(STEPS + 1):
        _step(draft, step)
    draft.freeze = "B6"

    loss = Draft("Loss", beside=(0, 3))
    loss.text("A1", "The loss falls", Style.TITLE)
    loss.note("A2", "L = MSE after so many steps of W_new = W_old - alpha dL/dW, linked from the sheet Descent.", 16)
    loss.text("A4", "step", Style.HEADER, beside=True)
    loss.text("B4", "loss", Style.HEADER, beside="loss, {}")
    for step in range(STEPS + 1):
        loss.text(f"A{5 + step}", str(step), beside=True)
        link = f"Descent!N{_FIRST_ROW + _BAND * step + _F + 3}"
        loss.computed(
            f"loss_after[{step}]", f"B{5 + step}", (), link, _at(step, "loss"), style=Style.LINK, dtype="float64"
        )
    area = parse_area(f"A5:A{5 + STEPS}", "Loss")
    chart = Chart(
        parse_area("K4", "Loss").corner,
        "Loss over the steps",
        "step",
        "L = MSE",
        area,
        area.moved(0, 1),
    )
    return proved("Gradient descent in cells", [loss, draft], _pytorch(), charts=[chart])


def _at(step: int, tensor: str) -> str:
    """The tensor's name in the map: those of step 0 have no prefix."""
    return tensor if step == 0 else f"step[{step}].{tensor}"


def _step(draft: Draft, step: int) -> None:
    top = _FIRST_ROW + _BAND * step
    draft.text(f"A{top}", f"Step {step}", Style.HEADING, beside=True)
    for (column, neurons, sources), number in zip(_LAYERS, range(3), strict=True):
        draft.texts(f"{column}{top}", neurons, style=Style.HEADER)
        label = chr(ord(column) - 1)
        for at, source in enumerate(sources):
            draft.text(f"{label}{top + _W + at}", _weight_label(source, neurons), beside=True)
        draft.text(f"{label}{top + _B}", "bias " + " ".join("b" + neuron[1:] for neuron in neurons), beside=True)
        _parameters(draft, step, number, column)
    _forward(draft, step, top)
    if step < STEPS:
        _backward(draft, step, top)


def _weight_label(source: str, neurons: tuple[str, ...]) -> str:
    return " ".join(f"w{source[1:]}{neuron[1:]}" for neuron in neurons)


def _parameters(draft: Draft, step: int, number: int, column: str) -> None:
    """Step 0's are typed in; later ones are W_new = W_old - alpha dL/dW from the band above."""
    top, phase = _FIRST_ROW + _BAND * step, f"step {step}"
    for name, values, row, gradient in (
        (f"net[{number}].weight", (W0, W1, W2)[number], _W, _DW),
        (f"net[{number}].bias", (B0, B1, B2)[number], _B, _DB),
    ):
        shape = torch.tensor(values).shape
        at = f"{column}{top + row}"
        if step == 0:
            draft.given(name, at, values, Role.PARAMETER, transposed=len(shape) == 2, dtype="float64", phase=phase)
        else:
            old, before = _at(step - 1, name), top - _BAND
            draft.computed(
                _at(step, name), at, tuple(shape), f"{column}{before + row}-$B$6*{column}{before + gradient}",
                f"{old} - alpha * {old}.grad", transposed=len(shape) == 2, dtype="float64", phase=phase,
            )  # fmt: skip


def _place(
    draft: Draft, step: int, name: str, at: str, shape: tuple[int, ...], formula: str | list[str], expression: str,
    **how: bool,
) -> None:  # fmt: skip
    draft.computed(
        _at(step, name), at, shape, formula, expression, by_rows=how.get("by_rows", False),
        transposed=how.get("by_rows", False), dtype="float64", phase=f"step {step}",
    )  # fmt: skip


def _forward(draft: Draft, step: int, top: int) -> None:
    headings = {"B": "n3", "C": "n4", "D": "n5", "G": "n6", "H": "n7", "K": "n8 = y_hat", "M": "y - y_hat",
                "N": "(y - y_hat)^2"}  # fmt: skip
    _headed(draft, top + _F - 1, "forward", headings)
    w, b, f = top + _W, top + _B, top + _F

    def linear(number: int, source: str) -> str:
        return f"F.linear({source}, {_at(step, f'net[{number}].weight')}, {_at(step, f'net[{number}].bias')})"

    _place(draft, step, "net[0]", f"B{f}", (3, 3), f"$B8*B${w}+$C8*B${w + 1}+B${b}", linear(0, "x"))
    _place(draft, step, "net[1]", f"G{f}", (3, 2), f"$B{f}*G${w}+$C{f}*G${w + 1}+$D{f}*G${w + 2}+G${b}",
           linear(1, _at(step, "net[0]")))  # fmt: skip
    _place(draft, step, "net", f"K{f}", (3, 1), f"$G{f}*K${w}+$H{f}*K${w + 1}+K${b}", linear(2, _at(step, "net[1]")))
    _place(draft, step, "residual", f"M{f}", (3, 1), f"$D8-K{f}", f"y - {_at(step, 'net')}")
    _place(draft, step, "squared_error", f"N{f}", (3, 1), f"M{f}^2", f"{_at(step, 'residual')} ** 2")
    draft.text(f"M{f + 3}", "L = MSE", beside=True)
    _place(draft, step, "loss", f"N{f + 3}", (), f"AVERAGE(N{f}:N{f + 2})", f"F.mse_loss({_at(step, 'net')}, y)")


def _backward(draft: Draft, step: int, top: int) -> None:
    headings = {"B": "dL/dn3", "C": "dL/dn4", "D": "dL/dn5", "G": "dL/dn6", "H": "dL/dn7", "K": "dL/dn8"}
    _headed(draft, top + _G - 1, "backward", headings)
    w, f, g = top + _W, top + _F, top + _G
    loss = _at(step, "loss")

    def gradient(of: str) -> str:
        return f"grad({loss}, {_at(step, of)})"

    # dL/dn8 = -2/K (y - y_hat); then each layer's dL/dn times the weights that lead from it.
    _place(draft, step, "net.grad", f"K{g}", (3, 1), f"-2/COUNT($D$8:$D$10)*M{f}", gradient("net"))
    _place(draft, step, "net[1].grad", f"G{g}", (3, 2), [f"$K{g}*$K${w + n}" for n in range(2)], gradient("net[1]"))
    _place(draft, step, "net[0].grad", f"B{g}", (3, 3), [f"$G{g}*$G${w + n}+$H{g}*$H${w + n}" for n in range(3)],
           gradient("net[0]"))  # fmt: skip
    draft.text(f"A{top + _DW - 1}", "dL/dw, dL/db", Style.HEADING, beside=True)
    inputs = (
        [f"${column}$8:${column}$10" for column in "BC"],
        [f"${column}${f}:${column}${f + 2}" for column in "BCD"],
        [f"${column}${f}:${column}${f + 2}" for column in "GH"],
    )
    for number, (column, neurons, sources) in enumerate(_LAYERS):
        label = chr(ord(column) - 1)
        for at, source in enumerate(sources):
            draft.text(f"{label}{top + _DW + at}", _weight_label(source, neurons), beside=True)
        draft.text(f"{label}{top + _DB}", "bias", beside=True)
        above = f"{column}${g}:{column}${g + 2}"
        _place(draft, step, f"net[{number}].weight.grad", f"{column}{top + _DW}", (len(neurons), len(sources)),
               [f"SUMPRODUCT({source},{above})" for source in inputs[number]], gradient(f"net[{number}].weight"),
               by_rows=True)  # fmt: skip
        _place(draft, step, f"net[{number}].bias.grad", f"{column}{top + _DB}", (len(neurons),), f"SUM({above})",
               gradient(f"net[{number}].bias"))  # fmt: skip


def _headed(draft: Draft, row: int, title: str, headings: dict[str, str]) -> None:
    """A row of column headings over three rows of samples."""
    draft.text(f"A{row}", title, Style.HEADING, beside=True)
    for column, text in headings.items():
        draft.text(f"{column}{row}", text, beside=True)
    draft.texts(f"A{row + 1}", ["sample 1", "sample 2", "sample 3"], down=True)


def _pytorch() -> dict[str, Tensor]:
    """The same network trained by torch's own autograd and SGD."""
    network = lecture_network(3, torch.float64)
    optimizer = torch.optim.SGD(network.parameters(), lr=ALPHA)
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    values = {"x": x, "y": y, "alpha": torch.tensor(ALPHA, dtype=torch.float64)}
    for step in range(STEPS + 1):
        outputs = [x]
        for layer in network:
            outputs.append(layer(outputs[-1]))
            outputs[-1].retain_grad()
        residual = y - outputs[3]
        loss = nn.MSELoss()(outputs[3], y)
        optimizer.zero_grad()
        loss.backward()
        found = {"net[0]": outputs[1], "net[1]": outputs[2], "net": outputs[3], "residual": residual,
                 "squared_error": residual**2, "loss": loss}  # fmt: skip
        for name, output in (("net[0].grad", outputs[1]), ("net[1].grad", outputs[2]), ("net.grad", outputs[3])):
            found[name] = _grad(output)
        for number, layer in enumerate(network):
            for name, parameter in layer.named_parameters():
                found[f"net[{number}].{name}"] = parameter.detach().clone()
                found[f"net[{number}].{name}.grad"] = _grad(parameter)
        values |= {_at(step, name): value.detach() for name, value in found.items()}
        values[f"loss_after[{step}]"] = loss.detach()
        optimizer.step()
    return values


def _grad(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad.clone()
