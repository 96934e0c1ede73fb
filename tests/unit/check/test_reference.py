"""The program of a map: order, circles, gradients, shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xlparity.check.bound import Ball
from xlparity.check.reference import Program, Reference
from xlparity.errors import MapError
from xlparity.limits import VARIABLE
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow, Role


def row(
    tensor: str, shape: tuple[int, ...], expression: str = "", role: Role | None = None, dtype: str = "float64"
) -> MapRow:
    height, width = (1, 1, *shape)[-2:]
    block = Block(shape, (Area.of("S", 0, 0, height, width),))
    role = role or (Role.COMPUTED if expression else Role.INPUT)
    return MapRow(tensor, role, block, dtype, expression, place=f"row {tensor}")


def program(*rows: MapRow) -> Program:
    return Program(Map(rows))


def test_expressions_are_ordered_by_what_they_read() -> None:
    found = program(row("c", (2,), "b * 2"), row("a", (2,)), row("b", (2,), "a + 1"))
    assert found.order == ("b", "c")
    assert found.upstream("c") == {"a", "b", "c"}


def test_all_branches_lead_to_what_a_tensor_is_computed_from() -> None:
    found = program(
        row("z", (), "a * b"), row("a", (), "p + 1"), row("b", (), "q + 1"), row("p", ()), row("q", ()), row("r", ())
    )
    assert found.upstream("z") == {"z", "a", "b", "p", "q"}
    assert found.order == ("a", "b", "z")


def test_a_circle_is_named() -> None:
    with pytest.raises(MapError, match="a -> b -> a read each other in a circle"):
        program(row("a", (), "b"), row("b", (), "a"))


def test_a_chain_of_ten_thousand_tensors_needs_no_recursion() -> None:
    rows = [row("t0", ())] + [row(f"t{n}", (), f"t{n - 1} + 1") for n in range(1, 10_000)]
    values = program(*reversed(rows)).whole({"t0": torch.tensor(0.0, dtype=torch.float64)}, {})
    assert values["t9999"].value == 9999


def test_a_gradient_is_autograds_over_the_way_between_two_tensors() -> None:
    found = program(
        row("x", (3, 2)), row("w", (1, 2)), row("h", (3, 1), "torch.tanh(x @ w.T)"), row("loss", (), "(h ** 2).mean()"),
        row("g", (1, 2), "grad(loss, w)"), row("w1", (1, 2), "w - 0.1 * g"), row("h1", (3, 1), "x @ w1.T"),
        row("loss1", (), "h1.sum()"), row("g1", (1, 2), "grad(loss1, w1)"),
    )  # fmt: skip
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(3, 2)
    w = torch.tensor([[0.5, -0.25]], dtype=torch.float64)
    values = found.whole({"x": x, "w": w}, {})
    leaf = w.clone().requires_grad_()
    (expected,) = torch.autograd.grad((torch.tanh(x @ leaf.T) ** 2).mean(), leaf)
    np.testing.assert_array_equal(values["g"].value, expected.numpy())
    np.testing.assert_allclose(values["g1"].value, x.sum(0, keepdim=True).numpy(), atol=1e-15)
    assert found.between("loss", "w") == ["h", "loss"]
    assert found.between("loss1", "w1") == ["h1", "loss1"]


def test_a_gradient_may_be_that_of_an_expression_which_no_cell_holds() -> None:
    found = program(
        row("x", (3, 2)), row("w", (2, 2)), row("y", (3, 2)), row("z", (3, 2), "x @ w.T"),
        row("gw", (2, 2), 'grad(F.cross_entropy(z, y, reduction="sum"), w)'),
        row("gz", (3, 2), 'grad(F.cross_entropy(z, y, reduction="sum"), z)'),
    )  # fmt: skip
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(3, 2)
    w = torch.tensor([[0.5, -0.25], [1.5, 0.75]], dtype=torch.float64)
    y = torch.eye(3, 2, dtype=torch.float64)
    values = found.whole({"x": x, "w": w, "y": y}, {})
    leaf = w.clone().requires_grad_()
    z = x @ leaf.T
    gw, gz = torch.autograd.grad(torch.nn.functional.cross_entropy(z, y, reduction="sum"), [leaf, z])
    np.testing.assert_array_equal(values["gw"].value, gw.numpy())
    np.testing.assert_array_equal(values["gz"].value, gz.numpy())


def test_a_detached_gradient_is_taken_as_it_is() -> None:
    found = program(
        row("x", (2,)), row("w", (3, 2)), row("z", (3,), "F.linear(x, w)"), row("h", (3,), "torch.tanh(z)"),
        row("gh", (3,), "grad((h ** 2).sum(), h)"), row("gz", (3,), "grad((torch.tanh(z) * gh.detach()).sum(), z)"),
        row("gw", (3, 2), "grad((F.linear(x, w) * gz.detach()).sum(), w)"),
    )  # fmt: skip
    x, w = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.arange(6, dtype=torch.float64).reshape(3, 2) / 10
    leaf = w.clone().requires_grad_()
    (expected,) = torch.autograd.grad((torch.tanh(leaf @ x) ** 2).sum(), leaf)
    np.testing.assert_allclose(found.whole({"x": x, "w": w}, {})["gw"].value, expected.numpy(), rtol=1e-14)
    through = program(*found.rows.values(), row("loop", (3,), "grad((z * gh).sum(), z)"))
    with pytest.raises(MapError, match="a gradient of a gradient"):
        through.whole({"x": x, "w": w}, {})


def test_the_local_value_starts_from_what_stands_in_the_sheet() -> None:
    found = program(row("a", (2,)), row("b", (2,), "a + 1"), row("c", (2,), "b * 2"))
    sheet = {"a": np.zeros(2), "b": np.array([5.0, 6.0]), "c": np.zeros(2)}
    np.testing.assert_array_equal(found.local("c", sheet, {}).value, [10.0, 12.0])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("a", (2,)), row("b", (3,), "a + 1")], "gives shape (2,)"),
        ([row("a", (2,)), row("b", (3,)), row("c", (2,), "a + b")], "torch cannot compute"),
        ([row("a", (2,)), row("l", (), "a.sum()"), row("g", (), "grad(l, b)")], "not a tensor of the map"),
        (
            [row("a", (2,)), row("b", (2,)), row("l", (), "a.sum()"), row("g", (2,), "grad(l, b)")],
            "is not computed from b",
        ),
        ([row("a", (2,)), row("v", (2,), "a * 2"), row("g", (2,), "grad(v, a)")], "not a single number"),
        ([row("a", (2,)), row("g", (2,), "grad(grad(a.sum(), a).sum(), a)")], "a gradient of a gradient"),
        ([row("a", (2,)), row("g", (2,), "grad(2 * 3, a)")], "no tensor of the map goes into"),
        ([row("a", (2,)), row("d", (2,), "a - expected(a)")], "no row with expected values"),
        ([row("a", (2,)), row("b", (2,), role=Role.COMPUTED)], "the column torch must say"),
        ([row("b", (2,), role=Role.EXPECTED)], "which no other row of the map names"),
    ],
)
def test_what_cannot_be_computed_is_said_in_one_line(rows: list[MapRow], said: str) -> None:
    def computed() -> None:
        found = program(*rows)
        given = {name: torch.ones(one.block.shape) for name, one in found.rows.items() if name not in found.expressions}
        found.whole(given, {})

    with pytest.raises(MapError) as raised:
        computed()
    assert said in str(raised.value)
    assert "row " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_integers_stay_integers() -> None:
    found = program(row("y", (3,), dtype="int64"), row("z", (3, 4)), row("loss", (), "F.cross_entropy(z, y)"))
    given = {"y": found.given("y", np.array([0.0, 2.0, 3.0])), "z": found.given("z", np.eye(3, 4))}
    assert given["y"].dtype == torch.int64
    assert found.whole(given, {})["loss"].radius < 1e-13


@pytest.mark.parametrize(
    ("dtype", "values", "possible"),
    [
        ("int64", [2.0, -1.0, 2.5, np.nan, np.inf, 1e19], [True, True, False, False, False, False]),
        ("int32", [2.0, 2.0**31], [True, False]),
        ("bool", [0.0, 1.0, 2.0, 0.5], [True, True, False, False]),
        ("float32", [0.1, -np.inf, np.nan], [True, True, False]),
    ],
)
def test_a_tensor_holds_what_its_dtype_can(dtype: str, values: list[float], possible: list[bool]) -> None:
    found = program(row("t", (len(values),), dtype=dtype))
    assert found.is_possible("t", np.array(values)).tolist() == possible


def test_an_index_that_is_no_integer_leaves_the_cells_that_read_it_unknown() -> None:
    found = program(
        row("table", (3, 2)), row("at", (2,), "raw + 1", dtype="int64"), row("raw", (2,), dtype="int64"),
        row("e", (2, 2), "aten.embedding.default(table, at)"),
    )  # fmt: skip
    table, at = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0])
    right = {"at": Reference(at, np.zeros(2)), "table": Reference(table, np.zeros((3, 2)))}
    with pytest.raises(MapError, match="torch cannot compute"):  # nor is anything known where the right one is not
        found.local("e", {"table": table, "at": np.array([1.0, 7.0])}, {})
    for wrong in (0.5, np.nan, 7.0):
        local = found.local("e", {"table": table, "at": np.array([1.0, wrong])}, {}, right)
        assert np.isnan(local.value[1]).all()
        np.testing.assert_array_equal(local.value[0], table[1])
    np.testing.assert_array_equal(found.local("e", {"table": table, "at": np.array([1.0, 2.0])}, {}).value, table[1:])


def test_an_index_that_is_not_known_is_none_that_torch_refuses() -> None:
    found = program(
        row("table", (3,)), row("raw", (2,), dtype="int64"), row("at", (2,), "raw + 0", dtype="int64"),
        row("by", (2,), "raw * 1", dtype="int64"), row("e", (2,), "(table[at - 1] * 10 + table[by - 1])"),
    )  # fmt: skip
    numbers = {"table": np.array([1.0, 2.0, 3.0]), "at": np.array([1.0, 3.0]), "by": np.array([2.0, 3.0])}
    right = {name: Reference(values, np.zeros(values.shape)) for name, values in numbers.items()}
    local = found.local("e", numbers | {"at": np.array([1.0, 7.0])}, {}, right)
    np.testing.assert_array_equal(local.value, [12.0, np.nan])


def test_what_holds_no_number_is_not_compared_with_any() -> None:
    found = program(row("x", (3,)), row("y", (3,), "x * 2"), row("z", (3,), "torch.where(y > 0, 1.0, 0.0)"))
    local = found.local("z", {"x": np.ones(3), "y": np.array([2.0, np.nan, -2.0])}, {})
    np.testing.assert_array_equal(local.value, [1.0, np.nan, 0.0])


def test_a_value_without_a_bound_is_known_all_the_same() -> None:
    found = program(row("x", (2, 2)), row("y", (2, 2), "x * 1"), row("e", (2, 2), "aten.linalg_matrix_exp.default(y)"))
    local = found.local("e", {"x": np.zeros((2, 2)), "y": np.zeros((2, 2))}, {})
    assert local.value.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert np.isnan(local.radius).all()


def test_dtypes_that_an_expression_names_are_those_of_the_values_that_it_starts_from() -> None:
    found = program(row("x", ()), row("y", (), "aten._to_copy.default(x, dtype=torch.float32) / 3"))
    x = torch.tensor(0.1, dtype=torch.float64)
    assert found.whole({"x": x}, {})["y"].value == 0.1 / 3
    assert found.whole({"x": x.to(torch.float32)}, {})["y"].value == (x.to(torch.float32) / 3).item()
    assert found.local("y", {"x": np.array(0.1)}, {}).value == 0.1 / 3  # in the sheet all is float64


def test_dtypes_that_a_gradient_meets_are_those_of_the_values_that_it_starts_from() -> None:
    third = "aten._to_copy.default(x, dtype=torch.float32) / 3"
    found = program(
        row("x", ()), row("v", ()), row("h", (), third), row("g", (), "grad(h * h, x)"),
        row("k", (), f"grad(({third}) ** 2, x)"),
    )  # fmt: skip
    x = torch.tensor(0.1, dtype=torch.float64)
    for v, dtype in ((x, torch.float64), (torch.tensor(1.0), torch.float32)):
        values = found.whole({"x": x, "v": v}, {})
        leaf = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad((leaf.to(dtype) / 3) ** 2, leaf)
        assert values["g"].value == values["k"].value == expected.item()


def test_a_gradient_of_a_loss_may_read_shown_values_and_have_a_dimension() -> None:
    exact = MapRow("y", Role.EXPECTED, row("y", (2,)).block, place="row y")
    found = program(
        row("x", (2,)), row("y", (2,), "x * 3"), exact, row("h", (2,), "grad((y * 1).sum(0, keepdim=True), x)"),
        row("g", (2,), "grad(((y - expected(y)) ** 2).sum(0, keepdim=True), x)"),
    )  # fmt: skip
    shown = {("y", False): np.array([1.0, 2.0])}
    for given in (torch.tensor([1.0, 2.0], dtype=torch.float64), found.given("x", np.array([1.0, 2.0]))):
        values = found.whole({"x": given}, shown)
        assert values["g"].value.tolist() == [12.0, 24.0]  # 2 (3 x - y) 3
        assert values["h"].value.tolist() == [3.0, 3.0]
    local = found.local("g", {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 6.0])}, shown)
    assert local.value.tolist() == [12.0, 24.0]
    assert (local.radius < 1e-13).all()  # shown values are exact


def test_shown_values_are_told_apart_by_their_decimals_and_must_fit() -> None:
    shape, other = row("a", (2,)).block, row("a", (3,)).block
    exact, printed, second = (
        MapRow("a", Role.EXPECTED, shape, decimals=decimals, place="row a") for decimals in (None, 4, 2)
    )
    found = program(row("a", (2,)), row("d", (2,), "expected(a) - printed(a)"), exact, printed, second)
    assert found.shown == {("a", False): exact, ("a", True): printed}  # of two, the first
    shown = {("a", False): np.array([1.0, 2e300]), ("a", True): np.array([0.5, 1.0])}
    values = found.whole({"a": torch.zeros(2, dtype=torch.float64)}, shown)
    assert values["d"].value.tolist() == [0.5, np.inf]  # 1E+300 and more stand for infinity
    with pytest.raises(MapError, match="with decimals for 'a'"):
        program(row("a", (2,)), row("d", (2,), "printed(a)"), exact)
    with pytest.raises(MapError, match="with expected values for 'a'"):
        program(row("a", (2,)), row("d", (2,), "expected(a)"), printed)
    with pytest.raises(MapError) as raised:
        program(row("a", (2,)), MapRow("a", Role.EXPECTED, other, place="row e"))
    assert str(raised.value) == "row e: expected values of shape (3,) for 'a', whose shape is (2,)"


def test_what_a_tensor_is_computed_from_includes_the_tensors_of_its_gradients() -> None:
    found = program(
        row("x", (2,)), row("w", (2,)), row("l", (), "(x * w).sum()"), row("u", (2,), "w - 0.1 * grad(l, w)"),
        row("n", (2,), "u + x"), row("z", (2,)),
    )  # fmt: skip
    assert found.operands("x") == ()
    assert set(found.operands("u")) == {"w", "l"}
    assert found.upstream("n") == {"n", "u", "x", "w", "l"}
    assert found.upstream("z") == {"z"}
    assert [found.position(name) for name in ("l", "u", "n")] == [0, 1, 2]
    assert found.between("n", "w") == ["l", "u", "n"]
    assert found.between("l", "z") == []
    assert found.between("l", "u") == []
    assert found.between("n", "u") == ["n"]
    assert found.between("n", "n") == found.between("x", "w") == []


def test_beside_the_ways_between_two_tensors_lie_others_that_only_begin_or_end_there() -> None:
    found = program(
        row("x", ()), row("v", ()), row("before", (), "x + v"), row("a", (), "before * 2"),
        row("only_begins", (), "a + 1"), row("only_ends", (), "v * 2"), row("b", (), "a * only_ends"),
        row("c", (), "b + a"), row("after", (), "c + a"),
    )  # fmt: skip
    assert found.between("c", "a") == ["b", "c"]
    assert found.between("c", "x") == ["before", "a", "b", "c"]
    assert found.between("c", "v") == ["before", "a", "only_ends", "b", "c"]
    assert found.between("only_ends", "a") == []


def test_each_tensor_is_told_while_it_is_computed() -> None:
    found = program(row("a", ()), row("b", (), "a + 1"), row("c", (), "b + 1"))
    told: list[str] = []
    found.whole({"a": torch.tensor(0.0)}, {}, told.append)
    assert told == [f"bounding the rounding of tensor {at} of 2" for at in (1, 2)]


def test_given_values_are_balls_of_the_radius_asked_and_integers_that_are_none_are_not_known() -> None:
    found = program(row("x", (3,)), row("n", (3,), dtype="int32"), row("t", (2,), dtype="bool"))
    x = found.given("x", np.array([1.0, -1e300, 0.9e300]), 0.25)
    assert isinstance(x, Ball)
    assert x.value.tolist() == [1.0, -np.inf, 0.9e300]
    assert x.radius.tolist() == [0.25] * 3
    whole = found.given("n", np.array([1.0, 2.0, -3.0]))
    assert (whole.dtype, whole.tolist(), isinstance(whole, Ball)) == (torch.int32, [1, 2, -3], False)
    partly = found.given("n", np.array([1.0, 2.5, np.nan]))
    assert isinstance(partly, Ball)
    assert partly.value.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(partly.radius.numpy(), [0.0, np.nan, np.nan])
    assert found.given("t", np.array([0.0, 1.0])).tolist() == [False, True]


def test_integers_reach_from_the_least_to_the_greatest_of_their_dtype() -> None:
    found = program(row("n", (4,), dtype="int32"), row("m", (4,), dtype="int64"))
    ends = np.array([2.0**31 - 1, 2.0**31, -(2.0**31), -(2.0**31) - 1])
    assert found.is_possible("n", ends).tolist() == [True, False, True, False]
    far = np.array([2.0**63, 2.0**63 - 1024, -(2.0**63) + 1024, -(2.0**63)])
    assert found.is_possible("m", far).tolist() == [False, True, True, False]


def test_a_value_without_a_finite_number_or_bound_has_no_radius() -> None:
    found = program(row("x", (3,)), row("y", (3,), "1 / x"), row("z", (3,), "x * 1"))
    x = Ball(torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64), torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64))
    y = found.whole({"x": x}, {})["y"]
    assert y.value.tolist() == [0.5, np.inf, 1.0]
    assert np.isnan(y.radius).tolist() == [False, True, True]
    z = found.whole({"x": found.given("x", np.array([2.0, -1e300, 1.0]))}, {})["z"]
    assert z.value.tolist() == [2.0, -np.inf, 1.0]
    assert np.isnan(z.radius).tolist() == [False, True, False]


def test_what_an_expression_costs_is_taken_from_the_maps_budget_once() -> None:
    found = program(row("x", (400, 300)), row("y", (400, 300), "torch.relu(x)"))
    taken: list[float] = []
    found.budget.work = taken.append  # type: ignore[method-assign]
    x = torch.zeros(400, 300, dtype=torch.float64)
    for _ in range(3):
        found.whole({"x": x}, {})
    assert sum(taken) == 400 * 300 * 100
    found.whole({"x": x.to(torch.float32)}, {})  # of another dtype it is looked at anew
    assert sum(taken) == 2 * 400 * 300 * 100


def test_what_a_gradient_costs_is_taken_once_too() -> None:
    found = program(row("x", (400, 300)), row("g", (400, 300), "grad((x * 2).sum(), x)"))
    taken: list[float] = []
    found.budget.work = taken.append  # type: ignore[method-assign]
    x = torch.zeros(400, 300, dtype=torch.float64)
    found.whole({"x": x}, {})
    first = len(taken)
    assert first >= 2  # the product forth and back
    found.whole({"x": x}, {})
    assert len(taken) == first


def test_a_map_may_have_four_thousand_multiplications_a_cell_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "products=1")
    x = torch.zeros(200, 1000, dtype=torch.float64)
    rows = row("x", (200, 1000)), row("y", (1000, 1000))
    given = {"x": x, "y": torch.zeros(1000, 1000, dtype=torch.float64)}
    product = program(*rows, row("z", (200, 1000), "x @ y"))  # 2e8 of 5.6e9
    assert product.whole(given, {})["z"].value.sum() == 0
    slope = program(*rows, row("g", (200, 1000), "grad((x @ y).sum(), x)"))
    assert slope.whole(given, {})["g"].value.sum() == 0
    once = "x @ y"
    for _ in range(30):
        once = f"({once}) @ y"
    with pytest.raises(MapError, match="multiplications"):
        program(*rows, row("z", (200, 1000), once)).whole(given, {})


def test_a_program_without_gradients_is_differentiated_through_the_cells_that_it_names() -> None:
    found = program(
        row("x", (2,)), row("h", (2,), "x * x"), row("l", (), "(h * 3).sum()"), row("g", (2,), "grad(l, h)"),
        row("k", (2,), "grad(l, x)"),
    )  # fmt: skip
    x = Ball(torch.tensor([1.0, -2.0], dtype=torch.float64))
    values = found.whole({"x": x}, {})
    assert values["g"].value.tolist() == [3.0, 3.0]
    assert values["k"].value.tolist() == [6.0, -12.0]
    assert (values["k"].radius > 0).all()
    # From the sheet's own h, which is not x * x.
    local = found.local("k", {"x": np.array([1.0, -2.0]), "h": np.array([9.0, 9.0]), "l": np.array(0.0)}, {})
    assert local.value.tolist() == [6.0, -12.0]


def test_radii_lie_in_memory_as_their_values_so_that_views_are_of_both() -> None:
    found = program(row("x", (3, 2)), row("y", (6,), "x.t().reshape(6)"))
    values, radii = np.arange(6.0).reshape(2, 3).T, np.arange(6.0).reshape(3, 2) / 10
    x = found.given("x", values, radii)
    assert isinstance(x, Ball)
    assert x.radius.stride() == x.value.stride()
    y = found.local("y", {"x": values}, {}, off={"x": radii})
    np.testing.assert_allclose(y.radius, radii.T.ravel(), rtol=1e-9)
