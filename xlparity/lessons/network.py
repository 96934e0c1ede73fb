"""The lecture's network, 2-3-2-1 without activations, and the numbers that the documents print of it."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ALPHA", "B0", "B1", "B2", "STEPS", "W0", "W1", "W2", "X", "Y", "lecture_network"]

# The three samples: inputs x1, x2 and the truth y.
X = ((1.0, 2.0), (2.0, 3.0), (10.0, 5.0))
Y = ((7.0,), (12.0,), (40.0,))

# MyNet's parameters as PyTorch prints them, to four decimals; rows are neurons, as in torch.
W0 = ((0.5339, -0.1518), (0.4930, 0.3742), (-0.2708, -0.6664))
B0 = (-0.7071, 0.5259, -0.1280)
W1 = ((0.3104, -0.0524, -0.3528), (0.5095, 0.5542, 0.1202))
B1 = (0.456, -0.0951)
W2 = ((0.1058, 0.6004),)
B2 = (0.3065,)

# Our own step size: the documents print none. The loss falls in each of the steps.
ALPHA = 0.0005
STEPS = 20


def lecture_network(layers: int, dtype: torch.dtype) -> nn.Sequential:
    """The first `layers` layers of MyNet with the documents' parameters."""
    parameters = ((W0, B0), (W1, B1), (W2, B2))[:layers]
    network = nn.Sequential(*(nn.Linear(len(weight[0]), len(bias)) for weight, bias in parameters)).to(dtype)
    with torch.no_grad():
        for layer, (weight, bias) in zip(network, parameters, strict=True):
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(torch.tensor(weight, dtype=dtype))
            layer.bias.copy_(torch.tensor(bias, dtype=dtype))
    return network
