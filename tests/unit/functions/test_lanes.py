"""A formula evaluated for many lanes at once gives what each lane gives alone."""

from collections import defaultdict

import pytest
import torch

from tests.unit.functions import test_tricky as tricky
from tests.unit.functions.evaluation import argument, python
from xlparity.functions import Argument, LanesDiffer, Unsupported, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.calling import call_function
from xlparity.functions.scalars import array_of_rows
from xlparity.functions.signature import Function, array
from xlparity.functions.whole import whole
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

CASES = [
    *tricky.MATHEMATICS,
    *tricky.STATISTICS,
    *tricky.ROUNDING,
    *tricky.LOGIC,
    *tricky.LOOKUP,
    *tricky.ARRAYS,
    *tricky.DISTRIBUTIONS,
    *tricky.TEXT,
    *tricky.DATES,
    *tricky.REGRESSION,
    *tricky.MORE,
    *tricky.TAILS,
]


def stacked(arrays: list[Array]) -> Array:
    return Array(torch.stack([one.number for one in arrays]), torch.stack([one.kinds for one in arrays]))


def alike(first: list[Argument | None], second: list[Argument | None]) -> bool:
    """Whether two lists of arguments can be lanes of one call."""
    return len(first) == len(second) and all(
        (a is None) == (b is None)
        and (a is None or b is None or (a.reference == b.reference and a.array.number.shape == b.array.number.shape))
        for a, b in zip(first, second, strict=True)
    )


BY_NAME: dict[str, list[list[object]]] = defaultdict(list)
for name, given, _ in CASES:
    BY_NAME[name].append(given)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_lanes_give_what_each_gives_alone(name: str) -> None:
    texts = Texts()
    prepared = [[argument(value, texts) for value in given] for given in BY_NAME[name]]
    for at, first in enumerate(prepared):
        group = [first, *(other for other in prepared[at:] if alike(first, other))]
        try:
            single = [python(call(name, given, texts), texts) for given in group]
        except Unsupported:
            continue
        together = [
            None
            if first[place] is None
            else Argument(stacked([given[place].array for given in group]), first[place].reference)
            for place in range(len(first))
        ]
        assert_lanes(name, together, single, texts)
        # Lanes in one argument alone, in two dimensions as a fill's rows and columns are.
        for place, one in enumerate(first):
            if one is not None:
                shape = (3, 2, *one.array.number.shape)
                spread = Array(one.array.number.expand(shape), one.array.kinds.expand(shape))
                given = [*first[:place], Argument(spread, one.reference), *first[place + 1 :]]
                assert_lanes(name, given, single[:1] * 6, texts, spread=False)


def assert_lanes(
    name: str, together: list[Argument | None], single: list[object], texts: Texts, *, spread: bool = True
) -> None:
    """`spread` allows an error in some lanes to fill an array as large as the results of others."""
    try:
        made = call(name, together, texts)
    except (LanesDiffer, Unsupported):
        return
    size, count = made.number.shape[-2:], len(single)
    number, kinds = (
        part.reshape(-1, *size).expand(count, *size) if part[..., 0, 0].numel() == 1 else part.reshape(-1, *size)
        for part in (made.number, made.kinds)
    )
    assert number.shape[0] == count
    for lane, expected in enumerate(single):
        got = python(Array(number[lane], kinds[lane]), texts)
        filled = spread and isinstance(got, list) and not isinstance(expected, list)
        wanted = [[expected] * len(row) for row in got] if filled and isinstance(got, list) else expected
        assert _close(got, wanted), (name, lane)


def _close(got: object, expected: object) -> bool:
    if isinstance(got, list) and isinstance(expected, list):
        return len(got) == len(expected) and all(_close(a, b) for a, b in zip(got, expected, strict=True))
    if isinstance(got, float) and isinstance(expected, float):
        return got == pytest.approx(expected, rel=1e-13, abs=1e-15)
    return got == expected


@pytest.mark.parametrize("name", ["MINVERSE", "MDETERM"])
def test_a_matrix_with_an_error_or_without_an_inverse_leaves_those_of_other_lanes_alone(name: str) -> None:
    texts = Texts()
    matrices: list[list[list[object]]] = [
        [[2, 1], [1, 1]], [[Error.NA, 1], [0, 1]], [[1, 1], [1, 1]],
        [[0, 1], [4, 0]], [["x", 1], [0, 1]], [[3, 0], [0, 1]],
    ]  # fmt: skip
    given = [array_of_rows(matrix, texts) for matrix in matrices]
    alone = [call(name, [Argument(one)], texts) for one in given]
    number, kinds = (part.reshape(2, 3, 2, 2) for part in (stacked(given).number, stacked(given).kinds))
    made = call(name, [Argument(Array(number, kinds))], texts)
    size = 2 if name == "MINVERSE" else 1
    assert made.kinds.reshape(6, size, size).tolist() == [one.kinds.expand(size, size).tolist() for one in alone]
    assert made.number.reshape(6, size, size).tolist() == [one.number.expand(size, size).tolist() for one in alone]


def test_lanes_whose_sizes_are_numbers_and_errors_are_evaluated_alone() -> None:
    sizes = Array(torch.tensor([2.0, Error.DIV0]).reshape(2, 1, 1).double(), torch.tensor([1, 4]).reshape(2, 1, 1))
    with pytest.raises(LanesDiffer):
        call("SEQUENCE", [Argument(sizes)], Texts())


def test_a_lane_that_cannot_be_computed_leaves_the_others_alone() -> None:
    table: Table[str, Function] = Table("one")

    @whole(table, "RECIPROCAL", array("values"), summary="Their reciprocal.")
    def reciprocal(grid: list[list[float]]) -> float:
        if grid[0][0] < 0:
            raise Unsupported("a negative number")
        return 1 / grid[0][0]

    texts = Texts()
    made = call_function(
        table["RECIPROCAL"], [Argument(Array(torch.tensor([2.0, 0.0, -1.0, 4.0]).reshape(4, 1, 1).double()))], texts
    )
    first, failed, negative, last = (python(Array(made.number[at], made.kinds[at]), texts) for at in range(4))
    assert (first, last) == (0.5, 0.25)
    assert failed == "undecided: RECIPROCAL: the computation fails here: float division by zero"
    assert negative == "undecided: a negative number"


def test_lanes_with_arrays_of_two_sizes_are_evaluated_alone() -> None:
    texts = Texts()
    cells = stacked([array_of_rows([[text]], texts) for text in ("a,b", "c,d,e")])
    comma = argument(",", texts)
    with pytest.raises(LanesDiffer):
        call("TEXTSPLIT", [Argument(cells), comma], texts)


@pytest.mark.parametrize("name", ["SUM", "VAR.S", "SUMPRODUCT"])
@pytest.mark.parametrize("count", [2, 3, 50])
def test_the_columns_of_a_table_are_added_up_as_each_alone_to_the_last_bit(name: str, count: int) -> None:
    table = torch.randn(1001, count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    made = call(name, [Argument(Array(table.T[:, :, None]), True)], Texts())
    alone = [call(name, [Argument(Array(column[:, None].clone()), True)], Texts()).number.item() for column in table.T]
    assert made.number.flatten().tolist() == alone


def test_lanes_of_one_argument_meet_a_shared_other() -> None:
    texts = Texts()
    table = Argument(Array(torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], dtype=torch.float64)), True)
    wanted = Argument(Array(torch.tensor([2.0, 3.0, 9.0], dtype=torch.float64).reshape(3, 1, 1)))
    column = Argument(Array.of_number(2.0))
    exact = Argument(Array.of_boolean(False))
    made = call("VLOOKUP", [wanted, table, column, exact], texts)
    assert made.number.flatten().tolist() == [20, 30, 7]
    assert made.kinds.flatten().tolist() == [1, 1, 4]
    summed = Argument(Array(torch.arange(6, dtype=torch.float64).reshape(2, 3, 1)), True)
    above = Argument(Array.single(Kind.TEXT, texts.index(">1")))
    made = call("SUMIFS", [summed, Argument(Array(table.array.number[:, :1]), True), above], texts)
    assert made.number.flatten().tolist() == [1 + 2, 4 + 5]


def test_a_dense_layer_is_one_product_of_matrices() -> None:
    weights = torch.randn(512, 1, 1, 64, dtype=torch.float64)
    inputs = torch.randn(1, 512, 1, 64, dtype=torch.float64)
    made = call("SUMPRODUCT", [Argument(Array(weights), True), Argument(Array(inputs), True)], Texts())
    assert made.number.shape == (512, 512, 1, 1)
    expected = weights.reshape(512, 64) @ inputs.reshape(512, 64).T
    assert torch.allclose(made.number.reshape(512, 512), expected, rtol=1e-13)
