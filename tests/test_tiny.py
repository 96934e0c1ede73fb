"""The whole product in one small test: a workbook by hand, a map, a verdict, a broken cell."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

import xlparity

MAP = """
[[tensor]]
tensor = "x"
role = "input"
cells = "Sheet!A1:B3"

[[tensor]]
tensor = "net.weight"
role = "parameter"
cells = "Sheet!D1:D2 T"
shape = [1, 2]

[[tensor]]
tensor = "net"
role = "computed"
cells = "Sheet!F1:F3"
shape = [3, 1]
torch = "torch.tanh(F.linear(x, net.weight))"
"""


def a_neuron(folder: Path, second: str = "=TANH(A2*$D$1+B2*$D$2)") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row, (x1, x2) in enumerate([(1, 2), (0.5, -1), (3, 0.25)], 1):
        sheet[f"A{row}"], sheet[f"B{row}"] = x1, x2
        sheet[f"F{row}"] = second if row == 2 else f"=TANH(A{row}*$D$1+B{row}*$D$2)"
    sheet["D1"], sheet["D2"] = 0.3, -0.7
    path = folder / "neuron.xlsx"
    book.save(path)
    path.with_suffix(".parity.toml").write_text(MAP)
    return path


def test_a_neuron_made_by_hand_is_proved(tmp_path: Path) -> None:
    report = xlparity.check(a_neuron(tmp_path))
    assert report.passed
    assert report.counts["match"] == 3
    assert list(report.to_pandas()["cell"]) == ["Sheet!F1", "Sheet!F2", "Sheet!F3"]


def test_its_broken_cell_is_named(tmp_path: Path) -> None:
    path = a_neuron(tmp_path, second="=TANH(A2*$D$1-B2*$D$2)")
    with pytest.raises(AssertionError, match=r"Sheet!F2 \(net\[1, 0\]\) is"):
        xlparity.assert_parity(path)
