import pytest
import torch

from xlparity.errors import FormulaError
from xlparity.functions import Argument, call
from xlparity.functions.array import Array, Texts
from xlparity.model.value import Error, Kind


def test_a_wrong_number_of_arguments_is_an_error_of_the_formula() -> None:
    with pytest.raises(FormulaError, match=r"ABS takes 1 argument\(s\), not 2: ABS\(number\)"):
        call("ABS", [None, None], Texts())


def test_an_empty_argument_is_a_blank() -> None:
    assert call("EXP", [None], Texts()).number.item() == 1


def test_an_undecided_argument_keeps_its_reason() -> None:
    result = call("ABS", [Argument(Array.single(Kind.UNDECIDED, 7))], Texts())
    assert (result.kinds.item(), result.number.item()) == (int(Kind.UNDECIDED), 7)


def test_an_error_puts_no_nan_into_the_gradients_of_others() -> None:
    x = torch.tensor([[4.0, -1.0]], dtype=torch.float64, requires_grad=True)
    result = call("SQRT", [Argument(Array(x))], Texts())
    assert result.kinds.tolist() == [[Kind.NUMBER, Kind.ERROR]]
    assert result.number[0, 1] == Error.NUM
    (gradient,) = torch.autograd.grad(result.number[0, 0], x)
    assert gradient.tolist() == [[0.25, 0.0]]
