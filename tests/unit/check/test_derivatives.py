"""The computational graph of a loss: torch's numbers, and expressions that give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xlparity
from tests.unit.check import small
from xlparity.check.derivatives import loss_derivatives
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.derivatives import Derivatives
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Cells, Values
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

WORKBOOKS = Path(__file__).parents[3] / "workbooks"


def graph_of(rows: dict[str, tuple[str, object]]) -> Derivatives | None:
    """Of tensors given as name: (role or torch expression, values or shape), each on a sheet of its own."""
    made, cells = [], {}
    for at, (name, (what, value)) in enumerate(rows.items()):
        is_given = what in [role.value for role in Role]
        array = np.array(value, np.float64) if is_given else np.zeros(value)
        height, width = array.shape if array.ndim == 2 else (1, array.size)
        block = Block(array.shape, (Area.of(f"S{at}", 0, 0, height, width),))
        role = Role(what) if is_given else Role.COMPUTED
        made.append(MapRow(name, role, block, torch="" if is_given else what, place=name))
        rows_of = array.reshape(height, width)
        cells[f"S{at}"] = Cells.of(
            {spot: float(rows_of[spot]) for spot in np.ndindex(height, width)} if is_given else {}
        )
    return loss_derivatives(Map(tuple(made)), Values(cells))


def lesson(name: str) -> Derivatives:
    book = read_book(WORKBOOKS / name)
    parity = map_of_book(book)
    assert parity is not None
    graph = loss_derivatives(parity, Values({sheet.name: sheet.constants for sheet in book.sheets}))
    assert graph is not None
    return graph


def test_the_lessons_gradients_are_those_that_the_lecture_prints() -> None:
    graph = lesson("gradient.xlsx")
    gradients = {node.name: node.gradient for node in graph.nodes}
    np.testing.assert_allclose(gradients["net[2].weight"], [[-44.7152, -9.1874]], atol=5e-5)
    np.testing.assert_allclose(gradients["net[2].bias"], [-38.1045], atol=5e-5)
    assert gradients["y"] is None
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    assert edges["y_hat", "loss"].local == "2 * (y_hat - y) / 3"
    np.testing.assert_allclose(edges["y_hat", "loss"].number, [[-4.2253558], [-7.5748259], [-26.304341]], atol=5e-8)
    assert (edges["net[2].weight", "net[2]"].local, edges["net[2].weight", "net[2]"].back) == ("a", "g.T @ a")
    assert edges["net[2]", "y_hat"].printed == 7


def test_what_flows_through_a_network_is_what_loss_backward_gives() -> None:
    graph = lesson("descent.xlsx")
    values = {node.name: torch.from_numpy(node.value).requires_grad_() for node in graph.nodes}
    hidden = values["x"]
    for name in ("net[0]", "net[1]", "net[2]"):
        hidden = nn.functional.linear(hidden, values[f"{name}.weight"], values[f"{name}.bias"])
    nn.functional.mse_loss(hidden, values["y"]).backward()
    gradients = {node.name: node.gradient for node in graph.nodes}
    for name in ("net[0].weight", "net[0].bias", "net[1].weight", "net[1].bias", "net[2].weight", "net[2].bias"):
        np.testing.assert_allclose(gradients[name], values[name].grad, rtol=1e-12)
    assert all(edge.back for edge in graph.edges if edge.share is not None)


def test_a_generated_network_has_the_gradients_of_pytorch() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    x, y = torch.randn(4, 2, dtype=torch.float64), torch.randn(4, 1, dtype=torch.float64)
    book = xlparity.generate(net, x, y, nn.MSELoss(), torch.optim.SGD(net.parameters(), lr=0.1))
    graph = loss_derivatives(book.map, book.values)
    assert graph is not None
    nn.MSELoss()(net(x), y).backward()
    gradients = {node.name: node.gradient for node in graph.nodes}
    for at in (0, 2):
        np.testing.assert_allclose(gradients[f"net[{at}].weight"], net[at].weight.grad, rtol=1e-9)
        np.testing.assert_allclose(gradients[f"net[{at}].bias"], net[at].bias.grad, rtol=1e-9)


@pytest.mark.parametrize(
    ("expression", "shape", "local", "back"),
    [
        ("a + 2 * a", (2, 2), "1 + 2", "g + g * 2"),
        ("a * b", (2, 2), "b", "g * b"),
        ("a / b", (2, 2), "1 / b", "g / b"),
        ("b / a", (2, 2), "-b / a ** 2", "g * -b / a ** 2"),
        ("a / 1", (2, 2), "1", "g"),
        ("a ** 3", (2, 2), "3 * a ** 2", "g * 3 * a ** 2"),
        ("-a", (2, 2), "-1", "-g"),
        ("(b - a) ** 2", (2, 2), "2 * (a - b)", "g * 2 * (a - b)"),
        ("torch.relu(a)", (2, 2), "a > 0", "g * (a > 0)"),
        ("torch.sigmoid(a)", (2, 2), "m * (1 - m)", "g * m * (1 - m)"),
        ("tanh(a @ b)", (2, 2), "", "g * (1 - m ** 2) @ b.T"),
        ("a @ b", (2, 2), "b", "g @ b.T"),
        ("b @ a", (2, 2), "b", "b.T @ g"),
        ("b @ a.T", (2, 2), "b", "g.T @ b"),
        ("F.linear(b, a, v)", (2, 2), "b", "g.T @ b"),
        ("aten.addmm.default(v, a, b)", (2, 2), "b", "g @ b.T"),
        ("a.sum()", (), "1", "g"),
        ("a.mean()", (), "1 / 4", "g / 4"),
        ("a.T", (2, 2), "1", "g.T"),
        ("a.reshape(4, 1)", (4, 1), "1", "g.reshape(2, 2)"),
        ("F.mse_loss(b, a)", (), "2 * (a - b) / 4", "g * 2 * (a - b) / 4"),
        ("a.softmax(1)", (2, 2), "", ""),
        ("F.cross_entropy(a, b)", (), "", ""),
    ],
)  # fmt: skip
def test_an_operations_derivative_is_written_as_a_person_would(
    expression: str, shape: tuple[int, ...], local: str, back: str
) -> None:
    graph = graph_of(
        {
            "a": ("parameter", [[0.5, -1.5], [2.0, 0.25]]),
            "b": ("input", [[1.0, 3.0], [-2.0, 0.5]]),
            "v": ("input", [0.25, -1.0]),
            "m": (expression, shape),
            "loss": ("(m ** 2).sum()", ()),
        }
    )
    assert graph is not None
    edge = next(edge for edge in graph.edges if (edge.source, edge.target) == ("a", "m"))
    assert (edge.local, edge.back) == (local, back)
    assert edge.share is not None


def test_whole_numbers_are_places_and_classes() -> None:
    w, at = small.row("w", "A1:A3", role=Role.PARAMETER), small.row("at", "B1:B2", dtype="int64")
    cells = EmbeddedEngine().evaluate(small.book({"A1": 1.0, "A2": 4.0, "A3": 9.0, "B1": 2.0, "B2": 0.0}))
    graph = loss_derivatives(Map((w, at, small.row("loss", "C1", "(w[at] ** 2).sum()", shape=()))), cells)
    assert graph is not None
    assert {node.name: node.gradient is None for node in graph.nodes} == {"w": False, "at": True, "loss": False}
    np.testing.assert_array_equal(next(node.gradient for node in graph.nodes if node.name == "w"), [2.0, 0.0, 18.0])


def test_gradients_of_several_ways_come_together() -> None:
    graph = graph_of(
        {
            "w": ("parameter", [[2.0]]),
            "h": ("w * 3", (1, 1)),
            "k": ("h + w", (1, 1)),
            "loss": ("(h * k).sum()", ()),
        }
    )
    assert graph is not None
    gradients = {node.name: node.gradient for node in graph.nodes}
    np.testing.assert_allclose(gradients["w"], [[2 * 12 * 2.0]])  # of 12 w^2
    shares = [edge.share for edge in graph.edges if edge.source == "w" and edge.share is not None]
    assert len(shares) == 2
    np.testing.assert_allclose(sum(shares), gradients["w"])


def test_what_is_read_for_its_shape_alone_has_a_gradient_of_zero() -> None:
    graph = graph_of(
        {
            "w": ("parameter", [[2.0, 3.0]]),
            "v": ("parameter", [[5.0, 7.0]]),
            "loss": ("(torch.ones_like(w) * v).sum()", ()),
        }
    )
    assert graph is not None
    gradients = {node.name: node.gradient for node in graph.nodes}
    np.testing.assert_array_equal(gradients["w"], [[0.0, 0.0]])
    np.testing.assert_array_equal(gradients["v"], [[1.0, 1.0]])


def test_a_loss_that_nothing_moves_has_no_gradients() -> None:
    graph = graph_of({"x": ("constant", [[2.0, 3.0]]), "loss": ("x.sum()", ())})
    assert graph is not None
    assert [node.gradient for node in graph.nodes] == [None, None]


def test_bias_is_summed_over_the_samples_and_inputs_move_where_nothing_else_does() -> None:
    graph = graph_of(
        {
            "x": ("input", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            "b": ("input", [0.5, 1.0]),
            "h": ("x + b", (3, 2)),
            "loss": ("(h * h).sum()", ()),
        }
    )
    assert graph is not None
    assert {edge.source: edge.back for edge in graph.edges} == {"x": "g", "b": "g.sum(0)", "h": "g * h + g * h"}


@pytest.mark.parametrize(
    "rows",
    [
        {"w": ("parameter", [[1.0]]), "out": ("w * 2", (1, 1))},
        {"w": ("parameter", [[1.0]]), "loss": ("w.softmax(7).sum()", ())},
        {"w": ("parameter", [[1.0]]), "a": ("loss", ()), "loss": ("a + w.sum()", ())},
        {"w": ("parameter", [[0.0]]), "loss": ("(1 / w).sum()", ())},
        {"w": ("parameter", np.ones((200, 200))), "loss": ("w.sum()", ())},
    ],
    ids=["no loss", "torch refuses", "a circle", "infinite", "large"],
)  # fmt: skip
def test_there_is_no_graph_where_none_can_be_drawn(rows: dict[str, tuple[str, object]]) -> None:
    assert graph_of(rows) is None


@pytest.mark.parametrize("count", [24, 25])
def test_a_picture_shows_24_tensors(count: int) -> None:
    given: dict[str, tuple[str, object]] = {f"w{at}": ("parameter", [1.0]) for at in range(count - 1)}
    wide = graph_of({**given, "loss": (f"({' + '.join(given)}).sum()", ())})
    chain: dict[str, tuple[str, object]] = {f"l{at + 1}": (f"l{at} * 2", (1,)) for at in range(count - 2)}
    deep = graph_of({"l0": ("parameter", [1.0]), **chain, "loss": (f"l{count - 2}.sum()", ())})
    for graph in (wide, deep):
        assert (None if graph is None else len(graph.nodes)) == (count if count <= 24 else None)


@pytest.mark.parametrize(("size", "drawn"), [(19_999, True), (20_000, False)])
def test_a_picture_is_made_of_20_000_numbers_at_most(size: int, drawn: bool) -> None:
    graph = graph_of({"w": ("parameter", np.ones((1, size))), "loss": ("w.sum()", ())})
    assert (graph is not None) == drawn


def test_an_operation_without_a_rule_shows_the_number_of_its_derivative_where_its_gradient_is_one_number() -> None:
    graph = graph_of({"w": ("parameter", [0.0, np.log(3.0)]), "loss": ("torch.logsumexp(w, 0)", ())})
    assert graph is not None
    (edge,) = graph.edges
    assert edge.local == ""
    np.testing.assert_allclose(edge.number, [0.25, 0.75])  # the softmax


def test_a_tensor_that_has_the_letter_of_the_gradient_leaves_numbers_without_expressions() -> None:
    graph = graph_of({"g": ("parameter", [2.0, 3.0]), "loss": ("(g * g).sum()", ())})
    assert graph is not None
    (edge,) = graph.edges
    assert (edge.local, edge.back) == ("", "")
    np.testing.assert_array_equal(edge.share, [4.0, 6.0])
