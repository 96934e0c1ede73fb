"""Arrays of several sizes, errors and gradients around a function's mathematics."""

import pytest
import torch

from tests.unit.functions.evaluation import value
from xlparity.functions import Argument, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.calling import call_function
from xlparity.functions.lift import Checked, checked, elementwise, fitted
from xlparity.functions.signature import Function, number
from xlparity.limits import Budget, TooMuch, spending
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind


def test_arrays_may_be_as_large_together_as_allowed_and_no_larger() -> None:
    lanes, column, row = (Array(torch.ones(*shape).double()) for shape in ((7, 1, 1), (3, 1), (1, 5)))
    with spending(Budget(elements=7 * 3 * 5)):
        assert fitted([lanes, column, row]) == [lanes, column, row]
    with spending(Budget(elements=7 * 3 * 5 - 1)), pytest.raises(TooMuch, match="105 elements"):
        fitted([lanes, column, row])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("EXPAND", [1, 3, 4]),
        ("SEQUENCE", [3, 4]),
        ("INDEX", [[[1, 2, 3, 4]] * 3, [[1], [2], [3]], 0]),
        ("HSTACK", [[[1, 2, 3]] * 3, [[4]] * 3]),
        ("VSTACK", [[[1, 2, 3, 4]] * 2, [[5, 6, 7, 8]]]),
        ("VSTACK", [[[1, 2, 3, 4]] * 2, [[5]]]),
    ],
)
def test_a_larger_array_is_made_only_where_the_limits_allow_it(name: str, arguments: list[object]) -> None:
    with spending(Budget(elements=12)):
        assert value(name, *arguments) is not None
    with spending(Budget(elements=11)), pytest.raises(TooMuch, match="12 elements"):
        value(name, *arguments)


def test_a_matrix_is_made_and_arrays_of_lanes_put_together_only_where_the_limits_allow_it() -> None:
    size, lanes, column = (Argument(Array(torch.full(shape, 3.0).double())) for shape in ((1, 1), (7, 2, 1), (2, 1)))
    for name, arguments, elements in (("MUNIT", [size], 9), ("HSTACK", [lanes, column], 28)):
        with spending(Budget(elements=elements)):
            assert call(name, arguments, Texts()).number.numel() == elements
        with spending(Budget(elements=elements - 1)), pytest.raises(TooMuch, match=f"{elements} elements"):
            call(name, arguments, Texts())


def test_what_python_computes_with_the_values_of_arrays_takes_sixteen_times_as_much() -> None:
    cells = [["a", "b", "c"]] * 2
    with spending(Budget(elements=16 * 2 * 3)):
        assert value("CONCAT", cells) == "abcabc"
    with spending(Budget(elements=16 * 2 * 3 - 1)), pytest.raises(TooMuch, match="96 elements"):
        value("CONCAT", cells)


def test_a_product_of_matrices_may_be_as_large_as_allowed_in_all_its_lanes_and_no_larger() -> None:
    left, right = (Argument(Array(torch.ones(*shape).double())) for shape in ((2, 3, 5), (7, 1, 5, 4)))
    elements, products = 7 * 2 * 3 * 4, 7 * 2 * 3 * 4 * 5
    with spending(Budget(elements=elements, products=products)):
        assert call("MMULT", [left, right], Texts()).number.shape == (7, 2, 3, 4)
    for less in (Budget(elements=elements - 1), Budget(products=products - 1)):
        with spending(less), pytest.raises(TooMuch):
            call("MMULT", [left, right], Texts())


@pytest.mark.parametrize("name", ["MDETERM", "MINVERSE"])
def test_a_matrix_of_n_rows_takes_multiplications_of_the_order_of_n_cubed(name: str) -> None:
    matrix = [[2 * float(i == j) for j in range(10)] for i in range(10)]
    with spending(Budget(products=4 * 10**3)):
        value(name, matrix)
    with spending(Budget(products=10**3 - 1)), pytest.raises(TooMuch, match="multiplications"):
        value(name, matrix)


def test_a_text_counts_once_however_often_it_is_made() -> None:
    with spending(Budget(characters=6)):
        assert value("UPPER", [["abc"], ["ABC"], ["abc"]]) == [["ABC"]] * 3
    with spending(Budget(characters=5)), pytest.raises(TooMuch, match="too many characters"):
        value("UPPER", [["abc"], ["ABC"], ["abc"]])


def test_no_derivative_passes_an_error_whose_number_is_finite() -> None:
    table: Table[str, Function] = Table("one")

    @elementwise(table, "ROOT", number("x"), summary="The root of what is positive.")
    def root(x: torch.Tensor) -> Checked:  # at 0, which is an error, it has an infinite derivative
        return checked(x.sqrt(), (x.detach() == 0, Error.NUM))

    x = torch.tensor([[4.0, 0.0]], dtype=torch.float64, requires_grad=True)
    made = call_function(table["ROOT"], [Argument(Array(x))], Texts())
    assert made.kinds.tolist() == [[int(Kind.NUMBER), int(Kind.ERROR)]]
    assert torch.autograd.grad(made.number[0, 0], x)[0].tolist() == [[0.25, 0]]


def test_large_numbers_whose_sum_overflows_keep_their_values_and_gradients() -> None:
    x = torch.tensor([[1.7e308, -1.7e308, -1.7e308, -1.7e308]], dtype=torch.float64, requires_grad=True)
    made = call("ABS", [Argument(Array(x))], Texts())
    assert made.number.tolist() == [[1.7e308] * 4]
    (gradient,) = torch.autograd.grad(made.number.sum(), x)
    assert gradient.tolist() == [[1, -1, -1, -1]]
