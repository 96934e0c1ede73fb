"""Formulas built to do harm: name -> the formula in A1 of the sheet S, beside the numbers 1 and 2 in B1:B2.

The map says that A1 is the sum of B1:B2, 3. A formula that is never decided must be reported as such; one that can be
computed is simply wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Fill, FillKind, Sheet
from xlparity.model.value import Cells
from xlparity.xlsx.write import write_book

__all__ = ["FORMULAS", "MAP", "write_formula"]

MAP = """[[tensor]]
tensor = "x"
role = "input"
cells = "S!B1:B2"

[[tensor]]
tensor = "y"
role = "computed"
cells = "S!A1"
shape = "()"
torch = "x.sum()"
"""


def _lambda(parameters: str, body: str) -> str:
    names = "".join(f"_xlpm.{name}," for name in parameters.split())
    return f"_xlfn.LAMBDA({names}{body})"


_ALL = "_xlfn.SEQUENCE(1048576,16384)"
_MILLION = "_xlfn.SEQUENCE(1048576)"
_LONG = 'REPT("a",32767)'
FORMULAS: Mapping[str, str] = {
    # sizes
    "SEQUENCE of a whole sheet": _ALL,
    "SUM of SEQUENCE of a whole sheet": f"SUM({_ALL})",
    "SEQUENCE of 1E300 rows": "SUM(_xlfn.SEQUENCE(1E300))",
    "column times row": f"SUM({_MILLION}*_xlfn.SEQUENCE(1,16384))",
    "column compared with row": f"SUM(--({_MILLION}>_xlfn.SEQUENCE(1,16384)))",
    "IF of column and row": f"SUM(IF({_MILLION}>5,_xlfn.SEQUENCE(1,16384),1))",
    "whole columns times whole rows": "SUMPRODUCT(A:A*1:1)",
    "whole sheet": "SUM(C1:XFD1048576*2)",
    "COUNTBLANK of a whole sheet": "COUNTBLANK(C1:XFD1048576)",
    "text of a whole sheet": "_xlfn.TEXTJOIN(\",\",FALSE,C1:XFD1048576)",
    "MAKEARRAY of a whole sheet": f"SUM(_xlfn.MAKEARRAY(1048576,16384,{_lambda('r c', '_xlpm.r*_xlpm.c')}))",
    "EXPAND to a whole sheet": "SUM(_xlfn.EXPAND(1,1048576,16384,0))",
    "VSTACK of column and row": f"_xlfn.ROWS(_xlfn.VSTACK({_MILLION},_xlfn.SEQUENCE(1,16384)))",
    "MMULT to a whole sheet": f"SUM(MMULT({_MILLION},_xlfn.SEQUENCE(1,16384)))",
    "MMULT of 4,000 rows": "SUM(MMULT(_xlfn.SEQUENCE(4000,4000),_xlfn.SEQUENCE(4000,4000)))",
    "MUNIT of a million": "SUM(_xlfn.MUNIT(1000000))",
    "MDETERM of 4,000 rows": "MDETERM(_xlfn.SEQUENCE(4000,4000))",
    "MINVERSE of 4,000 rows": "SUM(MINVERSE(_xlfn.SEQUENCE(4000,4000)))",
    "LINEST of 16 million numbers": "SUM(LINEST(_xlfn.SEQUENCE(16384),_xlfn.SEQUENCE(16384,1000)))",
    "INDEX by column and row": f"SUM(INDEX(B1:B2,{_MILLION},_xlfn.SEQUENCE(1,16384)))",
    "OFFSET of a whole sheet": "SUM(OFFSET(C1,0,0,1048576,16380)+1)",
    "INDIRECT of a whole sheet": 'SUM(INDIRECT("C1:XFD1048576")+1)',
    "UNIQUE of 16 million": "SUM(_xlfn.UNIQUE(_xlfn.SEQUENCE(16000000)))",
    "SORT of 16 million": "SUM(_xlfn.SORT(-_xlfn.SEQUENCE(16000000)))",
    "FILTER of 16 million": "SUM(_xlfn.FILTER(_xlfn.SEQUENCE(16000000),_xlfn.SEQUENCE(16000000)>5))",
    "lookup of a million in a million": f"SUM(_xlfn.XLOOKUP({_MILLION},-{_MILLION},{_MILLION},0,1))",
    "MATCH of a million in a million": f"SUM(MATCH({_MILLION},{_MILLION},-1))",
    "COUNTIF of a million": f"SUM(COUNTIF(A2:B1048576,\">\"&{_MILLION}))",
    "RANK of a million": f"SUM(_xlfn.PERCENTRANK.INC({_MILLION},{_MILLION}))",
    "LARGE of a million": f"SUM(LARGE({_MILLION},{_MILLION}))",
    "FREQUENCY of a million": f"SUM(FREQUENCY({_MILLION},{_MILLION}))",
    "MODE of 16 million": "MODE(_xlfn.SEQUENCE(16000000))",
    "MODE of texts": f"SUM(LEN({_MILLION}&\"x\"))",
    "two million texts": "SUM(LEN(_xlfn.SEQUENCE(2000000)&\"x\"))",
    # texts
    "REPT of a billion": 'LEN(REPT("a",1E9))',
    "REPT of many lengths": 'SUM(LEN(REPT("a",_xlfn.SEQUENCE(32767))))',
    "SUBSTITUTE that explodes": f'LEN(SUBSTITUTE({_LONG},"a",{_LONG}))',
    "CONCAT of long texts": 'LEN(_xlfn.CONCAT(REPT("a",32767-_xlfn.SEQUENCE(30000,1,0))))',
    "text that doubles": f'LEN(_xlfn.REDUCE("ab",_xlfn.SEQUENCE(100),{_lambda("a b", "_xlpm.a&_xlpm.a")}))',
    "array that doubles": f"_xlfn.ROWS(_xlfn.REDUCE(1,_xlfn.SEQUENCE(100),{_lambda('a b', '_xlfn.VSTACK(_xlpm.a,_xlpm.a)')}))",
    "wildcards that backtrack": f'COUNTIF(B1:B2,REPT("*a",100)&"b")+MATCH(REPT("*a",50)&"b",{{"{"a" * 4000}"}},0)',
    "SEARCH that backtracks": f'SEARCH(REPT("*a",50)&"b",{_LONG})',
    "SEARCH with question marks": f'SEARCH(REPT("?*",100)&"b",{_LONG})',
    "TEXT with a long format": 'LEN(TEXT(1.5,REPT("0",30000)))',
    "TEXT of conditions": 'TEXT(1,REPT("[>1]0;",5000))',
    "VALUE of 32,767 digits": 'VALUE(REPT("9",32767))',
    "DECIMAL of long texts": '_xlfn.DECIMAL(REPT("Z",32767),36)',
    "FIXED with many digits": "LEN(FIXED(1,32767))",
    "TEXTSPLIT of separators": '_xlfn.ROWS(_xlfn.TEXTSPLIT(REPT(",",32767),,","))',
    "BASE of 255 digits": "LEN(_xlfn.BASE(2^52,2,255))",
    "nested quotes": '""""&' * 2000 + '"x"',
    # loops
    "REDUCE over a million": f"_xlfn.REDUCE(0,{_MILLION},{_lambda('a b', '_xlpm.a+_xlpm.b')})",
    "SCAN over a million": f"SUM(_xlfn.SCAN(0,{_MILLION},{_lambda('a b', '_xlpm.a+_xlpm.b')}))",
    "REDUCE in REDUCE": f"_xlfn.REDUCE(0,_xlfn.SEQUENCE(10000),{_lambda('a b', '_xlpm.a+_xlfn.REDUCE(0,_xlfn.SEQUENCE(10000),' + _lambda('c d', '_xlpm.c+_xlpm.d') + ')')})",
    "LAMBDA that calls itself": f"{_lambda('f', '_xlpm.f(_xlpm.f)')}({_lambda('f', '_xlpm.f(_xlpm.f)')})",
    "LAMBDA that calls itself twice": f"{_lambda('f', '_xlpm.f(_xlpm.f)+_xlpm.f(_xlpm.f)')}({_lambda('f', '_xlpm.f(_xlpm.f)+_xlpm.f(_xlpm.f)')})",
    "MAP in MAP in MAP": f"SUM(_xlfn.MAP(_xlfn.SEQUENCE(1000),{_lambda('a', 'SUM(_xlfn.MAP(_xlfn.SEQUENCE(1000),' + _lambda('b', 'SUM(_xlfn.MAP(_xlfn.SEQUENCE(1000),' + _lambda('c', '_xlpm.a*_xlpm.b*_xlpm.c') + '))') + '))')}))",
    "BINOM.DIST of 1E15 trials": "_xlfn.BINOM.DIST.RANGE(1E15,0.5,1,1E15)",
    "BINOM.INV of 1E15 trials": "_xlfn.BINOM.INV(1E15,0.5,0.3)",
    "HYPGEOM of millions": "_xlfn.HYPGEOM.DIST(1E6,2E6,3E6,9E6,TRUE)",
    "POISSON of a billion": "_xlfn.POISSON.DIST(1E9,1E9,TRUE)",
    "COMBIN of a billion": "COMBIN(1E9,5E8)",
    "MULTINOMIAL of a million": "MULTINOMIAL(1E6,1E6,1E6)",
    "GCD of huge numbers": "GCD(9E15,9E15-1)+LCM(9E15,9E15-1)",
    "power tower": "9^9^9^9^9^9^9",
    "CUMIPMT of a billion periods": "CUMIPMT(0.01,1E9,1000,1,1E9,0)",
    "CUMPRINC of a billion periods": "CUMPRINC(0.01,1E9,1000,1,1E9,0)",
    "NETWORKDAYS of all days": "NETWORKDAYS(1,2958465)",
    "NETWORKDAYS of all days, many times": "SUM(_xlfn.MAP(_xlfn.SEQUENCE(1000),_xlfn.LAMBDA(_xlpm.a,NETWORKDAYS(_xlpm.a,2958465))))",
    "WORKDAY of a billion days": "WORKDAY(1,1E9)",
    "WORKDAY without workdays": '_xlfn.WORKDAY.INTL(1,1000000,"1111111")',
    "VDB of a billion periods": "VDB(1000,1,1E9,1,1E8)",
    "COUPNUM over all years": "COUPNUM(1,2958465,4)",
    "PRICE over all years": "PRICE(1,2958465,0.1,0.1,100,4)",
    "NPER of no interest": "NPER(-1,1,1E308)",
    "IRR without a solution": "IRR(_xlfn.SEQUENCE(100000))",
    "SERIESSUM of a million": f"SERIESSUM(1,1,1,{_MILLION})",
    "BESSELJ of a huge order": "BESSELJ(1,1E9)",
    "RATE without a solution": "RATE(1E9,1,1,1)",
    "ROMAN and ARABIC": 'LEN(ROMAN(3999))+_xlfn.ARABIC(REPT("M",32767))',
    # depth and length
    "brackets nested 10,000 deep": "(" * 10_000 + "1" + ")" * 10_000,
    "functions nested 10,000 deep": "ABS(" * 10_000 + "1" + ")" * 10_000,
    "functions nested 120 deep": "ABS(" * 120 + "1" + ")" * 120,
    "IF nested 120 deep, both ways": "IF(B1>5," * 120 + "1" + ",2)" * 120,
    "10,000 signs": "-" * 10_000 + "1",
    "10,000 per cents": "1" + "%" * 10_000,
    "10,000 powers": "1" + "^1" * 10_000,
    "100,000 terms": "1" + "+B1" * 100_000,
    "100,000 comparisons": "1" + "=1" * 100_000,
    "10,000 arguments": "SUM(" + "1," * 10_000 + "1)",
    "union of 10,000 areas": "SUM((" + "B1:B2," * 10_000 + "B1))",
    "intersection of 10,000 areas": "SUM(" + "B1:B2 " * 10_000 + "B1:B2)",
    "range of 10,000 references": "SUM(" + "B1:" * 10_000 + "B1)",
    "array constant of 100,000 numbers": "SUM({" + "1," * 100_000 + "1})",
    "10,000 sheets": "SUM(S:S!B1)+" * 10_000 + "1",
    "LET of 2,000 names": "_xlfn.LET(" + "".join(f"_xlpm.a{i},{f'_xlpm.a{i - 1}+_xlpm.a{i - 1}' if i else 1}," for i in range(2000)) + "_xlpm.a1999)",
    # names, circles
    "name that means itself": "itself",
    "names in a circle": "circle1",
    "names that double": "double59_",
    "LAMBDA name that calls itself": "forever(1)",
    "LAMBDA name that calls itself twice": "twice(1)",
    "its own cell": "A1+1",
    "INDIRECT of its own cell": 'INDIRECT("A"&1)',
    "INDIRECT of INDIRECT": "INDIRECT(" * 100 + '"B1"' + ")" * 100,
    # the world outside
    "WEBSERVICE": '_xlfn.WEBSERVICE("http://127.0.0.1:9/")',
    "FILTERXML": '_xlfn.FILTERXML("<!DOCTYPE a [<!ENTITY e SYSTEM ""file:///etc/passwd"">]><a>&e;</a>","//a")',
    "HYPERLINK": 'HYPERLINK("javascript:alert(1)","3")',
    "IMAGE": '_xlfn.IMAGE("http://127.0.0.1:9/x.png")',
    "DDE": "cmd|'/c calc.exe'!A1",
    "DDE of soffice": 'DDE("soffice","/etc/passwd","A1")',
    "external workbook": "'http://127.0.0.1:9/[b.xlsx]S'!A1",
    "external share": "'\\\\host\\share\\[b.xlsx]S'!A1",
    "CALL of a library": 'CALL("kernel32","WinExec","JCJ","calc",0)',
    "REGISTER of a library": 'REGISTER.ID("kernel32","WinExec")',
    "EXEC of an old macro": 'EXEC("calc.exe")',
    "RTD server": 'RTD("evil.server",,"topic")',
    "STOCKHISTORY": '_xlfn.STOCKHISTORY("MSFT",1)',
    "CUBEVALUE": 'CUBEVALUE("c","[x]")',
    "INFO of the machine": 'INFO("directory")',
    "CELL of the file": 'CELL("filename")',
    "PY": '_xlfn._xlws.PY("import os",0)',
}  # fmt: skip

_NAMES = {
    "itself": "itself+1",
    "circle1": "circle2+1",
    "circle2": "circle1+1",
    "double0_": "S!$B$1",
    **{f"double{at}_": f"double{at - 1}_+double{at - 1}_" for at in range(1, 60)},
    "forever": _lambda("n", "forever(_xlpm.n+1)"),
    "twice": _lambda("n", "twice(_xlpm.n+1)+twice(_xlpm.n+2)"),
}


def write_formula(formula: str, path: Path) -> None:
    """A workbook with `formula` in A1 and its map beside it."""
    # The numbers that the map names, and what the file remembers of the formula: the right value.
    cells = Cells.of({(0, 1): 1.0, (1, 1): 2.0})
    dynamic = "_xlfn." in formula
    fill = Fill(Area.of("S", 0, 0), formula, FillKind.DYNAMIC if dynamic else FillKind.COPIED)
    names = tuple(DefinedName(name, text) for name, text in _NAMES.items())
    write_book(Book((Sheet("S", cells, (fill,), Cells.of({(0, 0): 3.0})),), names), path)
    path.with_suffix(".parity.toml").write_text(MAP)


def write_all(folder: Path) -> Iterator[tuple[str, Path]]:
    """All of them, numbered, in `folder`."""
    for number, (name, formula) in enumerate(FORMULAS.items()):
        path = folder / f"formula{number}.xlsx"
        write_formula(formula, path)
        yield name, path
