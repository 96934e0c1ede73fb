"""The overloads of ATen, torch's own list of operations, that a map's expression may name: `aten.NAME.OVERLOAD(...)`.

An overload is allowed if its name is on the list below and its schema says that it

- changes nothing and writes into no argument;
- takes and gives nothing but tensors, numbers, booleans, strings and lists of these (`UNWRITABLE` arguments cannot be
  given: they keep what torch takes if nothing is said);
- gives the same result each time, of a shape that does not depend on values.

Left out on purpose: whatever draws random numbers (rand, native_dropout), gives uninitialised memory (empty), gives
complex numbers (_fft_r2c) or a shape that depends on values (nonzero), tells about storage rather than values
(as_strided, sym_stride), reads a single value into Python (_local_scalar_dense), or changes its argument (resize_).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

__all__ = ["DTYPES", "PACKETS", "UNWRITABLE", "aten_overload"]

# By family; the core of ATen (torch.Tag.core) is here but for what the module's docstring leaves out.
PACKETS = frozenset(
    """
    abs acos acosh angle asin asinh atan atan2 atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 floor
    frac lgamma log log10 log1p log2 logit neg positive rad2deg reciprocal round rsqrt sgn sigmoid sign sin sinc sinh
    sqrt square tan tanh trunc
    frexp gcd igamma igammac lcm polygamma special_ndtri special_erfcx special_spherical_bessel_j0 special_zeta
    i0 special_i0e special_i1 special_i1e special_modified_bessel_i0 special_modified_bessel_i1
    special_modified_bessel_k0 special_modified_bessel_k1 special_scaled_modified_bessel_k0
    special_scaled_modified_bessel_k1
    special_chebyshev_polynomial_t special_chebyshev_polynomial_u special_chebyshev_polynomial_v
    special_chebyshev_polynomial_w special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
    special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w
    add addcdiv addcmul bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor clamp
    clamp_max clamp_min copysign div eq float_power floor_divide fmax fmin fmod ge gt heaviside hypot isfinite isinf
    isnan isneginf isposinf ldexp le lerp logaddexp logaddexp2 logical_and logical_not logical_or logical_xor lt maximum
    minimum mul nan_to_num ne nextafter pow remainder rsub signbit sub true_divide where xlogy
    celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid_forward mish prelu relu relu6
    selu silu softplus softshrink threshold _prelu_kernel
    elu_backward gelu_backward glu_backward hardshrink_backward hardsigmoid_backward hardswish_backward
    hardtanh_backward leaky_relu_backward log_sigmoid_backward logit_backward mish_backward sigmoid_backward
    silu_backward softplus_backward softshrink_backward tanh_backward threshold_backward _prelu_kernel_backward
    all amax amin aminmax any argmax argmin argsort count_nonzero dist histc cummax cummin cumprod cumsum kthvalue
    linalg_vector_norm logcumsumexp logsumexp max mean median min mode nanmedian nansum norm prod sort std std_mean sum
    topk var var_mean
    _log_softmax _log_softmax_backward_data _softmax _softmax_backward_data _safe_softmax softmax log_softmax
    addbmm addmm addmv addr baddbmm bmm dot ger linear matmul mm mv outer vdot _cdist_forward _pdist_forward _trilinear
    cholesky_inverse cholesky_solve triangular_solve _linalg_det _linalg_slogdet _linalg_solve_ex
    det inverse linalg_cholesky linalg_cholesky_ex linalg_cross linalg_det linalg_inv linalg_inv_ex
    linalg_matrix_exp linalg_slogdet linalg_solve linalg_solve_triangular logdet trace
    alias broadcast_to cat chunk clone constant_pad_nd copy detach diag diag_embed diagonal diagonal_scatter
    expand expand_as fill flatten flip lift_fresh_copy movedim narrow permute pixel_shuffle pixel_unshuffle ravel repeat
    reshape roll rot90 select select_scatter slice slice_scatter split split_with_sizes squeeze stack t tile transpose
    tril triu unbind unflatten unfold unsqueeze view view_as _reshape_alias _to_copy _unsafe_view channel_shuffle
    alias_copy detach_copy diagonal_copy expand_copy permute_copy select_copy slice_copy split_copy
    split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy
    diagonal_backward select_backward slice_backward unfold_backward
    arange eye full full_like linspace logspace new_full new_ones new_zeros ones ones_like scalar_tensor tril_indices
    triu_indices zeros zeros_like
    gather index index_add index_copy index_fill index_put index_reduce index_select masked_fill masked_scatter put
    repeat_interleave scatter scatter_add scatter_reduce take take_along_dim bucketize searchsorted _unsafe_index
    _unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate
    embedding embedding_backward embedding_dense_backward _embedding_bag
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool2d_backward adaptive_max_pool3d adaptive_max_pool3d_backward
    avg_pool1d avg_pool2d avg_pool2d_backward avg_pool3d
    avg_pool3d_backward max_pool2d_with_indices max_pool2d_with_indices_backward max_pool3d_with_indices
    max_pool3d_with_indices_backward _adaptive_avg_pool2d _adaptive_avg_pool2d_backward _adaptive_avg_pool3d
    _adaptive_avg_pool3d_backward
    col2im convolution convolution_backward im2col
    reflection_pad1d reflection_pad1d_backward reflection_pad2d reflection_pad2d_backward reflection_pad3d
    reflection_pad3d_backward replication_pad1d replication_pad1d_backward replication_pad2d
    replication_pad2d_backward replication_pad3d replication_pad3d_backward
    upsample_bicubic2d upsample_bilinear2d upsample_bilinear2d_backward upsample_linear1d upsample_linear1d_backward
    upsample_nearest1d upsample_nearest1d_backward upsample_nearest2d upsample_nearest2d_backward upsample_nearest3d
    upsample_nearest3d_backward upsample_trilinear3d grid_sampler_2d
    native_batch_norm native_batch_norm_backward native_group_norm native_group_norm_backward native_layer_norm
    native_layer_norm_backward _native_batch_norm_legit _native_batch_norm_legit_no_training
    _native_batch_norm_legit_functional _fused_rms_norm rms_norm
    binary_cross_entropy binary_cross_entropy_backward binary_cross_entropy_with_logits huber_loss huber_loss_backward
    kl_div l1_loss mse_loss mse_loss_backward nll_loss2d_backward nll_loss2d_forward nll_loss_backward nll_loss_forward
    smooth_l1_loss smooth_l1_loss_backward soft_margin_loss soft_margin_loss_backward
    """.split()
)

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")

# Where and how a tensor lies in memory is no business of a map's.
UNWRITABLE = frozenset({"device", "generator", "layout", "memory_format", "pin_memory"})

# The names of types in schemas; a dtype is an int there.
_PLAIN = frozenset({"Tensor", "number", "int", "float", "bool", "str"})
# What a boolean index takes depends on its values: `Sizes` refuses it when it comes, other indices are fine.
_TAGGED_FOR_MASKS = frozenset({"index", "_unsafe_index"})
_REFUSED_TAGS = frozenset(
    {torch.Tag.nondeterministic_seeded, torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}
)


@cache
def aten_overload(packet: str, name: str) -> Any:
    """The overload `aten.packet.name`, or None if a map may not use it."""
    if packet not in PACKETS:
        return None
    family = getattr(torch.ops.aten, packet, None)
    if family is None or name not in family.overloads():
        return None
    overload = getattr(family, name)
    schema = overload._schema
    # Mutable is what writes into any of its arguments, an `out` among them.
    if schema.is_mutable or (packet not in _TAGGED_FOR_MASKS and not _REFUSED_TAGS.isdisjoint(overload.tags)):
        return None
    unwritable = [argument for argument in schema.arguments if not _is_plain(argument.type)]
    if any(not argument.has_default_value() for argument in unwritable):
        return None
    return overload if all(_is_plain(result.type) for result in schema.returns) else None


def _is_plain(of: Any) -> bool:
    while of.kind() in ("ListType", "OptionalType"):
        of = of.getElementType()
    return of.annotation_str in _PLAIN
