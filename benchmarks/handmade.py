"""Small workbooks as people type them, with a map of each: what the mutation study breaks beside generated ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["HANDMADE", "handmade"]

# (tensor, role, cells, shape, torch)
_Row = tuple[str, str, str, str, str]


def _numbers(sheet: Worksheet, area: str, seed: int, low: float = -2.0, high: float = 2.0) -> None:
    drawn = random.Random(seed)
    for row in sheet[area]:
        for cell in row:
            cell.value = round(drawn.uniform(low, high), 2)


def _labels(sheet: Worksheet, labels: Mapping[str, str]) -> None:
    for cell, text in labels.items():
        sheet[cell].value = text


def _regression(sheet: Worksheet) -> list[_Row]:
    """A line through points, its error and a step of gradient descent, a row a point."""
    _labels(sheet, {"A1": "x", "B1": "y", "C1": "y hat", "D1": "error", "E1": "squared", "F1": "error * x",
                    "H1": "w", "H2": "b", "H3": "alpha", "H5": "MSE", "H6": "dw", "H7": "db", "H8": "new w", "H9": "new b"})  # fmt: skip
    _numbers(sheet, "A2:B7", 1)
    sheet["I1"], sheet["I2"], sheet["I3"] = 0.5, -0.25, 0.1
    for row in range(2, 8):
        sheet[f"C{row}"] = f"=A{row}*$I$1+$I$2"
        sheet[f"D{row}"] = f"=C{row}-B{row}"
        sheet[f"E{row}"] = f"=D{row}^2"
        sheet[f"F{row}"] = f"=D{row}*A{row}"
    sheet["I5"] = "=AVERAGE(E2:E7)"
    sheet["I6"] = "=2*SUM(F2:F7)/COUNT(F2:F7)"
    sheet["I7"] = "=2*SUM(D2:D7)/COUNT(D2:D7)"
    sheet["I8"] = "=I1-I3*I6"
    sheet["I9"] = "=I2-I3*I7"
    return [
        ("x", "input", "Sheet!A2:A7", "(6)", ""), ("y", "target", "Sheet!B2:B7", "(6)", ""),
        ("w", "parameter", "Sheet!I1", "()", ""), ("b", "parameter", "Sheet!I2", "()", ""),
        ("alpha", "hyperparameter", "Sheet!I3", "()", ""),
        ("y_hat", "computed", "Sheet!C2:C7", "(6)", "x * w + b"),
        ("error", "computed", "Sheet!D2:D7", "(6)", "y_hat - y"),
        ("squared", "computed", "Sheet!E2:E7", "(6)", "error ** 2"),
        ("product", "computed", "Sheet!F2:F7", "(6)", "error * x"),
        ("loss", "computed", "Sheet!I5", "()", "squared.mean()"),
        ("dw", "computed", "Sheet!I6", "()", "grad(loss, w)"),
        ("db", "computed", "Sheet!I7", "()", "grad(loss, b)"),
        ("new_w", "computed", "Sheet!I8", "()", "w - alpha * dw"),
        ("new_b", "computed", "Sheet!I9", "()", "b - alpha * db"),
    ]  # fmt: skip


def _softmax(sheet: Worksheet) -> list[_Row]:
    """A layer, the softmax of its scores and the cross entropy with given probabilities."""
    _numbers(sheet, "B2:D5", 2)
    _numbers(sheet, "F2:H4", 3)
    _numbers(sheet, "F5:H5", 4)
    for row, target in zip(range(2, 6), ("1 0 0", "0 1 0", "0.5 0.5 0", "0.2 0.3 0.5"), strict=True):
        for column, number in zip("JKL", target.split(), strict=True):
            sheet[f"{column}{row}"] = float(number)
    for row in range(8, 12):
        x = row - 6
        for column, weights in zip("BCD", "FGH", strict=True):
            sheet[f"{column}{row}"] = f"=$B{x}*{weights}$2+$C{x}*{weights}$3+$D{x}*{weights}$4+{weights}$5"
        for column, score in zip("FGH", "BCD", strict=True):
            sheet[f"{column}{row}"] = f"=EXP({score}{row})"
        sheet[f"I{row}"] = f"=SUM(F{row}:H{row})"
        for column, exponential in zip("JKL", "FGH", strict=True):
            sheet[f"{column}{row}"] = f"={exponential}{row}/$I{row}"
        sheet[f"N{row}"] = f"=-SUMPRODUCT(J{x}:L{x},LN(J{row}:L{row}))"
    sheet["N13"] = "=AVERAGE(N8:N11)"
    return [
        ("x", "input", "Sheet!B2:D5", "(4, 3)", ""), ("w", "parameter", "Sheet!F2:H4", "(3, 3)", ""),
        ("b", "parameter", "Sheet!F5:H5", "(3)", ""), ("t", "constant", "Sheet!J2:L5", "(4, 3)", ""),
        ("z", "computed", "Sheet!B8:D11", "(4, 3)", "x @ w + b"),
        ("e", "computed", "Sheet!F8:H11", "(4, 3)", "torch.exp(z)"),
        ("s", "computed", "Sheet!I8:I11", "(4)", "e.sum(1)"),
        ("p", "computed", "Sheet!J8:L11", "(4, 3)", "torch.softmax(z, 1)"),
        ("entropy", "computed", "Sheet!N8:N11", "(4)", "-(t * torch.log(p)).sum(1)"),
        ("loss", "computed", "Sheet!N13", "()", "entropy.mean()"),
    ]  # fmt: skip


def _convolution(sheet: Worksheet) -> list[_Row]:
    """A picture, a kernel laid over it, ReLU and the largest of each four."""
    _numbers(sheet, "A1:F6", 5)
    _numbers(sheet, "H1:J3", 6)
    sheet["H5"] = 0.25
    letters = "ABCDEFGHIJKL"
    for row in range(4):
        for column in range(4):
            x = f"{letters[column]}{row + 1}:{letters[column + 2]}{row + 3}"
            sheet.cell(row + 9, column + 1).value = f"=SUMPRODUCT({x},$H$1:$J$3)+$H$5"
            sheet.cell(row + 14, column + 1).value = f"=MAX(0,{letters[column]}{row + 9})"
    for row in range(2):
        for column in range(2):
            n = f"{letters[2 * column]}{2 * row + 14}:{letters[2 * column + 1]}{2 * row + 15}"
            sheet.cell(row + 19, column + 1).value = f"=MAX({n})"
    return [
        ("x", "input", "Sheet!A1:F6", "(1, 1, 6, 6)", ""), ("w", "parameter", "Sheet!H1:J3", "(1, 1, 3, 3)", ""),
        ("b", "parameter", "Sheet!H5", "(1)", ""),
        ("z", "computed", "Sheet!A9:D12", "(1, 1, 4, 4)",
         "aten.convolution.default(x, w, b, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)"),
        ("n", "computed", "Sheet!A14:D17", "(1, 1, 4, 4)", "torch.relu(z)"),
        ("pooled", "computed", "Sheet!A19:B20", "(1, 1, 2, 2)",
         "aten.max_pool2d_with_indices.default(n, [2, 2], [2, 2])[0]"),
    ]  # fmt: skip


def _standardised(sheet: Worksheet) -> list[_Row]:
    """Columns less their mean over their standard deviation, scaled and moved: a batch norm."""
    _numbers(sheet, "B2:D8", 7)
    _numbers(sheet, "B10:D11", 8)
    sheet["B13"] = 1e-5
    for column in "BCD":
        sheet[f"{column}15"] = f"=AVERAGE({column}2:{column}8)"
        sheet[f"{column}16"] = f"=DEVSQ({column}2:{column}8)/COUNT({column}2:{column}8)"
        sheet[f"{column}17"] = f"=1/SQRT({column}16+$B$13)"
        for row in range(19, 26):
            sheet[f"{column}{row}"] = f"=({column}{row - 17}-{column}$15)*{column}$17*{column}$10+{column}$11"
    return [
        ("x", "input", "Sheet!B2:D8", "(7, 3)", ""), ("gamma", "parameter", "Sheet!B10:D10", "(3)", ""),
        ("beta", "parameter", "Sheet!B11:D11", "(3)", ""), ("eps", "hyperparameter", "Sheet!B13", "()", ""),
        ("mean", "computed", "Sheet!B15:D15", "(3)", "x.mean(0)"),
        ("var", "computed", "Sheet!B16:D16", "(3)", "x.var(0, correction=0)"),
        ("inv", "computed", "Sheet!B17:D17", "(3)", "torch.rsqrt(var + eps)"),
        ("y", "computed", "Sheet!B19:D25", "(7, 3)", "(x - mean) * inv * gamma + beta"),
    ]  # fmt: skip


def _recurrent(sheet: Worksheet) -> list[_Row]:
    """A recurrent cell unrolled downwards, a row a step, each from the row above."""
    _numbers(sheet, "A3:B7", 9)
    _numbers(sheet, "D2:E2", 10)
    _numbers(sheet, "I2:J5", 11)
    _numbers(sheet, "I6:J6", 12)
    rows: list[_Row] = [
        ("w", "parameter", "Sheet!I2:J3", "(2, 2)", ""), ("u", "parameter", "Sheet!I4:J5", "(2, 2)", ""),
        ("b", "parameter", "Sheet!I6:J6", "(2)", ""), ("h[0]", "input", "Sheet!D2:E2", "(2)", ""),
    ]  # fmt: skip
    for row in range(3, 8):
        above, step = row - 1, row - 2
        for column, weights in zip("DE", "IJ", strict=True):
            recurrent = f"$D{above}*{weights}$4+$E{above}*{weights}$5"
            sheet[f"{column}{row}"] = f"=TANH($A{row}*{weights}$2+$B{row}*{weights}$3+{recurrent}+{weights}$6)"
        rows.append((f"x[{step}]", "input", f"Sheet!A{row}:B{row}", "(2)", ""))
        rows.append((f"h[{step}]", "computed", f"Sheet!D{row}:E{row}", "(2)",
                     f"torch.tanh(x[{step}] @ w + h[{step - 1}] @ u + b)"))  # fmt: skip
    sheet["D9"] = "=SUMSQ(D7:E7)/2"
    rows.append(("loss", "computed", "Sheet!D9", "()", "(h[5] ** 2).sum() / 2"))
    return rows


def _logistic(sheet: Worksheet) -> list[_Row]:
    """Logistic regression with a branch for the class and the share that is right."""
    _numbers(sheet, "A2:B9", 13)
    for row, label in zip(range(2, 10), (1, 0, 1, 1, 0, 0, 1, 0), strict=True):
        sheet[f"C{row}"] = float(label)
        sheet[f"E{row}"] = f"=SUMPRODUCT(A{row}:B{row},$K$1:$L$1)+$K$2"
        sheet[f"F{row}"] = f"=1/(1+EXP(-E{row}))"
        sheet[f"G{row}"] = f"=-(C{row}*LN(F{row})+(1-C{row})*LN(1-F{row}))"
        sheet[f"H{row}"] = f"=IF(F{row}>0.5,1,0)"
        sheet[f"I{row}"] = f"=ABS(F{row}-C{row})"
    sheet["K1"], sheet["L1"], sheet["K2"] = 0.75, -0.5, 0.125
    sheet["K5"] = "=SUM(G2:G9)/8"
    sheet["K6"] = "=MAX(I2:I9)"
    return [
        ("x", "input", "Sheet!A2:B9", "(8, 2)", ""), ("y", "target", "Sheet!C2:C9", "(8)", ""),
        ("w", "parameter", "Sheet!K1:L1", "(2)", ""), ("b", "parameter", "Sheet!K2", "()", ""),
        ("z", "computed", "Sheet!E2:E9", "(8)", "x @ w + b"),
        ("p", "computed", "Sheet!F2:F9", "(8)", "torch.sigmoid(z)"),
        ("each", "computed", "Sheet!G2:G9", "(8)", "-(y * torch.log(p) + (1 - y) * torch.log(1 - p))"),
        ("guess", "computed", "Sheet!H2:H9", "(8)", "torch.where(p > 0.5, 1.0, 0.0)"),
        ("off", "computed", "Sheet!I2:I9", "(8)", "(p - y).abs()"),
        ("loss", "computed", "Sheet!K5", "()", "each.mean()"),
        ("worst", "computed", "Sheet!K6", "()", "off.amax()"),
    ]  # fmt: skip


HANDMADE: Mapping[str, Callable[[Worksheet], list[_Row]]] = {
    "regression": _regression,
    "softmax": _softmax,
    "convolution": _convolution,
    "batch norm": _standardised,
    "recurrent": _recurrent,
    "logistic": _logistic,
}


def handmade(name: str, folder: Path) -> Path:
    """The workbook `name` with its map in the sheet Parity, saved in `folder`."""
    book = openpyxl.Workbook()
    rows = HANDMADE[name](book.active)
    parity = book.create_sheet("Parity")
    parity.append(["tensor", "role", "cells", "shape", "dtype", "torch"])
    for tensor, role, cells, shape, torch in rows:
        parity.append([tensor, role, cells, shape, "float64", torch])
    path = folder / f"{name.replace(' ', '_')}.xlsx"
    book.save(path)
    return path
