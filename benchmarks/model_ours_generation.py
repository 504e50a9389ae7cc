"""Our greedy decoding: `nn.generate` in each mode that it has, and without a cache."""

from collections.abc import Callable

import torch
from torch import Tensor

import model_ours
from model_setup import Setup
from model_shapes import Shape
from nn import DecodingMode, SamplingConfig, generate

UNCACHED = "uncached"
MODES: dict[str, DecodingMode] = {"eager": "off", "record": "record", "compiled": "on"}
"""What the benchmark calls `nn`'s modes."""


class Generator:
    """Greedy decoding of one sequence, in a mode of `MODES`."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Make the model; `new` ids are to follow the prompt."""
        self.model = model_ours.build(shape, setup).to(dtype)
        self.prompt, self.new, self.compile = prompt, new, MODES[setup.mode]

    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt; `on_token` is called as soon as each id is known."""
        drawn = []
        greedy = SamplingConfig(temperature=0.0)
        for token_id in generate(self.model, self.prompt, self.new, greedy, compile=self.compile):
            drawn.append(token_id)
            on_token()
        return drawn


class Uncached:
    """Greedy decoding that reads the whole text anew for each id: the definition, and what the cache spares."""

    def __init__(self, shape: Shape, setup: Setup) -> None:
        """Make the model."""
        self.model = model_ours.build(shape, setup).to(setup.dtype)

    @torch.no_grad()
    def next_id(self, ids: Tensor) -> int:
        """Return the likeliest id after a text."""
        return int(self.model.logits(self.model.hidden_states(ids)[:, -1]).argmax())
