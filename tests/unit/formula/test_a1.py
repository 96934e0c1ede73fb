"""Addresses as people write them: what is no address, and why."""

from __future__ import annotations

import pytest

from xlparity.errors import InputError
from xlparity.formula.a1 import parse_area
from xlparity.model.area import Area


def test_an_area_without_a_sheet_takes_the_one_that_is_given() -> None:
    assert parse_area("C4:B3", "S") == Area.of("S", 2, 1, 2, 2)
    assert parse_area("T!B3:C4", "S") == Area.of("T", 2, 1, 2, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("B3:C4", "'B3:C4' names no sheet; write it as Sheet1!B3:C4"),
        ("S!B0", "'S!B0' lies outside a sheet, which ends at XFD1048576"),
        ("S!XFE1", "'S!XFE1' lies outside a sheet, which ends at XFD1048576"),
        ("S!B", "'S!B' is not a cell or area; write it as C5, B3:C5 or 'Layer 1'!B3:C5"),
    ],
)
def test_what_is_no_address_is_said_with_how_to_write_one(text: str, said: str) -> None:
    with pytest.raises(InputError) as failure:
        parse_area(text)
    assert str(failure.value) == said
