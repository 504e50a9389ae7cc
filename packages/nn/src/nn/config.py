"""The shape of a model, checked when it is made."""

from dataclasses import dataclass
from typing import Literal, get_args

Norm = Literal["pre", "post", "none"]
Position = Literal["rope", "none"]
FeedForwardKind = Literal["swiglu", "silu", "relu2"]


@dataclass(frozen=True)
class ModelConfig:
    """A Transformer language model, decoder only.

    The defaults are the base model of the TinyStories runs: 22.7 M parameters.
    """

    vocab_size: int = 10_000
    """Ids go from 0 to vocab_size − 1."""
    context_length: int = 256
    """The longest sequence, in tokens."""
    d_model: int = 512
    """Width of the residual stream."""
    num_layers: int = 4
    """Transformer blocks."""
    num_heads: int = 16
    """Query heads; each is d_model / num_heads wide."""
    num_kv_heads: int | None = None
    """Key/value heads, shared by groups of query heads (Ainslie et al. 2023, arXiv:2305.13245); null: num_heads."""
    d_ff: int | None = None
    """Width of the feed-forward network; null: 8/3·d_model to the nearest multiple of 64 if gated, else 4·d_model."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies (Su et al. 2021, arXiv:2104.09864)."""
    norm_eps: float = 1e-5
    """Added to the mean square inside RMSNorm."""
    norm: Norm = "pre"
    """Where RMSNorm stands: before each sub-layer, after each residual sum, or nowhere."""
    position: Position = "rope"
    """Rotary position embedding, or no position information but the causal mask."""
    ffn: FeedForwardKind = "swiglu"
    """Feed-forward network: W2(SiLU(W1 x) ⊙ W3 x), W2 SiLU(W1 x), or W2 relu(W1 x)²."""
    tie_embeddings: bool = False
    """Use the embedding matrix as the LM head too (Press & Wolf 2017, arXiv:1608.05859)."""

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        for name in ("vocab_size", "context_length", "d_model", "num_layers", "num_heads", "num_kv_heads", "d_ff"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"model.{name} is {value}: it must be at least 1")
        for name, choices in (("norm", Norm), ("position", Position), ("ffn", FeedForwardKind)):
            allowed = get_args(choices)
            if getattr(self, name) not in allowed:
                raise ValueError(f"model.{name} is {getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        if self.d_model % self.num_heads:
            raise ValueError(
                f"model.d_model = {self.d_model} cannot be shared by {self.num_heads} heads: "
                "make model.num_heads a divisor of it"
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"model.num_heads = {self.num_heads} cannot be grouped onto {self.kv_heads} key/value heads: "
                "make model.num_kv_heads a divisor of it"
            )
        if self.position == "rope" and self.d_head % 2:
            raise ValueError(
                f"rotary embedding turns pairs, but a head has an odd width of {self.d_head} "
                f"(model.d_model {self.d_model} / model.num_heads {self.num_heads}): make it even"
            )
        if not self.rope_theta > 0:
            raise ValueError(f"model.rope_theta is {self.rope_theta}: it must be above 0")
        if not self.norm_eps > 0:
            raise ValueError(f"model.norm_eps is {self.norm_eps}: it must be above 0")

    @property
    def d_head(self) -> int:
        """Width of one head (d_k = d_v)."""
        return self.d_model // self.num_heads

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def feedforward_width(self) -> int:
        """Width of the feed-forward network's hidden layer."""
        if self.d_ff is not None:
            return self.d_ff
        return max(64, 64 * round(8 / 3 * self.d_model / 64)) if self.ffn == "swiglu" else 4 * self.d_model
