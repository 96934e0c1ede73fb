"""Places that are in doubt: whatever is meant lies within the radius, and what is sure stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from xlparity.check.bound import Ball

aten = torch.ops.aten
TABLE = torch.tensor([[1.0, -2.0], [4.0, 0.5], [-3.0, 7.0]], dtype=torch.float64)
SOURCE = torch.tensor([[10.0, 20.0], [30.0, 40.0]], dtype=torch.float64)
# The first place may be any of the three rows, the second is the last row.
PLACES = [torch.tensor([first, 2]) for first in range(3)]
INDEX = Ball(PLACES[1], torch.tensor([2.0, 0.0], dtype=torch.float64))


def wide(index: Any) -> Any:
    """The places for each of two columns."""
    if isinstance(index, Ball):
        return Ball(index.value[:, None].expand(2, 2).contiguous(), index.radius[:, None].expand(2, 2).contiguous())
    return index[:, None].expand(2, 2).contiguous()


def index_put(index: Any, **more: Any) -> Any:
    return aten.index_put.default(Ball(TABLE), [index], SOURCE, **more)


RULES: dict[str, Callable[[Any], Any]] = {
    "embedding": lambda index: aten.embedding.default(Ball(TABLE), index),
    "index_select": lambda index: aten.index_select.default(Ball(TABLE), 0, index),
    "index": lambda index: aten.index.Tensor(Ball(TABLE), [index]),
    "gather": lambda index: aten.gather.default(Ball(TABLE), 0, wide(index)),
    "take": lambda index: aten.take.default(Ball(TABLE), index),
    "scatter": lambda index: aten.scatter.src(Ball(TABLE), 0, wide(index), SOURCE),
    "scatter_add": lambda index: aten.scatter_add.default(Ball(TABLE), 0, wide(index), SOURCE),
    "index_add": lambda index: aten.index_add.default(Ball(TABLE), 0, index, SOURCE),
    "index_copy": lambda index: aten.index_copy.default(Ball(TABLE), 0, index, SOURCE),
    "index_put": index_put,
    "index_put, added": lambda index: index_put(index, accumulate=True),
    "put": lambda index: aten.put.default(Ball(TABLE), index, SOURCE[:, 0]),
    "scatter_reduce": lambda index: aten.scatter_reduce.two(Ball(TABLE), 0, wide(index), SOURCE, "amax"),
    "embedding_dense_backward": lambda index: aten.embedding_dense_backward.default(Ball(SOURCE), index, 3, -1, False),
}


@pytest.mark.parametrize("name", list(RULES))
def test_every_row_that_may_be_meant_lies_within_the_radius(name: str) -> None:
    rule = RULES[name]
    found = rule(INDEX)
    for places in PLACES:
        away = (rule(places).value - found.value).abs()
        assert ((away <= found.radius) | found.radius.isnan()).all()
    assert torch.equal(rule(INDEX.value).value, found.value)
    sure = rule(Ball(INDEX.value, torch.zeros(2, dtype=torch.float64)))
    assert (sure.radius < 1e-12).all()


@pytest.mark.parametrize("name", ["embedding", "index_select", "gather", "take"])
def test_what_is_taken_by_a_sure_place_is_sure_and_by_a_doubtful_one_within_the_span_of_all(name: str) -> None:
    found = RULES[name](INDEX)
    assert (found.radius[1] == 0).all()
    assert torch.isfinite(found.radius[0]).all()
    lost = RULES[name](Ball(INDEX.value, torch.tensor([torch.nan, 0.0], dtype=torch.float64)))
    assert lost.radius[0].isnan().all()
    assert (lost.radius[1] == 0).all()


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_bag_of_rows_by_a_doubtful_place_is_unknown_and_else_sums_their_radii(mode: int) -> None:
    table = Ball(TABLE, torch.full((3, 2), 0.25, dtype=torch.float64))
    offsets = torch.tensor([0])
    bag = aten._embedding_bag_forward_only.default
    assert bag(table, INDEX, offsets, False, mode)[0].radius.isnan().all()
    sure = bag(table, INDEX.value, offsets, False, mode)[0]
    assert sure.radius == pytest.approx(torch.full((1, 2), 0.5 if mode == 0 else 0.25), rel=1e-12)


def test_a_mask_that_is_in_doubt_leaves_nothing_known() -> None:
    mask = Ball(torch.tensor([True, False]), torch.tensor([1.0, 0.0], dtype=torch.float64))
    found = aten.masked_scatter.default(Ball(SOURCE[0]), mask, SOURCE[1])
    assert found.radius.isnan().all()
    sure = aten.masked_scatter.default(Ball(SOURCE[0]), mask.value, SOURCE[1])
    assert sure.value.tolist() == [30.0, 20.0]
    assert (sure.radius == 0).all()


@pytest.mark.parametrize("axes", [0, 1])
def test_two_indices_of_which_one_is_in_doubt(axes: int) -> None:
    columns = torch.tensor([0, 1])
    found = aten.index.Tensor(Ball(TABLE), [INDEX, columns] if axes else [INDEX, columns[:1]])
    for places in PLACES:
        other = TABLE[places, columns if axes else columns[:1]]
        assert ((other - found.value).abs() <= found.radius).all()
    assert found.radius[1] == 0


def test_a_place_in_doubt_leaves_its_column_of_a_table_in_doubt() -> None:
    columns = torch.tensor([[0], [1]])
    found = aten.index.Tensor(Ball(TABLE), [INDEX, columns])
    assert found.value.tolist() == TABLE[INDEX.value, columns].tolist()
    assert found.radius[:, 0].tolist() == pytest.approx([10.0, 10.0])  # from -3 to 7
    assert found.radius[:, 1].tolist() == [0.0, 0.0]


def test_of_what_a_mask_in_doubt_chooses_nothing_is_known() -> None:
    mask = Ball(torch.tensor([True, False, True]), torch.tensor([1.0, 0.0, 0.0]).double())
    for table in (TABLE, TABLE[:, 0]):
        found = Ball(table)[mask]
        assert torch.equal(found.value, table[mask.value])
        assert found.radius.isnan().all()
        assert (Ball(table)[mask.value].radius == 0).all()


def test_of_columns_by_a_place_in_doubt_nothing_is_known() -> None:
    found = aten.index.Tensor(Ball(TABLE.T.contiguous()), [None, INDEX])
    assert torch.equal(found.value, TABLE.T[:, INDEX.value])
    assert found.radius.isnan().all()


def test_the_larger_of_two_tensors_is_no_further_off_than_they_are() -> None:
    one, other = (Ball(SOURCE[at], torch.full((2,), 0.5, dtype=torch.float64)) for at in (0, 1))
    for function, value in ((aten.max.other, [30.0, 40.0]), (aten.min.other, [10.0, 20.0])):
        found = function(one, other)
        assert found.value.tolist() == value
        assert found.radius.tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("name", ["mode", "nanmedian"])
def test_the_commonest_and_the_middle_of_what_is_not_sure_is_unknown(name: str) -> None:
    values = torch.tensor([1.0, 2.0, 2.0, torch.nan if name == "nanmedian" else 5.0], dtype=torch.float64)
    function = {"mode": aten.mode.default, "nanmedian": aten.nanmedian.dim}[name]
    arguments = (-1,) if name == "nanmedian" else ()
    value, place = function(Ball(values, torch.full((4,), 0.1, dtype=torch.float64)), *arguments)
    assert value.radius.isnan().all()
    assert place.radius.isnan().all()
    sure, _ = function(Ball(values), *arguments)
    assert (sure.value, sure.radius) == (2.0, 0.0)


def test_a_pools_gradient_goes_to_any_element_that_may_be_the_largest() -> None:
    image = torch.tensor([[[[1.0, 1.05], [0.0, 3.0]]]], dtype=torch.float64)
    near, apart = (Ball(image, torch.full(image.shape, radius, dtype=torch.float64)) for radius in (0.1, 0.01))

    def gradient(of: Ball) -> Any:
        leaf = of.clone().requires_grad_()
        pooled = torch.nn.functional.adaptive_max_pool2d(leaf, (2, 1))
        return torch.autograd.grad(pooled.sum(), leaf)[0]

    sure, doubtful = gradient(apart), gradient(near)
    assert sure.value.flatten().tolist() == [0.0, 1.0, 0.0, 1.0]
    assert (sure.radius < 1e-12).all()
    first = doubtful.radius.flatten()
    assert (first[:2] >= 1).all()  # either may have had all of it
    assert (first[2:] < 1e-12).all()


def test_of_the_gradient_of_a_pool_over_volumes_whose_largest_is_in_doubt_nothing_is_known() -> None:
    volume = torch.tensor([1.0, 1.05, 0.0, 3.0], dtype=torch.float64).reshape(1, 1, 1, 2, 2)
    window = [1, 1, 2], [1, 1, 2], [0, 0, 0], [1, 1, 1], False
    for radius, unknown in ((0.01, False), (0.1, True)):
        _, indices = aten.max_pool3d_with_indices.default(ball(volume, radius), *window)
        gradient = ball(torch.ones(1, 1, 1, 2, 1, dtype=torch.float64), 0.0)
        found = aten.max_pool3d_with_indices_backward.default(gradient, volume, *window, indices)
        assert found.value.flatten().tolist() == [0.0, 1.0, 0.0, 1.0]
        assert found.radius.isnan().all() == unknown


def test_products_put_in_places_have_no_bound() -> None:
    found = aten.scatter.reduce(Ball(TABLE), 0, wide(PLACES[0]), SOURCE, reduce="multiply")
    assert found.value[2, 0] == -3.0 * 30.0
    assert found.radius.isnan().all()


def ball(values: Tensor, radius: float) -> Ball:
    return Ball(values, torch.full(values.shape, radius, dtype=torch.float64))


def test_the_root_mean_square_norm_holds_what_its_operand_may_be() -> None:
    x = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    found = torch.nn.functional.rms_norm(ball(x, 1e-3), (3,))
    assert torch.allclose(found.value, x / (x.square().mean() + torch.finfo(torch.float64).eps).sqrt())
    for move in (torch.tensor([[s, t, u]]) * 1e-3 for s in (-1, 1) for t in (-1, 1) for u in (-1, 1)):
        away = torch.nn.functional.rms_norm(x + move.to(torch.float64), (3,)) - found.value
        assert (away.abs() <= found.radius).all()
    assert (found.radius < 1e-2).all()


ONE, NOWHERE = torch.zeros(65, dtype=torch.int64), torch.zeros(1, dtype=torch.float64)
ADDED_UP: dict[str, Callable[[Ball], Any]] = {
    "index_put": lambda x: aten.index_put.default(NOWHERE, [ONE], x, True),
    "index_add": lambda x: aten.index_add.default(NOWHERE, 0, ONE, x),
    "scatter_add": lambda x: aten.scatter_add.default(NOWHERE, 0, ONE, x),
    "scatter_reduce": lambda x: aten.scatter_reduce.two(NOWHERE, 0, ONE, x, "sum"),
    "put": lambda x: aten.put.default(NOWHERE, ONE, x, True),
    "embedding_bag": lambda x: aten._embedding_bag_forward_only.default(x[:, None], torch.arange(65), ONE[:1])[0],
    "embedding_dense_backward": lambda x: aten.embedding_dense_backward.default(x[:, None], ONE, 1, -1, False),
}


@pytest.mark.parametrize("name", list(ADDED_UP))
def test_many_terms_at_one_place_lie_within_the_radius_of_their_sum_in_any_order(name: str) -> None:
    found = ADDED_UP[name](Ball(torch.tensor([1.0, *[2.0**-53] * 64], dtype=torch.float64)))
    for one in (1.0, 1 + 64 * 2.0**-53):  # each small term is lost after the large one, and none before it
        assert abs(found.value.item() - one) <= found.radius.item() < 1e-13


@pytest.mark.parametrize("function", [torch.isinf, torch.isposinf, torch.isneginf])
def test_whether_a_number_is_infinite_is_sure_where_it_has_a_radius(function: Callable[[Ball], Any]) -> None:
    x = Ball(torch.tensor([1.0, torch.inf, 2.0]).double(), torch.tensor([0.5, 0.0, torch.nan]).double())
    assert function(x).radius.tolist() == [0, 0, 1]


def test_what_a_smaller_dtype_has_no_room_for_is_not_known() -> None:
    found = aten._to_copy.default(Ball(torch.tensor([1e300, 0.1], dtype=torch.float64)), dtype=torch.float32)
    assert found.radius[0].isnan()
    assert abs(found.value[1].double() - 0.1) <= found.radius[1] < 1e-8


def test_numbers_that_are_written_into_a_smaller_dtype_lie_within_what_that_rounds() -> None:
    found = aten.copy.default(torch.zeros(2, dtype=torch.float32), ball(torch.tensor([0.1, 0.5]).double() + 1e-9, 1e-8))
    assert found.dtype == torch.float32
    for value, radius, number in zip(found.value.double(), found.radius, (0.1 + 1e-9, 0.5 + 1e-9), strict=True):
        assert abs(value - number) + 1e-8 <= radius < 1e-7


@pytest.mark.parametrize("middle", [-2.2, -0.9, 0.9, 2.2])
def test_a_number_whose_fraction_is_cut_is_any_whole_one_that_its_ball_has_in_it(middle: float) -> None:
    found = aten._to_copy.default(ball(torch.tensor([middle], dtype=torch.float64), 0.4), dtype=torch.int64)
    cut = {int(middle + 0.4 * part) for part in (-1, 0, 1)}
    assert found.radius.item() == max(abs(one - int(middle)) for one in cut) == 1


def test_a_transposed_matrix_is_read_in_its_own_order() -> None:
    found = ball(torch.arange(6, dtype=torch.float64).reshape(2, 3), 0.5).T.reshape(-1)
    assert found.value.tolist() == [0, 3, 1, 4, 2, 5]


def test_the_place_of_the_largest_of_a_window_may_be_any_in_its_image() -> None:
    image = torch.tensor([[1.05, 0.0], [0.0, 1.0]], dtype=torch.float64)
    for batch in ((1,), (1, 1)):
        for radius, least, most in ((0.01, 0, 0), (0.1, 3, 4)):
            _, place = aten.max_pool2d_with_indices.default(ball(image.reshape(*batch, 2, 2), radius), [2, 2])
            assert place.value.item() == 0
            assert least <= place.radius.item() <= most
