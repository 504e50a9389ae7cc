"""The layers that have parameters of their own: everything else is built from them. Axes: see `nn`."""

from collections.abc import Callable

import einx
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module, Parameter

from nn.config import GATE_INPUTS
from nn.initialization import Initializer, constant_, draw_normal, truncated_normal_


class Linear(Module):
    """`y = W x` without a bias, with `W` of shape `[d_out, d_in]`."""

    multiply: Callable[[Tensor, Tensor], Tensor] = staticmethod(torch.matmul)
    """The product of matrices. `nn.float8` sets another one."""

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        init: Initializer = draw_normal,
        zero_init: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.init, self.zero_init = init, zero_init
        self.weight = Parameter(torch.empty(d_out, d_in, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw W from normal(0, 2 / (d_in + d_out)), truncated at ±3σ, or as `init` does; or start at 0."""
        if self.zero_init:
            constant_(self.weight, 0.0)
        else:
            self.init(self.weight, generator)

    def forward(self, x: Float[Tensor, "... d_in"]) -> Float[Tensor, "... d_out"]:
        """Map the last dimension from d_in to d_out."""
        # Not einx's dot, which becomes a batch of one product: the weights' gradient would come in a layout that has to
        # be copied, and uncompiled a call would take 0.2 ms more.
        return self.multiply(x, self.weight.mT)


def joint_linear(x: Float[Tensor, "... d_in"], *layers: Linear) -> tuple[Float[Tensor, "... d_out"], ...]:
    """Apply several layers to the same input.

    In training it is one product with the layers' weights stacked. Its backward pass computes the gradient of `x` by
    one product too, where separate ones would each write theirs for a sum to read. Without gradients, as in decoding,
    the weights would be stacked for each token, so the products are separate.
    """
    if not torch.is_grad_enabled():
        return tuple(layer(x) for layer in layers)
    outputs = layers[0].multiply(x, torch.cat([layer.weight for layer in layers]).mT)
    return torch.split(outputs, [layer.weight.shape[0] for layer in layers], dim=-1)


class Embedding(Module):
    """Row `id` of a table of shape `[num_embeddings, d_model]`."""

    def __init__(
        self,
        num_embeddings: int,
        d_model: int,
        *,
        std: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.std = std
        self.weight = Parameter(torch.empty(num_embeddings, d_model, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the table from normal(0, std²), truncated at ±3 std."""
        truncated_normal_(self.weight, self.std, generator)

    def forward(self, token_ids: Int[Tensor, "..."]) -> Float[Tensor, "... d"]:
        """Look up the vector of each id."""
        # Not einx's get_at, which gathers element by element. Each of torch's two ways adds the gradients of a row in a
        # fixed order on one kind of device only: indexing on GPUs, where it sorts, index_select on CPUs, where it is
        # serial. On the other kind threads race, and two runs with the same seed drift apart.
        device_type = self.weight.device.type
        if device_type != "cpu":
            rows = self.weight[token_ids]
        else:
            rows = self.weight.index_select(0, token_ids.reshape(-1)).reshape(*token_ids.shape, self.weight.shape[1])
        # Under autocast the residual stream, which starts here, has the dtype of the products that are added to it.
        return rows.to(torch.get_autocast_dtype(device_type)) if torch.is_autocast_enabled(device_type) else rows


class RMSNorm(Module):
    """`x / √(mean(x²) + eps) · gain`, over the last dimension (Zhang & Sennrich 2019, arXiv:1910.07467).

    Computed in float32 and returned in the dtype of the input. Without `gains` there is no gain, and no parameter.
    """

    def __init__(
        self,
        d_model: int,
        eps: float = 1e-5,
        *,
        gains: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.eps = eps
        self.weight = Parameter(torch.empty(d_model, device=device, dtype=dtype)) if gains else None
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002 nothing is drawn
        """Start with a gain of 1."""
        if self.weight is not None:
            constant_(self.weight, 1.0)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """Normalize each vector."""
        wide = x.float()
        inverse_rms = (einx.mean("... [d]", wide * wide) + self.eps).rsqrt()
        if self.weight is None:
            return einx.multiply("... d, ... -> ... d", wide, inverse_rms).to(x.dtype)
        return einx.multiply("... d, ..., d -> ... d", wide, inverse_rms, self.weight.float()).to(x.dtype)


class ValueGate(Module):
    """`3·σ(W x[:12])`: how much of a token's value embedding is added to its values, for each key/value head.

    Between 0 and 3. A few components of x are enough, and make it cheap (K. Jordan et al. 2025, modded-nanogpt;
    Karpathy 2026, nanochat). Not a `Linear`: it is too narrow for float8.
    """

    def __init__(
        self,
        d_model: int,
        num_kv_heads: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.weight = Parameter(torch.empty(num_kv_heads, min(GATE_INPUTS, d_model), device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002 nothing is drawn
        """Start with W = 0, a gate of 1.5."""
        constant_(self.weight, 0.0)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... kv"]:
        """Return the gates of each position."""
        return 3 * torch.sigmoid(x[..., : self.weight.shape[1]] @ self.weight.mT)


class Mix(Module):
    """`w₀·own + w₁·other`, with two learned scalars whose initial values are given."""

    def __init__(
        self, start: tuple[float, float], *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.start = start
        self.weight = Parameter(torch.empty(2, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:  # noqa: ARG002 nothing is drawn
        """Return both weights to their initial values."""
        constant_(self.weight, self.start)

    def forward(self, own: Float[Tensor, "*shape"], other: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Mix two tensors of the same shape."""
        return self.weight[0] * own + self.weight[1] * other
