"""Annotated copies of real workbooks, compared part by part with their originals: docs/benchmarks/annotated.md.

    python benchmarks/annotated.py [--output FILE] [--keep FOLDER]

Ten workbooks of the corpus (../shared/corpus), made by other people in Excel. Each gets a map that calls formulas of
it wrong on purpose, is checked, annotated, compared, and opened by LibreOffice, which must find every comment and every
coloured cell, and the values that it finds in the original.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lxml import etree

import xlparity
from xlparity.formula.a1 import show_area
from xlparity.model.area import Area
from xlparity.model.book import FillKind
from xlparity.model.value import Kind
from xlparity.xlsx.read import read_book

CORPUS = ROOT.parent / "shared" / "corpus"
TABLE = ROOT / "docs" / "benchmarks" / "annotated.md"
BOOKS = (
    "ai-by-hand-excel/advanced/Multi-Layer Perceptron.xlsx",
    "ai-by-hand-excel/advanced/Backpropgation.xlsx",
    "ai-by-hand-excel/advanced/RNN.xlsx",
    "ai-by-hand-excel/advanced/LSTM.xlsx",
    "ai-by-hand-excel/advanced/Transformer.xlsx",
    "ai-by-hand-excel/advanced/ResNet.xlsx",
    "ai-by-hand-excel/advanced/AlphaFold.xlsx",
    "ai-by-hand-excel/workbook/W3_Linear-Layer.xlsx",
    "excel-net/neural_net_in_spreadsheet_macros.xlsm",
    "excel-transformer/Transformer.xlsx",
)
MOST_FILLS = 60


def map_that_finds_faults(path: Path) -> str:
    """A map by which the first fills of a workbook are wrong, whatever they compute."""
    book = read_book(path)
    constant = next(
        Area.of(sheet.name, int(sheet.constants.row[number]), int(sheet.constants.column[number]))
        for sheet in book.sheets
        for number in (sheet.constants.kind == Kind.NUMBER).nonzero()[0].tolist()[:1]
    )
    rows = [("x", "input", show_area(constant), "[]", "")]
    for sheet in book.sheets:
        for fill in sheet.fills:
            if len(rows) > MOST_FILLS:
                break
            if fill.kind is FillKind.COPIED and fill.area.size <= 400:
                shape = f"[{fill.area.height}, {fill.area.width}]"
                rows.append(
                    (f"t{len(rows)}", "computed", show_area(fill.area), shape, f"aten.full.default({shape}, -12345.0)")
                )
    return "".join(
        f'[[tensor]]\ntensor = "{name}"\nrole = "{role}"\ncells = "{cells}"\nshape = {shape}\n'
        + (f'torch = "{expression} + x * 0"\n' if expression else "")
        for name, role, cells, shape, expression in rows
    )


def differences(original: bytes, copy: bytes) -> tuple[Counter[str], list[str]]:
    """What the copy of a part has more, and what of the original it has lost or changed."""
    more: Counter[str] = Counter()
    lost: list[str] = []

    def walk(mine: Any, theirs: Any, path: str) -> None:
        if mine.tag != theirs.tag or (mine.text or "") != (theirs.text or ""):
            lost.append(path)
            return
        for name in {*mine.attrib, *theirs.attrib}:
            if mine.get(name) != theirs.get(name):
                changed = f"{etree.QName(mine).localname}@{etree.QName(name).localname}"
                more[changed] += 1
                if changed not in ("c@s", "row@spans", "fonts@count", "fills@count", "cellXfs@count"):
                    lost.append(f"{path}@{etree.QName(name).localname}")
        if mine.tag.endswith("}text") and "".join(theirs.itertext()).startswith("".join(mine.itertext())):
            more["<r>"] += 1  # a comment with ours behind: plain text has become a run of rich text
            return
        own = iter(theirs)
        for child in mine:
            for candidate in own:
                if same(child, candidate):
                    walk(child, candidate, f"{path}/{etree.QName(child).localname}")
                    break
                more[f"<{etree.QName(candidate).localname}>"] += 1
            else:
                lost.append(f"{path}/{etree.QName(child).localname}")
        more.update(f"<{etree.QName(rest).localname}>" for rest in own)

    def same(child: Any, candidate: Any) -> bool:
        keys = ("r", "ref", "Id", "name", "Extension", "PartName", "min")
        return child.tag == candidate.tag and all(child.get(key) == candidate.get(key) for key in keys)

    walk(etree.fromstring(original), etree.fromstring(copy), "")
    return more, lost


def compare(original: Path, copy: Path) -> tuple[int, int, int, Counter[str], list[str]]:
    """Parts that are the same bytes, that changed and that are new; what changed, and what was lost."""
    more: Counter[str] = Counter()
    lost: list[str] = []
    same = changed = 0
    with zipfile.ZipFile(original) as before, zipfile.ZipFile(copy) as after:
        names = before.namelist()
        assert after.namelist()[: len(names)] == names
        for name in names:
            old, new = before.read(name), after.read(name)
            if old == new:
                same += 1
                continue
            changed += 1
            if name.endswith(".vml"):
                continue
            extra, missing = differences(old, new)
            more += extra
            lost += [f"{name}{path}" for path in missing]
        return same, changed, len(after.namelist()) - len(names), more, lost


OUR_COLOURS = {"#f4a582", "#ffe699", "#d5b8ea", "#bdd7ee"}
OFFICE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"


def seen_by_libreoffice(path: Path, folder: Path) -> Counter[str]:
    """What LibreOffice finds in a workbook: sheets, charts and embedded objects, images, comments, ours among them."""
    subprocess.run(
        ["soffice", "--headless", "--convert-to", "fods", "--outdir", str(folder), str(path)],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    root = etree.parse(folder / f"{path.stem}.fods", etree.XMLParser(huge_tree=True)).getroot()
    table, draw, office, style, fo = (
        OFFICE.format(n) for n in ("table", "drawing", "office", "style", "xsl-fo-compatible")
    )
    colours = {
        found.get(f"{{{style}}}name"): properties.get(f"{{{fo}}}background-color", "")
        for found in root.iter(f"{{{style}}}style")
        for properties in found.iter(f"{{{style}}}table-cell-properties")
    }
    seen: Counter[str] = Counter()
    seen["sheets"] = sum(1 for sheet in root.iter(f"{{{table}}}table") if sheet.get(f"{{{table}}}name"))
    seen["objects"] = sum(1 for _ in root.iter(f"{{{draw}}}object"))
    seen["images"] = sum(1 for _ in root.iter(f"{{{draw}}}image"))
    for note in root.iter(f"{{{office}}}annotation"):
        text = "\n".join("".join(line.itertext()) for line in note)
        seen["comments"] += 1
        if "xlparity: " in text:
            seen["ours"] += 1
            seen["coloured"] += colours.get(note.getparent().get(f"{{{table}}}style-name")) in OUR_COLOURS
    return seen


def row_of(original: Path, folder: Path) -> str:
    copy = folder / f"annotated_{original.name}"
    toml = folder / "map.toml"
    toml.write_text(map_that_finds_faults(original))
    before = original.read_bytes()
    report = xlparity.check(original, map=toml)
    start = time.perf_counter()
    xlparity.annotate(report, original, copy)
    seconds = time.perf_counter() - start
    assert original.read_bytes() == before
    same, changed, new, more, lost = compare(original, copy)
    theirs, ours = seen_by_libreoffice(original, folder), seen_by_libreoffice(copy, folder)
    cells = {finding.cell for finding in report.cells}
    print(original.name, dict(more), lost, dict(theirs), dict(ours), len(cells), file=sys.stderr)
    kept = ours["sheets"] == theirs["sheets"] + 1 and all(ours[what] == theirs[what] for what in ("objects", "images"))
    kept = kept and ours["comments"] - ours["ours"] <= theirs["comments"] <= ours["comments"]
    return (
        f"| {original.name} | {original.stat().st_size / 1024:,.0f} | {len(cells):,} | {same} | {changed} | {new} | "
        f"{', '.join(lost) or 'nothing'} | {ours['ours']:,} | {ours['coloured']:,} | "
        f"{'all' if kept else 'NOT ALL'} ({theirs['sheets']}, {theirs['objects']}, {theirs['images']}) | {seconds:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=TABLE)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        for name in BOOKS:
            if arguments.only in name:
                rows.append(row_of(CORPUS / name, folder))
    arguments.output.write_text(PAGE + "\n".join(rows) + "\n")


PAGE = """# Annotated copies of real workbooks

Written by `python benchmarks/annotated.py`. Ten workbooks of other people, saved by Excel, each with a map that calls up to
sixty of its fills wrong; `xlparity check --annotate` copies them. *Same* are the parts of the file that are byte for byte
those of the original, *changed* those with something added, *new* those added. *Lost* are the elements, texts and
attributes of the original's changed parts that the copy does not have, found by comparing the XML of both. The rest is what LibreOffice
7.4 finds in the copy: our comments, those of them in cells of our colour, and whether it finds all that it finds in the
original (sheets; charts and other objects; images). Seconds are those of the copying alone, on two busy cores.

| workbook | KiB | cells marked | same | changed | new | lost | comments | coloured | kept | s |
|---|---|---|---|---|---|---|---|---|---|---|
"""


if __name__ == "__main__":
    main()
