"""The lecture's sheets, one module a sheet, placed exactly as the documents show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xlparity.lessons.descent import descent
from xlparity.lessons.gradient import gradient
from xlparity.lessons.hidden_layers import hidden_layers
from xlparity.lessons.mse import mse
from xlparity.lessons.single_neuron import single_neuron
from xlparity.model.book import Book

__all__ = ["LESSONS"]

# File name to what makes the workbook, in the lecture's order.
LESSONS: Mapping[str, Callable[[], Book]] = {
    "single_neuron.xlsx": single_neuron,
    "hidden_layers.xlsx": hidden_layers,
    "mse.xlsx": mse,
    "gradient.xlsx": gradient,
    "descent.xlsx": descent,
}
