"""Generated workbooks train: every value of every step is PyTorch's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xlparity
from tests.compiler.ops import beyond_excel_2010
from xlparity.check.judge import hold
from xlparity.compiler.eager import trained
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.map import Role
from xlparity.xlsx.read import read_book

OPTIMIZERS = {
    "SGD": {"lr": 0.1},
    "SGD with momentum": {"lr": 0.1, "momentum": 0.9, "dampening": 0.1},
    "SGD after Nesterov": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "SGD uphill": {"lr": 0.1, "maximize": True},
    "Adam": {"lr": 0.1, "weight_decay": 0.1},
    "Adam with amsgrad": {"lr": 0.1, "betas": (0.8, 0.99), "amsgrad": True},
    "Adam uphill": {"lr": 0.1, "eps": 1e-3, "maximize": True},
    "AdamW": {"lr": 0.1, "weight_decay": 0.1},
    "AdamW with amsgrad": {"lr": 0.1, "betas": (0.5, 0.9), "amsgrad": True},
    "RMSprop": {"lr": 0.01},
    "RMSprop, centered": {"lr": 0.01, "centered": True, "momentum": 0.5},
    "RMSprop with weight decay": {"lr": 0.01, "alpha": 0.8, "eps": 1e-4, "weight_decay": 0.1, "maximize": True},
    "Adadelta": {"lr": 1.0},
    "Adadelta with weight decay": {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5},
    "Adagrad with weight decay": {"lr": 0.1, "weight_decay": 0.1, "eps": 1e-3, "maximize": True},
}


def classifier() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), torch.randn(5, 3), torch.randn(5, 2)


def assert_equal_to_torch(path: Path, made: xlparity.Workbook, expected: dict[str, torch.Tensor]) -> int:
    """All computed tensors that PyTorch has a name for, from the file's own formulas; how many those are."""
    values = EmbeddedEngine().evaluate(read_book(path), path)
    compared = 0
    for row in made.map:
        if row.role is Role.COMPUTED and row.tensor in expected:
            held = hold(values, row.block, row.dtype).values
            np.testing.assert_allclose(held, expected[row.tensor].numpy(), rtol=1e-9, atol=1e-11, err_msg=row.tensor)
            compared += 1
    return compared


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_are_those_of_the_real_optimizer(name: str, tmp_path: Path) -> None:
    model, x, y = classifier()
    optimizer = getattr(torch.optim, name.partition(" ")[0].rstrip(","))(model.parameters(), **OPTIMIZERS[name])
    made = xlparity.generate(model, x, y, nn.MSELoss(), optimizer, 3)
    assert beyond_excel_2010(made.book) == []
    path = made.save(tmp_path / "net.xlsx")
    compared = assert_equal_to_torch(path, made, trained(model, [x], y, nn.MSELoss(), optimizer, 3, "net"))
    assert compared >= 3 * (1 + 2 * 4 + 3)  # loss, gradients and new values of four parameters, three outputs
    assert xlparity.check(path).passed


def test_training_goes_on_from_the_state_that_the_optimizer_has(tmp_path: Path) -> None:
    model, x, y = classifier()
    model.double()
    x, y = x.double(), y.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimizer.step()
    made = xlparity.generate(model, x, y, nn.MSELoss(), optimizer)
    assert_equal_to_torch(
        made.save(tmp_path / "net.xlsx"), made, trained(model, [x], y, nn.MSELoss(), optimizer, 1, "net")
    )
    optimizer.zero_grad()
    nn.MSELoss()(model(x), y).backward()
    optimizer.step()
    row = next(row for row in made.map if row.tensor == "step[1].net[0].weight")
    after = hold(made.values, row.block, row.dtype).values
    np.testing.assert_allclose(after, model[0].weight.detach().numpy(), rtol=1e-12)


def test_a_frozen_parameter_stays_as_it_is() -> None:
    model, x, y = classifier()
    model[0].weight.requires_grad_(False)
    made = xlparity.generate(model, x, y, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), 2)
    names = {row.tensor for row in made.map}
    assert "step[1].net[2].weight" in names
    assert "net[0].weight.grad" not in names
    assert "step[1].net[0].weight" not in names


def test_groups_have_their_own_learning_rates(tmp_path: Path) -> None:
    model, x, y = classifier()
    groups = [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[2].parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.01)
    made = xlparity.generate(model, x, y, nn.MSELoss(), optimizer, 2)
    path = made.save(tmp_path / "net.xlsx")
    assert_equal_to_torch(path, made, trained(model, [x], y, nn.MSELoss(), optimizer, 2, "net"))
    assert {"optimizer.lr", "optimizer.group[1].lr"} <= {row.tensor for row in made.map}


def test_the_model_and_the_optimizer_are_left_as_they_were() -> None:
    model, x, y = classifier()
    optimizer = torch.optim.Adam(model.parameters())
    before = [parameter.clone() for parameter in model.parameters()]
    xlparity.generate(model, x, y, nn.MSELoss(), optimizer, 2)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None and parameter.dtype == torch.float32 for parameter in model.parameters())
    assert not optimizer.state


def test_twenty_steps_of_adam_learn_a_small_classification(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.cat([torch.randn(6, 2) + 1, torch.randn(6, 2) - 1])
    y = torch.tensor([0.0] * 6 + [1.0] * 6).unsqueeze(1)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    made = xlparity.generate(model, x, y, nn.BCELoss(), optimizer, 20)
    report = xlparity.check(made.save(tmp_path / "net.xlsx"))
    assert report.passed
    losses = next(row for row in made.map if row.tensor == "losses")
    values = hold(made.values, losses.block, losses.dtype).values
    assert values[-1] < values[0] / 2
    last = trained(model, [x], y, nn.BCELoss(), optimizer, 20, "net")["step[19].loss"]
    assert abs(values[-1] - float(last)) < 1e-12
