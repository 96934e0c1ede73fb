"""xlparity.evaluate: a workbook's cells for a batch of its numbers, with autograd."""

from pathlib import Path

import pytest
import torch

import xlparity

WORKBOOKS = Path(__file__).parents[1] / "workbooks"


def test_a_batch_gives_each_sample_its_own_loss():
    y_hat = torch.randn(50, 3, 1, dtype=torch.float64)
    cells = xlparity.evaluate(WORKBOOKS / "mse.xlsx", {"MSE!B2:B4": y_hat})
    y = xlparity.evaluate(WORKBOOKS / "mse.xlsx")["MSE!A2:A4"]
    assert cells["MSE!D7"].shape == (50, 1, 1)
    torch.testing.assert_close(cells["MSE!D7"].flatten(), ((y - y_hat) ** 2).mean((1, 2)))


def test_autograd_runs_from_any_cell_to_the_inputs():
    weights = torch.randn(7, 2, 3, dtype=torch.float64, requires_grad=True)
    cells = xlparity.evaluate(WORKBOOKS / "descent.xlsx", {"Descent!B14:D15": weights})
    (found,) = torch.autograd.grad(cells["Descent!N22"].sum(), weights)
    by_hand = cells["Descent!B28:D29"]
    torch.testing.assert_close(found, by_hand.detach())


def test_a_cell_that_reads_no_input_is_there_once_for_all_samples():
    cells = xlparity.evaluate(WORKBOOKS / "mse.xlsx", {"MSE!B2:B4": torch.zeros(4, 3, 1)})
    assert len(cells["MSE!A2:A4"].flatten().unique()) <= 3


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"MSE!D6": torch.zeros(1, 1)}, "holds formulas"),
        ({"Nowhere!A1": torch.zeros(1, 1)}, "there is no sheet"),
        ({"MSE!B2:B4": torch.zeros(1, 3)}, "3 x 1 cells"),
        ({"MSE!B2:B4": torch.zeros(3)}, "3 x 1 cells"),
        ({"MSE!B2:B4": torch.zeros(0, 3, 1)}, "no samples"),
        ({"MSE!B2:B4": torch.zeros(2, 3, 1), "MSE!A2:A4": torch.zeros(3, 3, 1)}, "different batch sizes"),
        ({"MSE!B2:B4": torch.zeros(3, 1), "MSE!B4": torch.zeros(1, 1)}, "share cells"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(inputs, message):
    with pytest.raises(xlparity.InputError, match=message):
        xlparity.evaluate(WORKBOOKS / "mse.xlsx", inputs)


def test_an_area_outside_the_workbook_is_refused():
    with pytest.raises(xlparity.InputError, match="there is no sheet"):
        xlparity.evaluate(WORKBOOKS / "mse.xlsx")["Nowhere!A1"]
