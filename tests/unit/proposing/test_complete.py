"""Tensors that a map names as the model does, without an expression."""

from dataclasses import replace

import openpyxl
import pytest
import torch
from torch import nn

import xlparity
from xlparity.model.map import Role
from xlparity.xlsx.map_file import show_block


def toml(rows) -> str:
    text = ""
    for row in rows:
        text += f'[[tensor]]\ntensor = "{row.tensor}"\nrole = "{row.role.value}"\ncells = "{show_block(row.block)}"\n'
        text += f'shape = {list(row.block.shape)}\ndtype = "{row.dtype}"\n' + (
            f'torch = "{row.torch}"\n' if row.torch else ""
        )
    return text


def named_only(tmp_path, model, inputs, names, targets=None, loss=None):
    """A workbook of the model and a map of it that has no expressions for the tensors that the model has names for."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1) if loss is not None else None
    book = xlparity.generate(model, inputs, targets, loss, optimizer)
    path = book.save(tmp_path / "book.xlsx")
    given = [row for row in book.map if row.role in (Role.INPUT, Role.TARGET, Role.PARAMETER, Role.CONSTANT)]
    computed = {row.tensor: row for row in book.map if row.role is Role.COMPUTED}
    rows = [*given, *(replace(computed[name], torch="") for name in names if name != "loss")]
    if "loss" in names:
        rows.append(replace(computed["loss"], torch="F.mse_loss(net, y)"))
    (tmp_path / "named.toml").write_text(toml(rows))
    return path, tmp_path / "named.toml", computed


@pytest.fixture
def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def test_modules_outputs_and_gradients_need_only_their_names(tmp_path, mlp):
    names = ["net[0]", "net[1]", "net", "loss", "net[0].weight.grad", "net[2].bias.grad"]
    path, map, _ = named_only(tmp_path, mlp, torch.randn(4, 2), names, torch.randn(4, 1), nn.MSELoss())
    report = xlparity.check(path, model=mlp, map=map, samples=5)
    assert report.passed
    judged = {tensor.tensor: tensor for tensor in report.tensors if tensor.role is Role.COMPUTED}
    assert set(judged) == set(names)
    assert judged["net[0].weight.grad"].torch == "grad(loss, net[0].weight)"


def test_what_lies_between_two_tensors_is_written_into_the_expression(tmp_path, mlp):
    path, map, _ = named_only(tmp_path, mlp, torch.randn(4, 2), ["net"])
    (tensor,) = [one for one in xlparity.check(path, model=mlp, map=map).tensors if one.role is Role.COMPUTED]
    assert "torch.tanh(" in tensor.torch
    assert "net[0].weight" in tensor.torch


def test_a_wrong_cell_of_a_named_tensor_is_found(tmp_path, mlp):
    path, map, computed = named_only(tmp_path, mlp, torch.randn(4, 2), ["net[0]", "net[1]", "net"])
    book = openpyxl.load_workbook(path)
    area = computed["net[1]"].block.planes[0]
    book[area.sheet].cell(area.row + 2, area.column + 1).value = "=0.5"
    book.save(path)
    report = xlparity.check(path, model=mlp, map=map)
    assert [(one.tensor, one.index) for one in report.faults] == [("net[1]", (1, 0))]


def test_attention_and_recurrence_have_names_too(tmp_path):
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(3, 4, batch_first=True)
            self.head = nn.Linear(4, 2)

        def forward(self, sequence):
            return self.head(self.rnn(sequence)[0][:, -1])

    net = Net()
    path, map, _ = named_only(tmp_path, net, torch.randn(2, 3, 3), ["net.head", "net"])
    map.write_text(map.read_text().replace('tensor = "x"', 'tensor = "words"'))
    assert xlparity.check(path, model=net, map=map).passed


def test_without_the_model_the_column_torch_is_missing(tmp_path, mlp):
    path, map, _ = named_only(tmp_path, mlp, torch.randn(4, 2), ["net"])
    with pytest.raises(xlparity.MapError, match=r"or name the model that has a tensor of this name with --model"):
        xlparity.check(path, map=map)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('tensor = "net[1]"', 'tensor = "net[9]"'), r"net\[9\] is no tensor of the model, .*the model has net\[0\]"),
        (('tensor = "net[1]"', 'tensor = "other"'), "cannot all be the model's"),
        (('tensor = "net[1]"', 'tensor = "net[1].grad"'), "the map has no tensor net\\[1\\]"),
        (('role = "input"', 'role = "constant"'), "no tensor with the role input"),
        (('tensor = "net[2].bias"', 'tensor = "net[2].spare"'), "stands nowhere in the workbook"),
    ],
)
def test_names_that_the_model_cannot_explain_are_refused_with_their_place(tmp_path, mlp, change, message):
    path, map, _ = named_only(tmp_path, mlp, torch.randn(4, 2), ["net[0]", "net[1]", "net"])
    map.write_text(map.read_text().replace(*change))
    with pytest.raises(xlparity.InputError, match=message):
        xlparity.check(path, model=mlp, map=map)
