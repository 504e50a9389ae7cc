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
        sampling: SamplingConfig,
        prompts: Sequence[Sequence[int]],
        vocab_size: int,
        device: torch.device,
        generators: Sequence[torch.Generator] | None = None,
    ) -> None:
        """Make what is needed for the settings.

        Args:
            sampling: how tokens are drawn.
            prompts: the ids of each row.
            vocab_size: number of ids.
            device: of the model.
            generators: a CPU generator for each row; torch's global one if not given.
        """
        self._sampling, self._generators = sampling, generators
        self._used = _BLOCK
        shape = (_BLOCK, len(prompts))
        self._uniforms = None if is_greedy(sampling) else torch.zeros(shape, dtype=sum_dtype(device), device=device)
        self._place = torch.zeros(1, dtype=torch.long, device=device)
        self._seen = None
        if sampling.repetition_penalty != 1:
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
        ids = draw(logits, self._sampling, uniform, seen=self._seen)
        if self._seen is not None:
            self._seen.scatter_(1, ids.clamp(min=0)[:, None], True)
        return ids

    def _random_block(self) -> Float[Tensor, "n b"]:
        assert self._uniforms is not None
        if self._generators is None:
            return torch.rand(self._uniforms.shape, dtype=torch.float64)
        columns = [torch.rand(_BLOCK, generator=generator, dtype=torch.float64) for generator in self._generators]
        return torch.stack(columns, dim=1)
