"""From a graph to blocks of formulas: runs over the nodes, applies each one's rule, decides what stands in cells.

A tensor stays a formula in waiting, which the next operation takes into its own, until something needs it in cells: an
area of a SUM, two readers, a name that a user of PyTorch has for it, or a formula that grows too long to be read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload

from xlparity.compiler.graph import LOSS, Constant, Given, Graph, Node, Output, operands
from xlparity.compiler.lower.formula import (
    Formula,
    Ids,
    Literals,
    Slot,
    block_of,
    column_of,
    filled,
    finite,
    identity,
    pack,
    row_of,
    uniform,
    writable,
)
from xlparity.compiler.lower.spell import spelled
from xlparity.errors import InputError
from xlparity.formula.ast import Number, Unary
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.map import Role
from xlparity.model.table import Table

__all__ = ["INPUTS", "RULES", "VIEWS", "BlockPlan", "Lowering", "Style", "area_of", "lay_out"]

Rule = Callable[..., Any]
RULES: Table[str, Rule] = Table("aten operations as formulas")  # by overload: "add.Tensor"
VIEWS: set[str] = set()  # overloads that only rearrange: they make no cells of their own

INPUTS = "inputs"  # the sheet of inputs and targets
_LONGEST = 30  # parts of a formula that a person still reads
_MOST_TERMS = 32  # areas in one formula
# What is finite whatever it is computed from.
_BOUNDED = frozenset(("_softmax.default", "_safe_softmax.default", "sigmoid.default", "tanh.default"))
# Functions that may be applied in two steps, and what torch calls a step.
_PARTIAL = {
    "SUM": "aten.sum.dim_IntList({}, {})",
    "AVERAGE": "aten.mean.dim({}, {})",
    "MAX": "aten.amax.default({}, {})",
    "MIN": "aten.amin.default({}, {})",
}
_LONGEST_TEXT = 1000  # characters of torch's expression; a map row holds no more than 8,192
_WIDEST_ROW = 1024  # a longer vector stands in a column
_WIDEST_PLANES = 256  # columns that planes side by side may take
_MOST_ROWS, _MOST_COLUMNS = MAX_ROWS - 100, MAX_COLUMNS - 100  # of a block: its sheet has headings and labels too


class Style:
    """How fine the cells are: `LECTURE` gives every operation its block, `COMPACT` one formula a layer."""

    LECTURE = "lecture"
    COMPACT = "compact"


@dataclass(eq=False, slots=True)
class BlockPlan:
    """A tensor that gets cells: given numbers, or a formula.

    `rows` and `columns` say where each element stands within the block, in arrays of the tensor's shape; `height` and
    `width` are the block's size, `planes` the top left corners of its 2-D slices. `sheet` is the path of the top-level
    module whose sheet it stands on; `beside` the block that it stands to the right of; `link` the block of another
    sheet that it takes over.
    """

    number: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    role: Role
    sheet: str
    torch: str = ""
    values: Tensor | None = None
    formula: Formula | None = None
    module: str = ""
    phase: str = ""
    step: int = 0
    beside: BlockPlan | None = None
    link: BlockPlan | None = None
    transposed: bool = False
    rows: Ids = field(default_factory=lambda: np.zeros((), np.int64))
    columns: Ids = field(default_factory=lambda: np.zeros((), np.int64))
    height: int = 1
    width: int = 1
    planes: tuple[tuple[int, int], ...] = ((0, 0),)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Height and width of each plane."""
        if not self.shape:
            return 1, 1
        if len(self.shape) == 1:
            return (self.shape[0], 1) if self.transposed else (1, self.shape[0])
        height, width = self.shape[-2:]
        return (width, height) if self.transposed else (height, width)

    def ids(self) -> Ids:
        """The cells of the block's elements."""
        return pack(self.number, self.rows, self.columns)


def _planes_across(leading: tuple[int, ...], height: int, width: int) -> int:
    """How many planes of that size stand side by side, those of the last leading dimension if they find room.

    As many more as it takes for the others to find room below; 0 if a sheet does not hold them.
    """
    count = math.prod(leading)
    most = (_MOST_COLUMNS + 1) // (width + 1)
    least = -(-count * (height + 1) // (_MOST_ROWS + 1))
    if len(leading) > 1 and leading[-1] * (width + 1) <= _WIDEST_PLANES and leading[-1] >= least:
        return leading[-1]
    return next((across for across in range(max(least, 1), most + 1) if count % across == 0), 0)


def lay_out(plan: BlockPlan) -> None:
    """Set where each element of the block stands within it; InputError if it is larger than a sheet."""
    shape = plan.shape
    plan.transposed = (len(shape) == 1 and shape[0] > _WIDEST_ROW) or (
        len(shape) >= 2 and shape[-1] > MAX_COLUMNS // 2 and shape[-2] < shape[-1]
    )
    height, width = plan.plane_shape
    if height > _MOST_ROWS or width > _MOST_COLUMNS:
        raise InputError(
            f"{plan.name} of shape {list(shape)} needs {height:,} rows and {width:,} columns; a sheet has {MAX_ROWS:,} "
            f"and {MAX_COLUMNS:,}. Make that layer smaller"
        )
    leading = shape[:-2]
    count = math.prod(leading)
    across = _planes_across(leading, height, width)
    if not across:
        raise InputError(
            f"{plan.name} of shape {list(shape)} has {count:,} planes of {height} x {width} cells, which a sheet of "
            f"{MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns does not hold. Use fewer samples or a smaller model"
        )
    plan.planes = tuple((p // across * (height + 1), p % across * (width + 1)) for p in range(count))
    plan.height = (count // across) * (height + 1) - 1 if count else 1
    plan.width = across * (width + 1) - 1
    down, right = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    if plan.transposed:
        down, right = down.T, right.T
    corners = np.array(plan.planes, np.int64).reshape(count, 2)
    plan.rows = (corners[:, 0, None, None] + down).reshape(shape)
    plan.columns = (corners[:, 1, None, None] + right).reshape(shape)


class Lowering:
    """The state while a graph becomes blocks.

    Parameters
    ----------
    graph
        What to lower.
    style
        `Style.COMPACT` or `Style.LECTURE`.
    """

    def __init__(self, graph: Graph, style: str = Style.COMPACT) -> None:
        self.graph, self.style = graph, style
        self.blocks: list[BlockPlan] = []
        self.literals = Literals()
        self.step = 0
        self.node: Node | None = None
        self.phase = "forward"
        self.sheet = ""
        self.companion: BlockPlan | None = None  # what the current node's result stands beside, if its rule says so
        self._names: Counter[str] = Counter()
        self._by_name: dict[str, BlockPlan] = {}
        self._constants: dict[int, Formula] = {}
        self._links: dict[tuple[int, str], BlockPlan] = {}
        self._anchors: dict[int, BlockPlan] = {}  # by sequence number: a forward operation's block of this step
        self.sheet_of = _sheets_of(graph)
        self._readers, self._viewed = _readers(graph)
        self._infinite, self._nan = (_reached(graph, kind) for kind in (torch.isinf, torch.isnan))
        self._outputs = {(id(s.node), s.position): s for s in graph.nodes if isinstance(s, Output)}
        self._wanted = {id(source): name for name, source in graph.results.items()}
        self._fixed: dict[int, Tensor] = {}  # numbers that no input changes, by their block's number
        self._copies: dict[tuple[str, int], list[tuple[Ids, Ids]]] = {}  # cells in order, and where each was copied to
        self._counted: dict[tuple[str, int, int, bool], Formula] = {}

    # -- blocks -------------------------------------------------------------------------------------------------------

    def given(
        self, name: str, role: Role, value: Tensor, dtype: str, sheet: str, module: str = "", phase: str = "",
        beside: BlockPlan | None = None,
    ) -> Formula:  # fmt: skip
        """Place numbers that are typed in; the tensor that stands there."""
        plan = BlockPlan(
            len(self.blocks) + 1, self._unique(name), tuple(value.shape), dtype, role, sheet, values=value,
            module=module, phase=phase, step=self.step, beside=beside,
        )  # fmt: skip
        return self._add(plan)

    def source(self, given: Given) -> Formula:
        """Place an input, a target, a parameter or a buffer on its sheet."""
        sheet = INPUTS if given.role in (Role.INPUT, Role.TARGET) else self.sheet_of(given.module)
        if not given.value.numel():
            return self._empty(given.value)
        self._refuse_nan(given.value, given.name)
        return self.given(given.name, given.role, finite(given.value), given.dtype, sheet, given.module)

    def _empty(self, value: Tensor) -> Formula:
        """A tensor without elements, which needs no cells."""
        text = f"aten.full.default({list(value.shape)}, 0, dtype={value.dtype})"
        return uniform(0.0, tuple(value.shape), str(value.dtype).removeprefix("torch."), text)

    def _refuse_nan(self, value: Tensor, name: str) -> None:
        if value.is_floating_point() and bool(value.isnan().any()):
            raise self.refusal(f"{name} holds NaN, which a cell cannot hold", "give numbers")

    def place(
        self, formula: Formula, name: str = "", *, sheet: str | None = None, beside: BlockPlan | None = None,
        link: BlockPlan | None = None,
    ) -> Formula:  # fmt: skip
        """Give `formula` cells; the tensor that stands there."""
        node = self.node
        formula = writable(formula)
        where = self.sheet if sheet is None else sheet
        if name.endswith(".grad") and beside is None:
            beside = self._beside(name.removesuffix(".grad"), where)
        if link is None:
            formula = self._linked(formula, where)
        plan = BlockPlan(
            len(self.blocks) + 1, self._unique(name or self._name_of_node(formula.made)), formula.shape, formula.dtype,
            Role.COMPUTED, where, formula.torch, formula=formula, module=node.module if node else "", phase=self.phase,
            step=self.step, beside=beside, link=link,
        )  # fmt: skip
        if node is not None and beside is None and link is None:
            if node.backward:
                plan.beside = self._anchors.get(node.sequence)
            else:
                self._anchors[node.sequence] = plan
        return self._add(plan)

    def _add(self, plan: BlockPlan) -> Formula:
        lay_out(plan)
        self.blocks.append(plan)
        self._by_name[plan.name] = plan
        return identity(plan.ids(), plan.dtype, plan.name)

    def block(self, formula: Formula) -> BlockPlan | None:
        """The one block that a placed tensor stands in."""
        cells = formula.cells
        return None if cells is None or not cells.size else self.blocks[int(block_of(cells.flat[0])) - 1]  # type: ignore[arg-type]

    def cells(self, formula: Formula, name: str = "") -> Formula:
        """`formula` as cells of blocks: itself if it is, else placed; never a literal."""
        ids = formula.cells
        if ids is not None and (block_of(ids) > 0).all():
            return formula
        if 0 in formula.shape:
            return identity(np.zeros(formula.shape, np.int64), formula.dtype, formula.torch)
        return self.place(formula, name)

    def _linked(self, formula: Formula, sheet: str) -> Formula:
        """`formula` reading only cells of `sheet`: what stands on others is taken over by links, as a person does."""
        foreign: dict[int, int] = {}
        for slot in formula.slots:
            for number in np.unique(block_of(_distinct(slot.first))).tolist():
                if number and number not in foreign:
                    source = self.blocks[number - 1]
                    if source.sheet != sheet and source.role is not Role.HYPERPARAMETER:
                        foreign[number] = self._link(source, sheet).number
        if not foreign:
            return formula

        def moved(ids: Ids) -> Ids:
            table = np.arange(len(self.blocks) + 1)
            for number, other in foreign.items():
                table[number] = other
            place = block_of(ids)
            return ids + ((table[place] - place) << 34)

        return replace(formula, slots=tuple(slot.mapped(moved) for slot in formula.slots))

    def _link(self, source: BlockPlan, sheet: str) -> BlockPlan:
        key = (source.number, sheet)
        if key not in self._links:
            # The backward pass takes over gradients, and what the forward pass has kept for it.
            kind = "input" if self.phase != "backward" else "grad_output" if source.phase == "backward" else "saved"
            name = f"{self._sheet_tensor(sheet)}.{kind}"
            whole = identity(source.ids(), source.dtype, source.name)
            placed = self.place(whole, name, sheet=sheet, beside=self._differentiated(source, sheet), link=source)
            found = self.block(placed)
            assert found is not None
            self._links[key] = found
        return self._links[key]

    def _sheet_tensor(self, sheet: str) -> str:
        if sheet == LOSS:
            return "criterion"
        return self.graph.root + "".join(f"[{w}]" if w.isdecimal() else f".{w}" for w in sheet.split(".") if w)

    def _name_of_node(self, made: str) -> str:
        assert self.node is not None
        base = self._sheet_tensor(self.node.module)
        packet = made or self.node.operation.overloadpacket.__name__.strip("_")
        return f"{base}.{'backward_' if self.node.backward else ''}{packet}"

    def _differentiated(self, source: BlockPlan, sheet: str) -> BlockPlan | None:
        """The block on `sheet` that `source` is the gradient of."""
        plan = self._by_name.get(source.name.removesuffix(".grad")) if source.name.endswith(".grad") else None
        return plan if plan is not None and plan.sheet == sheet and plan.step == self.step else None

    def _beside(self, name: str, sheet: str) -> BlockPlan | None:
        """What the gradient of `name` stands beside: that tensor, or what `sheet` takes over of it."""
        plan = self._by_name.get(self._stepped(name))
        if plan is None or plan.sheet == sheet:
            return plan
        return self._links.get((plan.number, sheet))

    def name_beside(self, suffix: str) -> str:
        """A name for a part of what the current node computes: `net[2].mean`."""
        assert self.node is not None
        return f"{self._sheet_tensor(self.node.module)}.{suffix}"

    def _unique(self, name: str) -> str:
        name = self._stepped(name)
        self._names[name] += 1
        count = self._names[name]
        found = name if count == 1 else f"{name}_{count}"
        while found in self._by_name:
            self._names[name] += 1
            found = f"{name}_{self._names[name]}"
        return found

    def _stepped(self, name: str) -> str:
        return f"step[{self.step}].{name}" if self.step else name

    def output(self, position: int) -> tuple[bool, str]:
        """Whether anything reads the current node's result at `position`, and the name that users have for it."""
        source = self._outputs.get((id(self.node), position))
        return source is not None, "" if source is None else source.name or self._wanted.get(id(source), "")

    def known(self, formula: Formula) -> Tensor | None:
        """The numbers of a tensor that depends on no input; None if it may depend on one."""
        match formula.tree:
            case Number(value) | Unary("-", Number(value)):
                value = value if isinstance(formula.tree, Number) else -value
                return torch.full(formula.shape, value, dtype=torch.float64)
        ids = formula.cells
        if ids is None or not ids.size:
            return None
        (number, *others) = np.unique(block_of(ids)).tolist()
        if others or number not in self._fixed:
            return None
        plan = self.blocks[number - 1]
        table = np.zeros((plan.height, plan.width))
        table[plan.rows, plan.columns] = self._fixed[number].double().numpy()
        return torch.from_numpy(table[row_of(ids), column_of(ids)])

    # -- operations ---------------------------------------------------------------------------------------------------

    def apply(self, operation: OpOverload, *arguments: Any, **keywords: Any) -> Any:
        """The result of an aten operation on formulas: a Formula, or a tuple of them.

        Raises InputError for an operation that has no rule, with its module and line.
        """
        name = str(operation).removeprefix("aten.")
        rule = RULES.get(name)
        if rule is None:
            raise self.refusal(f"{operation} has no exact formula yet", "rewrite that part with other operations")
        result = rule(self, *arguments, **keywords)
        text, atom = spelled(operation, arguments, keywords, self.graph.real)
        made = operation.overloadpacket.__name__.strip("_")
        if isinstance(result, Formula):
            return self._spelled(result, text, atom, made)
        return tuple(
            None if part is None else self._spelled(part, f"{text}[{at}]", True, made) for at, part in enumerate(result)
        )

    def _spelled(self, formula: Formula, text: str, atom: bool, made: str) -> Formula:
        """`formula` with its expression, unless it stands in cells of its own under a name."""
        plan = self._by_name.get(formula.torch)
        if plan is not None and formula.cells is not None and np.array_equal(formula.cells, plan.ids()):
            return formula
        return replace(formula, torch=text, atom=atom, made=made)

    def may_be_infinite(self) -> bool:
        """Whether the current node reads numbers among which an infinity of the model's may be, such as a mask's."""
        return self.node is not None and any(
            id(part) in self._infinite or (isinstance(part, Constant) and bool(part.value.isinf().any()))
            for part in operands(self.node)
        )

    def may_be_nan(self) -> bool:
        """Whether the current node reads numbers among which a NaN of the model's own may be."""
        return self.node is not None and any(
            id(part) in self._nan or (isinstance(part, Constant) and bool(part.value.isnan().any()))
            for part in operands(self.node)
        )

    def refusal(self, what: str, advice: str) -> InputError:
        """An error that names the module and the line at which the graph stands."""
        where = ""
        if self.node is not None:
            where = f" in {self._sheet_tensor(self.node.module)}"
            where += " (backward)" if self.node.backward else ""
            where += f" ({self.node.line})" if self.node.line else ""
        return InputError(f"{what}{where}; {advice}")

    def formula(self, text: str, /, *, shape: Any = None, dtype: Any = "", **values: Any) -> Formula:
        """An elementwise formula: `text` with tensors and numbers in the place of its names, broadcast.

        A tensor in waiting that the text names more than once is placed first, so that it is computed once.
        """
        for name, value in values.items():
            if isinstance(value, Formula) and value.cells is None and value.slots and _count(text, name) > 1:
                values[name] = self.place(value)
        tensors = [value for value in values.values() if isinstance(value, Formula)]
        if shape is None:
            shape = np.broadcast_shapes(*(value.shape for value in tensors))
        if not dtype:
            dtype = next((value.dtype for value in tensors if "float" in value.dtype), "")
            dtype = dtype or (tensors[0].dtype if tensors else "float64")
        return filled(text, tuple(shape), dtype, values)

    # -- areas --------------------------------------------------------------------------------------------------------

    def areas(self, formula: Formula, inner: int) -> list[Slot] | None:
        """The areas that hold, for each outer index, the elements of the last `inner` dimensions; None if too many."""
        found = list(self._areas(_cells_of(formula), inner))
        return found if len(found) <= _MOST_TERMS and None not in found else None  # type: ignore[return-value]

    def _areas(self, ids: Ids, inner: int) -> Iterator[Slot | None]:
        area = area_of(ids, inner)
        if area is not None:
            yield area[0]
            return
        split = _split_dimension(ids, inner)
        if split is None or ids.shape[split] > _MOST_TERMS:
            yield None
            return
        for at in range(ids.shape[split]):
            yield from self._areas(np.take(ids, [at], split), inner)

    def reduce(self, function: str, formula: Formula, inner: int) -> Formula:
        """`function` (SUM, MAX, ...) of the elements of the last `inner` dimensions.

        Where these lie in too many pieces, the tensor is first copied into rows.
        """
        outer = formula.shape[: len(formula.shape) - inner]
        formula = self.cells(formula)
        slots = self.areas(formula, inner)
        if slots is None or len(slots) > 1:
            copy = self._from_copies(formula)
            if copy is not None:
                formula, slots = copy, self.areas(copy, inner)
        partial = _PARTIAL.get(function)
        if slots is None and partial and inner > 1 and self.areas(formula, inner - 1) is not None:
            # First over all but one dimension, in cells of its own: fewer than a copy of the tensor has.
            dims = list(range(len(outer) + 1, len(formula.shape)))
            parts = self.reduce(function, formula, inner - 1).spelled(partial.format(formula.torch, dims))
            return self.reduce(function, self.place(parts), 1)
        if slots is None:
            formula = self.in_rows(formula, inner)
            slots = self.areas(formula, 1)
            if slots is None:
                raise AssertionError(f"a row of {formula.shape} is no area")
        names = [f"a{at}_" for at in range(len(slots))]
        return filled(f"{function}({','.join(names)})", outer, formula.dtype, dict(zip(names, slots, strict=True)))

    def in_rows(self, formula: Formula, inner: int) -> Formula:
        """A copy of the tensor in which the elements of the last `inner` dimensions stand in one row each."""
        outer = formula.shape[: len(formula.shape) - inner]
        length = math.prod(formula.shape[len(outer) :])
        flat = self.apply(torch.ops.aten.reshape.default, formula, (*outer, length))
        return self.place(flat)

    def gathered(self, formula: Formula, inner: int) -> Formula:
        """The tensor with its last `inner` dimensions in one area each: as it stands, or a copy, made once a sheet.

        A matrix whose columns stand here and there (heads side by side, channels in one row) is read by several
        products; a copy of it as one block makes each of them one formula.
        """
        formula = self.cells(formula)
        ids = _cells_of(formula)
        if len(ids.shape) < inner or 0 in ids.shape or area_of(ids, inner) is not None:
            return formula
        found = self._from_copies(formula)
        if found is not None:
            return found
        placed = self.place(formula)
        flat = ids.reshape(-1)
        order = np.argsort(flat)
        self._copies.setdefault((self.sheet, self.step), []).append((flat[order], _cells_of(placed).reshape(-1)[order]))
        return placed

    def _from_copies(self, formula: Formula) -> Formula | None:
        """The tensor read from a copy on this sheet that has all of its elements."""
        ids = _cells_of(formula)
        for source, copy in self._copies.get((self.sheet, self.step), ()):
            at = np.minimum(np.searchsorted(source, ids), len(source) - 1)
            if (source[at] == ids).all():
                return replace(formula, slots=(Slot(copy[at]),))
        return None

    def line(self, formula: Formula, *, row: bool = False) -> Slot:
        """For each outer index the one row or column (a row if `row`) that holds the last dimension, in its order."""
        formula = self.cells(formula)
        for _ in range(2):
            found = area_of(_cells_of(formula), 1)
            if found is not None:
                slot, (height, width), order = found
                if (height == 1 or (width == 1 and not row)) and (np.diff(order) > 0).all():
                    return slot
            formula = self.in_rows(formula, 1)
        raise AssertionError(f"a row of {formula.shape} is no area")

    def matrix(self, formula: Formula) -> Slot | None:
        """For each outer index the area whose rows and columns are those of the last two dimensions; None if not so."""
        found = area_of(_cells_of(formula), 2)
        if found is None or found[1] != formula.shape[-2:] or (np.diff(found[2]) != 1).any():
            return None
        return found[0]

    def elements(self, line: Slot, length: int) -> Ids:
        """The cells of rows or columns, of which each has `length`, along a last dimension."""
        assert line.last is not None
        step = (line.last - line.first) // max(length - 1, 1)
        return np.asarray(line.first[..., None] + step[..., None] * np.arange(length))

    def contract(self, a: Formula, b: Formula, inner: int) -> Formula:
        """The sum over the last `inner` dimensions of a * b; the outer dimensions are broadcast."""
        a, b = self.cells(a), self.cells(b)
        outer = np.broadcast_shapes(a.shape[: len(a.shape) - inner], b.shape[: len(b.shape) - inner])
        if 0 in a.shape[len(a.shape) - inner :]:
            return uniform(0.0, outer, a.dtype, "")
        for attempt in range(2):
            terms = list(self._products(_cells_of(a), _cells_of(b), inner))
            if None not in terms and len(terms) <= _MOST_TERMS:
                break
            assert attempt == 0
            dims = list(range(len(outer) + 1, len(outer) + inner))
            if dims and math.prod(outer) * a.shape[-inner] <= a.size + b.size:
                # First over all but one dimension, in cells of its own: fewer than copies of both have.
                parts = self.contract(a, b, inner - 1)
                parts = parts.spelled(f"aten.sum.dim_IntList({a.operand} * {b.operand}, {dims})")
                return self.reduce("SUM", self.place(parts), 1)
            a, b = self.in_rows(a, inner), self.in_rows(b, inner)
            inner = 1
        values: dict[str, Slot] = {}
        words = []
        for at, term in enumerate(terms):
            assert term is not None
            text, left, right = term
            values[f"a{at}_"], values[f"b{at}_"] = left, right
            words.append(text.format(f"a{at}_", f"b{at}_"))
        return filled("+".join(words), outer, a.dtype, values)

    def _products(self, a: Ids, b: Ids, inner: int) -> Iterator[tuple[str, Slot, Slot] | None]:
        count = math.prod(a.shape[a.ndim - inner :])
        explicit = self.style == Style.LECTURE and count <= 8
        if count > 1 and not explicit:
            left, right = area_of(a, inner), area_of(b, inner)
            if left is not None and right is not None:
                if left[1] == right[1] and (left[2] == right[2]).all():
                    yield "SUMPRODUCT({},{})", left[0], right[0]
                    return
                (h, w), (h2, w2) = left[1], right[1]
                ascending = (np.diff(left[2]) > 0).all() and (np.diff(right[2]) > 0).all()
                if ascending and h == 1 and w2 == 1:
                    yield "SUMPRODUCT(MMULT({},{}))", left[0], right[0]
                    return
                if ascending and w == 1 and h2 == 1:
                    yield "SUMPRODUCT(MMULT({1},{0}))", left[0], right[0]
                    return
        if count == 1:
            last = (slice(None),) * (a.ndim - inner) + (0,) * inner
            last_b = (slice(None),) * (b.ndim - inner) + (0,) * inner
            yield "{}*{}", Slot(a[last]), Slot(b[last_b])
            return
        split = a.ndim - inner
        while a.shape[split] == 1:
            split += 1
        if a.shape[split] > _MOST_TERMS:
            yield None
            return
        behind = split - a.ndim
        for at in range(a.shape[split]):
            yield from self._products(np.take(a, [at], behind), np.take(b, [at], behind), inner)

    # -- the run ------------------------------------------------------------------------------------------------------

    def run(self, values: dict[int, Any]) -> dict[int, Any]:
        """Lower all nodes of the graph; `values` holds the givens and receives every node's tensors, by id."""

        def value(part: Any) -> Any:
            if isinstance(part, Constant):
                return self._constant(part)
            if isinstance(part, Given) and id(part) not in values:
                values[id(part)] = self.source(part)
            if isinstance(part, Given | Node | Output):
                return values[id(part)]
            if isinstance(part, tuple | list):
                return tuple(value(each) for each in part)
            return part

        for source in self.graph.nodes:
            if isinstance(source, Node):
                self.node = source
                self.phase = "loss" if source.module == LOSS else "forward"
                self.phase = "backward" if source.backward else self.phase
                self.sheet = self.sheet_of(source.module)
                self._refuse_rounding(source)
                result = self.apply(
                    source.operation, *value(source.arguments), **{k: value(v) for k, v in source.keywords.items()}
                )
                if isinstance(result, tuple):
                    values[id(source)] = result
                    continue
                view = _overload(source) in VIEWS
            else:
                result, view = values[id(source.node)][source.position], False
                if result is None:
                    continue
            if 0 in source.shape:
                values[id(source)] = uniform(0.0, source.shape, source.dtype, result.torch)
                continue
            result = replace(result, shape=source.shape, dtype=source.dtype)
            values[id(source)] = self._settled(source, result, view, self._wanted.get(id(source), ""))
        self.node = None
        for name, end in self.graph.results.items():
            if isinstance(end, Given | Constant) and end.value.numel():  # a model that hands an input through
                self.sheet = ""
                values[id(end)] = self.place(value(end), name)
        self.step += 1
        for name, end in self.graph.updates.items():
            owner = next(given for given in self.graph.givens if given.name == name)
            plan = self.block(values[id(owner)]) if id(owner) in values else None
            updated = self.place(values[id(end)], name, sheet=self.sheet_of(owner.module), beside=plan)
            values[id(end)] = updated
            placed = self.block(updated)
            assert placed is not None
            placed.step = self.step - 1  # it stands with the step that made it
        self.step -= 1
        return values

    def _refuse_rounding(self, node: Node) -> None:
        """InputError where an operation is asked for a coarser dtype than the model's; a sheet rounds no number so."""
        wanted = node.keywords.get("dtype")
        if not isinstance(wanted, torch.dtype) or not wanted.is_floating_point or "float" not in node.dtype:
            return
        if torch.finfo(wanted).eps > torch.finfo(getattr(torch, node.dtype)).eps:
            raise self.refusal(f"{node} rounds to {wanted}, which no formula does", f"leave it in {node.dtype}")

    def _settled(self, source: Node | Output, result: Formula, view: bool, wanted: str) -> Formula:
        """`result` placed if it must stand in cells."""
        name = source.name or wanted
        beside, self.companion = self.companion, None
        if result.slots and len(result.torch) > _LONGEST_TEXT:
            return self.place(result, name, beside=beside)
        if result.cells is not None and (block_of(result.cells) > 0).all():
            return self.place(result, name) if wanted and result.torch != self._stepped(name) else result
        if wanted or (name and not view) or (name and result.slots):
            return self.place(result, name, beside=beside)
        if view or not result.slots:
            return result
        # What only a view of it reads waits for that view, which may have the name.
        apart = self.style == Style.LECTURE and id(source) not in self._viewed
        crowded = apart or result.size > _LONGEST or len(result.slots) > _MOST_TERMS // 2
        if crowded or self._readers[id(source)] > 1:
            return self.place(result)
        return result

    def _constant(self, constant: Constant) -> Formula:
        value = constant.value
        dtype = self.graph.real if value.is_floating_point() else str(value.dtype).removeprefix("torch.")
        key = id(constant)
        if key not in self._constants and not value.numel():
            self._constants[key] = self._empty(value)
        if key not in self._constants:
            flat = value.flatten().double()
            name = f"{self.graph.root}.constant_{len(self._fixed) + 1}"
            if not flat.isnan().all():  # NaN alone is what a condition may drop yet; see `place`
                self._refuse_nan(value, name)
            if value.numel() and bool(((flat == flat[0]) | (flat.isnan() & flat[0].isnan())).all()):
                text = f"aten.full.default({list(value.shape)}, {_literal(float(flat[0]))}, dtype=torch.{dtype})"
                self._constants[key] = uniform(float(flat[0]), tuple(value.shape), dtype, text)
            else:
                self._constants[key] = self.fixed(name, finite(value.double()), dtype)
        return self._constants[key]

    def fixed(self, name: str, value: Tensor, dtype: str) -> Formula:
        """Place numbers that depend on no input, once for all steps."""
        step, self.step = self.step, 0
        module = self.node.module if self.node else ""
        placed = self.given(name, Role.CONSTANT, value, dtype, self.sheet, module)
        self.step = step
        self._fixed[len(self.blocks)] = value
        return placed

    def numbers(self, start: int, count: int, down: bool = False) -> Formula:
        """`start`, `start` + 1, ... in a row or a column of the current sheet, placed there once."""
        key = (self.sheet, start, count, down)
        if key not in self._counted:
            value = torch.arange(start, start + count)
            name = self.name_beside(f"from_{start}_to_{start + count - 1}")
            self._counted[key] = self.fixed(name, value[:, None] if down else value[None], "int64")
        line: Formula = self.apply(torch.ops.aten.reshape.default, self._counted[key], (count,))
        return line


def _literal(value: float) -> str:
    return repr(value)  # also inf, -inf and nan, as the map's expressions have them


def _cells_of(formula: Formula) -> Ids:
    ids = formula.cells
    assert ids is not None
    return ids


def _distinct(ids: Ids) -> Ids:
    """One copy of each element along broadcast dimensions."""
    return ids[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in ids.strides)]


def area_of(ids: Ids, inner: int) -> tuple[Slot, tuple[int, int], Ids] | None:
    """The areas that the last `inner` dimensions fill exactly, for all outer indices alike.

    Returns the slot (of the outer shape), the areas' height and width, and the order of the elements within them.
    """
    outer = ids.shape[: ids.ndim - inner]
    if 0 in ids.shape:
        return None
    few = ids[tuple(slice(0, 1) if ids.strides[d] == 0 else slice(None) for d in range(len(outer)))]
    head = few.shape[: len(outer)]
    flat = few.reshape(*head, -1)
    block, row, column = block_of(flat), row_of(flat), column_of(flat)
    if (block[..., :1] != block).any() or (block[..., 0] == 0).any():
        return None
    top, left = row.min(-1), column.min(-1)
    row, column = row - top[..., None], column - left[..., None]
    first = (0,) * len(outer)
    height, width = int(row[first].max()) + 1, int(column[first].max()) + 1
    order = row[first] * width + column[first]
    if height * width != flat.shape[-1] or (np.sort(order) != np.arange(len(order))).any():
        return None
    # Row and column each: an area that lies across must not pass for one that stands upright.
    if (row != row[first]).any() or (column != column[first]).any():
        return None
    number = block[..., 0]
    slot = Slot(
        np.broadcast_to(_packed(number, top, left), outer),
        np.broadcast_to(_packed(number, top + height - 1, left + width - 1), outer),
    )
    return slot, (height, width), order


def _packed(block: Ids, row: Ids, column: Ids) -> Ids:
    return (block << 34) | (row << 14) | column


def _split_dimension(ids: Ids, inner: int) -> int | None:
    for dimension in range(ids.ndim - inner, ids.ndim):
        if ids.shape[dimension] > 1:
            return dimension
    return None


def _count(text: str, name: str) -> int:
    return sum(word == name for word in _words(text))


def _words(text: str) -> list[str]:
    word, words = "", []
    for letter in text + " ":
        if letter.isalnum() or letter == "_":
            word += letter
        elif word:
            words.append(word)
            word = ""
    return words


def _readers(graph: Graph) -> tuple[Counter[int], set[int]]:
    """How many operations read each tensor, through views of it too; and which tensors are read by views alone."""
    reads: dict[int, list[Node]] = {}
    for source in graph.nodes:
        if isinstance(source, Node):
            for part in operands(source):
                reads.setdefault(id(part), []).append(source)
    count: Counter[int] = Counter()
    viewed: set[int] = set()
    for source in reversed(graph.nodes):
        readers = reads.get(id(source), ())
        views = [_overload(reader) in VIEWS for reader in readers]
        if readers and all(views):
            viewed.add(id(source))
        for reader, view in zip(readers, views, strict=True):
            count[id(source)] += max(count[id(reader)], 1) if view else 1
    return count, viewed


def _reached(graph: Graph, kind: Callable[[Tensor], Tensor]) -> set[int]:
    """The tensors that numbers of that kind (`isinf`, `isnan`) may get into, from those that hold or name some."""

    def named(part: Any) -> bool:
        if isinstance(part, tuple | list):
            return any(named(each) for each in part)
        if isinstance(part, Constant | Given):
            return bool(kind(part.value).any())
        return isinstance(part, float) and bool(kind(torch.tensor(part)))

    found = {id(given) for given in graph.givens if named(given)}
    for source in graph.nodes:
        if isinstance(source, Output):
            inside = id(source.node) in found
        elif "float" not in source.dtype or (kind is torch.isinf and _overload(source) in _BOUNDED):
            inside = False
        else:
            words = (source.arguments, tuple(source.keywords.values()))
            inside = named(words) or any(id(part) in found for part in operands(source))
        if inside:
            found.add(id(source))
    return found


def _overload(node: Node) -> str:
    return str(node.operation).removeprefix("aten.")


def _sheets_of(graph: Graph) -> Callable[[str], str]:
    """From a module's path to the path of the module whose sheet it stands on: the top-level one.

    A container that only holds others (ModuleList, ModuleDict) is no level of its own.
    """

    def sheet(path: str) -> str:
        if path in ("", LOSS):
            return path
        words = path.split(".")
        depth = 1
        while depth < len(words) and graph.modules.get(".".join(words[:depth])) in ("ModuleList", "ModuleDict"):
            depth += 1
        return ".".join(words[:depth])

    return sheet
