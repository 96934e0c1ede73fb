"""Sheet and torch compared exactly, as polynomials and quotients of them."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch

import xlparity
from xlparity.check.formulas import FormulaIndex
from xlparity.check.identity import identical_tensors
from xlparity.check.identity.modular import Degree, NotRational, drawn_primes, residue, simplest
from xlparity.check.identity.tensors import Residues, modulo
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

WORKBOOKS = Path(__file__).parents[3] / "workbooks"


def identical(path):
    book = read_book(path)
    program = Program(map_of_book(book))
    found = identical_tensors(program, book, FormulaIndex(book), EmbeddedEngine().evaluate(book), 0)
    assert found.probability < 1e-25
    return set(found.tensors)


def sheet(tmp_path, formula, torch_expression, cells="Sheet!D1", shape="()"):
    book = openpyxl.Workbook()
    for at, number in enumerate((1.5, -2.0, 0.25, 3.0), 1):
        book.active.cell(at, 1).value = number
        book.active.cell(at, 2).value = number + 1
    book.active["D1"] = formula
    parity = book.create_sheet("Parity")
    for row in (
        ("tensor", "role", "cells", "shape", "dtype", "torch"),
        ("x", "input", "Sheet!A1:A4", "(4)", "float64", ""),
        ("y", "target", "Sheet!B1:B4", "(4)", "float64", ""),
        ("z", "computed", cells, shape, "float64", torch_expression),
    ):
        parity.append(row)
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("=SUMXMY2(A1:A4,B1:B4)/COUNT(A1:A4)", "F.mse_loss(x, y)"),
        ("=SUMPRODUCT(A1:A4-B1:B4,A1:A4-B1:B4)/4", "((x - y) ** 2).mean()"),
        ("=DEVSQ(A1:A4)/3", "x.var(0)"),
        ("=VAR.S(A1:A4)+VAR(B1:B4)", "x.var(0) + y.var(0)"),
        ("=VAR.P(A1:A4)*4/3", "aten.var.correction(x, [0])"),
        ("=VARP(A1:A4)", "x.square().mean() - x.mean() ** 2"),
        ("=SUM(A1:A3,A4)/3", "(1 / 3) * x.sum()"),
        ("=A1/B1+A2/B2", "(x[0] * y[1] + x[1] * y[0]) / (y[0] * y[1])"),
        ("=A1^-2*10%", "0.1 / x[0] ** 2"),
        ("=SUMPRODUCT(MMULT(TRANSPOSE(A1:A4),B1:B4))", "x @ y"),
        ("=-A1^2+2*A1", "x[0] ** 2 + x[0] + x[0]"),
        ("=A1^64", "x[0] ** 64"),
    ],
)
def test_the_same_function_in_another_spelling_is_identical(formula, expression, tmp_path):
    assert identical(sheet(tmp_path, formula, expression)) == {"z"}


@pytest.mark.parametrize(
    ("formula", "expression", "why"),
    [
        ("=SUM(A1:A4)+1E-30", "x.sum()", "so small that no sample shows it"),
        ("=SUM(A1:A4)+(A1-1.5)*(A2+2)*(A3-0.25)", "x.sum()", "zero at the sheet's own numbers"),
        ("=MAX(A1,A1)", "x[0]", "a maximum is no polynomial"),
        ("=IF(A1>0,A1,-A1)", "x[0].abs()", "a branch is no polynomial"),
        ("=EXP(A1)", "torch.exp(x[0])", "an exponential is no polynomial"),
        ("=A1^B1", "x[0] ** y[0]", "nor is a power of a variable"),
        ("=A1^0", "y[0] ** 0.5", "nor is a root, though it is a power of a number"),
        ("=SUM(A1:A4)/2", "x.sum()", "wrong"),
        ("=DEVSQ(A1:A4)", "aten.var.correction(x, [0], correction=4)", "torch divides it by 0"),
        ("=A1^60*A1^5", "x[0] ** 65", "torch's power is too high to be followed"),
    ],
)
def test_what_is_not_the_same_polynomial_is_not_claimed(formula, expression, why, tmp_path):
    assert identical(sheet(tmp_path, formula, expression)) == set(), why


def test_gradients_of_the_lecture_are_identical_and_a_wrong_one_is_not(tmp_path):
    found = identical(WORKBOOKS / "gradient.xlsx")
    assert len(found) > 25
    book = openpyxl.load_workbook(WORKBOOKS / "gradient.xlsx")
    book["Gradient"]["B12"].value = "=1/B11"
    book.save(tmp_path / "wrong.xlsx")
    wrong = found - identical(tmp_path / "wrong.xlsx")
    assert wrong == {"two_over_K", "net[2].weight.grad", "net[2].bias.grad"}  # torch's gradients are from the loss on


def test_the_report_says_what_is_identical_and_what_is_only_sampled(tmp_path):
    report = xlparity.check(WORKBOOKS / "mse.xlsx", samples=9)
    said = " ".join(str(report).split())
    assert "9 of 14 computed tensors are identical to torch's as polynomials or quotients of polynomials" in said
    assert "the other 5 are only sampled" in said
    assert 0 < report.exploration.wrong < 1e-25
    assert xlparity.check(WORKBOOKS / "mse.xlsx").exploration is None


def test_numbers_are_read_as_the_fractions_that_they_are_written_for():
    assert [str(simplest(one)) for one in (0.1, 1 / 3, -2.0, 1e-5)] == ["1/10", "1/3", "-2", "1/100000"]
    assert residue(simplest(0.5), 7) == 4
    for number in (float("inf"), float("nan"), 1e300):
        with pytest.raises(NotRational):
            simplest(number)


def test_primes_are_prime_and_their_products_fit_into_int64():
    primes = drawn_primes(4, random.Random(1))
    assert len(set(primes)) == 4
    for prime in primes:
        assert 1 << 30 < prime < 1 << 31
        assert all(prime % divisor for divisor in range(2, 46_341))


class Upwards(random.Random):
    """Draws the odd numbers from `start` on, one after the other."""

    def __init__(self, start):
        super().__init__(0)
        self.odd = itertools.count(start, 2)

    def randrange(self, start, stop, step):
        assert (start, stop, step) == ((1 << 30) + 1, 1 << 31, 2)  # as likely as any other
        return next(self.odd)


# The second is a product of two primes that passes the test to the bases 2, 3 and 5 (Jaeschke 1993), the third one of
# three, 601 * 1201 * 1801, that passes Fermat's to all bases but these (Chernick 1939).
@pytest.mark.parametrize("start", [(1 << 30) + 1, 1_157_839_381, 1_299_963_601])
def test_every_prime_may_be_drawn_and_nothing_else(start):
    found = drawn_primes(6, Upwards(start))
    odd = range(start, max(found) + 1, 2)
    assert found == [number for number in odd if all(number % divisor for divisor in range(3, 46_341, 2))]


def test_degrees_of_sums_products_and_quotients():
    x, q = Degree(1), Degree(2, 1)
    assert x * x + x == Degree(2)
    assert x / q == Degree(2, 2)
    assert q + q == Degree(3, 2)
    assert q.sum_of(3) == Degree(4, 3)
    assert (q.power(3), q.power(-3)) == (Degree(6, 3), Degree(3, 6))
    assert Degree(3, 1).apart(Degree(1, 2)) == 5


@pytest.mark.parametrize("degrees", list(itertools.product(range(3), repeat=4)))
def test_degrees_are_those_of_the_polynomials(degrees):
    # p / q and r / s, whose first terms do not cancel
    p, q, r, s = (
        factor * np.polynomial.Polynomial(np.arange(1.0, degree + 2))
        for factor, degree in zip((1, 3, 7, 13), degrees, strict=True)
    )
    one, other = Degree(p.degree(), q.degree()), Degree(r.degree(), s.degree())
    assert one + other == Degree((p * s + r * q).degree(), (q * s).degree())
    assert one * other == Degree((p * r).degree(), (q * s).degree())
    assert one / other == Degree((p * s).degree(), (q * r).degree())
    assert one.power(3) == Degree((p**3).degree(), (q**3).degree())
    assert one.power(-2) == Degree((q**2).degree(), (p**2).degree())
    assert one.apart(other) == (p * s - r * q).degree()
    assert one | other == Degree(max(p.degree(), r.degree()), max(q.degree(), s.degree()))
    assert one.sum_of(3) == one + one + one


def degree_along_a_line(values, prime):
    """The degree of the polynomial that has these values, a row each, at 0, 1, 2, ...: differences get to 0."""
    for degree in range(-1, len(values)):
        if not (values % prime).any():
            return degree
        values = np.diff(values, axis=0) % prime
    raise AssertionError("more values are needed")


X, Y = torch.arange(1, 13).reshape(3, 4), torch.tensor([[2, 7, 1, 8], [2, 8, 1, 8], [4, 5, 9, 5]])
POLYNOMIALS = [
    lambda x, y: x + y, lambda x, y: x - 2 * y, lambda x, y: x * y, lambda x, y: x * 3, lambda x, y: x**4,
    lambda x, y: x.square() + y, lambda x, y: -x * y, lambda x, y: (x * y).sum(), lambda x, y: (x * y).mean(0),
    lambda x, y: (x * y).var(1), lambda x, y: x @ y.T, lambda x, y: torch.addmm(y, x, y.T @ x),
    lambda x, y: x[0].dot(y[0]),
    lambda x, y: torch.cat([x, x * y]), lambda x, y: torch.stack([x * y, x]), lambda x, y: x.reshape(2, 6).T[1],
    lambda x, y: torch.nn.functional.conv1d(x[None], y[:, :3, None].expand(3, 3, 2)),
    lambda x, y: torch.nn.functional.conv1d(x[None], y[:, :3, None].expand(3, 3, 2), (x * x * x)[:, 0]),
    torch.nn.functional.mse_loss, lambda x, y: torch.baddbmm(x[None, :, :3], x[None], y.T[None]),
    lambda x, y: torch.addcmul(x, x, y, value=2), lambda x, y: torch.ones_like(x) * y, lambda x, y: x / 3,
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(POLYNOMIALS)))
def test_the_degree_of_what_torch_computes_is_that_of_the_polynomial(at):
    prime, found = 2_147_483_647, []
    with modulo(prime):
        for step in range(8):
            one, other = (Residues(part + step * part.flip(0) % prime, Degree(1)) for part in (X, Y))
            result = POLYNOMIALS[at](one, other)
            found.append(result.residue.numpy().ravel())
    assert result.degree == Degree(degree_along_a_line(np.stack(found), prime))


def test_residues_of_integers_are_torchs_own_results():
    torch.manual_seed(0)
    a, b = torch.randint(-50, 50, (3, 4)), torch.randint(-50, 50, (4, 2))
    x, w = torch.randint(-9, 9, (2, 3, 5, 5)), torch.randint(-9, 9, (4, 3, 3, 3))
    prime = 2_147_483_647
    with modulo(prime):
        one, other = (Residues(part % prime, Degree(1)) for part in (a, b))
        product = one @ other
        assert torch.equal(product.residue, (a @ b) % prime)
        assert product.degree == Degree(2)
        assert torch.equal((one - 2 * one.mean(0)).residue * 3 % prime, (3 * a - 2 * a.sum(0)) % prime)
        convolved = torch.nn.functional.conv2d(Residues(x % prime, Degree(1)), Residues(w % prime, Degree(1)))
        wide = torch.nn.functional.conv2d(x.double(), w.double()).long()
        assert np.array_equal(convolved.residue, wide % prime)


def test_in_inference_mode_torch_hands_on_whole_what_it_else_takes_apart():
    with modulo(101), torch.inference_mode():
        one, other = (Residues(part % 101, Degree(1)) for part in (X, Y))
        assert torch.equal(torch.subtract(one, other, alpha=2).residue, (X - 2 * Y) % 101)
