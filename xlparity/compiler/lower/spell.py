"""Operations as the map's torch column spells them: `x @ net[0].weight.T`, `aten.gelu.default(net[0])`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch._ops import OpOverload

from xlparity.compiler.lower.formula import Formula, uniform

__all__ = ["spelled"]

_SIGNS = {
    "add.Tensor": "+",
    "sub.Tensor": "-",
    "mul.Tensor": "*",
    "mul.Scalar": "*",
    "div.Tensor": "/",
    "mm.default": "@",
    "bmm.default": "@",
} | {
    f"{name}.{kind}": sign
    for name, sign in (("le", "<="), ("lt", "<"), ("ge", ">="), ("gt", ">"), ("eq", "=="), ("ne", "!="))
    for kind in ("Scalar", "Tensor")
}  # fmt: skip
# What stands in the map under another name, since a map may not use that one.
_ALIASES = {
    "__lshift__.Tensor": "bitwise_left_shift.Tensor",
    "__lshift__.Scalar": "bitwise_left_shift.Tensor_Scalar",
    "__rshift__.Tensor": "bitwise_right_shift.Tensor",
    "__rshift__.Scalar": "bitwise_right_shift.Tensor_Scalar",
    "cholesky.default": "linalg_cholesky.default",
    "empty_like.default": "zeros_like.default",
    "new_empty.default": "new_zeros.default",
    "to.dtype": "_to_copy.default",
}
_SAME = {"clone.default", "detach.default", "alias.default", "contiguous.default", "lift_fresh_copy.default"}
_FUNCTIONS = {"abs", "exp", "expm1", "log", "log1p", "maximum", "minimum", "relu", "rsqrt", "sigmoid", "sqrt", "tanh"}
# Operations that are written as methods of their first operand, with the method's name.
_METHODS = {
    "amax.default": "amax",
    "amin.default": "amin",
    "expand.default": "expand",
    "mean.default": "mean",
    "mean.dim": "mean",
    "permute.default": "permute",
    "reshape.default": "reshape",
    "squeeze.dim": "squeeze",
    "sum.default": "sum",
    "sum.dim_IntList": "sum",
    "transpose.int": "transpose",
    "unsqueeze.default": "unsqueeze",
    "view.default": "reshape",
    "_unsafe_view.default": "reshape",
}
_FILLING = re.compile(r"aten\.full\.default\(\[\], ([-\w.+]+), dtype=torch\.(float|int)\d+\)")


def spelled(
    operation: OpOverload, arguments: tuple[Any, ...], keywords: Mapping[str, Any], real: str
) -> tuple[str, bool]:
    """The expression of `operation` on `arguments`, and whether it needs no brackets as an operand of another.

    `real` is the dtype of the model's real numbers, which stands in the place of the capture's float64.
    """
    keywords = {key: _model_dtype(part, real) for key, part in keywords.items()}
    arguments = tuple(_model_dtype(part, real) for part in arguments)
    name = str(operation).removeprefix("aten.")
    if name in ("div.Tensor_mode", "div.Scalar_mode") and keywords.get("rounding_mode") is None:
        return f"{_operand(arguments[0])} / {_operand(arguments[1])}", False
    if name in _SIGNS and not keywords and len(arguments) == 2:
        left, right = (_operand(part) for part in arguments)
        return f"{left} {_SIGNS[name]} {right}", False
    if (name == "permute.default" and list(arguments[1]) == [1, 0]) or name == "t.default":
        inner = arguments[0]
        if not inner.torch.endswith(".T"):
            return f"{inner.operand}.T", True
        bare = inner.torch.removesuffix(".T")
        # (a @ b).T transposed again is a @ b, with brackets only where it becomes an operand.
        return (bare[1:-1], False) if bare.startswith("(") and _closes_at_the_end(bare) else (bare, True)
    if name.removesuffix(".default") in _FUNCTIONS and not keywords:
        return f"torch.{name.removesuffix('.default')}({', '.join(_argument(part) for part in arguments)})", True
    if name == "where.self":
        words = [_FILLING.sub(_number_of, _argument(part)) for part in arguments[1:]]
        if any(word == _argument(part) for word, part in zip(words, arguments[1:], strict=True)):
            return f"torch.where({_argument(arguments[0])}, {', '.join(words)})", True
    if name in ("_softmax.default", "_log_softmax.default") and not arguments[2]:
        return f"torch.{name.removesuffix('.default')[1:]}({_argument(arguments[0])}, {arguments[1]})", True
    if name == "pow.Tensor_Scalar":
        return f"{_operand(arguments[0])} ** {_argument(arguments[1])}", False
    if name == "addmm.default" and not keywords and len(arguments) == 3:
        bias, left, right = (_operand(part) for part in arguments)
        return f"{left} @ {right} + {bias}", False
    if name in _METHODS and not keywords and isinstance(arguments[0], Formula):
        rest = [part for at, part in enumerate(arguments[1:], 1) if not (at == 2 and part is False)]
        return f"{_operand(arguments[0])}.{_METHODS[name]}({', '.join(_argument(part) for part in rest)})", True
    if name in ("as_strided.default", "as_strided_scatter.default"):
        return _strided(name, *arguments, **keywords), True
    if name in ("scatter.reduce", "scatter.value_reduce"):
        how = {"add": "sum", "multiply": "prod"}[keywords["reduce"]]
        (x, dim, index, source), keywords = arguments, {}
        if not isinstance(source, Formula):
            source = uniform(source, index.shape, x.dtype, f"aten.full.default({list(index.shape)}, {float(source)!r})")
        name, arguments = "scatter_reduce.two", (x, dim, index, source, how)
    if name == "to.dtype":
        arguments, keywords = arguments[:1], {"dtype": arguments[1], **keywords}
    if name == "new_empty_strided.default":
        name, arguments = "new_empty.default", arguments[:2]
    if name in ("cholesky.default", "empty_like.default", "new_empty.default"):
        keywords = {key: part for key, part in keywords.items() if key != "layout"}
    if name == "cholesky.default" and len(arguments) > 1:
        arguments, keywords = arguments[:1], {"upper": arguments[1]}
    name = _ALIASES.get(name, name)
    if name in _SAME:
        return arguments[0].torch, arguments[0].atom
    keywords = {key: part for key, part in keywords.items() if key != "memory_format"}
    words = [_argument(part) for part in arguments]
    words += [f"{key}={_argument(part)}" for key, part in keywords.items() if part is not None]
    return f"aten.{name}({', '.join(words)})", True


def _number_of(filling: re.Match[str]) -> str:
    return filling[1] if filling[2] == "float" else repr(int(float(filling[1])))


def _strided(name: str, x: Formula, *arguments: Any, **keywords: Any) -> str:
    """The elements at these strides by their positions, since a map knows no layout in memory."""
    inner = arguments[0:1] if name == "as_strided_scatter.default" else ()
    size, strides, *rest = arguments[len(inner) :]
    offset = rest[0] if rest else keywords.get("storage_offset")
    words = [str(offset or 0)]
    for at, (count, step) in enumerate(zip(size, strides, strict=True)):
        shape = [count if d == at else 1 for d in range(len(size))]
        words.append(f"aten.reshape.default(aten.arange.default({count}), {shape}) * {step}")
    places = " + ".join(words) if size else f"aten.full.default([], {words[0]}, dtype=torch.int64)"
    if inner:
        return f"aten.put.default({x.torch}, {places}, {inner[0].torch})"
    return f"aten.take.default({x.torch}, {places})"


def _model_dtype(part: Any, real: str) -> Any:
    return getattr(torch, real) if isinstance(part, torch.dtype) and part.is_floating_point else part


def _operand(part: Any) -> str:
    return part.operand if isinstance(part, Formula) else _argument(part)


def _argument(part: Any) -> str:
    match part:
        case Formula():
            return part.torch
        case tuple() | list():
            return f"[{', '.join(_argument(each) for each in part)}]"
        case bool() | None:
            return str(part)
        case float() if math.isinf(part):
            return "inf" if part > 0 else "-inf"
        case float() if math.isnan(part):
            return "nan"
        case torch.dtype():
            return str(part)
        case str():
            return repr(part)
        case _:
            return repr(part)


def _closes_at_the_end(text: str) -> bool:
    """Whether the bracket that `text` begins with closes at its end."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return at == len(text) - 1
    return False
