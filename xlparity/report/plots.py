"""Plots for notebooks: the loss over the steps, how near the cells are to their bounds, and weights as heat maps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import InputError
from xlparity.model.report import IGNORED, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["error_plot", "loss_plot", "weight_plot"]

_Numbers = NDArray[np.float64]

_BLUE, _RED = "#1F3864", "#A03A00"
_LOWEST = 1e-6  # of its bound; cells that are nearer are counted there
_STEP = re.compile(r"(?:step\[(\d+)\]\.)?loss\Z")


def loss_plot(tensors: Mapping[str, _Numbers]) -> Figure:
    """The loss by step, from the `tensors` called `loss`, `step[1].loss`, ...; each holds one number.

    Raises InputError if there is none, or matplotlib is not installed.
    """
    losses = {
        int(found[1] or 0): float(values.reshape(-1)[0])
        for name, values in tensors.items()
        if (found := _STEP.fullmatch(name)) and values.size == 1
    }
    if not losses:
        raise InputError("the workbook has no tensor called loss; generate it with loss= and targets=")
    figure, axes = _figure((6.0, 3.4))
    steps = sorted(losses)
    axes.plot(steps, [losses[step] for step in steps], color=_BLUE, marker="o" if len(steps) < 30 else None)
    axes.set(xlabel="step", ylabel="loss", title="Loss by step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", alpha=0.3)
    return figure


def error_plot(report: Report) -> Figure:
    """How many cells differ by which part of their bound: left of the line they agree.

    Raises InputError if no cell has a difference and a bound, or matplotlib is not installed.
    """
    parts, exact = [], 0
    for tensor in report.tensors:
        judged = tensor.verdicts != IGNORED
        with np.errstate(invalid="ignore", divide="ignore"):
            sizes = np.abs(tensor.actual - tensor.expected)[judged]
            part = sizes / tensor.bound[judged]
        exact += int((sizes == 0).sum())
        parts.append(part[(sizes > 0) & np.isfinite(part)])
    shares = np.concatenate(parts) if parts else np.empty(0)
    if not len(shares) and not exact:
        raise InputError(f"{report.workbook}: no judged cell has both a difference and a bound to plot")
    figure, axes = _figure((6.0, 3.4))
    highest = max(10.0, 10 * float(shares.max(initial=0.0)))
    edges = np.logspace(np.log10(_LOWEST), np.log10(highest), 49)
    shown = np.clip(shares, _LOWEST, None)
    axes.hist(shown[shown <= 1], bins=edges, color=_BLUE, label="agree")
    if (shown > 1).any():
        axes.hist(shown[shown > 1], bins=edges, color=_RED, hatch="//", label="differ")
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    equal = f"; {exact:,} more are equal to the last digit" if exact else ""
    axes.set(xlabel="difference, as a part of its bound", ylabel="cells", title=f"{report.workbook}{equal}")
    axes.legend()
    return figure


def weight_plot(name: str, values: _Numbers) -> Figure:
    """The parameter `name` as a heat map, purple for positive and orange for negative numbers, white at zero.

    `values` has any shape; leading dimensions are laid out below each other. Raises InputError if matplotlib is not
    installed.
    """
    matrix = np.atleast_2d(values) if values.ndim < 3 else values.reshape(-1, values.shape[-1])
    height, width = matrix.shape
    figure, axes = _figure((min(1.5 + 0.45 * width, 9.0), min(1.2 + 0.4 * height, 9.0)))
    largest = float(np.nanmax(np.abs(matrix), initial=0.0)) or 1.0
    shown = axes.imshow(matrix, cmap="PuOr", vmin=-largest, vmax=largest, aspect="auto")
    figure.colorbar(shown)
    if matrix.size <= 60:
        for (row, column), value in np.ndenumerate(matrix):
            ink = "white" if abs(value) > 0.6 * largest else "black"
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=8, color=ink)
    axes.set(title=f"{name} {'x'.join(str(size) for size in values.shape)}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    return figure


def _figure(size: tuple[float, float]) -> tuple[Figure, Any]:
    """A figure with one set of axes, apart from pyplot's state, so that no window opens and nothing is kept."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (an extra, and slow to import)
    except ImportError:
        raise InputError("plots need matplotlib; install it with pip install 'xlparity[plots]'") from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()
