"""Rotary position embedding: positions as rotations (Su et al. 2021, arXiv:2104.09864). Axes: see `nn`."""

from collections.abc import Callable

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module


class RotaryPositionalEmbedding(Module):
    """Rotates each pair `(x[2p], x[2p+1])` by the angle `position · theta^(−2p/d_k)`.

    The product of a query at position i with a key at position j then depends on i − j only.
    """

    cos: Float[Tensor, "t p"]
    sin: Float[Tensor, "t p"]

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
        # Not persistent: the tables follow from the configuration, so checkpoints do not need them.
        self.register_buffer("cos", angles.cos().to(device, self.dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(device, self.dtype), persistent=False)

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
            ValueError: the positions are not integers, not one for each vector, or there are more than max_seq_len.
        """
        t = x.shape[-2]
        if token_positions is None:
            if t > self.max_seq_len:
                raise ValueError(f"{t} positions are more than max_seq_len = {self.max_seq_len}: shorten the sequence")
            cos, sin = self.cos[:t], self.sin[:t]
        else:
            if token_positions.dtype not in (torch.int64, torch.int32) or token_positions.shape[-1:] != (t,):
                raise ValueError(
                    f"token_positions has the dtype {token_positions.dtype} and the shape "
                    f"{tuple(token_positions.shape)}: give one integer for each vector, in a tensor of shape [..., {t}]"
                )
            cos, sin = self.cos[token_positions], self.sin[token_positions]
        even, odd = einx.id("... (p (1 + 1)) -> ... p, ... p", x.float())
        rotated = einx.id("... p, ... p -> ... (p (1 + 1))", cos * even - sin * odd, sin * even + cos * odd)
        return rotated.to(x.dtype)
