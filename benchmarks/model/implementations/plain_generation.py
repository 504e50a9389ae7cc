"""Greedy decoding with the model in plain PyTorch."""

from collections.abc import Callable

import torch

from benchmarks.model.implementations.plain import build
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape


class Generator:
    """Greedy decoding with a cache of fixed size; one step is compiled in the compiled mode."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Build the model and the cache; `new` ids are decoded after the prompt."""
        self.model = build(shape, setup).to(dtype)
        self.prompt = torch.tensor([prompt], device=setup.device)
        self.new = new
        self.capacity = len(prompt) + new
        size = (1, shape.num_heads, self.capacity, shape.d_head)
        weight = self.model.lm_head.weight
        self.cache = [(weight.new_zeros(size), weight.new_zeros(size)) for _ in range(shape.num_layers)]
        self.decode = setup.maybe_compile(self.model.decode)
        self.grows = not setup.compiled
        """Each step reads only the filled part of the cache; a compiled step needs fixed shapes and reads all of it."""

    @torch.no_grad()
    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt and return the ids; `on_token` is called as soon as each id is known."""
        length, device = self.prompt.shape[1], self.prompt.device
        ids = self.model.decode(self.prompt, torch.arange(length, device=device), self.cache, length)
        decoded = [int(ids)]
        on_token()
        for position in range(length, length + self.new - 1):
            at = torch.tensor([position], device=device)
            ids = self.decode(ids, at, self.cache, position + 1 if self.grows else self.capacity)
            decoded.append(int(ids))
            on_token()
        return decoded
