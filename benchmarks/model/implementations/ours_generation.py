"""Our greedy decoding: `nn.generate` in each of its modes, and without a cache."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.model.implementations.ours import build
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape
from nn import DecodingMode, SamplingConfig, generate

UNCACHED = "uncached"
MODES: dict[str, DecodingMode] = {"eager": "off", "record": "record", "compiled": "on"}
"""The modes of `nn.generate`, by the benchmark's names for them."""


class Generator:
    """Greedy decoding of one sequence in one of `MODES`."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Build the model; `new` ids are decoded after the prompt."""
        self.model = build(shape, setup).to(dtype)
        self.prompt, self.new, self.compile = prompt, new, MODES[setup.mode]

    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt and return the ids; `on_token` is called as soon as each id is known."""
        ids = []
        greedy = SamplingConfig(temperature=0.0)
        for token_id in generate(self.model, self.prompt, self.new, greedy, compile=self.compile):
            ids.append(token_id)
            on_token()
        return ids


class Uncached:
    """Greedy decoding that computes the whole text again for each id: what decoding costs without a cache."""

    def __init__(self, shape: Shape, setup: Setup) -> None:
        """Build the model."""
        self.model = build(shape, setup).to(setup.dtype)

    @torch.no_grad()
    def next_id(self, ids: Tensor) -> int:
        """Return the most probable id after a text."""
        return int(self.model.logits(self.model.hidden_states(ids)[:, -1]).argmax())
