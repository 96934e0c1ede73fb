"""Choices element by element, and truth values put together."""

import pytest
import torch

from xlparity.functions import FUNCTIONS, Argument, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.logic import choose


def lanes(*values: list[list[float]]) -> Array:
    return Array(torch.tensor(values, dtype=torch.float64))


def test_each_lane_chooses_between_arrays_of_lanes_of_one_size() -> None:
    mask = torch.tensor([True, False]).reshape(2, 1, 1)
    made = choose(mask, lanes([[1, 2]], [[3, 4]]), Array(torch.tensor([[5.0, 6.0]], dtype=torch.float64)))
    assert made.number.tolist() == [[[1, 2]], [[5, 6]]]
    made = choose(mask, Array(torch.tensor([[5.0, 6.0]], dtype=torch.float64)), lanes([[1, 2]], [[3, 4]]))
    assert made.number.tolist() == [[[5, 6]], [[3, 4]]]


def test_lanes_that_agree_take_a_whole_array_of_any_size() -> None:
    small, large = lanes([[1]], [[2]]), lanes([[3, 4]], [[5, 6]])
    mask = torch.ones(2, 1, 1, dtype=torch.bool)
    assert choose(mask, small, large) is small
    assert choose(~mask, small, large) is large


def test_each_lane_puts_its_own_truth_values_together() -> None:
    given = [Argument(lanes([[1, 1]], [[1, 0]], [[0, 0]]), True), Argument(Array.of_boolean(True))]
    found = {name: call(name, given, Texts()).number for name in ("AND", "OR", "XOR")}
    assert {name: one.tolist() for name, one in found.items()} == {
        "AND": [[[1]], [[0]], [[0]]],
        "OR": [[[1]], [[1]], [[1]]],
        "XOR": [[[1]], [[0]], [[1]]],
    }


@pytest.mark.parametrize(
    "signature",
    [
        "IF(logical_test, value_if_true, [value_if_false])",
        "IFERROR(value, value_if_error)",
        "IFNA(value, value_if_na)",
        "IFS(logical_test, value_if_true, [more, ...])",
        "SWITCH(expression, value1, result1, [more, ...])",
        "CHOOSE(index_num, value, ...)",
    ],
)
def test_what_the_engine_computes_itself_is_listed_with_its_arguments(signature: str) -> None:
    assert FUNCTIONS[signature.partition("(")[0]].signature == signature


def test_true_and_false_are_functions_too() -> None:
    for name, payload in (("TRUE", 1), ("FALSE", 0)):
        made = call(name, [], Texts())
        assert made.number.tolist() == [[payload]]
        assert made.kinds.tolist() == Array.of_boolean(True).kinds.tolist()
