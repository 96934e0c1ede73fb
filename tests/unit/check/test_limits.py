"""How far a sheet may be from torch when both compute from the same numbers."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from tests.unit.check.small import row
from xlparity.check.limits import allowed_differences

X, Z = row("x", "A1:A3"), row("z", "B1:B3")
OFFICE = 5e-15  # what may be lost of a number of which an office saves 15 digits
OPERATION = 4 * 2.0**-53  # of its result


def limit(expression: str, x: list[float], z: list[float]) -> float:
    given = {"x": np.array(x), "z": np.array(z)}
    return allowed_differences([X, Z, row("y", "C1:C3", expression)], given)["y"]


def test_a_given_number_may_lose_the_digits_that_an_office_does_not_save() -> None:
    found = allowed_differences([X], {"x": np.array([1.0, -4.0, 2.0])})
    assert found == {"x": pytest.approx(4 * OFFICE, rel=1e-9, abs=0.0)}


@pytest.mark.parametrize(
    ("expression", "x", "z", "expected"),
    [
        ("x * z", [1.0, 2.0, -3.0], [1.0, 1.0, 2.0], 6 * (2 * OPERATION + OFFICE)),  # the sheet rounds, and torch
        ("x - z", [3.0, 3.0, 3.0], [3.0, 3.0, 3.0], 2 * 2.0**-48 * 6),  # office sets such a difference to zero
        ("x - z", [1e6, 1.0, 1.0], [1e6, 1.0, 1.0], 1e-12),  # which is not let grow with its operands
        ("1 / (x - z)", [1 + 2.0**-51, 3.0, 3.0], [1.0, 1.0, 1.0], 1e-7 * 2.0**51),  # of which nothing is known
        ("1 / (x - z) * 2.0**-60", [1 + 2.0**-51, 3.0, 3.0], [1.0, 1.0, 1.0], 1e-7 * 2.0**-9),
    ],
)
def test_a_limit_is_what_rounding_allows_and_at_most_a_ten_millionth_of_the_largest_number(
    expression: str, x: list[float], z: list[float], expected: float
) -> None:
    assert limit(expression, x, z) == pytest.approx(expected, rel=0.05, abs=0.0)


def test_infinite_numbers_do_not_count() -> None:
    assert OFFICE * exp(2) < limit("torch.exp(x)", [1000.0, 1.0, 2.0], [0.0] * 3) < 10 * OFFICE * exp(2)


def test_progress_is_told() -> None:
    told: list[str] = []
    allowed_differences([X, row("y", "C1:C3", "2 * x")], {"x": np.ones(3)}, told.append)
    assert told
