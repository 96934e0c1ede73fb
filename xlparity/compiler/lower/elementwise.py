"""Operations on each element by itself: the formula, with the operation's own argument names.

Booleans stand in cells as 1 and 0, so that sums and products of masks are what they are in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch._ops import OpOverload

from xlparity.compiler.lower.formula import LOWEST, Formula, block_of
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.formula.ast import Name, walk
from xlparity.formula.parse import parse

__all__ = ["bound", "broadcast_shape", "elementwise"]

aten = torch.ops.aten

_FORMULAS: Mapping[str, str] = {
    # arithmetic
    "sub.Tensor": "self-alpha*other",
    "sub.Scalar": "self-alpha*other",
    "rsub.Tensor": "other-alpha*self",
    "rsub.Scalar": "other-alpha*self",
    "mul.Tensor": "self*other",
    "mul.Scalar": "self*other",
    "div.Tensor": "self/other",
    "div.Scalar": "self/other",
    "neg.default": "-self",
    "reciprocal.default": "1/self",
    "abs.default": "ABS(self)",
    "sign.default": "SIGN(self)",
    "sqrt.default": "SQRT(self)",
    "rsqrt.default": "1/SQRT(self)",
    "exp.default": "EXP(self)",
    "exp2.default": "2^self",
    "log2.default": "LN(self)/LN(2)",
    "log10.default": "LOG10(self)",
    "sin.default": "SIN(self)",
    "cos.default": "COS(self)",
    "tan.default": "TAN(self)",
    "asin.default": "ASIN(self)",
    "acos.default": "ACOS(self)",
    "atan.default": "ATAN(self)",
    "sinh.default": "SINH(self)",
    "cosh.default": "COSH(self)",
    "tanh.default": "TANH(self)",
    "asinh.default": "ASINH(self)",
    "acosh.default": "ACOSH(self)",
    "atanh.default": "ATANH(self)",
    "erf.default": "ERF(self)",
    "floor.default": "INT(self)",
    "ceil.default": "-INT(-self)",
    "trunc.default": "TRUNC(self)",
    "frac.default": "self-TRUNC(self)",
    # half to even, which no function of Excel does
    "round.default": "INT(self)+IF(self-INT(self)=0.5,MOD(INT(self),2),IF(self-INT(self)>0.5,1,0))",
    "erfc.default": "ERFC(self)",
    "maximum.default": "MAX(self,other)",
    "minimum.default": "MIN(self,other)",
    "clamp_min.default": "MAX(self,min)",
    "clamp_min.Tensor": "MAX(self,min)",
    "clamp_max.default": "MIN(self,max)",
    "clamp_max.Tensor": "MIN(self,max)",
    "fmax.default": "MAX(self,other)",
    "fmin.default": "MIN(self,other)",
    "fmod.Tensor": "self-other*TRUNC(self/other)",
    "fmod.Scalar": "self-other*TRUNC(self/other)",
    "remainder.Tensor": "self-other*INT(self/other)",
    "remainder.Scalar": "self-other*INT(self/other)",
    "remainder.Scalar_Tensor": "self-other*INT(self/other)",
    "floor_divide.default": "INT(self/other)",
    "square.default": "self^2",
    "sgn.default": "SIGN(self)",
    "positive.default": "self",
    "angle.default": "IF(self<0,PI(),0)",
    "hypot.default": "SQRT(SUMSQ(self,other))",
    "atan2.default": "IF(AND(self=0,other=0),0,ATAN2(other,self))",
    "copysign.Tensor": "IF(other<0,-ABS(self),ABS(self))",
    "copysign.Scalar": "IF(other<0,-ABS(self),ABS(self))",
    "heaviside.default": "IF(self=0,values,IF(self>0,1,0))",
    "gcd.default": "GCD(ABS(self),ABS(other))",
    "lcm.default": "IF(AND(self<>0,other<>0),LCM(ABS(self),ABS(other)),0)",
    "bitwise_left_shift.Tensor": "self*2^other",
    "bitwise_left_shift.Tensor_Scalar": "self*2^other",
    "bitwise_right_shift.Tensor": "INT(self/2^other)",
    "bitwise_right_shift.Tensor_Scalar": "INT(self/2^other)",
    "__lshift__.Tensor": "self*2^other",
    "__lshift__.Scalar": "self*2^other",
    "__rshift__.Tensor": "INT(self/2^other)",
    "__rshift__.Scalar": "INT(self/2^other)",
    "addcmul.default": "self+value*tensor1*tensor2",
    "addcdiv.default": "self+value*tensor1/tensor2",
    "lerp.Scalar": "self+weight*(end-self)",
    # choices and comparisons
    "where.self": "IF(condition=0,other,self)",
    "eq.Scalar": "IF(self=other,1,0)",
    "eq.Tensor": "IF(self=other,1,0)",
    "ne.Scalar": "IF(self<>other,1,0)",
    "ne.Tensor": "IF(self<>other,1,0)",
    "lt.Scalar": "IF(self<other,1,0)",
    "lt.Tensor": "IF(self<other,1,0)",
    "le.Scalar": "IF(self<=other,1,0)",
    "le.Tensor": "IF(self<=other,1,0)",
    "gt.Scalar": "IF(self>other,1,0)",
    "gt.Tensor": "IF(self>other,1,0)",
    "ge.Scalar": "IF(self>=other,1,0)",
    "ge.Tensor": "IF(self>=other,1,0)",
    # of numbers that stand in cells: an error stays an error, infinity is 1E+300
    "isinf.default": "IF(ABS(self)<1E+300,0,1)",
    "isfinite.default": "IF(ABS(self)<1E+300,1,0)",
    "isposinf.default": "IF(self<1E+300,0,1)",
    "isneginf.default": "IF(self>-1E+300,0,1)",
    "signbit.default": "IF(self<0,1,0)",
    "logical_not.default": "IF(self=0,1,0)",
    "logical_and.default": "IF(AND(self<>0,other<>0),1,0)",
    "logical_or.default": "IF(OR(self<>0,other<>0),1,0)",
    "logical_xor.default": "IF((self<>0)=(other<>0),0,1)",
}
# Results that are booleans whatever the operands are.
_BOOLEAN = set(
    (
        "eq ne lt le gt ge logical_not logical_and logical_or logical_xor isinf isfinite isposinf isneginf signbit"
    ).split()
)
# Torch's bitwise operations on booleans; on integers Excel has them for no negative numbers.
_BITWISE = {
    "bitwise_not.default": "logical_not",
    "bitwise_and.Tensor": "logical_and",
    "bitwise_or.Tensor": "logical_or",
    "bitwise_xor.Tensor": "logical_xor",
}


def _overload(name: str) -> OpOverload:
    packet, overload = name.split(".")
    found = getattr(getattr(aten, packet), overload)
    assert isinstance(found, OpOverload)
    return found


def bound(operation: OpOverload, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of `operation` by name, its defaults filled in."""
    values: dict[str, Any] = {}
    for at, argument in enumerate(operation._schema.arguments):
        if at < len(arguments):
            values[argument.name] = arguments[at]
        elif argument.name in keywords:
            values[argument.name] = keywords[argument.name]
        else:
            values[argument.name] = argument.default_value
    return values


def elementwise(name: str, text: str, family: str = __name__) -> None:
    """Add the rule that `name` is `text`, element by element; `family` is the module that it is listed with."""
    operation = _overload(name)
    known = {argument.name for argument in operation._schema.arguments}
    assert {part.name for part in walk(parse(text)) if isinstance(part, Name)} <= known, f"{name}: {text}"
    dtype = "bool" if name.split(".", maxsplit=1)[0] in _BOOLEAN else ""

    def rule(low: Lowering, *arguments: Any, **keywords: Any) -> Formula:
        values = bound(operation, arguments, keywords)
        used = {key: value for key, value in values.items() if isinstance(value, Formula | int | float)}
        return low.formula(text, dtype=dtype, **used)

    rule.__module__ = family
    RULES.add(name, rule)


for _name, _text in _FORMULAS.items():
    elementwise(_name, _text)


@RULES.rule("isnan.default")
def _isnan(low: Lowering, self: Formula) -> Formula:
    """No cell holds NaN: where torch computes one, the cell shows an error; numbers that are typed in are numbers."""
    typed = self.cells is not None and all(
        low.blocks[number - 1].values is not None for number in np.unique(block_of(self.cells)).tolist() if number
    )
    return low.formula("0" if typed else "IF(ISERROR(self),1,0)", self=self, dtype="bool")


@RULES.rule("bitwise_and.Scalar")
def _lowest_bits(low: Lowering, self: Formula, other: int) -> Formula:
    if self.dtype == "bool" or other < 0 or other & (other + 1):
        raise low.refusal(f"aten.bitwise_and of integers with {other} has no formula", "use torch.remainder")
    return low.formula("MOD(self,size)", self=self, size=other + 1)


@RULES.rule("frexp.Tensor")
def _parts_of_float(low: Lowering, self: Formula) -> tuple[Formula, Formula]:
    x = low.cells(self)
    near = low.formula("IF(x=0,0,INT(LN(ABS(x))/LN(2)))", x=x)
    near = low.place(near.spelled(f"aten.where.ScalarSelf({x.operand} == 0, 0, aten.floor.default(aten.log2.default("
                                  f"aten.abs.default({x.torch}))))"), low.name_beside("near"))  # fmt: skip
    # The logarithm of what is next to a power of two may be off by a digit, and so its whole part by one.
    text = "IF(x=0,0,near+IF(ABS(x)/2^near<1,0,IF(ABS(x)/2^near<2,1,2)))"
    exponent = low.formula(text, x=x, near=near, dtype="int32")
    exponent = low.place(exponent.spelled(f"aten.frexp.Tensor({x.torch})[1]"), low.output(1)[1])
    return low.formula("x/2^exponent", x=x, exponent=exponent, dtype=x.dtype), exponent


def _bitwise(name: str, logical: str) -> None:
    def rule(low: Lowering, *arguments: Formula) -> Any:
        if any(part.dtype != "bool" for part in arguments):
            raise low.refusal(f"aten.{name} on integers has no formula", "use logical operations")
        return low.apply(getattr(aten, logical).default, *arguments)

    RULES.add(name, rule)


for _name, _text in _BITWISE.items():
    _bitwise(_name, _text)


@RULES.rule("add.Tensor", "add.Scalar")
def _add(low: Lowering, self: Any, other: Any, *, alpha: Any = 1) -> Any:
    if isinstance(other, Formula) and isinstance(self, Formula) and self.dtype == other.dtype == "bool":
        return low.apply(aten.logical_or.default, self, other)  # the sum of booleans is a boolean
    return low.formula("self+alpha*other", self=self, other=other, alpha=alpha)


@RULES.rule("pow.Tensor_Scalar")
def _power(low: Lowering, self: Formula, exponent: float) -> Formula:
    if exponent == 0:
        return low.formula("1+0*self", self=self)
    return low.formula("self^exponent", self=self, exponent=exponent)


@RULES.rule("pow.Tensor_Tensor", "pow.Scalar")
def _power_of(low: Lowering, self: Any, exponent: Formula) -> Formula:
    # Excel's 0^0 is #NUM!, torch's is 1.
    if not isinstance(self, Formula) and self != 0:
        return low.formula("self^exponent", self=self, exponent=exponent)
    return low.formula("IF(exponent=0,1,self^exponent)", self=self, exponent=exponent)


@RULES.rule("clamp.default", "clamp.Tensor")
def _clamp(low: Lowering, self: Formula, min: Any = None, max: Any = None) -> Formula:
    if min is not None and max is not None:
        return low.formula("MIN(MAX(self,least),most)", self=self, least=min, most=max)
    if min is not None:
        return low.formula("MAX(self,least)", self=self, least=min)
    return low.formula("MIN(self,most)", self=self, most=max)


@RULES.rule("div.Tensor_mode", "div.Scalar_mode")
def _divided(low: Lowering, self: Formula, other: Any, *, rounding_mode: str | None = None) -> Formula:
    text = {None: "self/other", "floor": "INT(self/other)", "trunc": "TRUNC(self/other)"}[rounding_mode]
    return low.formula(text, self=self, other=other)


@RULES.rule("round.decimals")
def _rounded(low: Lowering, self: Formula, *, decimals: int) -> Formula:
    if decimals == 0:
        return _round(low, self)
    scale = 10.0 ** abs(decimals)
    scaled = low.formula("self*scale" if decimals > 0 else "self/scale", self=self, scale=scale)
    sign = "*" if decimals > 0 else "/"
    placed = low.place(scaled.spelled(f"{self.operand} {sign} {scale!r}", atom=False)) if self.torch else scaled
    return low.formula("whole/scale" if decimals > 0 else "whole*scale", whole=_round(low, placed), scale=scale)


def _round(low: Lowering, self: Formula) -> Formula:
    return low.formula(_FORMULAS["round.default"], self=self)


@RULES.rule("log.default")
def _log(low: Lowering, self: Formula) -> Formula:
    if low.may_be_infinite():  # as the sum of powers is 0 where all scores are masked away
        return low.formula("IF(self=0,lowest,LN(self))", self=self, lowest=LOWEST)
    return low.formula("LN(self)", self=self)


@RULES.rule("log1p.default")
def _log1p(low: Lowering, self: Formula) -> Formula:
    # LN(1+x) loses the digits of a small x; the quotient brings back what rounding took from 1+x (Goldberg 1991,
    # theorem 4). Below 4E-15 Excel and LibreOffice take 1+x-1 for 0; there x itself is the value, to 14 digits.
    return low.formula("IF(ABS(self)<0.00000000000001,self,self*LN(1+self)/(1+self-1))", self=self)


@RULES.rule("expm1.default")
def _expm1(low: Lowering, self: Formula) -> Formula:
    # 2 SINH(x/2) EXP(x/2) has no difference of near numbers as EXP(x)-1 has.
    return low.formula("2*SINH(self/2)*EXP(self/2)", self=self)


@RULES.rule("full_like.default", "ones_like.default", "zeros_like.default")
def _like(low: Lowering, self: Formula, fill_value: float | None = None, **_keywords: Any) -> Formula:
    from xlparity.compiler.lower.formula import uniform  # noqa: PLC0415

    assert low.node is not None
    value = fill_value if fill_value is not None else float(low.node.operation.overloadpacket.__name__ == "ones_like")
    return uniform(float(value), self.shape, self.dtype, "")


def broadcast_shape(*parts: Formula) -> tuple[int, ...]:
    """The shape of elementwise results."""
    return tuple(np.broadcast_shapes(*(part.shape for part in parts)))
