"""The derivative of one torch expression by each tensor that it reads, as an expression again.

Only for people to read: the numbers are autograd's, and whoever shows an expression holds it against them first. So the
rules are few, and where an operation has none, there is no expression.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from xlparity.check.expression import name_of

__all__ = ["GRADIENT", "Backward", "backward"]

GRADIENT = "g"  # what a `back` expression calls the gradient of the expression's own value

_ONE = ast.Constant(1)

# The derivative of functions that work element by element, of the argument a and the value y.
_ELEMENTWISE: Mapping[str, str] = {
    "relu": "a > 0", "tanh": "1 - y ** 2", "sigmoid": "y * (1 - y)", "exp": "y", "log": "1 / a", "sqrt": "1 / (2 * y)",
    "square": "2 * a", "sin": "cos(a)", "cos": "-sin(a)", "abs": "sign(a)", "neg": "-1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Backward:
    """The expressions `local` and `back` of `model.derivatives.Edge`; `local` is "" for products of several kinds."""

    local: str
    back: str


@dataclass(frozen=True, slots=True)
class _Flow:
    """What arrives at a part of the expression: `base * factor`.

    `local` is the product of all factors so far, None once a matrix and another factor have come together.
    """

    base: ast.expr
    factor: ast.expr = _ONE
    local: ast.expr | None = _ONE
    matrix: bool = False

    @property
    def whole(self) -> ast.expr:
        return _times(self.base, self.factor)

    def scaled(self, by: ast.expr) -> _Flow:
        local = None if self.local is None or (self.matrix and not _is(by, 1)) else _times(self.local, by)
        return _Flow(self.base, _times(self.factor, by), local, self.matrix)

    def moved(self, to: ast.expr) -> _Flow:
        """The same, summed or arranged otherwise."""
        return _Flow(to, _ONE, self.local, self.matrix)


def backward(
    name: str, tree: ast.expr, names: Collection[str], shape: Callable[[ast.expr], tuple[int, ...]]
) -> dict[str, Backward]:
    """The derivatives of the tensor `name`, which is computed by `tree`, by those of `names` for which there are rules.

    `shape` tells the shape of the value of a part of the expression.
    """
    walk = _Walk(name, tree, names, shape)
    walk.back(tree, _Flow(ast.Name(GRADIENT)))
    found = {}
    for read, flows in walk.found.items():
        if read in walk.without:
            continue
        back, local = flows[0].whole, flows[0].local
        for flow in flows[1:]:
            back = ast.BinOp(back, ast.Add(), flow.whole)
            matrix = flow.matrix or flows[0].matrix
            local = None if local is None or flow.local is None or matrix else ast.BinOp(local, ast.Add(), flow.local)
        found[read] = Backward("" if local is None else _text(local), _text(back))
    return found


class _Walk:
    """Walks from the whole expression to the tensors that it reads, as a backward pass does."""

    def __init__(
        self, name: str, tree: ast.expr, names: Collection[str], shape: Callable[[ast.expr], tuple[int, ...]]
    ) -> None:
        self.tree, self.names, self.shape = tree, names, shape
        self.value = ast.parse(name, mode="eval").body
        self.found: dict[str, list[_Flow]] = {}
        self.without: set[str] = set()  # read by something that has no rule

    def back(self, node: ast.expr, flow: _Flow) -> None:
        name = name_of(node)
        if name is not None and name in self.names:
            self.found.setdefault(name, []).append(flow)
            return
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self.back(operand, flow.scaled(_number(-1)))
            case ast.BinOp(left=left, op=op, right=right):
                self._operator(node, op, left, right, flow)
            case ast.Attribute(value=value, attr="T"):
                self.back(value, flow.moved(_transposed(flow.whole)))
            case ast.Call():
                self._call(node, flow)
            case _:
                self._give_up(node)

    def _operator(self, node: ast.expr, op: ast.operator, left: ast.expr, right: ast.expr, flow: _Flow) -> None:
        match op, right:
            case ast.Add(), _:
                self._broadcast(node, left, flow)
                self._broadcast(node, right, flow)
            case ast.Sub(), _:
                self._broadcast(node, left, flow)
                self._broadcast(node, right, flow.scaled(_number(-1)))
            case ast.Mult(), _:
                self._broadcast(node, left, flow.scaled(right))
                self._broadcast(node, right, flow.scaled(left))
            case ast.Div(), _:
                self._broadcast(node, left, flow.scaled(_over(_ONE, right)))
                self._broadcast(node, right, flow.scaled(_over(_minus(left), _power(right, 2))))
            case ast.Pow(), ast.Constant(value=int() | float() as exponent):
                self._broadcast(node, left, flow.scaled(_times(_number(exponent), _power(left, exponent - 1))))
            case ast.MatMult(), _:
                self._product(left, right, flow)
            case _:
                self._give_up(node)

    def _call(self, node: ast.Call, flow: _Flow) -> None:
        name, arguments = _called(node)
        match name, arguments:
            case _ if node.keywords:
                self._give_up(node)
            case _, [a] if name in _ELEMENTWISE:
                y = self.value if node is self.tree else node
                self.back(a, flow.scaled(_with(_ELEMENTWISE[name], a, y)))
            case "sum", [a]:
                self.back(a, flow)
            case "mean", [a]:
                self.back(a, flow.scaled(_over(_ONE, self._count(a))))
            case "mse_loss", [a, b]:
                for one, other in ((a, b), (b, a)):
                    difference = ast.BinOp(one, ast.Sub(), other)
                    self.back(one, flow.scaled(_over(_times(_number(2), difference), self._count(a))))
            case "linear", [x, weight, *bias]:
                self._product(x, _transposed(weight), flow)
                for each in bias:
                    self._broadcast(node, each, flow)
            case "addmm", [bias, x, weight]:
                self._broadcast(node, bias, flow)
                self._product(x, weight, flow)
            case "mm" | "matmul", [left, right]:
                self._product(left, right, flow)
            case "reshape" | "view" | "flatten", [a, *_]:
                self.back(a, flow.moved(_method(flow.whole, "reshape", *map(_number, self.shape(a)))))
            case "expand", [a, *_]:
                self._broadcast(node, a, flow)
            case "t", [a]:
                self.back(a, flow.moved(_transposed(flow.whole)))
            case "detach", _:
                pass
            case _:
                self._give_up(node)

    def _product(self, left: ast.expr, right: ast.expr, flow: _Flow) -> None:
        """Of a product of two matrices."""
        if len(self.shape(left)) != 2 or len(self.shape(right)) != 2:
            self._give_up(ast.Tuple([left, right]))
            return
        first = _is(flow.local, 1)
        to_left = ast.BinOp(flow.whole, ast.MatMult(), _transposed(right))
        to_right = ast.BinOp(_transposed(left), ast.MatMult(), flow.whole)
        plain = right.value if isinstance(right, ast.Attribute) and right.attr == "T" else right
        self.back(left, _Flow(to_left, _ONE, plain if first else None, True))
        self.back(right, _Flow(to_right, _ONE, left if first else None, True))

    def _broadcast(self, node: ast.expr, part: ast.expr, flow: _Flow) -> None:
        """To a `part` that was repeated along the first dimensions to the shape of `node`."""
        if not any(name_of(each) in self.names for each in ast.walk(part) if isinstance(each, ast.expr)):
            return
        large, small = self.shape(node), self.shape(part)
        added = len(large) - len(small)
        if large == small:
            self.back(part, flow)
        elif not small:
            self.back(part, flow.moved(_method(flow.whole, "sum")))
        elif large[added:] == small:
            self.back(part, flow.moved(_method(flow.whole, "sum", *([_number(0)] if added == 1 else _listed(added)))))
        else:
            self._give_up(part)

    def _count(self, node: ast.expr) -> ast.expr:
        count = 1
        for size in self.shape(node):
            count *= size
        return _number(count)

    def _give_up(self, node: ast.expr) -> None:
        self.without |= {name for each in ast.walk(node) if isinstance(each, ast.expr) and (name := name_of(each))}


def _called(node: ast.Call) -> tuple[str, list[ast.expr]]:
    """The function's plain name and its arguments, the tensor of a method as the first."""
    match node.func:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="aten"), attr=name)):
            return name, node.args
        case ast.Attribute(value=ast.Name(id="torch" | "F"), attr=name):
            return name, node.args
        case ast.Attribute(value=value, attr=name):
            return name, [value, *node.args]
        case function:
            assert isinstance(function, ast.Name)  # `parse_expression` lets nothing else be called
            return function.id, node.args


# -- expressions in the form in which a person would write them --------------------------------------------------------


def _number(value: float) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def _is(node: ast.expr | None, value: float) -> bool:
    match node:
        case ast.Constant(value=number):
            return bool(number == value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return bool(-number == value)
    return False


def _times(left: ast.expr, right: ast.expr) -> ast.expr:
    if _is(left, 1):
        return right
    if _is(right, 1):
        return left
    if _is(left, -1):
        return _minus(right)
    if _is(right, -1):
        return _minus(left)
    match left, right:
        case ast.BinOp(left=top, op=ast.Div(), right=below), _:
            return _over(_times(top, right), below)
        case _, ast.BinOp(left=top, op=ast.Div(), right=below):
            return _over(_times(left, top), below)
        case _, ast.BinOp(left=first, op=ast.Mult(), right=second):
            return _times(_times(left, first), second)
    return ast.BinOp(left, ast.Mult(), right)


def _over(top: ast.expr, below: ast.expr) -> ast.expr:
    return top if _is(below, 1) else ast.BinOp(top, ast.Div(), below)


def _minus(node: ast.expr) -> ast.expr:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ast.BinOp(right, ast.Sub(), left)
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.BinOp(op=ast.Sub()) as right):
            return ast.BinOp(left, ast.Mult(), _minus(right))
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            return ast.BinOp(_minus(left), op, right)
    return ast.UnaryOp(ast.USub(), node)


def _power(node: ast.expr, exponent: float) -> ast.expr:
    return _ONE if exponent == 0 else node if exponent == 1 else ast.BinOp(node, ast.Pow(), _number(exponent))


def _transposed(node: ast.expr) -> ast.expr:
    match node:
        case ast.Attribute(value=value, attr="T"):
            return value
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return ast.BinOp(_transposed(right), ast.MatMult(), _transposed(left))
    return ast.Attribute(node, "T")


def _method(node: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(node, name), list(arguments), [])


def _listed(count: int) -> list[ast.expr]:
    return [ast.List([_number(at) for at in range(count)])]


def _with(text: str, a: ast.expr, y: ast.expr) -> ast.expr:
    """The rule `text` with the argument and the value in the places of a and y."""

    class Replaced(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return {"a": a, "y": y}.get(node.id, node)

    made: ast.expr = Replaced().visit(ast.parse(text, mode="eval").body)
    return made


def _text(node: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(node))
