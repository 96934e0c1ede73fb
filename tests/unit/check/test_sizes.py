"""What an operation of a map is reckoned to cost before torch may do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from xlparity.check.sizes import Sizes
from xlparity.limits import VARIABLE, Budget

aten = torch.ops.aten


class Recorded(Budget):
    """A budget that remembers what was taken of it."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []

    def work(self, products: float) -> None:
        self.taken.append(products)


def cost(compute: Callable[..., object], *shapes: tuple[int, ...]) -> float | None:
    """What `compute` on zeros of these shapes takes; None where it is too small to be counted."""
    tensors = [torch.zeros(shape) for shape in shapes]
    budget = Recorded()
    with Sizes(budget):
        compute(*tensors)
    return sum(budget.taken) if budget.taken else None


def test_a_pass_over_an_element_is_a_hundred_multiplications() -> None:
    assert cost(torch.relu, (400, 300)) == 400 * 300 * 100
    assert cost(lambda x: x + 1, (400, 300)) == 400 * 300 * 100
    assert cost(lambda x: aten.max.dim(x, 1), (400, 300)) == 2 * 400 * 100  # two results


def test_what_is_surely_small_is_not_counted() -> None:
    assert cost(torch.relu, (400, 250)) is None
    assert cost(torch.relu, (100_001,)) == 100_001 * 100
    assert cost(lambda x: aten.expand.default(x, [300, 300]), ()) is None
    assert cost(lambda x: aten.sum.dim_IntList(x, [0]), (300, 300)) is None
    assert cost(lambda x: aten.expand.default(x, [400, 300]), ()) == 400 * 300 * 100
    # Tensors and numbers without extent take nothing away from the others.
    assert cost(lambda x, y: aten.cat.default([x, y]), (400, 300), (0, 300)) == 400 * 300 * 100
    assert cost(lambda x: aten.sum.dim_IntList(x, [0]), (400, 300)) == 300 * 100


@pytest.mark.parametrize(
    ("compute", "shapes", "products"),
    [
        (aten.mm.default, [(30, 500), (500, 40)], 30 * 40 * 500),
        (aten.bmm.default, [(2, 30, 500), (2, 500, 40)], 2 * 30 * 40 * 500),
        (aten.mv.default, [(300, 500), (500,)], 300 * 500),
        (aten.dot.default, [(400_000,), (400_000,)], 400_000),
        (aten.addmm.default, [(40,), (30, 500), (500, 40)], 30 * 40 * 500),
        (aten.addmv.default, [(300,), (300, 500), (500,)], 300 * 500),
        (aten.baddbmm.default, [(2, 30, 40), (2, 30, 500), (2, 500, 40)], 2 * 30 * 40 * 500),
        (aten.addbmm.default, [(30, 40), (20, 30, 500), (20, 500, 40)], 20 * 30 * 40 * 500),
        (lambda x, y: aten._cdist_forward.default(x, y, 2.0, None), [(30, 500), (40, 500)], 30 * 40 * 500),
        (lambda x, y: aten._cdist_forward.default(x, y, 2.0, None), [(2, 9, 500), (2, 40, 500)], 2 * 9 * 40 * 500),
    ],
)
def test_a_contraction_takes_as_many_multiplications_as_it_has(
    compute: Callable[..., Tensor], shapes: list[tuple[int, ...]], products: float
) -> None:
    assert cost(compute, *shapes) == products


def test_a_short_contraction_is_a_pass_over_its_elements() -> None:
    assert cost(aten.mm.default, (400, 7), (7, 300)) == 400 * 300 * 100


def test_a_convolution_multiplies_its_whole_kernel_for_each_element() -> None:
    shapes = [(1, 8, 30, 30), (16, 8, 5, 5)]
    made = 16 * 30 * 30
    assert cost(lambda x, w: aten.convolution.default(x, w, None, [1], [2], [1], False, [0], 1), *shapes) == made * 200
    with_bias = cost(lambda x, w, b: aten.convolution.default(x, w, b, [1], [2], [1], False, [0], 1), *shapes, (16,))
    assert with_bias == made * 200
    # Backwards it makes the gradients of the input, the kernel and the bias; the larger operand decides.
    backward = cost(
        lambda g, x, w: aten.convolution_backward.default(
            g, x, w, [16], [1, 1], [2, 2], [1, 1], False, [0, 0], 1, [True, True, True]
        ),
        (1, 16, 30, 30), *shapes,
    )  # fmt: skip
    assert backward == (8 * 30 * 30 + 16 * 8 * 25 + 16) * max(8 * 5 * 5, 8 * 30 * 30)


@pytest.mark.parametrize(
    ("compute", "elements"),
    [
        (lambda: aten.arange.default(150_000), 150_000),
        (lambda: aten.arange.default(7.0), 7),
        (lambda: aten.arange.start(100_000, 250_000), 150_000),
        (lambda: aten.arange.start(-5, 5), 10),
        (lambda: aten.arange.start_step(0, 10, 0.5), 20),
        (lambda: aten.arange.start_step(10, 4, -2), 3),
    ],
)
def test_a_range_is_as_long_as_its_numbers_say(compute: Callable[[], Tensor], elements: int) -> None:
    budget = Recorded()
    with Sizes(budget):
        assert compute().numel() == elements
    assert budget.taken == [elements * 100]


def test_a_range_of_a_tiny_step_is_refused_before_it_is_made() -> None:
    with Sizes(Budget()), pytest.raises(ValueError, match="at most 50000000 are computed"):
        aten.arange.start_step(0, 1, 1e-300)


def test_sizes_given_as_fractions_are_seen() -> None:
    small = cost(lambda x: aten.upsample_nearest2d.vec(x, None, [3.0, 3.0]), (1, 1, 2, 2))
    assert small == 36 * 100


def test_a_result_may_be_as_large_as_the_limit_and_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "tensor=120000")
    assert cost(torch.relu, (400, 300)) == 400 * 300 * 100
    monkeypatch.setenv(VARIABLE, "tensor=119999")
    with pytest.raises(ValueError, match="would have 120000 elements; at most 119999"):
        cost(torch.relu, (400, 300))


def test_what_is_left_of_the_budget_is_taken_by_every_operation() -> None:
    x = torch.zeros(400, 300)
    with Sizes(Budget(products=2.5 * 400 * 300 * 100)):
        torch.relu(torch.relu(x))
        with pytest.raises(ValueError, match="1e\\+07 multiplications"):
            torch.relu(x)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8])
@pytest.mark.parametrize("index", [aten.index.Tensor, aten._unsafe_index.Tensor])
def test_an_index_that_is_a_mask_is_refused(index: Callable[..., Tensor], dtype: torch.dtype) -> None:
    x = torch.arange(3.0)
    with Sizes(Budget()), pytest.raises(ValueError, match="depends on values"):
        index(x, [torch.tensor([1, 0, 1], dtype=dtype)])
    with Sizes(Budget()):
        assert index(x, [torch.tensor([2, 0])]).tolist() == [2.0, 0.0]
        mask = torch.tensor([True, False, True])
        assert index(mask, [torch.tensor([1])]).tolist() == [False]  # a mask may be indexed
