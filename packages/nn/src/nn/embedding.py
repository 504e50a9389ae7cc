"""The table of token vectors."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module, Parameter

from nn.initialization import truncated_normal_


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

    def forward(self, token_ids: Int[Tensor, "..."]) -> Float[Tensor, "... d_model"]:
        """Look the ids up."""
        # Not einx's get_at, which gathers element by element. Of torch's two ways each adds up the gradients of a row
        # in a fixed order on one kind of device only: indexing by sorting on GPUs, index_select in turn on CPUs. The
        # other way round threads race, and two runs of the same seed drift apart.
        if self.weight.device.type != "cpu":
            return self.weight[token_ids]
        rows = self.weight.index_select(0, token_ids.reshape(-1))
        return rows.reshape(*token_ids.shape, self.weight.shape[1])
