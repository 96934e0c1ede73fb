"""The command line: parses arguments, calls the API, prints. Results go to stdout, everything else to stderr.

Exit codes: 0 parity, 1 difference, 2 bad usage, input or environment, 3 nothing could be checked or an internal error.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from xlparity import api
from xlparity.defaults import Defaults
from xlparity.errors import InputError, NothingChecked, XlparityError, plain
from xlparity.limits import limited_memory
from xlparity.version import __version__
from xlparity.xlsx.aside import written_aside
from xlparity.xlsx.folder import workbooks_in

if TYPE_CHECKING:
    from xlparity.model.outcome import Outcome
    from xlparity.xlsx.folder import Found

__all__ = ["app", "main"]

PARITY, DIFFERENCE, BAD_INPUT, NOTHING_CHECKED = 0, 1, 2, 3
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
UNREAD = 141  # the same of SIGPIPE
_CONFIG = "pyproject.toml"

app = App(
    name="xlparity",
    help="Prove, cell by cell, that an Excel workbook and a PyTorch model compute the same thing.",
    help_epilogue="""\
Examples:
  xlparity demo                the lecture's workbooks, and a broken cell found
  xlparity check BOOK.xlsx     judge every cell of a workbook with a map
  xlparity init BOOK.xlsx      propose a map for a workbook that has none
  xlparity doctor              what is installed here, and what is missing

The options of a command can stand in pyproject.toml: [tool.xlparity.COMMAND].""",
    help_format="plaintext",
    version=__version__,
    help_flags=["--help", "-h"],
    suppress_keyboard_interrupt=False,  # `run` says that it was interrupted
    config=Defaults(_CONFIG),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    # A polite end undoes what is under way, as Ctrl-C does: temporary files, and the processes of LibreOffice.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # One that the caller closed (>&-) is None, and its number would be the next file's, a workbook's perhaps.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115, open to the end
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit code."""
    try:
        code = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return code if isinstance(code, int) else PARITY
    except CycloptsError as error:
        _complain(_usage(error))
        return BAD_INPUT
    except NothingChecked as error:
        _complain(str(error))
        return NOTHING_CHECKED
    except XlparityError as error:
        _complain(str(error))
        return BAD_INPUT
    except BrokenPipeError:
        # The reader (head, less) has gone, which is no reason to complain, for Python at exit either; nor is it parity.
        _drop(sys.stdout)
        return UNREAD
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # so rich, which prints the help, ends the program
            return UNREAD
        raise
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except Exception as error:  # the last resort: a defect of xlparity, said in one line
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            _drop(sys.stdout)
            _complain(f"the output cannot be written: {error.strerror}")
            return BAD_INPUT
        if os.environ.get("XLPARITY_DEBUG"):
            traceback.print_exc()
        _complain(
            f"internal error: {type(error).__name__}: {str(error)[:200]}; this is a defect of xlparity, "
            "please report it (XLPARITY_DEBUG=1 shows where)"
        )
        return NOTHING_CHECKED


def _drop(stream: TextIO) -> None:
    """Let Python not write at exit what could not be written: it would end with code 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _usage(error: CycloptsError) -> str:
    """What is wrong with the command line, and where its rules stand."""
    command = " ".join(error.command_chain or ())
    what = str(error).strip().splitlines()[0].removesuffix("...").removesuffix(".").removesuffix(", ")
    if what.startswith("TOMLDecodeError"):
        return f"{_CONFIG}: {what}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        option = error.argument.name
        is_option = error.argument.index is None or error.keyword is not None
        if not is_option:
            what = f"{command} needs {option.removeprefix('--').upper()}"
        elif error.keyword is None:
            what = f"{command} needs {option}"
        else:
            what = f"{option} needs a value"
    # As cyclopts spells a key of the file: [tool][xlparity][samples].
    what = re.sub(r"\[tool\]\[xlparity\]\[([\w-]+)\] from", r"\1 from", what)
    return f"{what} (see {f'xlparity {command}'.strip()} --help)"


def _complain(message: str) -> None:
    try:
        print(f"xlparity: {plain(message)}", file=sys.stderr, flush=True)
    except OSError:  # where nothing can be written the exit code must say it
        _drop(sys.stderr)


@app.command(
    help_epilogue="""Examples:
  xlparity generate documents -o workbooks/
  xlparity generate model.py:Net --inputs x.csv -o net.xlsx
  xlparity generate model.py:Net --inputs x.csv --targets y.csv \\
      --loss mse --optimizer sgd --lr 0.1 --steps 3 -o net.xlsx"""
)
def generate(
    what: str,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    inputs: Annotated[list[str] | None, Parameter(negative=())] = None,
    targets: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    lr: float | None = None,
    steps: int = 1,
    style: Literal["compact", "lecture"] = "compact",
    decimals: int | None = None,
    weights: Path | None = None,
    seed: int = 0,
) -> int:
    """Write a workbook whose live formulas compute what a PyTorch model computes.

    Parameters
    ----------
    what
        `documents` for the lecture's workbooks, or the model: path/to/file.py:name or package.module:name, a module,
        a class or a function that returns a module.
    output
        The workbook to write; for `documents` the folder.
    inputs
        The model's input: a .csv, .npy or .safetensors file, or BOOK.xlsx!Sheet!A1:B4; for a model of several inputs
        given several times, in the order of its forward.
    targets
        The targets, likewise; with --loss the workbook has the loss and all gradients.
    loss
        mse, l1, smooth_l1, huber, cross_entropy, nll, bce, bce_with_logits, kl_div, or path/to/file.py:name.
    optimizer
        sgd, adam, adamw, rmsprop, adadelta or adagrad, with options as in "sgd(momentum=0.9)".
    lr
        The optimizer's learning rate.
    steps
        How many steps of training the workbook unrolls.
    style
        compact: a formula a layer; lecture: every operation in cells of its own.
    decimals
        How many decimals the cells show.
    weights
        A .safetensors file with the model's parameters.
    seed
        Torch's seed before a class or a function makes the model.
    """
    if what == "documents":
        for path in api.generate_documents(output):
            print(path)
        return PARITY
    if ":" not in what:
        raise InputError(f"{what!r} names no model; write documents, path/to/file.py:name or package.module:name")
    if not inputs:
        raise InputError("the model needs an input; give one with --inputs x.csv")
    if output.suffix.lower() != ".xlsx":
        raise InputError(f"{output} is no workbook; name it FILE.xlsx with -o")
    from xlparity.target import (
        as_inputs,
        as_targets,
        load_model,
        load_tensor,
        load_weights,
        named_loss,
        named_optimizer,
    )

    model = load_model(what, seed)
    if weights is not None:
        load_weights(model, weights)
    chosen = None if loss is None else named_loss(loss)
    given = as_inputs([load_tensor(source) for source in inputs], model)
    wanted = None if targets is None else as_targets(load_tensor(targets), chosen)
    trained_by = None if optimizer is None else named_optimizer(optimizer, model, lr)
    with _progress(output.name) as shown:
        book = api.generate(
            model, given, wanted, chosen, trained_by, steps, style=style, decimals=decimals, progress=shown
        )
        shown("saving")
        saved = book.save(output)
    print(f"{saved}: {len(book.sheets)} sheets, {book.formulas:,} formulas")
    return PARITY


@app.command(
    help_epilogue="""Examples:
  xlparity check net.xlsx
  xlparity check net.xlsx --model model.py:Net --samples 100
  xlparity check net.xlsx --html net.html --annotate net_annotated.xlsx
  xlparity check books/ --format junit --output parity.xml
  xlparity check handed-in/ --against solution.xlsx --jobs 4 --timeout 60
  xlparity check books/ --format jsonl --output parity.jsonl --resume
  xlparity check student.xlsx --against solution.xlsx"""
)
def check(
    *books: Path,
    model: str | None = None,
    weights: Path | None = None,
    samples: int = 0,
    seed: int = 0,
    map: Path | None = None,
    against: Path | None = None,
    engine: Annotated[list[str] | None, Parameter(negative=())] = None,
    rtol: float | None = None,
    atol: float | None = None,
    decimals: int | None = None,
    ignore: Annotated[list[str] | None, Parameter(negative=())] = None,
    format: Literal["text", "json", "jsonl", "junit", "github", "sarif"] = "text",
    output: Path | None = None,
    html: Path | None = None,
    annotate: Path | None = None,
    all: Annotated[bool, Parameter(negative=())] = False,
    jobs: int | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    cluster: str | None = None,
) -> int:
    """Check workbooks cell by cell against what torch computes from the numbers that stand in them.

    Parameters
    ----------
    books
        The .xlsx files, or folders of them. They are only read.
    model
        Hold the workbooks against this model too: package.module:name or path/to/file.py:name.
    weights
        The model's weights, a .safetensors file.
    samples
        Check the formulas on so many samples of other inputs and parameters too: finds what is right at the sheet's
        own numbers by coincidence.
    seed
        Draws these samples; torch's seed before a class or a function makes the model.
    map
        A TOML map (by default the sheet Parity, else BOOK.parity.toml beside the workbook).
    against
        Another workbook whose formulas are right, in torch's place: a student's workbook against the solution.
    engine
        The engine that evaluates the formulas (see `xlparity engines`); may be given several times.
    rtol
        Relative tolerance in the place of the computed bound, together with --atol.
    atol
        Absolute tolerance in the place of the computed bound, together with --rtol.
    decimals
        Agreement to so many decimals in the place of the computed bound.
    ignore
        An area such as 'Sheet1!B3:C5' that is not judged; may be given several times.
    format
        text for people, json for programs, jsonl for a line of JSON as each workbook ends, junit for CI servers,
        github for annotations of GitHub Actions, sarif for code scanning.
    output
        Write the report into this file instead of to the standard output.
    html
        Write a web page too that shows the sheets, every cell with its verdict: a file, or for several workbooks a
        folder for BOOK.html each.
    annotate
        Write a copy of the workbook that shows the report in its cells: colours, comments, a sheet with links.
    all
        List every cell in the JSON, the matching ones too.
    jobs
        How many workbooks are checked at a time, each in a process of its own; by default one for each CPU.
    timeout
        Seconds for each workbook, 0 for any time; of several by default 600.
    memory
        GB for each workbook, 0 for any memory; of several by default 4.
    resume
        Leave out the workbooks that stand in the file of --format jsonl --output already, as they are now.
    cluster
        Check on the Ray cluster at this address: host:port, ray://host:port, auto, or local.
    """
    if not books:
        raise InputError("name at least one workbook: xlparity check BOOK.xlsx")
    options: api.CheckOptions = {
        "model": model, "weights": weights, "map": map, "against": against, "engines": engine or ["embedded"],
        "rtol": rtol, "atol": atol, "decimals": decimals, "ignore": ignore or [], "samples": samples, "seed": seed,
    }  # fmt: skip
    alone = len(books) == 1 and not books[0].is_dir() and format != "jsonl"
    here = alone and timeout is None and memory is None and cluster is None
    if annotate is not None and not here:
        raise InputError(
            "--annotate writes a copy of one workbook, checked in this process; check them one by one, "
            "without --timeout, --memory and --cluster"
        )
    streamed = format == "jsonl" and output is not None
    if resume and not streamed:
        raise InputError("--resume goes on with a file of JSON lines; name it with --format jsonl --output F.jsonl")
    from xlparity.many import GIGABYTES, SECONDS, check_many, shown_path
    from xlparity.report.lines import LinesFile
    from xlparity.report.run import RunReport

    found = workbooks_in(books, against)
    pages = _pages(found, html, alone)
    _refuse_overwriting(
        [("--html", page) for page in pages.values()] + [("--output", output), ("--annotate", annotate)],
        [file for each in found for file in (each.path, each.path.with_suffix(".parity.toml")) if file.exists()]
        + [file for file in (map, against, weights) if file is not None],
    )
    limits = (SECONDS if timeout is None else timeout or None, GIGABYTES if memory is None else memory or None)
    lines = LinesFile(output, resume) if output is not None and streamed else None
    outcomes = _check_here(books[0], annotate, html is not None, options) if here else check_many(
        [each.path for each in found], jobs=jobs, timeout=limits[0], memory=limits[1], cluster=cluster,
        html=html is not None, done=frozenset() if lines is None else lines.done(*limits), **options,
    )  # fmt: skip
    colour = output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    order = [shown_path(each.path) for each in found]
    report = RunReport(order, format, limits, alone, all, lines, colour, _width())
    try:
        with closing(outcomes), lines or nullcontext(), nullcontext(_silent) if here else _progress("check") as shown:
            shown(report.progress)
            for outcome in outcomes:
                report.add(outcome)
                if outcome.page is not None:
                    pages[outcome.path].parent.mkdir(parents=True, exist_ok=True)
                    with written_aside(pages[outcome.path]) as file:
                        file.write(outcome.page.encode())
                shown(report.progress)
    except KeyboardInterrupt:
        _complain("interrupted" if alone else f"interrupted after {report.progress}" + "; --resume goes on" * streamed)
        return INTERRUPTED
    for error in report.errors:
        _complain(error)
    if not alone and (streamed or (output is not None and format != "text")):
        sys.stdout.write(report.table())
    text = report.text()
    if output is None or streamed:
        sys.stdout.write(text)
    elif text:
        with written_aside(output) as file:
            file.write(text.encode())
    return report.exit_code


def _check_here(
    book: Path, annotate: Path | None, html: bool, options: api.CheckOptions
) -> Generator[Outcome]:  # fmt: skip
    """One workbook's outcome, checked in this process, with its steps shown."""
    from xlparity.many import shown_path
    from xlparity.model.outcome import Ending, Outcome

    try:
        with _progress(book.name) as shown, limited_memory(book, options["samples"], options["model"] is not None):
            report = api.check(book, progress=shown, **options)
        with limited_memory(book):  # a page and a copy of the workbook take memory too
            if annotate is not None:
                api.annotate(report, book, annotate)
            page = report.to_html() if html else None
        yield Outcome(shown_path(book), report, page=page)
    except XlparityError as error:
        ending = Ending.NOTHING if isinstance(error, NothingChecked) else Ending.REFUSED
        # As the path stands in the report that others read.
        yield Outcome(shown_path(book), None, str(error).replace(str(book), shown_path(book)), ending)


@app.command(
    help_epilogue="""Examples:
  xlparity explain net.xlsx "'Layer 1'!N11" --depth 2"""
)
def explain(book: Path, cell: str, *, map: Path | None = None, depth: int = 1) -> int:
    """Show how one cell comes to its value: its formula, what it reads, and torch's values beside.

    Parameters
    ----------
    book
        The .xlsx file.
    cell
        Its address, such as 'Layer 1'!N11 or C5 (on the first sheet).
    map
        A TOML map (by default the sheet Parity, else BOOK.parity.toml beside the workbook).
    depth
        How many levels of precedents to show.
    """
    from xlparity.report.explanation import explanation_to_text

    if depth < 0:
        raise InputError(f"--depth is {depth}; it is 0 or more")
    with limited_memory(book):
        explanation = api.explain(book, cell, map=map, depth=depth)
    sys.stdout.write(explanation_to_text(explanation))
    return PARITY


@app.command(
    help_epilogue="""Examples:
  xlparity grad net.xlsx --of Loss!D7 --wrt "'Layer 1'!B3:C5"
"""
)
def grad(book: Path, *, of: str, wrt: str, format: Literal["text", "json"] = "text") -> int:
    """Differentiate one cell with respect to the numbers of an area, through all the formulas between them.

    Parameters
    ----------
    book
        The .xlsx file. It is only read.
    of
        The cell, such as 'Loss!D7' (without a sheet: on the first one).
    wrt
        The area whose numbers are varied, such as "'Layer 1'!B3:C5".
    format
        text for people, json for programs.
    """
    from xlparity.report.gradient import gradient_to_json, gradient_to_text

    with limited_memory(book):
        derivatives = api.gradient(book, of=of, wrt=wrt)
    shown = gradient_to_json if format == "json" else gradient_to_text
    sys.stdout.write(shown(of, wrt, list(derivatives.index), list(derivatives.columns), derivatives.to_numpy()))
    return PARITY


@app.command(
    help_epilogue="""Examples:
  xlparity init sheet.xlsx --model model.py:Net --weights net.safetensors"""
)
def init(
    book: Path,
    *,
    model: str | None = None,
    weights: Path | None = None,
    inputs: Annotated[list[str] | None, Parameter(negative=())] = None,
    targets: str | None = None,
    loss: str | None = None,
    optimizer: str | None = None,
    lr: float | None = None,
    name: str = "net",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    seed: int = 0,
) -> int:
    """Propose a map for a workbook that has none, as a TOML file to correct.

    Parameters
    ----------
    book
        The .xlsx file. It is only read.
    model
        The model that it should be: package.module:name or path/to/file.py:name. Without it, roles and expressions
        are read from the formulas alone.
    weights
        The model's weights, a .safetensors file.
    inputs
        What the model's forward takes, if the workbook's numbers do not tell: a .csv, .npy or .safetensors file, or
        BOOK.xlsx!Sheet!A1:B4; once for each input.
    targets
        The targets, likewise.
    loss
        With it the loss and the gradients are looked for: mse, cross_entropy, ..., or path/to/file.py:name.
    optimizer
        With it the updated parameters are looked for: sgd, adam, ..., with options as in "sgd(momentum=0.9)".
    lr
        The optimizer's learning rate.
    name
        What the map calls the model.
    output
        The map to write; by default BOOK.parity.toml beside the workbook.
    force
        Write over a file that is there.
    seed
        Torch's seed before a class or a function makes the model.
    """
    from xlparity.report.proposal import proposal_to_text, proposal_to_toml

    target = output or book.with_suffix(".parity.toml")
    if target.exists() and not force:
        raise InputError(f"{target} is there already; name another file with -o, or write over it with --force")
    if target.exists() and book.exists() and target.samefile(book):
        raise InputError(f"{target} is the workbook itself; name another file with -o")
    made, given, wanted, chosen, trained_by = None, None, None, None, None
    if model is not None:
        from xlparity.target import as_inputs, as_targets, load_model, load_tensor, named_loss, named_optimizer

        made = load_model(model, seed)
        chosen = None if loss is None else named_loss(loss)
        given = as_inputs([load_tensor(source) for source in inputs], made) if inputs else None
        wanted = None if targets is None else as_targets(load_tensor(targets), chosen)
        if weights is not None:
            from xlparity.target import load_weights

            load_weights(made, weights)
        trained_by = None if optimizer is None else named_optimizer(optimizer, made, lr)
    elif any(part is not None for part in (weights, inputs, targets, loss, optimizer)):
        raise InputError(
            "--weights, --inputs, --targets, --loss and --optimizer belong to a model; name it with --model"
        )
    with _progress(book.name) as shown, limited_memory(book, model=model is not None):
        proposal = api.propose(
            book, made, inputs=given, targets=wanted, loss=chosen, optimizer=trained_by, name=name, progress=shown
        )
    with written_aside(target) as file:
        file.write(proposal_to_toml(proposal).encode())
    sys.stdout.write(proposal_to_text(proposal))
    named = "" if target == book.with_suffix(".parity.toml") else f" --map {target}"
    print(f"\n{target} written; correct it where it is wrong, then: xlparity check {book}{named}")
    return PARITY


@app.command(
    help_epilogue="""Examples:
  xlparity calc net.xlsx -o net_calculated.xlsx --engine libreoffice"""
)
def calc(
    book: Path,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    engine: str = "embedded",
) -> int:
    """Copy a workbook with all formulas recalculated and their values stored.

    Parameters
    ----------
    book
        The .xlsx file. It is only read.
    output
        The recalculated copy.
    engine
        The engine that computes the values (see `xlparity engines`).
    """
    with limited_memory(book):
        formulas, undecided = api.recalculate(book, output, engine=engine)
    print(
        f"{output}: {formulas} formula cells recalculated by {engine}"
        + (f", {undecided} undecided" if undecided else "")
    )
    return DIFFERENCE if undecided else PARITY


@app.command
def doctor() -> int:
    """Say what is installed here, with versions, and what to install for what is missing."""
    from xlparity.doctor import examine

    broken = False
    for part in examine():
        what = f"{part.kind} {part.name}".strip()
        broken |= part.needed and not part.version
        print(plain(f"{what:24} {part.version or part.remedy}"))
    return BAD_INPUT if broken else PARITY


@app.command(
    help_epilogue="""Examples:
  eval "$(xlparity completion bash)"                                        for this shell
  xlparity completion fish > ~/.config/fish/completions/xlparity.fish       for every new one"""
)
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the script by which a shell completes commands and options when Tab is pressed.

    Parameters
    ----------
    shell
        The shell that will run it.
    """
    sys.stdout.write(app.generate_completion(shell=shell))
    return PARITY


@app.command
def engines() -> int:
    """List the engines that can evaluate formulas here, with their versions, and what the others lack."""
    from xlparity.engines import ENGINES, engine

    for name in ENGINES:
        try:
            print(f"{name:12} {engine(name).version}")
        except XlparityError as error:
            print(f"{name:12} not available: {error}")
    return PARITY


@app.command
def functions() -> int:
    """List the Excel functions that the embedded engine computes."""
    from xlparity.engines.embedded import functions as computed

    for name, summary in computed().items():
        print(f"{name:18} {summary}")
    return PARITY


@app.command
def ops() -> int:
    """List PyTorch's operations (overloads of ATen) that `xlparity generate` writes formulas for, by family."""
    import torch

    from xlparity.compiler.lower import VIEWS, families

    for heading, overloads in families().items():
        print(heading)
        for overload in overloads:
            packet, name = overload.split(".")
            schema = str(getattr(getattr(torch.ops.aten, packet), name)._schema).partition("(")[2]
            views = "  [other cells, no formula]" if overload in VIEWS else ""
            print(f"  aten.{overload:44} ({schema}{views}")
    return PARITY


@app.command(
    help_epilogue="""Examples:
  xlparity demo -o lecture/"""
)
def demo(*, output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("demo")) -> int:
    """Generate the lecture's workbooks, check them, then break one cell of a copy and show that it is caught.

    Parameters
    ----------
    output
        The folder for the workbooks.
    """
    from xlparity.formula.a1 import parse_cell
    from xlparity.report.text import report_to_text, verdict_sentence
    from xlparity.xlsx.edit import replace_formula

    print(f"The lecture's workbooks, generated into {output}/ and checked against PyTorch:\n")
    checked = []
    for path in api.generate_documents(output):
        checked.append(api.check(path))
        print(f"  {path.name:20} {verdict_sentence(checked[-1])}")
    edited, broken = output / "mse_edited.xlsx", output / "mse_broken.xlsx"
    replace_formula(output / "mse.xlsx", parse_cell("MSE!D6"), "SUM(D2:D3)", edited)
    api.recalculate(edited, broken)  # as Excel would, before a person saves
    edited.unlink()
    print(f"\nNow one cell of a copy is broken: in {broken}, MSE!D6 =SUM(D2:D4) becomes =SUM(D2:D3)\n")
    report = api.check(broken)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.write(report_to_text(report, colour, _width()))
    caught = [finding.cell.row for finding in report.faults] == [5]
    print("\nxlparity named the broken cell, and only that one." if caught else "\nThe broken cell was NOT named.")
    return PARITY if caught and all(report.passed for report in checked) else DIFFERENCE


def _pages(found: Sequence[Found], html: Path | None, alone: bool) -> dict[str, Path]:
    """Where each workbook's page goes, by the workbook's path as reports show it; none without --html."""
    from xlparity.many import shown_path

    if html is None:
        return {}
    if html.suffix.lower() in (".html", ".htm"):
        if alone:
            return {shown_path(found[0].path): html}
        raise InputError(f"{html} is one page, and these may be several workbooks; name a folder with --html")
    pages = {shown_path(each.path): html / each.inside.with_suffix(".html") for each in found}
    if len(set(pages.values())) < len(pages):
        raise InputError(f"two of the workbooks would have the same page in {html}; check them one by one")
    return pages


def _refuse_overwriting(results: Iterable[tuple[str, Path | None]], inputs: Iterable[Path]) -> None:
    """Raise InputError where a result would take the place of what is read, or of another result."""
    taken = {os.path.realpath(path): "which is read" for path in inputs}
    for option, path in results:
        if path is None or (path.exists() and not path.is_file()):  # of a device there may be several
            continue
        place = os.path.realpath(path)
        if place in taken:
            raise InputError(f"{option} would overwrite {path}, {taken[place]}; name another file")
        taken[place] = f"the result of {option}"


def _silent(_: str) -> None:
    """In the place of progress where nobody watches."""


def _width() -> int:
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 80)
    except (OSError, ValueError):
        return 120


def _progress(name: str) -> AbstractContextManager[Callable[[str], None]]:
    """What is being done, on stderr and only where a person watches."""
    if not sys.stderr.isatty():
        return nullcontext(_silent)
    from xlparity.report.progress import Progress

    return Progress(name, sys.stderr)
