"""How fast the embedded engine is, beside LibreOffice in the same run: writes docs/benchmarks/engine.md.

    python benchmarks/engine_speed.py [--quick] [--output FILE]

Sheets of 100,000 and 1,000,000 copied-down formulas, such as a neural network's sheet has them, are written once with
the full text in every cell and once with shared formulas. Each program reads them in a process of its own, computes
all formulas anew and hands the numbers out; both results are compared with numpy's. The smallest of several times
counts, for both. `--quick` leaves out the million.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells
from xlparity.xlsx.read import read_book

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "benchmarks" / "engine.md"
COLUMNS = "ABCDEFGHIJKLM"
FIRST = 6  # the first row of samples; the weights stand above
REPEATS = 2

# -- the workbooks ----------------------------------------------------------------------------------------------------

# Four inputs and a target a row (A:E), two neurons with weights in rows 1 and 2 and biases in F1:F2, and their loss.
NETWORK = {
    "F": "SUMPRODUCT($A{r}:$D{r},$A$1:$D$1)+$F$1",
    "G": "SUMPRODUCT($A{r}:$D{r},$A$2:$D$2)+$F$2",
    "H": "MAX(F{r},0)",
    "I": "MAX(G{r},0)",
    "J": "H{r}*$A$3+I{r}*$B$3+$F$3",
    "K": "J{r}-E{r}",
    "L": "K{r}^2",
    "M": "2*K{r}*$A$3/$C$3",
}


def network(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows with weights, the inputs and targets, and what the formulas give."""
    random = np.random.default_rng(0)
    top = np.zeros((5, 6))
    top[:3] = random.normal(size=(3, 6))
    top[2, 2] = rows
    given = random.normal(size=(rows, 5))
    x, y = given[:, :4], given[:, 4]
    f, g = x @ top[0, :4] + top[0, 5], x @ top[1, :4] + top[1, 5]
    h, i = np.maximum(f, 0), np.maximum(g, 0)
    j = h * top[2, 0] + i * top[2, 1] + top[2, 5]
    k = j - y
    return top, given, np.stack([f, g, h, i, j, k, k**2, 2 * k * top[2, 0] / rows], 1)


def network_lines(rows: int, shared: bool) -> Iterator[str]:
    top, given, results = network(rows)
    for r, line in enumerate(top, 1):
        yield f'<row r="{r}">' + "".join(cell(f"{COLUMNS[c]}{r}", v) for c, v in enumerate(line.tolist())) + "</row>"
    last = FIRST + rows - 1
    for r, (line, result) in enumerate(zip(given.tolist(), results.tolist(), strict=True), FIRST):
        made = [cell(f"{COLUMNS[c]}{r}", v) for c, v in enumerate(line)]
        for index, (column, formula) in enumerate(NETWORK.items()):
            if not shared:
                text = f"<f>{formula.format(r=r)}</f>"
            elif r == FIRST:
                area = f"{column}{FIRST}:{column}{last}"
                text = f'<f t="shared" ref="{area}" si="{index}">{formula.format(r=r)}</f>'
            else:
                text = f'<f t="shared" si="{index}"/>'
            made.append(cell(f"{column}{r}", result[index], text))
        yield f'<row r="{r}">' + "".join(made) + "</row>"


def cell(address: str, value: float, formula: str = "") -> str:
    return f'<c r="{address}">{formula}<v>{value!r}</v></c>'


def write(path: Path, lines: Iterator[str]) -> None:
    """A workbook of one sheet, its rows as they come."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(
            "[Content_Types].xml",
            f'{head}<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
        )
        for name, kind, target in (
            ("_rels/.rels", "officeDocument", "xl/workbook.xml"),
            ("xl/_rels/workbook.xml.rels", "worksheet", "worksheets/sheet1.xml"),
        ):
            relation = f'<Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/>'
            file.writestr(name, f'{head}<Relationships xmlns="{package}/relationships">{relation}</Relationships>')
        file.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/>'
            "</sheets></workbook>",
        )
        with file.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{head}<worksheet xmlns="{main}"><sheetData>'.encode())
            for line in lines:
                sheet.write(line.encode())
            sheet.write(b"</sheetData></worksheet>")


# -- the parts, each in a process of its own --------------------------------------------------------------------------


def embedded_part(path: Path, rows: int) -> dict[str, float]:
    """Times of the embedded engine on a network's sheet, its peak memory, and how far it is from numpy."""

    start = time.perf_counter()
    book = read_book(path)
    read = time.perf_counter()
    values = EmbeddedEngine().evaluate(book, path)
    done = time.perf_counter()
    assert sum(fill.area.size for fill in book.sheets[0].fills) == rows * len(NETWORK)
    memory = peak()
    found = values.grid(Area.of("S", FIRST - 1, 5, rows, len(NETWORK))).number
    again, _ = best(lambda: EmbeddedEngine().evaluate(book, path), 2)
    times = {"read": read - start, "evaluate": done - read, "again": min(again, done - read)}
    ready = arrays(rows)
    with one_thread():
        floor, _ = best(lambda: arithmetic(*ready), 5)
    return {**times, "memory": memory, "off": apart(found, rows), "floor": floor}


def peak() -> float:
    """MB; not getrusage's figure, which a new process takes over from the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def torch_part() -> dict[str, float]:
    """The memory of a process that imports torch and does nothing."""
    script = "import torch; print(*(x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')))"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    return {"memory": int(done.stdout) / 1024}


def arrays(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    top, given, _ = network(rows)
    return torch.from_numpy(top), torch.from_numpy(given)


def arithmetic(top: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """The network's formulas in torch, with nothing around them: what no evaluation by torch can be faster than."""
    f, g = (given[:, :4] @ top[:2, :4].T + top[:2, 5]).unbind(1)
    h, i = f.clamp(min=0), g.clamp(min=0)
    j = h * top[2, 0] + i * top[2, 1] + top[2, 5]
    k = j - given[:, 4]
    return torch.stack([f, g, h, i, j, k, k**2, 2 * k * top[2, 0] / top[2, 2]], 1)


def apart(found: np.ndarray, rows: int) -> float:
    expected = network(rows)[2]
    return float((np.abs(found - expected) / (np.abs(expected) + 1)).max())


# Runs in the Python that has LibreOffice's uno: the engine's own worker starts the office.
OFFICE = """
import array, json, os, sys, time
worker, soffice, profile, pipe, path, rows, first, columns, out = sys.argv[1:]
sys.path.insert(0, os.path.dirname(worker))
import worker
office = worker.Office(soffice, profile, pipe)
try:
    rows, first, columns = int(rows), int(first), int(columns)
    start = time.perf_counter()
    document = office.load(path)
    loaded = time.perf_counter()
    document.calculateAll()
    calculated = time.perf_counter()
    kinds, numbers = bytearray(), array.array("d")
    sheet = document.Sheets.getByIndex(0)
    worker.read_area(sheet, (first - 1, 5, rows, columns), kinds, numbers, {})
    done = time.perf_counter()
    with open(out, "wb") as file:
        numbers.tofile(file)
    peaks = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if profile in open(f"/proc/{pid}/cmdline").read():
                lines = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
                peaks.append(int(lines["VmHWM"].split()[0]) / 1024)
        except (OSError, KeyError):
            pass
    second = time.perf_counter()
    document.calculateAll()
    again = min(time.perf_counter() - second, calculated - loaded)
    times = {"load": loaded - start, "calculate": calculated - loaded, "again": again, "hand out": done - calculated}
    print(json.dumps({**times, "memory": sum(peaks), "office": max(peaks), "version": office.version}))
finally:
    office.close()
sys.stdout.flush()
os._exit(0)  # uno's threads would hold the interpreter
"""


def libreoffice(path: Path, rows: int) -> dict[str, float]:
    """The same of LibreOffice; `memory` is that of all its processes, `office` that of soffice.bin alone."""
    from xlparity.engines.libreoffice import find_office, office

    soffice, python = find_office()
    worker = Path(office.__file__).with_name("worker.py")
    with tempfile.TemporaryDirectory() as folder:
        profile, out = Path(folder, "profile"), Path(folder, "numbers")
        office._write_settings(profile)
        arguments = [worker, soffice, profile, f"speed{os.getpid()}", path, rows, FIRST, len(NETWORK), out]
        done = subprocess.run(
            [python, "-c", OFFICE, *map(str, arguments)],
            stdout=subprocess.PIPE, check=False, env=office._environment(folder),
        )  # fmt: skip
        answer: dict[str, float] = json.loads(done.stdout)
        answer["off"] = apart(np.fromfile(out).reshape(rows, -1), rows)
    return answer


def dense_part(path: Path) -> dict[str, float]:
    """A dense layer, 512 wide over 512 rows, against torch.matmul."""
    from xlparity.xlsx.write import write_book

    size = 512
    x, w = torch.randn(2, size, size, dtype=torch.float64).unbind()
    row, column = np.divmod(np.arange(2 * size * size, dtype=np.int32), size)
    numbers = torch.cat([w, x]).flatten().numpy()
    constants = Cells(row.astype(np.int32), column.astype(np.int32), np.ones(len(row), np.uint8), numbers)
    area = Area.of("S", size, size, size, size)
    fill = Fill(area, f"SUMPRODUCT(MMULT($A{size + 1}:$SR{size + 1},A$1:A${size}))")
    write_book(Book((Sheet("S", constants, (fill,)),)), path)
    read, book = best(lambda: read_book(path), 3)
    seconds, values = best(lambda: EmbeddedEngine().evaluate(book), 5)
    matmul, product = best(lambda: x @ w, 20)
    with one_thread():  # faster than all threads where another program is busy
        matmul = min(matmul, best(lambda: x @ w, 20)[0])
    off = float(np.abs(values.grid(area).number - product.numpy()).max())
    assert off < 1e-11, off
    return {"read": read, "evaluate": seconds, "matmul": matmul}


def chain_part() -> dict[str, float]:
    """50,000 rows, each of which needs the one above."""

    area = Area.of("S", 1, 0, 50_000)
    seconds = {}
    for formula in ("A1+1", "A1*0.999+TANH(A1)-$B$1"):
        book = Book((Sheet("S", Cells.of({(0, 0): 1.0, (0, 1): 0.1}), (Fill(area, formula),)),))
        seconds[formula], _ = best(lambda book=book: EmbeddedEngine().evaluate(book), REPEATS)
    return seconds


def batch_part() -> dict[str, float]:
    """1,000 inputs at once to a workbook of 1,000 formulas, against one."""

    top, given, _ = network(125)
    numbers = {(row, column): float(v) for (row, column), v in np.ndenumerate(top)}
    numbers |= {(row + FIRST - 1, column): float(v) for (row, column), v in np.ndenumerate(given)}
    fills = tuple(
        Fill(Area.of("S", FIRST - 1, 5 + index, 125), formula.format(r=FIRST))
        for index, formula in enumerate(NETWORK.values())
    )
    book = Book((Sheet("S", Cells.of(numbers), fills),))
    area = Area.of("S", FIRST - 1, 0, 125, 5)
    batch = torch.randn(1000, 125, 5, dtype=torch.float64)
    engine = EmbeddedEngine()
    one, _ = best(lambda: engine.trace(book, {area: batch[:1]}).tensor(fills[-1].area), 10)
    many, _ = best(lambda: engine.trace(book, {area: batch}).tensor(fills[-1].area), 10)
    return {"one": one, "many": many}


def best(work: Callable[[], object], times: int) -> tuple[float, object]:
    """The smallest time of several, and the last result."""
    smallest, result = float("inf"), None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        smallest = min(smallest, time.perf_counter() - start)
    return smallest, result


# -- the table --------------------------------------------------------------------------------------------------------


def part(*arguments: object) -> dict[str, float]:
    """One of the parts in a process of its own."""
    command = [sys.executable, __file__, "--part", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def smallest(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of several runs each time's smallest; the memory is the largest."""
    choose = {"memory": max, "office": max, "off": max}
    return {key: choose.get(key, min)(run[key] for run in runs) for key in runs[0]}


def verdict(good: bool) -> str:
    return "met" if good else "**missed**"


def table(quick: bool, folder: Path) -> str:

    sheets, judged, floors = [], [], []
    version = ""
    for rows in (12_500, 125_000)[: 1 if quick else 2]:
        count = f"{rows * len(NETWORK):,}"
        for way in ("text", "shared"):
            path = folder / f"{way}.xlsx"
            write(path, network_lines(rows, way == "shared"))
            ours, theirs = [], []
            for _ in range(REPEATS):
                ours.append(part("embedded", path, rows))
                theirs.append(libreoffice(path, rows))
            version = str(theirs[0].pop("version"))
            for run in theirs[1:]:
                run.pop("version")
            our, their = smallest(ours), smallest(theirs)
            total, whole = our["read"] + our["evaluate"], their["load"] + their["calculate"] + their["hand out"]
            ratio, faster = total / whole, their["again"] / our["again"]
            name = "full text in each cell" if way == "text" else "shared formulas"
            sheets.append(
                f"| {count}, {name} | {our['read']:.2f} | {our['evaluate']:.3f} | {our['memory']:.0f} "
                f"| {their['load']:.2f} | {their['calculate']:.2f} | {their['hand out']:.2f} | {their['memory']:.0f} ({their['office']:.0f}) "
                f"| {max(our['off'], their['off']):.0e} |"
            )
            if way == "text":
                floors.append(f"{our['floor'] * 1e3:.1f} ms for {count}")
            judged += [
                f"| {count}, {name}: read, group and evaluate, of LibreOffice's load, calculateAll and hand-out "
                f"| ≤ 0.6 | {ratio:.2f} | {verdict(ratio <= 0.6)} |",
                f"| {count}, {name}: evaluation again ({our['again']:.3f} s) faster than calculateAll again "
                f"({their['again']:.2f} s) "
                f"| ≥ 20 times | {faster:.0f} times | {verdict(faster >= 20)} |",
                f"| {count}, {name}: peak memory, of LibreOffice's "
                f"| < 1 | {our['memory'] / their['memory']:.2f} | {verdict(our['memory'] < their['memory'])} |",
            ]
            print(sheets[-1], *judged[-3:], sep="\n", file=sys.stderr)
    dense = part("dense", folder / "dense.xlsx")
    allowed = 3 * dense["matmul"] + dense["read"]
    judged.append(
        f"| dense layer, 512 wide over 512 rows: evaluation ({dense['evaluate'] * 1e3:.0f} ms, "
        f"{dense['evaluate'] / dense['matmul']:.1f} times torch.matmul alone) against 3 torch.matmul "
        f"({dense['matmul'] * 1e3:.1f} ms each) and reading the file ({dense['read']:.2f} s) "
        f"| ≤ 1 | {dense['evaluate'] / allowed:.2f} | {verdict(dense['evaluate'] <= allowed)} |"
    )
    times = dense["evaluate"] / dense["matmul"]
    judged.append(
        "| the same, without counting the reading: evaluation, of torch.matmul "
        f"| ≤ 3 | {times:.1f} | {verdict(times <= 3)} |"
    )
    for formula, seconds in part("chain").items():
        judged.append(f"| 50,000 rows of `={formula}` | < 3 s | {seconds:.2f} s | {verdict(seconds < 3)} |")
    batch, idle = part("batch"), part("torch")
    judged.append(
        f"| 1,000 inputs at once to 1,000 formulas ({batch['many'] * 1e3:.0f} ms), of one "
        f"({batch['one'] * 1e3:.1f} ms) | ≤ 20 | {batch['many'] / batch['one']:.1f} "
        f"| {verdict(batch['many'] <= 20 * batch['one'])} |"
    )
    machine = (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, torch "
        f"{torch.__version__.split('+')[0]}, LibreOffice {version}"
    )
    return "\n".join([
        "# The speed of the embedded engine",
        "",
        f"Made by `python benchmarks/engine_speed.py`; not edited by hand. {machine}.",
        "",
        "| | target | measured | |",
        "|---|---|---|---|",
        *judged,
        "",
        "The sheets are a small network's, eight formulas a row (SUMPRODUCT, MAX, arithmetic), copied down. Both "
        "programs read the same file and compute every formula anew; LibreOffice is started beforehand, on a profile "
        f"of its own, and driven through UNO. Every program ran {REPEATS} times, in turn, each in a new process; the "
        "smallest times and the largest memory count; *again* is a second evaluation in the same process. Times in "
        "seconds, memory in MB: the peak of all processes of the run (ours is one, with Python and torch; LibreOffice's "
        "are soffice.bin, alone in brackets, its starter, and the Python that loads and reads back through UNO). The last column is "
        "the greatest difference of either from numpy, relative to the value plus one.",
        "",
        f"What bounds the missed ones: a process that imports torch and does nothing takes {idle['memory']:.0f} MB. "
        f"The formulas' arithmetic alone, in torch, on arrays that are ready, takes {' and '.join(floors)} formulas; "
        "an evaluation also lays the constants out as a grid, checks each operand for empty cells, texts and errors and "
        "each result for overflow, and hands out every cell's place, kind and value.",
        "",
        "| formula cells | read and group | evaluate | memory | LibreOffice: load | calculateAll | hand out | memory "
        "| difference |",
        "|---|---|---|---|---|---|---|---|---|",
        *sheets,
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the sheets of a million formulas")
    parser.add_argument("--output", type=Path, default=TABLE)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    match options.part:
        case ["embedded", path, rows]:
            print(json.dumps(embedded_part(Path(path), int(rows))))
        case ["dense", path]:
            print(json.dumps(dense_part(Path(path))))
        case ["chain"]:
            print(json.dumps(chain_part()))
        case ["batch"]:
            print(json.dumps(batch_part()))
        case ["torch"]:
            print(json.dumps(torch_part()))
        case _:
            with tempfile.TemporaryDirectory() as folder:
                text = table(options.quick, Path(folder))
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(text)


if __name__ == "__main__":
    main()
