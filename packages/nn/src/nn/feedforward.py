"""The feed-forward networks. Axes: see `nn`."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from nn.config import FeedForwardKind
from nn.initialization import Initializer, draw_normal
from nn.layers import Linear, joint_linear


def silu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return `x · σ(x)` (Hendrycks & Gimpel 2016, arXiv:1606.08415)."""
    return x * torch.sigmoid(x)


def relu2(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return `max(x, 0)²`."""
    return x.clamp(min=0) ** 2


class SwiGLU(Module):
    """`W2(SiLU(W1 x) ⊙ W3 x)` (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        init: Initializer = draw_normal,
        input_init: Initializer = draw_normal,
        zero_init_output: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, init=input_init, device=device, dtype=dtype)
        self.w2 = Linear(d_ff, d_model, init=init, zero_init=zero_init_output, device=device, dtype=dtype)
        self.w3 = Linear(d_model, d_ff, init=input_init, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """Apply the network to each position."""
        gate, up = joint_linear(x, self.w1, self.w3)
        return self.w2(silu(gate) * up)


class UngatedNetwork(Module):
    """`W2 f(W1 x)`, with the activation f of the subclass."""

    activation: Callable[[Tensor], Tensor]

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        init: Initializer = draw_normal,
        input_init: Initializer = draw_normal,
        zero_init_output: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.w1 = Linear(d_model, d_ff, init=input_init, device=device, dtype=dtype)
        self.w2 = Linear(d_ff, d_model, init=init, zero_init=zero_init_output, device=device, dtype=dtype)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """Apply the network to each position."""
        return self.w2(self.activation(self.w1(x)))


class SiLUNetwork(UngatedNetwork):
    """`W2 SiLU(W1 x)`."""

    activation = staticmethod(silu)


class ReLU2Network(UngatedNetwork):
    """`W2 relu(W1 x)²` (So et al. 2021, arXiv:2109.08668)."""

    activation = staticmethod(relu2)


NETWORKS: dict[FeedForwardKind, type[SwiGLU] | type[UngatedNetwork]] = {
    "swiglu": SwiGLU,
    "silu": SiLUNetwork,
    "relu2": ReLU2Network,
}
"""The networks by their names in `ModelConfig.ffn`."""
