"""Special functions: of the gamma function, of the error function, and orthogonal polynomials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from xlparity.compiler.lower.elementwise import elementwise
from xlparity.compiler.lower.formula import Formula
from xlparity.compiler.lower.index import line_of
from xlparity.compiler.lower.lowering import RULES, Lowering

__all__: list[str] = []

_INTO = 100  # parts that an integral is cut into

aten = torch.ops.aten

_FORMULAS: Mapping[str, str] = {
    "special_ndtri.default": "NORMSINV(self)",
    "erfinv.default": "NORMSINV((self+1)/2)/SQRT(2)",
    "special_erfcx.default": "EXP(self^2)*ERFC(self)",
    "special_spherical_bessel_j0.default": "IF(x=0,1,SIN(x)/x)",
    "igamma.default": "IF(other=0,0,GAMMADIST(other,self,1,TRUE))",
    "igammac.default": "IF(other=0,1,1-GAMMADIST(other,self,1,TRUE))",
}

for _name, _text in _FORMULAS.items():
    elementwise(_name, _text, __name__)


@RULES.rule("lgamma.default")
def _lgamma(low: Lowering, self: Formula) -> Formula:
    # GAMMALN takes positive numbers only; below 0 the reflection formula, of the distance to the next whole number.
    text = "IF(x>0,GAMMALN(x),LN(PI()/ABS(SIN(PI()*(x-INT(x)))))-GAMMALN(1-x))"
    return low.formula(text, x=self)


# From a number on that is large enough the series in 1/x^2 holds to the last digit; up to there term by term.
_STEPS = 25
_FIRST = ",".join(str(at) for at in range(_STEPS))
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


@RULES.rule("digamma.default")
def _digamma(low: Lowering, self: Formula) -> Formula:
    x = low.cells(self)
    series = "".join(
        f"{'-' if number > 0 else '+'}{_quotient(abs(number) / (2 * at))}/(x+{_STEPS})^{2 * at}"
        for at, number in enumerate(_BERNOULLI, 1)
    )
    text = f"IF(x>-10,LN(x+{_STEPS})-1/(2*(x+{_STEPS})){series}-SUMPRODUCT(1/(x+{{{_FIRST}}})),NA())"
    return low.formula(text, x=x)


@RULES.rule("polygamma.default")
def _polygamma(low: Lowering, n: int, self: Formula) -> Formula:
    if n == 0:
        return _digamma(low, self)  # type: ignore[no-any-return]
    x = low.cells(self)
    if n == 1:
        # The series that torch itself takes, which ends after three terms and has ten digits.
        far = f"aten.maximum.default({x.torch}, 1 - {x.operand})"
        y = low.place(low.formula("MAX(x,1-x)", x=x).spelled(far))
        series = "(1+1/(2*(y+6))+(1/6-(1/30-1/42/(y+6)^2)/(y+6)^2)/(y+6)^2)/(y+6)"
        total = low.formula(f"SUMPRODUCT(1/(y+{{0,1,2,3,4,5}})^2)+{series}", y=y)
        total = low.place(total.spelled(f"aten.polygamma.default(1, {y.torch})"))
        return low.formula("IF(x<0.5,(PI()/SIN(PI()*x))^2-total,total)", x=x, total=total)
    sign = -1 if n % 2 == 0 else 1
    return low.formula("factor*zeta", factor=sign * float(math.factorial(n)), zeta=_zeta(low, n + 1, x))


@RULES.rule("special_zeta.default", "special_zeta.self_scalar", "special_zeta.other_scalar")
def _hurwitz(low: Lowering, self: Any, other: Any) -> Formula:
    return _zeta(low, self, other)


def _zeta(low: Lowering, s: Any, q: Any) -> Formula:
    """The sum of (q + k)^-s over k from 0: the first terms, and the rest by Euler and Maclaurin."""
    s = low.cells(s) if isinstance(s, Formula) else float(s)
    q = low.cells(q) if isinstance(q, Formula) else float(q)
    z = f"(q+{_STEPS})"
    words = [f"SUMPRODUCT((q+{{{_FIRST}}})^(-s))", f"{z}^(1-s)/(s-1)", f"{z}^(-s)/2"]
    text = "+".join(words)
    for at, number in enumerate(_BERNOULLI[:6], 1):
        rising = "*".join(["s", *(f"(s+{step})" for step in range(1, 2 * at - 1))])
        coefficient = _quotient(abs(number) / math.factorial(2 * at))
        text += f"{'+' if number > 0 else '-'}{coefficient}*{rising}*{z}^(-s-{2 * at - 1})"
    return low.formula(f"IF(OR(q<=-10,s<=1,AND(q<=0,s<>INT(s))),NA(),{text})", s=s, q=q)


def _quotient(value: float) -> str:
    """A coefficient: 1/12 rather than its digits where it is the inverse of a whole number."""
    inverse = round(1 / value)
    return f"1/{inverse}" if abs(1 / value - inverse) < 1e-9 * inverse and inverse < 1e9 else repr(value).upper()


# -- Bessel functions --------------------------------------------------------------------------------------------------

# Their integrals over a period, as means over `angle`, are exact to the last digits while the argument is not much
# larger than the number of parts; Excel's own BESSELI has eight digits. (Of J0 and J1 torch itself has only eight: it
# gives -0.26005195491 for J0(3) = -0.26005195490, so no exact formula gives its values.)
_BESSEL: Mapping[str, tuple[float, str]] = {
    "i0": (700, "SUMPRODUCT(EXP(x*COS(angle)))"),
    "special_i0e": (700, "SUMPRODUCT(EXP(x*COS(angle)-ABS(x)))"),
    "special_i1": (700, "SUMPRODUCT(SINH(x*COS(angle)),COS(angle))"),
    "special_i1e": (700, "SUMPRODUCT(SINH(x*COS(angle)),COS(angle))*EXP(-ABS(x))"),
    "special_modified_bessel_i0": (700, "SUMPRODUCT(EXP(x*COS(angle)))"),
    "special_modified_bessel_i1": (700, "SUMPRODUCT(SINH(x*COS(angle)),COS(angle))"),
}


def _bessel(name: str, most: float, total: str) -> None:
    text = f"IF(ABS(x)>{most},NA(),{total}/{_INTO})".replace("angle", f"PI()*(number-0.5)/{_INTO}")

    @RULES.rule(f"{name}.default")
    def rule(low: Lowering, self: Formula) -> Formula:
        x = low.cells(self)
        return low.formula(text, shape=x.shape, dtype=x.dtype, x=x, number=line_of(low, low.numbers(1, _INTO)))


for _name, (_most, _text) in _BESSEL.items():
    _bessel(_name, _most, _text)


@RULES.rule("special_modified_bessel_k0.default", "special_modified_bessel_k1.default",
            "special_scaled_modified_bessel_k0.default", "special_scaled_modified_bessel_k1.default")  # fmt: skip
def _decaying_bessel(low: Lowering, x: Formula) -> Formula:
    """The integral of EXP(-x COSH(t)), or of COSH(t) times it, up to where it ends for a float."""
    assert low.node is not None
    name = low.node.operation.overloadpacket.__name__
    x = low.cells(x)
    step = low.formula(f"IF(x<0.0000001,NA(),ACOSH(1+40/x)/{_INTO})", x=x)
    step = low.place(step.spelled(f"aten.acosh.default(1 + 40 / {x.operand}) / {_INTO}"), low.name_beside("step"))
    factor = ",COSH(step*number)" if name.endswith("k1") else ""
    text = f"step*(0.5+SUMPRODUCT(EXP(-2*x*SINH(step*number/2)^2){factor}))"
    text = f"IF(x=0,1E+300,{text}{'' if 'scaled' in name else '*EXP(-x)'})"
    numbers = line_of(low, low.numbers(1, _INTO))
    return low.formula(text, shape=x.shape, dtype=x.dtype, x=x, step=step, number=numbers)


# -- polynomials -------------------------------------------------------------------------------------------------------

# Chebyshev's of the four kinds by COS within -1 and 1, by COSH outside: (at 1 and -1, inside, above 1, below -1).
_CHEBYSHEV: Mapping[str, tuple[str, str, str, str]] = {
    "t": ("1", "COS(n*ACOS(x))", "COSH(n*ACOSH(x))", "COSH(n*ACOSH(-x))"),
    "u": ("n+1", "SIN((n+1)*ACOS(x))/SIN(ACOS(x))", "SINH((n+1)*ACOSH(x))/SINH(ACOSH(x))",
          "SINH((n+1)*ACOSH(-x))/SINH(ACOSH(-x))"),
    "v": ("IF(x>0,1,2*n+1)", "COS((n+0.5)*ACOS(x))/COS(ACOS(x)/2)", "COSH((n+0.5)*ACOSH(x))/COSH(ACOSH(x)/2)",
          "SINH((n+0.5)*ACOSH(-x))/SINH(ACOSH(-x)/2)"),
    "w": ("IF(x>0,2*n+1,1)", "SIN((n+0.5)*ACOS(x))/SIN(ACOS(x)/2)", "SINH((n+0.5)*ACOSH(x))/SINH(ACOSH(x)/2)",
          "COSH((n+0.5)*ACOSH(-x))/COSH(ACOSH(-x)/2)"),
}  # fmt: skip


def _chebyshev(kind: str, shifted: bool) -> None:
    edge, inside, above, below = _CHEBYSHEV[kind]
    text = (
        f"IF(n<0,0,IF(x>1,{above},IF(x>=-1,IF(ABS(x)=1,IF(AND(x<0,MOD(n,2)=1),-1,1)*({edge}),{inside}),"
        f"IF(MOD(n,2)=1,-1,1)*{below})))"
    )
    name = f"special_{'shifted_' if shifted else ''}chebyshev_polynomial_{kind}"

    @RULES.rule(f"{name}.default", f"{name}.x_scalar", f"{name}.n_scalar")
    def rule(low: Lowering, x: Any, n: Any) -> Formula:
        if shifted and isinstance(x, Formula):
            word = f"2 * {x.operand} - 1" if x.torch else ""
            x = low.formula("2*x-1", x=x).spelled(word, atom=False)
        elif shifted:
            x = 2 * x - 1
        if isinstance(n, Formula):
            n = low.formula("TRUNC(n)", n=n).spelled(f"aten.trunc.default({n.torch})") if "float" in n.dtype else n
            n = low.cells(n)
        else:
            n = int(n)
        x = low.cells(x) if isinstance(x, Formula) else x
        return low.formula(text, x=x, n=n)


for _name in _CHEBYSHEV:
    _chebyshev(_name, shifted=False)
    _chebyshev(_name, shifted=True)
