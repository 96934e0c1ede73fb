"""The public verbs: what the command line, the pytest plugin and notebooks call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from xlparity.errors import InputError, MapError
from xlparity.model import report as model_report

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from xlparity.compiler.eager import Loss
    from xlparity.evaluating import Evaluation
    from xlparity.model.book import Book
    from xlparity.model.explanation import Explanation
    from xlparity.model.map import Map
    from xlparity.model.proposal import Proposal
    from xlparity.model.value import Values

__all__ = [
    "Report",
    "Workbook",
    "annotate",
    "assert_parity",
    "check",
    "evaluate",
    "explain",
    "generate",
    "generate_documents",
    "gradient",
    "map_of",
    "propose",
    "recalculate",
]

StrPath = str | os.PathLike[str]

_MOST_SAMPLES = 1_000_000
_TWO_THINGS = "model and against are two things to hold a workbook against; give one of them"
_MOST_CELLS_IN_A_NOTEBOOK = 50_000  # a page of these has about a megabyte, which the notebook's file keeps


class Report(model_report.Report):
    """The outcome of a check; see `model.report.Report` for its fields."""

    def to_json(self, every: bool = False) -> str:
        """The report as JSON text (see the reference); `every` lists the matching cells too."""
        from xlparity.report.json import report_to_json

        return report_to_json(self, every)

    def to_html(self) -> str:
        """The report as a web page of one file: the sheets as grids, every cell with its verdict.

        It loads nothing from the network, and memory and size grow linearly with the cells.
        """
        from xlparity.report.html import report_to_html

        return report_to_html(self)

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks; the summary alone where the workbook is large."""
        from xlparity.report.html import in_frame, summary_to_html

        cells = sum(tensor.block.size for tensor in self.tensors)
        small = self.subject is not None and cells <= _MOST_CELLS_IN_A_NOTEBOOK
        return in_frame(self.to_html() if small else summary_to_html(self), self.workbook)

    def plot_errors(self) -> Figure:
        """How many cells differ by which part of their bound, as a matplotlib figure (the `plots` extra)."""
        from xlparity.report.plots import error_plot

        return error_plot(self)

    def to_pandas(self) -> pandas.DataFrame:
        """All judged cells, a row each, with the columns of the JSON's `cells`; for a CSV see `to_csv`."""
        import pandas

        from xlparity.report.json import report_to_dict

        return pandas.DataFrame(report_to_dict(self, every=True)["cells"])

    def to_csv(self) -> str:
        """All judged cells as CSV, for spreadsheets: formulas and what looks like one begin with an apostrophe.

        `to_pandas().to_csv()` writes texts of the workbook as they are, and a spreadsheet would compute them.
        """
        from xlparity.report.csv import report_to_csv

        return report_to_csv(self)

    def __str__(self) -> str:
        from xlparity.report.text import report_to_text

        return report_to_text(self)


class CheckOptions(TypedDict, total=False):
    """The options of `check` by name, for what hands them on."""

    model: nn.Module | str | None
    weights: StrPath | None
    map: StrPath | None
    against: StrPath | None
    engines: Sequence[str]
    rtol: float | None
    atol: float | None
    decimals: int | None
    ignore: Sequence[str]
    samples: int
    seed: int


def check(
    workbook: StrPath,
    *,
    model: nn.Module | str | None = None,
    weights: StrPath | None = None,
    map: StrPath | None = None,
    against: StrPath | None = None,
    engines: Sequence[str] = ("embedded",),
    rtol: float | None = None,
    atol: float | None = None,
    decimals: int | None = None,
    ignore: Sequence[str] = (),
    samples: int = 0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Judge every cell that the workbook's map covers against what torch computes.

    Parameters
    ----------
    workbook
        The .xlsx file; it is only read.
    model
        Holds the workbook against this model too, a module or `path/to/file.py:name`, which is imported. The sheet's
        parameters must be the model's (or the model's rounded to 2 or more decimals), the map's expressions must give
        what its modules give, and each difference is divided into formula, inputs and precision. Computed tensors that
        the map names as the model does, `net[0]` or `net[0].weight.grad`, need no expression of their own.
    weights
        A .safetensors file whose parameters are loaded into the model (a copy of it) before.
    map
        A TOML map; by default the workbook's sheet `Parity`, else `BOOK.parity.toml` beside it.
    against
        Another workbook, whose formulas are right: they stand in torch's place, on this workbook's numbers. If both
        workbooks have a map, tensors are matched by name, else cells by address.
    engines
        The engines that evaluate the formulas; all must agree with torch. What the file remembers is compared too.
    rtol, atol
        A tolerance in the place of the computed rounding error bound, both together: atol + rtol |expected|.
    decimals
        Instead of these, agreement to so many decimals (half a unit of the last).
    ignore
        Areas such as `Sheet1!B3:C5` whose cells are not judged.
    samples
        Judges the formulas on so many samples of other inputs, targets and parameters too, which finds what is right
        at the sheet's own numbers by coincidence, with a small counterexample.
    seed
        Draws the samples; torch's seed before a class or a function makes the model.
    progress
        Is told in words what is being done.

    Raises InputError (its subclasses WorkbookError, MapError, ...) for what the user can mend, EngineError for an
    engine that cannot run, NothingChecked if no cell is left to judge.

    Examples
    --------
    >>> report = check("workbooks/mse.xlsx")  # doctest: +SKIP
    >>> report.passed  # doctest: +SKIP
    True
    """
    path = Path(workbook)
    chosen = tuple(dict.fromkeys(engines))
    _refuse_numbers(samples, seed)
    tolerance_given = _checked_tolerance(rtol, atol, decimals)
    held_against = loaded_model(model, weights, seed)
    progress(f"reading {path.name}")
    book = _read(path)
    parity = _map(book, path, map) if against is None else None
    if parity is not None and held_against is not None:
        parity = _completed(parity, book, path, held_against)

    from xlparity.check.against import check_against
    from xlparity.check.check import check_book
    from xlparity.check.judge import Tolerance
    from xlparity.engines import engine
    from xlparity.formula.a1 import parse_area

    areas = [parse_area(text) for text in ignore]
    named = [engine(name) for name in chosen]
    tolerance = None if tolerance_given is None else Tolerance(*tolerance_given)
    if against is not None:
        if held_against is not None:
            raise InputError(_TWO_THINGS)
        other = Path(against)
        solution = _read(other)
        maps = _both_maps(book, path, map, solution, other)
        found = check_against(
            book, path, solution, other, maps, named, tolerance, areas, progress, samples, seed
        )  # fmt: skip
    else:
        assert parity is not None
        found = check_book(book, path, parity, named, tolerance, areas, progress, held_against, samples, seed)
    return Report(**{field.name: getattr(found, field.name) for field in fields(found)})


def refuse_options(
    *,
    engines: Sequence[str] = ("embedded",),
    rtol: float | None = None,
    atol: float | None = None,
    decimals: int | None = None,
    ignore: Sequence[str] = (),
    samples: int = 0,
    seed: int = 0,
    map: StrPath | None = None,
    against: StrPath | None = None,
    model: nn.Module | str | None = None,
    weights: StrPath | None = None,
) -> None:
    """Raise what `check` with these options would raise of any workbook: for a wrong number, name or file."""
    from xlparity.engines import engine
    from xlparity.formula.a1 import parse_area

    _refuse_numbers(samples, seed)
    _checked_tolerance(rtol, atol, decimals)
    for name in engines:
        if name != "embedded":  # which is always there, and takes a second to load
            engine(name)
    for text in ignore:
        parse_area(text)
    if against is not None:
        if model is not None:
            raise InputError(_TWO_THINGS)
        _read(Path(against))
    if map is not None and not Path(map).is_file():
        raise MapError(f"{map}: cannot be read (no such file); name the map with --map")
    loaded_model(model, weights, seed)


def loaded_model(model: nn.Module | str | None, weights: StrPath | None, seed: int = 0) -> nn.Module | None:
    """The model to hold a workbook against, with its weights; the user's own is not changed."""
    if model is None:
        if weights is not None:
            raise InputError("weights need a model to be loaded into; name it with model= (--model)")
        return None
    from copy import deepcopy

    from xlparity.target import load_model, load_weights

    loaded = load_model(model, seed) if isinstance(model, str) else model
    if weights is not None:
        loaded = deepcopy(loaded)
        load_weights(loaded, Path(weights))
    return loaded


class Workbook:
    """A generated workbook: sheets, map and the values that the embedded engine computed from its formulas.

    Attributes
    ----------
    book
        The sheets as data.
    map
        Which cells hold which tensor, and what torch computes it from.
    values
        The cells' values.
    """

    def __init__(self, book: Book, map: Map, values: Values) -> None:
        self.book, self.map, self.values = book, map, values

    @property
    def sheets(self) -> tuple[str, ...]:
        """The sheets' names."""
        return tuple(sheet.name for sheet in self.book.sheets)

    @property
    def formulas(self) -> int:
        """How many cells have a formula."""
        return sum(fill.area.size for sheet in self.book.sheets for fill in sheet.fills)

    def drawing(self) -> str:
        """The network as SVG: neurons and weights where it is small, else its modules with their shapes."""
        from xlparity.check.judge import hold
        from xlparity.report.drawing import network_drawing

        return network_drawing(self.map, lambda row: hold(self.values, row.block, row.dtype).values)

    def derivatives_drawing(self) -> str:
        """How the loss's gradient flows back, as SVG: the derivative of every operation and what comes together where.

        "" where there is no loss, or too many tensors for a picture.
        """
        from xlparity.report.derivatives import derivatives_drawing

        return derivatives_drawing(self._subject().derivatives())

    def _subject(self) -> model_report.Subject:
        from xlparity.check.derivatives import loss_derivatives

        graph = partial(loss_derivatives, self.map, self.values)
        return model_report.Subject(self.book, self.map, self.values, graph)

    def tensor(self, name: str) -> NDArray[np.float64]:
        """What the cells of the tensor `name` hold, in its shape; InputError if the map has no such tensor."""
        from xlparity.check.judge import hold

        for row in self.map:
            if row.tensor == name and row.role.value != "expected":
                return hold(self.values, row.block, row.dtype).values
        raise InputError(f"the workbook has no tensor {name!r}; its map lists them all")

    def plot_loss(self) -> Figure:
        """The loss by step, as a matplotlib figure (the `plots` extra)."""
        from xlparity.report.plots import loss_plot

        losses = [row.tensor for row in self.map if row.tensor.rpartition(".")[2] == "loss"]
        return loss_plot({name: self.tensor(name) for name in dict.fromkeys(losses)})

    def plot_weight(self, name: str) -> Figure:
        """A parameter such as `net[0].weight` as a heat map, a matplotlib figure (the `plots` extra)."""
        from xlparity.report.plots import weight_plot

        return weight_plot(name, self.tensor(name))

    def to_html(self) -> str:
        """The sheets as a web page of one file, with what each formula reads and computes."""
        from xlparity.report.html import book_to_html

        return book_to_html(self._subject())

    def _repr_html_(self) -> str:
        """The page in a frame, for notebooks; a line where the workbook is large."""
        from xlparity.report.html import in_frame

        if self.formulas > _MOST_CELLS_IN_A_NOTEBOOK:
            return (
                f"<p>A workbook of {len(self.sheets)} sheets and {self.formulas:,} formulas; save(path) writes it.</p>"
            )
        return in_frame(self.to_html(), self.book.title or "Workbook")

    def save(self, path: StrPath) -> Path:
        """Write the .xlsx file, whole or not at all; its path."""
        from xlparity.xlsx.write import write_book

        write_book(self.book, Path(path), self.values)
        return Path(path)


def generate(
    model: nn.Module,
    inputs: Tensor | Sequence[Tensor],
    targets: Tensor | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    steps: int = 1,
    *,
    style: str = "compact",
    decimals: int | None = None,
    name: str = "net",
    progress: Callable[[str], None] = lambda _: None,
) -> Workbook:
    """A workbook whose live formulas compute what `model` computes, and with an optimizer train it.

    Parameters
    ----------
    model
        Any module that torch.export captures; it is not changed.
    inputs
        The tensor, or the tensors, that its forward takes; the first dimension is the samples'.
    targets, loss
        With them the sheet has the loss and all gradients; `loss` is a module such as nn.MSELoss() or a function of
        the model's output and the targets that gives one number.
    optimizer
        A torch.optim optimizer of this model's parameters, with its options and state: SGD, Adam, AdamW, RMSprop,
        Adadelta, Adagrad.
    steps
        How many steps of training the sheet unrolls.
    style
        "compact": a formula a layer; "lecture": every operation in cells of its own, k = x * w, b and n apart.
    decimals
        How many decimals the cells show (4 by default); the numbers themselves are exact.
    name
        What the map calls the model.
    progress
        Is called with a few words at each stage, for long work.

    Raises
    ------
    InputError
        For what no sheet can compute: a random operation, shapes that depend on data, complex numbers, an operation
        without an exact formula, a model larger than a sheet; with the operation, the module and what to do.

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())  # doctest: +SKIP
    >>> generate(net, torch.randn(4, 2)).save("net.xlsx")  # doctest: +SKIP
    PosixPath('net.xlsx')
    """
    from torch import Tensor

    from xlparity.generating import generated

    if style not in ("compact", "lecture"):
        raise InputError(f"style is {style!r}; it is 'compact' or 'lecture'")
    if decimals is not None and not 0 <= decimals <= 15:
        raise InputError(f"decimals is {decimals}; it is a whole number from 0 to 15")
    if not name.isidentifier():
        raise InputError(f"name is {name!r}; the map needs a Python name such as 'net'")
    tensors = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    number_format = "0.0000" if decimals is None else "0." + "0" * decimals if decimals else "0"
    return Workbook(*generated(model, tensors, targets, loss, optimizer, steps, style, number_format, name, progress))


def annotate(report: Report, workbook: StrPath, output: StrPath) -> Path:
    """Write a copy of `workbook` that shows `report` in its cells, and nothing else changed; the copy's path.

    Each cell that is not a match has a colour and a comment with the expected value, the difference, the cause and the
    repair if there is one; a sheet `Parity report` lists them with links.

    Raises InputError if `output` cannot be written, is the workbook itself, or has another suffix.

    Examples
    --------
    >>> annotate(check("mse.xlsx"), "mse.xlsx", "mse_report.xlsx")  # doctest: +SKIP
    PosixPath('mse_report.xlsx')
    """
    from xlparity.report.annotated import write_annotated

    write_annotated(report, Path(workbook), Path(output))
    return Path(output)


def assert_parity(
    workbook: StrPath,
    *,
    model: nn.Module | str | None = None,
    weights: StrPath | None = None,
    map: StrPath | None = None,
    against: StrPath | None = None,
    engines: Sequence[str] = ("embedded",),
    rtol: float | None = None,
    atol: float | None = None,
    decimals: int | None = None,
    ignore: Sequence[str] = (),
    samples: int = 0,
    seed: int = 0,
) -> Report:
    """`check`, with an AssertionError that shows the worst cells if the workbook does not pass."""
    __tracebackhide__ = True
    report = check(
        workbook, model=model, weights=weights, map=map, against=against, engines=engines, rtol=rtol, atol=atol,
        decimals=decimals, ignore=ignore, samples=samples, seed=seed,
    )  # fmt: skip
    if not report.passed:
        raise AssertionError("\n" + str(report))
    return report


def explain(workbook: StrPath, cell: str, *, map: StrPath | None = None, depth: int = 1) -> Explanation:
    """How `cell` (`Sheet1!C5`) comes to its value, with its precedents down to `depth` and their verdicts.

    Raises InputError if the workbook has no such sheet or the cell is empty; see `check` for the rest.
    """
    from xlparity.check.explain import explain_cell
    from xlparity.formula.a1 import cell_in

    path = Path(workbook)
    book = _read(path)
    return explain_cell(book, path, _map(book, path, map), cell_in(book, cell, path.name), depth)


def generate_documents(folder: StrPath) -> list[Path]:
    """Write the lecture's workbooks into `folder`, the same bytes each time; what it wrote, in the lecture's order.

    The values that the files remember are those that the embedded engine computes from the formulas.
    """
    from xlparity.engines.embedded import EmbeddedEngine
    from xlparity.lessons import LESSONS
    from xlparity.xlsx.write import write_book

    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; name a folder for the workbooks")
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name, lesson in LESSONS.items():
        book = lesson()
        write_book(book, target / name, EmbeddedEngine().evaluate(book))
        written.append(target / name)
    return written


def evaluate(workbook: StrPath, inputs: Mapping[str, Tensor] | None = None) -> Evaluation:
    """All cells of a workbook as functions of some of its numbers: for many samples at once, and differentiable.

    Parameters
    ----------
    workbook
        The .xlsx file; it is only read.
    inputs
        By area, such as `'Layer 1'!B3:C5`, the numbers that stand in for its constants: shape (rows, columns), or
        (batch, rows, columns) with one batch size throughout. They keep their history of autograd.

    Returns
    -------
    Evaluation
        `evaluation["Loss!D7"]` are an area's numbers, float64 of shape (batch, rows, columns), the batch 1 if no input
        has one; NaN for a text, an error and what is undecided. `backward()` runs from them to the inputs.

    Raises InputError if there is no such sheet, if an area of `inputs` holds formulas, or for another shape.

    Examples
    --------
    >>> y_hat = torch.randn(1000, 3, 1, dtype=torch.float64, requires_grad=True)  # doctest: +SKIP
    >>> evaluate("workbooks/mse.xlsx", {"MSE!B2:B4": y_hat})["MSE!D7"].shape  # doctest: +SKIP
    torch.Size([1000, 1, 1])
    """
    from xlparity.evaluating import evaluated

    return evaluated(_read(Path(workbook)), Path(workbook), inputs or {})


def gradient(workbook: StrPath, *, of: str, wrt: str) -> pandas.DataFrame:
    """The derivative of one cell with respect to each number of an area, by autograd through the formulas.

    Parameters
    ----------
    workbook
        The .xlsx file; it is only read.
    of
        The cell, such as `Loss!D7`; without a sheet, on the first one.
    wrt
        The area whose constants are varied, such as `'Layer 1'!B3:C5`.

    Returns
    -------
    pandas.DataFrame
        The derivatives in the shape of `wrt`, rows and columns named as in the sheet. Zero where the cell does not
        depend on a number, NaN for the cells of the area that hold no number of their own (formulas, texts, blanks).

    Raises InputError if `of` has no number, with the reason where it could not be computed, if no cell of `wrt` holds
    a number, or if a function on the way is computed without derivatives (T.DIST, text and date functions).

    Notes
    -----
    At a kink (MAX(0, x) at 0, ABS at 0) the derivative is the one that PyTorch chooses. Steps (ROUND, IF's condition)
    have the derivative zero. See docs/how-to/gradients.md.

    Examples
    --------
    >>> gradient("workbooks/mse.xlsx", of="MSE!D7", wrt="MSE!B2:B4").loc[2, "B"]  # doctest: +SKIP
    -2.0998706666666664
    """
    from xlparity.evaluating import derivatives

    return derivatives(_read(Path(workbook)), Path(workbook), of, wrt)


def map_of(workbook: StrPath) -> Map | None:
    """Which cells hold which tensor, as the workbook says or a TOML file beside it; None if nothing does.

    Raises InputError (WorkbookError, MapError) if the workbook or its map cannot be read.
    """
    from xlparity.xlsx.map_file import PARITY_SHEET

    path = Path(workbook)
    book = _read(path)
    of_its_own = any(sheet.name.casefold() == PARITY_SHEET.casefold() for sheet in book.sheets)
    return _map(book, path, None) if of_its_own or path.with_suffix(".parity.toml").exists() else None


def recalculate(workbook: StrPath, output: StrPath, *, engine: str = "embedded") -> tuple[int, int]:
    """Copy `workbook` to `output` with the values that `engine` computes; how many formulas, and how many undecided.

    Everything else in the file stays byte for byte; an undecided formula is left without a value.
    """
    from xlparity.engines import engine as engine_named
    from xlparity.model.value import Kind
    from xlparity.xlsx.edit import recalculated_copy

    source, target = Path(workbook), Path(output)
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"{target} is the workbook itself; name another file with -o")
    book = _read(source)
    values = engine_named(engine).evaluate(book, source)
    recalculated_copy(source, book, values, target)
    formulas = sum(fill.area.size for sheet in book.sheets for fill in sheet.fills)
    undecided = sum(int((cells.kind == Kind.UNDECIDED).sum()) for cells in values.sheets.values())
    return formulas, undecided


def propose(
    workbook: StrPath,
    model: nn.Module | str | None = None,
    *,
    weights: StrPath | None = None,
    inputs: Tensor | Sequence[Tensor] | None = None,
    targets: Tensor | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    name: str = "net",
    progress: Callable[[str], None] = lambda _: None,
) -> Proposal:
    """A map for a workbook that has none: which cells hold which tensor, and what torch computes it from.

    Parameters
    ----------
    workbook
        The .xlsx file; it is only read. A sheet `Parity` in it is not looked at.
    model
        The model that it should be, a module or `path/to/file.py:name`, which is imported: the areas of its
        parameters, module outputs, intermediate tensors, loss, gradients and updated parameters are looked for by
        value. Without it, and for what the model does not account for, roles and expressions are read from the
        formulas.
    weights
        A .safetensors file whose parameters are loaded into the model (a copy of it) before.
    inputs, targets
        What the model's forward and the loss take; where they are not given, areas of numbers are tried whose
        outputs stand in the workbook.
    loss, optimizer
        With them the loss, all gradients and the updated parameters are looked for too.
    name
        What the map calls the model.

    Returns
    -------
    Proposal
        The rows, each with its evidence and how sure it is, and what could not be placed; see
        `report.proposal.proposal_to_toml`.

    Raises InputError if the workbook holds nothing that a map could say.

    Examples
    --------
    >>> propose("net.xlsx", net).rows[0].row.tensor  # doctest: +SKIP
    'x'
    """
    from torch import Tensor

    from xlparity.proposing.bind import ModelTensors
    from xlparity.proposing.propose import propose_map

    path = Path(workbook)
    loaded = loaded_model(model, weights)
    if not name.isidentifier():
        raise InputError(f"name is {name!r}; the map needs a Python name such as 'net'")
    if loaded is None and any(part is not None for part in (inputs, targets, loss, optimizer)):
        raise InputError("inputs, targets, loss and optimizer belong to a model; name it with model= (--model)")
    progress(f"reading {path.name}")
    book = _read(path)
    what = None
    if loaded is not None:
        tensors = (inputs,) if isinstance(inputs, Tensor) else None if inputs is None else tuple(inputs)
        what = ModelTensors(loaded, tensors, targets, loss, optimizer, name)
    return propose_map(book, path, what, progress)


def _read(path: Path) -> Book:
    from xlparity.xlsx.read import read_book

    return read_book(path)


def _completed(parity: Map, book: Book, path: Path, model: nn.Module) -> Map:
    """The map with the model's own expressions for the tensors that it only names."""
    from xlparity.engines.embedded import EmbeddedEngine
    from xlparity.proposing.complete import completed_map, is_complete

    return parity if is_complete(parity) else completed_map(parity, EmbeddedEngine().evaluate(book, path), model)


def _map(book: Book, path: Path, named: StrPath | None) -> Map:
    """The map that the user named, or the workbook's own, or the one beside it."""
    from xlparity.xlsx.map_file import map_of_toml

    if named is not None:
        return map_of_toml(Path(named), book)
    found = _found_map(book, path)
    if found is not None:
        return found
    beside = path.with_suffix(".parity.toml")
    raise MapError(
        f"{path.name} has no sheet Parity and there is no {beside.name} beside it; write one that says which cells "
        f"hold which tensor (xlparity init {path.name} proposes it), or name it with --map"
    )


def _both_maps(book: Book, path: Path, named: StrPath | None, solution: Book, other: Path) -> tuple[Map, Map] | None:
    """The maps of a workbook and its solution; None if not both have one."""
    theirs = _found_map(solution, other)
    mine = _found_map(book, path) if named is None else _map(book, path, named)
    if named is not None and theirs is None:
        raise MapError(
            f"{other.name} has no sheet Parity and there is no {other.with_suffix('.parity.toml').name} beside it, so "
            f"that the tensors of {named} have no counterpart; write one, or leave --map out to compare by address"
        )
    return None if mine is None or theirs is None else (mine, theirs)


def _found_map(book: Book, path: Path) -> Map | None:
    """The map in the workbook or beside it, None if there is none."""
    from xlparity.xlsx.map_file import map_of_book, map_of_toml

    found = map_of_book(book)
    beside = path.with_suffix(".parity.toml")
    return map_of_toml(beside, book) if found is None and beside.exists() else found


def _refuse_numbers(samples: int, seed: int) -> None:
    if not 0 <= samples <= _MOST_SAMPLES:
        raise InputError(f"samples is {samples}; it is a whole number from 0 to {_MOST_SAMPLES:,}")
    if seed < 0:
        raise InputError(f"seed is {seed}; it is a whole number that is not negative")


def _checked_tolerance(rtol: float | None, atol: float | None, decimals: int | None) -> tuple[float, float] | None:
    if decimals is not None:
        if rtol is not None or atol is not None:
            raise InputError("decimals and rtol/atol are two ways to say one thing; give one of them")
        if not 0 <= decimals <= 15:
            raise InputError(f"decimals is {decimals}; it is a whole number from 0 to 15")
        return (0.0, 0.5 * 10.0**-decimals)
    if (rtol is None) != (atol is None):
        raise InputError("rtol and atol come together: the allowed difference is atol + rtol x |expected|")
    if rtol is None or atol is None:
        return None
    if not (0 <= rtol < float("inf") and 0 <= atol < float("inf")):
        raise InputError(f"rtol {rtol} and atol {atol} must be finite and not negative")
    return (rtol, atol)
