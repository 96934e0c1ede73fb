"""Activation functions and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from xlparity.compiler.lower.elementwise import elementwise
from xlparity.compiler.lower.formula import Formula
from xlparity.compiler.lower.lowering import RULES, Lowering

__all__: list[str] = []

aten = torch.ops.aten

# EXP of more than 709 is #NUM!; e^-709 is 0 beside any other number.
_FORMULAS: Mapping[str, str] = {
    "relu.default": "MAX(self,0)",
    "sigmoid.default": "1/(1+EXP(-MAX(self,-709)))",
    "silu.default": "self/(1+EXP(-MAX(self,-709)))",
    "hardtanh.default": "MIN(MAX(self,min_val),max_val)",
    "leaky_relu.default": "IF(self>0,self,negative_slope*self)",
    "elu.default": "IF(self>0,scale*self,scale*alpha*(EXP(input_scale*self)-1))",
    "threshold.default": "IF(self>threshold,self,value)",
    "hardsigmoid.default": "MIN(MAX(self+3,0),6)/6",
    "hardswish.default": "self*MIN(MAX(self+3,0),6)/6",
    "hardshrink.default": "IF(ABS(self)<=lambd,0,self)",
    "softshrink.default": "IF(ABS(self)<=lambd,0,self-lambd*SIGN(self))",
    # their derivatives
    "threshold_backward.default": "IF(self>threshold,grad_output,0)",
    "sigmoid_backward.default": "grad_output*output*(1-output)",
    "tanh_backward.default": "grad_output*(1-output^2)",
    "hardshrink_backward.default": "IF(ABS(self)<=lambd,0,grad_out)",
    "softshrink_backward.default": "IF(ABS(self)<=lambd,0,grad_output)",
}

for _name, _text in _FORMULAS.items():
    elementwise(_name, _text, __name__)


@RULES.rule("gelu.default")
def _gelu(low: Lowering, self: Formula, *, approximate: str = "none") -> Formula:
    if approximate == "tanh":
        return low.formula("0.5*self*(1+TANH(factor*(self+0.044715*self^3)))", self=self, factor=math.sqrt(2 / math.pi))
    return low.formula("0.5*self*(1+ERF(self/SQRT(2)))", self=self)


@RULES.rule("softplus.default")
def _softplus(low: Lowering, self: Formula, beta: float = 1, threshold: float = 20) -> Formula:
    x = low.cells(self)
    scaled = x if beta == 1 else low.apply(aten.mul.Scalar, x, beta)
    power = low.cells(low.apply(aten.exp.default, low.apply(aten.clamp_max.default, scaled, threshold)))
    soft = low.apply(aten.log1p.default, power)
    return low.formula("IF(beta*x>threshold,x,soft/beta)", x=x, soft=soft, beta=beta, threshold=threshold)
