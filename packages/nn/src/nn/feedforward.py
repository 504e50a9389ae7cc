"""The feed-forward networks."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from nn.config import FeedForwardKind
from nn.linear import Linear


def silu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return `x · σ(x)` (Hendrycks & Gimpel 2016, arXiv:1606.08415)."""
    return x * torch.sigmoid(x)


class SwiGLU(Module):
    """`W2(SiLU(W1 x) ⊙ W3 x)` (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(
        self, d_model: int, d_ff: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, device=device, dtype=dtype)
        self.w2 = Linear(d_ff, d_model, device=device, dtype=dtype)
        self.w3 = Linear(d_model, d_ff, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Apply the network to each position."""
        return self.w2(silu(self.w1(x)) * self.w3(x))


class SiLUNetwork(Module):
    """`W2 SiLU(W1 x)`."""

    def __init__(
        self, d_model: int, d_ff: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, device=device, dtype=dtype)
        self.w2 = Linear(d_ff, d_model, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Apply the network to each position."""
        return self.w2(silu(self.w1(x)))


class ReLU2Network(Module):
    """`W2 relu(W1 x)²` (So et al. 2021, arXiv:2109.08668)."""

    def __init__(
        self, d_model: int, d_ff: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, device=device, dtype=dtype)
        self.w2 = Linear(d_ff, d_model, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Apply the network to each position."""
        return self.w2(self.w1(x).clamp(min=0) ** 2)


NETWORKS: dict[FeedForwardKind, type[SwiGLU] | type[SiLUNetwork] | type[ReLU2Network]] = {
    "swiglu": SwiGLU,
    "silu": SiLUNetwork,
    "relu2": ReLU2Network,
}
"""The networks by their name in `ModelConfig.ffn`."""
