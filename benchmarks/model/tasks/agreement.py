"""Whether a library's model computes the same as ours."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.model.implementations import load, load_generator
from benchmarks.model.memory import Memory
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape, find_shape
from benchmarks.model.tasks.case import Case
from benchmarks.model.weights import draw_tokens, to_pairs

_SEQUENCES, _LENGTH, _PROMPT, _NEW_IDS = 2, 24, 8, 8


def agree(request: Mapping[str, Any], _memory: Memory) -> Case:
    """Compare a library with ours, in float32 and not compiled; there is nothing to time."""
    shape, device = find_shape(request["shape"], quick=request["quick"]), request["device"]
    ours, theirs = (compute(library, shape, device) for library in ("ours", request["library"]))
    facts = {
        "logits": _difference(ours["logits"], theirs["logits"]),
        "loss": _difference(ours["loss"], theirs["loss"]),
        "gradients": max(
            _difference(gradient, theirs["gradients"][name]) for name, gradient in ours["gradients"].items()
        ),
        "ids": ours["ids"] == theirs["ids"],
    }
    return facts, dict


def compute(name: str, shape: Shape, device: str) -> dict[str, Any]:
    """Return a library's logits, loss, gradients (by the names and in the layout of ours), and greedy ids."""
    library, setup = load(name), Setup(device, "eager")
    model = library.build(shape, setup)
    tokens = draw_tokens(shape, _SEQUENCES, _LENGTH + 1, seed=2).to(device)
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    with torch.no_grad():
        logits = library.logits(model, inputs).cpu()
    loss = library.loss(model, inputs, targets)
    loss.backward()
    gradients = {}
    for weight, parameter in library.parameters(model).items():
        gradient = parameter.grad.cpu()
        gradients[weight] = to_pairs(shape, weight, gradient) if library.ROTARY_HALVES else gradient
    del model
    prompts = draw_tokens(shape, 1, _PROMPT, seed=3).tolist()
    ids = load_generator(name)(shape, setup, prompts, _NEW_IDS, torch.float32).run(lambda: None)
    return {"logits": logits, "loss": loss.detach().cpu(), "gradients": gradients, "ids": ids}


def _difference(ours: Tensor, theirs: Tensor) -> float:
    """Return ‖theirs − ours‖ / ‖ours‖."""
    return float(torch.linalg.vector_norm(theirs - ours) / torch.linalg.vector_norm(ours))
