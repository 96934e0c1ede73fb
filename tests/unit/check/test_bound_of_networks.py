"""Whole networks with loss and backward pass, captured as graphs of ATen operations: every bound holds, all the way."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map

from xlparity.check.bound import Ball


class Trained(nn.Module):
    def __init__(self, net: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.loss = net, loss

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        out = self.net(x)
        return self.loss(out, y), out.detach()


class First(nn.Module):
    """A recurrent layer's outputs without its state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        return self.layer(x, x, x, attn_mask=mask, need_weights=False)[0]


class Block(nn.Module):
    """One block of a GPT with its embeddings and its head."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(7, 4), nn.Embedding(3, 4), nn.Linear(4, 7, bias=False)
        self.before, self.after = nn.LayerNorm(4), nn.LayerNorm(4)
        self.mix, self.out, self.up, self.down = nn.Linear(4, 12), nn.Linear(4, 4), nn.Linear(4, 16), nn.Linear(16, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1]))
        q, k, v = (
            part.view(*part.shape[:2], 2, 2).transpose(1, 2) for part in self.mix(self.before(x)).split(4, dim=-1)
        )
        future = torch.ones(3, 3, dtype=torch.bool).triu(1)
        weights = (q @ k.transpose(-2, -1) * 2**-0.5).masked_fill(future, float("-inf")).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(x.shape))
        return self.head(x + self.down(F.gelu(self.up(self.after(x)), approximate="tanh")))


def by_token(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out.flatten(0, -2), labels.flatten())


def activated(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 2))


def convolved(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), *layers, nn.Flatten(), nn.LazyLinear(2))


ROWS, IMAGES, WORDS = (5, 3), (2, 2, 6, 6), (2, 3, 4)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Any, tuple[int, ...], str]] = {
    "mlp": (lambda: activated(nn.Sigmoid()), nn.MSELoss(), ROWS, "numbers"),
    "cross entropy": (lambda: activated(nn.ReLU()), nn.CrossEntropyLoss(), ROWS, "labels"),
    "nll": (lambda: nn.Sequential(activated(nn.Tanh()), nn.LogSoftmax(-1)), nn.NLLLoss(), ROWS, "labels"),
    "bce": (lambda: nn.Sequential(activated(nn.Tanh()), nn.Sigmoid()), nn.BCELoss(), ROWS, "shares"),
    "bce with logits": (lambda: activated(nn.Tanh()), nn.BCEWithLogitsLoss(), ROWS, "shares"),
    "l1": (lambda: activated(nn.LeakyReLU()), nn.L1Loss(), ROWS, "numbers"),
    "smooth l1": (lambda: activated(nn.ELU()), nn.SmoothL1Loss(), ROWS, "numbers"),
    "huber": (lambda: activated(nn.SiLU()), nn.HuberLoss(delta=0.7), ROWS, "numbers"),
    "kl": (lambda: nn.Sequential(activated(nn.Softplus()), nn.LogSoftmax(-1)), nn.KLDivLoss(reduction="batchmean"),
           ROWS, "shares"),
    "gelu": (lambda: activated(nn.GELU()), nn.MSELoss(), ROWS, "numbers"),
    "gelu tanh": (lambda: activated(nn.GELU("tanh")), nn.MSELoss(), ROWS, "numbers"),
    "softmax": (lambda: activated(nn.Softmax(-1)), nn.MSELoss(), ROWS, "numbers"),
    "layer norm": (lambda: activated(nn.LayerNorm(4)), nn.MSELoss(), ROWS, "numbers"),
    "group norm": (lambda: activated(nn.GroupNorm(2, 4)), nn.MSELoss(), ROWS, "numbers"),
    "rms norm": (lambda: activated(nn.RMSNorm(4)), nn.MSELoss(), ROWS, "numbers"),
    "mish": (lambda: activated(nn.Mish()), nn.MSELoss(), ROWS, "numbers"),
    "hardswish": (lambda: activated(nn.Hardswish()), nn.MSELoss(), ROWS, "numbers"),
    "convolution": (lambda: convolved(nn.Conv2d(4, 4, 2, stride=2, dilation=2, groups=2), nn.ReLU()), nn.MSELoss(),
                    IMAGES, "numbers"),
    "max pool": (lambda: convolved(nn.MaxPool2d(3, 2, 1)), nn.MSELoss(), IMAGES, "numbers"),
    "average pool": (lambda: convolved(nn.AvgPool2d(2, padding=1)), nn.MSELoss(), IMAGES, "numbers"),
    "adaptive pool": (lambda: convolved(nn.AdaptiveAvgPool2d(4), nn.AdaptiveMaxPool2d(3)), nn.MSELoss(), IMAGES,
                      "numbers"),
    "batch norm": (lambda: convolved(nn.BatchNorm2d(4)), nn.MSELoss(), IMAGES, "numbers"),
    "batch norm in use": (lambda: convolved(nn.BatchNorm2d(4).eval()), nn.MSELoss(), IMAGES, "numbers"),
    "upsample": (lambda: convolved(nn.Upsample(scale_factor=2)), nn.MSELoss(), IMAGES, "numbers"),
    "transposed": (lambda: convolved(nn.ConvTranspose2d(4, 3, 3, stride=2)), nn.MSELoss(), IMAGES, "numbers"),
    "rnn": (lambda: First(nn.RNN(4, 2, batch_first=True)), nn.MSELoss(), WORDS, "numbers"),
    "gru": (lambda: First(nn.GRU(4, 2, batch_first=True)), nn.MSELoss(), WORDS, "numbers"),
    "lstm": (lambda: First(nn.LSTM(4, 2, batch_first=True)), nn.MSELoss(), WORDS, "numbers"),
    "attention": (Attention, nn.MSELoss(), WORDS, "numbers"),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), nn.MSELoss(), WORDS,
                      "numbers"),
    "gpt": (Block, by_token, (2, 3), "tokens"),
}  # fmt: skip


def captured(name: str) -> tuple[GraphModule, list[Tensor]]:
    """The joint graph of forward and backward pass, and the tensors that it takes, exact in float32."""
    from torch._decomp import core_aten_decompositions  # noqa: PLC0415 - only here
    from torch._functorch.aot_autograd import aot_export_joint_with_descriptors  # noqa: PLC0415

    make, loss, shape, targets = NETWORKS[name]
    torch.manual_seed(0)
    net = make().double()
    x = torch.randint(0, 7, shape) if targets == "tokens" else torch.randn(shape).double()
    out = net(x)
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(torch.float32).to(torch.float64)
    if targets == "tokens":
        y = torch.randint(0, 7, shape)
    elif targets == "labels":
        y = torch.arange(out.shape[0]) % out.shape[1]
    else:
        y = (torch.randn if targets == "numbers" else torch.rand)(out.shape).double()
    module = Trained(net, loss)
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH), ExitStack() as stack:
        warnings.simplefilter("ignore")
        program = torch.export.export(module, (x, y))
        joint = aot_export_joint_with_descriptors(
            stack, program.module(), (x, y), decompositions=core_aten_decompositions()
        )
        graph = joint.graph_module
    state = [*dict(module.named_parameters()).values(), *dict(module.named_buffers()).values()]
    given = [*(tensor.detach() for tensor in state), x, y, torch.ones((), dtype=torch.float64)]
    wanted = [node.meta["val"].shape for node in graph.graph.nodes if node.op == "placeholder"]
    assert [tensor.shape for tensor in given] == wanted
    return graph, given


def run(graph: GraphModule, given: list[Any], dtype: torch.dtype) -> dict[str, Any]:
    """The value of every node."""
    values: dict[Any, Any] = {}
    start = iter(given)
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            values[node] = next(start)
        elif node.op == "get_attr":
            held = getattr(graph, node.target)
            values[node] = held.to(dtype) if held.is_floating_point() else held
        elif node.op == "call_function":
            args, named = torch.fx.map_arg((node.args, node.kwargs), values.__getitem__)
            named = {key: value for key, value in named.items() if key not in ("device", "layout", "pin_memory")}
            if named.get("dtype") == torch.float64:
                named["dtype"] = dtype
            target = torch.reshape if node.target is torch.ops.aten.view.default else node.target
            values[node] = target(*args, **named)
    return {node.name: value for node, value in values.items() if node.target is not operator.getitem}


def floating(change: Callable[[Tensor], Any], given: list[Tensor]) -> list[Any]:
    return tree_map(lambda one: change(one) if one.is_floating_point() else one, given)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_of_a_network_and_its_gradients_lies_within_its_radius(name: str) -> None:
    graph, given = captured(name)
    default = torch.get_default_dtype()
    exact = run(graph, given, torch.float64)
    balls = run(graph, floating(lambda one: Ball(one.to(torch.float32)), given), torch.float32)
    assert torch.get_default_dtype() is default
    judged = 0
    for node, truth in exact.items():
        for ball, true in zip(
            *(part if isinstance(part, tuple | list) else [part] for part in (balls[node], truth)), strict=True
        ):
            if isinstance(ball, Ball) and ball.numel():
                away = (ball.value.to(torch.float64) - true.to(torch.float64)).abs()
                assert not ball.radius.isnan().any(), node
                assert ((away <= ball.radius) | (ball.value == true)).all(), (node, away, ball.radius)
                judged += 1
    assert judged > 10
