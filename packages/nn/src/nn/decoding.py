"""Reading a prompt into the cache, then decoding one token at a time. Axes: see `nn`.

Every tensor has one of a few fixed shapes: prompts are read in pieces of two widths, and a step always reads the whole
cache. So einx traces each shape once, and a step is recorded or compiled once, however long prompt and text are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nn.generation_config import DecodingMode
from nn.kv_cache import KVCache
from nn.language_model import TransformerLM
from nn.recording import record


@dataclass(frozen=True)
class _Recording:
    """A recorded step, with the cache that it writes to."""

    cache: KVCache
    step: Callable[[Tensor, Tensor], Tensor]
    addresses: tuple[int, ...]
    """Where in memory the parameters were that it reads."""


# One for each model, number of rows and capacity, as long as the model exists: the next text can use it again.
_idle: WeakKeyDictionary[TransformerLM, dict[tuple[int, int], _Recording]] = WeakKeyDictionary()


class Decoder:
    """Rows of text that a model reads, each from its own position; all tensors are on the model's device.

    >>> from nn import ModelConfig
    >>> model = TransformerLM(ModelConfig(vocab_size=100, d_model=32, num_layers=1, num_heads=2))
    >>> decoder = Decoder(model, batch_size=2, capacity=32)
    >>> decoder.read([[1, 2, 3], [4]]).shape
    torch.Size([2, 100])
    >>> decoder.step(torch.tensor([5, 6]), positions=torch.tensor([3, 1])).shape
    torch.Size([2, 100])
    """

    def __init__(
        self, model: TransformerLM, batch_size: int, capacity: int | None = None, *, compile: DecodingMode = "off"
    ) -> None:
        """Make an empty cache.

        Args:
            model: the language model; its weights may change in place, but not their dtype or device.
            batch_size: number of rows.
            capacity: the most tokens in a row, at most the context; the context if not given.
            compile: how steps run.

        Raises:
            ValueError: the capacity, the batch size or the mode is not valid, or the mode needs another device.
        """
        weight = model.embedding.weight
        if compile not in get_args(DecodingMode):
            raise ValueError(f"compile is {compile!r}: choose one of {', '.join(get_args(DecodingMode))}")
        if compile == "graph" and weight.device.type != "cuda":
            raise ValueError(
                f"compile is 'graph', which needs a CUDA device, but the model is on {weight.device}: choose auto"
            )
        self.model, self.device, self.compile = model, weight.device, compile
        self.cache = KVCache.empty(model.config, batch_size, capacity, device=weight.device, dtype=weight.dtype)
        self._batch_size = batch_size
        self._step: Callable[[Tensor, Tensor], Tensor] | None = None
        if compile == "record":
            self._reuse_recording()

    def read(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b v"]:
        """Read a prompt into each row, from position 0, and return the logits of the next token.

        Args:
            rows: for each row at least one id, and at most as many as the capacity.
        """
        if any(row != rows[0] for row in rows):
            return self._read(self.cache, rows)
        logits = self._read(self.cache.row(0), rows[:1])
        self.cache.copy_first_row(len(rows[0]))
        return logits.repeat(len(rows), 1)

    def read_row(self, index: int, ids: Sequence[int]) -> Float[Tensor, " v"]:
        """Read one row again, from position 0, and leave the others as they are."""
        return self._read(self.cache.row(index), [ids])[0]

    @torch.no_grad()
    def step(self, ids: Int[Tensor, " b"], positions: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Write one token into each row and return the logits of the next one.

        Nothing in it waits for the device, so a CUDA graph can contain it, from the second call on.

        Args:
            ids: a token for each row.
            positions: where it is: the number of tokens before it in its row.
        """
        self._step = self._step or self._prepare(ids, positions)
        return self._step(ids, positions)

    def close(self) -> None:
        """Offer a recorded step to the next decoder of the same model and shape; this decoder can no longer be used."""
        if self.compile == "record" and self._step is not None:
            _idle.setdefault(self.model, {})[self._shape] = _Recording(self.cache, self._step, _addresses(self.model))
            self._step = None

    def _reuse_recording(self) -> None:
        """Use the step that another decoder has recorded, if the weights are still at the same place in memory."""
        recording = _idle.get(self.model, {}).pop(self._shape, None)
        if recording is not None and recording.addresses == _addresses(self.model):
            for values in recording.cache.values:
                values.zero_()  # an old NaN would pass through the mask, as 0 · NaN
            self.cache, self._step = recording.cache, recording.step

    @property
    def _shape(self) -> tuple[int, int]:
        return self._batch_size, self.cache.capacity

    @torch.no_grad()
    def _read(self, cache: KVCache, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b v"]:
        longest = max(map(len, rows))
        width = min(read_width(self.device, longest), cache.capacity)
        last = torch.tensor([len(row) - 1 for row in rows], device=self.device)
        hidden_at_last = torch.zeros(len(rows), self.model.config.d_model, device=self.device)
        for start in range(0, longest, width):
            # The last piece may begin earlier, so as not to exceed the cache: what it reads again stays the same.
            start = min(start, cache.capacity - width)
            # Padding comes after the prompt, so no token of the prompt attends to it; it is overwritten later.
            pieces = [[*row[start : start + width]] for row in rows]
            padded = torch.tensor([[*piece, *[0] * (width - len(piece))] for piece in pieces], device=self.device)
            positions = torch.arange(start, start + width, device=self.device).expand_as(padded)
            hidden = self.model.hidden_states(padded, positions, cache=cache)
            place = (last - start).clamp(0, width - 1)
            here = hidden[torch.arange(len(rows), device=self.device), place]
            hidden_at_last = torch.where((last == start + place)[:, None], here, hidden_at_last.to(here.dtype))
        return self.model.logits(hidden_at_last)

    def _prepare(self, ids: Tensor, positions: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        model, cache = self.model, self.cache
        if self.compile == "record":
            return record(lambda ids, positions: step(model, ids, positions, cache), ids, positions)
        function = compiled_step() if self.compile == "on" else step
        return lambda ids, positions: function(model, ids, positions, cache)


def read_width(device: torch.device, longest: int) -> int:
    """Return how many tokens are read at once of prompts of which the longest has this length.

    On a CPU more tokens take longer, but each piece has a cost of its own. A GPU waits for the host to launch kernels,
    whose number does not depend on the width.
    """
    return 32 if device.type == "cpu" and longest <= 64 else 128


def step(
    model: TransformerLM, ids: Int[Tensor, " b"], positions: Int[Tensor, " b"], cache: KVCache
) -> Float[Tensor, "b v"]:
    """Write one token into each row of the cache and return the logits of the next one."""
    hidden = model.hidden_states(ids[:, None], positions[:, None], cache=cache)
    return model.logits(hidden[:, 0])


@cache
def compiled_step() -> Callable[..., Float[Tensor, "b v"]]:
    """Return `step`, compiled: one function for all decoders, so that each shape is compiled once."""
    compiled: Callable[..., Tensor] = torch.compile(step, fullgraph=True, dynamic=False)
    return compiled


def _addresses(model: TransformerLM) -> tuple[int, ...]:
    """Return the memory address of each parameter: a recording reads these, even if the model has new parameters."""
    return tuple(parameter.data_ptr() for parameter in model.parameters())
