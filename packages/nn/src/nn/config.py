"""The configuration of a model, checked when it is created."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Norm = Literal["pre", "post", "none"]
Position = Literal["rope", "none"]
FeedForwardKind = Literal["swiglu", "silu", "relu2"]
AttentionBackend = Literal["auto", "einx", "fused", "flex"]
MatrixInit = Literal["truncated_normal", "uniform"]

GATE_INPUTS = 12
"""Components of a block's input, at most, that the gates of its value embeddings depend on."""

_SIZES = {"vocab_size": False, "context_length": False, "d_model": False, "num_layers": False, "num_heads": False}
_SIZES |= {"num_kv_heads": True, "d_ff": True, "window": True}  # may be null
_SWITCHES = ["tie_embeddings", "norm_gains", "qk_norm", "value_residual", "embedding_shortcut", "embedding_norm"]
_SWITCHES += ["value_embeddings", "zero_init_outputs"]
_CHOICES = {"norm": Norm, "position": Position, "ffn": FeedForwardKind, "init": MatrixInit}
_CHOICES |= {"attention": AttentionBackend}
_POSITIVE = {"rope_theta": False, "norm_eps": False, "logit_soft_cap": True}  # may be null
_POSITIVE |= {"qk_scale": False, "embedding_std": True, "head_std": True, "ffn_init_scale": False}


@dataclass(frozen=True)
class ModelConfig:
    """A Transformer language model, decoder only.

    The defaults are the base model of the TinyStories runs: 22.7 M parameters. All further options are off.
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
    """Query heads; each is d_model / num_heads wide. Kernels on GPUs are made for widths of 64 and 128, and pad others:
    heads of 80 take as long as heads of 128, so with as many parameters 10 heads of 128 are faster than 16 of 80."""
    num_kv_heads: int | None = None
    """Key/value heads, shared by groups of query heads (Ainslie et al. 2023, arXiv:2305.13245); null: num_heads."""
    d_ff: int | None = None
    """Width of the feed-forward network; null: 8/3·d_model to the nearest multiple of 64 if gated, else 4·d_model."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies (Su et al. 2021, arXiv:2104.09864)."""
    norm_eps: float = 1e-5
    """Added to the mean square inside RMSNorm."""
    norm: Norm = "pre"
    """Where RMSNorm is applied: before each sub-layer, after each residual sum, or nowhere."""
    norm_gains: bool = True
    """Learned gains in the norms; false: they only normalize (K. Jordan et al. 2024, modded-nanogpt)."""
    position: Position = "rope"
    """Rotary position embedding, or no position information beyond the causal mask."""
    ffn: FeedForwardKind = "swiglu"
    """Feed-forward network: W2(SiLU(W1 x) ⊙ W3 x), W2 SiLU(W1 x), or W2 relu(W1 x)²."""
    tie_embeddings: bool = False
    """Use the embedding matrix as the LM head too (Press & Wolf 2017, arXiv:1608.05859)."""
    window: int | None = None
    """Each position sees itself and the window − 1 before it (Beltagy et al. 2020, arXiv:2004.05150); null: all."""
    separator_token: int | None = None
    """Attention does not cross this id, which begins a document (Grattafiori et al. 2024, arXiv:2407.21783, 3.2)."""
    qk_norm: bool = False
    """RMSNorm on each query and key head, before rotation (Dehghani et al. 2023, arXiv:2302.05442)."""
    qk_scale: float = 1.0
    """Attention's scores are multiplied by this, beside 1/√d_head: normalized queries and keys cannot grow to make them
    larger. Karpathy 2026, nanochat: 1.44."""
    value_residual: bool = False
    """Mix the first block's values into all later ones, by learned weights (Zhou et al. 2024, arXiv:2410.17897)."""
    value_embeddings: bool = False
    """In every other block, the last one among them, each token has a vector of its own that is added to its values, by
    a learned gate for each head (K. Jordan et al. 2024, modded-nanogpt, after Zhou et al. 2024, arXiv:2410.17897)."""
    embedding_shortcut: bool = False
    """Mix the first embedding into each block's input, by learned weights (K. Jordan et al. 2024, modded-nanogpt)."""
    shortcut_stream_start: tuple[float, float] = (1.0, 1.0)
    """Initial weight of a block's input in that mix, in the first and the last block, linear between. Karpathy 2026,
    nanochat: 1.15 to 1.05."""
    shortcut_embedding_start: tuple[float, float] = (0.0, 0.0)
    """Initial weight of the embedding in that mix, likewise: 0.20 to 0.05."""
    embedding_norm: bool = False
    """RMSNorm right after the embedding (Le Scao et al. 2022, arXiv:2211.05100)."""
    logit_soft_cap: float | None = None
    """Logits x become c·tanh(x/c), so that no logit exceeds c (Gemma Team 2024, arXiv:2408.00118); null: no cap."""
    zero_init_outputs: bool = False
    """Start the last projection of each sub-layer at 0: each block starts as the identity (Yang et al., 2203.03466)."""
    init: MatrixInit = "truncated_normal"
    """Initial values of the matrices of linear maps: truncated normal with variance 2/(d_in + d_out); or uniform within
    ±√(3/d_in), which has variance 1/d_in (K. Jordan et al. 2024, modded-nanogpt)."""
    ffn_init_scale: float = 1.0
    """Factor of the initial values of W1, and W3, of the feed-forward network. Karpathy 2026, nanochat: 0.4."""
    embedding_std: float | None = None
    """Standard deviation of the initial embedding; null: 1, or 1/√d_model if it is also the LM head."""
    head_std: float | None = None
    """Standard deviation of an LM head of its own: small values, such as 0.001, make the first guess uniform (Karpathy
    2026, nanochat); null: as that of other linear maps."""
    attention: AttentionBackend = "auto"
    """What computes attention, with equal results: einx (the definition), fused (torch's kernel), flex (windows and
    documents on GPUs), or auto, the fastest of them for the device and the mask."""

    def __post_init__(self) -> None:
        """Check that the model can be built."""
        for name, optional in _SIZES.items():
            _check_size(f"model.{name}", getattr(self, name), optional=optional)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"model.{name} is {getattr(self, name)!r}: give true or false")
        for name, choices in _CHOICES.items():
            allowed = get_args(choices)
            if getattr(self, name) not in allowed:
                raise ValueError(f"model.{name} is {getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        if self.d_model % self.num_heads:
            raise ValueError(
                f"model.d_model = {self.d_model} is not divisible by model.num_heads = {self.num_heads}: "
                "make model.num_heads a divisor of it"
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"model.num_heads = {self.num_heads} is not divisible by model.num_kv_heads = {self.kv_heads}: "
                "make model.num_kv_heads a divisor of it"
            )
        if self.position == "rope" and self.d_head % 2:
            raise ValueError(
                f"rotary embedding rotates pairs, but a head has the odd width {self.d_head} "
                f"(model.d_model {self.d_model} / model.num_heads {self.num_heads}): make it even"
            )
        for name, optional in _POSITIVE.items():
            value = getattr(self, name)
            if not (optional and value is None) and not 0 < value < math.inf:
                raise ValueError(f"model.{name} is {value}: it must be a finite number above 0")
        for name in ("shortcut_stream_start", "shortcut_embedding_start"):
            if not all(map(math.isfinite, getattr(self, name))):
                raise ValueError(f"model.{name} is {getattr(self, name)}: give two finite numbers")
        if self.tie_embeddings and self.head_std is not None:
            raise ValueError(
                f"model.head_std is {self.head_std}, but with model.tie_embeddings the embedding is the LM head: give "
                "model.embedding_std instead"
            )
        if self.separator_token is not None and not 0 <= self.separator_token < self.vocab_size:
            raise ValueError(
                f"model.separator_token is {self.separator_token}, which is not an id of a vocabulary of "
                f"{self.vocab_size}: give the id that begins a document, or null"
            )

    @property
    def d_head(self) -> int:
        """Width of one head (d_k = d_v)."""
        return self.d_model // self.num_heads

    @property
    def kv_heads(self) -> int:
        """Number of key/value heads."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def value_embedding_layers(self) -> tuple[int, ...]:
        """The blocks with value embeddings, counting from 0: the last one, and every other one before it."""
        return tuple(range((self.num_layers - 1) % 2, self.num_layers, 2)) if self.value_embeddings else ()

    @property
    def feedforward_width(self) -> int:
        """Width of the feed-forward network's hidden layer."""
        if self.d_ff is not None:
            return self.d_ff
        return max(64, 64 * round(8 / 3 * self.d_model / 64)) if self.ffn == "swiglu" else 4 * self.d_model


def _check_size(name: str, value: object, *, optional: bool) -> None:
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: give an integer" + (" or null" if optional else ""))
    if value < 1:
        raise ValueError(f"{name} is {value}: it must be at least 1" + (", or null" if optional else ""))
