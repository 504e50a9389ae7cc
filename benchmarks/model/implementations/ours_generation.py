"""Our greedy decoding: `nn.generate_batch` in each of its modes, and without a cache."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from benchmarks.model.implementations.ours import build
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape
from nn import DecodingMode, SamplingConfig, generate_batch

UNCACHED = "uncached"
DEFAULT = "default"
MODES: dict[str, DecodingMode | Literal["auto"]] = {"eager": "off", "record": "record", "compiled": "on"}
"""The modes of `nn.generate`, by the benchmark's names for them."""
GPU_MODES = MODES | {"graph": "graph", DEFAULT: "auto"}
"""On a GPU also a CUDA graph, and what is chosen if nothing is asked for; on a CPU that is one of the others."""


class Generator:
    """Greedy decoding in one of `GPU_MODES`."""

    def __init__(
        self, shape: Shape, setup: Setup, prompts: Sequence[Sequence[int]], new: int, dtype: torch.dtype
    ) -> None:
        """Build the model; `new` ids are decoded after each of the prompts, which are equally long."""
        self.model = build(shape, setup).to(dtype)
        self.prompts, self.new, self.compile = prompts, new, GPU_MODES[setup.mode]

    def run(self, on_ids: Callable[[], None]) -> list[list[int]]:
        """Continue the prompts and return the ids of each step; `on_ids` is called as soon as they are known."""
        steps = []
        greedy = SamplingConfig(temperature=0.0)
        for ids in generate_batch(self.model, self.prompts, self.new, greedy, compile=self.compile):
            steps.append([token_id for token_id in ids if token_id is not None])  # None: ended, which none does
            on_ids()
        return steps


class Uncached:
    """Greedy decoding that computes the whole text again for each id: what decoding costs without a cache."""

    def __init__(self, shape: Shape, setup: Setup) -> None:
        """Build the model."""
        self.model = build(shape, setup).to(setup.dtype)

    @torch.no_grad()
    def next_id(self, ids: Tensor) -> int:
        """Return the most probable id after a text."""
        return int(self.model.logits(self.model.hidden_states(ids)[:, -1]).argmax())
