"""`xlparity generate TARGET` and `check --model`: the user's own file, data, loss and optimizer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.cli.test_commands import xlparity
from xlparity.cli import run
from xlparity.model.map import Role
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 3)
        self.out = nn.Linear(3, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))

net = Net()

class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

class Dropping(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.Dropout())

class Selecting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)[x > 0]

class Scaling(nn.Module):
    def forward(self, x):
        return x * x.sum().item()

class Noisy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 2), nn.Identity())
        self.noise = Noise()

    def forward(self, x):
        return self.noise(super().forward(x))

class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)

class Waves(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).abs()

class Distinct(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x):
        return torch.unique(self.layer(x))

class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 3)

    def forward(self, x, mask):
        return (self.hidden(x) * mask * 2).sum(1, keepdim=True)

def with_arguments(width):
    return nn.Linear(2, width)

def no_model():
    return 3

number = 3
"""

TWICE = """
from torch import nn

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Linear(2, 1)

    def forward(self, a, b):
        return self.e(a) * self.e(b)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "x.csv").write_text("x1,x2\n1,2\n3,-4\n0.5,0.25\n")
    (tmp_path / "y.csv").write_text("1\n2\n3\n")
    (tmp_path / "words.csv").write_text("1,2\n3,four\n")
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x04cos\nsystem\n")
    np.save(tmp_path / "labels.npy", np.array([0, 2, 1]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_users_own_model_is_generated_and_proved(folder: Path) -> None:
    save_file({key: value + 0.5 for key, value in _state().items()}, folder / "w.safetensors")
    made = xlparity(
        "generate", "model.py:Net", "--inputs", "x.csv", "--targets", "y.csv", "--loss", "mse", "--optimizer",
        "sgd(momentum=0.9)", "--lr", "0.01", "--steps", "2", "--weights", "w.safetensors", "-o", "net.xlsx",
        folder=folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("net.xlsx: ")
    same = xlparity("check", "net.xlsx", "--model", "model.py:Net", "--weights", "w.safetensors", folder=folder)
    assert same.returncode == 0, same.stdout
    assert "numbers of Net in the sheet: 13 exactly the model's" in same.stdout
    other = xlparity("check", "net.xlsx", "--model", "model.py:Net", folder=folder)
    assert other.returncode == 1
    assert "13 not the model's" in other.stdout


def test_a_terminal_shows_how_far_it_is_and_nothing_of_it_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    arguments = ["--inputs", "x.csv", "--targets", "y.csv", "--loss", "mse", "--optimizer", "sgd", "--lr", "0.01"]
    assert run(["generate", "model.py:net", *arguments, "--steps", "2", "-o", "net.xlsx"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("net.xlsx: ")
    assert shown.err.endswith("\r\x1b[K")
    # Steps that follow within a tenth of a second are not shown, the first of each kind is.
    for stage in ("capturing Net", "formulas of step 1 of 2", "tensor 1 of ", "evaluating formula ", "saving"):
        assert stage in shown.err
    assert (folder / "net.xlsx").exists()


def _state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        **{f"hidden.{key}": value.detach() for key, value in nn.Linear(2, 3).named_parameters()},
        **{f"out.{key}": value.detach() for key, value in nn.Linear(3, 1).named_parameters()},
    }


def test_labels_and_the_numbers_of_another_workbook(folder: Path) -> None:
    assert run(["generate", "model.py:net", "--inputs", "x.csv", "-o", "first.xlsx"]) == 0
    (folder / "classifier.py").write_text("from torch import nn\nnet = nn.Linear(2, 3)\n")
    arguments = ["generate", "classifier.py:net", "--inputs", "first.xlsx!Inputs!B7:C9", "--targets", "labels.npy"]
    assert run([*arguments, "--loss", "cross_entropy", "--decimals", "6", "-o", "second.xlsx"]) == 0
    assert run(["check", "second.xlsx"]) == 0


def test_a_dropout_mask_is_a_second_input(folder: Path) -> None:
    (folder / "mask.csv").write_text("1,0,1\n0,1,1\n1,1,0\n")
    arguments = ["generate", "model.py:Masked", "--inputs", "x.csv", "--inputs", "mask.csv", "--targets", "y.csv"]
    assert run([*arguments, "--loss", "mse", "--optimizer", "sgd", "--lr", "0.1", "-o", "net.xlsx"]) == 0
    rows = {row.tensor: row for row in map_of_book(read_book(folder / "net.xlsx"))}
    assert [name for name, row in rows.items() if row.role is Role.INPUT] == ["x", "mask"]
    assert run(["check", "net.xlsx"]) == 0


def test_a_module_that_is_called_twice_is_held_against_the_model(folder: Path) -> None:
    (folder / "twice.py").write_text(TWICE)
    arguments = ["generate", "twice.py:Twice", "--inputs", "x.csv", "--inputs", "x.csv", "--targets", "y.csv"]
    assert run([*arguments, "--loss", "mse", "-o", "net.xlsx"]) == 0
    assert run(["check", "net.xlsx", "--model", "twice.py:Twice"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model.py:nett"], "has no 'nett'; at its top level are net"),
        (["nowhere.py:net"], "nowhere.py is no file"),
        (["model.py:number"], "is a int, not a torch.nn.Module"),
        (["model.py:no_model"], "gives a int"),
        (["model.py:with_arguments"], "needs arguments"),
        (["model.py:net", "--targets", "y.csv", "--loss", "mean"], "there is no loss 'mean'"),
        (["model.py:net", "--loss", "mse"], "a loss needs targets"),
        (["model.py:net", "--targets", "y.csv", "--loss", "mse", "--optimizer", "sdg"], "there is no optimizer 'sdg'"),
        (["model.py:net", "--targets", "y.csv", "--loss", "mse", "--optimizer", "sgd(rate=1)"], "rate"),
        (["model.py:net", "--inputs", "nowhere.csv"], "nowhere.csv is no file"),
        (["model.py:net", "--inputs", "words.csv"], "row 2 has 'four'"),
        (["model.py:net", "--inputs", "ragged.csv"], "row 2 has 1 numbers, the first has 2"),
        (["model.py:net", "--inputs", "y.csv"], "does not run on inputs of shape (3, 1)"),
        (["model.py:net", "--weights", "pickle.pt"], "no weights that can be read safely"),
        (["model.py:Branching"], "aten._local_scalar_dense.default in net (model.py:18) makes a Python number"),
        (["model.py:Branching"], "for a branch use torch.where"),
        (["model.py:Scaling"], "aten._local_scalar_dense.default in net (model.py:34) makes a Python number"),
        (["model.py:Selecting"], "aten.index.Tensor in net (model.py:30) gives a tensor whose shape"),
        (["model.py:Selecting", "--targets", "y.csv", "--loss", "mse"], "multiply by a mask or use torch.where"),
        (["model.py:Distinct"], "aten._unique2.default in net (model.py:58) gives a tensor whose shape"),
        (["model.py:Distinct", "--targets", "y.csv", "--loss", "mse"], "PyTorch has no gradient of the loss of"),
        (["model.py:Noisy"], "aten.randn_like.default in net.noise (model.py:46) is random"),
        (["model.py:Waves"], "aten._fft_r2c.default in net (model.py:50) gives complex numbers"),
        (["model.py:Dropping"], "aten.dropout.default in net[1] draws random numbers in training"),
        (["model.py:Dropping"], "call model.eval() before, or multiply by a mask that is an input of the model"),
        (["model.py:net", "-o", "net.xls"], "net.xls is no workbook"),
    ],
)
def test_what_cannot_be_generated_is_one_line_and_nothing_is_written(
    arguments: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.iterdir())
    defaults = [word for name, word in (("--inputs", "x.csv"), ("-o", "net.xlsx")) if name not in arguments
                for word in (name, word)]  # fmt: skip
    assert run(["generate", *arguments, *defaults]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert said in written.err
    assert len(written.err.strip().splitlines()) == 1
    assert sorted(path for path in folder.iterdir() if path.name != "__pycache__") == before
