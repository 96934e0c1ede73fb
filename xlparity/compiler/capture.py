"""A module, its loss and its backward pass as a graph of aten operations, checked against eager PyTorch.

The forward pass is exported (`torch.export`), traced together with its backward pass
(`aot_export_joint_with_descriptors`) and taken apart into core aten operations, in float64 and with attention as plain
matrix products: the fused kernels' gradients would be wrong here. Before anything else sees the graph it is replayed,
and its loss, outputs and gradients must equal those of the eager model.
"""

from __future__ import annotations

import io
import logging
import operator
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_flatten

from xlparity.compiler.eager import (
    Elsewhere,
    Loss,
    Step,
    double,
    eager_step,
    elsewhere,
    exact,
    first_line,
    plain_attention,
    tensor_name,
)
from xlparity.compiler.graph import LOSS, Constant, Given, Graph, Node, Output, Source, operands
from xlparity.compiler.origin import module_path, place_of, source_line, users_line
from xlparity.compiler.refusals import refuse_dependence, refuse_dropout, refuse_operations
from xlparity.errors import InputError
from xlparity.model.map import Role

__all__ = ["capture"]

aten = torch.ops.aten

# What gives its operand, as the backward pass keeps it.
_COPIES = frozenset((aten.alias.default, aten.detach.default, aten.clone.default, aten.lift_fresh_copy.default))

# Equal up to the rounding of another order of the same sums; a wrong gradient is off by far more.
_RTOL, _ATOL = 1e-9, 1e-11


def capture(
    model: nn.Module,
    inputs: Sequence[Tensor],
    targets: Tensor | None = None,
    loss: Loss | None = None,
    *,
    root: str = "net",
) -> Graph:
    """The graph of `model(*inputs)` and, with a loss, of `loss(output, targets)` and all parameters' gradients.

    The model is not changed; it is captured in the mode (training or evaluation) that it is in.

    Raises
    ------
    InputError
        The model cannot be captured: shapes or branches that depend on data, random operations, complex numbers, a
        loss that is no scalar; with the operation, the module and the line where that is known.
    """
    example = tuple(exact(part) for part in inputs)
    target = None if targets is None else exact(targets)
    loss = double(loss) if isinstance(loss, nn.Module) else loss  # its weights of classes
    # A model may write into its inputs; the graph starts from what they were.
    eager = eager_step(double(model), [part.clone() for part in example], target, loss)
    wrapper = _Wrapper(double(model), loss)
    arguments = example if loss is None else (*example, *([] if target is None else [target]))
    module, owners, outputs = _traced(wrapper, arguments, root)
    names = _input_names(model, len(inputs))
    givens: list[Given] = []
    shared = _shared_names(model)
    made: dict[str, Given] = {}
    for kind, owner in owners:
        key: Any = shared.get(owner, owner) if isinstance(owner, str) else owner
        if kind == "input" and key < len(inputs):
            part = inputs[key]
            givens.append(Given(names[key], Role.INPUT, example[key], _dtype(part.dtype)))
        elif kind == "input":
            assert target is not None
            assert targets is not None
            givens.append(Given("y", Role.TARGET, target, _dtype(targets.dtype)))
        elif kind == "criterion":  # a tensor of the loss itself, such as the weights of classes
            assert isinstance(loss, nn.Module)
            value = _attribute(loss, key)
            givens.append(Given(f"{LOSS[1:-1]}.{key}", Role.CONSTANT, exact(value), _dtype(value.dtype), LOSS))
        elif kind in ("parameter", "buffer") and key in made:
            givens.append(made[key])
        elif kind in ("parameter", "buffer"):
            value = _attribute(wrapper.net, key)
            role = Role.PARAMETER if kind == "parameter" else Role.CONSTANT
            given = Given(
                tensor_name(root, key), role, value.detach().clone(), _dtype(_attribute(model, key).dtype),
                key.rpartition(".")[0],
            )  # fmt: skip
            made[key] = given
            givens.append(given)
        else:  # a tensor that the model's code makes, or d loss / d loss = 1
            value = key if isinstance(key, Tensor) else torch.ones((), dtype=torch.float64)
            givens.append(Given("", Role.CONSTANT, value, "float64"))
    outputs = [(kind, shared.get(key, key) if isinstance(key, str) else key) for kind, key in outputs]
    real = next((_dtype(p.dtype) for p in model.parameters() if p.is_floating_point()), None)
    real = real or next((_dtype(part.dtype) for part in inputs if part.is_floating_point()), "float32")
    apart = elsewhere(model, example, target, loss)
    others = {} if apart is None else _other_values(apart, owners, shared, givens, len(inputs))
    steps = eager, None if apart is None else apart.step
    return _Conversion(module, givens, outputs, steps, others, root, real, _classes(model)).graph()


def _other_values(
    apart: Elsewhere, owners: Sequence[tuple[str, Any]], shared: Mapping[str, str], givens: Sequence[Given], inputs: int
) -> dict[int, Tensor]:
    """By the givens' ids their values in the step from other numbers."""
    found: dict[int, Tensor] = {}
    for (kind, owner), given in zip(owners, givens, strict=True):
        value: Tensor | None = given.value
        if kind == "input":
            value = apart.inputs[owner] if owner < inputs else apart.target
        elif kind in ("parameter", "buffer"):
            value = apart.named[shared.get(owner, owner)]
        assert value is not None
        found[id(given)] = value
    return found


class _Wrapper(nn.Module):
    """The model whose forward ends with the loss."""

    def __init__(self, net: nn.Module, loss: Loss | None) -> None:
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, *arguments: Tensor) -> Any:
        """The loss of the last argument as the target; without a loss, the model's output."""
        if self.loss is None:
            return self.net(*arguments)
        return self.loss(self.net(*arguments[:-1]), arguments[-1])


# -- tracing ----------------------------------------------------------------------------------------------------------


def _traced(
    wrapper: _Wrapper, arguments: tuple[Tensor, ...], root: str
) -> tuple[fx.GraphModule, list[tuple[str, Any]], list[tuple[str, Any]]]:
    """The aten graph, what each of its inputs is and what each of its outputs is."""
    # Slow to import; nothing but a capture needs it.
    from torch._functorch.aot_autograd import aot_export_joint_with_descriptors  # noqa: PLC0415

    try:
        with plain_attention(), torch.set_grad_enabled(wrapper.loss is not None), _quiet():
            program = torch.export.export(wrapper, arguments)
            refuse_dropout(program.graph_module, root)
            if wrapper.loss is None:
                program = program.run_decompositions(_decompositions())
                signature = program.graph_signature
                owners = [_owner_of_spec(spec) for spec in signature.input_specs]
                # Tensors that the model makes anew in its forward are inputs of the exported graph.
                for at, spec in enumerate(signature.input_specs):
                    if owners[at][0] == "lifted":
                        owners[at] = ("constant", program.constants[spec.target or ""])
                outputs = [_output_of_spec(spec) for spec in signature.output_specs]
                module = program.graph_module
            else:
                with ExitStack() as stack:
                    joint = aot_export_joint_with_descriptors(
                        stack,
                        program.module(),
                        arguments,
                        decompositions=_decompositions(),
                    )
                module = joint.graph_module
                placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
                owners = [_owner_of_descriptor(node.meta["desc"]) for node in placeholders]
                owners = [
                    ("constant", program.constants[key]) if kind == "buffer" and key in program.constants
                    and key not in dict(wrapper.net.named_buffers()) else (kind, key)
                    for kind, key in owners
                ]  # fmt: skip
                (end,) = (node for node in module.graph.nodes if node.op == "output")
                outputs = [_output_of_descriptor(descriptor) for descriptor in end.meta["desc"]]
    except InputError:
        raise
    except Exception as error:  # torch raises many kinds; each means that this model cannot be captured
        refuse_dependence(wrapper.net, wrapper.loss, arguments, root)
        line = users_line("".join(traceback.format_tb(error.__traceback__)))
        raise InputError(
            f"{type(wrapper.net).__name__} cannot be captured by torch.export{f' at {line}' if line else ''}: "
            f"{first_line(error)}; shapes and branches must not depend on the tensors' values"
        ) from error
    refuse_operations(module, root)
    return module, owners, outputs


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.export prints, logs and warns of, such as the whole graph that it could not finish."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _decompositions() -> dict[Any, Any]:
    """Into core aten, but for what one readable formula computes and its parts do not."""
    from torch._decomp import core_aten_decompositions, get_decompositions  # noqa: PLC0415

    def overloads(name: str) -> list[OpOverload]:
        packet = getattr(aten, name)
        return [getattr(packet, each) for each in packet.overloads() if "out" not in each]

    table: Any = core_aten_decompositions()
    table = {**table, **get_decompositions([operation for name in _APART for operation in overloads(name)])}
    return {
        operation: parts
        for operation, parts in table.items()
        if _packet(operation) not in _WHOLE or str(operation).endswith(".vec")  # sizes as factors: not the kept form
    }


# What rearranges elements, or has one readable formula, while its parts are many operations on masks and indices.
_WHOLE = frozenset(
    "embedding_dense_backward _safe_softmax im2col col2im roll "
    "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
    "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d "
    "hardsigmoid hardswish hardshrink silu softplus softshrink".split()
)
# What core aten keeps whole, though torch knows its parts.
_APART = (
    "as_strided_copy narrow_copy permute_copy unbind_copy view_copy ldexp grid_sampler_2d upsample_bilinear2d "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d _batch_norm_with_update_functional"
).split()


def _packet(operation: Any) -> str:
    return str(operation).removeprefix("aten.").partition(".")[0]


def _owner_of_spec(spec: Any) -> tuple[str, Any]:
    kind = spec.kind.name
    if kind == "PARAMETER":
        return "parameter", _without_root(spec.target)
    if kind == "BUFFER":
        return "buffer", _without_root(spec.target)
    if kind == "USER_INPUT":
        return "input", int(spec.arg.name.rpartition("_")[2] or 0) if spec.arg.name.startswith("arguments_") else 0
    return "token" if kind == "TOKEN" else "lifted", spec.target


def _output_of_spec(spec: Any) -> tuple[str, Any]:
    # TOKEN: the order of effects, of checks that an operation makes of its arguments. What is written into an input is
    # no result of the model's.
    if spec.kind.name in ("TOKEN", "USER_INPUT_MUTATION"):
        return "none", None
    return ("update", _without_root(spec.target or "")) if "MUTATION" in spec.kind.name else ("result", "")


def _owner_of_descriptor(descriptor: Any) -> tuple[str, Any]:
    kind = type(descriptor).__name__
    if kind in ("ParamAOTInput", "BufferAOTInput") and descriptor.target.startswith("loss."):
        return "criterion", descriptor.target.removeprefix("loss.")
    if kind == "ParamAOTInput":
        return "parameter", _without_root(descriptor.target)
    if kind == "BufferAOTInput":
        return "buffer", _without_root(descriptor.target)
    if kind == "PlainAOTInput":
        return "input", descriptor.idx
    return "tangent", None


def _output_of_descriptor(descriptor: Any) -> tuple[str, Any]:
    kind = type(descriptor).__name__
    if kind == "PlainAOTOutput":
        return "loss", None
    if kind == "GradAOTOutput" and type(descriptor.grad_of).__name__ == "ParamAOTInput":
        return "gradient", _without_root(descriptor.grad_of.target)
    if kind == "InputMutationAOTOutput" and hasattr(descriptor.mutated_input, "target"):
        return "update", _without_root(descriptor.mutated_input.target)
    return "none", None


# -- from torch.fx to the graph ---------------------------------------------------------------------------------------


class _Conversion:
    """Turns an fx graph into a `Graph`: without repetitions, constants computed, replayed and named."""

    def __init__(
        self,
        module: fx.GraphModule,
        givens: Sequence[Given],
        outputs: Sequence[tuple[str, Any]],
        steps: tuple[Step, Step | None],
        others: Mapping[int, Tensor],
        root: str,
        real: str,
        classes: Mapping[str, str],
    ) -> None:
        self.module, self.outputs, self.root, self.real = module, outputs, root, real
        self.eager, self.apart = steps
        self.classes = classes
        self.givens = givens
        self.of: dict[fx.Node, Any] = {}  # what stands for an fx node; a list for an operation with several results
        self.values: dict[int, Tensor] = {}  # by id of the source
        self.others = dict(others)  # the same from other numbers; empty if the model takes none
        self.known: dict[Any, Any] = {}
        self.nodes: list[Node | Output] = []

    def graph(self) -> Graph:
        placeholders = [node for node in self.module.graph.nodes if node.op == "placeholder"]
        kept = []
        for node, given in zip(placeholders, self.givens, strict=True):
            if not given.name:
                self.of[node] = self._constant(given.value)
                continue
            self.of[node] = given
            self.values[id(given)] = given.value
            if given not in kept:
                kept.append(given)
        for node in self.module.graph.nodes:
            if node.op == "get_attr":
                self.of[node] = self._constant(_attribute(self.module, str(node.target)))
            elif node.op == "call_function":
                self.of[node] = self._converted(node)
        (end,) = (node for node in self.module.graph.nodes if node.op == "output")
        ends = tree_flatten(end.args[0])[0]
        results: dict[str, Source] = {}
        updates: dict[str, Source] = {}
        gradients: dict[str, Source] = {}
        plain: list[Source] = []
        for (kind, key), node in zip(self.outputs, ends, strict=False):
            if node is None or kind == "none":
                continue
            source = self.of[node]
            if kind == "loss":
                results["loss"] = source
            elif kind == "gradient":
                gradients[tensor_name(self.root, key)] = source
            elif kind == "update":
                updates[tensor_name(self.root, key)] = source
            else:
                plain.append(source)
        for at, source in enumerate(plain):
            results[self.root if len(plain) == 1 else f"{self.root}.output[{at}]"] = source
        self._compare(results, gradients, plain)
        results.update({f"{name}.grad": source for name, source in gradients.items()})
        return self._named(kept, results, updates)

    def _constant(self, value: Tensor) -> Constant:
        value = value.detach()
        key = ("constant", value.dtype, tuple(value.shape), tuple(value.flatten().tolist()))
        if key not in self.known:
            constant = Constant(value)
            self.known[key] = constant
            self.values[id(constant)] = self.others[id(constant)] = value
        found = self.known[key]
        assert isinstance(found, Constant)
        return found

    def _converted(self, node: fx.Node) -> Any:
        if node.target is operator.getitem:
            parts, at = node.args
            return self.of[parts][at]  # type: ignore[index]
        target = node.target
        if target is torch.ops.higher_order.with_effects and node.args[1] is aten._linalg_check_errors.default:
            return (None,)
        if not isinstance(target, OpOverload):
            raise InputError(
                f"{getattr(target, '__name__', target)} in {place_of(node, self.root)}"
                " is control flow or a custom operation, which has no formula; write it with tensor operations"
            )
        arguments = self._sources(node.args)
        keywords = {key: self._sources(part) for key, part in node.kwargs.items()}
        keywords.pop("device", None)
        keywords.pop("pin_memory", None)
        keywords.pop("layout", None)
        if target in _COPIES and isinstance(arguments[0], Node | Output):
            return arguments[0]
        target, arguments = _without_keepdim(target, arguments)
        one = _times_one(target, arguments, node)
        if one is not None:
            return one
        key = (target, _hashable(arguments), _hashable(keywords))
        if key in self.known:
            return self.known[key]
        result = self._new(node, target, arguments, keywords)
        self.known[key] = result
        return result

    def _new(self, node: fx.Node, target: OpOverload, arguments: Any, keywords: dict[str, Any]) -> Any:
        # The replayed tensors are not laid out in memory as the traced ones, so a view may have to copy.
        computing = aten.reshape.default if target is aten.view.default else target

        def replayed(values: Mapping[int, Tensor]) -> Any:
            def value(part: Any) -> Any:
                return values[id(part)] if isinstance(part, Given | Constant | Node | Output) else part

            return computing(*_mapped(arguments, value), **_mapped(keywords, value))

        computed = replayed(self.values)
        if computed is None:  # an assertion about dtypes or devices
            return None
        several = not isinstance(computed, Tensor)
        first = next(part for part in computed if part is not None) if several else computed
        made = Node(
            target, arguments, keywords, tuple(first.shape), self._type(first), module_path(node),
            _is_backward(node), node.meta.get("seq_nr", -1), source_line(node),
        )  # fmt: skip
        # What is made of tensors without elements, or has none, is the same whatever the inputs are.
        if all(isinstance(source, Constant) or not self.values[id(source)].numel() for source in operands(made)) or (
            not several and not computed.numel()
        ):
            return (
                [part if part is None else self._constant(part) for part in computed]
                if several
                else self._constant(computed)
            )
        other = computed
        if self.apart is not None:
            try:
                other = replayed(self.others)
            except RuntimeError:  # what eager PyTorch takes, in another order of operations; names are told without it
                self.apart = None
        self.nodes.append(made)
        if not several:
            self.values[id(made)], self.others[id(made)] = computed, other
            return made
        outputs: list[Output | None] = []
        for position, (part, at_others) in enumerate(zip(computed, other, strict=True)):
            if part is None:  # a gradient that nobody asked for
                outputs.append(None)
                continue
            output = Output(made, position, tuple(part.shape), self._type(part))
            outputs.append(output)
            self.nodes.append(output)
            self.values[id(output)], self.others[id(output)] = part, at_others
        return outputs

    def _type(self, value: Tensor) -> str:
        return self.real if value.is_floating_point() else _dtype(value.dtype)

    def _sources(self, part: Any) -> Any:
        if isinstance(part, fx.Node):
            return self.of[part]
        if isinstance(part, list | tuple):
            return tuple(self._sources(each) for each in part)
        return part

    def _compare(self, results: Mapping[str, Source], gradients: Mapping[str, Source], plain: list[Source]) -> None:
        """The replayed graph against the eager model; a capture that differs is never written."""
        pairs = []
        if self.eager.loss is not None:
            pairs.append(("the loss", self.values[id(results["loss"])], self.eager.loss.detach()))
            for path, gradient in self.eager.gradients.items():
                name = tensor_name(self.root, path)
                found = gradients.get(name)
                if found is None and gradient.count_nonzero():
                    raise InputError(f"the captured graph has no gradient of {name}; please report this model")
                if found is not None:
                    pairs.append((f"the gradient of {name}", self.values[id(found)], gradient))
        else:
            eager = [part for part in tree_flatten(self.eager.result)[0] if isinstance(part, Tensor)]
            pairs += [("the output", self.values[id(a)], b) for a, b in zip(plain, eager, strict=True)]
        for what, replayed, expected in pairs:
            if not torch.allclose(replayed, expected, rtol=_RTOL, atol=_ATOL, equal_nan=True):
                worst = float((replayed.double() - expected.double()).abs().max())
                raise InputError(
                    f"{what} of the captured graph differs from the eager model's by up to {worst:.3g}; the model "
                    "cannot be captured faithfully, please report it"
                )

    # -- names --------------------------------------------------------------------------------------------------------

    def _named(self, givens: list[Given], results: dict[str, Source], updates: dict[str, Source]) -> Graph:
        names: dict[int, str] = {}
        aliases: dict[str, str] = {}

        def name_it(source: Source | None, name: str) -> None:
            if isinstance(source, Node | Output) and names.setdefault(id(source), name) != name:
                aliases[name] = names[id(source)]

        # Inner modules first: the output of a Sequential is that of its last module, and has that name too.
        for path, values in sorted(self.eager.outputs.items(), key=lambda item: -_depth(item[0])):
            for call, value in enumerate(values):
                name = tensor_name(self.root, path) + (f".call_{call + 1}" if call else "")
                inside = [s for s in self.nodes if not _node(s).backward and _inside(_node(s).module, path)]
                other = self._apart_output(path, call)
                forward = self._match(value.detach(), other, inside, last=True)
                name_it(forward, name)
                if forward is not None and value.grad is not None and value.grad.count_nonzero():
                    backward = [source for source in self.nodes if _node(source).backward]
                    slope = None if other is None else other.grad
                    name_it(self._match(value.grad, slope, backward, last=False), f"{name}.grad")
        for name, source in results.items():
            name_it(source, name)
        renamed: dict[int, Source] = {}

        def named(part: Any) -> Any:
            return renamed.get(id(part), part) if isinstance(part, Node | Output) else part

        nodes: list[Node | Output] = []
        for source in self.nodes:
            made: Node | Output
            if isinstance(source, Output):
                inner = renamed[id(source.node)]
                assert isinstance(inner, Node)
                made = Output(inner, source.position, source.shape, source.dtype, names.get(id(source), ""))
            else:
                made = Node(
                    source.operation, _mapped(source.arguments, named), _mapped(source.keywords, named), source.shape,
                    source.dtype, source.module, source.backward, source.sequence, source.line,
                    names.get(id(source), ""),
                )  # fmt: skip
            renamed[id(source)] = made
            nodes.append(made)
        return Graph(
            self.root, self.real, tuple(givens),
            tuple(_needed(nodes, [named(s) for s in (*results.values(), *updates.values())])),
            {name: named(source) for name, source in results.items()},
            {name: named(source) for name, source in updates.items()},
            self.classes,
            aliases,
        )  # fmt: skip

    def _apart_output(self, path: str, call: int) -> Tensor | None:
        """What that module gave in the step from other numbers."""
        calls = [] if self.apart is None else self.apart.outputs.get(path, [])
        return calls[call] if call < len(calls) else None

    def _match(
        self, value: Tensor, other: Tensor | None, candidates: Sequence[Node | Output], last: bool
    ) -> Node | Output | None:
        """The first or last of the candidates that has that value, and from other numbers the `other`."""
        found = [
            source
            for source in candidates
            if id(source) in self.values
            and source.shape == tuple(value.shape)
            and _equal(self.values[id(source)], value)
            and (other is None or _equal(self.others[id(source)], other))
        ]
        return None if not found else found[-1 if last else 0]


def _equal(replayed: Tensor, eager: Tensor) -> bool:
    return torch.allclose(replayed.double(), eager.detach().double(), rtol=_RTOL, atol=_ATOL, equal_nan=True)


def _needed(nodes: list[Node | Output], ends: list[Source]) -> list[Node | Output]:
    """The nodes that the ends depend on, in their order."""
    wanted = {id(source) for source in ends}
    kept = []
    for source in reversed(nodes):
        if id(source) in wanted or (isinstance(source, Node) and source.name):
            kept.append(source)
            read = [source.node] if isinstance(source, Output) else operands(source)
            wanted.update(id(part) for part in read)
    return kept[::-1]


def _times_one(target: OpOverload, arguments: Any, node: fx.Node) -> Any:
    """The operand that a product with ones leaves as it is, as the derivative of the loss by itself does."""
    if target is not aten.mul.Tensor or len(arguments) != 2:
        return None
    shape = tuple(node.meta["val"].shape)
    for one, other in (arguments, arguments[::-1]):
        if isinstance(one, Constant) and isinstance(other, Node | Output | Given) and bool((one.value == 1).all()):
            same = other.shape if isinstance(other, Node | Output) else tuple(other.value.shape)
            if same == shape:
                return other
    return None


def _without_keepdim(target: OpOverload, arguments: Any) -> tuple[OpOverload, Any]:
    """A sum whose kept dimensions a view takes away again, as autograd writes a bias's gradient, is a plain sum."""
    if target is not aten.view.default or not isinstance(arguments[0], Node):
        return target, arguments
    inner = arguments[0]
    if inner.operation is not aten.sum.dim_IntList or len(inner.arguments) < 3 or not inner.arguments[2]:
        return target, arguments
    source, dims, _ = inner.arguments
    summed = range(len(inner.shape)) if dims is None else [d % len(inner.shape) for d in dims]
    kept = [size for at, size in enumerate(inner.shape) if at not in summed]
    return (aten.sum.dim_IntList, (source, dims)) if kept == list(arguments[1]) else (target, arguments)


def _node(source: Node | Output) -> Node:
    return source.node if isinstance(source, Output) else source


def _depth(path: str) -> int:
    return len(path.split(".")) if path else 0


def _inside(module: str, path: str) -> bool:
    return not path or module == path or module.startswith(path + ".")


# -- small things -----------------------------------------------------------------------------------------------------


def _mapped(part: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(part, tuple | list):
        return tuple(_mapped(each, function) for each in part)
    if isinstance(part, Mapping):
        return {key: _mapped(each, function) for key, each in part.items()}
    return function(part)


def _hashable(part: Any) -> Any:
    if isinstance(part, tuple | list):
        return tuple(_hashable(each) for each in part)
    if isinstance(part, dict):
        return tuple(sorted((key, _hashable(each)) for key, each in part.items()))
    if isinstance(part, Given | Constant | Node | Output):
        return id(part)
    return (type(part), repr(part))


def _attribute(module: nn.Module, path: str) -> Tensor:
    value: Any = module
    for word in path.split("."):
        value = getattr(value, word)
    assert isinstance(value, Tensor)
    return value


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _shared_names(model: nn.Module) -> dict[str, str]:
    """For each name of a parameter or buffer the first name of the same tensor: tied weights have several."""
    first: dict[int, str] = {}
    every = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return {path: first.setdefault(id(tensor), path) for path, tensor in every}


def _classes(model: nn.Module) -> dict[str, str]:
    return {path: type(module).__name__ for path, module in model.named_modules()}


def _without_root(path: str) -> str:
    return path.removeprefix("net.")


def _input_names(model: nn.Module, count: int) -> list[str]:
    """`x` for a single input, as users write it; else the names of forward's parameters."""
    if count == 1:
        return ["x"]
    names = list(model.forward.__code__.co_varnames[1 : model.forward.__code__.co_argcount])
    return names[:count] if len(names) >= count else [f"x{at + 1}" for at in range(count)]


def _is_backward(node: fx.Node) -> bool:
    return node.meta.get("partitioner_tag") == "is_backward"
