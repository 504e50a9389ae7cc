"""The keys and values of the tokens that a model has read, so that they are not computed again. Axes: see `nn`."""

from dataclasses import dataclass
from functools import partial

import einx
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nn.attention import AttentionFunction, masked_attention
from nn.config import ModelConfig
from nn.documents import number_documents


@dataclass(frozen=True)
class KVCache:
    """Memory of a fixed shape, allocated once, that every step writes into.

    Each row counts its own positions from 0, so rows may have different lengths. Attention never looks at what the
    cache contains after the position of a query, such as the remains of earlier use.
    """

    config: ModelConfig
    keys: tuple[Float[Tensor, "b kv c e"], ...]
    """One tensor for each layer: rotated keys."""
    values: tuple[Float[Tensor, "b kv c e"], ...]
    """One tensor for each layer: values, with the first block's mixed in."""
    documents: Int[Tensor, "b c"] | None
    """The number of each token's document, if attention stays within documents."""

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
        """Allocate a cache for `capacity` tokens in each row.

        Args:
            config: the model's.
            batch_size: number of rows.
            capacity: positions in each row, at most the context; the whole context if not given.
            device: of the model.
            dtype: of the model's activations.

        Raises:
            ValueError: the capacity is below 1 or larger than the model's context, or batch_size is below 1.
        """
        capacity = config.context_length if capacity is None else capacity
        if not 1 <= capacity <= config.context_length:
            raise ValueError(
                f"capacity is {capacity}, but the model's context is {config.context_length}: give at least 1 and at "
                "most the context"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}: it must be at least 1")
        shape = (batch_size, config.kv_heads, capacity, config.d_head)

        def zeros() -> tuple[Tensor, ...]:
            return tuple(torch.zeros(shape, device=device, dtype=dtype) for _ in range(config.num_layers))

        documents = None
        if config.separator_token is not None:
            documents = torch.zeros(batch_size, capacity, dtype=torch.long, device=device)
        return cls(config, zeros(), zeros(), documents)

    @property
    def capacity(self) -> int:
        """Positions in each row."""
        return self.keys[0].shape[2]

    def row(self, index: int) -> "KVCache":
        """Return one row of this cache, which shares its memory."""
        one = slice(index, index + 1)
        return KVCache(
            self.config,
            tuple(keys[one] for keys in self.keys),
            tuple(values[one] for values in self.values),
            None if self.documents is None else self.documents[one],
        )

    def attention(self, token_ids: Int[Tensor, "b t"], positions: Int[Tensor, "b t"] | None) -> list[AttentionFunction]:
        """Return a function for each layer that computes the attention of new tokens.

        It writes their keys and values into the cache, then attends to all that the cache contains.

        Args:
            token_ids: the new tokens of each row.
            positions: their positions.

        Raises:
            ValueError: positions are not given for each of the ids.
        """
        if positions is None or token_ids.ndim != 2 or positions.shape != token_ids.shape:
            raise ValueError(
                f"token_ids has the shape {tuple(token_ids.shape)} and token_positions "
                f"{None if positions is None else tuple(positions.shape)}: with a cache, give both as [batch, tokens]"
            )
        mask = self._mask(token_ids, positions)
        groups = self.config.num_heads // self.config.kv_heads
        if groups > 1:  # see `_attend`
            mask = mask.repeat(1, 1, groups, 1)
        attend = masked_attention(self.config.attention, mask)
        rows = torch.arange(len(positions), device=positions.device)[:, None]
        return [partial(self._attend, layer, rows, positions, attend) for layer in range(self.config.num_layers)]

    def _attend(
        self,
        layer: int,
        rows: Int[Tensor, "b 1"],
        positions: Int[Tensor, "b t"],
        attend: AttentionFunction,
        queries: Float[Tensor, "b h t e"],
        keys: Float[Tensor, "b kv t e"],
        values: Float[Tensor, "b kv t e"],
    ) -> Float[Tensor, "b h t e"]:
        # By indexing: the compiler turns scatter_ into copies of the whole cache.
        self.keys[layer][rows, :, positions] = einx.id("b kv t e -> b t kv e", keys)
        self.values[layer][rows, :, positions] = einx.id("b kv t e -> b t kv e", values)
        if queries.shape[1] == keys.shape[1]:
            return attend(queries, self.keys[layer], self.values[layer])
        # The query heads that share a key head become further queries of it: repeating the keys would copy the cache.
        grouped = einx.id("b (kv g) t e -> b kv (g t) e", queries, kv=keys.shape[1])
        attended = attend(grouped, self.keys[layer], self.values[layer])
        return einx.id("b kv (g t) e -> b (kv g) t e", attended, t=queries.shape[2])

    def _mask(self, token_ids: Int[Tensor, "b t"], positions: Int[Tensor, "b t"]) -> Bool[Tensor, "b 1 t c"]:
        """Return which positions of the cache each new token attends to, and store the numbers of their documents."""
        # Not by einx, as in `causal_mask` and `same_document`: it would trace again for each capacity.
        distance = positions[:, :, None] - torch.arange(self.capacity, device=positions.device)
        allowed = distance >= 0
        if self.config.window is not None:
            allowed = allowed & (distance < self.config.window)
        if self.documents is not None and self.config.separator_token is not None:
            before = self.documents.gather(1, (positions[:, :1] - 1).clamp(min=0))
            before = before.masked_fill(positions[:, :1] == 0, 0)
            documents = before + number_documents(token_ids, self.config.separator_token)
            self.documents.scatter_(1, positions, documents)
            allowed = allowed & (documents[:, :, None] == self.documents[:, None])
        return allowed[:, None]

    def copy_first_row(self, length: int) -> None:
        """Copy the first `length` positions of the first row to all rows."""
        for stored in (*self.keys, *self.values):
            stored[1:, :, :length] = stored[:1, :, :length]
        if self.documents is not None:
            self.documents[1:, :length] = self.documents[:1, :length]
