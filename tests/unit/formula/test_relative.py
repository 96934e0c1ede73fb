import numpy as np
import pytest

from xlparity.formula.relative import Pattern, move, relative_text


@pytest.mark.parametrize(
    ("text", "rows", "columns", "moved"),
    [
        ("A1+$B1+C$1+$D$1", 2, 1, "B3+$B3+D$1+$D$1"),
        ("SUM(A1:B2)", 1, 0, "SUM(A2:B3)"),
        ("SUM(A:B)+SUM($C:D)", 3, 1, "SUM(B:C)+SUM($C:E)"),
        ("SUM(1:2)+SUM($3:4)", 1, 5, "SUM(2:3)+SUM($3:5)"),
        ("LOG10(A1)+ATAN2(A1,B1)", 1, 0, "LOG10(A2)+ATAN2(A2,B2)"),
        ('"A1"&A1&"say ""A1"""', 1, 0, '"A1"&A2&"say ""A1"""'),
        ("'A1 B2'!A1+'it''s A1'!B2", 1, 0, "'A1 B2'!A2+'it''s A1'!B3"),
        ("Sheet1!A1+[1]Sheet1!A1", 1, 0, "Sheet1!A2+[1]Sheet1!A2"),
        ("Table1[[#This Row],[A1]]*A1", 1, 0, "Table1[[#This Row],[A1]]*A2"),
        ("rate_A1*A1+_xlfn.STDEV.S(A1:A9)", 1, 0, "rate_A1*A2+_xlfn.STDEV.S(A2:A10)"),
        ("1E5*A1+1.5E3", 1, 0, "1E5*A2+1.5E3"),
        ("XFE1+XFD1", 1, 0, "XFE1+XFD2"),
        ("A1+B5", -1, 0, "#REF!+B4"),
        ("SUM(Sheet1!A1:B2)+B5", 0, -1, "SUM(Sheet1!#REF!)+A5"),
        ("A1#+SUM(Mon:Fri!A1)", 1, 0, "A2#+SUM(Mon:Fri!A2)"),
        ('A1%%&"%d"', 1, 0, 'A2%%&"%d"'),
    ],
)
def test_move(text: str, rows: int, columns: int, moved: str) -> None:
    assert move(text, rows, columns) == moved


def test_cells_of_one_fill_have_one_relative_text() -> None:
    assert relative_text("A1*$B$1", 0, 2) == relative_text("B6*$B$1", 5, 3)
    assert relative_text("A1*$B$1", 0, 2) != relative_text("A1*$B$1", 5, 3)


def test_a_pattern_gives_the_text_in_every_cell_of_its_fill() -> None:
    pattern = Pattern("SUM(A2:A$4)+B:B", 3, 3)
    assert [pattern.at(row, 3) for row in (3, 4)] == ["SUM(A2:A$4)+B:B", "SUM(A3:A$4)+B:B"]
    assert pattern.at(0, 3) == "SUM(#REF!)+B:B"
    assert pattern.at(3, 4) == "SUM(B2:B$4)+C:C"


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("SUM(A:$B)", "SUM(C[-2]:C2)"),
        ("SUM($3:4)", "SUM(R3:R[2])"),
        ("A1:$B$2+C$3", "R[-1]C[-2]:R2C2+R3C[0]"),
        ('LOG10(A2)&"A1"', 'LOG10(R[0]C[-2])&"A1"'),
    ],
)
def test_references_are_written_by_their_distance_from_the_cell(text: str, relative: str) -> None:
    assert relative_text(text, 1, 2) == relative


def test_a_column_of_a_fill_is_spelled_as_its_cells_are() -> None:
    pattern = Pattern("SUM(A2:A$4)+1", 3, 3)
    for rows in ([3, 4, 5], [0, 3], [1_048_575], []):
        assert pattern.down(np.array(rows, np.int64), 3) == [pattern.at(row, 3) for row in rows]
    assert Pattern("$B$1", 3, 3).down(np.array([1, 2]), 4) == ["$B$1", "$B$1"]
    assert pattern.down(np.array([4, 5]), 0) == ["SUM(#REF!)+1"] * 2
