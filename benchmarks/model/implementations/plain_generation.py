"""Greedy decoding with the model in plain PyTorch."""

from collections.abc import Callable, Sequence

import torch

from benchmarks.model.implementations.plain import build
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape


class Generator:
    """Greedy decoding with a cache of fixed size; one step is compiled in the compiled mode."""

    def __init__(
        self, shape: Shape, setup: Setup, prompts: Sequence[Sequence[int]], new: int, dtype: torch.dtype
    ) -> None:
        """Build the model and the cache; `new` ids are decoded after each of the prompts, which are equally long."""
        self.model = build(shape, setup).to(dtype)
        self.prompts = torch.tensor(prompts, device=setup.device)
        self.new = new
        self.capacity = len(prompts[0]) + new
        size = (len(prompts), shape.num_heads, self.capacity, shape.d_head)
        weight = self.model.lm_head.weight
        self.cache = [(weight.new_zeros(size), weight.new_zeros(size)) for _ in range(shape.num_layers)]
        self.decode = setup.maybe_compile(self.model.decode)
        self.grows = not setup.compiled
        """Each step reads only the filled part of the cache; a compiled step needs fixed shapes and reads all of it."""

    @torch.no_grad()
    def run(self, on_ids: Callable[[], None]) -> list[list[int]]:
        """Continue the prompts and return the ids of each step; `on_ids` is called as soon as they are known."""
        length, device = self.prompts.shape[1], self.prompts.device
        ids = self.model.decode(self.prompts, torch.arange(length, device=device), self.cache, length)
        decoded = [ids.flatten().tolist()]
        on_ids()
        for position in range(length, length + self.new - 1):
            at = torch.tensor([position], device=device)
            ids = self.decode(ids, at, self.cache, position + 1 if self.grows else self.capacity)
            decoded.append(ids.flatten().tolist())
            on_ids()
        return decoded
