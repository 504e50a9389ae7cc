"""What the forward pass of our modules keeps in memory for the backward pass.

PyTorch keeps what the derivative of each operation needs. Which tensors these are was found with
`torch.autograd.graph.saved_tensors_hooks`, for every option of the model. Here they are counted, all that grow with the
model, and the tests compare the sums. Not counted are statistics of one number per vector, rotary angles and masks.

A compiled step is one whose blocks and final norm are compiled, each alone, as in a training run.

Letters as in `nn`, and `S` for the number of scores, b·h·t². In bytes: `a` is the width of the residual stream and of
the results of matrix products, and 4 is used where modules compute in float32.
"""

from dataclasses import dataclass
from typing import Literal

from nn.accounting.breakdown import Breakdown
from nn.accounting.parameters import num_ffn_matrices, qkv_width
from nn.accounting.precision import PrecisionScheme, activation_bytes
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
    weights: int
    """Copies of weights: stacked where one product computes several projections, in bfloat16 in mixed precision."""


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
    def vectors(self) -> int:
        """Bytes of one activation of the width of the model, such as the residual stream: a·n·d."""
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


def kept_activations(step: TrainingStep) -> KeptActivations:
    """Count what the backward pass needs."""
    config, layers = step.config, step.config.num_layers
    embedding = config.value_embedding_layers
    return KeptActivations(
        norms=_norms(step),
        attention=sum(
            _attention(step, mixes_values=config.value_residual and layer > 0, embeds_values=layer in embedding)
            for layer in range(layers)
        ),
        scores=layers * _scores(step),
        feedforward=layers * _feedforward(step),
        logits=_logits(step),
        weights=layers * (attention_weights(step) + feedforward_weights(step)) + _head_weights(step),
    )


def _norm(step: TrainingStep) -> int:
    """One norm of the stream: x and, for its gain, x/rms(x) in float32; the compiler keeps only x and divides again."""
    if step.compiled:
        return step.vectors
    return (2 if step.config.norm_gains else 1) * 4 * step.tokens * step.config.d_model


def _norms(step: TrainingStep) -> int:
    config = step.config
    kept = 0 if config.norm == "none" else (2 * config.num_layers + 1) * _norm(step)
    kept += _norm(step) if config.embedding_norm else 0
    if config.embedding_shortcut:
        kept += step.vectors if step.compiled else config.num_layers * step.vectors
    return kept


def _attention(step: TrainingStep, *, mixes_values: bool, embeds_values: bool) -> int:
    """One layer: the input; queries, keys and values, both as projected and as the back end reads them; its result.

    With value embeddings also those of the tokens, and their gates.

    The projections are parts of one tensor, which exists as long as one of them is needed.
    """
    config, width = step.config, activation_bytes(step.precision)
    projected = step.vectors + 2 * step.key_vectors
    rotated = config.position == "rope" or config.qk_norm
    # Keys and values are copied for every query head, but a single key/value head is expanded without a copy.
    copies_heads = config.attention == "einx" or 1 < config.kv_heads < config.num_heads
    read = [
        step.vectors if rotated or config.qk_scale != 1 or config.attention == "einx" else 0,
        step.vectors if copies_heads else step.key_vectors * rotated,
        step.vectors if copies_heads else step.key_vectors * (mixes_values or embeds_values),
    ]
    kept = step.vectors + sum(read) + step.vectors
    if embeds_values:
        kept += step.key_vectors + 2 * width * step.tokens * config.kv_heads
    if not all(read) or config.value_residual or (config.qk_norm and (step.compiled or width == 4)):
        kept += projected
    if config.qk_norm and not step.compiled:  # as in `_norm`, but in float32 x is the projection
        kept += (4 * config.norm_gains + 4 * (width < 4)) * (step.vectors + step.key_vectors) // width
    return kept


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
    return step.vectors + hidden * step.hidden


def _logits(step: TrainingStep) -> int:
    """In the plain loss, which is never compiled: the head's input, shifted logits and their exponentials."""
    if step.loss == "chunked":
        return 0
    numbers = step.tokens * step.config.vocab_size
    cap = activation_bytes(step.precision) * numbers if step.config.logit_soft_cap is not None else 0
    return step.vectors + cap + numbers * 2 * 4


def attention_weights(step: TrainingStep) -> int:
    """Return the bytes of the copies of one layer's matrices: the stacked projections, and in bfloat16 all of them."""
    d, width = step.config.d_model, activation_bytes(step.precision)
    return width * d * (qkv_width(step.config) + (d if step.precision == "mixed" else 0))


def feedforward_weights(step: TrainingStep) -> int:
    """Return the bytes of the copies of one layer's W1 and W3, if they are stacked, and in bfloat16 of all matrices."""
    matrices = num_ffn_matrices(step.config)
    copied = matrices if step.precision == "mixed" else matrices - 1 if matrices == 3 else 0
    return activation_bytes(step.precision) * copied * step.config.d_model * step.config.feedforward_width


def _head_weights(step: TrainingStep) -> int:
    """In bfloat16; the chunked loss needs them only in the forward pass."""
    mixed = step.precision == "mixed" and step.loss == "plain"
    return activation_bytes(step.precision) * step.config.vocab_size * step.config.d_model if mixed else 0
