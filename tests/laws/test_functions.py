"""Whatever its arguments, a function gives values, says that it cannot, or refuses their number; it never breaks."""

import random

import pytest
import torch

from tests.laws import examples
from xlparity.engines.embedded.engine import EmbeddedEngine
from xlparity.errors import FormulaError
from xlparity.functions import FUNCTIONS, Argument, LanesDiffer, Unsupported, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.scalars import array_of_rows
from xlparity.limits import Budget, TooMuch, spending
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells, Error, Kind

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


@pytest.mark.parametrize("name", sorted(name for name, function in FUNCTIONS.items() if function.body))
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
            with spending(Budget(elements=1e6)):
                made = call(name, arguments, texts)
        except (LanesDiffer, Unsupported, FormulaError, TooMuch):
            continue
        assert made.number.shape == made.kinds.shape
        assert made.number.ndim >= 2
        assert bool(torch.isfinite(made.number).all())
        for kind, payload in zip(made.kinds.flatten().tolist(), made.number.flatten().tolist(), strict=True):
            if kind in {Kind.TEXT, Kind.UNDECIDED}:
                assert 0 <= payload < len(texts.table)
            elif kind == Kind.ERROR:
                assert Error(int(payload))


@pytest.mark.parametrize("name", sorted(name for name, function in FUNCTIONS.items() if not function.body))
def test_a_choice_never_breaks(name: str) -> None:
    """These are evaluated with the formulas of their arguments, here over cells and ranges in each cell of a fill."""
    function = FUNCTIONS[name]
    choose = random.Random(name)
    for _ in range(examples(25)):
        most = function.least + 4 if function.most is None else function.most
        places = ["A1", "B1", "C$1:C$3", "A$1:B$2", "D1", "$A$1", "D1*2", "3", '"x"', "1/0"]
        given = [choose.choice(places) for _ in range(choose.randint(function.least, most))]
        text = choose.choice(["{}", "SUM({})", "COUNTA({})"]).format(f"{name}({','.join(given)})")
        cells = {(row, column): choose.choice(VALUES) for row in range(3) for column in range(4)}
        fill = Fill(Area.of("S", 0, 5, 3, 1), text)
        values = EmbeddedEngine().evaluate(Book((Sheet("S", Cells.of(cells), (fill,)),)))
        assert [note.because for note in values.notes.values() if "xlparity failed" in note.because] == [], text
