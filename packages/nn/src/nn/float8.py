"""Matrix products in float8, an experiment: half the bytes of bfloat16, and up to twice its rate. Axes: see `nn`.

A float8 number has few bits, so a tensor is stored as `scale · values`, with one scale for the whole tensor: its
largest absolute value becomes the largest float8 number. The scale is computed anew each time ("dynamic scaling"). Of
the two formats, e4m3 has 3 bits after the binary point and numbers up to 448, for inputs and weights; e5m2 has 2, but
numbers up to 57,344, for gradients, which spread further (Micikevicius et al. 2022, arXiv:2209.05433). All three
products of a linear map are computed from such tensors:

    y  = x w           forward
    ∂x = ∂y wᵀ         backward, with ∂ for the gradient of the loss by a tensor
    ∂w = xᵀ ∂y
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import Module

from nn.layers import Linear

MULTIPLE = 16
"""All dimensions of a product must be multiples of this: the kernels load 16 bytes at a time."""
# Instead of dividing by zero, where all values are 0.
_SMALLEST_AMAX = 1e-30


def use_float8(module: Module) -> None:
    """Let all `Linear` layers of a module multiply by `float8_matmul`. Parameters and their names stay as they are.

    Raises:
        ValueError: a weight has dimensions that are not multiples of 16; nothing has been changed.
    """
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, Linear)}
    for name, layer in layers.items():
        if any(size % MULTIPLE for size in layer.weight.shape):
            raise ValueError(
                f"the weight of {name or 'the layer'} has the shape {tuple(layer.weight.shape)}: float8 products need "
                f"dimensions that are multiples of {MULTIPLE}"
            )
    for layer in layers.values():
        layer.multiply = float8_matmul


def float8_matmul(x: Float[Tensor, "*b d_in"], w: Float[Tensor, "d_in d_out"]) -> Float[Tensor, "*b d_out"]:
    """Return `x w` for training, computed in float8 like its gradients; without gradients the usual product.

    So an evaluation measures the weights as they are used after training. The result has the dtype of autocast, or of
    `x`; gradients have the dtypes of `x` and `w`. Gradients of gradients are not supported.

    Raises:
        ValueError: the number of rows of `x` is not a multiple of 16.
    """
    if not torch.is_grad_enabled():
        return x @ w
    rows = x.reshape(-1, x.shape[-1])
    if rows.shape[0] % MULTIPLE:
        raise ValueError(
            f"x has {rows.shape[0]} rows: float8 products need a multiple of {MULTIPLE}, here batch size times length"
        )
    device_type = x.device.type
    dtype = torch.get_autocast_dtype(device_type) if torch.is_autocast_enabled(device_type) else x.dtype
    with torch.autocast(device_type, enabled=False):  # on CPUs torch would round the scaled values to its dtype
        y: Tensor = _Float8Product.apply(rows, w, dtype)
    return y.reshape(*x.shape[:-1], w.shape[1])


class _Scaled(NamedTuple):
    """The tensor `scale · values`."""

    values: Float[Tensor, "rows columns"]
    """In float8."""
    scale: Float[Tensor, ""]


def _to_float8(x: Float[Tensor, "rows columns"], dtype: torch.dtype) -> _Scaled:
    """Round a tensor to a float8 dtype; one with NaN or infinite elements becomes NaN.

    No quotient lies above the largest number of the dtype by more than its rounding, so nothing has to be clamped.
    """
    wide = x.to(torch.float32)
    scale = wide.abs().amax().clamp(min=_SMALLEST_AMAX) / torch.finfo(dtype).max
    return _Scaled((wide / scale).to(dtype), scale)


def _product(
    a: _Scaled, b: _Scaled, dtype: torch.dtype, *, fast_sums: bool = False
) -> Float[Tensor, "rows_of_a columns_of_b"]:
    """Return `a b`, with the sums in float32, or slightly less if they are to be fast.

    The kernels read `a` by rows and `b` by columns. What is stored otherwise is copied, one byte for each element.
    """
    return torch._scaled_mm(  # torch has no public name for it
        a.values.contiguous(),
        b.values.mT.contiguous().mT,
        scale_a=a.scale,
        scale_b=b.scale,
        out_dtype=dtype,
        use_fast_accum=fast_sums,
    )


class _Float8Product(torch.autograd.Function):
    """The equations above, each a product of two scaled tensors."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "n d_in"], w: Float[Tensor, "d_in d_out"], dtype: torch.dtype
    ) -> Float[Tensor, "n d_out"]:
        scaled_x, scaled_w = _to_float8(x, torch.float8_e4m3fn), _to_float8(w, torch.float8_e4m3fn)
        ctx.save_for_backward(*scaled_x, *scaled_w)
        ctx.dtypes = x.dtype, w.dtype
        return _product(scaled_x, scaled_w, dtype, fast_sums=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, y_gradient: Float[Tensor, "n d_out"]) -> tuple[Tensor, Tensor, None]:
        x, x_scale, w, w_scale = ctx.saved_tensors
        x_dtype, w_dtype = ctx.dtypes
        gradient = _to_float8(y_gradient, torch.float8_e5m2)
        transposed = _Scaled(gradient.values.mT, gradient.scale)
        x_gradient = _product(gradient, _Scaled(w.mT, w_scale), x_dtype)
        # As ∂wᵀ = ∂yᵀ x: w is the transpose of a layer's weight, whose gradient should be stored by rows.
        w_gradient = _product(transposed, _Scaled(x, x_scale), w_dtype).mT
        return x_gradient, w_gradient, None
