"""A workbook held against the model: whose numbers stand in it, and whose expressions the map has."""

from __future__ import annotations

import copy
import json
import math
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

import xlparity
from tests.unit.check.small import checked, row
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.model.report import Split
from xlparity.model.value import Scalar
from xlparity.xlsx.edit import replace_value

Array = NDArray[np.float64]

X = torch.tensor([[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]])
Y = torch.tensor([[1.0], [2.0], [3.0]])


def network(activation: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), activation or nn.ReLU(), nn.Linear(3, 1)).eval()


def saved(model: nn.Module, folder: Path) -> Path:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return xlparity.generate(model, X, Y, nn.MSELoss(), optimizer).save(folder / "net.xlsx")


def rounded(model: nn.Module, decimals: int) -> nn.Module:
    short = copy.deepcopy(model)
    for parameter in short.parameters():
        parameter.data = torch.round(parameter.data.double(), decimals=decimals)
    return short.double()


def test_the_models_own_workbook(tmp_path: Path) -> None:
    model = network()
    report = xlparity.check(saved(model, tmp_path), model=model)
    assert report.passed
    assert report.model == "Sequential"
    assert report.missing == ()
    parameters = [tensor for tensor in report.tensors if tensor.role in (Role.PARAMETER, Role.CONSTANT)]
    assert {tensor.tensor for tensor in parameters} == {
        *(f"net[{at}].{what}" for at in (0, 1, 3) for what in ("weight", "bias")),
        "net[1].running_mean", "net[1].running_var",
    }  # fmt: skip
    assert "25 exactly the model's" in str(report)


def test_a_changed_weight_is_named(tmp_path: Path) -> None:
    model = network()
    path = saved(model, tmp_path)
    with torch.no_grad():
        model[0].weight[1, 0] += 1e-6  # type: ignore[index, operator]
    report = xlparity.check(path, model=model)
    assert [show_cell(fault.cell) for fault in report.faults] == ["'0 Linear'!B8"]
    assert "not this model" in report.faults[0].because
    assert xlparity.check(path).passed


def test_rounded_weights_explain_the_difference_and_the_parts_add_up(tmp_path: Path) -> None:
    model = network()
    path = saved(rounded(model, 4), tmp_path)
    report = xlparity.check(path, model=model)
    assert report.passed
    assert report.counts["explained"] == 19 - report_exact(report)
    assert "rounded to 4 decimals" in next(finding.because for finding in report.cells)
    (output,) = (tensor for tensor in report.tensors if tensor.tensor == "net[3]" and tensor.role is Role.COMPUTED)
    assert output.split is not None
    narrow = copy.deepcopy(model)(X).detach().double().numpy()
    whole = output.split.formula + output.split.inputs + output.split.precision
    np.testing.assert_allclose(whole, output.actual - narrow, atol=1e-6)
    formula, inputs, precision = output.split.largest
    assert formula < 1e-14
    assert 1e-6 < inputs < 1e-3
    assert 0 < precision < 1e-6


@pytest.mark.parametrize("decimals", [2, 6])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Tanh()])
def test_the_three_parts_sum_to_the_difference_and_are_what_they_say(
    decimals: int, activation: nn.Module, tmp_path: Path
) -> None:
    model = network(activation)
    path = saved(rounded(model, decimals), tmp_path)
    report = xlparity.check(path, model=model)
    assert report.passed
    on_sheet = copy.deepcopy(rounded(model, decimals)).double()(X.double()).detach().numpy()
    in_full = copy.deepcopy(model).double()(X.double()).detach().numpy()
    (output,) = (tensor for tensor in report.tensors if tensor.tensor == "net[3]" and tensor.role is Role.COMPUTED)
    assert output.split is not None
    parts = (output.split.formula, output.split.inputs, output.split.precision)
    np.testing.assert_allclose(parts[0], output.actual - on_sheet, rtol=0, atol=1e-15)
    np.testing.assert_allclose(parts[1], on_sheet - in_full, rtol=0, atol=1e-15)
    narrow = in_full - parts[2]
    assert np.abs(narrow - narrow.astype(np.float32)).max() < 1e-15  # torch's float32 result, a float32
    np.testing.assert_allclose(narrow, model(X).detach().numpy(), rtol=1e-6)
    assert output.split.allowed is not None
    assert (np.abs(parts[1]) <= output.split.allowed).all()
    assert output.split.allowed.max() < 10.0**-decimals * 10
    for tensor in report.tensors:
        if tensor.split is not None and "expected(" not in tensor.torch:  # which compares float32 with float64
            assert_parts_sum(tensor.split, tensor.actual)


def assert_parts_sum(split: Split, actual: Array) -> None:
    """With each part rounded once, their exact sum takes `actual` to a float32 to within half an ulp of each."""
    for at in np.ndindex(actual.shape):
        parts = [float(part[at]) for part in (split.formula, split.inputs, split.precision)]
        target = Fraction(float(actual[at])) - sum(map(Fraction, parts))
        ulps = sum(Fraction(math.ulp(part)) / 2 for part in parts)
        assert abs(target - Fraction(float(np.float32(float(target))))) <= ulps


def test_a_model_in_float64_has_no_part_of_precision(tmp_path: Path) -> None:
    model = network().double()
    path = xlparity.generate(model, X.double(), Y.double(), nn.MSELoss()).save(tmp_path / "net.xlsx")
    report = xlparity.check(path, model=model)
    assert report.passed
    assert all(tensor.split.largest[2] == 0 for tensor in report.tensors if tensor.split is not None)
    assert all(tensor.split.allowed is None for tensor in report.tensors if tensor.split is not None)


def report_exact(report: xlparity.Report) -> int:
    """How many of the 19 rounded parameters happen to be exact (the batch norm's ones and zeros)."""
    rows = [tensor for tensor in report.tensors if tensor.role is Role.PARAMETER]
    return sum(int((tensor.verdicts == 0).sum()) for tensor in rows)


def test_a_weight_that_is_no_rounding_of_the_models_is_wrong(tmp_path: Path) -> None:
    model = network()
    path = saved(rounded(model, 4), tmp_path)
    replace_value(path, Cell("0 Linear", 6, 1), 0.123, tmp_path / "edited.xlsx")
    report = xlparity.check(tmp_path / "edited.xlsx", model=model)
    assert show_cell(report.faults[0].cell) == "'0 Linear'!B7"  # before what was computed with the old weight
    assert report.faults[0].tensor == "net[0].weight"


def test_whole_numbers_are_no_rounding(tmp_path: Path) -> None:
    model = network()
    report = xlparity.check(saved(rounded(model, 0), tmp_path), model=model)
    assert not report.passed
    assert report.counts["explained"] == 0


def test_another_architecture_is_seen_at_its_first_module(tmp_path: Path) -> None:
    path = saved(network(), tmp_path)
    report = xlparity.check(path, model=network(nn.GELU()))
    assert {fault.tensor for fault in report.faults} == {"net[2]"}
    assert "torch.relu(net[1]) is not it" in report.faults[0].because
    assert all(finding.origin is not None for finding in report.cells if finding.verdict.value == "inherited")


def test_the_json_has_the_parts(tmp_path: Path) -> None:
    model = network()
    report = xlparity.check(saved(model, tmp_path), model=model)
    found = json.loads(report.to_json(every=True))
    assert found["model"] == {"class": "Sequential", "missing": []}
    (row,) = (row for row in found["tensors"] if row["tensor"] == "net[3]" and row["role"] == "computed")
    assert set(row["split"]) == {"formula", "inputs", "precision"}
    cell = next(cell for cell in found["cells"] if cell["tensor"] == "net[3]")
    assert set(cell["split"]) == {"formula", "inputs", "precision"}


def test_weights_come_from_a_file_and_the_model_stays(tmp_path: Path) -> None:
    model = network()
    path = saved(model, tmp_path)
    save_file(model.state_dict(), tmp_path / "net.safetensors")
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[0].weight.zero_()  # type: ignore[union-attr, operator]
    assert xlparity.check(path, model=other, weights=tmp_path / "net.safetensors").passed
    assert not other[0].weight.any()  # type: ignore[union-attr, operator]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(2, 3)), "net[1].weight is no parameter of the model"),
        (nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).eval(), "shape (3, 2)"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 1)), "other numbers each time"),
    ],
)
def test_models_that_do_not_fit_are_refused(model: nn.Module, words: str, tmp_path: Path) -> None:
    path = saved(network(), tmp_path)
    with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[")):
        xlparity.check(path, model=model)


def test_weights_without_a_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="weights need a model"):
        xlparity.check(saved(network(), tmp_path), weights=tmp_path / "net.safetensors")


class Several(nn.Module):
    """Gives a dictionary in one module, on whose way nothing else stands."""

    class Named(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"tripled": x * 3}

    def __init__(self) -> None:
        super().__init__()
        self.named = self.Named()
        self.w = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.named(x)["tripled"] * self.w


def test_a_module_that_gives_no_tensor_is_held_against_nothing() -> None:
    weight, named = row("net.w", "B1", role=Role.PARAMETER), row("net.named", "C1", "x * 3")
    rows = row("x", "A1"), weight, named, row("net", "D1", "net.named * net.w")
    cells: dict[str, Scalar] = {"A1": 5.0, "B1": 2.0, "C1": "=A1*3", "D1": "=C1*B1"}
    assert checked(cells, *rows, model=Several()).passed


class Picks(nn.Module):
    """Has integers among its numbers, which say what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([2, 0, 1]))
        self.w = nn.Parameter(torch.tensor([0.125, 2.0, 3.0], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.w)[self.order]  # type: ignore[index]


PICKS = (
    row("x", "A1:A3"), row("net.order", "B1:B3", role=Role.CONSTANT, dtype="int64"),
    row("net.w", "C1:C3", role=Role.PARAMETER), row("net", "D1:D3", "(x * net.w)[net.order]"),
)  # fmt: skip
PICKED: dict[str, Scalar] = {
    "A1": 4.0, "A2": 6.0, "A3": 7.0, "B1": 2.0, "B2": 0.0, "B3": 1.0, "C1": 0.12, "C2": 2.0, "C3": 3.0,
    "D1": "=A3*C3", "D2": "=A1*C1", "D3": "=A2*C2",
}  # fmt: skip


@pytest.mark.parametrize("formula", ["=A1*C1", "=A1/0"])
def test_what_rounded_weights_change_is_known_whatever_the_cells_hold(formula: str) -> None:
    report = checked({**PICKED, "D2": formula}, *PICKS, model=Picks())
    split = next(one.split for one in report.tensors if one.tensor == "net")
    assert split is not None
    assert split.formula.tolist() == [0.0, 0.0, 0.0]  # an error differs by no number
    assert split.inputs.tolist() == [0.0, 4.0 * 0.12 - 4.0 * 0.125, 0.0]
    assert [show_cell(one.cell) for one in report.faults] == ([] if formula == "=A1*C1" else ["S!D2"])


def test_an_expression_that_is_not_what_the_models_part_of_that_name_computes_is_a_fault() -> None:
    model = nn.Sequential(OrderedDict(first=nn.Linear(1, 1, bias=False).double()))
    weight = next(model.parameters()).item()
    rows = row("x", "A1", shape=(1, 1)), row("net.first.weight", "B1", role=Role.PARAMETER, shape=(1, 1))
    for factor in (1, 2):
        named = row("net.first", "C1", f"x @ net.first.weight.T * {factor}", shape=(1, 1))
        cells: dict[str, Scalar] = {"A1": 5.0, "B1": weight, "C1": f"=A1*B1*{factor}"}
        assert checked(cells, *rows, named, model=model).passed is (factor == 1)


def test_a_name_that_is_none_of_the_models_is_told_with_the_first_of_its_names() -> None:
    rows = row("x", "A1"), row("net.v", "B1", role=Role.PARAMETER), row("y", "C1", "x * net.v")
    cells: dict[str, Scalar] = {"A1": 5.0, "B1": 2.0, "C1": "=A1*B1"}
    many = nn.Sequential(*[nn.Linear(1, 1) for _ in range(5)])
    for model, names in (
        (nn.Linear(1, 1), "which has weight, bias"),
        (many, "which has 0.weight, 0.bias, 1.weight, 1.bias, 2.weight, 2.bias, 3.weight, 3.bias, ..."),
        (nn.ReLU(), "which has none"),
    ):
        with pytest.raises(InputError, match=f"row net.v: net.v is no parameter of the model, {names}$"):
            checked(cells, *rows, model=model)


def test_a_tensors_name_that_is_no_path_into_the_model_is_none_of_its_tensors() -> None:
    rows = row("x", "A1"), row("net.w", "B1", role=Role.PARAMETER), row("net(last)", "D1", "x * 3 * net.w")
    constant = row("k(3)", "C1", role=Role.CONSTANT)
    report = checked({"A1": 5.0, "B1": 2.0, "C1": 3.0, "D1": "=A1*C1*B1"}, constant, *rows, model=Several())
    assert report.passed
    assert report.model == "Several"


class Recurrent(nn.Module):
    """Has a layer whose output is a tuple, the first of which is its tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 1, nonlinearity="relu", bias=False).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("factor", [1, -1])
def test_the_first_of_a_layers_results_is_what_its_expression_is_held_against(factor: int) -> None:
    model = Recurrent()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(0.5)
    weights = (row(f"net.rnn.weight_{which}_l0", f"{column}1", role=Role.PARAMETER, shape=(1, 1))
               for column, which in (("B", "ih"), ("C", "hh")))  # fmt: skip
    named = row("net.rnn", "D1", f"relu(x @ net.rnn.weight_ih_l0.T) * {factor}", shape=(1, 1))
    cells: dict[str, Scalar] = {"A1": 5.0, "B1": 0.5, "C1": 0.5, "D1": f"=MAX(A1*B1,0)*{factor}"}
    report = checked(cells, row("x", "A1", shape=(1, 1)), *weights, named, model=model)
    assert [one.tensor for one in report.faults] == ([] if factor == 1 else ["net.rnn"])
