"""`mse.xlsx`: the documents' sheet "Calculate MSE using PyTorch and Excel", every cell where they have it."""

from __future__ import annotations

import torch

from xlparity.compiler.draft import Draft
from xlparity.lessons.network import Y
from xlparity.lessons.proof import proved
from xlparity.model.book import Book, Style
from xlparity.model.map import Role

__all__ = ["mse"]

Y_HAT = ((3.850194,), (6.689413,), (22.30436,))
PRINTED_LOSS = 117.0864


def mse() -> Book:
    """Truth and prediction in A1:B4, (y - y_hat)^2 in D1:D4, sum and mean in C6:D7."""
    draft = Draft("MSE", beside=(0, 5))
    for column, text in zip("ABD", ("y", "y_hat", "(y - y_hat)^2"), strict=True):
        draft.text(f"{column}1", text, Style.HEADER, beside=text + ", {}")
    draft.given("y", "A2", Y, Role.TARGET)
    draft.given("y_hat", "B2", Y_HAT, Role.INPUT, decimals=5)
    draft.computed("squared_error", "D2", (3, 1), "(A2-B2)^2", "(y - y_hat) ** 2")
    draft.text("C6", "sum", beside=True)
    draft.computed("total", "D6", (), "SUM(D2:D4)", "squared_error.sum()")
    draft.text("C7", "mean", beside=True)
    draft.computed("loss", "D7", (), "D6/COUNT(D2:D4)", "F.mse_loss(y_hat, y)")
    draft.text("C9", "printed")
    draft.text("C10", "apart")
    draft.printed("loss", "D9", PRINTED_LOSS, 4, apart="D10")
    draft.note("A12", "y_hat is known to 5 decimals; the lecture's PyTorch printed the loss 117.0864 (D9).", 14)
    draft.note("A13", "MSE = 1/K x the sum of (y - y_hat)^2 over the K = 3 data points.", 14)

    y, y_hat = torch.tensor(Y), torch.tensor(Y_HAT)
    loss = torch.nn.MSELoss()(y_hat, y)
    errors = torch.nn.MSELoss(reduction="none")(y_hat, y)
    return proved(
        "The lecture's mean squared error",
        [draft],
        {"y": y, "y_hat": y_hat, "squared_error": errors, "total": errors.sum(), "loss": loss},
    )
