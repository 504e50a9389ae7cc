"""The implementations that are compared: ours, plain PyTorch, `transformers`, and a model like nanochat's.

Each of the modules `ours`, `plain` and `llama` has `build`, `logits`, `loss`, `parameters`, `training_step` and
`ROTARY_HALVES`; `nanochat`, which computes something else, has `training_step` alone. Only this folder calls `nn` and
`optim`, apart from the functions that `tasks/loss.py` measures.
"""

import importlib
from typing import Any

_MODELS = {"ours": "ours", "plain": "plain", "transformers": "llama", "nanochat-style": "nanochat"}
_GENERATORS = {"ours": "ours_generation", "plain": "plain_generation", "transformers": "llama_generation"}


def load(library: str) -> Any:
    """Import and return the module of a library's model."""
    return importlib.import_module(f"{__name__}.{_MODELS[library]}")


def load_generator(library: str) -> Any:
    """Import and return a library's class `Generator`, whose `run` decodes greedily."""
    return importlib.import_module(f"{__name__}.{_GENERATORS[library]}").Generator
