"""The picture of a network."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xlparity
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow, Role
from xlparity.report.drawing import network_drawing
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

WORKBOOKS = Path(__file__).parents[3] / "workbooks"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str) -> ET.Element:
    book = read_book(WORKBOOKS / name)
    return ET.fromstring(network_drawing(map_of_book(book), lambda row: np.full(row.block.shape, 0.5)))


def texts(picture: ET.Element) -> list[str]:
    return [(node.text or "").replace("\xa0", " ") for node in picture.iter(f"{SVG}text")]


def test_the_lectures_network_has_its_neurons_weights_and_loss():
    picture = drawn("descent.xlsx")
    assert len(list(picture.iter(f"{SVG}circle"))) == 3 + 2 + 1
    assert len(list(picture.iter(f"{SVG}line"))) == 2 * 3 + 3 * 2 + 2 * 1
    found = texts(picture)
    assert {"x1", "x2", "n3", "n8", "loss", "w13 0.5", "w78 0.5", "b8 0.5"} <= set(found)


def test_a_neuron_of_which_every_product_has_a_cell_is_drawn_too():
    assert {"x3", "n4", "w34 0.5"} <= set(texts(drawn("single_neuron.xlsx")))


def test_a_generated_networks_activation_is_named():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    picture = ET.fromstring(xlparity.generate(net, torch.randn(4, 2)).drawing())
    assert "relu" in texts(picture)
    assert any(text.startswith("w46 ") for text in texts(picture))


def test_a_network_with_attention_is_drawn_as_modules_with_their_shapes():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    picture = ET.fromstring(xlparity.generate(layer, torch.randn(1, 3, 8)).drawing())
    assert {"self_attn", "norm1", "linear1", "1 x 3 x 16"} <= set(texts(picture))
    assert not list(picture.iter(f"{SVG}circle"))


def test_a_map_without_layers_has_no_picture():
    assert network_drawing(map_of_book(read_book(WORKBOOKS / "mse.xlsx")), lambda row: np.zeros(row.block.shape)) == ""


@pytest.mark.parametrize("shape", [(40, 2), (2, 40)])
def test_a_layer_too_wide_for_a_picture_is_not_drawn_by_neurons(shape):
    out, width = shape
    rows = (
        MapRow("x", Role.INPUT, Block((1, width), (Area.of("S", 0, 0, 1, width),))),
        MapRow("net.weight", Role.PARAMETER, Block(shape, (Area.of("S", 2, 0, *shape),))),
        MapRow("net", Role.COMPUTED, Block((1, out), (Area.of("S", 60, 0, 1, out),)), torch="x @ net.weight.T"),
    )
    assert network_drawing(Map(rows), lambda row: np.zeros(row.block.shape)) == ""


def test_names_are_escaped():
    area = Area.of("S", 0, 0, 1, 1)
    row = MapRow("net", Role.COMPUTED, Block((1, 1), (area,)), torch="x", module="<script>", phase="forward")
    assert "&lt;script&gt;" in network_drawing(Map((row,)), lambda row: np.zeros(row.block.shape))
