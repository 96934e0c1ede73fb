"""The lecture's workbooks on every engine, and as files: schema, values, figures."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import openpyxl
import pytest

import xlparity
from xlparity.engines.libreoffice.office import find_office
from xlparity.lessons import LESSONS
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

ROOT = Path(__file__).parents[2]
WORKBOOKS = ROOT / "workbooks"
SCHEMA = ROOT.parent / "shared" / "schema" / "sml.xsd"

ENGINES = ["embedded", pytest.param("libreoffice", marks=pytest.mark.libreoffice), "ironcalc"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", LESSONS)
def test_every_cell_of_the_lecture_agrees_with_torch(name: str, engine: str) -> None:
    if engine == "ironcalc":
        pytest.importorskip("ironcalc", reason="the extra ironcalc is not installed")
    report = xlparity.check(WORKBOOKS / name, engines=[engine])
    assert report.passed, str(report)
    # The values in the file were computed by another engine and are compared too.
    assert [used.name for used in report.engines] == [engine, "cached"]
    assert report.coverage.stale == 0


@pytest.mark.libreoffice
def test_engines_can_be_asked_together() -> None:
    report = xlparity.check(WORKBOOKS / "gradient.xlsx", engines=["embedded", "libreoffice"])
    assert report.passed, str(report)
    assert [used.name for used in report.engines] == ["embedded", "libreoffice", "cached"]


def test_pytorchs_printed_figures_are_explained_by_the_decimals_of_the_weights() -> None:
    report = xlparity.check(WORKBOOKS / "hidden_layers.xlsx")
    explained = [finding for finding in report.cells if finding.verdict.value == "explained"]
    assert len(explained) == len(report.cells) == 7
    first = explained[0]
    assert first.actual == -0.4767
    assert first.expected == pytest.approx(-0.4768)
    assert abs(first.difference or 1) == pytest.approx(1e-4)
    # Two weights and a bias known to half of 1e-4, times x = (1, 2), and half a unit of the figure itself.
    assert first.bound == pytest.approx((1 + 2 + 1 + 1) * 0.5e-4, rel=1e-2)
    assert "net[0].weight and net[0].bias known to 4 decimals" in first.because


@pytest.mark.parametrize("name", LESSONS)
def test_the_parts_of_a_workbook_are_valid(name: str) -> None:
    if not SCHEMA.exists():
        pytest.skip("the OOXML schema is not beside the project")
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    checked = 0
    with zipfile.ZipFile(WORKBOOKS / name) as package:
        for part in package.namelist():
            if (
                part.startswith("xl/")
                and part.endswith(".xml")
                and not part.startswith(("xl/theme", "xl/drawings", "xl/charts"))
            ):
                schema.assertValid(etree.parse(BytesIO(package.read(part))))
                checked += 1
    assert checked >= 5


def test_mse_has_its_cells_where_the_document_has_them() -> None:
    figures = tomllib.loads((ROOT / "docs" / "figures.toml").read_text())["mse"]
    sheet = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")["MSE"]
    assert {cell: sheet[cell].value for cell in figures["cells"]} == figures["cells"]
    assert [str(sheet[f"A{row}"].value) for row in (2, 3, 4)] == figures["y"]
    assert [str(sheet[f"B{row}"].value) for row in (2, 3, 4)] == figures["y_hat"]
    assert [sheet[f"D{row}"].value for row in (2, 3, 4, 6, 7)] == [
        "=(A2-B2)^2", "=(A3-B3)^2", "=(A4-B4)^2", "=SUM(D2:D4)", "=D6/COUNT(D2:D4)",
    ]  # fmt: skip


def test_the_loss_falls_in_every_step_of_the_descent() -> None:
    sheet = openpyxl.load_workbook(WORKBOOKS / "descent.xlsx", data_only=True)["Loss"]
    losses = [sheet[f"B{row}"].value for row in range(5, 26)]
    assert losses[0] == pytest.approx(490.51, abs=0.01)
    assert all(after < before for before, after in pairwise(losses))


@pytest.mark.parametrize("name", LESSONS)
def test_every_check_in_the_workbook_says_pass(name: str) -> None:
    sheet = openpyxl.load_workbook(WORKBOOKS / name, data_only=True)["Checks"]
    verdicts = [row[4].value for row in sheet.iter_rows(min_row=8) if row[4].value not in (None, "verdict")]
    assert set(verdicts) == {"PASS", "as generated"}
    assert (sheet["B3"].value, sheet["B4"].value) == ("PASS", "as generated")


@pytest.mark.parametrize("name", LESSONS)
def test_every_formula_of_the_lessons_sheets_is_in_the_map(name: str) -> None:
    book = read_book(WORKBOOKS / name)
    parity = map_of_book(book)
    assert parity is not None
    report = xlparity.check(WORKBOOKS / name)
    outside = report.coverage.unmapped
    verdict_cells = sum(
        fill.area.size for fill in book.sheet("Checks").fills if fill.formula.startswith("IF(")
    )  # PASS and FAIL are words, no tensors
    assert outside == verdict_cells


def _figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", ROOT / "benchmarks" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["figures"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("engine", ENGINES[:2])
def test_every_figure_of_the_documents_is_recomputed(engine: str) -> None:
    found = list(_figures().rows([engine]))
    assert [row.figure for row in found if not row.good] == []
    named = {row.figure.split("[")[0] for row in found}
    figures = tomllib.loads((ROOT / "docs" / "figures.toml").read_text())
    every = {
        f"{section}.{key}" if key != "cells" else f"{section}.cells.{cell}"
        for section, entries in figures.items()
        for key in entries
        for cell in (entries[key] if key == "cells" else [""])
    }
    assert named == every


def test_the_table_of_figures_in_the_docs_is_the_one_that_the_script_makes() -> None:
    table = (ROOT / "docs" / "figures.md").read_text()
    for row in _figures().rows(["embedded"]):
        assert f"| {row.figure} | {row.cell} | {row.printed} |" in table


@pytest.mark.libreoffice
def test_changing_an_input_in_libreoffice_changes_everything_after_it(tmp_path: Path) -> None:
    """The file as a person leaves it: edited by another program, recalculated and saved by LibreOffice."""
    book = openpyxl.load_workbook(WORKBOOKS / "hidden_layers.xlsx")
    book["Layer 1"]["B6"] = 3.5
    path = tmp_path / "changed.xlsx"
    book.save(path)
    saved = tmp_path / "saved.xlsx"
    xlparity.recalculate(path, saved, engine="libreoffice")
    old = openpyxl.load_workbook(WORKBOOKS / "hidden_layers.xlsx", data_only=True)
    new = openpyxl.load_workbook(saved, data_only=True)
    assert new["Layer 2"]["L11"].value != old["Layer 2"]["L11"].value
    assert new["Checks"]["B3"].value == "FAIL"
    assert new["Checks"]["B4"].value == "changed"
    report = xlparity.check(saved, engines=["embedded", "libreoffice"])
    assert report.passed, str(report)


@pytest.mark.libreoffice
def test_a_copy_that_libreoffice_saved_still_agrees(tmp_path: Path) -> None:
    subprocess.run(
        [find_office()[0], f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to",
         "xlsx", "--outdir", tmp_path, WORKBOOKS / "descent.xlsx"],
        check=True, capture_output=True,
    )  # fmt: skip
    report = xlparity.check(tmp_path / "descent.xlsx")
    assert report.passed, str(report)
    assert report.engines[-1].name == "cached"
