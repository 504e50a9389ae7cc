"""The most memory that a training step of our modules takes at any moment: an estimate.

A step is a timeline. Weights and the optimizer's numbers are there all the time, activations grow in the forward
pass and shrink in the backward pass, gradients grow in the backward pass. So the peak is at one of a few moments:

- in the **loss**, when all activations are there and the logits are worked on, all of them or a chunk;
- in the backward pass of the **last block's feed-forward network**, or of its **attention**, where the gradients of
  scores are as large as the scores themselves: nearly all activations are there, but hardly any gradients yet;
- in the backward pass of the **first block's attention**: nearly all gradients are there;
- in the **update**, when all gradients are there and the optimizer needs room for the parameter it is working on.

What each moment works on beside what is kept (`_working_set`) was measured, on the CPU, eager and compiled. Not
counted: PyTorch itself, the batch, what a memory allocator wastes, and room that the libraries of matrix products take.
"""

from dataclasses import dataclass, fields

from nn.accounting.activations import KeptActivations, Loss, Pass, kept_activations
from nn.accounting.breakdown import Breakdown, at_least_one
from nn.accounting.parameters import OptimizerKind, count_parameters, optimizer_values
from nn.accounting.precision import Precision, activation_bytes, weight_bytes
from nn.config import ModelConfig
from nn.loss import default_chunk


@dataclass(frozen=True)
class PeakMemory(Breakdown):
    """Bytes at the moment of the peak, by what they are for."""

    parameters: int
    """The weights."""
    optimizer: int
    """What the optimizer keeps."""
    gradients: int
    """Those of the parameters that are there at that moment."""
    activations: int
    """What the forward pass kept and is still there."""
    working: int
    """What comes and goes: gradients of activations, logits, an update."""


@dataclass(frozen=True)
class TrainingMemory:
    """The moments of a training step that may be its peak."""

    kept: KeptActivations
    """What the forward pass keeps, at its end."""
    loss: PeakMemory
    """Between forward and backward pass."""
    last_feedforward: PeakMemory
    """Early in the backward pass."""
    last_attention: PeakMemory
    """A little later."""
    first_attention: PeakMemory
    """At the end of the backward pass."""
    update: PeakMemory
    """In the optimizer's step."""

    @property
    def moments(self) -> dict[str, PeakMemory]:
        """The moments by name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "kept"}

    @property
    def peak_moment(self) -> str:
        """The name of the moment with the most bytes."""
        return max(self.moments, key=lambda name: self.moments[name].total)

    @property
    def peak(self) -> PeakMemory:
        """What is there at that moment."""
        return self.moments[self.peak_moment]


def training_memory(
    config: ModelConfig,
    batch: int = 1,
    sequence: int | None = None,
    *,
    optimizer: OptimizerKind = "adamw",
    precision: Precision = "float32",
    compiled: bool = False,
    loss: Loss = "chunked",
    chunk_tokens: int | None = None,
) -> TrainingMemory:
    """Estimate the memory of a training step, without making the model.

    Args:
        config: the model; `config.attention` says which back end computes attention.
        batch: sequences that go through the model at once.
        sequence: tokens in each; the model's context if not given.
        optimizer: decides what is kept for each parameter.
        precision: of weights and activations.
        compiled: whether `torch.compile` has decided what to keep and what to compute anew.
        loss: of all logits, or in chunks.
        chunk_tokens: tokens whose logits the chunked loss holds at once; its own choice if not given.

    Raises:
        ValueError: a size is below 1, or the optimizer or the precision is not known.
    """
    sequence = config.context_length if sequence is None else sequence
    at_least_one(batch=batch, sequence=sequence)
    of = Pass(config, batch, sequence, precision, compiled, loss, chunk_tokens)
    count, width = count_parameters(config), weight_bytes(precision)
    kept = kept_activations(of)
    head = width * config.vocab_size * config.d_model
    block = (kept.total - kept.logits - kept.casts) // config.num_layers
    feedforward = kept.feedforward // config.num_layers + kept.norms // (2 * config.num_layers)
    of_blocks = kept.total - kept.logits

    def moment(gradients: int, activations: int, working: int) -> PeakMemory:
        return PeakMemory(
            parameters=width * count.total,
            optimizer=width * optimizer_values(config, optimizer),
            gradients=gradients,
            activations=activations,
            working=working,
        )

    return TrainingMemory(
        kept=kept,
        loss=moment(0, kept.total, _loss_working_set(of)),
        last_feedforward=moment(head, of_blocks, _feedforward_working_set(of)),
        last_attention=moment(head, of_blocks - feedforward, _attention_working_set(of)),
        first_attention=moment(width * count.total, block - feedforward, _attention_working_set(of)),
        update=moment(width * count.total, 0, width * _largest_parameter(config)),
    )


def _loss_working_set(of: Pass) -> int:
    """Plain: logits and their gradient, beside what the loss keeps of them, and widened if they are narrow.

    Chunked: the hidden states, their gradient and the head's, and the logits of two chunks: those of the one before are
    let go when the next are there. What is not float32 is there a second time, widened; a soft cap needs its slope.
    """
    width = activation_bytes(of.precision)
    vocab = of.config.vocab_size
    if of.loss == "plain":
        logits = of.tokens * vocab
        if of.compiled:
            return width * logits
        return (2 * width if of.precision == "float32" else 2 * width + 4) * logits
    chunk = min(of.tokens, of.chunk_tokens or default_chunk(of.tokens))
    number = 4 if of.precision == "float32" else 4 + width
    together = (1 if chunk == of.tokens else 2) * number + (0 if of.config.logit_soft_cap is None else 2 * 4)
    gradients = of.vectors + 4 * vocab * of.config.d_model
    return of.vectors + gradients + together * chunk * vocab


def _feedforward_working_set(of: Pass) -> int:
    """The gradient of the stream and two of the hidden layer."""
    return of.stream + 2 * of.hidden


def _attention_working_set(of: Pass) -> int:
    """The gradient of the stream and of q, k, v; and of the scores.

    The back end `einx` has four tensors of their size at once in float32: the softmax is made of several functions,
    each with its own gradient. The compiler makes one function of them, and computes it in place.
    """
    working = of.stream + 3 * of.vectors
    if of.config.attention != "einx":
        return working
    width = activation_bytes(of.precision)
    return working + of.scores * (width if of.compiled else 4 * 4 + width % 4)


def _largest_parameter(config: ModelConfig) -> int:
    return config.d_model * max(config.vocab_size, config.feedforward_width, config.d_model)
