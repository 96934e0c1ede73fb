"""Pictures as shapes of a sheet."""

import zipfile
from pathlib import Path

import pytest
import torch
from lxml import etree
from torch import nn

import xlparity
from xlparity.model.book import Book, Layout, Sheet
from xlparity.model.cell import Cell
from xlparity.model.picture import Label, Line, Outline, Picture, PlacedPicture, Shape, Stroke
from xlparity.model.value import Cells
from xlparity.xlsx.write import write_book

SCHEMA = Path(__file__).parents[4] / "shared" / "schema" / "dml-spreadsheetDrawing.xsd"
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
MAIN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def drawing_of(path: Path) -> etree._Element:
    with zipfile.ZipFile(path) as archive:
        assert (
            'Id="rId1" Target="/xl/drawings/drawing1.xml"'
            in archive.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
        )
        assert "<drawing " in archive.read("xl/worksheets/sheet1.xml").decode()
        return etree.fromstring(archive.read("xl/drawings/drawing1.xml"))


@pytest.fixture
def pictured(tmp_path):
    picture = Picture(
        "A & B",
        (200, 100),
        (
            Line((10, 10), (90, 80), Stroke.NEGATIVE, 2.0),
            Line((10, 80), (90, 10), Stroke.POSITIVE),
            Line((90, 10), (10, 90)),
            Line((150, 10), (150, 90), bend=40, arrow=True),
        ),
        (Shape(Outline.CIRCLE, (90, 45), (40, 40), "n3"), Shape(Outline.BOX, (20, 45), (40, 30), "x<1", ("2 x 3",))),
        (Label((50, 45), "w13 0.5"), Label((90, 90), "relu", small=False)),
    )
    sheet = Sheet("S", Cells.of({(0, 0): 1.0}), layout=Layout(pictures=(PlacedPicture(Cell("S", 2, 1), picture),)))
    write_book(Book((sheet,)), tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def test_a_sheet_without_a_chart_has_its_picture(pictured):
    drawing = drawing_of(pictured)
    assert [one.text for one in drawing.iter(f"{MAIN}t")] == ["n3", "x<1", "2 x 3", "w13 0.5", "relu"]
    assert len(list(drawing.iter(f"{DRAWING}cxnSp"))) == 3
    assert [one.text for one in drawing.iter(f"{DRAWING}col", f"{DRAWING}row")] == ["1", "2"]


@pytest.mark.skipif(not SCHEMA.exists(), reason="the schema of DrawingML lies outside the project")
def test_the_drawing_is_valid(pictured):
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(drawing_of(pictured))


def test_a_generated_summary_has_the_network_beside_the_chart_of_its_losses(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    made = [xlparity.generate(net, torch.eye(2), torch.ones(2, 1), nn.MSELoss(), optimizer, steps=2) for _ in range(2)]
    first, second = (book.save(tmp_path / f"{at}.xlsx") for at, book in enumerate(made))
    drawing = drawing_of(first)
    assert len(list(drawing.iter(f"{DRAWING}graphicFrame"))) == 1
    assert len(list(drawing.iter(f"{DRAWING}grpSp"))) == 2  # the network, and how the gradient flows
    assert "n3" in [one.text for one in drawing.iter(f"{MAIN}t")]
    assert first.read_bytes() == second.read_bytes()
