"""The functions that the tests of CS336's first assignment call, editions of 2025 and 2026.

Names and order of the arguments are the course's; each function is a thin call of one of the packages. Modules are
built without weights and take those that are given, so nothing is drawn from torch's global random generator, and the
caller's tensors receive no gradients. Attention is computed by the definition, not by torch's fused kernel. Axes: see
`nn`.
"""

import os
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import Module, Parameter
from torch.optim import Optimizer

import nn
from bpe import Tokenizer, train_bpe
from course.weights import block_weights, filled, model_weights
from optim import AdamW, clip_grad_norm, cosine_schedule
from trainer import get_batch, load_checkpoint, save_checkpoint


def run_linear(
    d_in: int, d_out: int, weights: Float[Tensor, "d_out d_in"], in_features: Float[Tensor, "... d_in"]
) -> Float[Tensor, "... d_out"]:
    """Return `W x`, for W of shape `[d_out, d_in]`."""
    return filled(nn.Linear(d_in, d_out, device="meta"), {"weight": weights})(in_features)


def run_embedding(
    vocab_size: int, d_model: int, weights: Float[Tensor, "v d"], token_ids: Int[Tensor, "..."]
) -> Float[Tensor, "... d"]:
    """Return the rows of a table of shape `[vocab_size, d_model]` that belong to the ids."""
    return filled(nn.Embedding(vocab_size, d_model, device="meta"), {"weight": weights})(token_ids)


def run_swiglu(
    d_model: int,
    d_ff: int,
    w1_weight: Float[Tensor, "f d"],
    w2_weight: Float[Tensor, "d f"],
    w3_weight: Float[Tensor, "f d"],
    in_features: Float[Tensor, "... d"],
) -> Float[Tensor, "... d"]:
    """Return `W2(SiLU(W1 x) ⊙ W3 x)`."""
    weights = {"w1.weight": w1_weight, "w2.weight": w2_weight, "w3.weight": w3_weight}
    return filled(nn.SwiGLU(d_model, d_ff, device="meta"), weights)(in_features)


def run_silu(in_features: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return `x · σ(x)`."""
    return nn.silu(in_features)


def run_rmsnorm(
    d_model: int, eps: float, weights: Float[Tensor, " d"], in_features: Float[Tensor, "... d"]
) -> Float[Tensor, "... d"]:
    """Return `x / √(mean(x²) + eps) · weights`."""
    return filled(nn.RMSNorm(d_model, eps, device="meta"), {"weight": weights})(in_features)


def run_rope(
    d_k: int,
    theta: float,
    max_seq_len: int,
    in_query_or_key: Float[Tensor, "... t e"],
    token_positions: Int[Tensor, "... t"],
) -> Float[Tensor, "... t e"]:
    """Rotate queries or keys to the positions that are given, from 0 to max_seq_len − 1."""
    rope = nn.RotaryPositionalEmbedding(theta, d_k, max_seq_len, device=in_query_or_key.device)
    return rope(in_query_or_key, token_positions)


def run_softmax(in_features: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Return the softmax along `dim`."""
    return nn.softmax(in_features, dim)


def run_scaled_dot_product_attention(
    Q: Float[Tensor, "... q e"],  # noqa: N803 the course's names
    K: Float[Tensor, "... k e"],  # noqa: N803
    V: Float[Tensor, "... k e_v"],  # noqa: N803
    mask: Bool[Tensor, "... q k"] | None = None,
) -> Float[Tensor, "... q e_v"]:
    """Return `softmax(Q Kᵀ / √e) V`; the mask is True where a query may attend to a key."""
    return nn.scaled_dot_product_attention(Q, K, V, mask)


def run_multihead_self_attention(
    d_model: int,
    num_heads: int,
    q_proj_weight: Float[Tensor, "d d"],
    k_proj_weight: Float[Tensor, "d d"],
    v_proj_weight: Float[Tensor, "d d"],
    o_proj_weight: Float[Tensor, "d d"],
    in_features: Float[Tensor, "... t d"],
) -> Float[Tensor, "... t d"]:
    """Return causal self-attention without position embedding; the rows of each weight are the heads in order."""
    attention = nn.CausalMultiHeadSelfAttention(d_model, num_heads, backend="einx", device="meta")
    return _attend(attention, (q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight), in_features)


def run_multihead_self_attention_with_rope(
    d_model: int,
    num_heads: int,
    max_seq_len: int,
    theta: float,
    q_proj_weight: Float[Tensor, "d d"],
    k_proj_weight: Float[Tensor, "d d"],
    v_proj_weight: Float[Tensor, "d d"],
    o_proj_weight: Float[Tensor, "d d"],
    in_features: Float[Tensor, "... t d"],
    token_positions: Int[Tensor, "... t"] | None = None,
) -> Float[Tensor, "... t d"]:
    """Return causal self-attention whose queries and keys are rotated to the positions, 0, 1, 2, … if not given."""
    rope = nn.RotaryPositionalEmbedding(theta, d_model // num_heads, max_seq_len, device=in_features.device)
    attention = nn.CausalMultiHeadSelfAttention(d_model, num_heads, rope=rope, backend="einx", device="meta")
    weights = (q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight)
    return _attend(attention, weights, in_features, token_positions)


def _attend(
    attention: nn.CausalMultiHeadSelfAttention,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    x: Float[Tensor, "... t d"],
    token_positions: Int[Tensor, "... t"] | None = None,
) -> Float[Tensor, "... t d"]:
    """Apply attention with the weights of queries, keys, values and output."""
    names = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "output_proj.weight")
    return filled(attention, dict(zip(names, weights, strict=True)))(x, token_positions)


def run_transformer_block(
    d_model: int,
    num_heads: int,
    d_ff: int,
    max_seq_len: int,
    theta: float,
    weights: Mapping[str, Tensor],
    in_features: Float[Tensor, "b t d"],
) -> Float[Tensor, "b t d"]:
    """Apply a pre-norm block with rotary embedding and SwiGLU; `course.weights` lists the names of its weights."""
    config = nn.ModelConfig(
        d_model=d_model,
        num_heads=num_heads,
        d_ff=d_ff,
        context_length=max_seq_len,
        rope_theta=theta,
        attention="einx",
    )
    rope = nn.RotaryPositionalEmbedding(theta, config.d_head, max_seq_len, device=in_features.device)
    return filled(nn.TransformerBlock(config, rope, device="meta"), block_weights(weights))(in_features)


def run_transformer_lm(
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    rope_theta: float,
    weights: Mapping[str, Tensor],
    in_indices: Int[Tensor, "b t"],
) -> Float[Tensor, "b t v"]:
    """Return the logits of a model whose weights are given; `course.weights` lists their names."""
    config = nn.ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        num_layers=num_layers,
        num_heads=num_heads,
        d_ff=d_ff,
        rope_theta=rope_theta,
        attention="einx",
    )
    # Not on "meta", where its tables of angles would be too; its first weights are drawn from a generator of its own.
    device = in_indices.device
    model = nn.TransformerLM(config, generator=torch.Generator(device), device=device)
    return filled(model, model_weights(weights))(in_indices)


def run_cross_entropy(inputs: Float[Tensor, "b v"], targets: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the targets, in nats."""
    return nn.cross_entropy(inputs, targets)


def run_gradient_clipping(parameters: Iterable[Parameter], max_l2_norm: float) -> None:
    """Scale all gradients in place so that their joint l2 norm is at most `max_l2_norm`."""
    clip_grad_norm(parameters, max_l2_norm)


def get_adamw_cls() -> type[Optimizer]:
    """Return the class of the AdamW optimizer."""
    return AdamW


def run_get_lr_cosine_schedule(
    it: int, max_learning_rate: float, min_learning_rate: float, warmup_iters: int, cosine_cycle_iters: int
) -> float:
    """Return the learning rate of step `it`: linear warm-up, then half a period of a cosine."""
    return cosine_schedule(it, max_learning_rate, min_learning_rate, warmup_iters, cosine_cycle_iters)


def run_get_batch(
    dataset: np.ndarray, batch_size: int, context_length: int, device: str
) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
    """Return windows from random places of a one-dimensional array of ids, and the id that follows each id."""
    return get_batch(dataset, batch_size, context_length, device)


def run_save_checkpoint(model: Module, optimizer: Optimizer, iteration: int, out: str | os.PathLike[str]) -> None:
    """Write the folder of a checkpoint.

    Raises:
        TypeError: `out` is an open file, which the course allows too: here a checkpoint is a folder.
    """
    save_checkpoint(model, optimizer, iteration, out)


def run_load_checkpoint(src: str | os.PathLike[str], model: Module, optimizer: Optimizer) -> int:
    """Fill a model and an optimizer from the folder of a checkpoint, and return its iteration.

    Raises:
        TypeError: `src` is an open file, which the course allows too: here a checkpoint is a folder.
    """
    return load_checkpoint(src, model, optimizer)


def get_tokenizer(
    vocab: Mapping[int, bytes], merges: Iterable[tuple[bytes, bytes]], special_tokens: list[str] | None = None
) -> Tokenizer:
    """Return a tokenizer with this vocabulary, these merges and special tokens."""
    return Tokenizer(vocab, merges, special_tokens)


def run_train_bpe(
    input_path: str | os.PathLike[str], vocab_size: int, special_tokens: list[str]
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Learn a vocabulary and merges from a text file."""
    return train_bpe(input_path, vocab_size, special_tokens)
