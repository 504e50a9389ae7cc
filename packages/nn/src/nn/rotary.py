"""Rotary position embedding: positions as rotations (Su et al. 2021, arXiv:2104.09864). Axes: see `nn`."""

from collections.abc import Callable
from typing import Any

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module


class RotaryPositionalEmbedding(Module):
    """Rotates each pair `(x[2p], x[2p+1])` by the angle `position · theta^(−2p/d_k)`.

    With J, which turns each pair (a, b) into (−b, a), the rotation of x by the angles φ is `cos φ ⊙ x + sin φ ⊙ J x`.
    The product of a query at position i with a key at position j then depends on i − j only.
    """

    cos: Float[Tensor, "t e"]
    """Both entries of a pair have the cosine of its angle."""
    sin: Float[Tensor, "t e"]
    """−sin φ for the first entry of each pair, sin φ for the second: the sign of J is in the table."""

    def __init__(
        self,
        theta: float,
        d_k: int,
        max_seq_len: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Compute the tables of cosines and sines.

        Args:
            theta: base of the frequencies.
            d_k: width of a head, even.
            max_seq_len: positions go from 0 to max_seq_len − 1.
            device: of the tables.
            dtype: of the tables; `.to(dtype)` of a model does not change it.

        Raises:
            ValueError: d_k is odd.
        """
        super().__init__()
        if d_k % 2:
            raise ValueError(f"d_k is {d_k}: rotary embedding rotates pairs, so it must be even")
        self.theta, self.d_k, self.max_seq_len, self.dtype = theta, d_k, max_seq_len, dtype
        self._make_tables(torch.get_default_device() if device is None else torch.device(device))

    def _make_tables(self, device: torch.device) -> None:
        """Compute cos and sin of all angles."""
        # In float64: float32 angles are off by 1e-3 at position 10,000.
        exponents = torch.arange(0, self.d_k, 2, dtype=torch.float64, device="cpu") / self.d_k
        positions = torch.arange(self.max_seq_len, device="cpu")
        angles = einx.multiply("t, p -> t p", positions, self.theta**-exponents)
        cos = einx.id("t p -> t (p 2)", angles.cos())
        sin = einx.id("t p, t p -> t (p (1 + 1))", -angles.sin(), angles.sin())
        # Not persistent: the tables follow from the configuration, so checkpoints do not need them.
        self.register_buffer("cos", cos.to(device, self.dtype), persistent=False)
        self.register_buffer("sin", sin.to(device, self.dtype), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "RotaryPositionalEmbedding":
        """Follow `.to(…)` and `.to_empty(…)` to another device, but compute the tables again.

        Converted to bfloat16 they would be off by 1/256, and after `to_empty` they would be uninitialized.
        """
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._make_tables(self.cos.device)
        return self

    def forward(
        self, x: Float[Tensor, "*b t e"], token_positions: Int[Tensor, "*#b t"] | None = None
    ) -> Float[Tensor, "*b t e"]:
        """Rotate each vector of `x` to its position.

        Args:
            x: queries or keys, with any number of leading dimensions.
            token_positions: of each vector, from 0 to max_seq_len − 1; leading dimensions broadcast to those of `x`.
                If not given: 0, 1, 2, …

        Raises:
            ValueError: see `tables`.
        """
        return rotate(x, *self.tables(x.shape[-2], token_positions))

    def tables(
        self, t: int, token_positions: Int[Tensor, "*b t"] | None = None
    ) -> tuple[Float[Tensor, "*b t e"], Float[Tensor, "*b t e"]]:
        """Return the cosines and sines with which `rotate` turns t vectors to their positions.

        Args:
            t: number of vectors.
            token_positions: see `forward`.

        Raises:
            ValueError: the positions are not integers, not one for each vector, or there are more than max_seq_len.
        """
        if token_positions is None:
            if t > self.max_seq_len:
                raise ValueError(f"{t} positions are more than max_seq_len = {self.max_seq_len}: shorten the sequence")
            return self.cos[:t], self.sin[:t]
        if token_positions.dtype not in (torch.int64, torch.int32) or token_positions.shape[-1:] != (t,):
            raise ValueError(
                f"token_positions has the dtype {token_positions.dtype} and the shape "
                f"{tuple(token_positions.shape)}: give one integer for each vector, in a tensor of shape [..., {t}]"
            )
        return self.cos[token_positions], self.sin[token_positions]


def rotate(x: Float[Tensor, "*b e"], cos: Float[Tensor, "*#b e"], sin: Float[Tensor, "*#b e"]) -> Float[Tensor, "*b e"]:
    """Return `cos φ ⊙ x + sin φ ⊙ J x`, where J turns each pair (a, b) into (−b, a).

    Args:
        x: vectors.
        cos: from `RotaryPositionalEmbedding.tables`.
        sin: likewise; it contains the sign of J.
    """
    rotated: Tensor = _Rotation.apply(x, cos, sin)
    return rotated


class _Rotation(torch.autograd.Function):
    """`rotate`, computed in float32, whose gradient is the rotation by −φ: as in the forward pass, a single kernel."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "*b e"], cos: Float[Tensor, "*#b e"], sin: Float[Tensor, "*#b e"]
    ) -> Float[Tensor, "*b e"]:
        ctx.save_for_backward(cos, sin)
        wide = x.float()
        # Exchanging the entries of each pair is a matter of addresses, so all is one pass over contiguous memory.
        exchanged = einx.flip("... (p [pair]) -> ... (p [pair])", wide, pair=2)
        rotated = cos * wide + sin * exchanged
        # Compiled by torch 2.11, a function that ends with a conversion that changes nothing has a gradient of 0.
        return rotated if rotated.dtype == x.dtype else rotated.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "*b e"]) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return rotate(gradient, cos, -sin), None, None
