"""Every figure that the lecture's documents print, beside what the workbooks' formulas give: writes docs/figures.md.

python benchmarks/figures.py            with the engines embedded and libreoffice
python benchmarks/figures.py embedded   with one engine, printing instead of writing
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import torch

from xlparity.check.bound import Ball
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.engines import engine
from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.model.value import Values
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures.toml"
TABLE = ROOT / "docs" / "figures.md"

# Where each figure stands: section, key, workbook, tensor of its map (or the one element of it).
TENSORS = {
    ("single_neuron", "w"): ("single_neuron", "neuron.weight"),
    ("single_neuron", "x"): ("single_neuron", "x"),
    ("single_neuron", "weight_x_input"): ("single_neuron", "weight_x_input"),
    ("single_neuron", "total"): ("single_neuron", "total"),
    ("single_neuron", "bias"): ("single_neuron", "neuron.bias"),
    ("single_neuron", "total_plus_bias"): ("single_neuron", "neuron"),
    ("layer1", "x"): ("hidden_layers", "x"),
    ("layer1", "W0"): ("hidden_layers", "net[0].weight"),
    ("layer1", "b0"): ("hidden_layers", "net[0].bias"),
    ("layer1", "excel_k"): ("hidden_layers", "k"),
    ("layer1", "excel_n"): ("hidden_layers", "net[0]"),
    ("layer1", "torch_n"): ("hidden_layers", "net[0]"),
    ("layer2", "layer1"): ("hidden_layers", "layer1"),
    ("layer2", "W1"): ("hidden_layers", "net[1].weight"),
    ("layer2", "b1"): ("hidden_layers", "net[1].bias"),
    ("layer2", "excel_k"): ("hidden_layers", "k_2"),
    ("layer2", "excel_n"): ("hidden_layers", "net[1]"),
    ("mse", "y"): ("mse", "y"),
    ("mse", "y_hat"): ("mse", "y_hat"),
    ("mse", "squared_error"): ("mse", "squared_error"),
    ("mse", "sum"): ("mse", "total"),
    ("mse", "mean"): ("mse", "loss"),
    ("mse", "torch_loss"): ("mse", "loss"),
    ("gradient", "y"): ("gradient", "y"),
    ("gradient", "y_hat"): ("gradient", "y_hat"),
    ("gradient", "a"): ("gradient", "a"),
    ("gradient", "weight"): ("gradient", "net[2].weight"),
    ("gradient", "weight_grad"): ("gradient", "net[2].weight.grad"),
    ("gradient", "bias"): ("gradient", "net[2].bias"),
    ("gradient", "bias_grad"): ("gradient", "net[2].bias.grad"),
    ("gradient", "residual_first"): ("gradient", "residual"),
    ("gradient", "inner_product_first"): ("gradient", "inner_product"),
}
# Only the first element of these is printed.
FIRST_ONLY = {("gradient", "residual_first"), ("gradient", "inner_product_first")}
# The text of the documents is cut off at the right edge: digits are missing, not rounded away.
CUT_OFF = {("layer2", "excel_n")}
NOT_COMPUTED = {
    ("descent", "loss_before"): "the documents print neither the parameters nor alpha of this run",
    ("descent", "loss_after"): "the documents print neither the parameters nor alpha of this run",
}


@dataclass(frozen=True)
class Row:
    """One printed figure and what an engine computed for it."""

    figure: str
    cell: str
    printed: str
    engine: str
    computed: float | str | None
    allowed: float
    verdict: str

    @property
    def good(self) -> bool:
        return not self.verdict.startswith("NOT")


def rows(engines: Sequence[str]) -> Iterator[Row]:
    """Every figure of figures.toml, with every engine."""
    figures = tomllib.loads(FIGURES.read_text())
    computed = {
        name: [(engine_name, *_evaluated(name, engine_name, figures)) for engine_name in engines]
        for name in ("single_neuron", "hidden_layers", "mse", "gradient")
    }
    for section, entries in figures.items():
        for key, printed in entries.items():
            where = (section, key)
            if where in NOT_COMPUTED:
                yield Row(f"{section}.{key}", "", printed, "", None, 0.0, f"not computable: {NOT_COMPUTED[where]}")
            elif where == ("mse", "cells"):
                for engine_name, values, _, _ in computed["mse"]:
                    for address, text in printed.items():
                        found = values.scalar(parse_cell(address, "MSE"))
                        verdict = "equal" if found == text else "NOT equal"
                        yield Row(f"mse.cells.{address}", f"MSE!{address}", text, engine_name, str(found), 0.0, verdict)
            elif where not in TENSORS:
                yield Row(f"{section}.{key}", "", str(printed), "", None, 0.0, "NOT mapped to any cell")
            else:
                workbook, tensor = TENSORS[where]
                for engine_name, values, program, radii in computed[workbook]:
                    yield from _figure(where, printed, tensor, engine_name, values, program, radii)


def _evaluated(name: str, engine_name: str, figures: dict) -> tuple[Values, Program, dict[str, np.ndarray]]:
    """An engine's values, the map's program, and how far each tensor is open because its inputs are printed figures."""
    path = ROOT / "workbooks" / f"{name}.xlsx"
    book = read_book(path)
    values = engine(engine_name).evaluate(book, path)
    parity = map_of_book(book)
    assert parity is not None
    program = Program(parity)
    given = {}
    for tensor, row in program.rows.items():
        if tensor not in program.expressions:
            held = hold(values, row.block, row.dtype).values
            radius = np.zeros(held.shape)
            for (section, key), (workbook, mapped) in TENSORS.items():
                if (workbook, mapped) == (name, tensor) and (section, key) not in FIRST_ONLY:
                    texts = np.array(figures[section][key]).reshape(held.shape)
                    radius = np.vectorize(half_unit)(texts).astype(float)
            # Whole numbers (x, y, K) are meant exactly.
            radius = np.where(held == np.round(held), 0.0, radius)
            given[tensor] = Ball(torch.from_numpy(held.copy()), torch.from_numpy(radius))
    shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
    radii = {tensor: reference.radius for tensor, reference in program.whole(given, shown).items()}
    return values, program, radii


def half_unit(text: str) -> float:
    """Half a unit of the last digit that `text` prints."""
    return 0.5 * 10.0 ** Decimal(text).as_tuple().exponent


def _figure(where, printed, tensor, engine_name, values, program, radii) -> Iterator[Row]:
    row = program.rows[tensor]
    held = hold(values, row.block, row.dtype).values
    texts = np.array(printed)
    if where in FIRST_ONLY:
        texts = np.full(held.shape, printed)
    for index in row.block.indices():
        if where in FIRST_ONLY and any(index):
            continue
        text = str(texts.reshape(held.shape)[index])
        value = float(held[index])
        unit = half_unit(text)
        open_by = float(radii[tensor][index]) if tensor in program.expressions else 0.0
        # torch's figures were computed in float32 and printed with that precision.
        apart = abs(value - float(text))
        if apart <= unit + 1e-12:
            verdict = "equal"
        elif where in CUT_OFF and repr(value).startswith(text):
            verdict = "equal as far as it is printed (cut off in the text)"
        elif apart <= unit + open_by:
            verdict = "explained by the printed digits of its inputs"
        else:
            verdict = "NOT equal"
        place = f"[{', '.join(map(str, index))}]" if index else ""
        yield Row(f"{where[0]}.{where[1]}{place}", show_cell(row.block.cell(index)), text, engine_name, value,
                  unit + open_by, verdict)  # fmt: skip


def table(engines: Sequence[str]) -> str:
    """The table as Markdown."""
    found = list(rows(engines))
    lines = [
        "# The documents' figures, recomputed",
        "",
        "Every figure of [`figures.toml`](figures.toml), from the committed workbooks, with each engine. Made by "
        "`make figures`; not edited by hand.",
        "",
        "*Equal*: within half a unit of the last printed digit. *Explained*: the figure was computed from inputs with "
        "more digits than are printed, and differs by no more than their rounding allows (rounding error bounds are "
        "carried through the computation; `allowed` includes half a unit of the figure itself).",
        "",
        "| verdict | figures |",
        "|---|---|",
    ]
    counts: dict[str, int] = {}
    for row in found:
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
    lines += [f"| {verdict} | {count} |" for verdict, count in counts.items()]
    lines += [
        "",
        "| figure | cell | printed | engine | computed | apart | allowed | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        number = isinstance(row.computed, float)
        apart = f"{abs(row.computed - float(row.printed)):.1e}" if number else ""
        value = f"{row.computed:.10g}" if number else row.computed or ""
        allowed = f"{row.allowed:.1e}" if number else ""
        lines.append(
            f"| {row.figure} | {row.cell} | {row.printed} | {row.engine} | {value} "
            f"| {apart} | {allowed} | {row.verdict} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(table(sys.argv[1:]))
    else:
        TABLE.write_text(table(["embedded", "libreoffice"]))
        print(TABLE)
