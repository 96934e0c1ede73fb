from math import nextafter

import pytest
import torch

from tests.unit.functions.evaluation import operation, same
from xlparity.functions.array import Array, Texts
from xlparity.functions.operators import operator
from xlparity.model.value import Error


@pytest.mark.parametrize(
    ("left", "symbol", "right", "expected"),
    [
        (1, "+", 2, 3),
        ("3", "+", 1, 4),
        (" 3 ", "+", True, 4),
        ("50%", "*", 2, 1),
        ("1e3", "-", None, 1000),
        ("$1,000", "+", 0, 1000),
        ("1/2/2024", "+", 0, 45293),
        ("12:00", "+", 0, 0.5),
        ("(5)", "+", 0, -5),
        ("abc", "+", 1, Error.VALUE),
        ("1e999", "+", 1, Error.VALUE),
        ("", "+", 1, Error.VALUE),
        (Error.NA, "+", Error.DIV0, Error.NA),
        (Error.DIV0, "+", "abc", Error.DIV0),
        ("abc", "+", Error.DIV0, Error.VALUE),
        (1, "/", 0, Error.DIV0),
        (0, "/", 0, Error.DIV0),
        (1, "/", None, Error.DIV0),
        (1e308, "*", 10, Error.NUM),
        (0, "^", 0, Error.NUM),
        (0, "^", -1, Error.DIV0),
        (0, "^", 2, 0),
        (0, "^", 0.5, 0),
        (0, "^", -0.5, Error.DIV0),
        ([[0], [-8], [8], [0.125]], "^", 1 / 3, [[0], [-2], [2], [0.5]]),
        (0.125, "^", 1 / 3, 0.5),
        ([[2, 3]], "^", [[2, 3]], [[4, 27]]),
        (-32, "^", [[0.2, -0.2, 0.25, 0, 1]], [[-2, -0.5, Error.NUM, 1, -32]]),
        (-8, "^", 0.5, Error.NUM),
        (-8, "^", 2, 64),
        (-8, "^", 1 / 3, -2),
        (-8, "^", 2 / 3, Error.NUM),
        (2, "^", -1, 0.5),
        (10, "^", 400, Error.NUM),
        (1, "&", 2, "12"),
        (0.1, "&", "", "0.1"),
        (1 / 3, "&", "", "0.333333333333333"),
        (2 / 3 / 100000, "&", "", "6.66666666666667E-06"),
        (1e20, "&", "", "100000000000000000000"),
        (1e21, "&", "", "1E+21"),
        (123456789012345678, "&", "", "123456789012346000"),
        (-1.5e-20, "&", "", "-1.5E-20"),
        (True, "&", None, "TRUE"),
        (False, "&", None, "FALSE"),
        (0, "&", None, "0"),
        (0.00001, "&", "", "0.00001"),
        (1e15, "&", "", "1000000000000000"),
        (Error.NA, "&", "a", Error.NA),
        ("a", "=", "A", True),
        ("a", "<", "B", True),
        ("10", "=", 10, False),
        (10, "=", "10", False),
        (1e300, "<", "10", True),
        (1, "<", True, True),
        (1, "=", True, False),
        ("TRUE", "=", True, False),
        (None, "=", [[0, "", False, 1, "a", True]], [[True, True, True, False, False, False]]),
        ([[0, "", False, 1, "a", True]], "=", None, [[True, True, True, False, False, False]]),
        ([["a", 2]], "+", 1, [[Error.VALUE, 3]]),
        ("~", "<", "1", True),
        ("_", "<", "a", True),
        ("\N{ARABIC-INDIC DIGIT THREE}", "<", "a", True),
        (nextafter(3e10, 4e10), "=", 3e10, True),
        (nextafter(3e-10, 1), "=", 3e-10, True),
        (3e-10, "<", 3.00000000000001e-10, True),
        ("10", ">", 1e300, True),
        (True, ">", "zzz", True),
        (False, ">", 5, True),
        (None, "=", 0, True),
        (None, "=", "", True),
        (None, "=", False, True),
        (None, "=", None, True),
        (None, "<", "a", True),
        (None, ">", -1, True),
        (0.1 + 0.2, "=", 0.3, True),
        (0.1 + 0.2, ">", 0.3, False),
        ([[0.1 + 0.2, 0.3, 1.1 * 1.1, 2]], ">=", [[0.3, 0.1 + 0.2, 1.21, 3]], [[True, True, True, False]]),
        (1, "=", 1 + 1e-13, False),
        (1, "<>", 2, True),
        (2, "<=", 2, True),
        (1, "=", Error.NUM, Error.NUM),
        ([[1], [2]], "+", [[10, 20, 30]], [[11, 21, 31], [12, 22, 32]]),
        ([[1, 2]], "+", [[1, 2, 3]], [[2, 4, Error.NA]]),
        ([[1], [2]], "+", [[10, 20], [30, 40], [50, 60]], [[11, 21], [32, 42], [Error.NA, Error.NA]]),
        ([[1], [2]], "+", [[1, 2, 3]] * 3, [[2, 3, 4], [3, 4, 5], [Error.NA] * 3]),
        ([[1, 2]], "+", [[1, 2, 3]] * 2, [[2, 4, Error.NA]] * 2),
    ],
)
def test_operator_gives_what_excel_gives(left: object, symbol: str, right: object, expected: object) -> None:
    assert same(operation(left, symbol, right), expected)


@pytest.mark.parametrize(
    ("symbol", "below", "equal", "above"),
    [
        ("=", False, True, False),
        ("<>", True, False, True),
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
    ],
)
def test_a_comparison_tells_less_from_equal_from_greater(symbol: str, below: bool, equal: bool, above: bool) -> None:
    expected = [[below, equal, above]]
    assert same(operation([[1, 2, 3]], symbol, 2), expected)
    assert same(operation("b", symbol, [["c", "B", "a"]]), expected)


def test_the_odd_root_of_zero_beside_that_of_a_negative_number_has_no_sign() -> None:
    assert str(operation([[0, -8]], "^", 1 / 3)) == "[[0.0, -2.0]]"


def test_a_power_has_gradients_beside_errors() -> None:
    base = torch.tensor([[2.0, 0.0, -8.0, -8.0]], dtype=torch.float64, requires_grad=True)
    exponent = torch.tensor([[2.0, 0.0, 1 / 3, 0.5]], dtype=torch.float64)
    result = operator("^", Array(base), Array(exponent), Texts())
    (gradient,) = torch.autograd.grad(result.number[0, 0] + result.number[0, 2], base)
    assert gradient.tolist()[0] == pytest.approx([4, 0, 1 / 12, 0])


def test_squares_are_correctly_rounded() -> None:
    numbers = torch.rand(1000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    squares = operator("^", Array(numbers), Array.of_number(2.0), Texts()).number
    assert torch.equal(squares, numbers * numbers)


def test_lanes_broadcast_against_arrays() -> None:
    lanes = Array(torch.arange(3, dtype=torch.float64).reshape(3, 1, 1))
    row = Array(torch.tensor([[1.0, 2.0]], dtype=torch.float64))
    assert operator("*", lanes, row, Texts()).number.tolist() == [[[0, 0]], [[1, 2]], [[2, 4]]]
