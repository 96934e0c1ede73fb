"""What fuzzing found (benchmarks/fuzz.py), each way of failing once."""

import pytest
import torch

from xlparity.check.expression import evaluate, parse_expression
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import FormulaError, MapError
from xlparity.formula.edits import single_edits
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell


@pytest.mark.parametrize("text", ["21E30834", "SUM({1,2E999})"])
def test_a_number_beyond_float64_is_no_number(text):
    with pytest.raises(FormulaError, match="too large"):
        parse(text)


def test_a_formula_of_several_lines_is_quoted_in_one():
    with pytest.raises(FormulaError, match=r"^[^\n]+$"):
        parse('A1"\n\n"<"B"')


@pytest.mark.parametrize("text", ["']/][S '!$A$1:B$2", "']['!A1"])
def test_brackets_the_wrong_way_round_in_the_name_of_a_sheet(text):
    assert parse(show(parse(text))) == parse(text)


def test_a_column_of_a_table_has_a_name():
    with pytest.raises(FormulaError, match="table reference"):
        parse("T[[]]")


@pytest.mark.parametrize(
    "text", ["None", "0.75.mean()", "F.softmax(112, dim=-1)[:, x]", "[x] * 1000000000", "9**9**9**9"]
)
def test_what_torch_does_not_take_is_an_error_of_the_map(text):
    class Lookup:
        def tensor(self, name):
            return torch.ones(2, 3)

    with pytest.raises(MapError, match=r"torch cannot compute|no tensor of numbers"):
        evaluate(parse_expression(text, {"x"}, "here"), Lookup())


def test_too_many_arguments_are_undecided_for_a_reason():
    fill = Fill(Area.of("S", 0, 0), "NORMDIST(2,,,2,2)")
    values = EmbeddedEngine().evaluate(Book((Sheet("S", fills=(fill,)),)))
    assert "takes at most 4 argument" in values.notes[Cell("S", 0, 0)].because


def test_edits_of_a_long_formula_and_of_a_huge_number():
    edits = iter(single_edits(parse("+".join(["A1"] * 2000))))
    assert show(next(edits)).startswith("A2+A1+A1+")
    assert all("inf" not in show(one) for one in single_edits(parse("1E308")))
