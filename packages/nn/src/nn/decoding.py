"""Reading a prompt into the cache, and then one token at a time.

Every tensor has one of few fixed shapes: prompts are padded on the right to a power of two, and a step always reads the
whole cache. So einx traces each shape once, and a compiled step is compiled once, however long the text becomes.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nn.kv_cache import KVCache
from nn.language_model import TransformerLM

Compile = Literal["off", "graph", "on"]
"""How a decoding step runs:

- `off`: the code as it stands.
- `graph`: written down once as a list of torch operations, without a C++ compiler; half a second to two seconds at the
  first step of a shape, and no einx at the later ones.
- `on`: compiled by torch.compile, 20 to 90 seconds on a CPU the first time.
"""

_SHORTEST = 16


class Decoder:
    """Some rows of text that a model reads and continues, each from its own position.

    >>> from nn import ModelConfig
    >>> model = TransformerLM(ModelConfig(vocab_size=100, d_model=32, num_layers=1, num_heads=2))
    >>> decoder = Decoder(model, batch_size=2, capacity=32)
    >>> decoder.read([[1, 2, 3], [4]]).shape
    torch.Size([2, 100])
    >>> decoder.step([5, 6]).shape, decoder.lengths
    (torch.Size([2, 100]), [4, 2])
    """

    def __init__(
        self, model: TransformerLM, batch_size: int, capacity: int | None = None, *, compile: Compile = "off"
    ) -> None:
        """Make an empty cache.

        Args:
            model: the language model.
            batch_size: rows.
            capacity: tokens that a row may have, at most the context, which it is if not given.
            compile: how steps run.

        Raises:
            ValueError: the capacity or the batch size cannot be.
        """
        weight = model.embedding.weight
        self.model = model
        self.cache = KVCache.empty(model.config, batch_size, capacity, device=weight.device, dtype=weight.dtype)
        self.lengths = [0] * batch_size
        self._step = step_function(compile)

    def read(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b vocab"]:
        """Read a prompt into each row, from its beginning; returns the logits, on the CPU, of what follows.

        Args:
            rows: for each row at least one id, at most as many as the capacity.
        """
        self.lengths = [len(row) for row in rows]
        return self._read(self.cache, rows)

    def read_row(self, index: int, ids: Sequence[int]) -> Float[Tensor, " vocab"]:
        """Read one row anew, and leave the others as they are."""
        self.lengths[index] = len(ids)
        return self._read(self.cache.row(index), [ids])[0]

    @torch.no_grad()
    def step(self, ids: Sequence[int]) -> Float[Tensor, "b vocab"]:
        """Add one token to each row; returns the logits, on the CPU, of what follows."""
        device = self.model.embedding.weight.device
        positions = torch.tensor(self.lengths, device=device)
        logits = self._step(self.model, torch.tensor(ids, device=device), positions, self.cache)
        self.lengths = [length + 1 for length in self.lengths]
        return logits.float().cpu()

    @torch.no_grad()
    def _read(self, cache: KVCache, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b vocab"]:
        width = min(_power_of_two(max(len(row) for row in rows)), cache.capacity)
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
        positions = torch.arange(width).expand_as(padded)
        device = self.model.embedding.weight.device
        hidden = self.model.hidden_states(padded.to(device), positions.to(device), cache=cache)
        # The padding stands behind the prompt, so that no token of it sees any; its places are written over later.
        last = hidden[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])]
        return self.model.logits(last).float().cpu()


def step(
    model: TransformerLM, ids: Int[Tensor, " b"], positions: Int[Tensor, " b"], cache: KVCache
) -> Float[Tensor, "b vocab"]:
    """Return the logits after one more token in each row, which is noted in the cache."""
    hidden = model.hidden_states(ids[:, None], positions[:, None], cache=cache)
    return model.logits(hidden[:, 0])


@cache
def step_function(compile: Compile) -> Callable[..., Float[Tensor, "b vocab"]]:
    """Return `step` in the form asked for."""
    if compile == "off":
        return step
    backend = "inductor" if compile == "on" else "aot_eager"
    return torch.compile(step, fullgraph=True, dynamic=False, backend=backend)


def _power_of_two(length: int) -> int:
    """Return the smallest power of two that is no smaller than `length`, and at least 16."""
    return max(_SHORTEST, 1 << (length - 1).bit_length())
