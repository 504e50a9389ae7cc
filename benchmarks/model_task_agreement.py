"""Whether a library's model computes the same as ours: before anything is timed."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from model_memory import Memory
from model_setup import Setup
from model_shapes import Shape, shape_of
from model_task_generation import generator
from model_task_training import MODULES

_SEQUENCES, _LENGTH, _PROMPT, _NEW = 2, 24, 8, 8


def agree(request: Mapping[str, Any], _memory: Memory) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Compare with ours, in float32 and not compiled; a turn has nothing to do."""
    shape, device = shape_of(request), request["device"]
    ours, theirs = (_computed(library, shape, device) for library in ("ours", request["library"]))
    facts = {
        "logits": _difference(ours["logits"], theirs["logits"]),
        "loss": _difference(ours["loss"], theirs["loss"]),
        "gradients": max(
            _difference(gradient, theirs["gradients"][name]) for name, gradient in ours["gradients"].items()
        ),
        "ids": ours["ids"] == theirs["ids"],
    }
    return facts, dict


def _computed(name: str, shape: Shape, device: str) -> dict[str, Any]:
    """Return logits, loss, gradients by our names and in our layout, and greedy ids from the cache."""
    library, setup = importlib.import_module(MODULES[name]), Setup(device, "eager")
    model = library.build(shape, setup)
    tokens = shape.tokens(_SEQUENCES, _LENGTH + 1, seed=2).to(device)
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    with torch.no_grad():
        logits = library.logits(model, inputs).cpu()
    loss = library.loss(model, inputs, targets)
    loss.backward()
    gradients = {}
    for weight, parameter in library.parameters(model).items():
        gradient = parameter.grad.cpu()
        gradients[weight] = shape.to_pairs(weight, gradient) if library.ROTARY_HALVES else gradient
    del model
    prompt = shape.tokens(1, _PROMPT, seed=3)[0].tolist()
    ids = generator(name, shape, setup, prompt, _NEW, torch.float32).run(lambda: None)
    return {"logits": logits, "loss": loss.detach().cpu(), "gradients": gradients, "ids": ids}


def _difference(ours: Tensor, theirs: Tensor) -> float:
    """Return ‖theirs − ours‖ / ‖ours‖."""
    return float(torch.linalg.vector_norm(theirs - ours) / torch.linalg.vector_norm(ours))
