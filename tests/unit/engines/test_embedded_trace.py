"""Batches and gradients: every cell against PyTorch and finite differences."""

import pytest
import torch
from torch import Tensor

from tests.unit.engines.test_embedded import sheet
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import parse_area
from xlparity.model.book import Book, FillKind
from xlparity.model.value import Kind, Scalar

INPUT = parse_area("S!A1:B3")


def traced(x: Tensor, cell: str, *fills: tuple[str, str] | tuple[str, str, FillKind], **constants: Scalar) -> Tensor:
    return EmbeddedEngine().trace(Book((sheet(constants, fills),)), {INPUT: x}).tensor(parse_area(f"S!{cell}"))


def x(*batch: int) -> Tensor:
    torch.manual_seed(0)
    return (torch.randn(*batch, 3, 2, dtype=torch.float64) + 0.1).requires_grad_()


@pytest.mark.parametrize(
    "fills",
    [
        [("D1:D3", "TANH(A1*2)+EXP(-B1)")],
        [("D1:D3", "SUMPRODUCT($A1:$B1,TRANSPOSE($A$1:$A$2))")],
        [("D1", "1"), ("D2:D3", "D1*A1+B2")],
        [("C1:C3", "IF(A1>0,SQRT(A1),B1^2)"), ("D1:D3", "SUM(C$1:C1)")],
        [("C1:D3", "A1:B3*2", FillKind.ARRAY)],
        [("F1:G3", "MAP(A1:B3,LAMBDA(_xlpm.v,_xlpm.v*_xlpm.v))", FillKind.DYNAMIC), ("D1:D3", "SUM(F1:G1)")],
        [("D1:D3", "OFFSET(A$1,ROW()-1,1)*A1")],
        [("D1:D3", "INDEX($A$1:$B$3,ROW(),2)+MAX($A$1:$A$3)")],
        [("D1:D3", "LET(_xlpm.m,AVERAGE($A$1:$A$3),(A1-_xlpm.m)^2)")],
    ],
)
def test_gradients_agree_with_finite_differences(fills: list[tuple[str, str]]) -> None:
    assert torch.autograd.gradcheck(lambda given: traced(given, "D1:D3", *fills), (x(2),))


def test_a_batch_is_as_many_single_evaluations() -> None:
    given = x(5).detach()
    fills = [("C1:C3", "IF(A1>B1,A1,B1*2)"), ("D1", "C1"), ("D2:D3", "D1+C2"), ("E1", "MATCH(MAX(C1:C3),C1:C3,0)")]
    together = traced(given, "C1:E3", *fills)
    for index in range(5):
        assert torch.equal(traced(given[index], "C1:E3", *fills)[0], together[index])


@pytest.mark.parametrize(
    "formula",
    [
        "INDEX($A$1:$A$3,INT(ABS(B1)))",  # 0 is the whole column, of which a cell takes the one in its own row
        "INDEX($A$1:$A$3,-INT(ABS(B1))+1)",  # below 0 there is none
        "SUM(OFFSET($A$1,0,0,1+INT(ABS(B1)),1))",
        "SUM(OFFSET($B$3,-INT(ABS(B1)),0))+1",
        "SUM(IF(B1>0,$A$1:$A$3,$A$1:$B$3))",
        "SUM(INDEX($A$1:$B$3,INT(ABS(B1)),0))",
    ],
)
def test_samples_that_read_areas_of_different_sizes_are_as_many_single_evaluations(formula: str) -> None:
    given = 2 * x(8).detach()
    fills = [("D1:D3", formula), ("E1:E3", "D1*2")]
    together = EmbeddedEngine().trace(Book((sheet({}, fills),)), {INPUT: given})
    area = parse_area("S!D1:E3")
    for index in range(8):
        alone = EmbeddedEngine().trace(Book((sheet({}, fills),)), {INPUT: given[index]})
        assert torch.equal(alone.kinds(area)[0], together.kinds(area)[index])
        assert torch.equal(alone.tensor(area)[0].nan_to_num(7.5), together.tensor(area)[index].nan_to_num(7.5))
    assert (together.kinds(area) == int(Kind.NUMBER)).any()
    assert (together.kinds(area) != int(Kind.UNDECIDED)).all()


def test_the_branch_not_taken_leaves_no_gradient() -> None:
    given = torch.tensor([[0.0, 4.0], [4.0, 1.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    traced(given, "D1:D3", ("D1:D3", "IF(A1>0,SQRT(A1),3*B1)")).sum().backward()
    assert given.grad is not None
    assert given.grad.tolist() == [[0.0, 3.0], [0.25, 0.0], [0.0, 3.0]]


def test_what_is_no_number_is_nan_and_tells_its_kind() -> None:
    given = torch.tensor([[[0.0, 1.0]] * 3, [[2.0, 1.0]] * 3], dtype=torch.float64)
    trace = EmbeddedEngine().trace(Book((sheet({}, [("D1", "1/A1")]),)), {INPUT: given})
    area = parse_area("S!D1")
    assert trace.kinds(area).flatten().tolist() == [Kind.ERROR, Kind.NUMBER]
    assert trace.tensor(area).flatten()[0].isnan()
    assert trace.tensor(area).flatten()[1] == 0.5


def test_references_that_differ_between_samples() -> None:
    given = torch.tensor([[[0.0, 7.0]] * 3, [[1.0, 8.0]] * 3], dtype=torch.float64, requires_grad=True)
    found = traced(given, "D1", ("D1", "OFFSET(A1,0,A1)+INDEX(A1:B1,1+A2)"))
    assert found.flatten().tolist() == [0.0, 16.0]
