"""The map's torch expressions: parsed with `ast` against an allow-list, never evaluated as Python.

    expression  := tensor | number | expression op expression | -expression | expression[index]
                 | expression.T | expression.method(...) | function(...) | torch.function(...) | F.function(...)
                 | aten.name.overload(...) | torch.dtype | inf | nan
                 | grad(expression, tensor) | expected(tensor) | printed(tensor)
    tensor      := a name of the map: x, net[0].weight, step[1].loss (the longest name that fits is meant)

A workbook cannot name code, a file or an address here: whatever is not on the lists below is refused when the map is
read, before anything is computed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from xlparity.check.aten import DTYPES, UNWRITABLE, aten_overload
from xlparity.check.sizes import Sizes
from xlparity.errors import MapError, did_you_mean, out_of_memory
from xlparity.limits import UNLIMITED, Budget, limits

__all__ = ["Expression", "Lookup", "evaluate", "name_of", "parse_expression"]

_MAX_LENGTH = 8_192
_MAX_DEPTH = 100
_INTEGER = 2**63

# The words that arguments may be: reduction="sum", approximate="tanh", rounding_mode="floor", reduce="amax".
_WORDS = frozenset({"amax", "amin", "floor", "mean", "none", "prod", "sum", "tanh", "trunc"})
_NUMBERS = {"inf": float("inf"), "nan": float("nan")}

_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

# Tensor methods that are functions of torch too; both spellings are allowed.
_BOTH = (
    "abs amax amin argmax argmin clamp cos cosh cumsum div erf exp expm1 flatten floor log log1p log2 log_softmax "
    "logsumexp matmul max maximum mean min minimum mm mul neg outer permute pow prod relu reshape round rsqrt sigmoid "
    "sign sin sinh softmax sqrt square squeeze std sub sum tan tanh tile transpose unsqueeze var where"
).split()
_METHODS = frozenset([*_BOTH, "detach", "expand", "expand_as", "t", "view"])
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {name: getattr(torch, name) for name in _BOTH} | {
    name: getattr(torch, name) for name in ("add", "cat", "stack", "ones_like", "zeros_like", "dot", "bmm", "addmm")
}
_NN_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    name: getattr(torch.nn.functional, name)
    for name in (
        "binary_cross_entropy binary_cross_entropy_with_logits cross_entropy elu gelu huber_loss kl_div l1_loss "
        "layer_norm leaky_relu linear log_softmax mse_loss nll_loss relu relu6 scaled_dot_product_attention sigmoid "
        "silu smooth_l1_loss softmax softplus tanh"
    ).split()
}


class Lookup(Protocol):
    """Where an expression's tensors come from."""

    def tensor(self, name: str) -> Tensor:
        """The tensor `name`."""

    def expected(self, name: str, printed: bool) -> Tensor:
        """The values that the sheet shows as PyTorch's for `name`; `printed`: those with limited decimals."""

    def grad(self, of: Expression, wrt: str) -> Tensor:
        """The gradient of the scalar `of` with respect to the tensor `wrt`."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    `names` are the tensors it reads, `grads` the pairs (tensor, wrt) of those that a gradient is taken of and the one
    with respect to which, `shown` its pairs (tensor, printed). `held` are those of `names` that are read through
    `.detach()` alone: a gradient takes them as they are.
    """

    text: str
    tree: ast.expr
    names: tuple[str, ...]
    grads: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, bool], ...]
    held: tuple[str, ...] = ()


def parse_expression(text: str, names: Collection[str], place: str) -> Expression:
    """The expression `text` over the tensors `names`; `place` says where it stands, for messages.

    Raises MapError for anything that is not on the allow-list.
    """
    if len(text) > _MAX_LENGTH:
        raise MapError(f"{place}: the torch expression has {len(text)} characters; at most {_MAX_LENGTH} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MapError(
            f"{place}: {text[:80]!r} is not an expression ({error.args[0]}); write for instance x @ W.T + b"
        ) from None
    return _expression(text, tree, frozenset(names), place)


def _expression(text: str, tree: ast.expr, names: frozenset[str], place: str) -> Expression:
    found = _Names(names, place)
    found.visit(tree, 0)
    read = dict.fromkeys(found.tensors)
    return Expression(
        text, tree, tuple(read | dict.fromkeys(found.held)), tuple(dict.fromkeys(found.grads)),
        tuple(dict.fromkeys(found.shown)), tuple(name for name in dict.fromkeys(found.held) if name not in read),
    )  # fmt: skip


def name_of(node: ast.expr) -> str | None:
    """The dotted and indexed name that `node` spells, or None if it is no name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            inner = name_of(value)
            return None if inner is None else f"{inner}.{attribute}"
        case ast.Subscript(value=value, slice=ast.Constant(value=int() as number)):
            inner = name_of(value)
            return None if inner is None else f"{inner}[{number}]"
    return None


class _Names:
    """Walks an expression once: refuses what is not allowed and collects the tensors it reads."""

    def __init__(self, names: frozenset[str], place: str) -> None:
        self.names, self.place = names, place
        self.tensors: list[str] = []
        self.held: list[str] = []
        self.grads: list[tuple[str, str]] = []
        self.shown: list[tuple[str, bool]] = []

    def refuse(self, node: ast.expr, why: str) -> MapError:
        return MapError(f"{self.place}: {ast.unparse(node)[:80]!r} {why}")

    def no_tensor(self, node: ast.expr) -> str:
        return f"is not a tensor of the map; {did_you_mean(ast.unparse(node)[:80], sorted(self.names))}"

    def reference(self, node: ast.expr) -> str:
        name = name_of(node)
        if name is None or name not in self.names:
            raise self.refuse(node, self.no_tensor(node))
        return name

    def visit(self, node: ast.expr, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise MapError(f"{self.place}: the torch expression is nested more than {_MAX_DEPTH} deep")
        name = name_of(node)
        if name is not None and name in self.names:
            self.tensors.append(name)
            return
        match node:
            case ast.Constant(value=bool() | int() | float()) | ast.Constant(value=None):
                return
            case ast.Constant(value=str() as word) if word in _WORDS:
                return
            case ast.Name(id=number) if number in _NUMBERS:
                return
            case ast.Attribute(value=ast.Name(id="torch"), attr=dtype) if dtype in DTYPES:
                return
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                inner = [left, right]
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                inner = [left, right]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = [operand]
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                inner = list(elements)
            case ast.Slice(lower=lower, upper=upper, step=step):
                inner = [part for part in (lower, upper, step) if part is not None]
            case ast.Subscript(value=value, slice=index):
                inner = [value, index]
            case ast.Attribute(value=value, attr="T" | "mT"):
                inner = [value]
            case ast.Call(func=ast.Name(id="grad"), args=[of, wrt], keywords=[]):
                inside = _Names(self.names, self.place)
                inside.visit(of, depth + 1)
                if inside.grads:
                    raise self.refuse(node, "is a gradient of a gradient, which is not supported")
                if not inside.tensors:
                    raise self.refuse(node, "is the gradient of a number that no tensor of the map goes into")
                self.grads += [(tensor, self.reference(wrt)) for tensor in inside.tensors]
                self.held += inside.held
                self.shown += inside.shown
                return
            case ast.Call(func=ast.Attribute(value=value, attr="detach"), args=[], keywords=[]):
                inside = _Names(self.names, self.place)
                inside.visit(value, depth + 1)
                self.held += [*inside.tensors, *inside.held]
                self.grads += inside.grads
                self.shown += inside.shown
                return
            case ast.Call(func=ast.Name(id="expected" | "printed" as which), args=[tensor], keywords=[]):
                self.shown.append((self.reference(tensor), which == "printed"))
                return
            case ast.Call(func=function, args=arguments, keywords=keywords):
                inner = [*arguments, *(keyword.value for keyword in keywords)]
                for keyword in keywords:
                    if keyword.arg is None or keyword.arg in UNWRITABLE:
                        raise self.refuse(
                            node, f"has the argument {ast.unparse(keyword)[:40]}, which a map cannot give"
                        )
                match function:
                    case ast.Attribute(value=ast.Attribute(value=ast.Name(id="aten"), attr=packet), attr=overload) if (
                        aten_overload(packet, overload) is not None
                    ):
                        pass
                    case ast.Name(id=called) if called in _FUNCTIONS:
                        pass
                    case ast.Attribute(value=ast.Name(id="torch"), attr=called) if called in _FUNCTIONS:
                        pass
                    case ast.Attribute(value=ast.Name(id="F"), attr=called) if called in _NN_FUNCTIONS:
                        pass
                    case ast.Attribute(value=value, attr=called) if called in _METHODS:
                        inner.append(value)
                    case _:
                        raise self.refuse(function, "is not a function that a map may use (see the reference of maps)")
            case ast.Name() | ast.Attribute():
                raise self.refuse(node, self.no_tensor(node))
            case _:
                raise self.refuse(node, "is not allowed in a torch expression")
        for part in inner:
            self.visit(part, depth + 1)


def evaluate(expression: Expression, lookup: Lookup, wide: bool = True, budget: Budget | None = None) -> Tensor:
    """The value of `expression`, a tensor of torch's own shape and dtype for it.

    With `wide`, every floating dtype that the expression names, and torch's own default, is float64, as in the sheet.
    `budget` is what it may take, by default `Limits.products`; it is `UNLIMITED` where the expression was evaluated
    before on tensors of these shapes, so that nothing in it is too large.

    Raises MapError where torch refuses (shapes that do not fit, a bad argument), and before anything is computed that
    would need too much memory or time.
    """
    names = frozenset([*expression.names, *(tensor for tensor, _ in expression.grads)])
    try:
        budget = Budget(products=limits().products) if budget is None else budget
        limit = nullcontext() if budget is UNLIMITED else Sizes(budget)
        with _default_dtype(torch.float64 if wide else torch.float32), limit:
            value = _evaluate(expression.tree, names, lookup, wide)
            if isinstance(value, bool | int | float):
                value = torch.as_tensor(value, dtype=torch.float64 if wide else torch.float32)
    except (ArithmeticError, AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        if out_of_memory(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MapError(f"torch cannot compute {expression.text!r}: {reason}") from None
    if isinstance(value, tuple | list):
        raise MapError(
            f"{expression.text!r} gives {len(value)} results; name one of them by its position, as in (...)[0]"
        )
    if not isinstance(value, Tensor):
        raise MapError(f"{expression.text!r} gives {value!r}, which is no tensor of numbers")
    return value


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _call_aten(packet: str, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    if packet in ("view", "_unsafe_view") and name == "default":
        # A view of a tensor that lies otherwise in memory than in the captured graph is a reshape.
        return torch.reshape(*arguments, **named)
    overload = aten_overload(packet, name)
    for at, (formal, argument) in enumerate(zip(overload._schema.arguments, arguments, strict=False)):
        if isinstance(argument, int | float) and formal.type.kind() == "TensorType":
            arguments[at] = torch.tensor(argument)
    return overload(*arguments, **named)


def _operated(operator_: type, left: Any, right: Any) -> Any:
    """`left` op `right`; of Python's own values only numbers, since [x] * 10**9 and 9**9**9**9 never end."""
    if isinstance(left, tuple | list) or isinstance(right, tuple | list):
        raise TypeError("lists are arguments, not operands")
    integers = isinstance(left, int) and isinstance(right, int)
    if operator_ is ast.Pow and integers and abs(float(left) ** right) > _INTEGER:
        raise ValueError("the power is too large an integer")
    return _OPERATORS[operator_](left, right)


def _evaluate(node: ast.expr, names: frozenset[str], lookup: Lookup, wide: bool) -> Any:
    def value(part: ast.expr) -> Any:
        return _evaluate(part, names, lookup, wide)

    name = name_of(node)
    if name is not None and name in names:
        return lookup.tensor(name)
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _operated(type(op), value(left), value(right))
        case ast.UnaryOp(operand=operand):
            return -value(operand)
        case ast.Name(id=number):
            return _NUMBERS[number]
        case ast.Tuple(elts=elements):
            return tuple(value(element) for element in elements)
        case ast.List(elts=elements):
            return [value(element) for element in elements]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else value(part) for part in (lower, upper, step)))
        case ast.Subscript(value=inner, slice=index):
            return value(inner)[value(index)]
        case ast.Attribute(value=inner, attr="T" | "mT" as attribute):
            return getattr(value(inner), attribute)
        case ast.Attribute(attr=dtype):
            named_dtype: torch.dtype = getattr(torch, dtype)
            return torch.float64 if wide and named_dtype.is_floating_point else named_dtype
        case ast.Call(func=ast.Name(id="grad"), args=[of, wrt]):
            return lookup.grad(_expression(ast.unparse(of), of, names, ""), name_of(wrt) or "")
        case ast.Call(func=ast.Name(id="expected" | "printed" as which), args=[tensor]):
            return lookup.expected(name_of(tensor) or "", which == "printed")
        case _:
            assert isinstance(node, ast.Call)  # `parse_expression` lets nothing else through
            positional = [value(argument) for argument in node.args]
            named = {keyword.arg or "": value(keyword.value) for keyword in node.keywords}
            match node.func:
                case ast.Attribute(value=ast.Attribute(value=ast.Name(id="aten"), attr=packet), attr=overload):
                    return _call_aten(packet, overload, positional, named)
                case ast.Name(id=called) | ast.Attribute(value=ast.Name(id="torch"), attr=called):
                    return _FUNCTIONS[called](*positional, **named)
                case ast.Attribute(value=ast.Name(id="F"), attr=called):
                    return _NN_FUNCTIONS[called](*positional, **named)
                case method:
                    assert isinstance(method, ast.Attribute)
                    return getattr(value(method.value), method.attr)(*positional, **named)
