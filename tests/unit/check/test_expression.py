"""What a map may say, and what it may not."""

from __future__ import annotations

import pytest
import torch

from xlparity.check.expression import evaluate, parse_expression
from xlparity.errors import MapError

NAMES = ("x", "y", "net", "net[0]", "net[0].weight", "loss", "step[1].loss")


class Numbers:
    def tensor(self, name: str) -> torch.Tensor:
        return {"x": torch.ones(2, 2), "net[0].weight": torch.full((2, 2), 3.0), "net": torch.zeros(1)}[name]

    def expected(self, name: str, printed: bool) -> torch.Tensor:
        return torch.tensor(7.0 if printed else 5.0)

    def grad(self, of: str, wrt: str) -> torch.Tensor:
        return torch.tensor([11.0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(x @ net[0].weight.T).sum()", 24.0),
        ("F.linear(x, net[0].weight)[0, 1]", 6.0),
        ("-x.mean() ** 2", -1.0),
        ("expected(loss) + printed(loss)", 12.0),
        ("grad(loss, net[0].weight)[0]", 11.0),
        ("torch.relu(x - 2).max()", 0.0),
        ("x.sum(dim=1, keepdim=True)[0, 0]", 2.0),
        ("x.expand(3, 2, 2).sum()", 12.0),
    ],
)
def test_allowed_expressions_are_computed(text: str, value: float) -> None:
    assert evaluate(parse_expression(text, NAMES, "here"), Numbers()).item() == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "x.numpy()",
        "x.share_memory_()",
        "torch.load('a')",
        "torch.ops.aten.add(x, x)",
        "open('a')",
        "(lambda: 1)()",
        "[x for x in (1,)]",
        "x if x else y",
        "x.data",
        "eval('1')",
        "f'{x}'",
        "x := 1",
        "unknown + 1",
        "net[1].weight",
        "x.tofile('a')",
        "grad(loss, nothing)",
        "torch.from_file('a')",
        "'text'",
        "",
        "x +",
        "-" * 5000 + "x",
        "x" * 10_000,
    ],
)
def test_everything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(MapError) as raised:
        parse_expression(text, NAMES, "Parity!A5")
    assert "\n" not in str(raised.value)
    assert "Parity!A5" in str(raised.value)


def test_the_longest_name_is_meant() -> None:
    assert parse_expression("net[0].weight + net", NAMES, "here").names == ("net[0].weight", "net")


def test_an_expansion_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(MapError, match="elements"):
        evaluate(parse_expression("x[0, 0].expand(100000, 100000)", NAMES, "here"), Numbers())


def test_shapes_that_do_not_fit_are_said_in_one_line() -> None:
    with pytest.raises(MapError, match="torch cannot compute"):
        evaluate(parse_expression("x @ net", NAMES, "here"), Numbers())
