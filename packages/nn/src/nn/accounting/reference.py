"""The reference count of training memory: every result of the forward pass is stored once until the backward pass.

It ignores what an implementation stores twice, recomputes or never stores; `peak` estimates that. Letters: see `nn`.
"""

from dataclasses import dataclass

from nn.accounting.breakdown import Breakdown, at_least_one
from nn.accounting.optimizer import OptimizerKind, optimizer_values
from nn.accounting.parameters import count_parameters, num_ffn_matrices, qkv_width
from nn.accounting.precision import PrecisionScheme, activation_bytes, weight_bytes
from nn.config import ModelConfig


@dataclass(frozen=True)
class ReferenceMemory(Breakdown):
    """Bytes by what they are for."""

    parameters: int
    """The weights."""
    gradients: int
    """One for each weight."""
    optimizer: int
    """What the optimizer stores."""
    activations: int
    """What the forward pass stores for the backward pass; proportional to the batch."""


def reference_activations(config: ModelConfig, batch: int = 1, sequence: int | None = None) -> int:
    """Count the numbers that a forward pass produces, loss included.

    In each block: two norms (2td), queries, keys and values, scores and softmax (ht² each), the weighted sum of
    values (td), the output projection (td), and the feed-forward network: W1, activation, W2 (2tf + td), with a gate
    also W3 and the product (2tf more). Then the final norm (td), the logits (tv) and a loss for each token (t).

    Raises:
        ValueError: a size is below 1.
    """
    t = config.context_length if sequence is None else sequence
    at_least_one(batch=batch, sequence=t)
    d, f = config.d_model, config.feedforward_width
    norm = 0 if config.norm == "none" else t * d
    qk_norm = t * (config.num_heads + config.kv_heads) * config.d_head if config.qk_norm else 0
    attention = t * qkv_width(config) + qk_norm + 2 * config.num_heads * t * t + 2 * t * d
    feedforward = 2 * (num_ffn_matrices(config) - 1) * t * f + t * d
    block = 2 * norm + attention + feedforward
    embedding_norm = t * d if config.embedding_norm else 0
    return batch * (config.num_layers * block + embedding_norm + norm + t * config.vocab_size + t)


def reference_memory(
    config: ModelConfig,
    batch: int = 1,
    sequence: int | None = None,
    *,
    optimizer: OptimizerKind = "adamw",
    precision: PrecisionScheme = "float32",
) -> ReferenceMemory:
    """Return the memory of a training step by the reference count.

    Raises:
        ValueError: a size is below 1, or the optimizer or the precision is unknown.
    """
    weights = weight_bytes(precision) * count_parameters(config).total
    return ReferenceMemory(
        parameters=weights,
        gradients=weights,
        optimizer=weight_bytes(precision) * optimizer_values(config, optimizer),
        activations=activation_bytes(precision) * reference_activations(config, batch, sequence),
    )
