"""Root-mean-square normalization."""

import einx
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module, Parameter

from nn.config import ModelConfig
from nn.initialization import constant_


class RMSNorm(Module):
    """`x / √(mean(x²) + eps) · g`, over the last dimension (Zhang & Sennrich 2019, arXiv:1910.07467).

    Computed in float32 and returned in the dtype of the input.
    """

    def __init__(
        self,
        d_model: int,
        eps: float = 1e-5,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.eps = eps
        self.weight = Parameter(torch.empty(d_model, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002 nothing is drawn
        """Start with g = 1."""
        constant_(self.weight, 1.0)

    def forward(self, x: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Normalize each vector."""
        wide = x.float()
        inverse_rms = (einx.mean("... [d]", wide * wide) + self.eps).rsqrt()
        return einx.multiply("... d, ..., d -> ... d", wide, inverse_rms, self.weight.float()).to(x.dtype)


class Identity(Module):
    """Stands where a norm would, in a model that has none."""

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return `x` itself."""
        return x


def make_norm(
    config: ModelConfig, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> RMSNorm | Identity:
    """Make a norm of the residual stream, or what stands for it in a model that has none."""
    if config.norm == "none":
        return Identity()
    return RMSNorm(config.d_model, config.norm_eps, device=device, dtype=dtype)
