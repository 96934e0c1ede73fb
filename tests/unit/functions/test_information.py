"""What kind of value something is, and texts with wildcards, as Excel's pages say."""

import pytest

from tests.unit.functions.evaluation import value
from xlparity.errors import FormulaError
from xlparity.model.value import Error

KINDS: dict[str, list[object]] = {
    "number": [1.0, 0.0],
    "text": ["", "a"],
    "boolean": [True, False],
    "error": [Error.NA],
}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("ISNUMBER", {"number"}), ("ISTEXT", {"text"}), ("ISLOGICAL", {"boolean"}), ("ISERROR", {"error"}),
     ("ISNONTEXT", {"number", "boolean", "error"})],
)  # fmt: skip
def test_each_kind_of_value_is_told_from_the_others(name: str, kinds: set[str]) -> None:
    for kind, values in KINDS.items():
        for one in values:
            assert value(name, one) is (kind in kinds), one


@pytest.mark.parametrize(
    ("one", "number"), [(1.0, 1.0), ("a", 2.0), (True, 4.0), (Error.NA, 16.0), ([[1.0, 2.0]], 64.0)]
)
def test_type_numbers_the_kinds(one: object, number: float) -> None:
    assert value("TYPE", one) == number


CELLS = (["abc"], ["a?c"], ["a*c"], ["a~c"], ["abbc"], ["ac"])


@pytest.mark.parametrize(
    ("pattern", "count"), [("a?c", 4.0), ("a~?c", 1.0), ("a~*c", 1.0), ("a~~c", 1.0), ("a*c", 6.0), ("a~bc", 0.0)]
)
def test_a_tilde_takes_a_wildcard_for_itself(pattern: str, count: float) -> None:
    assert value("COUNTIF", CELLS, pattern) == count


def test_a_wildcard_fits_texts_of_several_lines() -> None:
    assert value("COUNTIF", (["a\nb"], ["c a\nb"], ["a\nbc"]), "*a\nb") == 2.0


PLACES: list[tuple[str, object]] = [
    ("~?", 3.0), ("?c", 4.0), ("b~??", 2.0), ("~~", 6.0), ("~*", 7.0), ("*", 1.0), ("*z", 1.0), ("*y", Error.VALUE)
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "place"), PLACES)
def test_search_finds_the_first_place_of_a_pattern(pattern: str, place: object) -> None:
    assert value("SEARCH", pattern, "ab?zc~*c") == place


@pytest.mark.parametrize(
    ("pattern", "text", "place"), [("~", "a~", 2.0), ("a~", "ba~", 2.0), ("a*a", "ab", Error.VALUE)]
)
def test_a_tilde_at_the_end_is_itself_and_what_follows_a_star_begins_behind_what_is_before_it(
    pattern: str, text: str, place: object
) -> None:
    assert value("SEARCH", pattern, text) == place


def test_a_rate_below_zero_has_no_exponential_distribution() -> None:
    assert value("EXPON.DIST", 1.0, -1.0, True) == Error.NUM
    assert value("EXPON.DIST", -1.0, 1.0, True) == Error.NUM


@pytest.mark.parametrize(
    ("name", "count", "takes"),
    [("SUM", 0, "1 or more"), ("SQRT", 2, "1"), ("ROUND", 1, "2"), ("LOG", 3, "1 to 2"), ("SUMIFS", 2, "3 or more"),
     ("SUMIFS", 4, "not 4: SUMIFS.sum_range")],
)  # fmt: skip
def test_a_wrong_number_of_arguments_says_how_many_there_may_be(name: str, count: int, takes: str) -> None:
    with pytest.raises(FormulaError, match=takes):
        value(name, *[1.0] * count)
