"""The picture of a loss's computational graph."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from xlparity.check.derivatives import loss_derivatives
from xlparity.model.derivatives import Derivatives, Edge, Node
from xlparity.model.picture import Outline, Picture
from xlparity.model.value import Values
from xlparity.report.derivatives import derivatives_drawing, derivatives_picture
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

WORKBOOKS = Path(__file__).parents[3] / "workbooks"
SVG = "{http://www.w3.org/2000/svg}"
ONE = np.array([[1.5]])


@pytest.fixture(scope="module")
def lesson() -> Derivatives:
    book = read_book(WORKBOOKS / "gradient.xlsx")
    parity = map_of_book(book)
    assert parity is not None
    graph = loss_derivatives(parity, Values({sheet.name: sheet.constants for sheet in book.sheets}))
    assert graph is not None
    return graph


def chain(*names: str) -> Derivatives:
    """Each tensor computed from the one before it, the last one the loss."""
    nodes = tuple(Node(name, ONE, ONE) for name in names)
    edges = tuple(Edge(source, target, "2", np.array(2.0), "g * 2", ONE) for source, target in pairwise(names))
    return Derivatives(names[-1], nodes, edges)


def inside(picture: Picture) -> None:
    """Nothing lies outside the picture, and no two shapes lie on each other."""
    boxes = []
    for shape in picture.shapes:
        (x, y), (width, height) = shape.centre, shape.size
        assert x - width / 2 >= 0
        assert x + width / 2 <= picture.size[0]
        assert y - height / 2 >= 0
        assert y + height / 2 <= picture.size[1]
        boxes.append((x - width / 2, x + width / 2, y - height / 2, y + height / 2))
    for at, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[:at]:
            assert right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top


def test_boxes_have_values_and_gradients_and_edges_the_derivatives(lesson: Derivatives) -> None:
    picture = ET.fromstring(derivatives_drawing(lesson))
    texts = [(node.text or "").replace("\xa0", " ") for node in picture.iter(f"{SVG}text")]
    assert {"∂loss/∂y_hat = 2 * (y_hat - y) / 3", "↑ g.T @ a", "-44.7152  -9.1874", "-38.1045", "575.3625"} <= set(
        texts
    )
    assert "printed to 7 decimals" in texts
    description = picture.find(f"{SVG}desc")
    assert description is not None
    assert "∂net[2]/∂net[2].weight = a" in (description.text or "")
    assert "∂loss/∂net[2].weight is -44.7152 -9.1874" in (description.text or "")


def test_nothing_overlaps(lesson: Derivatives) -> None:
    picture = derivatives_picture(lesson)
    assert picture is not None
    inside(picture)


def test_an_edge_past_other_tensors_has_a_way_of_its_own() -> None:
    graph = chain("w", "a", "b", "c", "loss")
    residual = Edge("w", "c", "1", np.array(1.0), "g", ONE)
    picture = derivatives_picture(replace(graph, edges=(*graph.edges, residual)))
    assert picture is not None
    inside(picture)
    boxes = [shape for shape in picture.shapes if shape.outline is Outline.BOX]
    for line in picture.lines:
        for share in np.linspace(0.1, 0.9, 9):
            x, y = (start + share * (end - start) for start, end in zip(line.start, line.end, strict=True))
            for box in boxes:
                (cx, cy), (width, height) = box.centre, box.size
                assert not (abs(x - cx) < width / 2 - 1 and abs(y - cy) < height / 2 - 1)
    marked = [line for shape in picture.shapes if shape.outline is Outline.NONE for line in shape.marked]
    assert marked.count("1.5000") == 2  # what each of w's two ways adds


def test_a_large_tensor_shows_its_shape() -> None:
    large = np.ones((16, 40))
    graph = Derivatives("loss", (Node("w", large, large), Node("loss", np.array(2.0), np.array(1.0))),
                        (Edge("w", "loss", share=large),))  # fmt: skip
    picture = derivatives_picture(graph)
    assert picture is not None
    assert picture.shapes[0].below == ("16 x 40",)
    assert next(shape for shape in picture.shapes if shape.outline is Outline.NONE).marked == ("↑ by autograd",)


def test_a_graph_too_wide_to_look_at_has_no_picture() -> None:
    names = [f"a_tensor_with_a_long_name_{at}" for at in range(12)]
    nodes = (*(Node(name, ONE, ONE) for name in names), Node("loss", ONE, ONE))
    graph = Derivatives("loss", nodes, tuple(Edge(name, "loss", "1", None, "g", ONE) for name in names))
    assert derivatives_drawing(graph) == ""
    assert derivatives_drawing(None) == ""


def test_names_are_escaped() -> None:
    drawn = derivatives_drawing(chain("<script>", "loss"))
    assert "<script>" not in drawn
    assert "∂loss/∂&lt;script&gt;" in drawn
