"""The sheets around a generated model: `Summary`, PyTorch's values, live checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from xlparity.compiler.compile import Compiled
from xlparity.compiler.draft import SMALL_FORMAT, largest_name
from xlparity.compiler.emit import CHECKS_SHEET
from xlparity.compiler.lower.formula import INFINITE
from xlparity.compiler.lower.lowering import BlockPlan
from xlparity.compiler.place import PlacedBlock, SheetPlan, place_in_order
from xlparity.compiler.workbook import CellsBuilder, planes
from xlparity.formula.a1 import show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Chart, Fill, Layout, Link, Sheet, Style
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role

__all__ = ["PYTORCH_SHEET", "SUMMARY_SHEET", "checks_sheet", "pytorch_plan", "summary_sheet"]

SUMMARY_SHEET = "Summary"
PYTORCH_SHEET = "PyTorch"
_MOST_SHOWN = 250_000  # numbers of PyTorch's that a workbook shows; the rest is proved by `xlparity check` alone
_PLANES_A_FORMULA = 40


def pytorch_plan(compiled: Compiled, values: Mapping[str, Tensor]) -> tuple[SheetPlan, list[MapRow], int]:
    """A sheet with PyTorch's own values of the tensors that it has names for, laid out as the tensors themselves.

    The losses and small tensors come first where not all of them find room; the last result is how many find none.
    """
    blocks = [plan for plan in compiled.low.blocks if plan.role is Role.COMPUTED and plan.link is None]
    found = [plan for plan in blocks if plan.name in values and tuple(values[plan.name].shape) == plan.shape]
    chosen: set[int] = set()
    room = _MOST_SHOWN
    for plan in sorted(found, key=lambda plan: values[plan.name].numel()):
        room -= values[plan.name].numel()
        if room < 0:
            break
        chosen.add(plan.number)
    copies = []
    for plan in found:
        if plan.number in chosen:
            copies.append(
                BlockPlan(
                    plan.number, plan.name, plan.shape, plan.dtype, Role.EXPECTED, PYTORCH_SHEET,
                    values=values[plan.name], step=plan.step, transposed=plan.transposed, rows=plan.rows,
                    columns=plan.columns, height=plan.height, width=plan.width, planes=plan.planes,
                )
            )  # fmt: skip
    sheet = place_in_order(
        SheetPlan(PYTORCH_SHEET, "PyTorch's own values, in float64, for the inputs as generated", PYTORCH_SHEET), copies
    )
    rows = []
    for placed in sheet.blocks:
        plan = placed.plan
        block = Block(plan.shape, tuple(planes(placed)), plan.transposed and len(plan.shape) > 1)
        rows.append(MapRow(plan.name, Role.EXPECTED, block, "float64"))
    return sheet, rows, len(found) - len(chosen)


@dataclass(slots=True)
class _Page:
    """A sheet of texts and formulas in the making."""

    name: str
    cells: CellsBuilder = field(default_factory=CellsBuilder)
    fills: list[Fill] = field(default_factory=list)
    styles: list[tuple[Area, Style]] = field(default_factory=list)
    formats: list[tuple[Area, str]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def text(self, row: int, column: int, text: str, style: Style = Style.PLAIN) -> None:
        self.cells.text(row, column, text)
        self.styles.append((Area.of(self.name, row, column), style))

    def formula(self, row: int, column: int, formula: str, style: Style, number_format: str = "") -> Area:
        area = Area.of(self.name, row, column)
        self.fills.append(Fill(area, formula))
        self.styles.append((area, style))
        if number_format:
            self.formats.append((area, number_format))
        return area

    def link(self, row: int, column: int, target: Cell) -> None:
        self.links.append(Link(Cell(self.name, row, column), target))


def checks_sheet(
    shown: SheetPlan, left_out: int, compiled: Compiled, limits: Mapping[str, float]
) -> tuple[Sheet, list[MapRow]]:
    """A live row a tensor: the largest |formula - PyTorch| in cells, what is allowed, PASS or FAIL.

    `left_out` says how many tensors are too large for their values to be shown as well.
    """
    import numpy as np  # noqa: PLC0415

    page = _Page(CHECKS_SHEET)
    page.text(0, 0, "Checks: is every tensor of this workbook what PyTorch computes?", Style.TITLE)
    page.text(2, 0, "All tensors", Style.LABEL)
    page.text(
        3, 0, "PyTorch's values belong to the inputs as generated. After changing an input, `xlparity check` computes "
        "them anew from the cells."
        + (f" {left_out} large tensors are not compared here: `xlparity check` proves them." if left_out else ""),
        Style.NOTE,
    )  # fmt: skip
    for column, text in enumerate(("tensor", "cells", "largest difference", "allowed", "verdict")):
        page.text(5, column, text, Style.HEADER)
    places = {placed.plan.number: placed for sheet in compiled.sheets for placed in sheet.blocks}
    rows: list[MapRow] = []
    at = 6
    numbers: list[tuple[int, float]] = []
    for copy in shown.blocks:
        own = places[copy.plan.number]
        limit = limits.get(copy.plan.name, float("nan"))
        if not np.isfinite(limit):
            continue
        name = copy.plan.name
        pairs = list(zip(planes(own), planes(copy), strict=True))
        ones = "1.0 * " if copy.plan.dtype == "bool" else ""  # torch subtracts no booleans
        infinite = copy.plan.values is not None and bool((copy.plan.values.abs() >= INFINITE).any())
        for first in range(0, len(pairs), _PLANES_A_FORMULA):
            part = pairs[first : first + _PLANES_A_FORMULA]
            label, made, torch = name, name, _difference(f"{ones}{name}", f"{ones}expected({name})", infinite)
            if len(pairs) > _PLANES_A_FORMULA:
                label = f"{name}, planes {first + 1} to {first + len(part)}"
                made = f"{name}.part_{first // _PLANES_A_FORMULA + 1}"
                flat = f"reshape([{len(pairs)}, -1])[{first}:{first + len(part)}]"
                torch = _difference(f"{ones}{name}.{flat}", f"{ones}expected({name}).{flat}", infinite)
            page.text(at, 0, label)
            page.text(at, 1, show_area(part[0][0]) + ("" if len(part) == 1 else ", ..."))
            page.link(at, 1, part[0][0].corner)
            terms = [f"SUMPRODUCT(MAX(ABS({show_area(a)}-{show_area(b)})))" for a, b in part]
            formula = terms[0] if len(terms) == 1 else f"MAX({','.join(terms)})"
            area = page.formula(at, 2, formula, Style.FORMULA, SMALL_FORMAT)
            rows.append(MapRow(largest_name(made), Role.COMPUTED, Block((), (area,)), "float64", torch))
            numbers.append((at, limit))
            page.styles.append((Area.of(CHECKS_SHEET, at, 3), Style.EXPECTED))
            page.formats.append((Area.of(CHECKS_SHEET, at, 3), SMALL_FORMAT))
            at += 1
    if numbers:
        lines = np.array([row for row, _ in numbers], np.int64)
        page.cells.add_numbers(lines, np.full(len(lines), 3), np.array([limit for _, limit in numbers]))
        verdicts = Area.of(CHECKS_SHEET, 6, 4, at - 6)
        page.fills.append(Fill(verdicts, 'IF(ISNUMBER(C7),IF(C7<=D7,"PASS","FAIL"),"FAIL")'))
        page.styles.append((verdicts, Style.CHECK))
        text = show_area(verdicts, sheet=False)
        page.formula(2, 1, f'IF(COUNTIF({text},"PASS")=ROWS({text}),"PASS","FAIL")', Style.CHECK)
    widest = max((len(row.tensor) for row in rows), default=10) + 2
    layout = Layout(
        styles=tuple(page.styles), formats=tuple(page.formats), links=tuple(page.links),
        widths=((0, float(max(widest, 24))), (1, 34.0), (2, 20.0), (3, 12.0), (4, 12.0)),
        merged=(Area.of(CHECKS_SHEET, 3, 0, 1, 5),), freeze=Cell(CHECKS_SHEET, 6, 1), landscape=False,
    )  # fmt: skip
    return Sheet(CHECKS_SHEET, page.cells.cells(), tuple(page.fills), layout=layout), rows


def _difference(own: str, shown: str, infinite: bool) -> str:
    """The largest difference as torch computes it; infinities that are the same differ by 0, as their cells do."""
    if not infinite:
        return f"({own} - {shown}).abs().max()"
    return f"torch.where({own} == {shown}, 0.0, {own} - {shown}).abs().max()"


def summary_sheet(
    compiled: Compiled, left_out: int, facts: Sequence[tuple[str, str]], number_format: str, title: str
) -> tuple[Sheet, list[MapRow]]:
    """What the workbook is, its losses with a chart, the way to every sheet, and whether all checks pass."""
    page = _Page(SUMMARY_SHEET)
    page.text(0, 0, title, Style.TITLE)
    row = 2
    for key, value in facts:
        page.text(row, 0, key)
        page.text(row, 1, value)
        row += 1
    page.text(row, 0, "All checks")
    page.formula(row, 1, f"{CHECKS_SHEET}!B3", Style.CHECK)
    compared = f"all tensors but {left_out} large ones" if left_out else "each tensor"
    page.text(row, 2, f"{compared} against PyTorch's values", Style.PLAIN)
    row += 2
    page.text(row, 0, "Colours", Style.HEADING)
    for text, style in (
        ("a number to change", Style.INPUT),
        ("a formula", Style.FORMULA),
        ("taken over from another sheet", Style.LINK),
    ):
        row += 1
        page.text(row, 0, text, style)
    row += 2
    page.text(row, 0, "Sheets", Style.HEADING)
    page.text(row, 1, "", Style.HEADING)
    for sheet in compiled.sheets:
        row += 1
        page.text(row, 0, sheet.name)
        page.link(row, 0, Cell(sheet.name, 0, 0))
        page.text(row, 1, sheet.title)
    for name, what in (
        (PYTORCH_SHEET, "PyTorch's own values"),
        (CHECKS_SHEET, "PASS or FAIL for each tensor"),
        ("Parity", "the map: which cells hold which tensor, and what torch computes it from"),
    ):
        row += 1
        page.text(row, 0, name)
        page.link(row, 0, Cell(name, 0, 0))
        page.text(row, 1, what)
    losses = [placed for sheet in compiled.sheets for placed in sheet.blocks if _is_loss(placed)]
    rows: list[MapRow] = []
    charts: tuple[Chart, ...] = ()
    if losses:
        row += 2
        top = row
        page.text(row, 0, "Step", Style.HEADER)
        page.text(row, 1, "Loss", Style.HEADER)
        import numpy as np  # noqa: PLC0415

        for at, placed in enumerate(losses):
            row += 1
            page.cells.add_numbers(np.array([row]), np.array([0]), np.array([float(at)]))
            page.styles.append((Area.of(SUMMARY_SHEET, row, 0), Style.LABEL))
            page.formula(row, 1, show_cell(placed.corner), Style.LINK, number_format)
        area = Area.of(SUMMARY_SHEET, top + 1, 1, len(losses))
        names = ", ".join(placed.plan.name for placed in losses)
        rows.append(
            MapRow(
                "losses", Role.COMPUTED, Block((len(losses),), (area,)), losses[0].plan.dtype, f"torch.stack([{names}])"
            )
        )
        if len(losses) > 1:
            charts = (
                Chart(
                    Cell(SUMMARY_SHEET, top, 3), "Loss by step", "step", "loss",
                    Area.of(SUMMARY_SHEET, top + 1, 0, len(losses)), area,
                ),
            )  # fmt: skip
    layout = Layout(
        styles=tuple(page.styles), formats=tuple(page.formats), links=tuple(page.links),
        widths=((0, 30.0), (1, 44.0), (2, 36.0)), charts=charts,
    )  # fmt: skip
    return Sheet(SUMMARY_SHEET, page.cells.cells(), tuple(page.fills), layout=layout), rows


def _is_loss(placed: PlacedBlock) -> bool:
    name = placed.plan.name
    return name == "loss" or (name.startswith("step[") and name.endswith("].loss") and name.count(".") == 1)
