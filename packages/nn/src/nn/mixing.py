"""A learned mix of two tensors."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module, Parameter

from nn.initialization import constant_


class Mix(Module):
    """`w₀·own + w₁·other`, with two learned scalars that start where the caller says."""

    def __init__(
        self, start: tuple[float, float], *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.start = start
        self.weight = Parameter(torch.empty(2, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002 nothing is drawn
        """Return both weights to where they start."""
        constant_(self.weight, self.start)

    def forward(self, own: Float[Tensor, "*shape"], other: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Mix two tensors of one shape."""
        return self.weight[0] * own + self.weight[1] * other
