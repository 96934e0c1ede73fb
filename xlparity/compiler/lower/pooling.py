"""Pooling and its gradients: MAX and AVERAGE of windows, cut at the borders rather than padded.

The gradient of a maximum goes to the element whose position the indices name, so that of equal elements only the
first gets it, as in torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.compiler.lower.convolution import plane
from xlparity.compiler.lower.formula import Formula, Ids, Slot, filled
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.spell import spelled

__all__: list[str] = []

aten = torch.ops.aten

_MOST_ROWS = 60  # of a window: each is a level of IF

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Axis:
    """The windows along one dimension: for each output the elements under it, and what torch divides by.

    `taps` is (out, most); where a window has fewer elements, its last one is repeated. `dense` says that the elements
    of a window are neighbours.
    """

    size: int
    taps: Places
    counts: Places
    divisors: Places
    dense: bool

    @property
    def first(self) -> Places:
        return self.taps[:, 0]

    @property
    def last(self) -> Places:
        return self.taps[:, -1]

    @property
    def even(self) -> bool:
        """No window is cut."""
        return bool((self.counts == self.taps.shape[1]).all())

    def readers(self) -> tuple[Places, Places]:
        """For each element the first and the last output that may read it; the last before the first for none."""
        at = np.arange(self.size)[:, None]
        holds = (self.first <= at) & (at <= self.last)
        first = np.where(holds.any(1), holds.argmax(1), 0)
        last = np.where(holds.any(1), len(self.taps) - 1 - holds[:, ::-1].argmax(1), -1)
        return first, last


def _axis(taps: Sequence[Sequence[int]], size: int, divisors: Sequence[int] | None = None, dense: bool = True) -> _Axis:
    most = max(len(each) for each in taps)
    counts = np.array([len(each) for each in taps])
    filled_up = np.array([[*each, *[each[-1]] * (most - len(each))] for each in taps])
    return _Axis(size, filled_up, counts, counts if divisors is None else np.array(divisors), dense)


def _sliding(
    size: int, out: int, kernel: int, stride: int, padding: int, dilation: int = 1, inside: bool = False
) -> _Axis:
    """Windows of one size; `inside` counts for the divisor only elements of the tensor, not of the padding."""
    starts = [at * stride - padding for at in range(out)]
    taps = [[p for p in range(start, start + kernel * dilation, dilation) if 0 <= p < size] for start in starts]
    divisors = [len(each) if inside else min(start + kernel, size + padding) - start
                for each, start in zip(taps, starts, strict=True)]  # fmt: skip
    return _axis(taps, size, divisors, dilation == 1 or kernel == 1)


def _adaptive(size: int, out: int) -> _Axis:
    return _axis([range(at * size // out, -(-(at + 1) * size // out)) for at in range(out)], size)


def _each(part: Sequence[int], rank: int) -> list[int]:
    return list(part) if len(part) == rank else [part[0]] * rank


# -- cells of windows -------------------------------------------------------------------------------------------------


def _picked(ids: Ids, places: Sequence[Places]) -> Ids:
    """`ids` (n, c, *size) at the given places of each of the last dimensions."""
    lead = ids.ndim - len(places)
    return ids[(Ellipsis, *np.ix_(*places))] if lead else ids[np.ix_(*places)]  # type: ignore[arg-type]


def _areas(ids: Ids, axes: Sequence[_Axis], whole: bool) -> list[Slot]:
    """Areas that cover the windows: planes, or with `whole` off, rows; single cells where neighbours are apart."""
    dense = [axis.dense for axis in axes]
    flat = 2 if whole and all(dense[-2:]) and len(axes) > 1 else 1 if dense[-1] else 0
    split, rest = axes[: len(axes) - flat], axes[len(axes) - flat :]
    slots = []
    for taps in itertools.product(*(range(axis.taps.shape[1]) for axis in split)):
        places = [axis.taps[:, tap] for axis, tap in zip(split, taps, strict=True)]
        first = _picked(ids, [*places, *(axis.first for axis in rest)])
        if all(axis.taps.shape[1] == 1 for axis in rest):
            slots.append(Slot(first))
        else:
            slots.append(Slot(first, _picked(ids, [*places, *(axis.last for axis in rest)])))
    return slots


def _call(function: str, slots: Sequence[Slot]) -> tuple[str, dict[str, Any]]:
    names = [f"a{at}_" for at in range(len(slots))]
    return f"{function}({','.join(names)})", dict(zip(names, slots, strict=True))


# -- maxima -----------------------------------------------------------------------------------------------------------


@RULES.rule("max_pool2d_with_indices.default", "max_pool3d_with_indices.default")
def _max_pool(
    low: Lowering, self: Formula, kernel_size: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,), ceil_mode: bool = False,
) -> tuple[Formula, Formula | None]:  # fmt: skip
    return _maxima(low, self, _max_axes(low, self, kernel_size, stride, padding, dilation, ceil_mode))


@RULES.rule("adaptive_max_pool2d.default", "adaptive_max_pool3d.default")
def _adaptive_max_pool(low: Lowering, self: Formula, output_size: Sequence[int]) -> tuple[Formula, Formula | None]:
    rank = len(output_size)
    return _maxima(low, self, [_adaptive(n, o) for n, o in zip(self.shape[-rank:], output_size, strict=True)])


def _max_axes(
    low: Lowering, x: Formula, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], ceil_mode: bool,
) -> list[_Axis]:  # fmt: skip
    assert low.node is not None
    rank = 3 if "3d" in str(low.node.operation) else 2
    operation = aten.max_pool3d_with_indices.default if rank == 3 else aten.max_pool2d_with_indices.default
    like = torch.empty(x.shape, device="meta")
    out = operation(like, list(kernel), list(stride), list(padding), list(dilation), ceil_mode)[0].shape
    kernel, padding, dilation = (_each(part, rank) for part in (kernel, padding, dilation))
    stride = _each(stride, rank) if stride else kernel
    return [
        _sliding(x.shape[d - rank], out[d - rank], kernel[d], stride[d], padding[d], dilation[d]) for d in range(rank)
    ]


def _maxima(low: Lowering, x: Formula, axes: Sequence[_Axis]) -> tuple[Formula, Formula | None]:
    x, ids = plane(low, x)
    shape = (*x.shape[: len(x.shape) - len(axes)], *(len(axis.taps) for axis in axes))
    text, areas = _call("MAX", _areas(ids, axes, whole=True))
    largest = filled(text, shape, x.dtype, areas)
    needed, _ = low.output(1)
    if not needed:
        return largest, None
    assert low.node is not None
    rows = _areas(ids, axes, whole=False)
    if len(rows) > _MOST_ROWS:
        raise low.refusal(f"the position of a maximum among {len(rows)} rows has no formula", "use a smaller kernel")
    largest = low.place(largest.spelled(_spelled_again(low, x)), low.output(0)[1])
    starts = _positions(axes)
    values: dict[str, Any] = {"m": largest}
    text = ""
    for at, (row, start) in reversed(list(enumerate(zip(rows, starts, strict=True)))):
        values[f"r{at}_"] = row
        values[f"p{at}_"] = Slot(np.broadcast_to(low.literals.ids(start if row.last is None else start - 1), shape))
        found, here = (f"p{at}_", f"r{at}_=m") if row.last is None else (
            f"MATCH(m,r{at}_,0)+p{at}_", f"MAX(r{at}_)=m")  # fmt: skip
        text = f"IF({here},{found},{text})" if text else found
    return largest, filled(text, shape, "int64", values)


def _positions(axes: Sequence[_Axis]) -> list[Places]:
    """For each row of the windows the position, in the flattened input, of its first element."""
    split, rest = (axes[:-1], axes[-1:]) if axes[-1].dense else (axes, [])
    found = []
    for taps in itertools.product(*(range(axis.taps.shape[1]) for axis in split)):
        places = [axis.taps[:, tap] for axis, tap in zip(split, taps, strict=True)]
        found.append(_flat([*places, *(axis.first for axis in rest)], axes))
    return found


def _flat(places: Sequence[Places], axes: Sequence[_Axis]) -> Places:
    flat: Places = np.zeros((), np.int64)
    for place, axis in zip(places, axes, strict=True):
        flat = flat[..., None] * axis.size + place
    return flat


def _spelled_again(low: Lowering, x: Formula) -> str:
    """The current node's first result in torch's words."""
    assert low.node is not None
    text, _ = spelled(low.node.operation, (x, *low.node.arguments[1:]), low.node.keywords, low.graph.real)
    return f"{text}[0]"


@RULES.rule("max_pool2d_with_indices_backward.default", "max_pool3d_with_indices_backward.default")
def _max_pool_backward(
    low: Lowering, grad_output: Formula, self: Formula, kernel_size: Sequence[int], stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int], ceil_mode: bool, indices: Formula,
) -> Formula:  # fmt: skip
    axes = _max_axes(low, self, kernel_size, stride, padding, dilation, ceil_mode)
    return _to_maxima(low, grad_output, indices, axes)


@RULES.rule("adaptive_max_pool2d_backward.default", "adaptive_max_pool3d_backward.default")
def _adaptive_max_pool_backward(low: Lowering, grad_output: Formula, self: Formula, indices: Formula) -> Formula:
    assert low.node is not None
    rank = 3 if "3d" in str(low.node.operation) else 2
    out = grad_output.shape[-rank:]
    axes = [_adaptive(n, o) for n, o in zip(self.shape[-rank:], out, strict=True)]
    return _to_maxima(low, grad_output, indices, axes)


def _to_maxima(low: Lowering, grad: Formula, indices: Formula, axes: Sequence[_Axis]) -> Formula:
    """Each element's share: the gradients of those maxima whose indices name its position."""
    (grad, grads), (_, keys) = plane(low, grad), plane(low, indices)
    shape = (*grad.shape[: len(grad.shape) - len(axes)], *(axis.size for axis in axes))
    own = _flat([np.arange(axis.size) for axis in axes], axes)
    values: dict[str, Any] = {}
    words = []
    for at, (first, last, covered) in enumerate(_reading(axes)):
        position = np.broadcast_to(low.literals.ids(np.where(covered, own, -1)), shape)
        values.update(
            {f"k{at}_": _slot(keys, first, last), f"p{at}_": Slot(position), f"g{at}_": _slot(grads, first, last)}
        )
        single = values[f"k{at}_"].last is None
        words.append(f"IF(k{at}_=p{at}_,g{at}_,0)" if single else f"SUMIF(k{at}_,p{at}_,g{at}_)")
    return filled("+".join(words), shape, grad.dtype, values)


def _slot(ids: Ids, first: Sequence[Places], last: Sequence[Places]) -> Slot:
    start, end = _picked(ids, first), _picked(ids, last)
    return Slot(start) if (start == end).all() else Slot(start, end)


def _reading(axes: Sequence[_Axis]) -> list[tuple[list[Places], list[Places], NDArray[np.bool_]]]:
    """Areas of outputs that cover, for each element, those that may read it: first and last places, and if any do."""
    split, rest = axes[:-2], axes[-2:]
    ends = [axis.readers() for axis in rest]
    firsts = [np.minimum(first, len(axis.taps) - 1) for (first, _), axis in zip(ends, rest, strict=True)]
    lasts = [np.maximum(first, last) for first, last in ends]
    apart = [axis.readers() for axis in split]
    found = []
    for steps in itertools.product(*(range(max(int((last - first).max()) + 1, 1)) for first, last in apart)):
        places = [np.minimum(first + step, len(axis.taps) - 1)
                  for (first, _), step, axis in zip(apart, steps, split, strict=True)]  # fmt: skip
        inside = [first + step <= last for (first, last), step in zip(apart, steps, strict=True)]
        inside += [first <= last for first, last in ends]
        covered = inside[0]
        for each in inside[1:]:
            covered = covered[..., None] & each
        found.append(([*places, *firsts], [*places, *lasts], covered))
    return found


# -- means ------------------------------------------------------------------------------------------------------------


@RULES.rule("avg_pool2d.default", "avg_pool3d.default")
def _avg_pool(
    low: Lowering, self: Formula, kernel_size: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0,),
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Formula:  # fmt: skip
    axes = _avg_axes(low, self, kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _means(low, self, axes, divisor_override)


@RULES.rule("_adaptive_avg_pool2d.default", "_adaptive_avg_pool3d.default")
def _adaptive_avg_pool(low: Lowering, self: Formula, output_size: Sequence[int]) -> Formula:
    rank = len(output_size)
    axes = [_adaptive(n, o) for n, o in zip(self.shape[-rank:], output_size, strict=True)]
    return _means(low, self, axes, None)


def _avg_axes(
    low: Lowering, x: Formula, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], ceil_mode: bool,
    count_include_pad: bool,
) -> list[_Axis]:  # fmt: skip
    assert low.node is not None
    rank = 3 if "3d" in str(low.node.operation) else 2
    operation = aten.avg_pool3d.default if rank == 3 else aten.avg_pool2d.default
    like = torch.empty(x.shape, device="meta")
    out = operation(like, list(kernel), list(stride), list(padding), ceil_mode).shape
    kernel, padding = _each(kernel, rank), _each(padding, rank)
    stride = _each(stride, rank) if stride else kernel
    return [
        _sliding(x.shape[d - rank], out[d - rank], kernel[d], stride[d], padding[d], inside=not count_include_pad)
        for d in range(rank)
    ]


def _divisors(axes: Sequence[_Axis], override: int | None) -> Places:
    if override is not None:
        return np.full([len(axis.taps) for axis in axes], override)
    divisors: Places = np.ones((), np.int64)
    for axis in axes:
        divisors = divisors[..., None] * axis.divisors
    return divisors


def _by(low: Lowering, divisors: Places, shape: Sequence[int]) -> Any:
    """The divisor of each element: one number if it is the same for all."""
    if (divisors == divisors.flat[0]).all():
        return float(divisors.flat[0])
    return Slot(np.broadcast_to(low.literals.ids(divisors), tuple(shape)))


def _means(low: Lowering, x: Formula, axes: Sequence[_Axis], override: int | None) -> Formula:
    divisors = _divisors(axes, override)
    counts: Places = np.ones((), np.int64)
    for axis in axes:
        counts = counts[..., None] * axis.counts
    cut = not all(axis.even for axis in axes[:-2])
    if cut:
        x, axes = _evened(low, x, axes)
    x, ids = plane(low, x)
    shape = (*x.shape[: len(x.shape) - len(axes)], *(len(axis.taps) for axis in axes))
    slots = _areas(ids, axes, whole=True)
    if all(slot.last is None for slot in slots) and len(slots) == 1:
        return filled("a/d", shape, x.dtype, {"a": slots[0], "d": _by(low, divisors, shape)})
    if (counts == divisors).all() and not cut:
        return filled(*_shaped_call("AVERAGE", slots, shape, x.dtype))
    text, areas = _call("SUM", slots)
    return filled(f"{text}/d", shape, x.dtype, {**areas, "d": _by(low, divisors, shape)})


def _shaped_call(function: str, slots: Sequence[Slot], shape: tuple[int, ...], dtype: str) -> Any:
    text, areas = _call(function, slots)
    return text, shape, dtype, areas


def _evened(low: Lowering, x: Formula, axes: Sequence[_Axis]) -> tuple[Formula, list[_Axis]]:
    """`x` with a zero behind each leading pooled dimension, which fills up the windows that have fewer elements."""
    pad = [0] * (2 * len(axes))
    done = list(axes)
    for d, axis in enumerate(axes[:-2]):
        if axis.even:
            continue
        pad[2 * (len(axes) - 1 - d) + 1] = 1
        real = np.arange(axis.taps.shape[1]) < axis.counts[:, None]
        done[d] = _axis(np.where(real, axis.taps, axis.size).tolist(), axis.size + 1)
    x = low.cells(low.apply(aten.constant_pad_nd.default, x, pad, 0.0))
    return x, done


@RULES.rule("avg_pool2d_backward.default", "avg_pool3d_backward.default")
def _avg_pool_backward(
    low: Lowering, grad_output: Formula, self: Formula, kernel_size: Sequence[int], stride: Sequence[int],
    padding: Sequence[int], ceil_mode: bool, count_include_pad: bool, divisor_override: int | None,
) -> Formula:  # fmt: skip
    axes = _avg_axes(low, self, kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _spread(low, grad_output, axes, divisor_override)


@RULES.rule("_adaptive_avg_pool2d_backward.default", "_adaptive_avg_pool3d_backward.default")
def _adaptive_avg_pool_backward(low: Lowering, grad_output: Formula, self: Formula) -> Formula:
    assert low.node is not None
    rank = 3 if "3d" in str(low.node.operation) else 2
    axes = [_adaptive(n, o) for n, o in zip(self.shape[-rank:], grad_output.shape[-rank:], strict=True)]
    return _spread(low, grad_output, axes, None)


def _spread(low: Lowering, grad: Formula, axes: Sequence[_Axis], override: int | None) -> Formula:
    """Each element's share of the gradients of the means that read it."""
    divisors = _divisors(axes, override)
    by = _by(low, divisors, grad.shape)
    if isinstance(by, Slot):
        counts = low.fixed(low.name_beside("divisors"), torch.from_numpy(divisors).double(), grad.dtype)
        shares = low.formula("grad/counts", grad=grad, counts=counts)
        shares = shares.spelled(f"{grad.operand} / {counts.torch}", atom=False)
        grad, by = low.place(shares, low.name_beside("shares")), 1.0
    grad, grads = plane(low, grad)
    shape = (*grad.shape[: len(grad.shape) - len(axes)], *(axis.size for axis in axes))
    values: dict[str, Any] = {"by": by}
    words = []
    for at, (first, last, covered) in enumerate(_reading(axes)):
        slot = values[f"g{at}_"] = _slot(grads, first, last)
        word = f"g{at}_" if slot.last is None else f"SUM(g{at}_)"
        if not covered.all():
            values[f"c{at}_"] = Slot(np.broadcast_to(low.literals.ids(covered.astype(np.int64)), shape))
            word = f"c{at}_*{word}"
        words.append(word)
    total = "+".join(words)
    return filled(f"({total})/by" if len(words) > 1 else f"{total}/by", shape, grad.dtype, values)
