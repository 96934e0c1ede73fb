"""Faults: which elements are errors or undecided."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.unit.functions.evaluation import argument
from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, all_finite, array_of, first_fault, merged, sealed
from xlparity.model.value import Error, Kind

NA, NUM, FIRST, SECOND = int(Error.NA), int(Error.NUM), UNDECIDED, UNDECIDED + 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 0], 0),
        ([0, NA, NUM], NA),
        ([NUM, NA], NUM),
        ([NA, FIRST], FIRST),
        ([FIRST, NA], FIRST),
        ([NA, SECOND, NUM], SECOND),
    ],
)
def test_undecided_wins_over_errors_and_the_first_error_over_others(row: list[int], expected: int) -> None:
    faults = torch.tensor(row, dtype=torch.int32)
    assert first_fault(torch.stack([faults, torch.zeros_like(faults)])).tolist() == [[expected]]
    assert first_fault(faults[None], 1).tolist() == [[expected]]
    assert merged([None, *(fault.reshape(1, 1) for fault in faults)]).tolist() == [[expected]]


def test_of_two_operands_that_are_undecided_the_first_tells_why() -> None:
    one, two = (torch.tensor([[reason]], dtype=torch.int32) for reason in (FIRST, SECOND))
    assert merged([one, two]).tolist() == [[FIRST]]
    assert merged([two, one]).tolist() == [[SECOND]]


def test_each_lane_has_a_fault_of_its_own() -> None:
    lanes = torch.tensor([[[0, NA], [NUM, 0]], [[0, 0], [0, 0]]], dtype=torch.int32)
    assert first_fault(lanes).tolist() == [[[NA]], [[0]]]
    assert first_fault(lanes, 1).tolist() == [[[NA], [NUM]], [[0], [0]]]


def test_numbers_whose_sum_overflows_are_finite() -> None:
    assert all_finite(torch.tensor([1e308, 1e308, 1e308], dtype=torch.float64))
    assert not all_finite(torch.tensor([1.0, float("inf")]))
    assert not all_finite(torch.tensor([1.0, float("nan")]))
    assert not all_finite(torch.tensor([float("-inf"), float("inf")]))


def test_one_value_meets_the_faults_of_many_lanes() -> None:
    fault = torch.tensor([0, NA, SECOND], dtype=torch.int32).reshape(3, 1, 1)
    made = sealed(torch.ones(1, 1, dtype=torch.float64), fault, Kind.BOOLEAN)
    assert made.kinds.flatten().tolist() == [Kind.BOOLEAN, Kind.ERROR, Kind.UNDECIDED]
    assert made.number.flatten().tolist() == [1, NA, 1]


def test_an_infinity_is_a_number_too_large_unless_it_is_another_error_already() -> None:
    number = torch.tensor([[1.0, float("inf"), float("nan")]], dtype=torch.float64)
    made = array_of(number, torch.tensor([[0, 0, NA]], dtype=torch.int32))
    assert made.number.tolist() == [[1, NUM, NA]]
    assert made.kinds.tolist() == [[Kind.NUMBER, Kind.ERROR, Kind.ERROR]]


@pytest.mark.parametrize("convert", [numbers_of, booleans_of])
def test_the_fault_of_texts_that_say_nothing_is_of_whole_numbers(
    convert: Callable[[Array, Texts], tuple[Tensor, Fault]],
) -> None:
    texts = Texts()
    given = argument([["x", 1.0]], texts)
    assert given is not None
    _, fault = convert(given.array, texts)
    assert fault is not None
    assert fault.dtype is torch.int32
    assert fault.tolist() == [[int(Error.VALUE), 0]]
