"""Coverage-guided fuzzing (atheris) of what reads strangers' text: writes docs/benchmarks/fuzz.md.

python benchmarks/fuzz.py --target reader|formula|map|expression|calc --minutes M
python benchmarks/fuzz.py --page            the page from the runs in build/fuzz, else as it stands

Needs `pip install atheris`. Whatever is raised other than an XlparityError is a finding, as are an input that takes more
than a minute or 1 GB and a formula that reads differently once it is written out. A finding is kept in
build/fuzz/TARGET/findings, each way of failing once, and the run goes on. The corpus is kept too: the next run starts from it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "fuzz"
PAGE = ROOT / "docs" / "benchmarks" / "fuzz.md"
MARK = "\n--part "
# What the runs have found, by hand.
FOUND = (
    "formula: a number beyond float64 (`21E30834`) became infinity, which could not be written out",
    "formula: the message about a formula of several lines had several lines",
    "formula: a sheet whose name has `]` before `[` ended in ValueError",
    "formula: a table's column without a name was written out as none",
    "expression: `None`, `0.75.mean()`, `F.softmax(112, -1)` ended in TypeError or AttributeError",
    "calc: a call with too many arguments ended in ZeroDivisionError",
    "calc: `23+++2321:2`, whole rows of 38 million cells, took more than 1.5 GB",
)
_DONE = re.compile(rb"^#(\d+)\s.*cov: (\d+) ft: (\d+)", re.MULTILINE)
WHAT = {
    "reader": "`xlsx.read`: the parts of a workbook, or the bytes of its file",
    "formula": "`formula.parse`, and that a formula written out reads as before (`show`, `relative`)",
    "map": "`xlsx.map_file` and `check.reference`: a TOML map, read and computed by torch",
    "expression": "`check.expression`: a torch expression, parsed and computed",
    "calc": "the embedded engine: a formula in a workbook of 60 cells, computed",
}


def _book() -> Any:
    """A workbook of 60 cells with numbers, texts, a blank, a boolean and an error."""
    from xlparity.model.area import Area
    from xlparity.model.book import Book, DefinedName, Fill, Sheet
    from xlparity.model.value import Cells, Error

    values: dict[tuple[int, int], Any] = {
        (row, column): (row + 1) * 0.5 - column for row in range(10) for column in range(6)
    }
    values |= {(0, 3): "a", (1, 3): "4", (2, 3): True, (4, 3): Error.NA}
    del values[3, 3]
    fills = (Fill(Area.of("S", 0, 7, 10, 1), "A1*2"),)
    return Book((Sheet("S", Cells.of(values), fills),), (DefinedName("n", "S!$A$1:$A$3"),))


# -- targets: each takes the text and raises XlparityError or nothing ---------------------------------------------------


def reader() -> Callable[[bytes], None]:
    """Parts behind their names, or a whole file if the data starts like a zip."""
    from xlparity.xlsx.read import read_book

    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    path = folder / f"xlparity-fuzz-{os.getpid()}.xlsx"

    def one(data: bytes) -> None:
        if data.startswith(b"PK"):
            path.write_bytes(data)
        else:
            seen = set()
            with zipfile.ZipFile(path, "w") as archive:
                for part in data.split(MARK.encode()):
                    name, _, content = part.partition(b"\n")
                    shown = name.decode("utf-8", "replace")
                    if shown and shown not in seen and len(shown) < 200 and "\0" not in shown:
                        seen.add(shown)
                        archive.writestr(shown, content)
        read_book(path)

    return one


def formula() -> Callable[[bytes], None]:
    """A formula's text."""
    from xlparity.errors import FormulaError
    from xlparity.formula.parse import parse
    from xlparity.formula.relative import move, relative_text
    from xlparity.formula.show import show

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        relative_text(text, 4, 4)
        tree = parse(text)
        with contextlib.suppress(FormulaError):  # what moves off the sheet, or is nested once more by the writing
            moved = move(text, 0, 0)
            if parse(moved) != tree:
                raise AssertionError(f"moved by nothing it becomes {moved!r}")
        shown = show(tree)
        try:
            again = parse(shown.removeprefix("="))
        except FormulaError as error:
            if "nested deeper" in str(error):
                return
            raise AssertionError(f"written out as {shown!r} it is no formula") from error
        if repr(again).replace("-0.0", "0.0") != repr(tree).replace("-0.0", "0.0"):
            raise AssertionError(f"written out as {shown!r} it reads otherwise")

    return one


def map_() -> Callable[[bytes], None]:
    """A TOML map over the workbook, and torch's values for it."""
    import torch

    from xlparity.check.judge import hold
    from xlparity.check.reference import Program
    from xlparity.engines.embedded import EmbeddedEngine
    from xlparity.model.map import Role
    from xlparity.xlsx.map_file import map_of_toml

    torch.set_num_threads(1)
    book = _book()
    values = EmbeddedEngine().evaluate(book)
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    path = folder / f"xlparity-fuzz-{os.getpid()}.toml"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        parity = map_of_toml(path, book)
        program = Program(parity)
        if sum(row.block.size for row in parity) > 10_000:
            return
        given = {
            row.tensor: program.given(row.tensor, hold(values, row.block, row.dtype).values)
            for row in parity
            if row.role not in (Role.COMPUTED, Role.EXPECTED)
        }
        program.whole(given, {})

    return one


def expression() -> Callable[[bytes], None]:
    """A torch expression over a few tensors."""
    import torch

    from xlparity.check.expression import evaluate, parse_expression

    torch.set_num_threads(1)
    tensors = {
        "x": torch.linspace(-2, 2, 6, dtype=torch.float64).reshape(2, 3),
        "W": torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3),
        "b": torch.linspace(0, 1, 4, dtype=torch.float64),
        "net[0].weight": torch.ones(3, 3, dtype=torch.float64),
        "i": torch.tensor([0, 1, 1]),
        "p": torch.full((2, 3), 0.5, dtype=torch.float64),
    }

    class Lookup:
        def tensor(self, name: str) -> torch.Tensor:
            return tensors[name]

        def expected(self, name: str, printed: bool) -> torch.Tensor:
            return tensors[name]

        def grad(self, of: Any, wrt: str) -> torch.Tensor:
            return tensors[wrt]

    def one(data: bytes) -> None:
        evaluate(parse_expression(data.decode("utf-8", "replace"), tensors, "here"), Lookup())

    return one


def calc() -> Callable[[bytes], None]:
    """A formula computed by the embedded engine."""
    from dataclasses import replace

    from xlparity.engines.embedded import EmbeddedEngine
    from xlparity.model.area import Area
    from xlparity.model.book import Fill, FillKind

    base = _book()
    engine = EmbeddedEngine()

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        if text.isascii() and text.upper().count("EASTER") > 1:
            return
        kind = FillKind.DYNAMIC if len(data) % 2 else FillKind.COPIED
        sheet = base.sheets[0]
        fills = (
            *sheet.fills,
            Fill(Area.of("S", 0, 9, 2, 1) if kind is FillKind.COPIED else Area.of("S", 0, 9), text, kind),
        )
        values = engine.evaluate(replace(base, sheets=(replace(sheet, fills=fills),)))
        for note in islice(values.notes.values(), 100):  # a formula may fill a million cells
            if "xlparity failed here" in note.because:
                raise AssertionError(re.sub(r"\d+", "N", note.because))

    return one


TARGETS = {"reader": reader, "formula": formula, "map": map_, "expression": expression, "calc": calc}


# -- seeds ------------------------------------------------------------------------------------------------------------


def bundle(path: Path) -> bytes:
    """A workbook's parts, each behind its name."""
    with zipfile.ZipFile(path) as archive:
        return MARK.encode().join(
            name.encode() + b"\n" + archive.read(name)[:20_000] for name in archive.namelist() if "theme" not in name
        )


def formulas() -> Iterator[str]:
    """Formulas that the tests and the workbooks have."""
    from tests.engines.tricky import CASES
    from xlparity.functions import FUNCTIONS
    from xlparity.xlsx.read import read_book

    yield from (case[0] for case in CASES)
    for book in sorted((ROOT / "tests" / "golden").glob("*.xlsx")):
        for sheet in read_book(book).sheets:
            yield from (fill.formula for fill in sheet.fills)
    for name, function in FUNCTIONS.items():
        least = max(function.least, 1)
        yield f"{name}({','.join(['A1:B3'] * least)})"
        yield f"{name}({','.join(['2'] * least)})"
    yield from (
        "_xlfn.LET(_xlpm.x,2,_xlpm.x+1)", "_xlfn.LAMBDA(_xlpm.x,_xlpm.x^2)(3)", "_xlfn.REDUCE(0,A1:A3,_xlfn.LAMBDA(_xlpm.a,_xlpm.b,_xlpm.a+_xlpm.b))",
        "_xlfn.MAP(A1:A3,_xlfn.LAMBDA(_xlpm.a,_xlpm.a*2))", "_xlfn.SEQUENCE(3,3)", "[1]S!A1", "'[b.xlsx]S x'!$A$1:B$2",
        "T[[#This Row],[x]:[y]]", "T[#All]", "{1,2;3,TRUE}", "A:A", "1:3", "A1:B2 B1:C3", "(A1,B2)", "S:T!A1", "A1#", "@A1:A3",
    )  # fmt: skip


def seeds(target: str) -> Iterator[bytes]:
    """What the run starts from."""
    from tests.unit.xlsx.handmade import parts, write_parts

    if target == "reader":
        for book in sorted((ROOT / "tests" / "golden").glob("*.xlsx"))[:4] + sorted(
            (ROOT / "workbooks").glob("s*.xlsx")
        ):
            yield bundle(book)
        rows = (
            '<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="s"><v>0</v></c><c r="C1" t="b"><v>1</v></c><c r="D1" t="e"><v>#N/A</v></c>'
            '<c r="E1" t="str"><v>a_x0041_</v></c><c r="F1" t="inlineStr"><is><r><t>a</t></r><rPh><t>b</t></rPh></is></c></row>'
            '<row r="2"><c r="A2"><f t="shared" ref="A2:A3" si="0">A1+1</f><v>2</v></c><c><f t="array" ref="B2:C3">A1:A2</f><v>1</v></c>'
            '<c r="D2" t="d"><v>2024-01-02T03:04:05</v></c></row><row><c><f t="shared" si="0"/></c><c r="E3" cm="1"><f t="array" ref="E3">1</f></c>'
            '<c r="F3"><f t="dataTable" ref="F3:G4" dt2D="1" r1="A1" r2="A2"/></c></row>'
        )
        made = parts(
            rows,
            shared="<si><t>x</t></si><si><r><t>y</t></r><rPh><t>z</t></rPh></si>",
            metadata='<metadataTypes><metadataType name="XLDAPR"/></metadataTypes><cellMetadata><bk><rc t="1" v="0"/></bk></cellMetadata>',
            names='<definedName name="n" localSheetId="0">Data!A1</definedName>',
            table='name="T" displayName="T" ref="A1:B3"><tableColumns><tableColumn name="x"/><tableColumn name="y"/></tableColumns>',
            title="a title",
        )
        yield MARK.encode().join(name.encode() + b"\n" + text.encode() for name, text in made.items())
        yield write_parts(BUILD / "seed.xlsx", made).read_bytes()
    elif target in ("formula", "calc"):
        yield from (text.encode() for text in formulas())
    elif target == "map":
        for path in sorted((ROOT / "benchmarks" / "maps").rglob("*.toml"), key=lambda path: path.stat().st_size)[:6]:
            yield re.sub(rb"cells = \"[^\"]*\"", b'cells = "S!A1:B2"', path.read_bytes()[:4000])
        yield (
            b'[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "S!A1:C4 T"\nshape = [3, 4]\ndtype = "float32"\ndecimals = 4\n\n'
            b'[[tensor]]\ntensor = "net[0]"\nrole = "computed"\ncells = "S!A5:B5; S!A7:B7"\ntorch = "(x @ x.T).softmax(-1)[0]"\n'
            b'module = "net[0]"\nphase = "forward"\n'
        )
    else:
        for line in (ROOT / "tests" / "unit" / "check" / "aten_expressions.txt").read_text().splitlines():
            yield line.encode()
        for text in (
            "x @ W.T + b", "((x - p) ** 2).mean()", "grad(x.sum(), x)", "F.softmax(x, dim=-1)[:, 1:2]", "torch.where(x > 0, x, 0.1 * x)",
            "expected(x) + printed(b)", "x.detach().view(3, 2)", "torch.cat([x, p], dim=1)", "aten.addmm.default(b, x, W.t())",
            "F.cross_entropy(x, i[:2])", "torch.stack((x, p))[0, -1, ::2]", "(x < p) == (x > -inf)",
        ):  # fmt: skip
            yield text.encode()


# -- one run ----------------------------------------------------------------------------------------------------------


def child(target: str, arguments: list[str]) -> None:
    """Fuzz in this process until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["xlparity"]):
        one = TARGETS[target]()
    from xlparity.errors import XlparityError

    for seed in seeds(target):  # what is imported late is no part of the time
        with contextlib.suppress(XlparityError):
            one(seed)
    folder = BUILD / target / "findings"
    folder.mkdir(parents=True, exist_ok=True)
    words = _words(target)
    grammar = random.Random(0)

    def test(data: bytes) -> None:
        try:
            one(data)
        except XlparityError as error:
            if "\n" in str(error):
                _keep(folder, data, AssertionError("an error of several lines"))
        except Exception as error:
            _keep(folder, data, error)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Half by libFuzzer's own mutations, half by words and pieces of the language, in the place of others or beside."""
        grammar.seed(seed)
        if grammar.random() < 0.5 or not data:
            return atheris.Mutate(data, most)
        pieces = re.split(rb"([\w.]+|<[^>]*>)", data)
        for _ in range(grammar.choice((1, 1, 2, 4))):
            at = grammar.randrange(len(pieces))
            match grammar.randrange(4):
                case 0:
                    pieces[at] = grammar.choice(words)
                case 1:
                    pieces.insert(at, grammar.choice(words))
                case 2:
                    other = grammar.randrange(len(pieces))
                    pieces[at], pieces[other] = pieces[other], pieces[at]
                case 3:
                    stop = min(len(pieces), at + grammar.choice((1, 1, 3, 9)))
                    if grammar.random() < 0.5:
                        del pieces[at:stop]
                    else:
                        pieces[at:at] = pieces[at:stop]
            pieces = pieces or [b""]
        return b"".join(pieces)[:most]

    atheris.Setup([sys.argv[0], *arguments], test, custom_mutator=mutate)
    atheris.Fuzz()


def _words(target: str) -> list[bytes]:
    """The language's words and the values at its edges."""
    edges = [
        "0",
        "-1",
        "1E308",
        "1E-320",
        "99999999999",
        "1048576",
        "16384",
        "XFD1048576",
        "A1",
        "",
        " ",
        "\x00",
        "\ud7ff",
        "_x0041_",
        "\U0001f600",
    ]
    if target == "reader":
        edges += re.findall(r"<[^>]*>|[\w:]+=\"[^\"]*\"", next(iter(seeds("reader"))).decode("utf-8", "replace"))[:400]
        edges += [
            ' r="A1"',
            ' r="0"',
            ' t="shared"',
            ' si="0"',
            "<f>",
            "</f>",
            "<c>",
            "<v/>",
            "<row>",
            "<!DOCTYPE a>",
            "<!--",
            "]]>",
            "<![CDATA[",
        ]
    elif target in ("formula", "calc"):
        from xlparity.functions import FUNCTIONS

        edges += [
            *FUNCTIONS,
            *"+-*/^&=<>%:,;(){}#@!'\"[]",
            "A1:B2",
            "$A$1",
            "S!",
            "#REF!",
            "TRUE",
            "_xlfn.LAMBDA(",
            "_xlpm.x",
            "_xlfn.LET(",
        ]
        edges += ["INDIRECT(", "OFFSET(", "INDEX(", "{1,2;3,4}", "A:A", "1:1", '"a"', "1E308", "255", "32768", "8193"]
    elif target == "map":
        edges += [
            "[[tensor]]\n",
            'tensor = "y"\n',
            'role = "computed"\n',
            'cells = "S!A1"\n',
            'shape = "3, 2"\n',
            "inf",
            "nan",
            "[]",
            "{}",
            "1979-05-27",
            "'''",
            " T",
            "; ...; ",
        ]
    else:
        edges += re.findall(r"[\w.]+", " ".join(text.decode() for text in seeds("expression")))[:3000]
        edges += [
            *"+-*/()[]{}:,.@",
            "**",
            "lambda: x",
            "__class__",
            "x",
            "W",
            "b",
            "i",
            "dim=0",
            "None",
            "True",
            "1j",
            '"sum"',
            "f'{x}'",
            "...",
            "*x",
            "**x",
        ]
    return [word.encode("utf-8", "replace") for word in edges]


def _keep(folder: Path, data: bytes, error: BaseException) -> None:
    """Write down a finding, each way of failing once."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames if "xlparity" in frame.filename][-3:]
    said = str(error)[:60] if isinstance(error, AssertionError) and "failed here" in str(error) else ""
    way = f"{type(error).__name__} {' '.join(where)} {said}"
    path = folder / hashlib.sha256(way.encode()).hexdigest()[:12]
    if not path.exists():
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(way + "\n" + "".join(traceback.format_exception(error)))
        print(f"FINDING {path.name} {way}", file=sys.stderr)


def fuzz(target: str, minutes: float) -> None:
    """Run `target` for so long, starting again after an input that ended the process."""
    folder = BUILD / target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    until, executions, edges, features = time.monotonic() + 60 * minutes, 0, 0, 0
    artifacts = folder / "findings"
    artifacts.mkdir(parents=True, exist_ok=True)
    while (left := int(until - time.monotonic())) > 5:
        run = subprocess.run(
            [
                sys.executable, __file__, "--child", target, f"-max_total_time={left}", "-timeout=60", "-rss_limit_mb=1500",
                "-max_len=24000" if target == "reader" else "-max_len=2000", "-print_final_stats=1", f"-artifact_prefix={artifacts}/",
                str(corpus),
            ],
            stderr=subprocess.PIPE, cwd=ROOT, check=False,
        )  # fmt: skip
        (folder / "last.log").write_bytes(run.stderr[-200_000:])
        lines = _DONE.findall(run.stderr)
        if not lines:
            raise SystemExit(run.stderr.decode(errors="replace")[-3000:])
        executions += int(lines[-1][0])
        edges, features = max(edges, int(lines[-1][1])), max(features, int(lines[-1][2]))
    found = sorted(path.name for path in artifacts.iterdir() if path.suffix != ".txt")
    total = folder / "total.json"
    before = json.loads(total.read_text()) if total.exists() else {"executions": 0, "minutes": 0}
    total.write_text(
        json.dumps(
            {
                "executions": before["executions"] + executions, "minutes": before["minutes"] + minutes, "edges": edges,
                "features": features, "corpus": sum(1 for _ in corpus.iterdir()), "findings": len(found),
            }
        )
    )  # fmt: skip
    print(target, total.read_text(), *found, sep="\n")


def page() -> str:
    """The page from what the runs in build/fuzz came to; a target without one keeps the row that the page has."""
    before = PAGE.read_text() if PAGE.exists() else ""
    kept = {target: row for row, target in re.findall(r"^(\| (\w+) \|.*)$", before, re.MULTILINE)}
    rows = []
    for target, what in WHAT.items():
        path = BUILD / target / "total.json"
        if path.exists():
            total = json.loads(path.read_text())
            rows.append(
                f"| {target} | {what} | {total['minutes']:.0f} | {total['executions']:,} | {total['edges']:,} | {total['features']:,} | "
                f"{total['corpus']:,} |"
            )
        elif target in kept:
            rows.append(kept[target])
    found = "\n".join(f"- {one}" for one in FOUND)
    return f"""# Fuzzing

Made by `python benchmarks/fuzz.py --page` from the runs of `--target`; not edited by hand. Coverage-guided fuzzing by atheris: seeds are the
formulas, maps, expressions and workbooks of the tests, mutated by libFuzzer and by words and pieces of each language. A finding is whatever
is raised that is no error of xlparity's own, an error of several lines, a formula that reads differently once it is written out, a value that
the engine gives up on as its own mistake, more than a minute or 1.5 GB.

| target | what is fuzzed | minutes | executions | edges covered | features | corpus |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Minutes are those of the clock on a machine that other programs kept busy, at the lowest priority. Found, mended and kept as tests
(`tests/hostile/test_fuzzed.py`):

{found}
"""


def main() -> None:
    """Parse the arguments."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=list(TARGETS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    if options.target:
        fuzz(options.target, options.minutes)
    if options.page:
        PAGE.write_text(page())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
