"""Greedy decoding with the `generate` method of `transformers`."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.model.implementations.llama import build, transformers
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape


class _Streamer:
    """Receives ids from `generate`: first the prompts, then the new ids of each step."""

    def __init__(self, on_ids: Callable[[], None]) -> None:
        self.on_ids, self.prompt_seen = on_ids, False

    def put(self, _value: Tensor) -> None:
        if self.prompt_seen:
            self.on_ids()
        self.prompt_seen = True

    def end(self) -> None:
        pass


class Generator:
    """Greedy decoding with a dynamic cache, or with a static one if compiled."""

    def __init__(
        self, shape: Shape, setup: Setup, prompts: Sequence[Sequence[int]], new: int, dtype: torch.dtype
    ) -> None:
        """Build the model; `new` ids are decoded after each of the prompts, which are equally long."""
        self.model = build(shape, setup).to(dtype).eval()
        self.prompts = torch.tensor(prompts, device=setup.device)
        generation = transformers.generation
        self.config = generation.GenerationConfig(max_new_tokens=new, do_sample=False, use_cache=True, pad_token_id=0)
        self.config.disable_compile = not setup.compiled
        if setup.compiled:
            self.config.cache_implementation = "static"
            mode = None if setup.device == "cpu" else "reduce-overhead"
            self.config.compile_config = generation.CompileConfig(mode=mode, fullgraph=False)
            self.config.compile_config._compile_all_devices = True  # by default it compiles only for a GPU

    @torch.no_grad()
    def run(self, on_ids: Callable[[], None]) -> list[list[int]]:
        """Continue the prompts and return the ids of each step; `on_ids` is called as soon as they are known."""
        ids = self.model.generate(
            input_ids=self.prompts,
            attention_mask=torch.ones_like(self.prompts),
            generation_config=self.config,
            streamer=_Streamer(on_ids),
        )
        continued: list[list[int]] = ids[:, self.prompts.shape[1] :].T.tolist()
        return continued
