"""Which formulas and which of torch's operations are compared as rational functions, and which are left to samples."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest
import torch

from tests.unit.check import small
from xlparity.check import identity
from xlparity.check.formulas import FormulaIndex
from xlparity.check.identity import cells, identical_tensors
from xlparity.check.identity.modular import Degree, NotRational, drawn_primes
from xlparity.check.identity.tensors import Residues, modulo
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Scalar

X, Y = small.row("x", "A1:A4"), small.row("y", "B1:B4")
CELLS: Mapping[str, Scalar] = {
    "A1": 1.5, "A2": -2.0, "A3": 0.25, "A4": 3.0, "B1": 2.5, "B2": -1.0, "B3": 1.25, "B4": 4.0,
    "C1": "word", "C3": True,
}  # fmt: skip


def identical(book: Book, *rows: MapRow) -> set[str]:
    program = Program(Map(rows))
    return set(identical_tensors(program, book, FormulaIndex(book), EmbeddedEngine().evaluate(book), 0).tensors)


def is_identical(formula: str, expression: str, **more: Scalar) -> bool:
    book = small.book({**CELLS, "D1": f"={formula}", **more})
    return identical(book, X, Y, small.row("z", "D1", expression, shape=())) == {"z"}


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("+A1+C2", "x[0]"),  # a blank is 0 where it is read alone
        ("SUM(A1:A4,C1:C3)", "x.sum()"),  # and left out of ranges, as texts and booleans are
        ("AVERAGE(A1:A4)+AVERAGE(B1:C2)*0", "x.mean()"),
        ("COUNT(A1:C1)", "x[0] * 0 + 2"),
        ("DEVSQ(A1:C1)", "(x[0] - y[0]) ** 2 / 2"),
        ("VAR(A1:A4)", "x.var(0)"),
        ("PRODUCT(A1:A4)", "x[0] * x[1] * x[2] * x[3]"),
        ("SUMX2PY2(A1:A4,B1:B4)", "(x * x).sum() + (y * y).sum()"),
        ("SUMX2MY2(A1:A4,B1:B4)", "((x - y) * (x + y)).sum()"),
        ("SUMSQ(A1:A4)", "x @ x"),
        ("SUMPRODUCT(A1:A4,B1:B4)", "x @ y"),
        ("MMULT(TRANSPOSE(A1:A4),B1:B4)^2", "(x @ y) ** 2"),
        ("A1^0", "x[0] * 0 + 1"),
        ("A1^-3", "1 / (x[0] * x[0] * x[0])"),
        ("s!A1*S!A2", "x[0] * x[1]"),
        ("E1*2", "x[0] * 4"),  # a formula in between, which the map does not name
        ("A4:A1", None),
        ("1/(1/A1)", "x[0]"),
        ("A1*1E-5", "x[0] * 1e-05"),
        ("SUM(A1:A1*2)", "x[0] * 2"),
        ("A1:A1*2", "x[0] * 2"),
        ("SUM(A1:A4,F1:F2)", "x.sum() + 3.5"),  # over numbers that are of no tensor
    ],
)  # fmt: skip
def test_the_same_rational_function_is_seen(formula: str, expression: str | None) -> None:
    assert is_identical(formula, expression or "x.sum()", E1="=A1+A1", F1=3.0, F2=0.5) == (expression is not None)


@pytest.mark.parametrize(
    ("formula", "expression", "more"),
    [
        ("A1+C1", "x[0]", {}),
        ("A1+C3", "x[0] + 1", {}),
        ("T!A1", "x[0]", {}),
        ("SUM(A:A)", "x.sum()", {}),
        ("A1^0.5*A1^0.5", "x[0]", {}),
        ("A1^100/A1^99", "x[0]", {}),
        ("A1/(B1-B1)", "x[0]", {}),
        ("(A1-A1)/(B1-B1)", "x[0] * 0", {}),
        ("AVERAGE(C1:C2)", "x[0] * 0", {}),
        ("DEVSQ(C1:C2)", "x[0] * 0", {}),
        ("PRODUCT(A1:C1)", "x[0] * y[0]", {}),
        ("SUMXMY2(A1:A4,B1:B3)", "((x - y) ** 2).sum()", {}),
        ("SUMXMY2(A1:C1,A1:C1)", "x[0] * 0", {}),
        ("SUMPRODUCT(A1:A4,B1:B3)", "x @ y", {}),
        ("SUM(MMULT(A1:A4,B1:B4))", "x @ y", {}),
        ('A1&""', "x[0]", {}),
        ("SUM((", "x[0]", {}),
        ("E1+1", "x[0]", {"E1": "=E2", "E2": "=E1"}),
        ("D1*0+A1", "x[0]", {}),
        ("A1^(1+1)", "x[0] ** 2", {}),
        ("SUMSQ(A1:A2,A3:A4)", "x @ x", {}),
        ("2", "aten.full.default([], 2.0)", {}),
    ],
)  # fmt: skip
def test_of_what_is_none_nothing_is_claimed(formula: str, expression: str, more: dict[str, Scalar]) -> None:
    assert not is_identical(formula, expression, **more)


@pytest.mark.parametrize(
    ("text", "cells", "expression", "seen"),
    [
        ("A1:A4*2", "D1:D4", "x * 2", True),
        ("A1*2", "D1:D2", "(x[0] * 2).expand(2)", True),  # a single number in every cell of an array formula
        ("A1:A4*2", "D1:D4", "x * 3", False),
        ("A1:A2*2", "D1:D4", "x * 2", False),  # beyond its end there is #N/A
        ("TRANSPOSE(A1:A4)", "D1:G1", "x", True),
    ],
)  # fmt: skip
def test_the_cells_of_an_array_formula_are_its_elements(text: str, cells: str, expression: str, seen: bool) -> None:
    fills = (Fill(small.area(cells), text, FillKind.ARRAY),)
    book = Book((Sheet("S", small.book(CELLS).sheets[0].constants, fills),))
    assert identical(book, X, small.row("z", cells, expression)) == ({"z"} if seen else set())


SUM, CONVOLUTION = "SUM(A1:A4)", "aten.convolution.default"
ORDINARY = "[1], [0], [1], False, [0], 1"


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("A1+A2", "aten.roll.default(x, [3], [0])[0] + aten.flip.default(x, [0])[3]"),
        ("A2", "x.reshape(2, 2).T[1, 0]"),
        (SUM, "torch.cat([x[:2], x[2:]]).sum()"),
        (SUM, "torch.stack([x, y])[0].sum()"),
        (SUM, "x.sum() + torch.zeros_like(x)[0]"),
        ("4", "torch.ones_like(x).sum() + 0 * x[0]"),
        ("SUM(A1:A2)", "aten.split.Tensor(x, 2)[0].sum()"),
        ("-A1", "-x[0]"),
        ("1/A1", "aten.reciprocal.default(x)[0]"),
        ("A1^2", "x[0].square()"),
        ("A1^-2", "x[0] ** -2"),
        ("1-A1", "aten.rsub.Scalar(x[0], 1)"),
        ("A1+2*B1", "torch.add(x, y, alpha=2)[0]"),
        ("A1-2*B1", "torch.sub(x, y, alpha=2)[0]"),
        ("AVERAGE(A1:A4)", "x.reshape(2, 2).mean((0, 1))"),
        ("VARP(A1:A4)", "aten.var.correction(x, [0], correction=0)"),
        ("DEVSQ(A1:A4)/2.5", "aten.var.correction(x, [0], correction=1.5)"),
        ("VAR(A1:A4)", "aten.var.correction(x, [0])"),
        ("VARP(A1:A4)", "aten.var_mean.correction(x, [0], correction=0)[0]"),
        ("AVERAGE(A1:A4)", "aten.var_mean.correction(x, [0])[1]"),
        ("A1+A4", "aten.trace.default(x.reshape(2, 2))"),
        ("A2*B3-A3*B2", "aten.linalg_cross.default(x[:3], y[:3])[0]"),
        ("2.5*A1", "aten.full_like.default(x, 2.5)[0] * x[0]"),
        ("A1*B1+A1", "aten.addmm.default(x[:1, None], x[:1, None], y[:1, None])[0, 0]"),
        ("2*A1*B1+3*A1", "aten.addmm.default(x[:1, None], x[:1, None], y[:1, None], beta=3, alpha=2)[0, 0]"),
        ("A1*B1+A2*B2", f"{CONVOLUTION}(x[None, None, :2], y[None, None, :2], None, {ORDINARY})[0, 0, 0]"),
        ("A1*B1+A2", f"{CONVOLUTION}(x[None, None, :1], y[None, None, :1], x[1:2], {ORDINARY})[0, 0, 0]"),
        ("A1", "aten.constant_pad_nd.default(x, [1, 0])[1]"),
        ("0*A1", "aten.constant_pad_nd.default(x, [1, 0])[0]"),
        ("A1*B2", "torch.outer(x, y)[0, 1]"),
        ("A2+A1*B2", "aten.addr.default(x, x, y)[0, 1]"),
        ("A1", "x[0].sum()"),
        ("SUMXMY2(A1:A4,B1:B4)/4", "F.mse_loss(x, y)"),
        ("A1", "aten._to_copy.default(x, dtype=torch.float32)[0]"),
        ("A1/4", "x[0] / 4"),
    ],
)  # fmt: skip
def test_torchs_own_operations_are_followed(formula: str, expression: str) -> None:
    assert is_identical(formula, expression)


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("A1", "aten.div.Tensor_mode(x, 1.0, rounding_mode='floor')[0]"),
        ("A1", "aten._to_copy.default(x, dtype=torch.int64)[0]"),
        ("SUM(A1:A4)", "x.sum(dtype=torch.int64) * 1.0"),
        ("2.5*A1", "aten.full_like.default(x, 2.5, dtype=torch.int64)[0] * x[0]"),
        ("A1", "aten.view.dtype(x, torch.int64)[0] * 1.0"),  # its bits
        ("-DEVSQ(A1:A4)", "aten.var.correction(x, [0], correction=5)"),  # an infinity
        ("DEVSQ(A1:A4)", "aten.var.correction(x, [0], correction=5)"),
        ("VAR(A1:A4)", "aten.var.correction(x, [0], correction=1.9)"),
        ("A1", "(x ** 0.5)[0] * (x ** 0.5)[0]"),
        ("A1^A2", "(x[0] ** x[1])"),
        ("1", "aten.constant_pad_nd.default(x, [1, 0], 1.0)[0] + 0 * x[0]"),
        ("A1", "(x / (y - y))[0]"),
        ("ABS(A1)", "x.abs()[0]"),
        ("A1*B1", f"{CONVOLUTION}(x[None, None, :1], y[None, None, :1], None, [1], [0], [1], True, [0], 1)[0, 0, 0]"),
        ("MAX(A1:A4)", "x.max()"),
        ("A1", "aten.index_select.default(x, 0, y)[0]"),
    ],
)  # fmt: skip
def test_operations_that_are_not_rational_are_left_to_samples(formula: str, expression: str) -> None:
    assert not is_identical(formula, expression)


def test_a_tensor_that_is_not_rational_is_a_variable_to_what_reads_it() -> None:
    rows = X, small.row("e", "D1", "torch.exp(x[0])", shape=()), small.row("z", "E1", "e * e - 1", shape=())
    right = small.book({**CELLS, "D1": "=EXP(A1)", "E1": "=(D1-1)*(D1+1)"})
    assert identical(right, *rows) == {"z"}
    wrong = small.book({**CELLS, "D1": "=EXP(A1)", "E1": "=(D1-1)*(D1+2)"})
    assert identical(wrong, *rows) == set()


def test_the_probability_of_being_wrong_anywhere_is_the_sum_over_all_cells() -> None:
    book = small.book({**CELLS, "D1": "=A1*A1", "E1": "=A1*3", "E2": "=A2*3"})
    rows = X, small.row("square", "D1", "x[0] ** 2", shape=()), small.row("triple", "E1:E2", "x[:2] * 3")
    found = identical_tensors(Program(Map(rows)), book, FormulaIndex(book), EmbeddedEngine().evaluate(book), 0)
    assert set(found.tensors) == {"square", "triple"}
    # A polynomial of degree d that is not zero is zero at random by d/p; four primes p, three cells.
    primes = drawn_primes(4, random.Random(0))
    assert found.probability == pytest.approx((2**4 + 2 * 1**4) / math.prod(primes), rel=1e-12, abs=0.0)


def test_the_degree_of_a_product_of_matrices_counts_the_denominator_of_each_term() -> None:
    six = {f"{column}{at}": float(at + (column == "B")) for column in "AB" for at in range(1, 7)}
    book = small.book({**six, "D1": "=MMULT(TRANSPOSE(1/A1:A6),B1:B6)"})
    rows = small.row("x", "A1:A6"), small.row("y", "B1:B6"), small.row("z", "D1", "(1 / x) @ y", shape=())
    found = identical_tensors(Program(Map(rows)), book, FormulaIndex(book), EmbeddedEngine().evaluate(book), 0)
    # Over the common denominator of six terms each side is a polynomial of degree 6 by another.
    assert found.probability == pytest.approx(12**4 / math.prod(drawn_primes(4, random.Random(0))), rel=1e-12, abs=0.0)


def test_whole_numbers_and_constants_are_those_of_the_sheet() -> None:
    n = small.row("n", "B1", dtype="int64", shape=())
    cells = {**CELLS, "B1": 3.0, "D1": "=A1*3"}
    assert identical(small.book(cells), X, n, small.row("z", "D1", "x[0] * n", shape=())) == {"z"}
    c = small.row("c", "B1", role=Role.CONSTANT, shape=())
    assert identical(small.book(cells), X, c, small.row("z", "D1", "x[0] * c", shape=())) == {"z"}
    w = small.row("w", "B1", role=Role.PARAMETER, shape=())  # which may be another number
    assert identical(small.book(cells), X, w, small.row("z", "D1", "x[0] * w", shape=())) == set()
    whole = small.row("z", "D1", "n * 2", shape=(), dtype="int64")
    assert identical(small.book({**cells, "D1": "=B1*2"}), n, whole) == set()
    broken = small.book({**cells, "B1": 2.5})
    assert identical(broken, X, n, small.row("z", "D1", "x[0] * n", shape=())) == set()


def test_two_tensors_in_the_same_cells_are_the_same_to_what_reads_them() -> None:
    rows = (
        X, small.row("e", "D1", "torch.exp(x[0])", shape=()), small.row("again", "D1", "torch.exp(x[0])", shape=()),
        small.row("z", "E1", "e - again", shape=()),
    )  # fmt: skip
    assert identical(small.book({**CELLS, "D1": "=EXP(A1)", "E1": "=D1-D1"}), *rows) == {"z"}
    assert identical(small.book({**CELLS, "D1": "=EXP(A1)", "E1": "=D1+D1"}), *rows) == set()


def test_of_a_tensor_that_is_cut_the_cells_of_another_stay_as_they_are_and_its_own_become_variables() -> None:
    rows = (
        X, small.row("e", "D1", "torch.exp(x[0])", shape=()), small.row("both", "D1:D2", "torch.exp(x[:2])"),
        small.row("z", "E1", "both[0] - e + both[1] * 2", shape=()),
    )  # fmt: skip
    formulas = {"D1": "=EXP(A1)", "D2": "=EXP(A2)", "E1": "=D2+D2"}
    assert identical(small.book({**CELLS, **formulas}), *rows) == {"z"}


def test_of_large_workbooks_and_of_too_many_cells_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_identical("SUM(A1:A4)", "x.sum()")
    with monkeypatch.context() as patched:
        patched.setattr(identity, "_MOST_FORMULAS", 0)
        assert not is_identical("SUM(A1:A4)", "x.sum()")
    monkeypatch.setattr(cells, "_MOST_READ", 3)
    assert not is_identical("SUM(A1:A4)", "x.sum()")
    assert is_identical("SUM(A1:A3)", "x[:3].sum()")


def test_a_sum_of_more_products_than_int64_holds_is_left_to_samples() -> None:
    with modulo(2_147_483_647):
        for count in ((1 << 15) - 1, 1 << 15):
            one = Residues(torch.full((count,), 2_147_483_646), Degree(1))
            if count < 1 << 15:
                assert (one @ one).residue.item() == count  # (-1) * (-1) so many times
            else:
                with pytest.raises(NotRational, match="a sum of too many products"):
                    one @ one
