"""Greedy decoding: the time to the first ids, to the last ones, and from one step to the next."""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.model.implementations import load_generator
from benchmarks.model.implementations.ours_generation import UNCACHED, Uncached
from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape, find_shape
from benchmarks.model.tasks.case import Case, Facts
from benchmarks.model.weights import draw_tokens

_UNCACHED_STEPS = 3


def generate(request: Mapping[str, Any], memory: Memory) -> Case:
    """Prepare a decoder; its first run, which compiles, is not timed, and its ids are returned."""
    setup = Setup(request["device"], request["mode"])
    shape = find_shape(request["shape"], quick=request["quick"])
    prompts, new = draw_tokens(shape, request["sequences"], request["prompt"], seed=3).tolist(), request["new"]
    generator = load_generator(request["library"])
    memory.begin()
    if setup.mode == UNCACHED:
        return _uncached(shape, setup, prompts[0], new)
    decoder = generator(shape, setup, prompts, new, setup.dtype)
    ids = decoder.run(lambda: None)

    def measure() -> Facts:
        times: list[float] = []
        start = time.perf_counter()
        again = decoder.run(lambda: times.append(time.perf_counter()))
        if again != ids:
            raise ValueError("the ids of this run differ from those of the first run")
        steps = [later - earlier for earlier, later in pairwise(times)]
        return {"first": times[0] - start, "seconds": (times[-1] - start) / len(times), "step": median(steps)}

    return {"ids": ids}, measure


def _uncached(shape: Shape, setup: Setup, prompt: list[int], new: int) -> Case:
    """Prepare decoding without a cache; the last ids are timed, for which the text is longest."""
    decoder = Uncached(shape, setup)
    first = torch.tensor([prompt], device=setup.device)
    longest = draw_tokens(shape, 1, len(prompt) + new, seed=4).to(setup.device)
    ids, text = [], first
    for _ in range(min(new, _UNCACHED_STEPS)):
        ids.append([decoder.next_id(text)])
        text = torch.cat((text, text.new_tensor([ids[-1]])), 1)
    decoder.next_id(longest)

    def measure() -> Facts:
        seconds = _seconds_of_step(decoder.next_id, longest)
        return {"first": _seconds_of_step(decoder.next_id, first), "seconds": seconds, "step": seconds}

    return {"ids": ids}, measure


def _seconds_of_step(next_id: Callable[[Tensor], int], text: Tensor) -> float:
    start = time.perf_counter()
    for _ in range(_UNCACHED_STEPS):
        next_id(text)
    return (time.perf_counter() - start) / _UNCACHED_STEPS
