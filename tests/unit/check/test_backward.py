"""Derivatives written as expressions give autograd's numbers, and where there is no rule there is none."""

from __future__ import annotations

import ast

import pytest
import torch
from torch import Tensor

from xlparity.check.backward import GRADIENT, backward

X = torch.tensor([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]], dtype=torch.float64)
TENSORS = {
    "x": X, "y": X.flip(0) + 3.0, "w": torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3),
    "b": torch.tensor([0.5, -0.5, 0.25], dtype=torch.float64), "s": torch.tensor(1.5, dtype=torch.float64),
    "c": torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64), "v": torch.ones(4, 2, 3, dtype=torch.float64),
}  # fmt: skip


def value(text: str, tensors: dict[str, Tensor]) -> Tensor:
    functions = {name: getattr(torch, name) for name in ("sin", "cos", "sign", "exp", "tanh", "mm", "sum")}
    names = {"torch": torch, "F": torch.nn.functional, "aten": torch.ops.aten, **functions, **tensors}
    return torch.as_tensor(eval(text, {}, names), dtype=torch.float64)


def written(expression: str) -> dict[str, str]:
    tree = ast.parse(expression, mode="eval").body
    shape = lambda part: tuple(value(ast.unparse(part), {**TENSORS, "z": value(expression, TENSORS)}).shape)  # noqa: E731
    return {name: one.back for name, one in backward("z", tree, set(TENSORS), shape).items()}


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("x + y", "xy"), ("x - y", "xy"), ("x * y", "xy"), ("x / y", "xy"), ("-x", "x"), ("x ** 3", "x"),
        ("y ** 0.5", "y"), ("x ** 1", "x"), ("x * 2 + 1", "x"), ("1 / y", "y"), ("x * x * x", "x"),
        ("(x - y) * (x + y)", "xy"),
        ("x * s", "xs"), ("x + b", "xb"), ("x * b - s", "xbs"), ("v * x", "vx"), ("v + b", "vb"), ("v / s", "vs"),
        ("x.T", "x"), ("x @ w.T", "xw"), ("w @ x.T", "xw"), ("x @ w.T + c", "xwc"), ("(x * y) @ w.T", "xyw"),
        ("2 * (x @ w.T)", "xw"), ("torch.tanh(x @ w.T)", "xw"), ("F.linear(x, w, c)", "xwc"), ("F.linear(x, w)", "xw"),
        ("torch.addmm(c, x, w.T)", "cxw"), ("torch.mm(x, w.T)", "xw"), ("torch.matmul(x, w.T)", "xw"), ("x.t()", "x"),
        ("x.sum()", "x"), ("(x * y).mean()", "xy"), ("torch.mean(x)", "x"), ("F.mse_loss(x, y)", "xy"),
        ("x.reshape(3, 2)", "x"), ("x.view(6)", "x"), ("torch.flatten(x)", "x"), ("b.expand(2, 3)", "b"),
        ("x * y.detach()", "x"), ("torch.relu(x)", "x"), ("torch.sigmoid(x)", "x"), ("torch.exp(x * y)", "xy"),
        ("torch.log(y)", "y"), ("torch.sqrt(y)", "y"), ("torch.square(x)", "x"), ("torch.sin(x)", "x"),
        ("torch.cos(x) * x", "x"), ("torch.abs(x)", "x"), ("torch.neg(x)", "x"), ("x.tanh()", "x"),
        ("torch.exp(torch.sin(x)) + 1", "x"), ("aten.tanh.default(x)", "x"), ("x + 3 * x", "x"),
        ("x - x * y / y", "xy"),
    ],
)  # fmt: skip
def test_the_expression_of_a_derivative_is_autograds(expression: str, read: str) -> None:
    leaves = {name: one.clone().requires_grad_() for name, one in TENSORS.items()}
    result = value(expression, leaves)
    gradient = torch.linspace(0.5, 2.0, result.numel(), dtype=torch.float64).reshape(result.shape)
    expected = torch.autograd.grad(result, [leaves[name] for name in read], gradient, allow_unused=True)
    found = written(expression)
    assert set(found) == set(read)
    for name, right in zip(read, expected, strict=True):
        own = value(found[name], {**TENSORS, "z": result.detach(), GRADIENT: gradient})
        assert right is not None
        torch.testing.assert_close(own.expand_as(right), right, rtol=1e-12, atol=1e-12)  # one number for all


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("torch.softmax(x, 1)", ""),
        ("x.sum(dim=1)", ""),
        ("x ** y", ""),
        ("x + x % y", ""),
        ("x[0] + b", "b"),
        ("x % y", ""),
        ("y * torch.logsumexp(x, 1, True)", "y"),
        ("y[:, :1] + x", "x"),
        ("x @ b", ""),
        ("torch.relu(x) + torch.softmax(x, 1)", ""),
        ("y + torch.softmax(x, 1)", "y"),
        ("x + torch.softmax(x, 1) + y * torch.softmax(y, 1)", ""),
        ("x.clamp(0, 1) * y", "y"),
    ],
)
def test_what_has_no_rule_has_no_expression(expression: str, read: str) -> None:
    assert set(written(expression)) == set(read)


def test_a_product_of_matrices_alone_is_told_from_one_with_other_factors() -> None:
    def local(expression: str, name: str) -> str:
        tree = ast.parse(expression, mode="eval").body
        shape = lambda part: tuple(value(ast.unparse(part), TENSORS).shape)  # noqa: E731
        return backward("z", tree, set(TENSORS), shape)[name].local

    assert local("x * y", "x") == "y"
    assert local("x * y + x", "x") == "y + 1"
    assert local("x @ w.T", "x") == "w"
    assert local("x @ w.T", "w") == "x"
    assert local("(x * y) @ w.T", "x") == ""  # an entry by entry factor after a matrix
    assert local("2 * (x @ w.T)", "x") == ""
    assert local("(x * 1) @ w.T", "x") == "w"
    assert local("((x * y) * 1) @ w.T", "x") == ""
