"""Texts that are continued together, one token each at a time, on the model's device. Axes: see `nn`.

A step reads the ids drawn last, draws the next ones and advances the positions, all in tensors on the device. The host
only launches steps and reads what they leave: ids, and their log-probabilities if requested. On a CUDA device it
replays a step as one CUDA graph.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nn.cuda_graph import CudaGraph
from nn.decoding import Decoder
from nn.drawing import TokenDrawer
from nn.drawn_token import DrawnToken
from nn.scoring import drawn_tokens, log_probabilities


class Continuation:
    """Rows of text whose last ids, positions and tokens seen are on the device."""

    def __init__(
        self, decoder: Decoder, drawer: TokenDrawer, batch_size: int, num_alternatives: int | None = None
    ) -> None:
        """Join a decoder and a drawer, both made for this number of rows.

        Args:
            decoder: reads tokens.
            drawer: draws tokens.
            batch_size: number of rows.
            num_alternatives: how many of the most probable tokens each step finds, besides the log-probability of the
                one that is drawn; None: no log-probabilities are computed.
        """
        self._decoder, self._drawer, self._num_alternatives = decoder, drawer, num_alternatives
        self.runs_ahead = decoder.device.type == "cuda"
        """Whether a step may be launched before the ids of the last one are read: only a GPU works meanwhile."""
        self.lengths = [0] * batch_size
        """The number of tokens of each row that the model has read; the id drawn last is not yet one of them."""
        self._ids = torch.zeros(batch_size, dtype=torch.long, device=decoder.device)
        self._positions = torch.zeros_like(self._ids)
        columns = 1 + (num_alternatives or 0)
        self._rated_ids = torch.zeros(batch_size, columns, dtype=torch.long, device=decoder.device)
        self._log_probabilities = torch.zeros(batch_size, columns, device=decoder.device)
        self._step: Callable[[], None] = self._step_on_device
        if decoder.device.type == "cuda" and decoder.compile != "off":
            self._step = CudaGraph(self._step_on_device, decoder.device)

    def begin(self, prompts: Sequence[Sequence[int]]) -> "DrawnStep":
        """Read a prompt into each row and draw the first ids."""
        self._drawer.prepare()
        self._draw(self._decoder.read(prompts))
        self._move_to([len(prompt_ids) for prompt_ids in prompts])
        return self._drawn()

    def advance(self, restarted: Mapping[int, Sequence[int]] | None = None) -> "DrawnStep":
        """Read the ids drawn last and draw the next ones.

        Args:
            restarted: rows that have filled the cache, with the ids, the one drawn last included, that the model reads
                from position 0 instead.
        """
        self._drawer.prepare()
        if restarted:
            self._draw(self._logits_after_restarting(restarted))
            after = [length + 1 for length in self.lengths]
            self._move_to([len(restarted[index]) if index in restarted else n for index, n in enumerate(after)])
        else:
            self._step()
            self.lengths = [length + 1 for length in self.lengths]
        return self._drawn()

    def close(self) -> None:
        """Let a later text use the recorded step, if there is one; this object can no longer be used."""
        self._decoder.close()

    def _step_on_device(self) -> None:
        self._draw(self._decoder.step(self._ids.clamp(min=0), self._positions))
        self._positions.add_(1)

    def _draw(self, logits: Float[Tensor, "b v"]) -> None:
        self._ids.copy_(self._drawer.draw(logits))
        if self._num_alternatives is not None:
            ids, values = log_probabilities(logits, self._ids, self._num_alternatives)
            self._rated_ids.copy_(ids)
            self._log_probabilities.copy_(values)

    def _drawn(self) -> "DrawnStep":
        if self._num_alternatives is None:
            return DrawnStep(self._ids)
        return DrawnStep(self._ids, self._rated_ids, self._log_probabilities)

    def _move_to(self, lengths: list[int]) -> None:
        self.lengths = lengths
        self._positions.copy_(torch.tensor(lengths))

    def _logits_after_restarting(self, restarted: Mapping[int, Sequence[int]]) -> Float[Tensor, "b v"]:
        if len(restarted) == len(self.lengths):
            return self._decoder.read([restarted[index] for index in range(len(self.lengths))])
        # The full rows take part, in their last place: they are read again afterwards.
        inside = self._positions.clamp(max=self._decoder.cache.capacity - 1)
        logits = self._decoder.step(self._ids.clamp(min=0), inside)
        for index, ids in restarted.items():
            logits[index] = self._decoder.read_row(index, ids)
        return logits


class DrawnStep:
    """What a step has drawn, on its way from the device to the host, which may launch steps before it reads that."""

    def __init__(self, *results: Tensor) -> None:
        """Begin to copy the ids, and what `log_probabilities` has returned, if it was called."""
        device = results[0].device
        self._results = [result.to("cpu", non_blocking=result.is_cuda, copy=True) for result in results]
        self._copied = None
        if device.type == "cuda":
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record(torch.cuda.current_stream(device))

    def read(self) -> list[int]:
        """Wait for the ids and return them."""
        if self._copied is not None:
            self._copied.synchronize()
        ids: list[int] = self._results[0].tolist()
        return ids

    def tokens(self) -> list[DrawnToken]:
        """Return the ids with their log-probabilities, after `read` and if they were computed."""
        _, ids, values = self._results
        return drawn_tokens(ids, values)
