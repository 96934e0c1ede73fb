import math

import pytest
import torch

from tests.unit.functions.evaluation import argument, python, value
from xlparity.errors import FormulaError
from xlparity.functions import FUNCTIONS, Argument, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.calling import call_function
from xlparity.functions.signature import Function, Type, number, text
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind


def test_a_wrong_number_of_arguments_is_an_error_of_the_formula() -> None:
    with pytest.raises(FormulaError, match=r"ABS takes 1 argument\(s\), not 2: ABS\(number\)"):
        call("ABS", [None, None], Texts())


CONVERTED = {Type.NUMBER, Type.INTEGER, Type.BOOLEAN, Type.TEXT}


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.body is not None])
def test_an_error_in_the_place_of_a_value_is_the_result_and_so_is_a_text_in_the_place_of_a_number(name: str) -> None:
    parameters = FUNCTIONS[name].parameters
    plain = [1.0 if one.type in CONVERTED or one.type is Type.ANY else (1.0, 2.0, 3.0) for one in parameters]
    for at, parameter in enumerate(parameters):
        for wrong, expected in [(Error.NA, Error.NA), ("x", Error.VALUE)]:
            if parameter.type in CONVERTED and not (wrong == "x" and parameter.type is Type.TEXT):
                made: object = value(name, *plain[:at], wrong, *plain[at + 1 :])
                while isinstance(made, list):
                    made = made[0]
                assert made is expected, (parameter.name, wrong)


def test_an_empty_argument_is_a_blank() -> None:
    assert call("EXP", [None], Texts()).number.item() == 1


def test_parameters_that_repeat_take_turns() -> None:
    given = (number("a"), *(text(name, "", repeating=True) for name in ("b", "c", "d")))
    function = Function("F", given, "Takes three at a time.")
    assert "".join(function.parameter(at).name for at in range(9)) == "abcdbcdbc"


def test_why_a_text_is_undecided_is_told_in_the_words_of_who_found_it() -> None:
    said = "'1/2' is a date that Excel completes with the day of the calculation"
    assert value("VALUE", "1/2") == f"undecided: {said}"


def test_a_computation_that_fails_is_undecided_and_says_how() -> None:
    table: Table[str, Function] = Table("one")
    textual(table, "ROOT", number("number"), summary="The root.")(math.sqrt)
    texts = Texts()
    made = call_function(table["ROOT"], [argument([[4.0, -1.0]], texts)], texts)
    assert python(made, texts) == [[2.0, "undecided: the computation fails here: math domain error"]]


def test_a_function_of_single_values_tells_every_combination_of_values_and_kinds_from_the_others() -> None:
    """A text's payload is its place in a table: 0, 1, 2, ... are payloads of numbers, texts and truth values."""
    shown = {None: "", 0.0: "0", 2.0: "2", "b": "b", "c": "c", "d": "d", True: "TRUE", 3.5: "3.5"}
    down, across = [[one] for one in shown], [list(shown)[::-1]]
    expected = [[shown[one] + shown[other] + "!" for other in across[0]] for one in shown]
    assert value("CONCATENATE", down, across, "!") == expected


def test_an_undecided_argument_keeps_its_reason() -> None:
    result = call("ABS", [Argument(Array.single(Kind.UNDECIDED, 7))], Texts())
    assert (result.kinds.item(), result.number.item()) == (int(Kind.UNDECIDED), 7)


REASON = Argument(Array.single(Kind.UNDECIDED, 0))  # the first reason of an evaluation


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ABS", [REASON]),
        ("AND", [REASON, REASON]),
        ("SUM", [REASON]),
        ("COUNT", [REASON]),
        ("COUNTA", [REASON]),
        ("COUNTBLANK", [REASON]),
        ("COUNTIF", [REASON, REASON]),
        ("SUMIF", [Argument(Array.of_number(1.0), True), REASON]),
        ("AVERAGEIFS", [REASON, REASON, REASON]),
        ("LEN", [REASON]),
        ("MATCH", [REASON, REASON]),
        ("INDEX", [Argument(Array.of_number(1.0)), REASON]),
        ("XLOOKUP", [REASON, REASON, REASON]),
        ("SORT", [REASON]),
        ("UNIQUE", [REASON]),
        ("SEQUENCE", [REASON]),
        ("MMULT", [REASON, REASON]),
        ("SUMPRODUCT", [REASON]),
        ("CORREL", [REASON, REASON]),
        ("NPV", [REASON, REASON]),
        ("TYPE", [REASON]),
        ("ISERROR", [REASON]),
        ("DATE", [REASON, REASON, REASON]),
        ("TEXTSPLIT", [REASON, REASON]),
    ],
)
def test_what_depends_on_an_undecided_value_is_undecided_for_the_same_reason(
    name: str, arguments: list[Argument | None]
) -> None:
    texts = Texts()
    texts.reason("because")
    made = call(name, arguments, texts)
    assert (set(made.kinds.flatten().tolist()), set(made.number.flatten().tolist())) == ({Kind.UNDECIDED}, {0})


@pytest.mark.parametrize(
    ("name", "others"),
    [("SUM", []), ("COUNT", []), ("SORT", []), ("UNIQUE", []), ("MINVERSE", []), ("LARGE", [1.0]), ("CONCAT", []),
     ("MATCH", [0.0]), ("MATCH", [1.0]), ("XMATCH", []), ("VLOOKUP", [1.0, False]), ("LOOKUP", []), ("XLOOKUP", []),
     ("COUNTIF", [1.0]), ("SUMPRODUCT", []), ("SLOPE", []), ("TEXTJOIN", [])],
)  # fmt: skip
def test_what_depends_on_a_range_with_an_undecided_cell_is_undecided(name: str, others: list[object]) -> None:
    texts = Texts()
    texts.reason("because")
    kind = torch.tensor([[Kind.NUMBER, Kind.UNDECIDED], [Kind.NUMBER, Kind.NUMBER]], dtype=torch.uint8)
    number = torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=torch.float64)
    if name in {"MATCH", "XMATCH", "XLOOKUP", "VLOOKUP", "LOOKUP"}:
        number, kind = number[:1].mT, kind[:1].mT
    area = Argument(Array(number, kind), True)
    before: list[object] = {"MATCH": [1.0], "XMATCH": [1.0], "VLOOKUP": [1.0], "LOOKUP": [1.0], "XLOOKUP": [1.0],
                            "TEXTJOIN": ["", True]}.get(name, [])  # fmt: skip
    twice = [area] if name in {"XLOOKUP", "SLOPE"} else []
    given = [*(argument(one, texts) for one in before), area, *twice, *(argument(one, texts) for one in others)]
    made = call(name, given, texts)
    assert set(made.kinds.flatten().tolist()) == {Kind.UNDECIDED}


def test_an_error_puts_no_nan_into_the_gradients_of_others() -> None:
    x = torch.tensor([[4.0, -1.0]], dtype=torch.float64, requires_grad=True)
    result = call("SQRT", [Argument(Array(x))], Texts())
    assert result.kinds.tolist() == [[Kind.NUMBER, Kind.ERROR]]
    assert result.number[0, 1] == Error.NUM
    (gradient,) = torch.autograd.grad(result.number[0, 0], x)
    assert gradient.tolist() == [[0.25, 0.0]]
