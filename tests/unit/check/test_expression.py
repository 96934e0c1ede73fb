"""What a map may say, and what it may not."""

from __future__ import annotations

import pytest
import torch

from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.errors import MapError
from xlparity.limits import UNLIMITED

NAMES = ("x", "y", "net", "net[0]", "net[0].weight", "loss", "step[1].loss")


class Numbers:
    def tensor(self, name: str) -> torch.Tensor:
        return {"x": torch.ones(2, 2), "net[0].weight": torch.full((2, 2), 3.0), "net": torch.zeros(1)}[name]

    def expected(self, name: str, printed: bool) -> torch.Tensor:
        return torch.tensor(7.0 if printed else 5.0)

    def grad(self, of: Expression, wrt: str) -> torch.Tensor:
        return torch.tensor([11.0 + len(of.names)])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(x @ net[0].weight.T).sum()", 24.0),
        ("F.linear(x, net[0].weight)[0, 1]", 6.0),
        ("-x.mean() ** 2", -1.0),
        ("expected(loss) + printed(loss)", 12.0),
        ("grad(loss, net[0].weight)[0]", 12.0),
        ("grad(F.mse_loss(net, y) + loss, net[0].weight)[0]", 14.0),
        ("F.scaled_dot_product_attention(x, x, net[0].weight)[0, 1]", 3.0),
        ("torch.relu(x - 2).max()", 0.0),
        ("relu(x - 2).max()", 0.0),
        ("(x @ net[0].weight.mT).sum()", 24.0),
        ("x.sum(dim=1, keepdim=True)[0, 0]", 2.0),
        ("x.expand(3, 2, 2).sum()", 12.0),
        ("aten.addmm.default(x[0], x, net[0].weight.T)[1, 0]", 7.0),
        ("aten.native_layer_norm.default(x, [2], None, None, 1e-05)[1][0, 0]", 1.0),
        ("aten.max_pool2d_with_indices.default(x[None], [2, 2], [2, 2])[1][0, 0, 0]", 0),
        ("aten.convolution.default(x[None], x[None], None, [1], [0], [1], False, [0], 1)[0, 0, 0]", 4.0),
        ("aten.where.self(x > 2, x, -inf).max()", float("-inf")),
        ("aten.full.default([2, 3], 0.1, dtype=torch.float32)[0, 0]", 0.1),
        ("aten.full.default([2, 3], 0.1)[0, 0]", 0.1),
        ("aten.arange.start_step(3, 9, 2)[-1]", 7),
        ("aten.index.Tensor(x, [None, aten._to_copy.default(x[0], dtype=torch.int64)])[1, 0]", 1.0),
        ("aten.view.default(net[0].weight.T, [4])[3]", 3.0),
        ("aten.div.Tensor_mode(x[0, 0], 2, rounding_mode='floor')", 0.0),
        ("aten.split.Tensor(x, 1)[1][0, 0]", 1.0),
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
        "aten.add_.Tensor(x, x)",
        "aten.add.out(x, x, out=x)",
        "aten.add(x, x)",
        "aten.add.nothing(x, x)",
        "aten.cos.complex(1)",
        "aten.eq.device(x, x)",
        "aten.rand.default([2])",
        "aten.native_dropout.default(x, 0.5, True)",
        "aten.empty.memory_format([2])",
        "aten.nonzero.default(x)",
        "aten.repeat_interleave.Tensor(x)",
        "aten.from_file.default('a')",
        "aten.as_strided.default(x, [2], [1])",
        "aten.add.__class__",
        "aten.__class__.default(x)",
        "aten.full.default([2], 1, device='cpu')",
        "aten.full.default([2], 1, layout=torch.strided)",
        "aten.full.default([2], 1, **x)",
        "aten.clone.default(x, memory_format=0)",
        "torch.complex64",
        "torch.ops",
        "aten",
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


def test_what_is_shown_is_read_within_a_gradient_and_beside_it() -> None:
    text = "expected(loss) + grad(F.mse_loss(net, printed(y)), net[0].weight) + expected(x)"
    assert parse_expression(text, NAMES, "here").shown == (("loss", False), ("y", True), ("x", False))


def test_a_number_alone_has_the_precision_that_is_asked_for() -> None:
    number = parse_expression("0.1", NAMES, "here")
    assert evaluate(number, Numbers(), wide=True).dtype == torch.float64
    assert evaluate(number, Numbers(), wide=False).dtype == torch.float32


def test_a_message_has_the_first_80_characters_of_what_it_refuses() -> None:
    refused = "x.numpy" + "y" * 200
    with pytest.raises(MapError, match=f"here: '{refused[:80]}' is not a tensor of the map"):
        parse_expression(refused, NAMES, "here")
    with pytest.raises(MapError, match=f"here: '{refused[:80]}' is not an expression"):
        parse_expression(f"{refused} +", NAMES, "here")


def test_expressions_are_nested_100_deep_at_most() -> None:
    assert parse_expression("-" * 100 + "x", NAMES, "here").names == ("x",)
    with pytest.raises(MapError, match="nested more than 100 deep"):
        parse_expression("-" * 101 + "x", NAMES, "here")


def test_the_longest_name_is_meant() -> None:
    assert parse_expression("net[0].weight + net", NAMES, "here").names == ("net[0].weight", "net")


def test_what_has_no_name_is_no_tensor_of_pythons_name_for_nothing() -> None:
    assert parse_expression("(x + 1).T + (x * 2)[0]", ("x", "None.T", "None[0]"), "here").names == ("x",)


@pytest.mark.parametrize(
    "text",
    [
        "x[0, 0].expand(100000, 100000)",
        "aten.expand.default(x, [100000, 100000, 2, 2]).sum()",
        "aten.repeat.default(x, [100000, 100000])",
        "aten.full.default([100000, 100000], 1)",
        "aten.zeros.default([100000, 100000])",
        "aten.arange.default(10000000000)",
        "aten.arange.start_step(0, 1, 1e-12)",
        "aten.constant_pad_nd.default(x, [50000, 50000, 50000, 50000])",
        "aten.convolution.default(x[None], x[None], None, [1], [500000000], [1], False, [0], 1)",
        "aten.upsample_nearest2d.vec(x[None, None], None, [100000.0, 100000.0])",
        "aten.linspace.default(0, 1, 10000000000)",
        "(aten.arange.default(1000000)[None] - aten.arange.default(1000000)[:, None]).sum()",
        "torch.ones_like(x).tile(100000, 100000)",
        "aten.full.default([7000, 7000], 1.0) @ aten.full.default([7000, 30000], 1.0)",
        "aten.arange.default(40000000000) @ aten.arange.default(40000000000)",
    ],
)
def test_what_would_fill_the_memory_is_refused_before_it_is_computed(text: str) -> None:
    with pytest.raises(MapError, match="at most"):
        evaluate(parse_expression(text, NAMES, "here"), Numbers())


def test_a_boolean_index_whose_shape_depends_on_values_is_refused() -> None:
    with pytest.raises(MapError, match="depends on values"):
        evaluate(parse_expression("x[x > 0]", NAMES, "here"), Numbers())


def test_several_results_must_be_told_apart() -> None:
    with pytest.raises(MapError, match="gives 3 results"):
        evaluate(
            parse_expression("aten.native_layer_norm.default(x, [2], None, None, 1e-05)", NAMES, "here"), Numbers()
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10 ** 19", "torch cannot compute '10 ** 19': the power is too large an integer"),
        ("(-9) ** 9 ** 9", "torch cannot compute '(-9) ** 9 ** 9': "),
        ("[7] * 3", "torch cannot compute '[7] * 3': lists are arguments, not operands"),
        ("3 * (7, 7)", "torch cannot compute '3 * (7, 7)': lists are arguments, not operands"),
        ("None", "'None' gives None, which is no tensor of numbers"),
        ("torch.float32", "'torch.float32' gives torch.float64, which is no tensor of numbers"),
    ],
)
def test_what_gives_no_number_that_a_cell_could_hold_is_said(text: str, said: str) -> None:
    with pytest.raises(MapError) as failure:
        evaluate(parse_expression(text, NAMES, "here"), Numbers())
    assert str(failure.value).startswith(said)


def test_integers_are_powers_of_integers_up_to_2_to_the_63rd() -> None:
    assert evaluate(parse_expression("(2 ** 62) * x[0, 0]", NAMES, "here"), Numbers()).item() == 2.0**62


def test_a_machine_without_memory_for_a_tensor_is_no_fault_of_the_map() -> None:
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        evaluate(
            parse_expression("aten.zeros.default([1000000, 1000000, 1000])", NAMES, "here"), Numbers(), True, UNLIMITED
        )


def test_shapes_that_do_not_fit_are_said_in_one_line() -> None:
    with pytest.raises(MapError, match="torch cannot compute"):
        evaluate(parse_expression("x @ net", NAMES, "here"), Numbers())


def test_what_is_held_fast_in_several_places_is_read_in_each() -> None:
    found = parse_expression("x.detach() * loss + (y.detach() @ net).detach()", NAMES, "here")
    assert (found.names, found.held) == (("loss", "x", "net", "y"), ("x", "net", "y"))
