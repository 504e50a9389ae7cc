"""Reading a prompt into the cache, then decoding one token at a time. Axes: see `nn`.

Every tensor has one of a few fixed shapes: prompts are padded on the right to a power of two, and a step always reads
the whole cache. So einx traces each shape once, and a step is recorded or compiled once, however long the text becomes.
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

_SHORTEST = 16


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
    """Rows of text that a model reads and continues, each from its own position.

    >>> from nn import ModelConfig
    >>> model = TransformerLM(ModelConfig(vocab_size=100, d_model=32, num_layers=1, num_heads=2))
    >>> decoder = Decoder(model, batch_size=2, capacity=32)
    >>> decoder.read([[1, 2, 3], [4]]).shape
    torch.Size([2, 100])
    >>> decoder.step([5, 6]).shape, decoder.lengths
    (torch.Size([2, 100]), [4, 2])
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
            ValueError: the capacity, the batch size or the mode is not valid.
        """
        if compile not in get_args(DecodingMode):
            raise ValueError(f"compile is {compile!r}: choose one of {', '.join(get_args(DecodingMode))}")
        weight = model.embedding.weight
        self.model = model
        self.cache = KVCache.empty(model.config, batch_size, capacity, device=weight.device, dtype=weight.dtype)
        self.lengths = [0] * batch_size
        self._compile = compile
        self._step: Callable[[Tensor, Tensor], Tensor] | None = None
        if compile == "record":
            self._reuse_recording()

    def read(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b v"]:
        """Read a prompt into each row, from position 0, and return the logits of the next token, on the CPU.

        Args:
            rows: for each row at least one id, and at most as many as the capacity.
        """
        self.lengths = [len(row) for row in rows]
        return self._read(self.cache, rows)

    def read_row(self, index: int, ids: Sequence[int]) -> Float[Tensor, " v"]:
        """Read one row again, from position 0, and leave the others as they are."""
        self.lengths[index] = len(ids)
        return self._read(self.cache.row(index), [ids])[0]

    @torch.no_grad()
    def step(self, ids: Sequence[int | None]) -> Float[Tensor, "b v"]:
        """Append one token to each row and return the logits of the next one, on the CPU.

        Args:
            ids: a token for each row; None leaves a row unchanged, and its logits are meaningless.
        """
        # An unchanged row is computed too, with any token, which is written after its last one: nothing attends to it
        # before it is overwritten. Only a full row loses its last token: it must be read again before it continues.
        places = [min(length, self.cache.capacity - 1) for length in self.lengths]
        device = self.model.embedding.weight.device
        tokens = torch.tensor([0 if token_id is None else token_id for token_id in ids], device=device)
        positions = torch.tensor(places, device=device)
        self._step = self._step or self._prepare(tokens, positions)
        logits = self._step(tokens, positions)
        self.lengths = [length + (token_id is not None) for length, token_id in zip(self.lengths, ids, strict=True)]
        return logits.float().cpu()

    def close(self) -> None:
        """Offer a recorded step to the next decoder of the same model and shape; this decoder can no longer be used."""
        if self._compile == "record" and self._step is not None:
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
        return len(self.lengths), self.cache.capacity

    @torch.no_grad()
    def _read(self, cache: KVCache, rows: Sequence[Sequence[int]]) -> Float[Tensor, "b v"]:
        width = min(power_of_two(max(len(row) for row in rows)), cache.capacity)
        padded = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
        positions = torch.arange(width).expand_as(padded)
        device = self.model.embedding.weight.device
        hidden = self.model.hidden_states(padded.to(device), positions.to(device), cache=cache)
        # The padding comes after the prompt, so no token of the prompt attends to it; it is overwritten later.
        last = hidden[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])]
        return self.model.logits(last).float().cpu()

    def _prepare(self, tokens: Tensor, positions: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        model, cache = self.model, self.cache
        if self._compile == "record":
            return record(lambda ids, places: step(model, ids, places, cache), tokens, positions)
        function = step if self._compile == "off" else compiled_step()
        return lambda ids, places: function(model, ids, places, cache)


def step(
    model: TransformerLM, ids: Int[Tensor, " b"], positions: Int[Tensor, " b"], cache: KVCache
) -> Float[Tensor, "b v"]:
    """Append one token to each row of the cache and return the logits of the next one."""
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


def power_of_two(length: int) -> int:
    """Return the smallest power of two that is at least `length`, and at least 16."""
    return max(_SHORTEST, 1 << (length - 1).bit_length())
