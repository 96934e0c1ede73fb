"""`gradient.xlsx`: the last layer's gradient as "How PyTorch calculate gradient? (2)" computes it, and the update."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from xlparity.check.derivatives import loss_derivatives
from xlparity.compiler.draft import Draft
from xlparity.lessons.network import ALPHA, B2, W2, Y
from xlparity.lessons.proof import proved
from xlparity.model.book import Book, Style
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.model.picture import PlacedPicture
from xlparity.model.value import Values
from xlparity.report.derivatives import derivatives_picture
from xlparity.xlsx.map_file import map_of_book

__all__ = ["gradient"]

Y_HAT = ((0.6619663,), (0.6377611,), (0.5434885,))
A = ((0.5087925, 0.5024761), (0.698878, 0.42866528), (1.4169338, 0.14511722))
PRINTED_WEIGHT_GRAD = ((-44.7152, -9.1874),)
PRINTED_BIAS_GRAD = (-38.1045,)


def gradient() -> Book:
    """dL/dw = -2/K (y - y_hat)^T a with every factor in cells of its own; W_new = W_old - alpha dL/dW."""
    draft = Draft("Gradient", beside=(17, 0))
    draft.text("A1", "The last layer's gradient, factor by factor", Style.TITLE)
    draft.note(
        "A2", "net[2] = nn.Linear(2, 1); a is the last hidden layer's output (n6, n7), K the number of data points.", 20
    )
    draft.text("A4", "Excel", Style.HEADING, beside="{}")
    headers = ("y", "y_hat", "y - y_hat", "a6", "a7", "(y - y_hat) a6", "(y - y_hat) a7", "a w + b")
    for column, text in zip("BCDEFGHI", headers, strict=True):
        draft.text(f"{column}5", text, Style.HEADER, beside=True)
    draft.texts("A6", ["sample 1", "sample 2", "sample 3"], down=True)
    draft.given("y", "B6", Y, Role.TARGET)
    draft.given("y_hat", "C6", Y_HAT, Role.INPUT, decimals=7)
    draft.computed("residual", "D6", (3, 1), "B6-C6", "y - y_hat")
    draft.given("a", "E6", A, Role.INPUT, decimals=7)
    draft.computed("product", "G6", (3, 2), "$D6*E6", "(y - y_hat) * a")
    draft.text("A9", "sum over the samples", beside=True)
    draft.computed("residual_sum", "D9", (1, 1), "SUM(D6:D8)", "residual.sum().reshape(1, 1)")
    draft.computed("inner_product", "G9", (1, 2), "SUM(G6:G8)", "residual.T @ a")

    draft.text("A11", "K", beside=True)
    draft.computed("K", "B11", (), "COUNT(B6:B8)", "ones_like(y).sum()", number_format="0")
    draft.text("A12", "2/K", beside=True)
    draft.computed("two_over_K", "B12", (), "2/B11", "2 / K")
    draft.text("A13", "L = MSE", beside=True)
    draft.computed("loss", "B13", (), "SUMSQ(D6:D8)/B11", "F.mse_loss(y_hat, y)")

    draft.text("A15", "PyTorch's name", Style.HEADING, beside=True)
    for column, text in zip("GHI", ("w68", "w78", "b8"), strict=True):
        draft.text(f"{column}15", text, Style.HEADER, beside=True)
    draft.text("A16", "W_old = net[2].weight, net[2].bias", beside=True)
    draft.given("net[2].weight", "G16", W2, Role.PARAMETER, decimals=4)
    draft.given("net[2].bias", "I16", B2, Role.PARAMETER, decimals=4)
    draft.text("A17", "dL/dW = -2/K x inner product", beside=True)
    draft.computed("net[2].weight.grad", "G17", (1, 2), "-$B$12*G9", "grad(loss, y_hat).T @ a")
    draft.computed("net[2].bias.grad", "I17", (1,), "-B12*D9", "grad(loss, y_hat).sum(0)")
    draft.text("A18", "alpha (step size)", beside=True)
    draft.given("alpha", "B18", ALPHA, Role.HYPERPARAMETER)
    draft.text("A19", "W_new = W_old - alpha dL/dW", beside=True)
    draft.computed(
        "step[1].net[2].weight", "G19", (1, 2), "G16-$B$18*G17", "net[2].weight - alpha * net[2].weight.grad"
    )
    draft.computed("step[1].net[2].bias", "I19", (1,), "I16-B18*I17", "net[2].bias - alpha * net[2].bias.grad")
    # The forward pass that gave y_hat, to show that the document's y_hat belong to its a, w and b.
    draft.computed("net[2]", "I6", (3, 1), "E6*$G$16+F6*$H$16+$I$16", "F.linear(a, net[2].weight, net[2].bias)")
    draft.also_printed("net[2]", of="y_hat", decimals=7)

    draft.text("A56", "As the lecture's PyTorch printed it", Style.HEADING)
    draft.text("A57", "gradient")
    draft.printed("net[2].weight.grad", "G57", PRINTED_WEIGHT_GRAD, 4, apart="G58")
    draft.printed("net[2].bias.grad", "I57", PRINTED_BIAS_GRAD, 4, apart="I58")
    draft.text("A58", "Excel - printed")
    draft.note(
        "A59", "y_hat (column C) is the documents' own; a w + b (column I) differs from it as far as the 4 decimals of "
        "w and b explain.", 9,
    )  # fmt: skip
    draft.note("A60", "alpha is our own: the documents print none.", 9)
    draft.text("K4", "How the gradient flows back, with the numbers as generated", Style.HEADING)
    return _with_graph(proved("The lecture's gradient of the last layer", [draft], _pytorch()))


def _with_graph(book: Book) -> Book:
    """The book with a picture of the loss's computational graph beside its first sheet's cells."""
    given = Values({sheet.name: sheet.constants for sheet in book.sheets})
    parity = map_of_book(book)
    graph = None if parity is None else loss_derivatives(parity, given)
    picture = None if graph is None else derivatives_picture(graph)
    assert picture is not None
    sheet = book.sheets[0]
    placed = PlacedPicture(Cell(sheet.name, 4, 10), picture)
    return replace(book, sheets=(replace(sheet, layout=replace(sheet.layout, pictures=(placed,))), *book.sheets[1:]))


def _pytorch() -> dict[str, torch.Tensor]:
    """The same from a real layer, torch's loss, autograd and SGD."""
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(W2))
        layer.bias.copy_(torch.tensor(B2))
    y, a = torch.tensor(Y), torch.tensor(A)
    forward = layer(a)
    # The documents' y_hat in the place of the layer's own output, with the layer's graph behind it.
    y_hat = forward + (torch.tensor(Y_HAT) - forward).detach()
    loss = nn.MSELoss()(y_hat, y)
    loss.backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    values = {
        "y": y,
        "y_hat": torch.tensor(Y_HAT),
        "residual": y - torch.tensor(Y_HAT),
        "a": a,
        "product": (y - torch.tensor(Y_HAT)) * a,
        "loss": loss,
        "net[2].weight": layer.weight.detach().clone(),
        "net[2].bias": layer.bias.detach().clone(),
        "net[2].weight.grad": layer.weight.grad,
        "net[2].bias.grad": layer.bias.grad,
        "alpha": torch.tensor(ALPHA),
        "K": torch.tensor(float(len(Y))),
        "two_over_K": torch.tensor(2.0) / len(Y),
        "net[2]": forward,
    }
    values["residual_sum"] = values["residual"].sum().reshape(1, 1)
    values["inner_product"] = values["residual"].T @ a
    torch.optim.SGD(layer.parameters(), lr=ALPHA).step()
    values["step[1].net[2].weight"] = layer.weight.detach()
    values["step[1].net[2].bias"] = layer.bias.detach()
    return values
