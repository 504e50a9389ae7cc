"""The keys and values of the tokens that a model has read, so that it need not read them again.

Axes: `b` batch, `kv` key/value heads, `c` capacity, `t` new tokens, `e` width of a head.
"""

from dataclasses import dataclass

import einx
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nn.config import ModelConfig
from nn.masking import number_documents, same_document, visible


@dataclass(frozen=True)
class KVCache:
    """Memory of a fixed shape: it is made once, and every step writes into it.

    Each row counts its own positions from 0, so rows of different lengths stand side by side. What lies behind the
    position of a query is never looked at, whatever an earlier use has left there.
    """

    config: ModelConfig
    keys: tuple[Float[Tensor, "b kv c e"], ...]
    """One tensor a layer: rotated keys."""
    values: tuple[Float[Tensor, "b kv c e"], ...]
    """One tensor a layer: values, first-block values mixed in."""
    documents: Int[Tensor, "b c"] | None
    """The number of each token's document, where attention stops at documents."""

    @classmethod
    def empty(
        cls,
        config: ModelConfig,
        batch_size: int,
        capacity: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> "KVCache":
        """Make room for `capacity` tokens a row.

        Args:
            config: the model's.
            batch_size: rows.
            capacity: positions a row, at most the context; the whole context if not given.
            device: where the model is.
            dtype: of the model's activations.

        Raises:
            ValueError: the capacity is below 1 or beyond the model's context, or there are no rows.
        """
        capacity = config.context_length if capacity is None else capacity
        if not 1 <= capacity <= config.context_length:
            raise ValueError(
                f"a cache of {capacity} positions does not suit a model with a context of {config.context_length}: "
                "give at least 1 and at most the context"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}: a cache has at least 1 row")
        shape = (batch_size, config.kv_heads, capacity, config.d_head)

        def room() -> tuple[Tensor, ...]:
            return tuple(torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.num_layers))

        documents = None
        if config.separator_token is not None:
            documents = torch.zeros(batch_size, capacity, dtype=torch.long, device=device)
        return cls(config, room(), room(), documents)

    @property
    def capacity(self) -> int:
        """Positions a row."""
        return self.keys[0].shape[2]

    def row(self, index: int) -> "KVCache":
        """Return one row of this cache, as the same memory."""
        one = slice(index, index + 1)
        return KVCache(
            self.config,
            tuple(keys[one] for keys in self.keys),
            tuple(values[one] for values in self.values),
            None if self.documents is None else self.documents[one],
        )

    def write(
        self,
        layer: int,
        k: Float[Tensor, "b kv t e"],
        v: Float[Tensor, "b kv t e"],
        positions: Int[Tensor, "b t"],
    ) -> tuple[Float[Tensor, "b kv c e"], Float[Tensor, "b kv c e"]]:
        """Store the keys and values of new tokens, and return all of the layer's."""
        # By indexing, since the compiler turns scatter_ into copies of the whole cache.
        rows = torch.arange(len(positions), device=positions.device)[:, None]
        self.keys[layer][rows, :, positions] = einx.id("b kv t e -> b t kv e", k)
        self.values[layer][rows, :, positions] = einx.id("b kv t e -> b t kv e", v)
        return self.keys[layer], self.values[layer]

    def mask(self, token_ids: Int[Tensor, "b t"], positions: Int[Tensor, "b t"]) -> Bool[Tensor, "b 1 t c"]:
        """Return what new tokens may see of the cache once they are in it; notes their documents.

        Args:
            token_ids: new tokens, side by side in each row.
            positions: where they stand.
        """
        places = torch.arange(self.capacity, device=positions.device)
        allowed = visible(positions, places, window=self.config.window)
        if self.documents is not None and self.config.separator_token is not None:
            before = self.documents.gather(1, (positions[:, :1] - 1).clamp(min=0))
            before = torch.where(positions[:, :1] > 0, before, 0)
            documents = before + number_documents(token_ids, self.config.separator_token)
            self.documents.scatter_(1, positions, documents)
            allowed = allowed & same_document(documents, self.documents)
        return allowed[:, None]
