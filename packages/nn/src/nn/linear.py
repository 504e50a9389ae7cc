"""The linear map without a bias."""

import einx
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module, Parameter

from nn.initialization import constant_, linear_std, truncated_normal_


class Linear(Module):
    """`y = W x`, with `W` of shape `[d_out, d_in]`."""

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        zero_init: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.zero_init = zero_init
        self.weight = Parameter(torch.empty(d_out, d_in, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw W from normal(0, 2 / (d_in + d_out)), truncated at ±3σ; or start at 0."""
        if self.zero_init:
            constant_(self.weight, 0.0)
            return
        d_out, d_in = self.weight.shape
        truncated_normal_(self.weight, linear_std(d_in, d_out), generator)

    def forward(self, x: Float[Tensor, "... d_in"]) -> Float[Tensor, "... d_out"]:
        """Map the last dimension from d_in to d_out."""
        return einx.dot("... d_in, d_out d_in -> ... d_out", x, self.weight)
