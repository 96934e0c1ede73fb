"""Plots for notebooks."""

import builtins
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xlparity

WORKBOOKS = Path(__file__).parents[3] / "workbooks"


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return net, xlparity.generate(net, torch.eye(2), torch.ones(2, 1), nn.MSELoss(), optimizer, steps=3)


def test_the_loss_is_plotted_by_step(trained):
    _, book = trained
    (line,) = book.plot_loss().axes[0].lines
    assert list(line.get_xdata()) == [0, 1, 2]
    assert line.get_ydata()[2] == pytest.approx(float(book.tensor("step[2].loss")))


def test_a_weight_is_a_heat_map_of_its_numbers(trained):
    net, book = trained
    axes = book.plot_weight("net[0].weight").axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), net[0].weight.detach().double(), rtol=1e-15)
    assert len(axes.texts) == 6


def test_errors_are_counted_as_parts_of_their_bounds():
    report = xlparity.check(WORKBOOKS / "hidden_layers.xlsx")
    axes = report.plot_errors().axes[0]
    counted = sum(int(bar.get_height()) for bars in axes.containers for bar in bars)
    apart = sum(int((np.abs(one.actual - one.expected) > 0).sum()) for one in report.tensors)
    assert counted == apart > 0


def test_a_tensor_that_is_not_there_is_said(trained):
    with pytest.raises(xlparity.InputError, match=r"no tensor 'net\[7\]'"):
        trained[1].tensor("net[7]")
    with pytest.raises(xlparity.InputError, match="no tensor called loss"):
        xlparity.generate(trained[0], torch.eye(2)).plot_loss()


def test_without_matplotlib_one_line_says_what_to_install(trained, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(xlparity.InputError, match=r"pip install 'xlparity\[plots\]'"):
        trained[1].plot_loss()
