"""The golden formulas of the lowering rules: reads `ops.txt`, makes a sheet of each call, writes the formulas anew.

    python -m tests.compiler.ops        writes each call's formulas into ops.txt; read the difference before you keep it

A call is lowered as a graph of that one operation, so that nothing takes it apart before its rule sees it. All tensors
of a call stand on one sheet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from xlparity.check.formulas import FormulaIndex
from xlparity.compiler.emit import parity_sheet
from xlparity.compiler.graph import Constant, Given, Graph, Node, Output, Source
from xlparity.compiler.lower import Lowering
from xlparity.compiler.place import place
from xlparity.compiler.workbook import map_rows, sheets_of
from xlparity.formula.ast import Call, walk
from xlparity.formula.parse import parse
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role

# Functions that a generated formula may call: all of them in Excel 2007 already, and so without a prefix in the file.
FUNCTIONS = frozenset(
    """
    ABS ACOS ACOSH AND ASIN ASINH ATAN ATAN2 ATANH AVERAGE COS COSH COUNTIF DEVSQ ERF ERFC EXP GAMMADIST GAMMALN GCD IF
    INDEX INT ISERROR ISNUMBER LARGE LCM LN LOG10 MATCH MAX MDETERM MIN MINVERSE MMULT MOD NA NORMSINV OR PI PRODUCT
    RANK ROWS SIGN SIN SINH SMALL SQRT SUM SUMIF SUMPRODUCT SUMSQ SUMXMY2 TAN TANH TRUNC
    """.split()
)
MOST_CHARACTERS, MOST_ARGUMENTS = 8_192, 255

GOLDEN = Path(__file__).with_name("ops.txt")


@dataclass(frozen=True, eq=False)
class Entry:
    """A call as it stands in ops.txt, the tensors that it may name, and the lines of its golden formulas."""

    number: int
    text: str
    tensors: Mapping[str, Tensor]
    golden: tuple[str, ...]

    @property
    def overload(self) -> str:
        return re.match(r"aten\.(\w+\.\w+)", self.text)[1]  # type: ignore[index]

    @property
    def name(self) -> str:
        """A name for tensors and sheets, different for each entry: `op12_abs`."""
        return f"op{self.number}_{self.overload.partition('.')[0].strip('_')}"


@dataclass(frozen=True)
class Built:
    """The sheet of an entry, its rows of the map, and torch's own values by the names of the map."""

    sheet: Sheet
    rows: Sequence[MapRow]
    expected: Mapping[str, Tensor]
    formulas: tuple[str, ...]


def entries() -> Iterator[Entry]:
    """All entries of ops.txt, in their order."""
    tensors: dict[str, Tensor] = {}
    calls: list[tuple[str, list[str]]] = []
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("aten."):
            calls.append((line, []))
        elif line.startswith(" "):
            calls[-1][1].append(line.strip())
        elif line and not line.startswith("#"):
            name, _, value = line.partition(" = ")
            assert name not in tensors, f"{name} is defined twice"
            tensors[name] = eval(value, dict(vars(torch)))
    for number, (text, golden) in enumerate(calls):
        yield Entry(number, text, tensors, tuple(golden))


# -- from a call to a sheet -------------------------------------------------------------------------------------------


@dataclass
class _Call:
    """A call that was not made; `reads` are the positions of the results that something reads, None for all."""

    operation: OpOverload
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    reads: tuple[int, ...] | None = None

    def __getitem__(self, reads: int | tuple[int, ...]) -> _Call:
        return replace(self, reads=reads if isinstance(reads, tuple) else (reads,))


class _Aten:
    """Stands for `torch.ops.aten`: its operations give the call, not the result."""

    def __init__(self, packet: Any = None) -> None:
        self._packet = packet

    def __getattr__(self, name: str) -> Any:
        if self._packet is None:
            return _Aten(getattr(torch.ops.aten, name))
        operation = getattr(self._packet, name)
        return lambda *arguments, **keywords: _Call(operation, arguments, keywords)


@dataclass
class _Namespace(dict[str, Any]):
    """The names of a call: the tensors of ops.txt become givens, `known(x)` a tensor that depends on no input."""

    entry: Entry
    givens: dict[str, Given] = field(default_factory=dict)
    constants: list[Constant] = field(default_factory=list)

    def __missing__(self, name: str) -> Any:
        if name == "known":
            return self.known
        if name not in self.entry.tensors:
            return {"aten": _Aten(), "inf": math.inf, "nan": math.nan, **vars(torch)}[name]
        if name not in self.givens:
            value = self.entry.tensors[name]
            given = Given(f"{self.entry.name}.{name}", Role.CONSTANT, value, _dtype(value))
            self.givens[name] = given
        return self.givens[name]

    def known(self, given: Given) -> Constant:
        del self.givens[given.name.rpartition(".")[2]]
        self.constants.append(Constant(given.value))
        return self.constants[-1]


def beyond_excel_2010(book: Book) -> list[str]:
    """The formulas of a workbook that Excel 2010 or LibreOffice 7.4 would not take."""
    found = []
    for formula in {fill.formula for sheet in book.sheets for fill in sheet.fills}:
        calls = [part for part in walk(parse(formula)) if isinstance(part, Call)]
        fits = len(formula) <= MOST_CHARACTERS and all(len(call.arguments) <= MOST_ARGUMENTS for call in calls)
        if not fits or not {call.name for call in calls} <= FUNCTIONS:
            found.append(formula)
    return found


def build(entry: Entry) -> Built:
    """The sheet of `entry`."""
    call, givens = _called(entry)
    values = torch.utils._pytree.tree_map(
        lambda part: part.value.clone() if isinstance(part, Given | Constant) else part,
        (call.arguments, call.keywords),
    )
    results = call.operation(*values[0], **values[1])
    several = not isinstance(results, Tensor)
    parts = list(results) if several else [results]
    reads = call.reads if call.reads is not None else tuple(range(len(parts)))
    first = next(part for part in parts if part is not None)
    node = Node(
        call.operation, _tuples(call.arguments), {key: _tuples(part) for key, part in call.keywords.items()},
        tuple(first.shape), _dtype(first),
    )  # fmt: skip
    nodes: list[Node | Output] = [node]
    wanted: dict[str, Source] = {}
    expected: dict[str, Tensor] = {}
    for at in reads:
        name = entry.name if len(reads) == 1 else f"{entry.name}.output[{at}]"
        source = Output(node, at, tuple(parts[at].shape), _dtype(parts[at])) if several else node
        nodes += [source] if several else []
        wanted[name], expected[name] = source, parts[at]
    graph = Graph(entry.name, "float64", tuple(givens), tuple(nodes), wanted)
    low = Lowering(graph)
    low.run({})
    return _placed(entry, graph, low, expected)


def _called(entry: Entry) -> tuple[_Call, list[Given]]:
    namespace = _Namespace(entry)
    call = eval(entry.text, {}, namespace)
    return call, list(namespace.givens.values())


def _tuples(part: Any) -> Any:
    return tuple(_tuples(each) for each in part) if isinstance(part, list | tuple) else part


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _placed(entry: Entry, graph: Graph, low: Lowering, expected: Mapping[str, Tensor]) -> Built:
    (plan,) = place(graph, low.blocks, 1)
    plan.name = entry.name[:31]
    plan.blocks = [
        replace(block, corner=Cell(plan.name, block.corner.row, block.corner.column)) for block in plan.blocks
    ]
    (sheet,) = sheets_of([plan], len(low.blocks), low.literals, 0, "General")
    rows = map_rows([plan])
    index = FormulaIndex(Book((sheet,)))
    lines = []
    for row in rows:
        if row.role is Role.COMPUTED:
            name = row.tensor.removeprefix(entry.name).removeprefix(".output").removeprefix(".")
            formula = index.text(row.block.cell((0,) * len(row.block.shape)))
            lines.append(f"{name} ={formula}".strip())
    return Built(sheet, rows, expected, tuple(lines))


def book_of(built: Sequence[Built]) -> Book:
    """One workbook of all sheets, with its map."""
    rows = [row for each in built for row in each.rows]
    return Book((*(each.sheet for each in built), parity_sheet(rows)), title="Lowering rules")


def write() -> None:
    """Write the formulas of all calls into ops.txt."""
    found = {entry.text: build(entry).formulas for entry in entries()}
    lines = []
    for line in GOLDEN.read_text().splitlines():
        if not line.startswith(" "):
            lines.append(line)
        if line.startswith("aten."):
            lines += [f"    {formula}" for formula in found[line]]
    GOLDEN.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write()
