"""What a generated workbook is: proved, complete, readable; and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import xlparity
from tests.compiler.ops import beyond_excel_2010
from tests.networks import NETWORKS, network
from xlparity.check.formulas import FormulaIndex
from xlparity.compiler.lower.lowering import BlockPlan, lay_out
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.xlsx.edit import replace_formula
from xlparity.xlsx.map_file import map_of_book, show_block
from xlparity.xlsx.read import read_book

X = torch.tensor([[1.0, 2.0], [3.0, -4.0], [0.5, 0.25]])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_cell_of_the_34_networks_is_proved(name: str, tmp_path: Path) -> None:
    model, inputs, targets, loss = network(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = xlparity.check(xlparity.generate(model, inputs, targets, loss, optimizer).save(tmp_path / "net.xlsx"))
    assert report.passed, str(report)
    assert set(report.counts) == {"match"} or all(
        count == 0 for verdict, count in report.counts.items() if str(verdict) != "match"
    )


@pytest.mark.libreoffice
@pytest.mark.parametrize("name", ["2-3-2-1, mean squared error", "nanoGPT block", "batch norm in training"])
def test_libreoffice_gives_the_same_verdict(name: str, tmp_path: Path) -> None:
    model, inputs, targets, loss = network(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    path = xlparity.generate(model, inputs, targets, loss, optimizer, 2).save(tmp_path / "net.xlsx")
    assert xlparity.check(path, engines=["libreoffice"]).passed


def test_names_are_those_of_pytorch() -> None:
    model, inputs, targets, loss = network("2-3-2-1, mean squared error")
    made = xlparity.generate(model, inputs, targets, loss, torch.optim.SGD(model.parameters(), lr=0.1), name="mlp")
    roles = {row.tensor: row.role for row in made.map if row.role is not Role.EXPECTED}
    assert roles["x"] is Role.INPUT
    assert roles["y"] is Role.TARGET
    assert roles["mlp[0].weight"] is Role.PARAMETER
    assert roles["optimizer.lr"] is Role.HYPERPARAMETER
    for name in ("mlp[0]", "mlp[2]", "mlp", "loss", "mlp[0].weight.grad", "mlp[1].grad", "step[1].mlp[0].bias"):
        assert roles[name] is Role.COMPUTED


def test_a_layer_is_one_formula_filled_over_its_block_and_reads_only_its_own_sheet() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    made = xlparity.generate(model, X)
    sheet = made.book.sheet("1 ReLU")
    formulas = [fill.formula for fill in sheet.fills if "!" not in fill.formula]
    assert formulas == ["MAX(B7,0)"]
    linear = [fill for fill in made.book.sheet("0 Linear").fills if "!" not in fill.formula]
    assert len(linear) == 3  # a column of the output for each row of the weight
    assert linear[0].formula == "SUMPRODUCT(B19:C19,B$7:C$7)+B$14"
    assert all(fill.area.height == 3 for fill in linear)


def test_the_lecture_style_shows_k_b_and_n_apart() -> None:
    made = xlparity.generate(nn.Sequential(nn.Linear(2, 3)), X, style="lecture")
    names = [row.tensor for row in made.map]
    assert {"net[0].k", "net[0].b", "net[0]"} <= set(names)
    formulas = [fill.formula for fill in made.book.sheet("0 Linear").fills]
    assert "B19*B$7+C19*C$7" in formulas


def test_a_module_of_its_own_sheets_and_a_module_list(tmp_path: Path) -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([nn.Linear(2, 2) for _ in range(2)])
            self.head = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            for block in self.blocks:
                x = x + torch.relu(block(x))
            return self.head(x)

    made = xlparity.generate(Deep(), X)
    assert made.sheets[:5] == ("Summary", "Inputs", "blocks.0 Linear", "net Deep", "blocks.1 Linear")
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed


def test_tied_weights_are_one_block(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2, bias=False)
            self.second = nn.Linear(2, 2, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.second(torch.tanh(self.first(x)))

    model = Tied()
    made = xlparity.generate(model, X, X, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), 2)
    assert sum(row.role is Role.PARAMETER for row in made.map) == 1
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed


def test_checks_compare_tensors_of_many_planes_part_by_part(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(4, 12, 3), nn.Flatten(), nn.Linear(48, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made = xlparity.generate(model, torch.rand(1, 4, 4, 4), torch.tensor([1]), nn.CrossEntropyLoss(), optimizer)
    parts = [row for row in made.map if row.tensor.startswith("net[0].weight.grad.part_")]
    assert [row.tensor.rpartition(".")[0] for row in parts] == [
        "net[0].weight.grad.part_1", "net[0].weight.grad.part_2"
    ]  # fmt: skip
    path = made.save(tmp_path / "net.xlsx")
    assert xlparity.check(path).passed
    gradient = next(row for row in made.map if row.tensor == "net[0].weight.grad" and row.role is Role.COMPUTED)
    cell = gradient.block.cell((11, 3, 2, 2))
    replace_formula(path, cell, _formula_of(made, cell) + "+0.0001", tmp_path / "broken.xlsx")
    verdicts = [
        EmbeddedEngine().evaluate(read_book(book)).scalar(Cell("Checks", 2, 1))
        for book in (path, tmp_path / "broken.xlsx")
    ]
    assert verdicts == ["PASS", "FAIL"]


def test_the_weights_of_a_loss_are_constants_of_the_sheet(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3))
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))
    made = xlparity.generate(model, X, torch.tensor([0, 1, 2]), loss, torch.optim.SGD(model.parameters(), lr=0.1), 2)
    assert [row.tensor for row in made.map if row.role is Role.CONSTANT][:1] == ["loss.weight"]
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed


def test_a_product_of_three_tensors(tmp_path: Path) -> None:
    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Bilinear(2, 3, 4)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.layer(left, right)

    model = Pairs()
    right, targets = torch.linspace(-1, 1, 9).reshape(3, 3), torch.linspace(0, 1, 12).reshape(3, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made = xlparity.generate(model, (X, right), targets, nn.MSELoss(), optimizer, 2)
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed


def test_two_inputs_have_the_names_of_forward(tmp_path: Path) -> None:
    class Both(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return left @ right.T

    made = xlparity.generate(Both(), (X, 2 * X))
    assert [row.tensor for row in made.map if row.role is Role.INPUT] == ["left", "right"]
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed


@pytest.mark.parametrize("place", ["net[0].weight.grad", "net[2]", "step[1].net[0].bias", "loss"])
def test_a_broken_formula_of_a_generated_workbook_is_found(place: str, tmp_path: Path) -> None:
    model, inputs, targets, loss = network("tanh")
    made = xlparity.generate(model, inputs, targets, loss, torch.optim.SGD(model.parameters(), lr=0.1))
    path = made.save(tmp_path / "net.xlsx")
    row = next(row for row in made.map if row.tensor == place and row.role is Role.COMPUTED)
    cell = row.block.cell((0,) * len(row.block.shape))
    broken = tmp_path / "broken.xlsx"
    replace_formula(path, cell, _formula_of(made, cell) + "+0.0001", broken)
    report = xlparity.check(broken)
    assert not report.passed
    assert show_cell(cell) in str(report)


def _formula_of(made: xlparity.Workbook, cell: object) -> str:
    text = FormulaIndex(made.book).text(cell)  # type: ignore[arg-type]
    assert text is not None
    return text


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Selecting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[x > 0]


class Complex(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(x).real


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), ["dropout", "net[1]", "model.eval()"]),
        (nn.Sequential(Random()), ["rand_like", "net[0]", "test_generated.py", "random"]),
        (nn.Sequential(Branching()), ["aten._local_scalar_dense.default", "net[0]", "torch.where"]),
        (nn.Sequential(Selecting()), ["net[0]", "data"]),
        (nn.Sequential(Complex()), ["complex", "net[0]"]),
        (nn.Linear(3, 1), ["shape (3, 2)"]),
    ],
)
def test_what_no_sheet_can_compute_is_refused_with_its_place(model: nn.Module, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        xlparity.generate(model, X)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_loss_that_is_no_number_and_an_optimizer_without_a_loss_are_refused() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(InputError, match=r"tensor of shape \(3, 1\), not one number"):
        xlparity.generate(model, X, torch.ones(3, 1), nn.MSELoss(reduction="none"))
    with pytest.raises(InputError, match="an optimizer needs a loss"):
        xlparity.generate(model, X, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    other = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
    with pytest.raises(InputError, match="parameters that the model does not have"):
        xlparity.generate(model, X, torch.ones(3, 1), nn.MSELoss(), other)
    with pytest.raises(InputError, match="LBFGS has no formulas"):
        xlparity.generate(model, X, torch.ones(3, 1), nn.MSELoss(), torch.optim.LBFGS(model.parameters()))


def test_a_model_larger_than_a_sheet_is_refused_with_the_sizes() -> None:
    with pytest.raises(InputError, match=r"net.weight of shape \[1100000, 2\] needs 1,100,000 rows .* has 1,048,576"):
        xlparity.generate(nn.Embedding(1_100_000, 2), torch.tensor([0, 7]))


def test_a_tensor_wider_than_a_sheet_stands_upright() -> None:
    made = xlparity.generate(nn.Linear(17_000, 1, bias=False), torch.ones(1, 17_000))
    planes = {row.tensor: row.block.planes[0] for row in made.map if row.role is not Role.EXPECTED}
    assert (planes["x"].height, planes["x"].width) == (17_000, 1)
    assert (planes["net.weight"].height, planes["net.weight"].width) == (17_000, 1)


def test_a_convolution_has_as_many_planes_as_it_needs(tmp_path: Path) -> None:
    made = xlparity.generate(nn.Conv2d(40, 45, 1), torch.rand(1, 40, 1, 1))
    path = made.save(tmp_path / "net.xlsx")
    weight = next(row for row in map_of_book(read_book(path)) if row.tensor == "net.weight")
    assert len(weight.block.planes) == 1800
    assert show_block(weight.block) == "'net Conv2d'!B7; ...; 'net Conv2d'!CB95"
    assert xlparity.check(path).passed


def test_planes_that_are_too_many_for_the_rows_of_a_sheet_stand_side_by_side() -> None:
    laid_out = laid_out_block((512, 512, 3, 3))
    assert laid_out.height <= 1_048_576
    assert laid_out.width <= 16_384
    places = laid_out.rows * 16_384 + laid_out.columns
    assert len(np.unique(places)) == 512 * 512 * 9
    with pytest.raises(InputError, match="8,388,608 planes of 300 x 3 cells, which a sheet of 1,048,576 rows"):
        laid_out_block((8192, 1024, 300, 3))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for at in range(2):
        model, inputs, targets, loss = network("layer norm")
        made = xlparity.generate(model, inputs, targets, loss, torch.optim.Adam(model.parameters()), 2)
        files.append(made.save(tmp_path / f"net{at}.xlsx").read_bytes())
    assert files[0] == files[1]


def laid_out_block(shape: tuple[int, ...]) -> BlockPlan:
    plan = BlockPlan(1, "x", shape, "float32", Role.INPUT, "inputs")
    lay_out(plan)
    return plan


def test_formulas_stay_within_what_excel_2010_and_libreoffice_know() -> None:
    for name in NETWORKS:
        model, inputs, targets, loss = network(name)
        made = xlparity.generate(model, inputs, targets, loss)
        assert beyond_excel_2010(made.book) == [], name


def test_a_name_is_that_of_the_tensor_and_not_of_one_that_is_equal_by_chance(tmp_path: Path) -> None:
    # Every unit is active and every difference below 1 in the first step: ReLU and smooth L1 change nothing yet.
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter, numbers in zip(
            model.parameters(), ([[1.0], [0.1]], [0.1, 0.1], [[0.5, -2.0]], [0.0]), strict=True
        ):
            parameter.copy_(torch.tensor(numbers))
    x, y = torch.tensor([[0.5], [1.5]]), torch.tensor([[0.5], [-0.3]])
    made = xlparity.generate(model, x, y, nn.SmoothL1Loss(), torch.optim.SGD(model.parameters(), lr=1.5), 2)
    rows = {row.tensor: row for row in made.map if row.role is Role.COMPUTED}
    assert rows["net[0].grad"].torch != "net[1].grad"
    assert "where" in rows["net[2].grad"].torch
    assert xlparity.check(made.save(tmp_path / "net.xlsx"), samples=5).passed


def test_a_gradient_of_rounding_that_an_optimizer_makes_large_is_refused_with_the_remedy() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(9, 2))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05, eps=1e-13)
    with pytest.raises(InputError, match=r"step\[1\].net\[0\].bias.* 0 but for rounding.* take bias=False there"):
        xlparity.generate(model, torch.randn(2, 2, 5), torch.randn(2, 2), nn.MSELoss(), optimizer)


def test_every_one_of_several_outputs_is_proved_before_it_is_handed_out(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return torch.relu(x), x * 0.5

    made = xlparity.generate(Two(), X)
    assert [row.tensor for row in made.map if row.role is Role.EXPECTED] == ["net", "net.output[1]"]
    assert xlparity.check(made.save(tmp_path / "net.xlsx")).passed
    with pytest.raises(InputError, match=r"net.output\[1\]\[0, 0\] would be 5e\+299 .* but PyTorch computes inf"):
        xlparity.generate(Two(), torch.tensor([[math.inf, 1.0]]))


@pytest.mark.parametrize("name", ["nanoGPT block", "LSTM"])
def test_sums_of_gradients_stand_on_the_sheet_of_their_module_and_not_with_the_loss(name: str) -> None:
    model, inputs, targets, loss = network(name)
    made = xlparity.generate(model, inputs, targets, loss)
    on_loss = {row.torch for row in made.map if row.role is Role.COMPUTED and row.block.planes[0].sheet == "Loss"}
    assert not any("backward" in text or "saved" in text or "rstd" in text for text in on_loss)
