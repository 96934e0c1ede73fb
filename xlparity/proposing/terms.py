"""Terms of a torch expression under construction, and what common forms of them are called in torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Term", "binary", "call", "known_text", "method", "minus", "number", "patterns", "where"]

_LEVELS = {"==": 0, "!=": 0, "<": 0, ">": 0, "<=": 0, ">=": 0, "+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "**": 4}
_PREFIX, _ATOM = 3, 5


@dataclass(frozen=True, slots=True)
class Term:
    """A part of an expression.

    `level` says how tightly it binds, from 0 (a comparison) to 5 (a name or a call). `axes` are the loops that its
    dimensions run with, "1" for a dimension of size 1; `number` is its value if it is one. `parts` are the operator
    and the operands of what was made last, for the recognition of common forms.
    """

    text: str
    level: int
    axes: tuple[str, ...] = ()
    number: float | None = None
    parts: tuple[str, Term, Term] | None = None


def number(value: float) -> Term:
    """A number as it stands in an expression."""
    text = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return Term(text, _ATOM if value >= 0 else _PREFIX, (), value)


def bracketed(term: Term, least: int) -> str:
    """The text, in brackets if it binds less tightly than `least`."""
    return term.text if term.level >= least else f"({term.text})"


def binary(operator: str, left: Term, right: Term) -> Term:
    """`left operator right`; numbers are computed."""
    if left.number is not None and right.number is not None:
        value = _computed(operator, left.number, right.number)
        if value is not None:
            return number(value)
    level = _LEVELS[operator]
    # ** binds to the right, and a comparison of a comparison would be a chain.
    first, second = (level + 1, level) if operator == "**" else (level, level + 1)
    text = f"{bracketed(left, first if level else 1)} {operator} {bracketed(right, second)}"
    return Term(text, level, _broadcast(left.axes, right.axes), None, (operator, left, right))


def _computed(operator: str, left: float, right: float) -> float | None:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "**":
                power = left**right
                return power if isinstance(power, float) else None
    except (ZeroDivisionError, OverflowError):
        pass
    return None


def _broadcast(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    rank = max(len(one), len(other))
    first, second = (("1",) * (rank - len(axes)) + axes for axes in (one, other))
    return tuple(b if a == "1" else a for a, b in zip(first, second, strict=True))


def minus(operand: Term) -> Term:
    """`-operand`."""
    if operand.number is not None:
        return number(-operand.number)
    return Term(f"-{bracketed(operand, _PREFIX)}", _PREFIX, operand.axes, None, ("negative", operand, operand))


def call(name: str, arguments: Sequence[Term], axes: tuple[str, ...]) -> Term:
    """`name(arguments)`."""
    text = f"{name}({', '.join(argument.text for argument in arguments)})"
    return Term(text, _ATOM, axes, None, (name, arguments[0], arguments[-1]))


def method(term: Term, name: str, arguments: str) -> Term:
    """`term.name(arguments)`, a single number."""
    return Term(f"{bracketed(term, _ATOM)}.{name}({arguments})", _ATOM, ())


def where(condition: Term, first: Term, second: Term) -> Term:
    """`torch.where`, or the activation that it is."""
    axes = _broadcast(_broadcast(condition.axes, first.axes), second.axes)
    if condition.parts is not None:
        operator, left, right = condition.parts
        if right.number == 0 and operator in (">", ">="):
            if first.text == left.text and second.number == 0:
                return call("torch.relu", [left], left.axes)
            slope = _slope(second, left)
            if first.text == left.text and slope is not None:
                return Term(f"F.leaky_relu({left.text}, {slope})", _ATOM, left.axes)
        if right.number == 0 and operator in ("<", "<="):
            if second.text == left.text and first.number == 0:
                return call("torch.relu", [left], left.axes)
            slope = _slope(first, left)
            if second.text == left.text and slope is not None:
                return Term(f"F.leaky_relu({left.text}, {slope})", _ATOM, left.axes)
    texts = [condition.text, *(_real(part) for part in (first, second))]
    return Term(f"torch.where({', '.join(texts)})", _ATOM, axes)


def _real(term: Term) -> str:
    return repr(term.number) if term.number is not None else term.text


def _slope(term: Term, of: Term) -> str | None:
    """The number that `term` multiplies `of` by."""
    if term.parts is None or term.parts[0] != "*":
        return None
    _, left, right = term.parts
    for factor, other in ((left, right), (right, left)):
        if factor.number is not None and factor.number >= 0 and other.text == of.text:
            return factor.text
    return None


_ONLY_DIMENSION: Mapping[tuple[str, ...], str] = {("i", "1"): "0", ("1", "j"): "1"}
_EXPONENTS = re.compile(r"(torch\.exp\(.*\))\.sum\((?:([01]), True)?\)\Z")


def patterns(term: Term) -> Term:
    """`term`, under the name that torch has for it where it is a common form."""
    if term.parts is None:
        return term
    operator, left, right = term.parts
    if operator == "/":
        found = _EXPONENTS.match(right.text)
        # A sum over all of a single row or column is one over the dimension that it has.
        dimension = "" if found is None else found[2] or _ONLY_DIMENSION.get(left.axes, "")
        if found and dimension and left.text == found[1]:
            return Term(f"torch.softmax({left.text[len('torch.exp(') : -1]}, {dimension})", _ATOM, term.axes)
        if left.number == 1 and right.parts is not None and right.parts[0] == "+":
            for one, other in ((right.parts[1], right.parts[2]), (right.parts[2], right.parts[1])):
                if one.number == 1 and other.parts is not None and other.parts[0] == "torch.exp":
                    exponent = other.parts[1].parts
                    if exponent is not None and exponent[0] == "negative":
                        return call("torch.sigmoid", [exponent[1]], term.axes)
    if operator == "*":
        for one, other in ((left, right), (right, left)):
            if one.parts is None or one.parts[0] not in (">", ">="):
                continue
            _, compared, bound = one.parts
            if bound.number == 0 and compared.text == other.text:
                return call("torch.relu", [other], other.axes)
    return term


_HALF = r"(?:0\.5 \* (?P<x>{0})|(?P<y>{0}) \* 0\.5|(?P<z>{0}) / 2)".format(r"[\w.\[\], :]+")
_GELU = re.compile(_HALF + r" \* \(1 \+ torch\.erf\((?P<inner>[\w.\[\], :]+) / 1\.414213562373095\d*\)\)")
_SQUARED = re.compile(r"\(\(([\w.\[\], :]+) - ([\w.\[\], :]+)\) \*\* 2\)\.mean\(\)")


def known_text(text: str) -> str:
    """A whole expression under the name that torch has for it: `F.gelu`, `F.mse_loss`."""
    found = _GELU.fullmatch(text)
    if found and found["inner"] in (found["x"], found["y"], found["z"]):
        return f"F.gelu({found['inner']})"
    found = _SQUARED.fullmatch(text)
    return f"F.mse_loss({found[1]}, {found[2]})" if found else text
