"""How time and memory grow with the cells of a workbook: docs/benchmarks/scale.md.

    python benchmarks/scale.py [--cells N]... [--output FILE]

A small network's sheet, 13 cells a row (five given numbers, eight formulas), written by xlparity, written by openpyxl,
checked by xlparity against torch, computed by LibreOffice, and read by openpyxl: each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

PAGE = ROOT / "docs" / "benchmarks" / "scale.md"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
PARTS = ("write", "check", "openpyxl writes", "openpyxl reads", "LibreOffice")
TENSORS = {
    "f": "x @ w[0] + a[0]", "g": "x @ w[1] + a[1]", "h": "relu(f)", "i": "relu(g)", "y_hat": "h * v[0] + i * v[1] + a[2]",
    "error": "y_hat - y", "squared": "error ** 2", "d": "2 * error * v[0] / n",
}  # fmt: skip


_COLUMNS = 13


def make(path: Path, rows: int) -> float:
    """Write the network's sheet, its map and, for openpyxl, its numbers; the seconds that writing the sheet takes."""
    from benchmarks.engine_speed import FIRST, NETWORK, network
    from xlparity.model.area import Area
    from xlparity.model.book import Book, Fill, Sheet
    from xlparity.model.value import Cells
    from xlparity.xlsx.write import write_book

    top, given, _ = network(rows)
    row, column = np.indices(top.shape).reshape(2, -1).astype(np.int32)
    below, right = np.indices(given.shape).reshape(2, -1).astype(np.int32)
    numbers = np.concatenate([top.ravel(), given.ravel()])
    constants = Cells(
        np.concatenate([row, below + FIRST - 1]), np.concatenate([column, right]), np.ones(len(numbers), np.uint8), numbers
    )  # fmt: skip
    fills = tuple(
        Fill(Area.of("S", FIRST - 1, 5 + at, rows, 1), formula.format(r=FIRST))
        for at, formula in enumerate(NETWORK.values())
    )
    book = Book((Sheet("S", constants, fills),))
    start = time.perf_counter()
    write_book(book, path)
    seconds = time.perf_counter() - start
    path.with_name("net.parity.toml").write_text(parity_map(FIRST, rows, list(NETWORK)))
    np.savez(path.with_name("net.npz"), top=top, given=given, formulas=list(NETWORK.values()), first=FIRST)
    return seconds


def parity_map(first: int, rows: int, columns: list[str]) -> str:
    """The sheet's map as TOML."""
    last = first + rows - 1
    given = [
        ("x", "input", f"A{first}:D{last}", f"({rows}, 4)"), ("y", "target", f"E{first}:E{last}", f"({rows})"),
        ("w", "parameter", "A1:D2", "(2, 4)"), ("v", "parameter", "A3:B3", "(2)"), ("a", "parameter", "F1:F3", "(3)"),
        ("n", "constant", "C3", "()"),
    ]  # fmt: skip
    computed = [
        (name, "computed", f"{column}{first}:{column}{last}", f"({rows})")
        for name, column in zip(TENSORS, columns, strict=True)
    ]
    text = ""
    for name, role, area, shape in (*given, *computed):
        text += f'[[tensor]]\ntensor = "{name}"\nrole = "{role}"\ncells = "S!{area}"\nshape = "{shape}"\ndtype = "float64"\n'
        text += f'torch = "{TENSORS[name]}"\n' if name in TENSORS else ""
    return text


def part(what: str, path: Path, rows: int) -> dict[str, Any]:
    """One program's work on the workbook `path`."""
    start = time.perf_counter()
    found: dict[str, Any] = {}
    match what:
        case "write":
            found["seconds"] = make(path, rows)
        case "check":
            import xlparity

            report = xlparity.check(path)
            assert report.passed, str(report)
            found["checked"] = sum(report.counts.values())
        case "openpyxl writes":
            found["seconds"] = _openpyxl_writes(path)
        case "openpyxl reads":
            import openpyxl

            for line in openpyxl.load_workbook(path, read_only=True).active.iter_rows(values_only=True):
                found["width"] = len(line)
        case "LibreOffice":
            from benchmarks.engine_speed import libreoffice

            answer = libreoffice(path, rows)
            seconds = answer["load"] + answer["calculate"] + answer["hand out"]
            return {"seconds": seconds, "memory": answer["memory"]}
    return {"seconds": time.perf_counter() - start, "memory": peak(), **found}


def peak() -> float:
    """The most memory that this process had, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _openpyxl_writes(path: Path) -> float:
    import openpyxl

    numbers = np.load(path.with_name("net.npz"))
    first, formulas = int(numbers["first"]), numbers["formulas"].tolist()
    top, given = numbers["top"].tolist(), numbers["given"]
    start = time.perf_counter()
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("S")
    for line in top:
        sheet.append(line)
    for r, line in enumerate(given, first):
        sheet.append([*line.tolist(), *("=" + formula.format(r=r) for formula in formulas)])
    workbook.save(path.with_name("other.xlsx"))
    return time.perf_counter() - start


def exponent(cells: list[int], figures: list[float]) -> float:
    """The slope of log(figure) over log(cells)."""
    return float(np.polyfit(np.log(cells), np.log(figures), 1)[0])


def page(found: dict[int, dict[str, dict[str, Any]]]) -> str:
    """The page's text."""
    sizes = list(found)
    lines = [
        "# How cost grows with cells",
        "",
        "Made by `python benchmarks/scale.py`; not edited by hand.",
        "",
        "A small network's sheet, 13 cells a row: five given numbers and eight formulas, all eight mapped. Seconds by the clock and peak memory "
        "in MB of the process (of LibreOffice: all of its processes), each program in a process of its own. *Check* reads the file, evaluates all "
        "formulas, computes the same in torch with its bounds, and judges every formula cell; LibreOffice loads, calculates and hands the numbers "
        "out; openpyxl reads cells one after another (`read_only`) and writes them likewise (`write_only`), and computes nothing.",
        "",
        "| cells | " + " | ".join(PARTS) + " |",
        "|---" * (len(PARTS) + 1) + "|",
    ]  # fmt: skip
    for size, parts in found.items():
        cells = [
            f"{parts[one]['seconds']:.1f} s, {parts[one]['memory']:,.0f} MB" if "seconds" in parts[one] else parts[one]["failed"]
            for one in PARTS
        ]  # fmt: skip
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    large = sizes[-3:]
    for figure, title in (("seconds", "time"), ("memory", "memory")):
        cells = []
        for one in PARTS:
            known = [size for size in large if figure in found[size][one]]
            cells.append(
                f"{exponent(known, [found[size][one][figure] for size in known]):.2f}" if len(known) > 1 else "-"
            )
        lines.append(f"| exponent of {title} over the last {len(large)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, action="append", help="by default 10,000 to 10,000,000")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--part", nargs=3)
    parser.add_argument("--output", type=Path, default=PAGE)
    arguments = parser.parse_args()
    if arguments.part:
        what, path, rows = arguments.part
        print(json.dumps(part(what, Path(path), int(rows))))
        return
    found: dict[int, dict[str, dict[str, Any]]] = {}
    for cells in arguments.cells or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            found[cells] = {}
            for what in PARTS:
                if arguments.only and what not in arguments.only:
                    found[cells][what] = {"failed": "not run"}
                    continue
                command = [sys.executable, __file__, "--part", what, f"{folder}/net.xlsx", str(cells // _COLUMNS)]
                done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
                answer = {"failed": f"failed ({done.returncode})"} if done.returncode else json.loads(done.stdout)
                found[cells][what] = answer
                print(f"{cells:,} {what}: {answer}", flush=True)
        if not arguments.only:
            arguments.output.write_text(page(found))


if __name__ == "__main__":
    main()
