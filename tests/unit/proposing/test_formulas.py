"""Maps proposed from formulas alone: hand-made sheets, whose expressions and areas are known."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.errors import InputError
from xlparity.model.map import Role
from xlparity.model.proposal import Confidence
from xlparity.report.proposal import proposal_to_text, proposal_to_toml
from xlparity.xlsx.map_file import show_block

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"


def book(tmp_path, cells, name="book.xlsx"):
    made = openpyxl.Workbook()
    for address, value in cells.items():
        made.active[address] = value
    made.active.title = "S"
    made.save(tmp_path / name)
    return tmp_path / name


def grid(corner, rows):
    column, row = ord(corner[0]), int(corner[1:])
    return {f"{chr(column + j)}{row + i}": value for i, line in enumerate(rows) for j, value in enumerate(line)}


def expressions(path):
    """The expression of each computed area, with the areas that its names stand for written in their place."""
    proposal = xlparity.propose(path)
    areas = {one.row.tensor: show_block(one.row.block).removeprefix("S!") for one in proposal.rows}
    found = {}
    for one in proposal.rows:
        if one.row.role is Role.COMPUTED:
            text = one.row.torch
            names = sorted(areas, key=len, reverse=True)
            pattern = r"(?<![\w.])(?:" + "|".join(map(re.escape, names)) + r")(?![\w(])"
            text = re.sub(pattern, lambda name: f"<{areas[name[0]]}>", text)
            found[areas[one.row.tensor]] = text
    return found


X = grid("B2", [[1.5, -2.0], [0.25, 3.0], [-1.0, 0.5]])
W = grid("E2", [[0.5, -1.25, 2.0], [1.75, 0.3, -0.7]])
FILL = [(row, column) for row in (2, 3, 4) for column in "IJK"]


def filled(pattern):
    """`pattern` in I2:K4 with {r} for the row and {c} for the weights' column."""
    return {f"{column}{row}": pattern.format(r=row, c=chr(ord(column) - 4)) for row, column in FILL}


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("=$B{r}*{c}$2+$C{r}*{c}$3", "<B2:C4> @ <E2:G3>"),
        ("={c}$3*$C{r}+{c}$2*$B{r}", "<B2:C4> @ <E2:G3>"),
        ("=$B{r}*{c}$2+$C{r}*{c}$3+{c}$5", "<B2:C4> @ <E2:G3> + <E5:G5>"),
        ("=SUMPRODUCT($B{r}:$C{r},TRANSPOSE({c}$2:{c}$3))", "<B2:C4> @ <E2:G3>"),
        ("=SUMPRODUCT(MMULT($B{r}:$C{r},{c}$2:{c}$3))", "<B2:C4> @ <E2:G3>"),
        ("=MAX(0,$B{r}*{c}$2)", "torch.relu(<B2:B4> * <E2:G2>)"),
    ],
)
def test_a_product_written_in_any_of_these_ways_is_one_expression(tmp_path, formula, expression):
    cells = {**X, **W, **grid("E5", [[0.1, 0.2, 0.3]]), **filled(formula)}
    assert expressions(book(tmp_path, cells))["I2:K4"] == expression


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("=IF(B{r}>0,B{r},0)", "torch.relu(<B2:B4>)"),
        ("=IF(B{r}<=0,0,B{r})", "torch.relu(<B2:B4>)"),
        ("=MAX(B{r},0)", "torch.relu(<B2:B4>)"),
        ("=B{r}*(B{r}>0)", "torch.relu(<B2:B4>)"),
        ("=IF(B{r}>0,B{r},0.01*B{r})", "F.leaky_relu(<B2:B4>, 0.01)"),
        ("=1/(1+EXP(-B{r}))", "torch.sigmoid(<B2:B4>)"),
        ("=TANH(B{r})", "torch.tanh(<B2:B4>)"),
        ("=0.5*B{r}*(1+ERF(B{r}/SQRT(2)))", "F.gelu(<B2:B4>)"),
        ("=B{r}^2-3*B{r}", "<B2:B4> ** 2 - 3 * <B2:B4>"),
        ("=EXP(B{r})/SUM(EXP(B$2:B$4))", "torch.softmax(<B2:B4>, 0)"),
        ("=B{r}/SUM(B$2:B$4)", "<B2:B4> / <B2:B4>.sum()"),
        ("=-(B{r}-AVERAGE(B$2:B$4))", "-(<B2:B4> - <B2:B4>.mean())"),
        ("=IF(B{r}>1,B{r},2)", "torch.where(<B2:B4> > 1, <B2:B4>, 2.0)"),
        ("=B{r}*25%", "<B2:B4> * 0.25"),
    ],
)
def test_an_elementwise_formula_is_what_torch_calls_it(tmp_path, formula, expression):
    made = openpyxl.Workbook()
    made.active.title = "S"
    for row, value in zip((2, 3, 4), (1.5, -0.25, 0.75), strict=True):
        made.active[f"B{row}"] = value
        text = formula.format(r=row)
        made.active[f"D{row}"] = openpyxl.worksheet.formula.ArrayFormula(f"D{row}", text) if "SUM(EXP" in text else text
    made.save(tmp_path / "book.xlsx")
    assert expressions(tmp_path / "book.xlsx")["D2:D4"] == expression


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("=SUM(B2:C4)", "<B2:C4>.sum()"),
        ("=AVERAGE(B2:C4)", "<B2:C4>.mean()"),
        ("=SUMPRODUCT((B2:B4-C2:C4)^2)/3", "((<B2:B4> - <C2:C4>) ** 2).sum() / 3"),
        ("=SUMSQ(B2:C4)", "(<B2:C4> ** 2).sum()"),
        ("=SUMXMY2(B2:B4,C2:C4)/COUNT(B2:B4)", "((<B2:B4> - <C2:C4>) ** 2).sum() / 3"),
        ("=SUMPRODUCT(B2:B4,C2:C4)", "(<B2:B4> * <C2:C4>).sum()"),
        ("=DEVSQ(B2:C4)/6", "(<B2:C4> - <B2:C4>.mean()).square().sum() / 6"),
        ("=SQRT(VARP(B2:C4))", "torch.sqrt(<B2:C4>.var(correction=0))"),
        ("=STDEV(B2:C4)", "<B2:C4>.std(correction=1)"),
        ("=MAX(B2:C4)-MIN(B2:C4)", "<B2:C4>.max() - <B2:C4>.min()"),
        ("=COUNT(B2:C4)", "torch.ones_like(<B2:C4>).sum()"),
    ],
)
def test_a_sum_over_a_range_is_one_number(tmp_path, formula, expression):
    found = expressions(book(tmp_path, {**X, "F2": formula}))["F2"]
    assert found == expression


def test_a_range_is_cut_where_a_label_names_another_tensor(tmp_path):
    cells = {"B1": "x1", "C1": "x2", "D1": "y", **grid("B2", [[1.0, 2.0, 5.0], [3.0, 4.0, 6.5]]), "F1": "y_hat"}
    cells |= {"F2": "=B2*2+C2", "F3": "=B3*2+C3", "G2": "=(F2-D2)^2", "G3": "=(F3-D3)^2", "G4": "=AVERAGE(G2:G3)"}
    rows = {one.row.tensor: one.row for one in xlparity.propose(book(tmp_path, cells)).rows}
    assert (rows["x"].role, show_block(rows["x"].block)) == (Role.INPUT, "S!B2:C3")
    assert (rows["y"].role, show_block(rows["y"].block)) == (Role.TARGET, "S!D2:D3")
    assert rows["y_hat"].torch == "x[:, :1] * 2 + x[:, 1:]"


def test_a_bias_beside_the_weights_is_told_from_them_by_the_ones_below_the_samples(tmp_path):
    cells = {**grid("B2", [[0.5, 2.0, 0.1], [1.0, -1.0, 0.2]]), **grid("F2", [[1.0, 3.0], [2.0, 4.0], [1.0, 1.0]])}
    cells |= {f"{c}{r}": f"=SUMPRODUCT(MMULT($B{r - 8}:$D{r - 8},{c}$2:{c}$4))" for c in "FG" for r in (10, 11)}
    assert expressions(book(tmp_path, cells))["F10:G11"] == "<B2:C3> @ <F2:G3> + <D2:D3> @ <F4:G4>"


def test_a_convolution_with_a_stride_is_one_expression(tmp_path):
    cells = {**grid("A1", [[float((3 * i + 5 * j) % 7) for j in range(5)] for i in range(5)])}
    cells |= grid("H1", [[1.0, -1.0], [0.5, 2.0]])
    corners = {(0, 0): "A1:B2", (0, 1): "C1:D2", (1, 0): "A3:B4", (1, 1): "C3:D4"}
    for (i, j), area in corners.items():
        cells[f"{'KL'[j]}{i + 1}"] = f"=SUMPRODUCT({area},$H$1:$I$2)"
    assert expressions(book(tmp_path, cells))["K1:L2"] == (
        "aten.convolution.default(<A1:D4>.reshape(1, 1, 4, 4), <H1:I2>.reshape(1, 1, 2, 2), None, [2, 2], [0, 0], "
        "[1, 1], False, [0, 0], 1).reshape(2, 2)"
    )


def test_an_update_makes_a_parameter(tmp_path):
    cells = {**grid("B2", [[1.0, 2.0]]), **grid("B4", [[0.5, 0.25]]), "E1": "alpha", "E2": 0.1}
    cells |= {"B6": "=B2-$E$2*B4", "C6": "=C2-$E$2*C4"}
    roles = {show_block(one.row.block): one.row.role for one in xlparity.propose(book(tmp_path, cells)).rows}
    assert roles["S!B2:C2"] is Role.PARAMETER
    assert roles["S!E2"] is Role.HYPERPARAMETER


def test_what_is_not_understood_is_said_and_taken_as_it_stands(tmp_path):
    cells = {"A1": 2.0, "A2": 3.0, "B1": "=GAMMALN(A1)", "B2": "=GAMMALN(A2)", "C1": "=B1*2", "C2": "=B2*2"}
    proposal = xlparity.propose(book(tmp_path, cells))
    (taken,) = [one for one in proposal.rows if one.row.role is Role.INPUT]
    assert taken.confidence is Confidence.GUESS
    assert "GAMMALN" in taken.evidence
    ((area, why),) = proposal.not_covered
    assert (area.row, area.column, area.height) == (0, 1, 2)
    assert "GAMMALN" in why
    assert "formulas that no row covers (1)" in proposal_to_text(proposal)


def test_a_workbook_without_formulas_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no formula could be read"):
        xlparity.propose(book(tmp_path, {"A1": 1.0}))


@pytest.mark.parametrize("name", ["mse", "single_neuron", "hidden_layers", "gradient"])
def test_the_map_proposed_for_a_lecture_workbook_passes_the_check(tmp_path, name):
    path = Path(__file__).parents[3] / "workbooks" / f"{name}.xlsx"
    proposal = xlparity.propose(path)
    (tmp_path / "map.toml").write_text(proposal_to_toml(proposal), encoding="utf-8")
    report = xlparity.check(path, map=tmp_path / "map.toml")
    assert report.passed
    own = xlparity.check(path)
    texts = sum(area.size for area, _ in proposal.not_covered)  # PASS and FAIL
    assert report.coverage.mapped == own.coverage.mapped
    assert texts == report.coverage.formulas - report.coverage.mapped


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus")
@pytest.mark.parametrize("name", ["Multi-Layer Perceptron", "Self-Attention", "Backpropgation"])
def test_every_formula_of_a_hand_made_network_is_read_and_holds_on_other_numbers(tmp_path, name):
    path = CORPUS / "ai-by-hand-excel" / "advanced" / f"{name}.xlsx"
    proposal = xlparity.propose(path)
    assert proposal.not_covered == ()
    (tmp_path / "map.toml").write_text(proposal_to_toml(proposal), encoding="utf-8")
    report = xlparity.check(path, map=tmp_path / "map.toml", samples=5)
    assert report.passed
    assert report.coverage.mapped == report.coverage.formulas


def test_an_array_formula_that_reads_several_tensors_joins_them(tmp_path):
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "S"
    for address, value in {**X, "E2": "=EXP(B2)", "E3": "=B3*2", "E4": "=SUM(B2:C4)"}.items():
        sheet[address] = value
    sheet["G2"] = openpyxl.worksheet.formula.ArrayFormula("G2:G4", "=B2:B4+E2:E4")
    sheet["I2"] = "=AVERAGE(E2:E4)"
    made.save(tmp_path / "book.xlsx")
    found = expressions(tmp_path / "book.xlsx")
    assert found["G2:G4"] == "<B2:C4>[:, :1] + torch.stack((<E2>, <E3>, <E4>)).unsqueeze(1)"
    assert found["I2"] == "torch.stack((<E2>, <E3>, <E4>)).unsqueeze(1).mean()"


def test_a_cut_goes_on_to_whatever_reads_what_is_cut_however_far(tmp_path):
    cells = {"A2": 1.5, "A3": 2.5, "B2": "=A2+1", "B3": "=A3^2"}
    columns = [openpyxl.utils.get_column_letter(number) for number in range(2, 23)]
    for before, column in pairwise(columns):
        cells |= {f"{column}{row}": f"={before}{row}*{row % 2 + 2}" for row in (2, 3)}
    proposal = xlparity.propose(book(tmp_path, cells))
    assert not proposal.not_covered
    assert sum(one.row.role is Role.COMPUTED for one in proposal.rows) == 2 * len(columns)


def test_a_range_in_the_place_of_a_number_is_the_cell_in_its_own_row(tmp_path):
    cells = {**X, "E2": "=B2:B4*2", "E3": "=B2:B4*2", "E4": "=B2:B4*2"}
    assert expressions(book(tmp_path, cells))["E2:E4"] == "<B2:B4> * 2"


def test_a_formula_of_numbers_alone_is_computed_too(tmp_path):
    found = expressions(book(tmp_path, {**X, "E2": "=1/2", "F2": "=B2*E2"}))
    assert found["E2"] == "0.5"


def test_what_is_kept_as_a_running_average_is_no_parameter(tmp_path):
    cells = {"B1": "b velocity", "B2": 0.5, "B3": 0.25, "C1": "grad", "C2": 2.0, "C3": -1.0, "E1": "beta1", "E2": 0.9}
    cells |= {f"G{row}": f"=$E$2*B{row}+(1-$E$2)*C{row}" for row in (2, 3)}
    roles = {one.row.tensor: one.row.role for one in xlparity.propose(book(tmp_path, cells)).rows}
    assert roles["b_velocity"] is Role.INPUT


def test_a_number_typed_as_a_formula_is_one_of_the_numbers_around_it(tmp_path):
    found = expressions(book(tmp_path, {**X, "B3": "=1/4", "E2": "=SUMSQ(B2:C4)", "F2": "=2*3", "G2": "=E2*F2"}))
    assert found == {"E2": "(<B2:C4> ** 2).sum()", "F2": "6", "G2": "<E2> * <F2>"}


def test_weights_that_end_in_ones_are_no_samples_with_a_bias(tmp_path):
    cells = {**grid("B2", [[0.5, 2.0, 1.0], [1.5, -1.0, 1.0]]), **grid("B6", [[3.0, 2.0, 0.5], [1.0, 4.0, 2.0]])}
    cells |= grid("F2", [[1.0, 3.0], [2.0, 4.0], [5.0, 6.0]])
    cells |= {f"{c}{r + 10}": f"=SUMPRODUCT(MMULT($B{r}:$D{r},{c}$2:{c}$4))" for c in "FG" for r in (2, 3, 6, 7)}
    found = expressions(book(tmp_path, cells))
    assert found["F12:G13"] == "<B2:D3> @ <F2:G4>"
    assert found["F16:G17"] == "<B6:D7> @ <F2:G4>"
