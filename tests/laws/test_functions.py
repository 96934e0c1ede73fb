"""Whatever its arguments, a function gives values, says that it cannot, or refuses their number; it never breaks."""

import random

import pytest
import torch

from tests.laws import examples
from xlparity.errors import FormulaError
from xlparity.functions import FUNCTIONS, Argument, LanesDiffer, Unsupported, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.scalars import array_of_rows
from xlparity.model.value import Error, Kind

NUMBERS = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, -2.5, 10.0, 1e10, -1e300, 1e-9, 45000.25]
VALUES = [*NUMBERS, "", "a", "3", "TRUE", "x*", "~", ">=2", "1/2/2024", "1/2", True, False, None, Error.NA, Error.DIV0]
SHAPES = [(1, 1)] * 4 + [(1, 3), (3, 1), (2, 2), (3, 2)]


def some_array(random: random.Random, texts: Texts) -> Array:
    rows, columns = random.choice(SHAPES)
    pool = NUMBERS if random.random() < 0.6 else VALUES
    lanes = [
        array_of_rows([[random.choice(pool) for _ in range(columns)] for _ in range(rows)], texts)
        for _ in range(2 if random.random() < 0.3 else 1)
    ]
    if random.random() < 0.03:
        return Array.single(Kind.UNDECIDED, texts.index("why"))
    if len(lanes) == 1:
        return lanes[0]
    return Array(torch.stack([one.number for one in lanes]), torch.stack([one.kinds for one in lanes]))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_never_breaks(name: str) -> None:
    function = FUNCTIONS[name]
    choose = random.Random(name)
    for _ in range(examples(25)):
        texts = Texts()
        most = function.least + 4 if function.most is None else function.most
        count = choose.randint(function.least, most)
        arguments = [
            None if choose.random() < 0.04 else Argument(some_array(choose, texts), choose.random() < 0.5)
            for _ in range(count)
        ]
        try:
            made = call(name, arguments, texts)
        except (LanesDiffer, Unsupported, FormulaError):
            continue
        assert made.number.shape == made.kinds.shape
        assert made.number.ndim >= 2
        assert bool(torch.isfinite(made.number).all())
        for kind, payload in zip(made.kinds.flatten().tolist(), made.number.flatten().tolist(), strict=True):
            if kind in {Kind.TEXT, Kind.UNDECIDED}:
                assert 0 <= payload < len(texts.table)
            elif kind == Kind.ERROR:
                assert Error(int(payload))
