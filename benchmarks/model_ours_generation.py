"""Our greedy decoding: with the cache, in each mode that `nn` has, and without it.

All that the benchmark knows of the decoder's interface stands in this file.
"""

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import torch
from torch import Tensor

import model_ours
from model_setup import Setup
from model_shapes import Shape
from nn.decoding import Decoder

UNCACHED = "uncached"
_BETWEEN = [mode for mode in get_args(get_type_hints(Decoder.__init__)["compile"]) if mode not in {"off", "on"}]
MODES: dict[str, Any] = {"eager": "off", **{mode: mode for mode in _BETWEEN}, "compiled": "on"}
"""The names that the benchmark gives to `nn`'s modes."""


class Generator:
    """Greedy decoding of one sequence, in a mode of `MODES`."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Make the model; `new` ids are to follow the prompt."""
        model = model_ours.build(shape, setup).to(dtype)
        self.decoder = Decoder(model, 1, len(prompt) + new, compile=MODES[setup.mode])
        self.prompt, self.new = prompt, new

    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt; `on_token` is called as soon as each id is known."""
        drawn = [int(self.decoder.read([self.prompt]).argmax())]
        on_token()
        while len(drawn) < self.new:
            drawn.append(int(self.decoder.step(drawn[-1:]).argmax()))
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
