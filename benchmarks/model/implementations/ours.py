"""Our model and its training step, as users get them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from benchmarks.model.implementations.torch_step import Step
from benchmarks.model.setup import BETAS, EPS, LEARNING_RATE, MAX_GRAD_NORM, WEIGHT_DECAY, Setup
from benchmarks.model.shapes import Shape
from benchmarks.model.weights import draw_weights
from nn import CausalMultiHeadSelfAttention, ModelConfig, TransformerLM
from trainer import OptimizerConfig, RunConfig, TrainConfig, TrainingConfig, TrainState, build_train_state, train_step
from trainer.runtime import World

ROTARY_HALVES = False
"""It rotates neighbouring entries of a head."""


def model_config(shape: Shape) -> ModelConfig:
    """Return the configuration of a shape; everything that does not belong to the shape is as by default."""
    return ModelConfig(
        vocab_size=shape.vocab_size,
        context_length=shape.context_length,
        d_model=shape.d_model,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        d_ff=shape.d_ff,
        tie_embeddings=shape.tied,
        rope_theta=shape.rope_theta,
        norm_eps=shape.norm_eps,
    )


def train_config(shape: Shape, setup: Setup) -> TrainConfig:
    """Return the configuration of a run on batches of a shape; it is compiled in the compiled mode."""
    return TrainConfig(
        model=model_config(shape),
        optimizer=OptimizerConfig(betas=BETAS, eps=EPS, weight_decay=WEIGHT_DECAY),
        training=TrainingConfig(
            batch_size=shape.batch[setup.device],
            max_grad_norm=MAX_GRAD_NORM,
            compile="on" if setup.compiled else "off",
        ),
        run=RunConfig(device=setup.device),
    )


def build(shape: Shape, setup: Setup) -> TransformerLM:
    """Build the model with the weights that all models start from."""
    model = TransformerLM(model_config(shape))
    _load_weights(model, shape)
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


def training_step(shape: Shape, setup: Setup, *, same_weights: bool = True) -> Step:
    """Return the function that trains the model for one step: that of a run, built as a run builds it.

    Args:
        shape: of the model.
        setup: device and compiler.
        same_weights: start from the weights that all models start from, not from those of the run.
    """
    state = build_train_state(train_config(shape, setup), World(), torch.device(setup.device))
    if same_weights:
        _load_weights(state.model, shape)
    return step_of(state)


def step_of(state: TrainState) -> Step:
    """Return the function that trains a run for one step."""
    accumulation = state.config.training.gradient_accumulation

    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        result = train_step(
            state.loss,
            state.optimizer,
            inputs,
            targets,
            learning_rate=LEARNING_RATE,
            gradient_accumulation=accumulation,
            max_grad_norm=MAX_GRAD_NORM,
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


def _load_weights(model: TransformerLM, shape: Shape) -> None:
    model.load_state_dict(dict(draw_weights(shape, rotary_halves=ROTARY_HALVES)), strict=not shape.tied)
