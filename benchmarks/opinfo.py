"""How many of PyTorch's own operator samples become workbooks whose recalculated cells hold what torch computes.

    python benchmarks/opinfo.py                         every sample of every operator; writes docs/benchmarks/opinfo.md
    python benchmarks/opinfo.py --quick                 five samples an operator, spread over its samples
    python benchmarks/opinfo.py --operators addmm,roll  these operators only, printed

The samples are those of `torch.testing._internal.common_methods_invocations` (float64 on the CPU, seed 0, at most 500
elements in all inputs together); they need the extra `benchmarks` (`pip install -e '.[benchmarks]'`). Each sample is a module whose
inputs are the sample's tensors. The module is captured, lowered and written; the file is read back and all its formulas
are evaluated by the embedded engine. A sample is

proved    every element of every output agrees with torch's eager float64 result
refused   the compiler said that it cannot (with the reason)
wrong     anything else

Samples whose outputs have no elements have no cells and are not counted. An operator is supported if all the aten
operations that its samples are captured into have a rule in `xlparity.compiler.lower`. Each proved workbook is given to
`xlparity.check` too, which holds every cell in it to its rounding error bound.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_map

import xlparity
from xlparity.compiler.capture import capture
from xlparity.compiler.emit import parity_sheet
from xlparity.compiler.graph import Graph, Node
from xlparity.compiler.lower import RULES, Lowering
from xlparity.compiler.place import place
from xlparity.compiler.workbook import map_rows, sheets_of
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError
from xlparity.model.book import Book
from xlparity.model.value import Kind
from xlparity.model.verdict import Verdict
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

MOST_ELEMENTS = 500
SECONDS = 60  # for one sample
RTOL, ATOL = 1e-10, 1e-13  # of the value, and of the largest value of the output (or 1)
LARGEST = 1e300  # what stands for infinity in a cell

FAMILIES = (
    ("linear algebra", ("linalg.", "mm", "matmul", "addm", "addb", "addr", "baddb", "dot", "outer", "cholesky", "lu",
                        "qr", "svd", "inner", "mv", "tensordot", "einsum", "kron", "cross", "trace", "pinverse",
                        "triangular_solve", "geqrf", "ormqr", "logdet", "vdot", "cdist", "chain", "__rmatmul__")),
    ("neural network", ("nn.functional.", "softmax", "log_softmax", "native_", "max_pool", "logsigmoid", "torch.ops.aten")),
    ("masked", ("masked.",)),
    ("special functions", ("special.", "polygamma", "mvlgamma", "lgamma", "digamma", "erf", "i0", "igamma")),
    ("Fourier", ("fft.", "stft", "istft")),
    ("reduction", ("sum", "mean", "prod", "amax", "amin", "arg", "var", "std", "norm", "logsumexp", "any", "all",
                   "count_nonzero", "nan", "median", "mode", "max.red", "min.red", "aminmax", "cum", "logcumsumexp",
                   "sort", "msort", "topk", "kthvalue", "quantile", "unique", "histc", "hist", "dist", "renorm", "trapez",
                   "cumulative", "_segment", "aminmax", "std_mean", "searchsorted", "bucketize")),
    ("indexing", ("gather", "scatter", "index", "take", "put", "__getitem__", "masked_", "where", "nonzero", "argwhere")),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one sample."""

    operator: str
    sample: int
    kind: str  # proved, refused, wrong, empty
    reason: str = ""
    captured: bool = False
    missing: tuple[str, ...] = ()  # aten operations without a rule
    judged: str = ""  # what `xlparity.check` says of the workbook, and why if it does not pass
    seconds: float = 0.0


@dataclass
class Tally:
    """The outcomes of one operator."""

    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(outcome.kind == kind for outcome in self.outcomes)

    @property
    def counted(self) -> int:
        return len(self.outcomes) - self.count("empty")

    @property
    def share(self) -> float:
        return self.count("proved") / self.counted if self.counted else math.nan

    @property
    def supported(self) -> bool:
        """Every aten operation of every captured sample has a rule, and there is one."""
        captured = [outcome for outcome in self.outcomes if outcome.captured]
        return bool(captured) and not any(outcome.missing for outcome in captured)


class Operator(nn.Module):
    """An operator as a module of the sample's tensors."""

    def __init__(self, operation: Any, pattern: Any) -> None:
        super().__init__()
        self.operation = operation
        self.pattern = pattern

    def forward(self, *tensors: Tensor) -> Any:
        at = iter(tensors)
        first, arguments, keywords = tree_map(lambda part: next(at) if part is TENSOR else part, self.pattern)
        return self.operation(first, *arguments, **keywords)


class _Tensor:
    """Stands for a tensor in a sample's arguments."""

    def __deepcopy__(self, _memo: Any) -> _Tensor:
        return self


TENSOR = _Tensor()


class Late(Exception):
    """The sample took too long."""


def name_of(operator: Any) -> str:
    return operator.name + (f".{operator.variant_test_name}" if operator.variant_test_name else "")


def samples_of(operator: Any) -> Iterator[tuple[int, Any]]:
    """The operator's samples that are small enough, with their positions."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    dtype = torch.float64 if torch.float64 in operator.dtypes else torch.int64
    for at, sample in enumerate(operator.sample_inputs("cpu", dtype, requires_grad=False)):
        tensors = [part for part in tree_flatten((sample.input, sample.args, sample.kwargs))[0] if is_tensor(part)]
        if sum(part.numel() for part in tensors) <= MOST_ELEMENTS:
            yield at, sample


def is_tensor(part: Any) -> bool:
    return isinstance(part, Tensor)


def outcome_of(operator: Any, sample: Any, facts: dict[str, Any]) -> tuple[str, str]:
    """(kind, reason) of one sample; `facts` receives the other fields of its `Outcome`."""
    pattern = (sample.input, tuple(sample.args), dict(sample.kwargs))
    tensors = [part.detach() for part in tree_flatten(pattern)[0] if is_tensor(part)]
    pattern = tree_map(lambda part: TENSOR if is_tensor(part) else part, pattern)
    module = Operator(operator.op, pattern)
    try:
        eager = module(*[part.clone() for part in tensors])
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        return "empty", f"torch itself refuses the sample: {type(error).__name__}"
    outputs = tree_flatten(eager)[0]
    if any(part.layout != torch.strided for part in [*tensors, *filter(is_tensor, outputs)]):
        return "refused", "sparse tensors"
    if not all(is_tensor(part) for part in outputs):
        return "refused", "gives no tensor"
    if not sum(part.numel() for part in outputs):
        return "empty", "no elements"
    try:
        graph = capture(module, tensors)
        facts["captured"], facts["missing"] = True, missing(graph)
        low = Lowering(graph)
        low.run({})
    except InputError as error:
        if "has no exact formula yet" in str(error):  # within a rule, too
            facts["missing"] = facts["missing"] or (str(error).split()[0],)
        return "refused", str(error)
    plans = place(graph, low.blocks, 1, "")
    rows = map_rows(plans, graph.aliases)
    book = Book((*sheets_of(plans, len(low.blocks), low.literals, 0, "0.0000"), parity_sheet(rows)), title="sample")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.xlsx"
        write_book(book, path)
        book = read_book(path)
        try:
            facts["judged"] = judged(path)
        except InputError as error:
            return "refused", f"the map cannot say it: {error}"
    values = EmbeddedEngine().evaluate(book)
    found = {row.tensor: row.block for row in rows}
    for at, expected in enumerate(outputs):
        if not expected.numel():
            continue
        name = "net" if len(outputs) == 1 else f"net.output[{at}]"
        if name not in found:
            return "wrong", f"no block holds {name}"
        block = found[name]
        if tuple(block.shape) != tuple(expected.shape):
            return "wrong", f"{name} has the shape {tuple(block.shape)}, not {tuple(expected.shape)}"
        actual, problem = values_of(values, block, expected)
        if problem:
            return "wrong", f"{name}: {problem}"
        problem = difference(actual, expected)
        if problem:
            return "wrong", f"{name}: {problem}"
    return "proved", ""


def missing(graph: Graph) -> tuple[str, ...]:
    """The aten operations of the graph that have no rule."""
    names = {str(node.operation).removeprefix("aten.") for node in graph.nodes if isinstance(node, Node)}
    return tuple(sorted(names - set(RULES)))


def judged(path: Path) -> str:
    """`xlparity.check`'s worst verdict, and its reason if it does not pass."""
    report = xlparity.check(path)
    if report.passed:
        return "passed"
    worst = max(report.cells, key=lambda finding: list(Verdict).index(finding.verdict))
    return f"{worst.verdict.value}: {worst.tensor}: {worst.because}"


def values_of(values: Any, block: Any, expected: Tensor) -> tuple[Tensor, str]:
    """The block's values as a tensor of its shape, NaN for an error."""
    cells = {
        name: {
            (row, column): (kind, number)
            for row, column, kind, number in zip(
                sheet.row.tolist(), sheet.column.tolist(), sheet.kind.tolist(), sheet.number.tolist(), strict=True
            )
        }
        for name, sheet in values.sheets.items()
    }
    actual = torch.empty(expected.shape, dtype=torch.float64)
    for index in np.ndindex(*expected.shape):
        cell = block.cell(index)
        kind, number = cells[cell.sheet].get((cell.row, cell.column), (Kind.BLANK, 0.0))
        if kind == Kind.ERROR:
            actual[index] = math.nan
        elif kind == Kind.NUMBER:
            actual[index] = number
        else:
            return actual, f"{cell} holds a {Kind(kind).name.lower()}"
    return actual, ""


def difference(actual: Tensor, expected: Tensor) -> str:
    """What is wrong with the sheet's values; "" if nothing is."""
    expected = expected.detach().double()
    finite = expected.isfinite()
    scale = float(expected[finite].abs().max()) if bool(finite.any()) else 0.0
    # Excel has no infinity: the largest number that the sheet uses, or an error where a formula overflows. NaN is an
    # error.
    infinite = expected.isinf()
    good = torch.where(
        infinite, actual.isnan() | ((actual.abs() >= LARGEST) & (actual.sign() == expected.sign())), finite
    )
    good |= expected.isnan() & actual.isnan()
    close = (actual - expected).abs() <= RTOL * expected.abs() + ATOL * max(scale, 1.0)
    good &= ~finite | close
    if bool(good.all()):
        return ""
    at = tuple((~good).nonzero()[0].tolist())
    return f"{int((~good).sum())} of {good.numel()} differ, at {list(at)} {float(actual[at])!r} for {float(expected[at])!r}"


def alarm(_signal: int, _frame: Any) -> None:
    raise Late


def run_operator(job: tuple[int, int]) -> list[Outcome]:
    """The outcomes of all samples of an operator (the one at that position of op_db)."""
    at, most = job
    torch.set_num_threads(1)
    operator = op_db[at]
    name = name_of(operator)
    outcomes = []
    signal.signal(signal.SIGALRM, alarm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = list(samples_of(operator))
        if most and len(samples) > most:
            samples = [samples[i * len(samples) // most] for i in range(most)]
        for number, sample in samples:
            start = time.perf_counter()
            facts: dict[str, Any] = {}
            signal.alarm(SECONDS)
            try:
                kind, reason = outcome_of(operator, sample, facts)
            except Late:
                kind, reason = "refused", f"takes longer than {SECONDS} s"
            except Exception as error:  # whatever it is, it is a defect of the compiler, and the table must say so
                where = traceback.extract_tb(error.__traceback__)[-1]
                text = str(error).splitlines()[0][:160] if str(error) else ""
                kind = "wrong"
                reason = f"{type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno})"
            finally:
                signal.alarm(0)
            outcomes.append(Outcome(name, number, kind, reason, **facts, seconds=time.perf_counter() - start))
    return outcomes


def family_of(name: str) -> str:
    for family, starts in FAMILIES:
        if name.startswith(starts):
            return family
    return "elementwise, shapes and the rest"


def plain(text: str) -> str:
    """Text that a cell of a Markdown table can hold."""
    return " ".join(text.replace("|", "/").replace("{", "(").replace("}", ")").split())


def group_of(reason: str) -> str:
    """A refusal without what differs from sample to sample."""
    head = re.sub(r" in net\S*( \(\w+\.py:\d+\))?", "", reason).partition(";")[0].partition(", so ")[0]
    head = head.replace(" has no exact formula yet", " has no rule").replace("Operator cannot", "it cannot")
    return re.sub(r" ?\(.*|(FakeTensor|Parity!).*", "", head)[:120] if "shape" not in head else _without_sizes(head)


def _without_sizes(text: str) -> str:
    return re.sub(r" \([^)]*\)", "", text)[:120]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operators", default="", help="names of operators, with commas; a name covers its variants")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="five samples an operator")
    parser.add_argument("--samples", type=int, default=0, help="samples an operator, spread over them; 0 for all")
    parser.add_argument("--json", type=Path, help="write every sample's outcome")
    parser.add_argument("--output", type=Path, help="write the table (Markdown)")
    options = parser.parse_args()
    most = 5 if options.quick else options.samples
    wanted = set(filter(None, options.operators.split(",")))
    jobs = [
        (at, most) for at, operator in enumerate(op_db)
        if (not wanted or operator.name in wanted or name_of(operator) in wanted)
        and (torch.float64 in operator.dtypes or (wanted and torch.int64 in operator.dtypes))
    ]  # fmt: skip
    start = time.perf_counter()
    tallies: dict[str, Tally] = defaultdict(Tally)
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=40) as pool:
        for done, outcomes in enumerate(pool.imap_unordered(run_operator, jobs), 1):
            for outcome in outcomes:
                tallies[outcome.operator].outcomes.append(outcome)
            if done % 50 == 0:
                print(f"{done} of {len(jobs)} operators, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    everything = [outcome for tally in tallies.values() for outcome in tally.outcomes]
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in everything], indent=0))
    text = report(tallies, most, time.perf_counter() - start)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text)
    print(text)


def report(tallies: dict[str, Tally], most: int, seconds: float) -> str:
    """The table in Markdown."""
    counted = {name: tally for name, tally in sorted(tallies.items()) if tally.counted}
    everything = [outcome for tally in counted.values() for outcome in tally.outcomes]
    kinds = Counter(outcome.kind for outcome in everything)
    macro = sum(tally.share for tally in counted.values()) / max(len(counted), 1)
    supported = {name: tally for name, tally in counted.items() if tally.supported}
    within = [outcome for tally in supported.values() for outcome in tally.outcomes if outcome.kind != "empty"]
    proved = sum(outcome.kind == "proved" for outcome in within)
    verdicts = Counter(outcome.judged.partition(":")[0] for outcome in everything if outcome.kind == "proved")
    lines = [
        "# Operator samples of PyTorch",
        "",
        "How many of the samples that PyTorch tests its operators with become workbooks whose cells, recalculated from the",
        "file, hold what PyTorch computes. `python benchmarks/opinfo.py` writes this page and explains its words.",
        "",
        f"PyTorch {torch.__version__}: {len(counted)} operators with {len(everything) - kinds['empty']:,} samples in "
        "float64 of at most "
        f"{MOST_ELEMENTS} elements"
        + (f" (at most {most} an operator, spread over its samples)" if most else "")
        + f"; {seconds / 60:.0f} minutes.",
        "",
        f"- Proved {kinds['proved']:,}, refused with a reason {kinds['refused']:,}, **wrong {kinds['wrong']:,}**.",
        f"- Macro-average of the share proved, unsupported operators counted as zero: **{macro:.3f}**.",
        f"- {len(supported)} operators are supported: every aten operation that their samples are captured into has a rule. "
        f"Of their {len(within):,} samples {proved:,} are proved ({proved / max(len(within), 1):.4f}; macro-average "
        f"{sum(t.share for t in supported.values()) / max(len(supported), 1):.4f}); the others are named below.",
        f"- All samples proved: {sum(t.share == 1 for t in counted.values())} operators.",
        f"- `xlparity.check` of the proved samples' workbooks, every cell by its bound: passed {verdicts['passed']:,}, "
        f"undecided {verdicts['undecided']:,}, faults {verdicts['fault'] + verdicts['inherited']:,}.",
        "",
        "| family | operators | samples | proved | refused | wrong | macro-average |",
        "|---|---|---|---|---|---|---|",
    ]
    families: dict[str, list[Tally]] = defaultdict(list)
    for name, tally in counted.items():
        families[family_of(name)].append(tally)
    for family, members in sorted(families.items()):
        numbers = [sum(tally.count(kind) for tally in members) for kind in ("proved", "refused", "wrong")]
        share = sum(tally.share for tally in members) / len(members)
        lines.append(
            f"| {family} | {len(members)} | {sum(t.counted for t in members):,} | "
            + " | ".join(f"{number:,}" for number in numbers) + f" | {share:.3f} |"
        )  # fmt: skip
    lines += ["", "## Wrong", ""]
    wrong = [outcome for outcome in everything if outcome.kind == "wrong"]
    lines += [f"- {o.operator}, sample {o.sample}: {o.reason}" for o in wrong] or ["None."]
    lines += ["", "## Exceptions within the supported operators", "",
              "Samples that are refused although each operation has a rule.", "",
              "| operator | samples | refused | reason |", "|---|---|---|---|"]  # fmt: skip
    for name, tally in supported.items():
        reasons = Counter(plain(group_of(o.reason)) for o in tally.outcomes if o.kind == "refused")
        lines += [f"| {name} | {tally.counted} | {count} | {reason} |" for reason, count in reasons.most_common()]
    lines += ["", "## Proved, but not passed by `xlparity.check`", "", "| verdict | samples | reason | operators |",
              "|---|---|---|---|"]  # fmt: skip
    doubts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in everything:
        if outcome.kind == "proved" and outcome.judged != "passed":
            verdict, _, because = outcome.judged.partition(": ")
            doubts[f"{verdict} | {{}} | {plain(because.partition(': ')[2])[:160]}"][outcome.operator] += 1
    lines += [f"| {text.format(sum(count.values()))} | {', '.join(count)} |" for text, count in sorted(doubts.items())]
    lines += [
        "",
        "## Refused, by reason",
        "",
        "| macro-average lost | samples | reason | operators |",
        "|---|---|---|---|",
    ]
    lost: dict[str, float] = defaultdict(float)
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for name, tally in counted.items():
        for outcome in tally.outcomes:
            if outcome.kind == "refused":
                reason = plain(group_of(outcome.reason))
                lost[reason] += 1 / tally.counted / len(counted)
                names[reason][name] += 1
    for reason in sorted(lost, key=lambda reason: -lost[reason]):
        count = names[reason]
        shown = ", ".join(list(count)[:6]) + (f", and {len(count) - 6} more" if len(count) > 6 else "")
        lines.append(f"| {lost[reason]:.4f} | {sum(count.values())} | {reason} | {shown} |")
    lines += ["", "## Every operator", "", "| operator | supported | samples | proved |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {'yes' if name in supported else ''} | {tally.counted} | {tally.share:.2f} |"
        for name, tally in counted.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
