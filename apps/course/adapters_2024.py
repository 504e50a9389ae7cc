"""The functions that the tests of CS336's first assignment call, edition of 2024.

Where that edition agrees with the later ones, the functions are those of `course.adapters`. Here are those that differ:
a mask is True where attention is *not* allowed, each head has a weight of its own, and dropout can be asked for, which
`nn` does not have. The model of 2024 has GELU and learned position embeddings, which `nn` does not have either: the
tests of them are skipped.
"""

# ruff: noqa: ARG001  the arguments are the course's, also of the functions that cannot be offered

from collections.abc import Mapping
from typing import NoReturn

import pytest
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course.adapters import (
    get_adamw_cls as get_adamw_cls,
    get_tokenizer as get_tokenizer,
    run_cross_entropy as run_cross_entropy,
    run_get_batch as run_get_batch,
    run_get_lr_cosine_schedule as run_get_lr_cosine_schedule,
    run_gradient_clipping as run_gradient_clipping,
    run_load_checkpoint as run_load_checkpoint,
    run_multihead_self_attention as attend_with_joint_weights,
    run_rmsnorm as normalize,
    run_save_checkpoint as run_save_checkpoint,
    run_scaled_dot_product_attention as attend_where_allowed,
    run_softmax as run_softmax,
    run_train_bpe as run_train_bpe,
)


def run_scaled_dot_product_attention(
    K: Float[Tensor, "... k e"],  # noqa: N803 the course's names
    Q: Float[Tensor, "... q e"],  # noqa: N803
    V: Float[Tensor, "... k e_v"],  # noqa: N803
    mask: Bool[Tensor, "q k"] | None = None,
    pdrop: float | None = None,
) -> Float[Tensor, "... q e_v"]:
    """Return `softmax(Q Kᵀ / √e) V`; the mask is True where a query may *not* attend to a key.

    Raises:
        ValueError: dropout is asked for.
    """
    _refuse_dropout(pdrop)
    return attend_where_allowed(Q, K, V, None if mask is None else ~mask)


def run_multihead_self_attention(
    d_model: int,
    num_heads: int,
    attn_pdrop: float,
    weights: Mapping[str, Tensor],
    in_features: Float[Tensor, "b t d"],
) -> Float[Tensor, "b t d"]:
    """Return causal self-attention without position embedding.

    Args:
        d_model: width of the model.
        num_heads: number of heads.
        attn_pdrop: must be 0.
        weights: `q_heads.0.weight`, … for each head, likewise `k_heads` and `v_heads`; and `output_proj.weight`.
        in_features: one vector for each position.

    Raises:
        ValueError: dropout is asked for.
    """
    _refuse_dropout(attn_pdrop)
    q, k, v = (
        torch.cat([weights[f"{name}_heads.{head}.weight"] for head in range(num_heads)]) for name in ("q", "k", "v")
    )
    return attend_with_joint_weights(d_model, num_heads, q, k, v, weights["output_proj.weight"], in_features)


def run_rmsnorm(
    d_model: int, eps: float, weights: Mapping[str, Tensor], in_features: Float[Tensor, "... d"]
) -> Float[Tensor, "... d"]:
    """Return `x / √(mean(x²) + eps) · weights["weight"]`."""
    return normalize(d_model, eps, weights["weight"], in_features)


def run_gelu(in_features: Float[Tensor, "..."]) -> NoReturn:
    """Skip the test: the feed-forward networks of `nn` have SiLU or ReLU²."""
    pytest.skip("nn has no GELU; later editions of the course have SiLU instead")


def run_positionwise_feedforward(
    d_model: int, d_ff: int, weights: Mapping[str, Tensor], in_features: Float[Tensor, "... d"]
) -> NoReturn:
    """Skip the test, see `run_gelu`."""
    run_gelu(in_features)


def run_transformer_block(
    d_model: int,
    num_heads: int,
    d_ff: int,
    attn_pdrop: float,
    residual_pdrop: float,
    weights: Mapping[str, Tensor],
    in_features: Float[Tensor, "b t d"],
) -> NoReturn:
    """Skip the test, see `run_gelu`."""
    run_gelu(in_features)


def run_transformer_lm(
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    attn_pdrop: float,
    residual_pdrop: float,
    weights: Mapping[str, Tensor],
    in_indices: Int[Tensor, "b t"],
) -> NoReturn:
    """Skip the test: beside GELU, this model has learned position embeddings."""
    pytest.skip("nn has neither GELU nor learned position embeddings; later editions of the course have SiLU and RoPE")


def _refuse_dropout(probability: float | None) -> None:
    if probability:
        raise ValueError(f"dropout of {probability} is asked for, which nn does not have: give 0")
