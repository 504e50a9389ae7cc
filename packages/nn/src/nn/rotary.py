"""Rotary position embedding: positions as rotations (Su et al. 2021, arXiv:2104.09864)."""

from collections.abc import Callable

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module


class RotaryPositionalEmbedding(Module):
    """Rotates the pair `(x[2p], x[2p+1])` by the angle `position · theta^(−2p/d_k)`.

    A query at i and a key at j then have a product that depends on i − j alone.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        theta: float,
        d_k: int,
        max_seq_len: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Make the tables.

        Args:
            theta: base of the frequencies.
            d_k: width of a head, even.
            max_seq_len: positions go from 0 to max_seq_len − 1.
            device: of the tables.
            dtype: of the tables, which keep it whatever `.to(dtype)` does to the weights around them.

        Raises:
            ValueError: d_k is odd.
        """
        super().__init__()
        if d_k % 2:
            raise ValueError(f"d_k is {d_k}: rotary embedding turns pairs, so it must be even")
        self.theta, self.d_k, self.max_seq_len, self.dtype = theta, d_k, max_seq_len, dtype
        self._make_tables(torch.get_default_device() if device is None else torch.device(device))

    def _make_tables(self, device: torch.device) -> None:
        """Compute cos and sin of all angles."""
        # In float64, since float32 angles are off by 1e-3 at position 10,000.
        exponents = torch.arange(0, self.d_k, 2, dtype=torch.float64, device="cpu") / self.d_k
        positions = torch.arange(self.max_seq_len, device="cpu")
        angles = einx.multiply("position, p -> position p", positions, self.theta**-exponents)
        # Not persistent: the tables follow from the configuration and have no place in a checkpoint.
        self.register_buffer("cos", angles.cos().to(device, self.dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(device, self.dtype), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "RotaryPositionalEmbedding":
        """Follow `.to(…)` and `.to_empty(…)` to another device, but with tables made anew.

        A bfloat16 table would be off by 1/256, and an empty one is no table.
        """
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._make_tables(self.cos.device)
        return self

    def forward(
        self, x: Float[Tensor, "... seq d_k"], token_positions: Int[Tensor, "*#lead seq"]
    ) -> Float[Tensor, "... seq d_k"]:
        """Rotate `x` to the given positions, whose leading dimensions broadcast to those of `x`."""
        cos, sin = self.cos[token_positions], self.sin[token_positions]
        even, odd = einx.id("... (p (1 + 1)) -> ... p, ... p", x.float())
        rotated = einx.id("... p, ... p -> ... (p (1 + 1))", cos * even - sin * odd, sin * even + cos * odd)
        return rotated.to(x.dtype)
