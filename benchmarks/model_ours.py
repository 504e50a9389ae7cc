"""Ours, as its users call it."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor
from torch.nn import Parameter

import optim
from model_setup import BETAS, EPS, LEARNING_RATE, MAX_GRAD_NORM, WEIGHT_DECAY, Setup
from model_shapes import Shape
from model_torch_step import Step
from nn import ModelConfig, TransformerLM

ROTARY_HALVES = False
"""It rotates neighbours."""


def build(shape: Shape, setup: Setup) -> TransformerLM:
    """Make the model with the weights that all start from."""
    config = ModelConfig(
        vocab_size=shape.vocab_size,
        context_length=shape.context_length,
        d_model=shape.d_model,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        d_ff=shape.d_ff,
        tie_embeddings=shape.tied,
        rope_theta=shape.rope_theta,
        norm_eps=shape.norm_eps,
        attention="fused",  # what the peers use too
    )
    model = TransformerLM(config)
    model.load_state_dict(dict(shape.weights(rotary_halves=ROTARY_HALVES)), strict=not shape.tied)
    return model.to(setup.device)


def logits(model: TransformerLM, ids: Tensor) -> Tensor:
    """Return the logits after each id."""
    return model(ids)


def loss(model: TransformerLM, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy."""
    return model.loss(inputs, targets)


def parameters(model: TransformerLM) -> Mapping[str, Parameter]:
    """Return the parameters by our names."""
    return dict(model.named_parameters())


def training_step(shape: Shape, setup: Setup) -> Step:
    """Return the step: ids and targets in, loss and gradient norm out."""
    model = build(shape, setup)
    settings = (LEARNING_RATE, BETAS, EPS, WEIGHT_DECAY)
    implementation: Literal["compiled", "auto"] = "compiled" if setup.compiled else "auto"
    optimizer = optim.AdamW(model.parameters(), *settings, implementation=implementation)
    loss_of = setup.maybe_compile(model.loss)

    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        with setup.autocast():
            mean = loss_of(inputs, targets)
        mean.backward()  # type: ignore[no-untyped-call]
        norm = optim.clip_grad_norm(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return mean.detach(), norm

    return step
