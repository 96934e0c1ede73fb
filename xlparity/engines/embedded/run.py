"""One evaluation of a workbook: fills in the order of their dependencies, each whole where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.engines.embedded.constants import enter_cells, own_texts
from xlparity.engines.embedded.contract import only_contracts
from xlparity.engines.embedded.evaluate import Evaluator
from xlparity.engines.embedded.frame import Frame, Window
from xlparity.engines.embedded.graph import components
from xlparity.engines.embedded.operand import NotReady, Ragged, SamplesDiffer
from xlparity.engines.embedded.precedents import Box, Reads, reads
from xlparity.engines.embedded.quick import NotPlain, Quick, quick
from xlparity.engines.embedded.recurrence import Steps, steps_of
from xlparity.engines.embedded.store import Grid, Store
from xlparity.engines.embedded.traced import Traced
from xlparity.engines.embedded.workbook import Workbook
from xlparity.errors import out_of_memory
from xlparity.formula.a1 import show_cell
from xlparity.formula.ast import ErrorLiteral, Expression
from xlparity.functions.array import Array, Texts
from xlparity.limits import TooMuch, budget
from xlparity.model.area import Area
from xlparity.model.book import FillKind
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell
from xlparity.model.value import Error, Kind

__all__ = ["Run", "computed"]

# How many elements one operand of a window may have: larger windows are evaluated in pieces of rows.
MAX_ELEMENTS = 1 << 24
# Up to how many cells of one step of a recurrence are computed one by one.
_QUICK_LIMIT = 16
# How often the evaluation starts again because arrays spill over more or fewer cells than before.
_MAX_RESPILLS = 10


@dataclass(slots=True)
class Run:
    """The evaluation of `workbook`.

    `inputs` replaces constants by tensors of shape (rows, columns) or (batch, rows, columns). Formulas downstream of
    an area in `forced` see the numbers given there (NaN: not forced), while the area's own formulas are computed and
    reported as ever. What is of dtype bool in either is a truth value. `traced` keeps the graph of autograd from the
    inputs to every cell. `progress` is told how many formulas are computed.
    """

    workbook: Workbook
    inputs: Mapping[Area, Tensor] = field(default_factory=dict)
    forced: Mapping[Area, NDArray[np.float64 | np.bool_]] = field(default_factory=dict)
    traced: bool = False
    progress: Callable[[str], None] = lambda _: None
    texts: Texts = field(init=False)
    frozen: dict[int, str] = field(default_factory=dict)
    store: Store = field(init=False)
    evaluator: Evaluator = field(init=False)
    reads: list[Reads] = field(init=False)
    _masks: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    _forced_kinds: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _own: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    # Which fills are computed as wholes, before cells matter (see `_pending`).
    _done: NDArray[np.bool_] = field(init=False)
    _by_cells: set[int] = field(default_factory=set)
    # Fills forced as a whole, until their own formulas are computed too.
    _known: set[int] = field(default_factory=set)
    _boxes: dict[Box, list[int]] = field(default_factory=dict)
    # Dynamic arrays whose result has another size than their area: fill -> (rows, columns).
    spilled: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        book = self.workbook.book
        self.texts = Texts(date1904=book.date1904)
        areas: dict[int, list[Area]] = {}
        for formula in self.workbook.formulas:
            areas.setdefault(formula.sheet, []).append(formula.area)
        for area in [*self.inputs, *self.forced]:
            sheet = self.workbook.sheet(area.sheet)
            if sheet is None:
                raise KeyError(area.sheet)
            areas.setdefault(sheet, []).append(area)
        batch = max((tensor.shape[0] for tensor in self.inputs.values() if tensor.ndim == 3), default=1)
        self.store = Store.of([sheet.constants for sheet in book.sheets], areas, batch, Traced if self.traced else Grid)
        self.evaluator = Evaluator(self.workbook, self.store, self.texts)
        self.reads = [reads(self.workbook, formula) for formula in self.workbook.formulas]
        for sheet, grid in enumerate(self.store.grids):
            enter_cells(grid, book.sheets[sheet].constants, self.texts)
        for area, tensor in self.inputs.items():
            values = tensor.to(torch.float64)
            values = values if values.ndim == 3 else values[None]
            kind = (
                torch.full(values.shape, int(Kind.BOOLEAN), dtype=torch.uint8) if tensor.dtype == torch.bool else None
            )
            self._grid(area).write(area.row, area.column, values, kind)
        self._enter_owners()
        self._enter_forced()

    def _grid(self, area: Area) -> Grid:
        sheet = self.workbook.sheet(area.sheet)
        assert sheet is not None
        return self.store.grids[sheet]

    def _enter_owners(self) -> None:
        for grid, own in zip(self.store.grids, self.workbook.owners(), strict=True):
            grid.owners = own
        self._done = np.zeros(len(self.workbook.formulas) + 1, np.bool_)

    @property
    def _pending(self) -> list[NDArray[np.bool_]]:
        """For each sheet which cells have a formula that is not computed yet.

        As long as fills are computed as wholes, it is enough to know which fills; this is made when cells matter.
        """
        if self.evaluator.pending is None:
            self._done[-1] = True  # the owner -1: no formula
            self.evaluator.pending = [~self._done[grid.owner] for grid in self.store.grids]
        return self.evaluator.pending

    def _enter_forced(self) -> None:
        for area, numbers in self.forced.items():
            sheet = self.workbook.sheet(area.sheet)
            assert sheet is not None
            grid = self.store.grids[sheet]
            mask = self._masks.get(sheet)
            if mask is None:
                mask = self._masks[sheet] = np.full(grid.kind.shape[1:], np.nan)
                self._forced_kinds[sheet] = np.full(mask.shape, Kind.NUMBER, np.uint8)
            place = grid.place(area.row, area.column, area.height, area.width)
            mask[place] = numbers
            self._forced_kinds[sheet][place] = Kind.BOOLEAN if numbers.dtype == np.bool_ else Kind.NUMBER
        for sheet, mask in self._masks.items():
            grid = self.store.grids[sheet]
            self._own[sheet] = grid.number.clone(), grid.kind.clone()
            forced = ~np.isnan(mask)
            force = torch.from_numpy(forced)
            grid.number[:, force] = torch.from_numpy(mask)[force]
            grid.kind[:, force] = torch.from_numpy(self._forced_kinds[sheet])[force]
            # A fill that is forced as a whole is known beforehand: nothing waits for it, not even itself.
            owners, counts = np.unique(grid.owner[forced & (grid.owner >= 0)], return_counts=True)
            for index, count in zip(owners.tolist(), counts.tolist(), strict=True):
                area = self.workbook.formulas[index].area
                if count == area.size:
                    self._known.add(index)
                    self._pending[sheet][grid.place(area.row, area.column, area.height, area.width)] = False

    # -- order ----------------------------------------------------------------------------------------------------

    def go(self) -> None:
        """Compute all formulas."""
        formulas = self.workbook.formulas
        everything = [formula.window for formula in formulas]
        precedents = [self._fills_read(index, window) for index, window in enumerate(everything)]
        total, done = sum(window.height * window.width for window in everything), 0
        for component in components(precedents):
            done += sum(everything[index].height * everything[index].width for index in component)
            self.progress(f"evaluating formula {done:,} of {total:,}")
            first = component[0]
            if len(component) == 1 and first not in precedents[first]:
                self._compute_now(first, everything[first])
                self._done[first] = True
                continue
            windows = {index: everything[index] for index in component}
            steps = None
            if all(formulas[index].fill.kind is FillKind.COPIED for index in component):
                steps = steps_of(windows, self.reads)
            if steps is None:
                self._by_cells.update(component)
                self._compute_on_demand([piece for item in windows.items() for piece in self._cells(*item)])
            else:
                self._walk(steps, windows)

    def _walk(self, steps: Steps, windows: dict[int, Window]) -> None:
        """Compute fills step by step, small windows cell by cell in plain Python where that will do."""
        formulas = self.workbook.formulas
        _ = self._pending  # from now on it tells, of fills that are computed in part
        quicks = {index: quick(self.workbook, self.store, formulas[index]) for index in windows}
        for index, window in steps.windows(windows):
            compute = quicks[index]
            if compute is None or window.size > _QUICK_LIMIT or not self._compute_quickly(window, compute):
                self._compute_now(index, window)

    def _compute_quickly(self, window: Window, compute: Quick) -> bool:
        """Compute the cells of a window one by one; False if some cell is not a plain number."""
        grid = self.store.grids[window.sheet]
        if self.traced or grid.rows.used is not None or window.sheet in self._masks:
            return False
        numbers, kinds = grid.number[0].numpy(), grid.kind[0].numpy()
        pending = self._pending[window.sheet]
        try:
            for row in range(window.row, window.row + window.height):
                for column in range(window.column, window.column + window.width):
                    numbers[row, column] = compute(row, column)
                    kinds[row, column] = Kind.NUMBER
                    pending[row, column] = False
        except NotPlain:
            return False
        return True

    def _compute_now(self, index: int, window: Window) -> None:
        """Compute a window whose precedents are computed, as far as its text tells."""
        if self.reads[index].dynamic:
            self._compute_on_demand([(index, window)])
        else:
            self._compute(index, window, checked=False)

    def _cells(self, index: int, window: Window) -> list[tuple[int, Window]]:
        if self.workbook.formulas[index].fill.kind is not FillKind.COPIED:
            return [(index, window)]
        return [(index, piece) for piece in window.split("cells")]

    def _fills_read(self, index: int, window: Window) -> list[int]:
        """The fills that a window reads, as far as the text tells; a volatile function reads nothing."""
        found: dict[int, None] = {}
        if self.reads[index].volatile is not None:
            return []
        for span in self.reads[index].spans:
            box = span.box(window)
            if box is not None:
                found.update(dict.fromkeys(self._fills_in(box)))
        return [other for other in found if other not in self._known]

    def _fills_in(self, box: Box) -> list[int]:
        """The fills that have cells in `box`; looked up once for ranges that many formulas share."""
        found = self._boxes.get(box)
        if found is None:
            sheet, *corners = box
            found = self._boxes[box] = self.store.grids[sheet].owners.within(*corners)
        return found

    # -- computing ------------------------------------------------------------------------------------------------

    def _compute_on_demand(self, tasks: list[tuple[int, Window]]) -> None:
        """Compute `tasks` and whatever they turn out to need first.

        A task that meets a cell not computed yet waits on a stack for the fill of that cell. Where fills wait for each
        other as wholes, they are taken apart into cells; cells that wait for each other are a circle.
        """
        _ = self._pending  # the evaluator looks there
        stack = list(reversed(tasks))
        waiting: dict[tuple[int, Window], int] = {}
        while True:
            if not stack:
                stack = [
                    (index, cell)
                    for index, window in tasks
                    if self._waits(window)
                    for _, cell in self._cells(index, window)
                    if self._waits(cell)
                ]
                if not stack:
                    return
                self._by_cells.update(index for index, _ in stack)
            task = stack[-1]
            if not self._waits(task[1]) and task[0] not in self._known:
                stack.pop()
                waiting.pop(task, None)
                continue
            try:
                self._compute(*task, checked=True)
                continue
            except NotReady as wait:
                needed = self._tasks_for(wait)
            waiting[task] = len(stack) - 1
            circle = next((other for other in needed if other in waiting), None)
            if circle is None:
                stack.extend(needed)
                continue
            start = waiting[circle]
            chain = [other for other in stack[start:] if other in waiting]
            wholes = [other for other in chain if self._divisible(*other)]
            if wholes:
                self._by_cells.update(index for index, _ in wholes)
                for other in stack[waiting[wholes[0]] :]:
                    waiting.pop(other, None)
                del stack[stack.index(wholes[0]) :]
            else:
                self._circular(chain)

    def _tasks_for(self, wait: NotReady) -> list[tuple[int, Window]]:
        """What has to be computed for the cells that a formula waits for."""
        grid = self.store.grids[wait.sheet]
        tasks: dict[tuple[int, Window], None] = {}
        for row, column in wait.cells:
            index = grid.owners.at(row, column)
            formula = self.workbook.formulas[index]
            if index in self._by_cells and formula.fill.kind is FillKind.COPIED:
                tasks[(index, Window(wait.sheet, row, column))] = None
            else:
                tasks[(index, formula.window)] = None
        return list(tasks)

    def _divisible(self, index: int, window: Window) -> bool:
        return window.size > 1 and self.workbook.formulas[index].fill.kind is FillKind.COPIED

    def _waiting(self, window: Window) -> NDArray[np.bool_]:
        grid = self.store.grids[window.sheet]
        place = grid.place(window.row, window.column, window.height, window.width)
        waiting: NDArray[np.bool_] = self._pending[window.sheet][place]
        return waiting

    def _waits(self, window: Window) -> bool:
        return bool(self._waiting(window).any())

    def _circular(self, circle: list[tuple[int, Window]]) -> None:
        """Make the cells of a circle undecided, with the path as the reason."""
        sheets = self.workbook.book.sheets
        cells = [Cell(sheets[window.sheet].name, window.row, window.column) for _, window in circle]
        same = len({cell.sheet for cell in cells}) == 1
        shown = [show_cell(cell, sheet=not same) for cell in [*cells, cells[0]]]
        if len(shown) > 12:
            shown = [*shown[:6], "...", *shown[-5:]]
        reason = self.evaluator.undecided("circular reference " + " -> ".join(shown))
        for index, window in circle:
            self._write(index, window, reason)

    def _compute(self, index: int, window: Window, checked: bool) -> None:
        self._evaluate(index, window, checked)
        self._known.discard(index)

    def _evaluate(self, index: int, window: Window, checked: bool) -> None:
        formula = self.workbook.formulas[index]
        array_mode = formula.fill.kind is not FillKind.COPIED
        if formula.expression is None:
            self._write(index, window, self.evaluator.undecided(formula.problem))
            return
        try:
            budget().time()
        except TooMuch as late:  # the rest is not even begun
            self._write(index, window, self.evaluator.undecided(str(late)))
            return
        if self.reads[index].volatile is not None:
            self._freeze(index, window)
            return
        pieces = [window] if array_mode else self._portions(index, window)
        entire = len(pieces) > 1 and only_contracts(formula.expression)
        if entire:
            pieces = [window]
        while pieces:
            piece = pieces.pop()
            area = formula.area
            at = Window(window.sheet, area.row, area.column) if array_mode else piece
            frame = Frame(
                at,
                (area.row, area.column),
                formula.sheet,
                array_mode,
                checked=checked,
                entire=entire and piece is window,
            )
            try:
                result = self._result(formula.expression, frame)
            except Ragged as ragged:
                if ragged.axis == "portions":
                    pieces.extend(self._portions(index, piece))
                    continue
                if at.size == 1:
                    self._write(index, piece, self.evaluator.undecided("its references have no single size"))
                    continue
                pieces.extend(reversed(self._finer(at, ragged.axis)))
                continue
            except TooMuch as problem:
                result = self.evaluator.undecided(str(problem))
            except RecursionError:
                result = self.evaluator.undecided("its formula nests too deep")
            except NotReady:
                raise
            except Exception as problem:
                if out_of_memory(problem):
                    raise  # what a workbook comes to must not depend on the machine's memory
                # A mistake of ours must not take the other cells along, nor pass for a value.
                result = self.evaluator.undecided(f"xlparity failed here: {type(problem).__name__}: {problem}")
            self._write(index, piece, result)

    def _result(self, expression: Expression, frame: Frame) -> Array:
        """What `expression` gives in the cells of `frame`: in array mode all of it, else one value a cell.

        A cell that reads other places in each sample is evaluated sample by sample. It is undecided if it is a part of
        an array, and with derivatives to keep: a sample's grids would have to keep their own.
        """
        try:
            operand = self.evaluator.evaluate(expression, frame)
            return self.evaluator.whole(operand, frame) if frame.array else self.evaluator.one(operand, frame)
        except SamplesDiffer as differing:
            if frame.array or self.traced:
                return self.evaluator.undecided(str(differing))
        results = []
        for at in range(self.store.batch):
            evaluator = Evaluator(self.workbook, Store([grid.sample(at) for grid in self.store.grids], 1), self.texts)
            evaluator.pending = self.evaluator.pending
            results.append(evaluator.one(evaluator.evaluate(expression, frame), frame))
        number = torch.cat([one.number[..., 0, 0].expand(1, 1, 1) for one in results])
        kind = torch.cat([one.kinds[..., 0, 0].expand(1, 1, 1) for one in results])
        return Array(number[..., None, None], kind[..., None, None])

    def _portions(self, index: int, window: Window) -> list[Window]:
        """The window, in portions of rows if its operands would be too large together."""
        if window.height == 1:
            return [window]
        most = 1
        for span in self.reads[index].spans:
            box = span.box(Window(window.sheet, window.row, window.column))
            if box is not None:
                rows = min(box[3] - box[1], self.store.height)
                most = max(most, rows * min(box[4] - box[2], self.store.width))
        count = max(MAX_ELEMENTS // (most * window.width), 1)
        starts = range(window.row, window.row + window.height, count)
        return [
            Window(window.sheet, start, window.column, min(count, window.row + window.height - start), window.width)
            for start in reversed(starts)
        ]

    def _finer(self, window: Window, axis: str) -> list[Window]:
        finer = window.split(axis)
        return finer if len(finer) > 1 else window.split("cells")

    def _freeze(self, index: int, window: Window) -> None:
        """A volatile formula keeps the values that the file remembers; without them it is undecided."""
        name = self.reads[index].volatile
        sheet = self.workbook.book.sheets[window.sheet]
        area = Area.of(sheet.name, window.row, window.column, window.height, window.width)
        cached = sheet.cached.grid(area)
        number = torch.from_numpy(own_texts(cached.number, cached.kind, cached.texts, self.texts).copy())
        kind = torch.from_numpy(cached.kind.copy())
        missing = kind == int(Kind.BLANK)
        if bool(missing.any()):
            reason = self.texts.reason(f"{name} has no remembered value to be frozen at")
            number[missing] = float(reason)
            kind[missing] = int(Kind.UNDECIDED)
        self.frozen[index] = f"{name} is frozen at the value that the file remembers"
        self._write(index, window, Array(number[..., None, None], kind[..., None, None]))

    def _write(self, index: int, window: Window, result: Array) -> None:
        """Store the result for a window: a value for each cell, or one array over the fill's area."""
        fill = self.workbook.formulas[index].fill
        grid = self.store.grids[window.sheet]
        number, kind = result.number, result.kind
        if kind is not None:
            # A formula that gives an empty cell shows 0.
            kind = torch.where(kind == int(Kind.BLANK), int(Kind.NUMBER), kind)
        single = result.rows == result.columns == 1
        unknown = single and kind is not None and bool((kind == int(Kind.UNDECIDED)).any())
        if fill.kind is FillKind.COPIED or unknown or _covers(result, window):
            # What is undecided is so over the whole area, since its size is not known either.
            number = number[..., 0, 0]
            kind = None if kind is None else kind[..., 0, 0]
        else:
            if fill.kind is FillKind.DYNAMIC and (result.rows, result.columns) != (fill.area.height, fill.area.width):
                self.spilled[index] = result.rows, result.columns
            number, kind = _spread(number, kind, fill.area.height, fill.area.width, fill.kind)
        shape = (self.store.batch, window.height, window.width)
        number = number.expand(shape)
        if kind is not None:
            kind = kind.expand(shape)
        if self.evaluator.pending is not None:
            place = grid.place(window.row, window.column, window.height, window.width)
            self.evaluator.pending[window.sheet][place] = False
        mask = self._masks.get(window.sheet)
        if mask is not None:
            place = grid.place(window.row, window.column, window.height, window.width)
            forced = torch.from_numpy(mask[place])
            force = ~torch.isnan(forced)
            if bool(force.any()):
                own_number, own_kind = self._own[window.sheet]
                own_number[:, *place] = number
                own_kind[:, *place] = int(Kind.NUMBER) if kind is None else kind
                number = torch.where(force, forced, number)
                kinds = torch.tensor(int(Kind.NUMBER), dtype=torch.uint8).expand(shape) if kind is None else kind
                kind = torch.where(force, torch.from_numpy(self._forced_kinds[window.sheet][place]), kinds)
        grid.write(window.row, window.column, number, kind)

    # -- results --------------------------------------------------------------------------------------------------

    def values(self, sheet: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """The numbers and kinds of a sheet's stored cells, of the first sample, not to be changed."""
        grid = self.store.grids[sheet]
        number, kind = grid.number[0], grid.kind[0]
        mask = self._masks.get(sheet)
        if mask is not None:
            own_number, own_kind = self._own[sheet]
            force = torch.from_numpy(~np.isnan(mask))
            number = torch.where(force, own_number[0], number)
            kind = torch.where(force, own_kind[0], kind)
        return number.numpy(), kind.numpy()


def computed(
    workbook: Workbook,
    inputs: Mapping[Area, Tensor] | None = None,
    forced: Mapping[Area, NDArray[np.float64 | np.bool_]] | None = None,
    *,
    traced: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Run:
    """The finished evaluation of `workbook`, its dynamic arrays spilled as far as their results reach now.

    The file tells how far an array spilled when it was saved. Where the result has another size, the evaluation starts
    again with that size, since it decides what other formulas see. #SPILL! where the cells are not free.
    """
    for _ in range(_MAX_RESPILLS):
        run = Run(workbook, inputs or {}, forced or {}, traced, progress)
        run.go()
        if not run.spilled:
            return run
        for index, size in run.spilled.items():
            _respill(run, index, *size)
    for index in run.spilled:
        formula = workbook.formulas[index]
        formula.expression, formula.problem = None, "the size of the array that it spills does not settle"
    run = Run(workbook, inputs or {}, forced or {}, traced, progress)
    run.go()
    return run


def _respill(run: Run, index: int, rows: int, columns: int) -> None:
    """Give a dynamic array the size of its result."""
    formula = run.workbook.formulas[index]
    corner = formula.area.corner
    area = Area(corner, min(rows, MAX_ROWS - corner.row), min(columns, MAX_COLUMNS - corner.column))
    grid = run.store.grids[formula.sheet]
    place = grid.place(area.row, area.column, area.height, area.width)
    foreign = (grid.owner[place] != index) & (grid.kind[0].numpy()[place] != int(Kind.BLANK))
    if foreign.any() or (area.height, area.width) != (rows, columns):
        formula.expression = ErrorLiteral(Error.SPILL)
        area = Area(corner, 1, 1)
    formula.fill = replace(formula.fill, area=area)


def _covers(result: Array, window: Window) -> bool:
    """Whether `result` has a lane for each cell of the window, as remembered values of an array formula have."""
    return (
        window.size > 1
        and result.rows == result.columns == 1
        and result.number.shape[-4:-2]
        == (
            window.height,
            window.width,
        )
    )


def _spread(
    number: Tensor, kind: Tensor | None, height: int, width: int, fill: FillKind
) -> tuple[Tensor, Tensor | None]:
    """The result of an array formula over its area: rows and columns as the batch's trailing dimensions.

    A single row or column repeats over the area of an array formula; beyond a larger result it shows #N/A. A dynamic
    array leaves the rest of the area it once spilled over empty.
    """
    number = number.reshape(-1, *number.shape[-2:])
    rows, columns = number.shape[-2:]
    if kind is not None:
        kind = kind.reshape(-1, *kind.shape[-2:])
    if fill is FillKind.ARRAY:
        if rows == 1:
            number, rows = number.expand(-1, height, -1), height
            kind = None if kind is None else kind.expand(-1, height, -1)
        if columns == 1:
            number, columns = number.expand(-1, -1, width), width
            kind = None if kind is None else kind.expand(-1, -1, width)
    number = number[:, :height, :width]
    kind = None if kind is None else kind[:, :height, :width]
    if rows < height or columns < width:
        pad = (0, max(width - columns, 0), 0, max(height - rows, 0))
        kinds = torch.full(number.shape, int(Kind.NUMBER), dtype=torch.uint8) if kind is None else kind
        empty = Kind.ERROR if fill is FillKind.ARRAY else Kind.BLANK
        kind = torch.nn.functional.pad(kinds, pad, value=int(empty))
        number = torch.nn.functional.pad(number, pad, value=float(Error.NA) if fill is FillKind.ARRAY else 0.0)
    return number, kind
