import pytest

from xlparity.errors import FormulaError
from xlparity.formula.ast import Binary, CellReference, Number, Percent, Unary
from xlparity.formula.parse import parse
from xlparity.formula.show import show

two = Number(2.0)


def test_a_sign_binds_tighter_than_the_power() -> None:
    assert parse("-2^2") == Binary("^", Unary("-", two), two)


def test_the_power_associates_to_the_left() -> None:
    assert parse("2^2^2") == Binary("^", Binary("^", two, two), two)


def test_percent_binds_tighter_than_the_power() -> None:
    assert parse("2^2%") == Binary("^", two, Percent(two))


def test_comparisons_bind_loosest() -> None:
    assert parse('A1&"x"=B1+1') == parse('(A1&"x")=(B1+1)')


def test_a_name_beyond_the_last_column_is_no_cell() -> None:
    assert show(parse("XFE1+XFD1")) == "XFE1+XFD1"
    assert parse("$XFD1") == CellReference(0, 16383, False, True)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("A1#", "_xlfn.ANCHORARRAY(A1)"),
        ("@A1:A3", "_xlfn.SINGLE(A1:A3)"),
        ("[@x]", "[[#This Row],[x]]"),
        ("SUM( A1 , B1 )", "SUM(A1,B1)"),
        ("SUM(A1:B2  B1:C3)", "SUM(A1:B2 B1:C3)"),
        ("'[1]My Sheet'!$A$1", "'[1]My Sheet'!$A$1"),
        ("_xlfn._xlws.FILTER(A1:A3,A1:A3>1)", "_xlfn._xlws.FILTER(A1:A3,A1:A3>1)"),
        ("IF(A1,,2)", "IF(A1,,2)"),
        ("(((A1)))", "A1"),
        ('{"a""b",-1;TRUE,#N/A}', '{"a""b",-1;TRUE,#N/A}'),
        ("#REF!A1+#REF!#REF!", "#REF!+#REF!"),
        ("Sheet1!#REF!+1", "#REF!+1"),
        ("[1]!Table1[x]", "[1]!Table1[x]"),
        ("A1:XFE1", "A1:(XFE1)"),  # a cell and a name
        ("INDEX(A1:A3,1):B2", "INDEX(A1:A3,1):B2"),
        ("A1:INDEX(B1:B3,2)", "A1:INDEX(B1:B3,2)"),
        ("(A1:B2):C3", "A1:B2:C3"),
        ("(A1):B2", "(A1):B2"),
        ("(A1,B1)*2", "(A1,B1)*2"),
        ("A1:B2 B1:C3+1", "A1:B2 B1:C3+1"),
        ("A1# A1:A3", "(_xlfn.ANCHORARRAY(A1)) A1:A3"),
        ("LAMBDA(x,x*2)(A1)", "LAMBDA(x,x*2)(A1)"),
        ("double(A1)(B1)", "DOUBLE(A1)(B1)"),
        ("$A:B+3:$4", "$A:B+3:$4"),
        ("'Sheet1:My Sheet'!A1", "'Sheet1:My Sheet'!A1"),
        ("T[[a]:[b]]", "T[[a]:[b]]"),
        ("T[#Totals]", "T[#Totals]"),
        ("--A1%%", "--A1%%"),
        ("-(A1+1)", "-(A1+1)"),
        ("(A1=B1)=C1", "A1=B1=C1"),
        ("A1-(B1-C1)", "A1-(B1-C1)"),
    ],
)
def test_show(stored: str, shown: str) -> None:
    assert show(parse(stored)) == shown


@pytest.mark.parametrize(
    "text",
    ["", "1+", "(1", "F(1", "A1)", "1 2", "{1,2;3}", "{}", "F(1,+)", "1,2", "'A", "A1 ?",
     "{1+2}", "{1 2}", "Sheet1!5", "1:1048577", "XFE:XFE", "T[[a],[b],[c]]", "T[[a]", "1E999", "{A1}"],
)  # fmt: skip
def test_what_is_no_formula_is_said_in_one_line(text: str) -> None:
    with pytest.raises(FormulaError) as failure:
        parse(text)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("text", ["(" * 9_999, "-" * 8_000 + "1", "1" + "%" * 8_000, "F(" * 4_000])
def test_deep_nesting_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(FormulaError, match="nested deeper than 128"):
        parse(text)


def test_a_sum_of_thousands_of_terms_is_parsed_and_shown() -> None:
    text = "+".join(["A1"] * 2_700)
    assert show(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{1+2}", "the formula ={1+2} has an unexpected '+' in an array constant at position 3"),
        ("1+", "the formula =1+ ends too early at position 3"),
        ("XFE:XFE", "the formula =XFE:XFE names XFE:XFE, which lies outside a sheet"),
        ("1:1048577", "the formula =1:1048577 names 1:1048577, which lies outside a sheet"),
        ("T[[a],[b],[c]]", "the table reference T[[a],[b],[c]] names more than two columns"),
        ("T[[a]x[b]]", "the table reference T[[a]x[b]] cannot be understood at 'x[b]'"),
        ("T[[]]", "the table reference T[[]] cannot be understood at '[]'"),
        ("1E999", "the formula =1E999 has the number 1E999, which is too large"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(FormulaError) as failure:
        parse(text)
    assert str(failure.value) == said
