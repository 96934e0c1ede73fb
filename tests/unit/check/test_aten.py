"""Which operations of ATen a map may name, and with which arguments."""

from __future__ import annotations

import pytest
import torch

from tests.unit.check.test_expression import NAMES, Numbers
from xlparity.check import aten
from xlparity.check.aten import PACKETS, aten_overload
from xlparity.check.expression import evaluate, parse_expression
from xlparity.errors import MapError


def test_numbers_are_turned_into_any_real_dtype() -> None:
    for dtype in "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split():
        expression = parse_expression(f"aten.full_like.default(x, 1, dtype=torch.{dtype})", NAMES, "here")
        assert evaluate(expression, Numbers(), wide=False).dtype == getattr(torch, dtype)


def test_where_and_how_a_tensor_lies_in_memory_cannot_be_written() -> None:
    assert evaluate(parse_expression("aten.new_full.default(x, [1], 3.0)", NAMES, "here"), Numbers()).item() == 3.0
    for keyword in ("device", "generator", "layout", "memory_format", "pin_memory"):
        with pytest.raises(MapError, match=f"has the argument {keyword}=None, which a map cannot give"):
            parse_expression(f"aten.new_full.default(x, [1], 3.0, {keyword}=None)", NAMES, "here")


def test_an_operation_that_this_torch_lacks_may_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aten, "PACKETS", frozenset({"of_another_version"}))
    assert aten_overload("of_another_version", "default") is None


def test_the_core_of_aten_is_allowed_but_for_what_is_left_out_on_purpose() -> None:
    left_out = set(
        "_fft_c2r _fft_r2c _local_scalar_dense _native_batch_norm_legit as_strided atan2 empty empty_strided "
        "native_dropout nonzero rand randn randperm resize_ sym_is_contiguous sym_numel sym_size sym_storage_offset "
        "sym_stride".split()
    )
    refused = set()
    for schema in torch._C._jit_get_all_schemas():
        if schema.name.startswith("aten::"):
            packet, overload = schema.name.removeprefix("aten::"), schema.overload_name or "default"
            found = getattr(getattr(torch.ops.aten, packet), overload, None)
            if found is not None and torch.Tag.core in found.tags and aten_overload(packet, overload) is None:
                refused.add(packet)
    assert refused == left_out


def test_every_listed_name_is_one_of_torchs_with_an_allowed_overload() -> None:
    for packet in PACKETS:
        overloads = getattr(torch.ops.aten, packet).overloads()
        assert any(aten_overload(packet, overload) for overload in overloads), packet
