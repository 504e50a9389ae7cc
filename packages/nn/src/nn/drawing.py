"""What drawing tokens needs besides logits, on the model's device: uniform numbers and the tokens seen. Axes: see `nn`.

The uniform numbers are drawn on the CPU, so that a seed means the same on every device, and copied in blocks.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nn.generation_config import SamplingConfig
from nn.sampling import draw, is_greedy, sum_dtype

_BLOCK = 256  # numbers of a row that are drawn at once


class TokenDrawer:
    """Draws the next token of each row.

    `prepare`, on the host, must be called before each call of `draw`, which is on the device alone: the two together
    draw one token for each row.
    """

    def __init__(
        self,
        samplings: Sequence[SamplingConfig],
        prompts: Sequence[Sequence[int]],
        vocab_size: int,
        device: torch.device,
        generators: Sequence[torch.Generator] | None = None,
        drawn_before: Sequence[int] | None = None,
    ) -> None:
        """Make what is needed for the settings.

        Args:
            samplings: how tokens are drawn, for each row.
            prompts: the ids of each row.
            vocab_size: number of ids.
            device: of the model.
            generators: a CPU generator for each row; torch's global one if not given. Those of greedy rows are unused.
            drawn_before: how many numbers of each generator are skipped; none if not given.
        """
        self._greedy = [is_greedy(sampling) for sampling in samplings]
        self._groups = _rows_by_settings(samplings, device)
        self._generators = generators
        self._skipped = list(drawn_before or [0] * len(prompts))
        self._used = _BLOCK
        shape = (_BLOCK, len(prompts))
        self._uniforms = None if all(self._greedy) else torch.zeros(shape, dtype=sum_dtype(device), device=device)
        self._place = torch.zeros(1, dtype=torch.long, device=device)
        self._seen = None
        if any(sampling.repetition_penalty != 1 for sampling in samplings):
            seen = torch.zeros(len(prompts), vocab_size, dtype=torch.bool)
            for row, prompt_ids in zip(seen, prompts, strict=True):
                row[list(prompt_ids)] = True
            self._seen = seen.to(device)

    def prepare(self) -> None:
        """Draw uniform numbers if there are none left."""
        if self._uniforms is None:
            return
        if self._used == _BLOCK:
            self._uniforms.copy_(self._random_block())
            self._place.zero_()
            self._used = 0
        self._used += 1

    def draw(self, logits: Float[Tensor, "b v"]) -> Int[Tensor, " b"]:
        """Return the next id of each row, `nn.sampling.NO_TOKEN` where its logits are not finite."""
        uniform = None
        if self._uniforms is not None:
            uniform = self._uniforms.index_select(0, self._place)[0]
            self._place.add_(1)
        ids = self._draw(logits, uniform)
        if self._seen is not None:
            self._seen.scatter_(1, ids.clamp(min=0)[:, None], True)
        return ids

    def _draw(self, logits: Float[Tensor, "b v"], uniform: Float[Tensor, " b"] | None) -> Int[Tensor, " b"]:
        if len(self._groups) == 1:
            return draw(logits, self._groups[0][0], uniform, seen=self._seen)
        ids = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        for sampling, rows in self._groups:
            numbers = None if uniform is None else uniform.index_select(0, rows)
            seen = None if self._seen is None else self._seen.index_select(0, rows)
            ids.index_copy_(0, rows, draw(logits.index_select(0, rows), sampling, numbers, seen=seen))
        return ids

    def _random_block(self) -> Float[Tensor, "n b"]:
        assert self._uniforms is not None
        if self._generators is None:
            return torch.rand(self._uniforms.shape, dtype=torch.float64)
        return torch.stack([self._random_column(row, generator) for row, generator in enumerate(self._generators)], 1)

    def _random_column(self, row: int, generator: torch.Generator) -> Float[Tensor, " n"]:
        if self._greedy[row]:
            return torch.zeros(_BLOCK, dtype=torch.float64)
        skipped, self._skipped[row] = self._skipped[row], 0
        return torch.rand(skipped + _BLOCK, generator=generator, dtype=torch.float64)[skipped:]


def _rows_by_settings(
    samplings: Sequence[SamplingConfig], device: torch.device
) -> list[tuple[SamplingConfig, Int[Tensor, " n"]]]:
    """Return each different setting with the rows that have it."""
    rows: dict[SamplingConfig, list[int]] = {}
    for row, sampling in enumerate(samplings):
        rows.setdefault(sampling, []).append(row)
    return [(sampling, torch.tensor(members, device=device)) for sampling, members in rows.items()]
