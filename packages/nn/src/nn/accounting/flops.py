"""How many floating-point operations a pass takes, counting the matrix products, which are nearly all of them.

The product of `[m, k]` and `[k, n]` takes mnk multiplications and as many additions: 2mnk FLOPs. As usual,
norms, softmax, rotation and activations are not counted.

Letters: see `nn`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from nn.accounting.breakdown import Breakdown, at_least_one
from nn.accounting.parameters import count_parameters, gate_entries, num_ffn_matrices, qkv_width
from nn.config import ModelConfig

PairKind = Literal["dense", "visible"]
"""Which pairs of a query and a key are counted: all t·t, or only those that the mask allows."""


@dataclass(frozen=True)
class FlopCount(Breakdown):
    """FLOPs by component, over all layers."""

    qkv: int
    """Projections to queries, keys and values, and to the gates of value embeddings."""
    scores: int
    """Queries times keys."""
    values: int
    """Attention weights times values."""
    output: int
    """Attention's output projection."""
    feedforward: int
    """All matrices of the feed-forward networks."""
    head: int
    """The LM head, at every position."""

    def times(self, factor: int) -> "FlopCount":
        """Return every part multiplied by a factor."""
        return FlopCount(**{name: factor * flops for name, flops in self.parts().items()})


def attention_pairs(config: ModelConfig, sequence: int, pairs: PairKind = "dense") -> int:
    """Count the pairs of a query and a key in one head and one sequence.

    `dense`: t², what the back ends `einx` and `fused` compute when they mask scores afterwards.
    `visible`: the pairs that the mask allows, `Σᵢ min(i, window)` for i = 1 … t, which is t(t+1)/2 without a window. A
    back end that skips everything masked computes these. The borders of documents are not taken into account.

    Raises:
        ValueError: the sequence has no tokens, or `pairs` is unknown.
    """
    at_least_one(sequence=sequence)
    if pairs == "dense":
        return sequence**2
    if pairs == "visible":
        window = min(sequence, config.window or sequence)
        return window * (window + 1) // 2 + (sequence - window) * window
    raise ValueError(f"pairs is {pairs!r}: choose one of {', '.join(get_args(PairKind))}")


def forward_flops(
    config: ModelConfig, batch: int = 1, sequence: int | None = None, *, pairs: PairKind = "dense"
) -> FlopCount:
    """Count the FLOPs of a forward pass with logits at every position.

    Args:
        config: the model.
        batch: sequences.
        sequence: tokens in each; the model's context if not given. It may be longer than the context.
        pairs: see `attention_pairs`.

    Raises:
        ValueError: a size is below 1.

    >>> base = ModelConfig()
    >>> forward_flops(base).head == 2 * 256 * 512 * 10_000
    True
    """
    t = config.context_length if sequence is None else sequence
    at_least_one(batch=batch, sequence=t)
    d, layers, tokens = config.d_model, config.num_layers, batch * t
    products = 2 * batch * layers * config.num_heads * config.d_head * attention_pairs(config, t, pairs)
    return FlopCount(
        qkv=2 * tokens * (layers * d * qkv_width(config) + gate_entries(config)),
        scores=products,
        values=products,
        output=2 * tokens * layers * d * d,
        feedforward=2 * tokens * layers * num_ffn_matrices(config) * d * config.feedforward_width,
        head=2 * tokens * d * config.vocab_size,
    )


def backward_flops(
    config: ModelConfig, batch: int = 1, sequence: int | None = None, *, pairs: PairKind = "dense"
) -> FlopCount:
    """Count the FLOPs of the backward pass of a loss on all logits: twice those of the forward pass.

    The gradient of `C = A B` takes two products as large as the first, `dA = dC Bᵀ` and `dB = Aᵀ dC`. Both are needed
    everywhere, even for the first block's input, since the embedding needs it; the embedding's own gradient is a sum of
    rows, not a product. What a fused back end recomputes instead of storing is not counted.
    """
    return forward_flops(config, batch, sequence, pairs=pairs).times(2)


def training_flops(
    config: ModelConfig, batch: int = 1, sequence: int | None = None, *, pairs: PairKind = "dense"
) -> FlopCount:
    """Count the FLOPs of a training step, forward and backward; the optimizer's are comparatively few."""
    return forward_flops(config, batch, sequence, pairs=pairs).times(3)


def training_flops_by_rule(config: ModelConfig, tokens: int) -> int:
    """Return `6 · tokens · parameters` (Kaplan et al. 2020, arXiv:2001.08361, 2.1): a rule of thumb.

    Each parameter takes a multiplication and an addition for each token, and twice as many in the backward pass. The
    rule ignores scores and weighted values; here it counts all parameters, including the embedding, which is only
    looked up.

    Raises:
        ValueError: tokens is below 1.
    """
    at_least_one(tokens=tokens)
    return 6 * tokens * count_parameters(config).total
