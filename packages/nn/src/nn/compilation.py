"""Compiling a model for training, one block for all."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

from nn.language_model import TransformerLM


def compile_blocks(model: TransformerLM, *, backend: str = "inductor") -> None:
    """Compile the blocks and the final norm of a model in place, for forward passes that record gradients.

    The blocks share the compiled code, so that compiling takes as long for many layers as for one. Hooks that run
    before and after a block, such as those of FSDP, are not part of what is compiled. Without gradients, as in an
    evaluation or in decoding, whose shapes differ, the model runs as before.

    The loss is not part of it: `model.loss(..., compile_chunks=True)` compiles the chunks of that.

    Args:
        model: its modules' `forward` is replaced; the names in its state_dict do not change.
        backend: of torch.compile.
    """
    norms = [model.final_norm] if model.config.norm != "none" else []
    for module in (*model.blocks, *norms):
        module.forward = _compiled_with_gradients(module.forward, backend)


def _compiled_with_gradients(function: Callable[..., Any], backend: str) -> Callable[..., Any]:
    compiled = torch.compile(function, fullgraph=True, dynamic=False, backend=backend)

    @wraps(function)
    def forward(*args: Any, **kwargs: Any) -> Any:
        return (compiled if torch.is_grad_enabled() else function)(*args, **kwargs)

    return forward
