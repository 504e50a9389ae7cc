"""Greedy decoding of one sequence: the time to its first id, to its last, and from one to the next."""

import importlib
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median
from typing import Any

import torch

from model_memory import Memory
from model_setup import Setup
from model_shapes import Shape, shape_of

GENERATORS = {"ours": "model_ours_generation", "plain": "model_plain", "transformers": "model_llama"}
_UNCACHED_STEPS = 3


def generator(
    library: str, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype | None = None
) -> Any:
    """Make a library's generator: something whose `run` takes what to call at each id, and returns all ids."""
    return importlib.import_module(GENERATORS[library]).Generator(shape, setup, prompt, new, dtype or setup.dtype)


def generate(request: Mapping[str, Any], memory: Memory) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Prepare a decoder; a first run, which compiles, is not timed, but tells the ids."""
    setup, shape = Setup(request["device"], request["mode"]), shape_of(request)
    prompt, new = shape.tokens(1, request["prompt"], seed=3)[0].tolist(), request["new"]
    importlib.import_module(GENERATORS[request["library"]])
    memory.begin()
    if setup.mode == "uncached":
        return _uncached(shape, setup, prompt, new)
    decoder = generator(request["library"], shape, setup, prompt, new)
    ids = decoder.run(lambda: None)

    def turn() -> dict[str, Any]:
        at: list[float] = []
        start = time.perf_counter()
        again = decoder.run(lambda: at.append(time.perf_counter()))
        if again != ids:
            raise ValueError("the second run gave other ids than the first")
        steps = [later - earlier for earlier, later in pairwise(at)]
        return {"first": at[0] - start, "seconds": (at[-1] - start) / len(at), "step": median(steps)}

    return {"ids": ids}, turn


def _uncached(shape: Shape, setup: Setup, prompt: list[int], new: int) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Prepare decoding without a cache; timed are the last ids, for which the text is longest."""
    from model_ours_generation import Uncached

    decoder = Uncached(shape, setup)
    whole = torch.tensor([prompt], device=setup.device)
    ids = []
    for _ in range(min(new, _UNCACHED_STEPS)):
        ids.append(decoder.next_id(whole))
        whole = torch.cat((whole, whole.new_tensor([ids[-1:]])), 1)
    longest = shape.tokens(1, len(prompt) + new, seed=4).to(setup.device)
    first = torch.tensor([prompt], device=setup.device)
    decoder.next_id(longest)

    def timed(text: torch.Tensor) -> float:
        start = time.perf_counter()
        for _ in range(_UNCACHED_STEPS):
            decoder.next_id(text)
        return (time.perf_counter() - start) / _UNCACHED_STEPS

    def turn() -> dict[str, Any]:
        seconds = timed(longest)
        return {"first": timed(first), "seconds": seconds, "step": seconds}

    return {"ids": ids}, turn
