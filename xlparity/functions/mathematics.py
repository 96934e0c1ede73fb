"""Mathematics: EXP, LN, SUM, PRODUCT, SUMPRODUCT, ... ("Math and trigonometry functions" of Excel's documentation)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import collected
from xlparity.functions.fault import array_of, fault_of, first_fault, merged
from xlparity.functions.lift import Checked, checked, elementwise
from xlparity.functions.operators import divide, power
from xlparity.functions.sample import Sample, aggregate, in_line, lanes_of, paired
from xlparity.functions.signature import Argument, Function, Unsupported, array, declare, number, numbers
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "sum_of_products"]

TABLE: Table[str, Function] = Table("mathematics")
X = number("number")
MANY = (numbers("number", repeating=True),)

elementwise(TABLE, "ABS", X, summary="The absolute value.")(torch.abs)
elementwise(TABLE, "SIGN", X, summary="1, 0 or -1 as a number is positive, zero or negative.")(torch.sign)
elementwise(TABLE, "EXP", X, summary="e to the power of a number.")(torch.exp)
elementwise(TABLE, "SQRT", X, summary="The square root.")(torch.sqrt)
elementwise(TABLE, "LN", X, summary="The natural logarithm.")(torch.log)
elementwise(TABLE, "LOG10", X, summary="The logarithm to base 10.")(torch.log10)
elementwise(TABLE, "SQRTPI", X, summary="The square root of a number times pi.")(lambda x: torch.sqrt(x * math.pi))
elementwise(TABLE, "POWER", X, number("power"), summary="A number to a power; as the operator ^.")(power)


@elementwise(TABLE, "LOG", X, number("base", 10.0), summary="The logarithm to a base.")
def log(x: Tensor, base: Tensor) -> Tensor | Checked:
    made: Tensor | Checked
    if base.numel() == 1 and float(base) in {2.0, 10.0}:
        return torch.log2(x) if float(base) == 2 else torch.log10(x)
    positive = (x.detach() > 0) & (base.detach() > 0)
    made = divide(torch.log(torch.where(positive, x, 1.0)), torch.log(torch.where(positive, base, 2.0)))
    quotient, fault = (made.number, made.fault) if isinstance(made, Checked) else (made, None)
    own = checked(quotient, (~positive, Error.NUM))
    return Checked(quotient, merged([own.fault, fault]))


@elementwise(TABLE, "MOD", X, number("divisor"), summary="The remainder, with the sign of the divisor.")
def mod(x: Tensor, divisor: Tensor) -> Checked:
    zero = divisor.detach() == 0
    by = torch.where(zero, 1.0, divisor)
    if bool(((x / by).detach().abs() >= 1.1259e12).any()):
        raise Unsupported("MOD: the quotient is so large that Excel gives up, at a limit that depends on its version")
    rest = torch.remainder(x, by)
    return checked(rest, (zero.expand(rest.shape), Error.DIV0))


@elementwise(TABLE, "QUOTIENT", X, number("denominator"), summary="The integer part of a division.")
def quotient(x: Tensor, denominator: Tensor) -> Tensor | Checked:
    made = divide(x, denominator)
    return Checked(made.number.trunc(), made.fault) if isinstance(made, Checked) else made.trunc()


def factorial(n: Tensor) -> Tensor:
    """N! from a table; NaN for a negative n and from 171! on."""
    known = torch.tensor([float(math.factorial(i)) for i in range(171)], dtype=torch.float64)
    inside = (n >= 0) & (n < 171)
    return torch.where(inside, known[torch.where(inside, n, 0.0).long()], float("nan"))


@elementwise(TABLE, "FACT", X, summary="The factorial.")
def fact(x: Tensor) -> Tensor:
    return factorial(torch.where(x.detach() < 0, -1.0, x.detach().trunc()))


@textual(TABLE, "FACTDOUBLE", X, summary="The double factorial n (n-2) (n-4) ...")
def factdouble(x: float) -> float | Error:
    n = math.trunc(x)
    if n < -1:
        return Error.NUM
    return float(math.prod(range(n, 0, -2))) if n <= 300 else Error.NUM


@textual(TABLE, "COMBIN", X, number("number_chosen"), summary="The number of combinations.")
def combin(n: float, k: float) -> float | Error:
    n, k = math.trunc(n), math.trunc(k)
    return choices(n, k) if 0 <= k <= n else Error.NUM


def choices(n: int, k: int) -> float | Error:
    """How many sets of k there are among n; it is at least 2^min(k, n - k)."""
    return exact(math.comb(n, k)) if min(k, n - k) < 1030 else Error.NUM


@textual(TABLE, "COMBINA", X, number("number_chosen"), summary="The number of combinations with repetitions.")
def combina(n: float, k: float) -> float | Error:
    n, k = math.trunc(n), math.trunc(k)
    if n < 0 or k < 0 or (n == 0 and k > 0):
        return Error.NUM
    return choices(n + k - 1, k) if n else 1.0


@textual(TABLE, "PERMUT", X, number("number_chosen"), summary="The number of permutations.")
def permut(n: float, k: float) -> float | Error:
    n, k = math.trunc(n), math.trunc(k)
    if not 0 <= k <= n or n <= 0:
        return Error.NUM
    return exact(math.perm(n, k)) if k <= 170 else Error.NUM  # at least k!


@textual(TABLE, "PERMUTATIONA", X, number("number_chosen"), summary="The number of permutations with repetitions.")
def permutationa(n: float, k: float) -> float | Error:
    n, k = math.trunc(n), math.trunc(k)
    if n < 0 or k < 0:
        return Error.NUM
    return exact(n**k) if n < 2 or k <= 1024 else Error.NUM


def exact(value: int) -> float | Error:
    """`value` as a number, #NUM! where it is too large."""
    try:
        return float(value)
    except OverflowError:
        return Error.NUM


def _sum(arguments: Sequence[Argument], texts: Texts) -> Array:
    """Each argument summed by itself, so that ranges shared by all lanes are not repeated for each."""
    total: Tensor | None = None
    faults = []
    for argument in arguments:
        part = collected(argument.array, texts, reference=argument.reference)
        made = part.number if part.number.shape[-2:] == (1, 1) else in_line(part.number).sum((-2, -1), keepdim=True)
        faults.append(first_fault(part.fault))
        total = made if total is None else total + made
    assert total is not None
    fault = merged(faults)
    if fault is not None and total.requires_grad:
        total = torch.where(fault == 0, total, 0.0)
    return array_of(total, fault)


declare(TABLE, Function("SUM", MANY, "The sum.", _sum))


@aggregate(TABLE, "PRODUCT", parameters=MANY, summary="The product; 0 of nothing.")
def product(sample: Sample) -> Tensor:
    return torch.where(sample.count == 0, 0.0, sample.chosen(sample.number, 1.0).prod(-1))


@aggregate(TABLE, "SUMSQ", parameters=MANY, summary="The sum of squares.")
def sumsq(sample: Sample) -> Tensor:
    return (sample.number * sample.number).sum(-1)


@aggregate(TABLE, "GCD", parameters=MANY, summary="The greatest common divisor.")
def gcd(sample: Sample) -> Tensor:
    return _folded(sample, math.gcd)


@aggregate(TABLE, "LCM", parameters=MANY, summary="The least common multiple.")
def lcm(sample: Sample) -> Tensor:
    return _folded(sample, math.lcm)


def _folded(sample: Sample, fold: object) -> Tensor:
    """`fold` over the integers of each lane; NaN for negative or too large ones."""
    rows = sample.chosen(sample.number.detach(), 0.0 if fold is math.gcd else 1.0).flatten(0, -2).tolist()
    made = []
    for row in rows:
        integers = [math.trunc(value) for value in row]
        folded = fold(*integers) if all(0 <= value < 2**53 for value in integers) else math.nan  # type: ignore[operator]
        made.append(float(folded) if 0 <= folded < 2**53 else float("nan"))
    return torch.tensor(made, dtype=torch.float64).reshape(sample.number.shape[:-1])


@aggregate(TABLE, "MULTINOMIAL", parameters=MANY, summary="The multinomial coefficient (a+b+...)! / (a! b! ...).")
def multinomial(sample: Sample) -> Tensor:
    values = sample.number.detach().trunc()
    made = []
    for row in values.flatten(0, -2).tolist():
        top, result = 0, 1
        for value in row:
            top += int(value)
            if value < 0 or min(int(value), top - int(value)) >= 1030 or result >= 2**1024:
                result = -1  # or at least 2^1030
                break
            result *= math.comb(top, int(value))
        value = exact(result)
        made.append(float("nan") if result < 0 or isinstance(value, Error) else value)
    return torch.tensor(made, dtype=torch.float64).reshape(sample.number.shape[:-1])


@aggregate(
    TABLE,
    "SERIESSUM",
    parameters=(number("x"), number("n"), number("m"), numbers("coefficients")),
    summary="A power series: the sum of a_i x^(n + (i-1) m).",
)
def seriessum(sample: Sample, x: Tensor, n: Tensor, m: Tensor) -> Tensor:
    step = torch.arange(sample.number.shape[-1], dtype=torch.float64)
    made = power(x.unsqueeze(-1), n.unsqueeze(-1) + step * m.unsqueeze(-1))
    terms = made.number if isinstance(made, Checked) else made
    return (terms * sample.number).sum(-1)


def sum_of_products(tensors: Sequence[Tensor]) -> Tensor:
    """The sum over rows and columns of the product of `tensors`: shape (*lanes, 1, 1).

    Two factors that belong to different lanes (a dense layer's fill) make one matrix product; the products for all
    pairs of lanes are never stored.
    """
    if len(tensors) == 2:
        left, right = (tensor.flatten(-2) for tensor in tensors)
        lanes = lanes_of([left, right], 1)
        outer = max(left.numel(), right.numel()) < math.prod(lanes) * left.shape[-1]
        if outer:
            return torch.einsum("...k,...k->...", left, right)[..., None, None]
        return in_line((left * right)[..., None, :]).sum(-1)[..., None]
    product = tensors[0]
    for tensor in tensors[1:]:
        product = product * tensor
    return in_line(product).sum((-2, -1), keepdim=True)


def _sumproduct(arguments: Sequence[Argument], _: Texts) -> Array:
    arrays = [argument.array for argument in arguments]
    if len({(given.rows, given.columns) for given in arrays}) > 1:
        return Array.of_error(Error.VALUE)
    fault = merged([first_fault(fault_of(given)) for given in arrays])
    tensors = [
        given.number if given.kind is None else torch.where(given.kind == int(Kind.NUMBER), given.number, 0.0)
        for given in arrays
    ]
    return array_of(sum_of_products(tensors), fault)


declare(
    TABLE,
    Function("SUMPRODUCT", (array("array", repeating=True),), "The sum of the products of arrays.", _sumproduct),
)


XY = (array("array_x"), array("array_y"))


@paired(TABLE, "SUMXMY2", parameters=XY, summary="The sum of squared differences of two arrays.")
def sumxmy2(x: Sample, y: Sample) -> Tensor:
    return (x.number - y.number).square().sum(-1)


@paired(TABLE, "SUMX2MY2", parameters=XY, summary="The sum of the differences of squares of two arrays.")
def sumx2my2(x: Sample, y: Sample) -> Tensor:
    return (x.number.square() - y.number.square()).sum(-1)


@paired(TABLE, "SUMX2PY2", parameters=XY, summary="The sum of the sums of squares of two arrays.")
def sumx2py2(x: Sample, y: Sample) -> Tensor:
    return (x.number.square() + y.number.square()).sum(-1)


@textual(TABLE, "PI", summary="Pi, 3.14159265358979.")
def pi() -> float:
    return math.pi
