"""Rules of losses and of their derivatives, as the operations that they are made of."""

from __future__ import annotations

from typing import Any

import torch

from xlparity.check.bound.ball import Rule
from xlparity.model.table import Table

__all__ = ["LOSS"]

LOSS: Table[str, Rule] = Table("rules of losses")

_MEAN, _SUM = 1, 2  # torch's numbers of the reductions; 0 is none


def _reduced(losses: Any, reduction: int) -> Any:
    return losses.mean() if reduction == _MEAN else losses.sum() if reduction == _SUM else losses


def _share(gradient: Any, losses: Any, reduction: int) -> Any:
    """The gradient of each loss, from that of the reduced one."""
    return gradient * (1 / losses.numel()) if reduction == _MEAN else gradient


@LOSS.rule("mse_loss")
def _mse_loss(func: Any, prediction: Any, target: Any, reduction: int = _MEAN) -> Any:
    return _reduced((prediction - target) ** 2, reduction)


@LOSS.rule("mse_loss_backward")
def _mse_loss_backward(func: Any, gradient: Any, prediction: Any, target: Any, reduction: int) -> Any:
    factor = 2 / prediction.numel() if reduction == _MEAN else 2
    return gradient * ((prediction - target) * factor)


@LOSS.rule("smooth_l1_loss")
def _smooth_l1(func: Any, prediction: Any, target: Any, reduction: int = _MEAN, beta: float = 1.0) -> Any:
    away = (prediction - target).abs()
    if beta == 0:
        return _reduced(away, reduction)
    return _reduced(torch.where(away < beta, 0.5 * away * away / beta, away - 0.5 * beta), reduction)


@LOSS.rule("smooth_l1_loss_backward")
def _smooth_l1_backward(func: Any, gradient: Any, prediction: Any, target: Any, reduction: int, beta: float) -> Any:
    away = prediction - target
    slope = torch.sign(away) if beta == 0 else torch.clamp(away / beta, -1, 1)
    return _share(gradient, away, reduction) * slope


@LOSS.rule("huber_loss")
def _huber(func: Any, prediction: Any, target: Any, reduction: int = _MEAN, delta: float = 1.0) -> Any:
    away = (prediction - target).abs()
    return _reduced(torch.where(away <= delta, 0.5 * away * away, delta * (away - 0.5 * delta)), reduction)


@LOSS.rule("huber_loss_backward")
def _huber_backward(func: Any, gradient: Any, prediction: Any, target: Any, reduction: int, delta: float) -> Any:
    away = prediction - target
    return _share(gradient, away, reduction) * torch.clamp(away, -delta, delta)


@LOSS.rule("binary_cross_entropy")
def _cross_entropy(func: Any, p: Any, target: Any, weight: Any = None, reduction: int = _MEAN) -> Any:
    # Torch keeps each logarithm at -100 or above.
    yes, no = torch.clamp(torch.log(p), min=-100), torch.clamp(torch.log1p(-p), min=-100)
    losses = (target - 1) * no - target * yes
    return _reduced(losses if weight is None else losses * weight, reduction)


@LOSS.rule("binary_cross_entropy_backward")
def _cross_entropy_backward(
    func: Any, gradient: Any, p: Any, target: Any, weight: Any = None, reduction: int = _MEAN
) -> Any:
    slope = (p - target) / torch.clamp(p * (1 - p), min=1e-12)
    return _share(gradient, p, reduction) * (slope if weight is None else slope * weight)


@LOSS.rule("soft_margin_loss")
def _soft_margin(func: Any, prediction: Any, target: Any, reduction: int = _MEAN) -> Any:
    return _reduced(torch.log1p(torch.exp(-prediction * target)), reduction)


@LOSS.rule("soft_margin_loss_backward")
def _soft_margin_backward(func: Any, gradient: Any, prediction: Any, target: Any, reduction: int) -> Any:
    return _share(gradient, prediction, reduction) * (-target * torch.sigmoid(-prediction * target))
