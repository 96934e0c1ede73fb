"""Torch's expressions modulo a prime: a tensor of residues that torch's operations, autograd's too, run on.

Only sums, products, quotients, integer powers and what moves elements have a rule; anything else is not rational.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import torch
from torch import Tensor

from xlparity.check.identity.modular import Degree, NotRational, residue, simplest
from xlparity.model.table import Table

__all__ = ["Residues", "modulo"]

_PRIME: ContextVar[int] = ContextVar("prime")
_HALF = 16  # bits of which a factor is made, so that sums of products do not overflow int64


@contextmanager
def modulo(prime: int) -> Iterator[None]:
    """Residues inside are those of `prime`."""
    token = _PRIME.set(prime)
    try:
        yield
    finally:
        _PRIME.reset(token)


class Residues(Tensor):
    """To torch a float64 tensor; its elements are the int64 `residue`, functions of at most the degree `degree`."""

    residue: Tensor
    degree: Degree

    @staticmethod
    def __new__(cls, residue: Tensor, degree: Degree) -> Residues:
        made = Tensor._make_wrapper_subclass(cls, residue.shape, dtype=torch.float64, strides=residue.stride())
        made.residue, made.degree = residue, degree
        return made

    def __init__(self, residue: Tensor, degree: Degree) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]  # torch leaves it untyped
        return f"Residues({self.residue!r}, {self.degree})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]  # torch's own annotation lacks `func`
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if any(isinstance(one, torch.dtype) and not one.is_floating_point for one in (*args, *kwargs.values())):
            raise NotRational(f"{name} makes integers or truth values")
        rule = RATIONAL.get(name)
        if rule is not None:
            return rule(func, *args, **kwargs)
        composite = func.decompose(*args, **kwargs)
        if composite is not NotImplemented:
            return composite
        decomposition = _decompositions().get(func)
        if decomposition is not None:
            return decomposition(*args, **kwargs)
        raise NotRational(f"{name} is not rational, or has no rule")


@cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    from torch._decomp import decomposition_table  # noqa: PLC0415 - needed for few operations

    return dict(decomposition_table)


RATIONAL: Table[str, Callable[..., Any]] = Table("operations of torch on residues")

_MOVES = (
    "view _unsafe_view _reshape_alias reshape t transpose permute expand unsqueeze squeeze slice select clone detach "
    "alias contiguous flip roll rot90 narrow unfold slice_backward select_backward diagonal_backward diagonal "
    "diag diag_embed tril triu repeat lift_fresh index_select gather embedding index constant_pad_nd "
    "reflection_pad2d as_strided pixel_shuffle"
).split()


def _parts(operand: Any) -> tuple[Tensor, Degree]:
    """The residues of an operand and their degree; numbers and plain tensors are constants."""
    if isinstance(operand, Residues):
        return operand.residue, operand.degree
    prime = _PRIME.get()
    if isinstance(operand, Tensor):
        flat = [residue(simplest(float(one)), prime) for one in operand.reshape(-1).tolist()]
        return torch.tensor(flat, dtype=torch.int64).reshape(operand.shape), Degree()
    return torch.tensor(residue(simplest(float(operand)), prime)), Degree()


def _made(value: Tensor, degree: Degree) -> Residues:
    return Residues(value % _PRIME.get(), degree)


@RATIONAL.rule(*_MOVES)
def _moved(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    if any(isinstance(one, Residues) for one in args):
        raise NotRational("an index that is computed")
    if func.overloadpacket.__name__ == "constant_pad_nd" and (args[1:] or (0,))[0] != 0:
        raise NotRational("padded with another number than 0")
    value, degree = _parts(operand)
    kwargs.pop("dtype", None)
    return Residues(func(value, *args, **kwargs), degree)


@RATIONAL.rule("_to_copy", "to")
def _copied(_func: Any, operand: Residues, *_args: Any, **_kwargs: Any) -> Any:
    return Residues(operand.residue.clone(), operand.degree)


@RATIONAL.rule("squeeze_", "unsqueeze_", "t_", "transpose_")
def _moved_in_place(func: Any, operand: Residues, *args: Any) -> Any:
    operand.residue = func(operand.residue, *args)
    with torch._C._DisableTorchDispatch():
        func(operand, *args)
    return operand


@RATIONAL.rule("cat", "stack")
def _joined(func: Any, operands: Any, *args: Any) -> Any:
    parts = [_parts(one) for one in operands]
    degree = Degree()
    for _, one in parts:
        degree = degree | one
    return Residues(func([value for value, _ in parts], *args), degree)


@RATIONAL.rule("unbind", "split", "split_with_sizes", "chunk", "unsafe_split")
def _parted(func: Any, operand: Residues, *args: Any) -> Any:
    return [Residues(part, operand.degree) for part in func(operand.residue, *args)]


@RATIONAL.rule("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones", "new_full")
def _constant(func: Any, operand: Residues, *args: Any, **_kwargs: Any) -> Any:
    name = func.overloadpacket.__name__
    shape = operand.shape if name.endswith("like") else args[0]
    value = args[-1] if "full" in name else 1.0 if "ones" in name else 0.0
    number, _ = _parts(value)
    return Residues(number.expand(tuple(shape)).clone(), Degree())


@RATIONAL.rule("add", "sub", "rsub")
def _sum_of_two(func: Any, left: Any, right: Any, alpha: float = 1) -> Any:
    if func.overloadpacket.__name__ == "rsub":
        left, right = right, left
    (a, da), (b, db) = _parts(left), _parts(right)
    scaled = b * _parts(alpha)[0] % _PRIME.get()
    return _made(a + scaled if func.overloadpacket.__name__ == "add" else a - scaled, da + db)


@RATIONAL.rule("neg")
def _negative(_func: Any, operand: Residues) -> Any:
    return _made(-operand.residue, operand.degree)


@RATIONAL.rule("mul")
def _product(_func: Any, left: Any, right: Any) -> Any:
    (a, da), (b, db) = _parts(left), _parts(right)
    return _made(a * b, da * db)


def _inverse(value: Tensor) -> Tensor:
    prime = _PRIME.get()
    try:
        inverted = [pow(one, -1, prime) for one in value.reshape(-1).tolist()]
    except ValueError:
        raise NotRational("a division by zero") from None
    return torch.tensor(inverted, dtype=torch.int64).reshape(value.shape)


@RATIONAL.rule("div", "true_divide")
def _quotient(_func: Any, left: Any, right: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is not None:
        raise NotRational("a rounded quotient")
    (a, da), (b, db) = _parts(left), _parts(right)
    return _made(a * _inverse(b), da / db)


@RATIONAL.rule("reciprocal")
def _reciprocal(_func: Any, operand: Residues) -> Any:
    return _made(_inverse(operand.residue), Degree() / operand.degree)


@RATIONAL.rule("square")
def _square(_func: Any, operand: Residues) -> Any:
    return _made(operand.residue * operand.residue, operand.degree.power(2))


@RATIONAL.rule("pow")
def _power(_func: Any, base: Any, exponent: Any) -> Any:
    if isinstance(exponent, Tensor) or exponent != int(exponent) or abs(exponent) > 64:
        raise NotRational(f"a power of {exponent}")
    value, degree = _parts(base)
    factor = value if exponent >= 0 else _inverse(value)
    result = torch.ones_like(value)
    for _ in range(abs(int(exponent))):
        result = result * factor % _PRIME.get()
    return Residues(result, degree.power(int(exponent)))


def _summed(value: Tensor, dims: Any, keepdim: bool) -> tuple[Tensor, int]:
    """The sum over `dims` (all for none), and how many terms each element has."""
    every = tuple(range(value.dim())) if dims is None or len(dims) == 0 else tuple(dims)
    if not every:
        return value, 1
    count = 1
    for dim in every:
        count *= value.shape[dim]
    return value.sum(every, keepdim=keepdim) % _PRIME.get(), count


@RATIONAL.rule("sum")
def _sum(_func: Any, operand: Residues, dim: Any = None, keepdim: bool = False, **_kwargs: Any) -> Any:
    value, count = _summed(operand.residue, dim, keepdim)
    return _made(value, operand.degree.sum_of(count))


@RATIONAL.rule("mean")
def _mean(_func: Any, operand: Residues, dim: Any = None, keepdim: bool = False, **_kwargs: Any) -> Any:
    value, count = _summed(operand.residue, dim, keepdim)
    return _made(value * _inverse(torch.tensor(count)), operand.degree.sum_of(count))


@RATIONAL.rule("var")
def _variance(_func: Any, operand: Residues, dim: Any = None, correction: float = 1, *, keepdim: bool = False) -> Any:
    total, count = _summed(operand.residue, dim, True)
    mean = total * _inverse(torch.tensor(count)) % _PRIME.get()
    away = (operand.residue - mean) % _PRIME.get()
    squares, _ = _summed(away * away % _PRIME.get(), dim, keepdim)
    divisor = max(count - correction, 0)  # as torch does
    degree = (operand.degree + operand.degree.sum_of(count)).power(2).sum_of(count)
    return _made(squares * _inverse(_parts(divisor)[0]), degree)


def _contracted(function: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Tensor:
    """A bilinear `function` of residues, one of them taken in two halves: sums of fewer than 2^15 products fit."""
    prime = _PRIME.get()
    high, low = b >> _HALF, b & ((1 << _HALF) - 1)
    return ((function(a, high) % prime << _HALF) + function(a, low)) % prime


@RATIONAL.rule("mm", "bmm", "mv", "dot")
def _matrix_product(func: Any, left: Any, right: Any) -> Any:
    (a, da), (b, db) = _parts(left), _parts(right)
    if a.shape[-1] >= 1 << 15:
        raise NotRational("a sum of too many products")
    return _made(_contracted(func, a, b), (da * db).sum_of(a.shape[-1]))


_PRODUCTS: dict[str, Any] = {"addmm": torch.mm, "addmv": torch.mv, "baddbmm": torch.bmm}


@RATIONAL.rule("addmm", "addmv", "baddbmm")
def _added_product(func: Any, added: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    product: Callable[[Any, Any], Any] = _PRODUCTS[func.overloadpacket.__name__]
    return added * beta + product(left, right) * alpha


@RATIONAL.rule("convolution")
def _convolution(_func: Any, x: Any, weight: Any, bias: Any, *geometry: Any) -> Any:
    (a, da), (b, db) = _parts(x), _parts(weight)
    terms = b[0].numel()
    if terms >= 1 << 15 or geometry[3]:
        raise NotRational("a convolution of too many terms, or a transposed one")
    function = torch.ops.aten.convolution.default
    try:
        value = _contracted(lambda one, other: function(one, other, None, *geometry), a, b)
    except RuntimeError as error:
        raise NotRational(str(error)) from None
    degree = (da * db).sum_of(terms)
    if bias is None:
        return _made(value, degree)
    c, dc = _parts(bias)
    return _made(value + c.reshape(1, -1, *(1,) * (value.dim() - 2)), degree + dc)
