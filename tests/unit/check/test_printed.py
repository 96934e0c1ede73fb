"""PyTorch's printed values beside a sheet whose numbers are known to a few decimals only."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from xlparity.check import judge
from xlparity.check.judge import Held, judge_expected
from xlparity.check.reference import Program
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Kind
from xlparity.model.verdict import Verdict

Array = NDArray[np.float64]
MATCH, EXPLAINED, UNDECIDED, FAULT = (
    list(Verdict).index(one) for one in (Verdict.MATCH, Verdict.EXPLAINED, Verdict.UNDECIDED, Verdict.FAULT)
)


def row(tensor: str, shape: tuple[int, ...], role: Role, torch: str = "", decimals: int | None = None) -> MapRow:
    block = Block(shape, (Area.of("S", 0, 0, *(1, 1, *shape)[-2:]),))
    return MapRow(tensor, role, block, "float64", torch, decimals, place=f"row {tensor}")


def judged(x: Array, w: Array, printed: Array, expression: str, decimals: int) -> NDArray[np.uint8]:
    """The verdicts of `printed`, shown as PyTorch's to 4 decimals, where w is known to so many `decimals`."""
    shown = row("y", printed.shape, Role.EXPECTED, decimals=4)
    rows = [row("x", x.shape, Role.INPUT), row("w", w.shape, Role.PARAMETER, decimals=decimals),
            row("y", printed.shape, Role.COMPUTED, expression), shown]  # fmt: skip
    program = Program(Map(tuple(rows)))
    given = {name: program.given(name, values) for name, values in (("x", x), ("w", w))}
    at_sheet = program.whole(given, {})
    held = {name: whole(at_sheet[name].value) for name in ("x", "w", "y")}
    ((one, reason),) = judge_expected(program, [shown], held, [whole(printed)], {("y", True): printed}, at_sheet)
    assert reason == f"w known to {decimals} decimals"
    return one.verdicts


def whole(values: Array) -> Held:
    return Held(values, np.full(values.shape, Kind.NUMBER, np.uint8))


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_what_few_decimals_of_the_weights_leave_open_is_explained_and_more_is_a_fault(decimals: int) -> None:
    chance = np.random.default_rng(decimals)
    x, w = chance.normal(size=(3, 4)), chance.normal(size=(5, 4))
    short = w.round(decimals)
    printed = np.tanh(x @ w.T).round(4)
    verdicts = judged(x, short, printed, "torch.tanh(x @ w.T)", decimals)
    assert set(verdicts.flatten().tolist()) <= {MATCH, EXPLAINED}
    assert (verdicts == EXPLAINED).any()
    wrong = printed.copy()
    wrong[1, 2] += 4.5 * 0.5 * 10.0**-decimals * np.abs(x[1]).sum()
    verdicts = judged(x, short, wrong, "torch.tanh(x @ w.T)", decimals)
    assert verdicts[1, 2] == FAULT
    assert (verdicts == FAULT).sum() == 1


def test_what_the_digits_leave_open_altogether_is_undecided() -> None:
    x, w = np.full((1, 4), 3.0), np.full((4, 1), 0.1)
    expression = "torch.exp(10 * (x @ w)) - torch.exp(10 * (x @ w)) * 0.999"
    verdicts = judged(x, w, np.array([[5.0]]), expression, 1)
    assert verdicts.tolist() == [[UNDECIDED]]
    verdicts = judged(x, w, np.array([[5.0]]), "torch.log(x @ w - 1)", 1)  # the logarithm's pole is within reach
    assert verdicts.tolist() == [[UNDECIDED]]


def test_a_first_order_model_decides_where_a_ball_could_not() -> None:
    x, w = np.array([[1.0, 2.0]]), np.array([[0.3], [-0.2]])
    printed = np.array([[0.0]])
    assert judged(x, w, printed, "(x @ w) - (x @ w) * 1.0", 1).tolist() == [[MATCH]]
    # A ball would leave 0.3 open here, the model knows that it is nothing.
    assert judged(x, w, printed + 0.01, "(x @ w) - (x @ w) * 1.0", 1).tolist() == [[FAULT]]


def test_where_models_cost_too_much_balls_alone_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.array([[1.0, 2.0]]), np.array([[0.3], [-0.2]])
    monkeypatch.setattr(judge, "_MOST_COEFFICIENTS", 0)
    verdicts = judged(x, w, np.array([[0.01]]), "1 + (x @ w) - (x @ w) * 1.0", 1)
    assert verdicts.tolist() == [[FAULT]]  # 1 is not 0.01, and a ball leaves 0.3 open
    assert judged(x, w, np.array([[1.2]]), "1 + (x @ w) - (x @ w) * 1.0", 1).tolist() == [[EXPLAINED]]
    monkeypatch.undo()
    assert judged(x, w, np.array([[1.2]]), "1 + (x @ w) - (x @ w) * 1.0", 1).tolist() == [[FAULT]]
