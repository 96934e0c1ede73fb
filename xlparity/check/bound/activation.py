"""Rules of activation functions and of their derivatives, as the operations that they are made of.

Spelled out here although torch could decompose most of them: its spelling needs more operations, and so a wider bound.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import torch

from xlparity.check.bound.ball import Ball, Rule
from xlparity.model.table import Table

__all__ = ["ACTIVATION"]

ACTIVATION: Table[str, Rule] = Table("rules of activation functions")


def _sure_below(operand: Any, limit: float) -> Any:
    """`operand`, where it is no more than `limit`, else `limit`: for the branch that is not taken beyond it."""
    return torch.clamp(operand, max=limit)


@ACTIVATION.rule("silu", "silu_")
def _silu(func: Any, x: Ball) -> Any:
    return x * torch.sigmoid(x)


@ACTIVATION.rule("silu_backward")
def _silu_backward(func: Any, gradient: Any, x: Any) -> Any:
    gate = torch.sigmoid(x)
    return gradient * (gate * (1 + x * (1 - gate)))


@ACTIVATION.rule("sigmoid_backward")
def _sigmoid_backward(func: Any, gradient: Any, output: Any) -> Any:
    return gradient * ((1 - output) * output)


@ACTIVATION.rule("tanh_backward")
def _tanh_backward(func: Any, gradient: Any, output: Any) -> Any:
    return gradient * (1 - output * output)


@ACTIVATION.rule("softplus")
def _softplus(func: Any, x: Ball, beta: float = 1, threshold: float = 20) -> Any:
    scaled = x * beta if beta != 1 else x
    curve = torch.log1p(torch.exp(_sure_below(scaled, threshold)))
    # Beyond the threshold the line is the curve but for exp(-threshold).
    return torch.where(scaled > threshold, x, curve / beta if beta != 1 else curve)


@ACTIVATION.rule("softplus_backward")
def _softplus_backward(func: Any, gradient: Any, x: Any, beta: float, threshold: float) -> Any:
    scaled = x * beta if beta != 1 else x
    return torch.where(scaled > threshold, gradient, gradient * torch.sigmoid(_sure_below(scaled, threshold)))


@ACTIVATION.rule("log_sigmoid_forward")
def _log_sigmoid(func: Any, x: Ball) -> Any:
    # min(0, x) - log(1 + exp(-|x|))
    tail = torch.exp(-torch.abs(x))
    return torch.clamp(x, max=0) - torch.log1p(tail), tail


@ACTIVATION.rule("log_sigmoid_backward")
def _log_sigmoid_backward(func: Any, gradient: Any, x: Any, tail: Any) -> Any:
    share = tail / (1 + tail)  # of what log_sigmoid_forward left: exp(-|x|)
    return gradient * torch.where(x < 0, 1 - share, share)


@ACTIVATION.rule("mish")
def _mish(func: Any, x: Ball) -> Any:
    return x * torch.tanh(_softplus(None, x))


@ACTIVATION.rule("mish_backward")
def _mish_backward(func: Any, gradient: Any, x: Any) -> Any:
    bent = torch.tanh(_softplus(None, x))
    return gradient * (bent + x * torch.sigmoid(x) * (1 - bent * bent))


@ACTIVATION.rule("gelu")
def _gelu(func: Any, x: Ball, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(_gelu_inner(x)))
    return 0.5 * x * (1 + torch.erf(x * sqrt(0.5)))


def _gelu_inner(x: Any) -> Any:
    return sqrt(2 / pi) * (x + 0.044715 * x**3)


@ACTIVATION.rule("gelu_backward")
def _gelu_backward(func: Any, gradient: Any, x: Any, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        bent = torch.tanh(_gelu_inner(x))
        slope = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)
        return gradient * (0.5 * (1 + bent) + 0.5 * x * (1 - bent * bent) * slope)
    density = torch.exp(x * x * -0.5) * (1 / sqrt(2 * pi))
    return gradient * (0.5 * (1 + torch.erf(x * sqrt(0.5))) + x * density)


@ACTIVATION.rule("elu", "elu_")
def _elu(func: Any, x: Ball, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    below = _sure_below(x * input_scale if input_scale != 1 else x, 0)
    curve = torch.expm1(below) * (alpha * scale)
    return torch.where(x > 0, x * scale if scale != 1 else x, curve)


@ACTIVATION.rule("elu_backward")
def _elu_backward(
    func: Any, gradient: Any, alpha: float, scale: float, input_scale: float, is_result: bool, x: Any
) -> Any:
    if is_result:
        curve = gradient * (input_scale * (x + alpha * scale))
    else:
        curve = gradient * (input_scale * alpha * scale * torch.exp(_sure_below(x * input_scale, 0)))
    return torch.where(x <= 0, curve, gradient * scale)


@ACTIVATION.rule("celu")
def _celu(func: Any, x: Ball, alpha: float = 1) -> Any:
    return _elu(func, x, alpha, 1, 1 / alpha)


@ACTIVATION.rule("leaky_relu", "leaky_relu_")
def _leaky_relu(func: Any, x: Ball, slope: float = 0.01) -> Any:
    return torch.where(x > 0, x, x * slope)


@ACTIVATION.rule("leaky_relu_backward")
def _leaky_relu_backward(func: Any, gradient: Any, x: Any, slope: float, _is_result: bool) -> Any:
    return torch.where(x > 0, gradient, gradient * slope)


@ACTIVATION.rule("_prelu_kernel")
def _prelu(func: Any, x: Any, weight: Any) -> Any:
    return torch.where(x > 0, x, weight * x)


@ACTIVATION.rule("_prelu_kernel_backward")
def _prelu_backward(func: Any, gradient: Any, x: Any, weight: Any) -> Any:
    to_x = torch.where(x > 0, gradient, weight * gradient)
    return to_x, torch.where(x > 0, 0.0, x * gradient)


@ACTIVATION.rule("hardtanh_backward")
def _hardtanh_backward(func: Any, gradient: Any, x: Any, least: float, most: float) -> Any:
    return torch.where((x <= least) | (x >= most), 0.0, gradient)


@ACTIVATION.rule("hardsigmoid")
def _hardsigmoid(func: Any, x: Ball) -> Any:
    return torch.clamp(x + 3, 0, 6) / 6


@ACTIVATION.rule("hardsigmoid_backward")
def _hardsigmoid_backward(func: Any, gradient: Any, x: Any) -> Any:
    # Torch's kernel takes 1/6 in float32, whatever the dtype; its decomposition does not.
    sixth = torch.tensor(1 / 6, dtype=gradient.dtype)
    off = torch.tensor(abs(float(torch.tensor(1 / 6, dtype=torch.float32)) - 1 / 6), dtype=torch.float64)
    return torch.where((x > -3) & (x < 3), gradient * Ball(sixth, off), 0.0)


@ACTIVATION.rule("hardswish", "hardswish_")
def _hardswish(func: Any, x: Ball) -> Any:
    return x * torch.clamp(x + 3, 0, 6) / 6


@ACTIVATION.rule("hardswish_backward")
def _hardswish_backward(func: Any, gradient: Any, x: Any) -> Any:
    inside = torch.where(x < 3, gradient * (x / 3 + 0.5), gradient)
    return torch.where(x <= -3, 0.0, inside)


@ACTIVATION.rule("softshrink")
def _softshrink(func: Any, x: Ball, limit: float = 0.5) -> Any:
    return torch.where(x > limit, x - limit, torch.where(x < -limit, x + limit, 0.0))


@ACTIVATION.rule("hardshrink")
def _hardshrink(func: Any, x: Ball, limit: float = 0.5) -> Any:
    return torch.where((x >= -limit) & (x <= limit), 0.0, x)


@ACTIVATION.rule("softshrink_backward", "hardshrink_backward")
def _shrink_backward(func: Any, gradient: Any, x: Any, limit: float) -> Any:
    return torch.where((x >= -limit) & (x <= limit), 0.0, gradient)


@ACTIVATION.rule("glu")
def _glu(func: Any, x: Ball, dim: int = -1) -> Any:
    first, second = x.chunk(2, dim)
    return first * torch.sigmoid(second)


@ACTIVATION.rule("glu_backward")
def _glu_backward(func: Any, gradient: Any, x: Any, dim: int) -> Any:
    first, second = x.chunk(2, dim)
    gate = torch.sigmoid(second)
    return torch.cat([gradient * gate, gradient * first * ((1 - gate) * gate)], dim)
