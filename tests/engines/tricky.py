"""Formulas whose results surprise, with what Excel gives: the golden workbook tests/golden/tricky.xlsx.

    python -m tests.engines.tricky

writes it, and the table of disagreements in docs/reference/engines.md, which `test_tricky.py` compares with what the
engines really give. The oracle is Excel: its documentation, and for operators and coercions what Excel is known to
show; values of mathematical functions are the exact ones, rounded to float64.
"""

from __future__ import annotations

from pathlib import Path

from xlparity.formula.a1 import parse_cell
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Scalar
from xlparity.xlsx.write import write_book

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "tests" / "golden" / "tricky.xlsx"
PAGE = ROOT / "docs" / "reference" / "engines.md"
DIV0, VALUE, NUM, NA, REF, NULL, NAME = (
    Error.DIV0, Error.VALUE, Error.NUM, Error.NA, Error.REF, Error.NULL, Error.NAME,
)  # fmt: skip

# The sheet Data. A: a number, a text that looks like one, a boolean, an empty cell (A4), an error, another number.
DATA: dict[str, Scalar] = {
    "A1": 3.0, "A2": "4", "A3": True, "A5": DIV0, "A6": 5.0, "A7": "x",
    "B1": 10.0, "B2": 20.0, "B3": 30.0, "B4": 40.0, "B5": 50.0,  # ascending
    "C1": "a", "C2": "b", "C3": "c", "C4": "d", "C5": "e",
    "D1": 1.0, "D2": 2.0, "D3": 2.0, "D4": 3.0,
    "E1": NA, "E2": DIV0,
    "F1": 1.0, "F2": 2.0, "F3": 3.0, "G1": 4.0, "G2": 5.0, "G3": 6.0,
}  # fmt: skip

# Formula, Excel's result, how far a result may be off relative to it (0: a few units in the last place).
CASES: list[tuple[str, Scalar, float]] = [
    # operators and their precedence
    ("-2^2", 4.0, 0),
    ("2^3^2", 64.0, 0),
    ("-Data!A1^2", 9.0, 0),
    ("0-Data!A1^2", -9.0, 0),
    ("2^-1", 0.5, 0),
    ("--2", 2.0, 0),
    ("50%", 0.5, 0),
    ("50%%", 0.005, 0),
    ("-50%", -0.5, 0),
    ("2^50%", 1.4142135623730951, 0),
    ("1+2&3+4", "37", 0),
    ("1&2=12", False, 0),
    ('1&2="12"', True, 0),
    ("1<2=TRUE", True, 0),
    ("-1^0", 1.0, 0),
    ("10-2-3", 5.0, 0),
    ("100/10/5", 2.0, 0),
    ("8/2*4", 16.0, 0),
    ("3=3=TRUE", True, 0),
    ("0^0", NUM, 0),
    ("0^-1", DIV0, 0),
    ("(-2)^3", -8.0, 0),
    ("1e308*10", NUM, 0),
    # comparison: numbers before texts before booleans, texts without case
    ('"a"="A"', True, 0),
    ('1<"a"', True, 0),
    ('"zzz"<FALSE', True, 0),
    ("TRUE>1000", True, 0),
    ("TRUE=1", False, 0),
    ('"1"=1', False, 0),
    ("Data!A4=0", True, 0),
    ('Data!A4=""', True, 0),
    ("Data!A4=FALSE", True, 0),
    ('"a"<"B"', True, 0),
    ('""=0', False, 0),
    # coercion of arguments and of operands
    ('"3"+4', 7.0, 0),
    ("TRUE+TRUE", 2.0, 0),
    ('"x"+1', VALUE, 0),
    ('""+1', VALUE, 0),
    ("Data!A4+1", 1.0, 0),
    ("Data!A2*2", 8.0, 0),
    ("Data!A3*2", 2.0, 0),
    ('"1e3"*1', 1000.0, 0),
    ('"50%"*1', 0.5, 0),
    ("--TRUE", 1.0, 0),
    ('SUM("3",TRUE,1)', 5.0, 0),
    ("SUM(Data!A1:A4)", 3.0, 0),
    ("SUM(Data!A2,Data!A3)", 0.0, 0),
    ("Data!A2+Data!A3", 5.0, 0),
    ('SUM("x")', VALUE, 0),
    ('SUM({1,"2",TRUE})', 1.0, 0),
    ("AVERAGE(TRUE,3)", 2.0, 0),
    ("AVERAGE(Data!A1:A4)", 3.0, 0),
    ("AVERAGE(Data!A7)", DIV0, 0),
    ("COUNT(Data!A1:A7)", 2.0, 0),
    ('COUNT("3",TRUE,"x")', 2.0, 0),
    ("COUNTA(Data!A1:A7)", 6.0, 0),
    ("MAX(Data!A2:A4)", 0.0, 0),
    ("MAX(-3,TRUE)", 1.0, 0),
    ("MIN(Data!A7)", 0.0, 0),
    ("PRODUCT(Data!A7)", 0.0, 0),
    ("COUNTBLANK(Data!A1:A7)", 1.0, 0),
    ('N("7")', 0.0, 0),
    ("NOT(0)", True, 0),
    ('AND(TRUE,"x")', VALUE, 0),
    ("AND(Data!A3,Data!A7)", True, 0),
    ("OR(Data!A7)", VALUE, 0),
    ('IF("abc",1,2)', VALUE, 0),
    ("IF(FALSE,1)", False, 0),
    ("IF(Data!A4,1,2)", 2.0, 0),
    ("ISBLANK(Data!A4)", True, 0),
    ('ISBLANK("")', False, 0),
    ("LEN(Data!A4)", 0.0, 0),
    ('Data!A4&"x"', "x", 0),
    ("TRUE&1", "TRUE1", 0),
    ('1/3&""', "0.333333333333333", 0),
    ('1E+20&""', "100000000000000000000", 0),
    # errors: the first one wins
    ("1/0+NA()", DIV0, 0),
    ("NA()+1/0", NA, 0),
    ("SUM(Data!E1:E2)", NA, 0),
    ("IFERROR(1/0,7)", 7.0, 0),
    ("IF(TRUE,1,NA())", 1.0, 0),
    ("IFNA(1/0,7)", DIV0, 0),
    ("ISERR(NA())", False, 0),
    ("COUNT(1/0,1)", 1.0, 0),
    ("SQRT(-1)", NUM, 0),
    ("LN(0)", NUM, 0),
    ("MOD(1,0)", DIV0, 0),
    ("ERROR.TYPE(Data!E2)", 2.0, 0),
    ("Data!A1:A2 Data!B1:B2", NULL, 0),
    # references
    ("SUM(Data!F1:G3 Data!F2:G2)", 7.0, 0),
    ("SUM((Data!F1,Data!G3))", 7.0, 0),
    ("SUM((Data!F1:F2,Data!F2:F3))", 8.0, 0),
    ("ROWS(Data!F1:G3)", 3.0, 0),
    ("SUM(Data!F:F)", 6.0, 0),
    ("SUM(INDEX(Data!F1:G3,0,2))", 15.0, 0),
    ("SUM(OFFSET(Data!F1,1,0,2,2))", 16.0, 0),
    ('SUM(INDIRECT("Data!F1:F3"))', 6.0, 0),
    ("SUM(Data!F1:INDEX(Data!F1:F3,2))", 3.0, 0),
    # arrays
    ("SUMPRODUCT({1,2,3},{4,5,6})", 32.0, 0),
    ("SUMPRODUCT({1,2},{1;2})", VALUE, 0),
    ("SUMPRODUCT((Data!B1:B5>20)*1)", 3.0, 0),
    ("SUMPRODUCT(Data!A1:A3,Data!F1:F3)", 3.0, 0),
    ('SUMPRODUCT(--(Data!C1:C5="b"))', 1.0, 0),
    ("SUMPRODUCT({1,2}+{10;20})", 66.0, 0),
    ("SUM(MMULT({1,2;3,4},{5;6}))", 56.0, 0),
    ("MDETERM({1,2;3,4})", -2.0, 1e-14),
    ("SUMXMY2({1,2},{3,5})", 13.0, 0),
    ("SUMPRODUCT(MMULT(TRANSPOSE(Data!F1:F3),Data!G1:G3))", 32.0, 0),
    # remainders and rounding
    ("MOD(-3,2)", 1.0, 0),
    ("MOD(3,-2)", -1.0, 0),
    ("MOD(-3,-2)", -1.0, 0),
    ("MOD(5.5,2)", 1.5, 0),
    ("INT(-8.9)", -9.0, 0),
    ("TRUNC(-8.9)", -8.0, 0),
    ("ROUND(2.5,0)", 3.0, 0),
    ("ROUND(-2.5,0)", -3.0, 0),
    ("ROUND(0.5,0)", 1.0, 0),
    ("ROUND(1.005,2)", 1.01, 0),
    ("ROUND(2.675,2)", 2.68, 0),
    ("ROUND(-1.475,2)", -1.48, 0),
    ("ROUND(1234.5,-2)", 1200.0, 0),
    ("ROUNDUP(-3.14159,1)", -3.2, 0),
    ("ROUNDDOWN(-3.14159,1)", -3.1, 0),
    ("CEILING(-2.5,-2)", -4.0, 0),
    ("CEILING(-2.5,2)", -2.0, 0),
    ("CEILING(2.5,-1)", NUM, 0),
    ("FLOOR(-2.5,-2)", -2.0, 0),
    ("FLOOR(-2.5,2)", -4.0, 0),
    ("FLOOR(2.5,-2)", NUM, 0),
    ("FLOOR(2.5,0)", DIV0, 0),
    ("CEILING(1.5,0.1)", 1.5, 0),
    ("QUOTIENT(-10,3)", -3.0, 0),
    ("MROUND(-10,-3)", -9.0, 0),
    ("MROUND(5,-2)", NUM, 0),
    ("EVEN(-1)", -2.0, 0),
    ("ODD(0)", 1.0, 0),
    ("SIGN(-0.1)", -1.0, 0),
    # looking up
    ("MATCH(35,Data!B1:B5,1)", 3.0, 0),
    ("MATCH(35,Data!B1:B5,0)", NA, 0),
    ("MATCH(5,Data!B1:B5)", NA, 0),
    ("MATCH(2,Data!D1:D4,1)", 3.0, 0),
    ("MATCH(2,Data!D1:D4,0)", 2.0, 0),
    ('MATCH("B",Data!C1:C5,0)', 2.0, 0),
    ("VLOOKUP(35,Data!B1:C5,2,TRUE)", "c", 0),
    ("VLOOKUP(35,Data!B1:C5,2,FALSE)", NA, 0),
    ("VLOOKUP(10,Data!B1:C5,3)", REF, 0),
    ("LOOKUP(99,Data!B1:B5,Data!C1:C5)", "e", 0),
    ("INDEX(Data!B1:B5,6)", REF, 0),
    ('MATCH("?",Data!C1:C5,0)', 1.0, 0),
    ("COUNTIF(Data!A1:A7,4)", 1.0, 0),
    ('COUNTIF(Data!B1:B5,">=30")', 3.0, 0),
    ('SUMIF(Data!C1:C5,"b",Data!B1:B5)', 20.0, 0),
    ("CHOOSE(2.9,1,2,3)", 2.0, 0),
    ("CHOOSE(4,1,2,3)", VALUE, 0),
    # statistics
    ("PERCENTILE({1,2,3,4},0.3)", 1.9, 1e-15),
    ("QUARTILE({1,2,4,7,8,9,10,12},1)", 3.5, 0),
    ("MEDIAN({1,2,3,4})", 2.5, 0),
    ("LARGE({3,5,3,5,4},3)", 4.0, 0),
    ("SMALL(Data!B1:B5,6)", NUM, 0),
    ("VAR(5)", DIV0, 0),
    ("VARP(5)", 0.0, 0),
    ("STDEV({1,2,3,4})", 1.2909944487358056, 1e-15),
    ("VARP({1000000001,1000000002,1000000003})", 0.6666666666666666, 1e-15),
    ("RANK(2,Data!D1:D4)", 2.0, 0),
    ("SLOPE({1,2,3},{2,4,7})", 0.39473684210526316, 1e-14),
    ("MODE({1,2})", NA, 0),
    ("CORREL({1,1},{1,2})", DIV0, 0),
    ("DEVSQ({4,5,8,7,11,4,3})", 48.0, 0),
    # accuracy
    ("_xlfn.NORM.S.DIST(-10,TRUE)", 7.61985302416052e-24, 1e-14),
    ("_xlfn.NORM.S.DIST(-37,TRUE)", 5.725571222524e-300, 1e-10),
    ("_xlfn.NORM.S.DIST(0,FALSE)", 0.3989422804014327, 1e-15),
    ("NORMSINV(0.975)", 1.959963984540054, 1e-14),
    ("ERF(0.5)", 0.5204998778130465, 1e-15),
    ("ERF(1E-10)", 1.1283791670955126e-10, 1e-15),
    ("ERFC(5)", 1.5374597944280349e-12, 1e-14),
    ("LN(2)", 0.6931471805599453, 0),
    ("LOG(8,2)", 3.0, 0),
    ("LOG10(1000)", 3.0, 0),
    ("EXP(1)", 2.718281828459045, 0),
    ("TANH(1000)", 1.0, 0),
    ("TANH(1E-9)", 1e-9, 1e-15),
    ("SINH(1E-9)", 1e-9, 1e-15),
    ("ATAN2(-1,-1)", -2.356194490192345, 0),
    ("ATAN2(0,0)", DIV0, 0),
    ("GAMMALN(0.5)", 0.5723649429247001, 1e-15),
    ("EXP(710)", NUM, 0),
    ("FACT(171)", NUM, 0),
    ("POWER(2,0.5)", 1.4142135623730951, 0),
    ("SUMSQ(3,4)", 25.0, 0),
    ("PI()", 3.141592653589793, 0),
    ("COMBIN(52,5)", 2598960.0, 0),
    # texts
    ('FIND("l","hello")', 3.0, 0),
    ('FIND("L","hello")', VALUE, 0),
    ('SEARCH("L","hello")', 3.0, 0),
    ('VALUE("1,000")', 1000.0, 0),
    ('TRIM("  a   b ")', "a b", 0),
    ('SUBSTITUTE("aaa","a","b",2)', "aba", 0),
    ('TEXT(0.285,"0%")', "29%", 0),
    ('TEXT(1234.567,"#,##0.00")', "1,234.57", 0),
    ('REPT("ab",2.9)', "abab", 0),
    ('MID("abc",2,100)', "bc", 0),
    ('LEFT("abc",0)', "", 0),
    ('EXACT("a","A")', False, 0),
    # dates
    ("DATE(1900,3,1)", 61.0, 0),
    ("DATE(2024,13,1)", 45658.0, 0),
    ("MONTH(60)", 2.0, 0),
    ("WEEKDAY(1)", 1.0, 0),
]

_ERF = "its ERF and ERFC are good to some 1e-10 only (a rational approximation)"
_BOOLEAN = "it has no booleans: TRUE is the number 1 with a format"
_COUNTED = "it counts a boolean in a range or an array, being a number, where Excel skips it"
_DOMAIN = "an argument out of range is Err:502 (illegal argument) for it whatever the function, read as #NUM!"
_PARSE = "its parser lacks unions, intersections and ranges that functions give, and it says #ERROR!"
_TEXT = "it rounds the binary number 0.28499999999999998, Excel its 15 decimal digits"

# For each other engine the formulas where it does not give Excel's result: what it gives, and why.
DISAGREEMENTS: dict[str, dict[str, tuple[str, str]]] = {
    "libreoffice": {
        "0^0": ("1", "it defines 0^0 as 1, as C does"),
        "0^-1": ("#NUM!", "it takes pow's infinity for an illegal operation (Err:503)"),
        '"zzz"<FALSE': ("FALSE", _BOOLEAN),
        "TRUE>1000": ("FALSE", _BOOLEAN),
        "TRUE=1": ("TRUE", _BOOLEAN),
        "--TRUE": ("TRUE", _BOOLEAN + ", and the format passes on"),
        'SUM("3",TRUE,1)': ("#VALUE!", "it converts no text argument of SUM"),
        "SUM(Data!A1:A4)": ("4", _COUNTED),
        "SUM(Data!A2,Data!A3)": ("1", _COUNTED),
        'SUM({1,"2",TRUE})': ("2", _COUNTED),
        "AVERAGE(Data!A1:A4)": ("2", _COUNTED),
        "COUNT(Data!A1:A7)": ("3", _COUNTED),
        "MAX(Data!A2:A4)": ("TRUE", _COUNTED),
        "SUMPRODUCT(Data!A1:A3,Data!F1:F3)": ("6", _COUNTED),
        "TRUE&1": ("'11'", _BOOLEAN),
        '1E+20&""': ("'1E+020'", "its general number format changes to exponents earlier"),
        "Data!A1:A2 Data!B1:B2": ("#REF!", "an empty intersection is Err:524 for it, an invalid reference"),
        "FLOOR(2.5,0)": ("#NUM!", _DOMAIN),
        "MROUND(5,-2)": ("6", "it allows different signs"),
        "CHOOSE(4,1,2,3)": ("#NUM!", _DOMAIN),
        "VLOOKUP(10,Data!B1:C5,3)": ("#NUM!", _DOMAIN),
        "INDEX(Data!B1:B5,6)": ("#NUM!", _DOMAIN),
        "COUNTIF(Data!A1:A7,4)": ("0", "a text that looks like the number does not match it"),
        "SMALL(Data!B1:B5,6)": ("#VALUE!", "it says that there is no such value (Err:519)"),
        "MODE({1,2})": ("#VALUE!", "it says that there is no such value (Err:519)"),
        "ATAN2(0,0)": ("0", "it gives what C gives"),
        "FACT(171)": ("#VALUE!", "an overflow is Err:519 here"),
        'TEXT(0.285,"0%")': ("'28%'", _TEXT),
    },
    "ironcalc": {
        'AND(TRUE,"x")': ("TRUE", "it skips a text argument"),
        '1/3&""': ("'0.3333333333333333'", "it writes 16 digits, Excel 15"),
        "Data!A1:A2 Data!B1:B2": ("#VALUE!", "it has no intersections"),
        "SUM(Data!F1:G3 Data!F2:G2)": ("undecided", _PARSE),
        "SUM((Data!F1,Data!G3))": ("undecided", _PARSE),
        "SUM((Data!F1:F2,Data!F2:F3))": ("undecided", _PARSE),
        "SUM(Data!F1:INDEX(Data!F1:F3,2))": ("undecided", _PARSE),
        "VARP({1000000001,1000000002,1000000003})": ("0", "it subtracts the squared mean from the mean square"),
        "_xlfn.NORM.S.DIST(-10,TRUE)": ("7.619853024559641e-24", _ERF),
        "ERF(0.5)": ("0.5204998777636538", _ERF),
        "ERFC(5)": ("1.537459794465484e-12", _ERF),
        'TEXT(0.285,"0%")': ("'28%'", _TEXT),
    },
}
# What the page says that these were seen with; another version may disagree elsewhere.
VERSIONS = {"libreoffice": "7.4.7.2", "ironcalc": "0.9.1"}


def book() -> Book:
    """The golden workbook: on `Cases` the formula as text, its tolerance, the formula and Excel's result."""
    constants: dict[tuple[int, int], Scalar] = {(0, 0): "formula", (0, 1): "tolerance", (0, 2): "result"}
    fills, cached = [], {}
    for row, (formula, expected, relative) in enumerate(CASES, 1):
        constants[row, 0] = "=" + formula
        constants[row, 1] = relative * abs(expected) if isinstance(expected, float) else 0.0
        fills.append(Fill(Area.of("Cases", row, 2), formula))
        cached[row, 2] = expected
    data = {(cell.row, cell.column): value for cell, value in ((parse_cell(a, "Data"), v) for a, v in DATA.items())}
    cases = Sheet("Cases", Cells.of(constants), tuple(fills), Cells.of(cached))
    return Book((cases, Sheet("Data", Cells.of(data))), title="Excel's results; see tests/engines/tricky.py")


def shown(value: Scalar) -> str:
    """A value as the table shows it."""
    if isinstance(value, Error):
        return ERROR_TEXTS[value]
    if value is None:
        return "undecided"
    return {True: "TRUE", False: "FALSE"}[value] if isinstance(value, bool) else repr(value).removesuffix(".0")


def page() -> str:
    """docs/reference/engines.md."""
    disagreeing = {name: len(table) for name, table in DISAGREEMENTS.items()}
    lines = [
        "# The engines",
        "",
        "An engine computes a workbook's formulas anew; what a file remembers is never an engine's answer. Made by "
        "`python -m tests.engines.tricky`, which also holds the formulas below; a test keeps both equal to what the "
        "engines really give.",
        "",
        "| engine | what it is | tried with | needs |",
        "|---|---|---|---|",
        "| `embedded` (default) | xlparity's own: Excel's rules on torch tensors in float64, whole fills at once, "
        "batched and differentiable; what it does not know is *undecided*, with the reason | this version | nothing |",
        "| `libreoffice` | LibreOffice Calc in one long-lived process, on a private profile without macros, links and "
        f"network; loads the file and recalculates it completely | {VERSIONS['libreoffice']} | LibreOffice and "
        "python3-uno |",
        "| `ironcalc` | IronCalc, a spreadsheet engine in Rust, fed with a copy without remembered values | "
        f"{VERSIONS['ironcalc']} | `pip install 'xlparity[ironcalc]'` |",
        "",
        "`xlparity engines` shows which can run here. `--engine` may be given several times; all must agree with "
        "torch.",
        "",
        "## Where they disagree with Excel",
        "",
        f"Of {len(CASES)} formulas whose results surprise (`tests/golden/tricky.xlsx`), `embedded` gives Excel's "
        f"result for all, `libreoffice` for all but {disagreeing['libreoffice']}, `ironcalc` for all but "
        f"{disagreeing['ironcalc']}. The oracle is Excel's documentation and behaviour, and for mathematical functions "
        "the exact value. The sheet `Data` has 3, the text 4, TRUE, an empty cell, #DIV/0!, 5 and a text in A1:A7.",
        "",
    ]
    expected = {formula: result for formula, result, _ in CASES}
    for name, table in DISAGREEMENTS.items():
        lines += [f"### {name}", "", "| formula | Excel | " + name + " | why |", "|---|---|---|---|"]
        for formula, (got, why) in table.items():
            text = formula.removeprefix("_xlfn.")
            lines.append(f"| `={text}` | {shown(expected[formula])} | {got} | {why} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    write_book(book(), BOOK)
    PAGE.write_text(page())
