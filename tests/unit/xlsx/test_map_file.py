"""The map as people write it: what is understood, and what is said where it makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlparity.compiler.emit import parity_sheet
from xlparity.errors import MapError
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Sheet
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Cells
from xlparity.xlsx.map_file import map_of_book, map_of_toml, show_block

SHEETS = (Sheet("Layer 1"), Sheet("It's; odd"))
BOOK = Book(SHEETS)
X: dict[str, object] = {"tensor": "x", "role": "input", "cells": "'Layer 1'!A1:B3"}


def toml(folder: Path, *tables: dict[str, object]) -> Path:
    path = folder / "book.parity.toml"
    lines = []
    for table in tables:
        lines.append("[[tensor]]")
        lines += [
            f"{key} = {value!r}" if not isinstance(value, str) else f'{key} = "{value}"' for key, value in table.items()
        ]
    path.write_text("\n".join(lines))
    return path


def test_a_shape_that_is_left_out_is_that_of_the_cells(tmp_path: Path) -> None:
    (row,) = map_of_toml(toml(tmp_path, X), BOOK)
    assert row.block == Block((3, 2), (Area.of("Layer 1", 0, 0, 3, 2),))


@pytest.mark.parametrize("shape", ["2, 3", "(2, 3)", "[2,3]", "2x3", "2 × 3"])
def test_shapes_are_written_as_people_write_them(shape: str, tmp_path: Path) -> None:
    (row,) = map_of_toml(toml(tmp_path, {**X, "cells": "'Layer 1'!A1:B3 T", "shape": shape}), BOOK)
    assert row.block == Block((2, 3), (Area.of("Layer 1", 0, 0, 3, 2),), transposed=True)


def test_planes_are_separated_by_semicolons_outside_of_quotes(tmp_path: Path) -> None:
    table = {**X, "cells": "'It''s; odd'!A1:B2; 'It''s; odd'!A4:B5", "shape": [2, 2, 2]}
    (row,) = map_of_toml(toml(tmp_path, table), BOOK)
    assert [plane.row for plane in row.block.planes] == [0, 3]
    assert show_block(row.block) == table["cells"]


@pytest.mark.parametrize(
    ("cells", "shape", "last"),
    [
        ("'Layer 1'!A1:B2; ...; 'Layer 1'!A31:B32", [11, 2, 2], (30, 0)),
        ("'It''s; odd'!B2:B4; ...; 'It''s; odd'!F22:F24 T", [3, 6, 1, 3], (21, 5)),
    ],
)
def test_many_planes_in_regular_places_are_the_first_and_the_last(
    cells: str, shape: list[int], last: tuple[int, int], tmp_path: Path
) -> None:
    (row,) = map_of_toml(toml(tmp_path, {**X, "cells": cells, "shape": shape}), BOOK)
    assert (row.block.planes[-1].row, row.block.planes[-1].column) == last
    assert show_block(row.block) == cells
    irregular = Block((9, 1, 1), tuple(Area.of("Layer 1", at * at, 0) for at in range(9)))
    assert "..." not in show_block(irregular)


def test_the_sheet_is_read_back_as_it_was_written() -> None:
    area = Area.of("Layer 1", 0, 0, 3, 2)
    rows = [
        MapRow("x", Role.INPUT, Block((3, 2), (area,)), "float32", decimals=4),
        MapRow("net[0].weight", Role.PARAMETER, Block((2, 3), (area,), True), "float32", phase="step 0"),
        MapRow("loss", Role.COMPUTED, Block((), (Area.of("Layer 1", 5, 5),)), "float64", "x.mean()", module="net"),
    ]
    found = map_of_book(Book((*SHEETS, parity_sheet(rows))))
    assert found is not None
    assert list(found) == rows


def test_a_workbook_without_the_sheet_has_no_map() -> None:
    assert map_of_book(BOOK) is None


def test_notes_above_the_headings_and_empty_rows_are_passed_over() -> None:
    cells = Cells.of(
        {(0, 0): "Our map", (3, 1): "Tensor", (3, 2): "Role", (3, 3): "Cells", (5, 1): "x", (5, 2): "Input",
         (5, 3): "'layer 1'!a1:b3", (7, 3): "a remark"}
    )  # fmt: skip
    found = map_of_book(Book((*SHEETS, Sheet("parity", cells))))
    assert found is not None
    assert [(row.tensor, row.role, row.place) for row in found] == [("x", Role.INPUT, "Parity!A6")]
    assert found.rows[0].block.planes[0].sheet == "Layer 1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"role": "imput"}, "'imput' is no role"),
        ({"cells": "Nowhere!A1:B3"}, "there is no sheet 'Nowhere'"),
        ({"cells": "A1:B3"}, "names no sheet"),
        ({"cells": "'Layer 1'!A0"}, "outside a sheet"),
        ({"cells": "'Layer 1'!ZZZ1"}, "outside a sheet"),
        ({"cells": ""}, "is not a cell or area"),
        ({"cells": "'Layer 1'!A1:B2; ...; 'Layer 1'!A30:B31"}, "no regular arrangement"),
        ({"cells": "'Layer 1'!A1:B2; ...; 'Layer 1'!A31:C32"}, "no regular arrangement"),
        ({"cells": "'Layer 1'!A31:B32; ...; 'Layer 1'!A1:B2"}, "no regular arrangement"),
        ({"cells": "'Layer 1'!A1; ...; 'Layer 1'!XFC1048575"}, "of at most 262,144 areas"),
        ({"cells": "'Layer 1'!A1:B2; ...; 'Layer 1'!A31:B32", "shape": "3, 2"}, "needs 1 area(s), not 11"),
        ({"shape": "3, 3"}, "does not hold shape"),
        ({"shape": "three"}, "shape is 'three'"),
        ({"shape": "0, 2"}, "shape is"),
        ({"dtype": "float31"}, "'float31' is no dtype"),
        ({"decimals": "four"}, "whole number"),
        ({"decimals": 99}, "whole number"),
        ({"tensor": ""}, "needs a name"),
        ({"tensor": "x" * 300}, "at most 255"),
        ({"colour": "blue"}, "unknown key 'colour'"),
    ],
)
def test_a_row_that_makes_no_sense_is_said_in_one_line(change: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(MapError) as raised:
        map_of_toml(toml(tmp_path, {**X, **change}), BOOK)
    assert said in str(raised.value)
    assert "book.parity.toml, tensor 1" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="tensor 1 already"):
        map_of_toml(toml(tmp_path, X, X), BOOK)


@pytest.mark.parametrize("content", [b"", b"[tensor]\n", b"x = ", b"\xff\xfe", b"tensor = 3"])
def test_a_file_that_is_no_map_is_said_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(MapError) as raised:
        map_of_toml(path, BOOK)
    assert "m.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_sheet_without_headings_is_said() -> None:
    with pytest.raises(MapError, match="no row has the headings"):
        map_of_book(Book((*SHEETS, Sheet("Parity", Cells.of({(0, 0): "nothing"})))))
