"""Every workbook dropped into this folder is a test: its cached values are what the formulas have to give.

The oracle of the workbooks that `make.py` writes is Excel's documentation. A sheet `Cases` says in column B how far a
result may be off; elsewhere it is a few units in the last place.
"""

from pathlib import Path

import pytest

from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.value import Values
from xlparity.xlsx.read import read_book

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.glob("**/*.xlsx")), ids=lambda path: path.stem)
def test_formulas_give_what_the_workbook_remembers(path: Path) -> None:
    book = read_book(path)
    values = EmbeddedEngine().evaluate(book, path)
    found = differences(book, values)
    assert not found, "\n".join(found)


def differences(book, values: Values) -> list[str]:
    made = []
    for sheet in book.sheets:
        for fill in sheet.fills:
            tolerance = sheet.constants.scalar(fill.area.row, 1) if sheet.name == "Cases" else 0.0
            for cell in Area(fill.area.corner, fill.area.height, fill.area.width).cells():
                expected = sheet.cached.scalar(cell.row, cell.column)
                got = values.scalar(cell)
                if not alike(got, expected, tolerance):
                    made.append(f"{sheet.name} row {cell.row + 1}: ={fill.formula} is {got!r}, not {expected!r}")
    return made


def alike(got: object, expected: object, tolerance: float) -> bool:
    if isinstance(got, float) and isinstance(expected, float):
        return abs(got - expected) <= max(tolerance, 1e-15 * abs(expected))
    return type(got) is type(expected) and got == expected
