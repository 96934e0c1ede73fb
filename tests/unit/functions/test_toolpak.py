"""The functions of the Analysis ToolPak (Microsoft's list of 2003, and their later namesakes) refuse truth values."""

import pytest

from tests.unit.functions.evaluation import value
from xlparity.functions import FUNCTIONS
from xlparity.model.value import Error

TOOLPAK = """
BIN2DEC BIN2HEX BIN2OCT DEC2BIN DEC2HEX DEC2OCT DELTA EDATE EFFECT EOMONTH ERF ERF.PRECISE ERFC ERFC.PRECISE
FACTDOUBLE GCD GESTEP HEX2BIN HEX2DEC HEX2OCT ISEVEN ISODD LCM MROUND MULTINOMIAL NOMINAL OCT2BIN OCT2DEC
OCT2HEX QUOTIENT SERIESSUM SQRTPI WEEKNUM YEARFRAC
""".split()


@pytest.mark.parametrize("name", TOOLPAK)
def test_a_function_of_the_toolpak_refuses_truth_values_and_has_no_value_for_an_empty_argument(name: str) -> None:
    count = FUNCTIONS[name].least
    assert value(name, *[True] * count) == Error.VALUE
    assert value(name, ([[True]]), *[1.0] * (count - 1)) == Error.VALUE  # a cell's too
    assert value(name, ..., *[1.0] * (count - 1)) == Error.NA


@pytest.mark.parametrize(("name", "expected"), [("SQRT", 1.0), ("ROUND", 1.0), ("FACT", 1.0), ("GAMMA", 1.0)])
def test_other_functions_take_true_for_1(name: str, expected: float) -> None:
    assert value(name, *[True] * FUNCTIONS[name].least) == expected
