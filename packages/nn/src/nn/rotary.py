"""Rotary position embedding: positions as rotations (Su et al. 2021, arXiv:2104.09864)."""

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

    def __init__(self, theta: float, d_k: int, max_seq_len: int, *, device: torch.device | str | None = None) -> None:
        super().__init__()
        if d_k % 2:
            raise ValueError(f"d_k is {d_k}: rotary embedding turns pairs, so it must be even")
        # In float64, since float32 angles are off by 1e-3 at position 10,000.
        frequencies = theta ** -(torch.arange(0, d_k, 2, dtype=torch.float64) / d_k)
        angles = einx.multiply("position, p -> position p", torch.arange(max_seq_len), frequencies)
        # Not persistent: the tables follow from the configuration and have no place in a checkpoint.
        self.register_buffer("cos", angles.cos().float().to(device), persistent=False)
        self.register_buffer("sin", angles.sin().float().to(device), persistent=False)

    def forward(
        self, x: Float[Tensor, "... seq d_k"], token_positions: Int[Tensor, "*#lead seq"]
    ) -> Float[Tensor, "... seq d_k"]:
        """Rotate `x` to the given positions, whose leading dimensions broadcast to those of `x`."""
        cos, sin = self.cos[token_positions], self.sin[token_positions]
        even, odd = einx.id("... (p (1 + 1)) -> ... p, ... p", x.float())
        rotated = einx.id("... p, ... p -> ... (p (1 + 1))", cos * even - sin * odd, sin * even + cos * odd)
        return rotated.to(x.dtype)
