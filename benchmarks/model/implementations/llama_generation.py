"""Greedy decoding with the `generate` method of `transformers`."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.model.implementations.llama import build, transformers
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape


class _Streamer:
    """Receives ids from `generate`: first the prompt, then each new id."""

    def __init__(self, on_token: Callable[[], None]) -> None:
        self.on_token, self.prompt_seen = on_token, False

    def put(self, _value: Tensor) -> None:
        if self.prompt_seen:
            self.on_token()
        self.prompt_seen = True

    def end(self) -> None:
        pass


class Generator:
    """Greedy decoding with a dynamic cache, or with a static one if compiled."""

    def __init__(self, shape: Shape, setup: Setup, prompt: list[int], new: int, dtype: torch.dtype) -> None:
        """Build the model; `new` ids are decoded after the prompt."""
        self.model = build(shape, setup).to(dtype).eval()
        self.prompt = torch.tensor([prompt], device=setup.device)
        generation = transformers.generation
        self.config = generation.GenerationConfig(max_new_tokens=new, do_sample=False, use_cache=True, pad_token_id=0)
        self.config.disable_compile = not setup.compiled
        if setup.compiled:
            self.config.cache_implementation = "static"
            mode = None if setup.device == "cpu" else "reduce-overhead"
            self.config.compile_config = generation.CompileConfig(mode=mode, fullgraph=False)
            self.config.compile_config._compile_all_devices = True  # by default it compiles only for a GPU

    @torch.no_grad()
    def run(self, on_token: Callable[[], None]) -> list[int]:
        """Continue the prompt and return the ids; `on_token` is called as soon as each id is known."""
        ids = self.model.generate(
            input_ids=self.prompt,
            attention_mask=torch.ones_like(self.prompt),
            generation_config=self.config,
            streamer=_Streamer(on_token),
        )
        continued: list[int] = ids[0, self.prompt.shape[1] :].tolist()
        return continued
