"""Our model, called as users call it."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import Parameter

import optim
from benchmarks.model.implementations.torch_step import Step
from benchmarks.model.setup import BETAS, EPS, LEARNING_RATE, MAX_GRAD_NORM, WEIGHT_DECAY, Setup
from benchmarks.model.shapes import Shape
from benchmarks.model.weights import draw_weights
from nn import CausalMultiHeadSelfAttention, ModelConfig, TransformerLM
from trainer import train_step

ROTARY_HALVES = False
"""It rotates neighbouring entries of a head."""


def build(shape: Shape, setup: Setup) -> TransformerLM:
    """Build the model with the weights that all models start from."""
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
        attention="fused",  # as the peers do
    )
    model = TransformerLM(config)
    model.load_state_dict(dict(draw_weights(shape, rotary_halves=ROTARY_HALVES)), strict=not shape.tied)
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
    """Return the function that trains the model for one step."""
    model = build(shape, setup)
    settings = (LEARNING_RATE, BETAS, EPS, WEIGHT_DECAY)
    implementation: Literal["compiled", "auto"] = "compiled" if setup.compiled else "auto"
    optimizer = optim.AdamW(model.parameters(), *settings, implementation=implementation)
    compiled_loss = setup.maybe_compile(model.loss)

    def loss_function(inputs: Tensor, targets: Tensor) -> Tensor:
        with setup.autocast():
            return compiled_loss(inputs, targets)

    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        result = train_step(
            loss_function, optimizer, inputs, targets, learning_rate=LEARNING_RATE, max_grad_norm=MAX_GRAD_NORM
        )
        return result.loss, result.grad_norm

    return step


def build_attention(shape: Shape, setup: Setup, *, window: int | None, backend: Any) -> CausalMultiHeadSelfAttention:
    """Build an attention layer without rotary positions, with weights that are the same in every process."""
    layer = CausalMultiHeadSelfAttention(shape.d_model, shape.num_heads, window=window, backend=backend)
    for index, weight in enumerate(layer.parameters()):
        generator = torch.Generator().manual_seed(index)
        weight.data = torch.randn(weight.shape, generator=generator) * shape.d_model**-0.5
    return layer.to(setup.device, setup.dtype)
