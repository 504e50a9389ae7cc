"""How many parameters a model has, by component. Letters: see `nn`."""

from collections import Counter
from dataclasses import dataclass

from nn.accounting.breakdown import Breakdown
from nn.config import GATE_INPUTS, ModelConfig


@dataclass(frozen=True)
class ParameterCount(Breakdown):
    """Parameters by component; a tied head is counted once, as the embedding."""

    embedding: int
    """The token embedding."""
    value_tables: int
    """The tables of value embeddings, in all layers that have them."""
    attention: int
    """The projections of queries, keys, values and output, in all layers."""
    feedforward: int
    """The matrices of the feed-forward networks, in all layers."""
    norms: int
    """The gains of all norms, including those of queries and keys."""
    mixes: int
    """The learned scalars of value residual and embedding shortcut, and the gates of value embeddings."""
    head: int
    """The LM head, 0 if it is tied."""

    @property
    def hidden_matrices(self) -> int:
        """Entries of the matrices inside the blocks, which Muon updates."""
        return self.attention + self.feedforward

    @property
    def matmul(self) -> int:
        """Entries of all matrices that activations are multiplied by, including a tied head."""
        return self.hidden_matrices + (self.head or self.embedding)


def count_parameters(config: ModelConfig) -> ParameterCount:
    """Count the parameters of a model without creating it.

    >>> count_parameters(ModelConfig()).total
    22696448
    """
    d, layers = config.d_model, config.num_layers
    gains = 0 if config.norm == "none" else (2 * layers + 1) * d
    gains += d if config.embedding_norm else 0
    gains += 2 * layers * config.d_head if config.qk_norm else 0
    mixes = 2 * (layers - 1) if config.value_residual else 0
    mixes += 2 * layers if config.embedding_shortcut else 0
    return ParameterCount(
        embedding=config.vocab_size * d,
        value_tables=len(config.value_embedding_layers) * config.vocab_size * config.kv_heads * config.d_head,
        attention=layers * (d * qkv_width(config) + d * d),
        feedforward=layers * num_ffn_matrices(config) * d * config.feedforward_width,
        norms=gains if config.norm_gains else 0,
        mixes=mixes + gate_entries(config),
        head=0 if config.tie_embeddings else config.vocab_size * d,
    )


def hidden_matrix_shapes(config: ModelConfig) -> Counter[tuple[int, int]]:
    """Count the matrices inside the blocks, except for gates, by their shape, `[d_out, d_in]`.

    >>> hidden_matrix_shapes(ModelConfig(num_layers=1, d_model=64, num_heads=4, num_kv_heads=1, d_ff=128))
    Counter({(64, 64): 2, (16, 64): 2, (128, 64): 2, (64, 128): 1})
    """
    d, f = config.d_model, config.feedforward_width
    shapes: Counter[tuple[int, int]] = Counter()
    shapes[d, d] += 2 * config.num_layers
    shapes[config.kv_heads * config.d_head, d] += 2 * config.num_layers
    shapes[f, d] += (num_ffn_matrices(config) - 1) * config.num_layers
    shapes[d, f] += config.num_layers
    return shapes


def qkv_width(config: ModelConfig) -> int:
    """Return (h + 2kv)·e, the width of queries, keys and values together."""
    return (config.num_heads + 2 * config.kv_heads) * config.d_head


def gate_entries(config: ModelConfig) -> int:
    """Return the entries of all matrices of the gates of value embeddings."""
    return len(config.value_embedding_layers) * config.kv_heads * min(GATE_INPUTS, config.d_model)


def num_ffn_matrices(config: ModelConfig) -> int:
    """Return 3 with a gate, else 2."""
    return 3 if config.ffn == "swiglu" else 2
