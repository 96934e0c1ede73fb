"""`xlparity init`: the map that it writes, what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from tests.cli.test_commands import xlparity
from xlparity.cli import run

MODEL = """
import torch
from torch import nn

net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
with torch.no_grad():
    net[0].weight.copy_(torch.tensor([[0.5, -1.5], [2.0, 0.25]]))
    net[0].bias.copy_(torch.tensor([0.125, -0.75]))
"""


def write_layer(path: Path) -> None:
    """A layer and its ReLU as a person types them, with the weights of MODEL."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Net"
    for row, line in enumerate([["x1", "x2"], [1.0, 2.0], [3.0, -1.0], [0.5, 4.0]], 1):
        for column, value in enumerate(line, 1):
            sheet.cell(row, column, value)
    for row, line in enumerate([[0.5, 2.0], [-1.5, 0.25], [0.125, -0.75]], 2):
        for column, value in enumerate(line, 4):
            sheet.cell(row, column, value)
    for row in (2, 3, 4):
        for column, weight in (("G", "D"), ("H", "E")):
            sheet[f"{column}{row}"] = f"=$A{row}*{weight}$2+$B{row}*{weight}$3+{weight}$4"
            sheet[f"{chr(ord(column) + 3)}{row}"] = f"=MAX(0,{column}{row})"
    book.save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_layer(tmp_path / "book.xlsx")
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def test_a_hand_made_workbook_gets_a_map_that_its_check_passes(folder, capsys):
    book = str(folder / "book.xlsx")
    assert run(["init", book, "--model", f"{folder / 'model.py'}:net"]) == 0
    said = capsys.readouterr().out
    assert "tensors proposed for the model Sequential" in said
    assert f"{folder / 'book.parity.toml'} written" in said
    text = (folder / "book.parity.toml").read_text()
    assert 'tensor = "net[0].weight"' in text
    assert 'cells = "Net!D2:E3 T"' in text
    assert run(["check", book, "--model", f"{folder / 'model.py'}:net", "--samples", "20"]) == 0


def test_without_a_model_the_map_is_read_from_the_formulas(folder, capsys):
    assert run(["init", str(folder / "book.xlsx"), "-o", str(folder / "own.toml")]) == 0
    assert "--map" in capsys.readouterr().out
    assert "torch.relu(" in (folder / "own.toml").read_text()
    assert run(["check", str(folder / "book.xlsx"), "--map", str(folder / "own.toml")]) == 0


def test_a_file_that_is_there_is_kept_unless_it_may_be_written_over(folder, capsys):
    target = folder / "book.parity.toml"
    target.write_text("mine")
    assert run(["init", str(folder / "book.xlsx")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert run(["init", str(folder / "book.xlsx"), "--force"]) == 0
    assert "[[tensor]]" in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["book.xlsx", "--loss", "mse"], "belong to a model"),
        (["none.xlsx"], "none.xlsx"),
        (["book.xlsx", "--model", "model.py:nothing"], "has no 'nothing'"),
        (["book.xlsx", "--model", "model.py:net", "--name", "my net"], "Python name"),
        (["book.xlsx", "--force", "-o", "book.xlsx"], "is the workbook itself"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(folder, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(folder)
    before = (folder / "book.xlsx").read_bytes()
    assert run(["init", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert (folder / "book.xlsx").read_bytes() == before
    assert not list(folder.glob("*.toml"))


def test_the_command_runs_in_a_process_of_its_own(folder):
    done = xlparity("init", str(folder / "book.xlsx"))
    assert done.returncode == 0
    assert "computed" in done.stdout
    assert done.stderr == ""
