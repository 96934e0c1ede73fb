"""Maps proposed for a model: generated workbooks whose map is not looked at, hand-made ones, planted faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
from torch import nn

import xlparity
from benchmarks.handmade_models import HAND_MADE
from xlparity.formula.a1 import parse_cell
from xlparity.model.map import Role
from xlparity.model.proposal import Confidence
from xlparity.report.proposal import proposal_to_text, proposal_to_toml
from xlparity.xlsx.edit import replace_formula
from xlparity.xlsx.map_file import show_block


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def rows_of(proposal):
    return {one.row.tensor: one for one in proposal.rows if one.row.role is not Role.EXPECTED}


def check(path, proposal, tmp_path, **options):
    (tmp_path / "map.toml").write_text(proposal_to_toml(proposal), encoding="utf-8")
    return xlparity.check(path, map=tmp_path / "map.toml", **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training step of a network as a workbook, the network and the workbook's own map."""
    net = network()
    torch.manual_seed(5)
    inputs, targets = torch.randn(5, 3), torch.randn(5, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    book = xlparity.generate(net, inputs, targets, nn.MSELoss(), optimizer)
    path = tmp_path_factory.mktemp("trained") / "net.xlsx"
    book.save(path)
    return path, net, book.map


def propose_trained(path, net):
    return xlparity.propose(path, net, loss=nn.MSELoss(), optimizer=torch.optim.SGD(net.parameters(), lr=0.1))


def test_every_tensor_of_a_generated_workbook_is_found_where_it_stands(trained, tmp_path):
    path, net, truth = trained
    proposal = propose_trained(path, net)
    found = rows_of(proposal)
    for row in truth:
        if row.role is Role.EXPECTED or row.block.planes[0].sheet in ("Checks", "Summary"):
            continue
        assert row.tensor in found
        assert show_block(found[row.tensor].row.block) == show_block(row.block)
        assert found[row.tensor].row.role is row.role
    assert proposal.not_found == ()
    assert proposal.wrong == ()
    assert check(path, proposal, tmp_path, model=net, samples=5).passed


def test_a_wrong_cell_is_found_by_the_map_that_was_proposed_for_the_broken_workbook(trained, tmp_path):
    path, net, truth = trained
    cell = next(row for row in truth if row.tensor == "net[0]").block.cell((2, 1))
    broken, recalculated = tmp_path / "edited.xlsx", tmp_path / "broken.xlsx"
    replace_formula(path, cell, "1.5", broken)
    xlparity.recalculate(broken, recalculated)
    proposal = propose_trained(recalculated, net)
    assert proposal.wrong == ("net[0]",)
    assert "likely faults (1)" in proposal_to_text(proposal)
    report = check(recalculated, proposal, tmp_path)
    assert [finding.cell for finding in report.faults] == [cell]


def write(path, areas, formulas=()):
    """Numbers by corner and texts by cell, on one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Net"
    for corner, value in areas.items():
        if isinstance(value, str):
            sheet[corner] = value
            continue
        start = parse_cell(f"Net!{corner}")
        for (row, column), number in np.ndenumerate(np.atleast_2d(np.asarray(value, float))):
            sheet.cell(start.row + row + 1, start.column + column + 1, float(number))
    for cell, formula in formulas:
        sheet[cell] = formula
    book.save(path)
    return path


def columns_of_samples(net, inputs, decimals=None):
    """W1 x + b1 with a sample a column, the weights as they are in PyTorch; relu below it."""
    weight, bias = net[0].weight.detach().double().numpy(), net[0].bias.detach().double().numpy()[:, None]
    if decimals is not None:
        weight, bias = np.round(weight, decimals), np.round(bias, decimals)
    areas = {"A1": "W1", "A2": weight, "E1": "b1", "E2": bias, "G1": "X", "G2": inputs.numpy().T}
    formulas = [(f"{c}{10 + i}", f"=SUMPRODUCT(MMULT($A{2 + i}:$C{2 + i},{c}$2:{c}$4))+$E{2 + i}")
                for c in "GHIJK" for i in range(4)]  # fmt: skip
    formulas += [(f"{c}{20 + i}", f"=MAX(0,{c}{10 + i})") for c in "GHIJK" for i in range(4)]
    return areas, formulas


def hand_made():
    torch.manual_seed(11)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.randn(5, 3)


def test_transposed_areas_are_found_and_the_input_by_what_the_model_makes_of_it(tmp_path):
    net, inputs = hand_made()
    path = write(tmp_path / "book.xlsx", *columns_of_samples(net, inputs))
    proposal = xlparity.propose(path, net)
    shown = {name: show_block(one.row.block) for name, one in rows_of(proposal).items()}
    assert shown == {
        "net[0].weight": "Net!A2:C5", "net[0].bias": "Net!E2:E5", "x": "Net!G2:K4 T", "net[0]": "Net!G10:K13 T",
        "net[1]": "Net!G20:K23 T", "net": "Net!G20:K23 T",
    }  # fmt: skip
    assert rows_of(proposal)["x"].confidence is Confidence.CERTAIN
    assert "net[0]" in rows_of(proposal)["x"].evidence
    assert check(path, proposal, tmp_path, model=net, samples=5).passed


def test_parameters_that_are_printed_to_three_decimals_are_found_and_said_to_be(tmp_path):
    net, inputs = hand_made()
    path = write(tmp_path / "book.xlsx", *columns_of_samples(net, inputs, 3))
    proposal = xlparity.propose(path, net)
    weight = rows_of(proposal)["net[0].weight"]
    assert weight.row.decimals == 3
    assert "rounded to 3 decimals" in weight.evidence
    assert "net[1]" in rows_of(proposal)
    report = check(path, proposal, tmp_path, model=net)
    assert report.passed


def test_numbers_other_than_the_models_are_bound_by_shape_and_label_and_said(tmp_path):
    net, inputs = hand_made()
    other = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    path = write(tmp_path / "book.xlsx", *columns_of_samples(other, inputs))
    proposal = xlparity.propose(path, net)
    weight = rows_of(proposal)["net[0].weight"]
    assert weight.confidence is Confidence.GUESS
    assert show_block(weight.row.block) == "Net!A2:C5"
    assert any("other numbers than the model" in note for note in proposal.notes)
    assert show_block(rows_of(proposal)["net[1]"].row.block) == "Net!G20:K23 T"
    assert check(path, proposal, tmp_path).passed
    assert not check(path, proposal, tmp_path, model=net).passed


def test_a_bias_of_zeros_among_other_zeros_is_told_by_its_label(tmp_path):
    net, inputs = hand_made()
    with torch.no_grad():
        net[0].bias.zero_()
    areas, formulas = columns_of_samples(net, inputs)
    areas["M2"] = np.zeros((6, 3))
    proposal = xlparity.propose(write(tmp_path / "book.xlsx", areas, formulas), net)
    bias = rows_of(proposal)["net[0].bias"]
    assert show_block(bias.row.block) == "Net!E2:E5"
    assert bias.confidence is Confidence.LIKELY


def test_a_tensor_that_nothing_tells_apart_is_left_out_and_said(tmp_path):
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        net[1].weight.copy_(net[0].weight)
    areas = {"A2": net[0].weight.detach().numpy(), "E2": net[0].weight.detach().numpy(), "H2": [[1.5, -1.0]]}
    formulas = [("K2", "=H2*A2+I2*B2"), ("L2", "=H2*A3+I2*B3"), ("K4", "=K2*E2+L2*F2"), ("L4", "=K2*E3+L2*F3")]
    proposal = xlparity.propose(write(tmp_path / "book.xlsx", areas, formulas), net)
    missing = dict(proposal.not_found)
    assert "nothing tells them apart" in missing["net[0].weight"]
    assert "not found in the workbook" in proposal_to_text(proposal)


def test_a_module_that_the_workbook_lacks_is_said_to_be_missing(tmp_path):
    net, inputs = hand_made()
    areas, formulas = columns_of_samples(net, inputs)
    longer = nn.Sequential(*net, nn.Linear(4, 2))
    proposal = xlparity.propose(write(tmp_path / "book.xlsx", areas, formulas), longer)
    missing = dict(proposal.not_found)
    assert missing["net[2].weight"] == "no area holds its values"
    assert "net[2]" in missing
    assert "net[1]" in rows_of(proposal)


def test_planes_of_a_kernel_are_found_below_each_other(tmp_path):
    torch.manual_seed(2)
    net = nn.Conv2d(1, 2, 2)
    inputs = torch.randn(1, 1, 3, 3)
    book = xlparity.generate(net, inputs)
    path = tmp_path / "conv.xlsx"
    book.save(path)
    proposal = xlparity.propose(path, net, inputs=inputs)
    truth = {row.tensor: show_block(row.block) for row in book.map if row.role is not Role.EXPECTED}
    shown = {name: show_block(one.row.block) for name, one in rows_of(proposal).items()}
    assert shown["net.weight"] == truth["net.weight"]
    assert shown["net"] == truth["net"]
    assert check(path, proposal, tmp_path).passed


@pytest.mark.parametrize("path", [Path(__file__).parents[3] / "workbooks" / "single_neuron.xlsx"])
def test_the_lectures_neuron_is_bound_to_a_linear_layer(path, tmp_path):
    neuron = nn.Linear(3, 1)
    with torch.no_grad():
        neuron.weight.copy_(torch.tensor([[0.5398, -0.5377, 0.3111]]))
        neuron.bias.copy_(torch.tensor([-0.1321]))
    proposal = xlparity.propose(path, neuron, name="neuron")
    found = rows_of(proposal)
    assert show_block(found["neuron.weight"].row.block) == "'Single neuron'!B6:B8 T"
    assert show_block(found["x"].row.block) == "'Single neuron'!D6:D8 T"
    assert show_block(found["neuron"].row.block) == "'Single neuron'!F10"
    assert check(path, proposal, tmp_path, model=neuron).passed


def areas_of(proposal):
    return {name: show_block(one.row.block) for name, one in rows_of(proposal).items()}


CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
ON_PAPER = {
    ("RNN", "small"): {
        "x": "small!L6:L9; small!O6:O9; small!R6:R9; small!U6:U9 T",
        "small.rnn.tanh_4": "small!U21:U23 T", "small": "small!L29; small!O29; small!R29; small!U29",
    },
    ("Multihead-Attention", "3 heads"): {"x": "'3 heads'!O6:T10 T", "net.head[2]": "'3 heads'!AJ73:AO75 T"},
    ("Transformer", "Medium"): {"A": "Medium!M6:T13 T", "x": "Medium!C15:J20 T", "medium.linear2": "Medium!V35:AC40 T"},
}  # fmt: skip


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus")
@pytest.mark.parametrize(
    "one", [one for one in HAND_MADE if (one.book, one.sheet) in ON_PAPER], ids=lambda one: one.book
)
def test_a_module_is_found_in_a_workbook_that_other_people_typed(tmp_path, one):
    path = CORPUS / "ai-by-hand-excel" / "advanced" / f"{one.book}.xlsx"
    model = one.make()
    proposal = xlparity.propose(path, model, name=one.name)
    assert areas_of(proposal).items() >= ON_PAPER[one.book, one.sheet].items()
    assert check(path, proposal, tmp_path, model=model).passed


def test_targets_are_found_by_gradients_in_a_workbook_without_a_loss(tmp_path):
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 2))
    inputs, targets = torch.randn(4, 3), torch.eye(2)[[0, 1, 1, 0]]
    nn.functional.cross_entropy(net(inputs), targets, reduction="sum").backward()
    weight, bias = net[0].weight.detach(), net[0].bias.detach()
    areas = {
        "A1": "W", "A2": weight, "E1": "b", "E2": bias[None], "A5": "x", "A6": inputs, "H5": "other", "H6": 1 - targets,
        "K5": "more", "K6": torch.eye(2)[[0, 0, 1, 0]], "N5": "last", "N6": targets,
    }  # fmt: skip
    formulas = [(f"{'QR'[j]}{6 + i}", f"=SUMPRODUCT($A{6 + i}:$C{6 + i},$A${2 + j}:$C${2 + j})+{'EF'[j]}$2")
                for i in range(4) for j in range(2)]  # fmt: skip
    formulas += [(f"{'TU'[j]}{6 + i}", f"=EXP({'QR'[j]}{6 + i})/(EXP($Q{6 + i})+EXP($R{6 + i}))-{'NO'[j]}{6 + i}")
                 for i in range(4) for j in range(2)]  # fmt: skip
    formulas += [(f"{'ABC'[k]}{12 + j}", f"=SUMPRODUCT({'TU'[j]}$6:{'TU'[j]}$9,{'ABC'[k]}$6:{'ABC'[k]}$9)")
                 for j in range(2) for k in range(3)]  # fmt: skip
    formulas += [(f"Z{6 + i}", f"=SUM(H{6 + i}:L{6 + i})") for i in range(4)]
    path = write(tmp_path / "book.xlsx", areas, formulas)
    shown = areas_of(xlparity.propose(path, net, loss=nn.CrossEntropyLoss(reduction="sum")))
    assert shown["y"] == "Net!N6:O9"
    assert shown["net[0].weight.grad"] == "Net!A12:C13"


def test_a_parameter_of_zeros_that_stands_nowhere_is_written_into_the_expressions(tmp_path):
    net, inputs = hand_made()
    with torch.no_grad():
        net[0].bias.zero_()
    areas, formulas = columns_of_samples(net, inputs)
    del areas["E1"], areas["E2"]
    areas |= {"N2": np.zeros((4, 1)), "P2": np.zeros((4, 1))}  # which nothing tells for the bias
    formulas = [(cell, text.partition("+$E")[0]) for cell, text in formulas]
    formulas += [("N8", "=SUM(N2:N5)"), ("P8", "=SUM(P2:P5)")]
    path = write(tmp_path / "book.xlsx", areas, formulas)
    proposal = xlparity.propose(path, net)
    assert "net[0].bias" not in rows_of(proposal)
    assert "all 0.0 in the model" in dict(proposal.not_found)["net[0].bias"]
    assert rows_of(proposal)["net[1]"].row.torch == "torch.relu(x @ net[0].weight.T + aten.full.default([4], 0.0))"
    assert check(path, proposal, tmp_path, model=net).passed
