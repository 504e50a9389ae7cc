"""What the forward pass of our modules keeps in memory for the backward pass.

PyTorch keeps what the derivative of each operation needs. Which tensors these are was found with
`torch.autograd.graph.saved_tensors_hooks`, for every option of the model. Here they are counted, all that grow with the
model, and the tests compare the sums. Not counted are statistics of one number per vector, rotary angles and masks.

Letters as in `nn`, and `S` for the number of scores, b·h·t². In bytes: `a` is the width of the results of matrix
products, `r` that of the residual stream, and 4 is used where modules compute in float32.
"""

from dataclasses import dataclass
from typing import Literal

from nn.accounting.breakdown import Breakdown
from nn.accounting.parameters import count_parameters
from nn.accounting.precision import PrecisionScheme, activation_bytes, weight_bytes
from nn.config import ModelConfig

LossKind = Literal["plain", "chunked"]
"""`cross_entropy` of all logits, or `linear_cross_entropy`, which never stores them all."""


@dataclass(frozen=True)
class KeptActivations(Breakdown):
    """Bytes stored between forward and backward pass, by component over all layers."""

    norms: int
    """The inputs of the norms, their normalized values, and the tensors of embedding norm and shortcut."""
    attention: int
    """Its input, queries, keys, values, and the weighted sum of values."""
    scores: int
    """Scores and softmax, if the back end stores them."""
    feedforward: int
    """Its input and all intermediate results."""
    logits: int
    """The input of the LM head, logits, and the loss."""
    casts: int
    """The weights in bfloat16, in mixed precision."""


@dataclass(frozen=True)
class TrainingStep:
    """The training step whose memory is counted."""

    config: ModelConfig
    batch: int
    sequence: int
    precision: PrecisionScheme
    compiled: bool
    loss: LossKind
    chunk_tokens: int | None = None
    accelerator: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of the batch: `n`."""
        return self.batch * self.sequence

    @property
    def stream(self) -> int:
        """Bytes of one residual stream: r·n·d."""
        return weight_bytes(self.precision) * self.tokens * self.config.d_model

    @property
    def vectors(self) -> int:
        """Bytes of one activation of the width of the model: a·n·d."""
        return activation_bytes(self.precision) * self.tokens * self.config.d_model

    @property
    def key_vectors(self) -> int:
        """Bytes of the keys, or of the values, of one layer after their projection: a·n·kv·e."""
        return self.vectors * self.config.kv_heads // self.config.num_heads

    @property
    def hidden(self) -> int:
        """Bytes of one activation of the width of the feed-forward network: a·n·f."""
        return activation_bytes(self.precision) * self.tokens * self.config.feedforward_width

    @property
    def scores(self) -> int:
        """Number of scores in one layer: `S`."""
        return self.batch * self.config.num_heads * self.sequence**2

    @property
    def readers_keep_copies(self) -> bool:
        """Whether each linear map keeps its own bfloat16 copy of its input, made by autocast."""
        return self.precision == "mixed" and not self.compiled


def kept_activations(step: TrainingStep) -> KeptActivations:
    """Count what the backward pass needs."""
    layers = step.config.num_layers
    return KeptActivations(
        norms=_norms(step),
        attention=layers * _attention(step) + _first_values(step),
        scores=layers * _scores(step),
        feedforward=layers * _feedforward(step),
        logits=_logits(step),
        casts=_casts(step),
    )


def _norm(step: TrainingStep) -> int:
    """One norm of the stream: x and x/rms(x) in float32; the compiler keeps only x and divides again."""
    return step.stream if step.compiled else 2 * 4 * step.tokens * step.config.d_model


def _norms(step: TrainingStep) -> int:
    config = step.config
    kept = 0 if config.norm == "none" else (2 * config.num_layers + 1) * _norm(step)
    if config.norm != "none" and step.compiled:
        kept -= _norm(step)  # the input of the final norm follows from what the last block keeps
    kept += _norm(step) if config.embedding_norm else 0
    if config.embedding_shortcut:
        kept += step.stream if step.compiled else config.num_layers * step.stream
    return kept


def _input(step: TrainingStep, readers: int) -> int:
    """The input of linear maps, a factor of their weights' gradients."""
    return (readers if step.readers_keep_copies else 1) * step.vectors


def _attention(step: TrainingStep) -> int:
    """One layer: the input; queries, keys and values as the back end reads them; the weighted sum of values."""
    config = step.config
    # Keys and values are copied for every query head, but a single key/value head is expanded without a copy.
    keys = step.key_vectors if config.attention != "einx" and config.kv_heads == 1 else step.vectors
    kept = _input(step, 3) + step.vectors + 2 * keys + step.vectors
    if config.attention != "einx":  # fused back ends keep their result, besides the copy that the output map reads
        kept += step.vectors
    if config.qk_norm:
        normalized = step.vectors + step.key_vectors
        kept += normalized if step.compiled else 2 * 4 * normalized // activation_bytes(step.precision)
    return kept


def _first_values(step: TrainingStep) -> int:
    """With value residual: each layer's own values, before they are mixed."""
    return step.config.num_layers * step.key_vectors if step.config.value_residual else 0


def _scores(step: TrainingStep) -> int:
    """One layer: two of S, `exp(scores)` in float32 and its normalized form or, compiled, scores and softmax."""
    if step.config.attention != "einx":
        return 0
    width = activation_bytes(step.precision)
    return step.scores * (2 * width if step.compiled else 4 + width)


def _feedforward(step: TrainingStep) -> int:
    """One layer: the input, and W1 x, σ(W1 x), SiLU(W1 x), W3 x and the product.

    Without a gate: W1 x, σ(W1 x) or relu(W1 x), and the activation. Compiled, only the results and inputs of matrix
    products are kept: W1 x, W3 x, and the input of W2.
    """
    gated = step.config.ffn == "swiglu"
    hidden = (3 if gated else 2) if step.compiled else (5 if gated else 3)
    return _input(step, 2 if gated else 1) + hidden * step.hidden


def _logits(step: TrainingStep) -> int:
    """The head's input; in the plain loss shifted logits and their exponentials or, compiled, only logits."""
    if step.loss == "chunked":
        return 0
    numbers = step.tokens * step.config.vocab_size
    width = activation_bytes(step.precision)
    cap = width * numbers if step.config.logit_soft_cap is not None and not step.compiled else 0
    return step.vectors + cap + numbers * (width if step.compiled else 2 * 4)


def _casts(step: TrainingStep) -> int:
    """The matrices in bfloat16, which autocast keeps; the chunked loss needs the head's only in the forward pass."""
    if step.precision != "mixed":
        return 0
    count = count_parameters(step.config)
    return 2 * (count.matmul if step.loss == "plain" else count.hidden_matrices)
