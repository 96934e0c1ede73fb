"""xlparity.gradient and the command grad: derivatives of cells by autograd through the formulas."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import xlparity
from xlparity.cli import run
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import parse_area, parse_cell
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells, Scalar
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

WORKBOOKS = Path(__file__).parents[1] / "workbooks"


def differences(path: Path, of: str, wrt: str, step: float = 1e-5) -> np.ndarray:
    """Central differences, every number of `wrt` varied alone."""
    book, area, cell = read_book(path), parse_area(wrt), parse_cell(of)
    held = book.sheet(area.sheet).constants.grid(area).number
    made = np.zeros(held.shape)
    for at in np.ndindex(held.shape):
        values = []
        for sign in (1, -1):
            moved = held.copy()
            moved[at] += sign * step
            values.append(EmbeddedEngine().evaluate(book, inputs={area: torch.from_numpy(moved)}).scalar(cell))
        made[at] = (values[0] - values[1]) / (2 * step)
    return made


def written(path: Path, values: dict[str, Scalar], formulas: dict[str, str]) -> Path:
    cells = {(c.row, c.column): value for c, value in ((parse_cell(a, "S"), v) for a, v in values.items())}
    fills = tuple(Fill(Area(parse_cell(at, "S"), 1, 1), formula) for at, formula in formulas.items())
    write_book(Book((Sheet("S", Cells.of(cells), fills),)), path)
    return path


@pytest.mark.parametrize(
    ("name", "of", "wrt"),
    [
        ("mse", "MSE!D7", "MSE!B2:B4"),
        ("gradient", "Gradient!B13", "Gradient!C6:C8"),
        ("gradient", "Gradient!G19", "Gradient!E6:F8"),
        ("descent", "Descent!N22", "Descent!B14:D15"),
        ("descent", "Descent!N22", "Descent!K14:K15"),
    ],
)
def test_gradients_agree_with_finite_differences(name: str, of: str, wrt: str) -> None:
    path = WORKBOOKS / f"{name}.xlsx"
    assert xlparity.gradient(path, of=of, wrt=wrt).to_numpy() == pytest.approx(
        differences(path, of, wrt), rel=1e-6, abs=1e-7
    )


@pytest.mark.parametrize(("weights", "grads"), [("B14:D15", "B28:D29"), ("G17:H17", "G31:H31"), ("K14:K15", "K28:K29")])
def test_gradients_are_those_that_the_sheet_of_descent_computes_by_hand(weights: str, grads: str) -> None:
    path = WORKBOOKS / "descent.xlsx"
    by_hand = EmbeddedEngine().evaluate(read_book(path)).grid(parse_area(grads, "Descent")).number
    made = xlparity.gradient(path, of="Descent!N22", wrt=f"Descent!{weights}")
    assert made.to_numpy() == pytest.approx(by_hand, rel=1e-12)


def test_the_chain_rule_gives_the_weight_gradient_that_gradient_xlsx_shows() -> None:
    path = WORKBOOKS / "gradient.xlsx"
    values = EmbeddedEngine().evaluate(read_book(path))
    a = values.grid(parse_area("Gradient!E6:F8")).number
    loss = xlparity.gradient(path, of="Gradient!B13", wrt="Gradient!C6:C8").to_numpy()
    assert loss.T @ a == pytest.approx(values.grid(parse_area("Gradient!G17:H17")).number, rel=1e-12)


def test_cells_without_a_number_are_nan_and_independent_ones_zero(tmp_path: Path) -> None:
    path = written(tmp_path / "b.xlsx", {"A1": 3.0, "A2": "x", "A4": 5.0}, {"A3": "A1^2", "B1": "A3*2"})
    made = xlparity.gradient(path, of="B1", wrt="A1:A5")
    assert made["A"].tolist() == pytest.approx([12.0, np.nan, np.nan, 0.0, np.nan], nan_ok=True)
    assert list(made.index) == [1, 2, 3, 4, 5]


def test_a_function_without_derivatives_refuses_rather_than_answers_zero(tmp_path: Path) -> None:
    path = written(tmp_path / "b.xlsx", {"A1": 1.0}, {"B1": "TDIST(A1,5,1)+A1", "B2": "IF(A1>0,A1*2,TDIST(A1,5,1))"})
    with pytest.raises(xlparity.InputError, match="without derivatives"):
        xlparity.gradient(path, of="B1", wrt="A1")
    assert xlparity.gradient(path, of="B2", wrt="A1").iloc[0, 0] == 2.0


@pytest.mark.parametrize(
    ("of", "wrt", "message"),
    [
        ("B1", "A1", "B1 is a text"),
        ("B2", "A1", "#DIV/0!"),
        ("B3", "A1", "is undecided"),
        ("Z9", "A1", "is empty"),
        ("B4", "B4", "its cells are formulas"),
        ("B4", "C1:C3", "empty or texts"),
        ("B4", "No!A1", "there is no sheet 'No'"),
        ("B4:B5", "A1", "one cell is wanted"),
    ],
)
def test_what_has_no_derivative_is_said_in_one_line(
    of: str, wrt: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formulas = {"B1": 'A1&"x"', "B2": "A1/0", "B3": "[1]Other!A1+A1", "B4": "A1*2"}
    path = written(tmp_path / "b.xlsx", {"A1": 1.0}, formulas)
    assert run(["grad", str(path), "--of", of, "--wrt", wrt]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(WORKBOOKS / "mse.xlsx")
    assert run(["grad", path, "--of", "D7", "--wrt", "MSE!B1:B2", "--format", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["cells"] == [
        {"cell": "B1", "derivative": None},
        {"cell": "B2", "derivative": pytest.approx(-2.0998706666666664)},
    ]
