"""An estimate of the peak memory of a training step of our modules.

Weights and the optimizer's state are in memory all the time, activations grow in the forward pass and shrink in the
backward pass, gradients grow in the backward pass. So the peak is at one of a few moments:

- in the **loss**, when all activations are stored and the logits, all or a chunk of them, are computed;
- in the backward pass of the **last block's feed-forward network**, or of its **attention**, where the gradients of
  scores are as large as the scores: nearly all activations are stored, but hardly any gradients;
- in the backward pass of the **first block's attention**, when nearly all gradients are stored;
- in the **update**, when all gradients are stored and the optimizer needs memory for intermediate results.

The working memory of these moments (`working`, `optimizer`) was found by reading torch's memory profile of real steps
on a CPU. Not counted are PyTorch itself, the batch, masks, and fragmentation.

How far off it is: at most 10 % of what the allocator counts on a CPU, for every option, which the tests measure; and
usually 2 %, also when blocks and final norm are compiled. On a CPU a process holds more than the allocator counts, by
a quarter to a third. On a GPU the present modules have not been measured: `packages/nn/tests/compiled_memory.py gpu`
does that. From what an older version took on an H100, less what has changed, the estimate is 1 % away.
"""

from dataclasses import dataclass, fields
from typing import get_args

from nn.accounting.activations import (
    KeptActivations,
    LossKind,
    TrainingStep,
    attention_weights,
    feedforward_weights,
    kept_activations,
)
from nn.accounting.breakdown import Breakdown, at_least_one
from nn.accounting.optimizer import OptimizerKind, optimizer_values, update_bytes
from nn.accounting.parameters import count_parameters
from nn.accounting.precision import PrecisionScheme, weight_bytes
from nn.accounting.working import attention_bytes, feedforward_bytes, loss_bytes
from nn.config import ModelConfig


@dataclass(frozen=True)
class PeakMemory(Breakdown):
    """Bytes at one moment of a step, by what they are used for."""

    parameters: int
    """The weights."""
    optimizer: int
    """The optimizer's state."""
    gradients: int
    """Gradients of parameters that exist at that moment."""
    activations: int
    """What the forward pass stored and the backward pass has not freed."""
    working: int
    """Temporary tensors: gradients of activations, logits, an update."""


@dataclass(frozen=True)
class TrainingMemory:
    """The moments of a training step that may be its peak."""

    kept: KeptActivations
    """What is stored at the end of the forward pass."""
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
        """The memory at that moment."""
        return self.moments[self.peak_moment]


def training_memory(
    config: ModelConfig,
    batch: int = 1,
    sequence: int | None = None,
    *,
    optimizer: OptimizerKind = "adamw",
    precision: PrecisionScheme = "float32",
    compiled: bool = False,
    loss: LossKind = "chunked",
    chunk_tokens: int | None = None,
    accumulates: bool = False,
    accelerator: bool = False,
) -> TrainingMemory:
    """Estimate the memory of a training step, without creating the model.

    Args:
        config: the model; `config.attention` is the back end that computes attention.
        batch: sequences in a microbatch.
        sequence: tokens in each; the model's context if not given.
        optimizer: decides what is stored for each parameter.
        precision: of weights and activations.
        compiled: whether `torch.compile` decides what to store and what to recompute.
        loss: of all logits, or in chunks.
        chunk_tokens: tokens in a chunk of the chunked loss; its own choice if not given.
        accumulates: whether gradients of an earlier microbatch exist already.
        accelerator: whether the step runs on one. There AdamW updates all parameters at once, Muon computes in
            bfloat16, and bfloat16 products need no float32 copy.

    Raises:
        ValueError: a size is below 1, or the optimizer, the precision or the loss is unknown.
    """
    sequence = config.context_length if sequence is None else sequence
    at_least_one(batch=batch, sequence=sequence, chunk_tokens=1 if chunk_tokens is None else chunk_tokens)
    if loss not in get_args(LossKind):
        raise ValueError(f"loss is {loss!r}: choose one of {', '.join(get_args(LossKind))}")
    step = TrainingStep(config, batch, sequence, precision, compiled, loss, chunk_tokens, accelerator)
    count, width = count_parameters(config), weight_bytes(precision)
    kept = kept_activations(step)
    block = (kept.total - kept.logits - kept.weights) // config.num_layers + attention_weights(step)
    feedforward = kept.feedforward // config.num_layers + kept.norms // (2 * config.num_layers)
    of_blocks = kept.total - kept.logits
    head = config.vocab_size * config.d_model  # a tied matrix has its gradient, though not all of it, at the same time
    blocks = count.total - (0 if config.tie_embeddings else count.embedding)

    def moment(gradients: int, activations: int, working: int) -> PeakMemory:
        return PeakMemory(
            parameters=width * count.total,
            optimizer=width * optimizer_values(config, optimizer),
            gradients=width * (count.total if accumulates else gradients),
            activations=activations,
            working=working,
        )

    return TrainingMemory(
        kept=kept,
        loss=moment(0, kept.total, loss_bytes(step)),
        last_feedforward=moment(head, of_blocks, feedforward_bytes(step)),
        last_attention=moment(head, of_blocks - feedforward - feedforward_weights(step), attention_bytes(step)),
        first_attention=moment(blocks, block - feedforward, attention_bytes(step)),
        update=moment(count.total, 0, update_bytes(config, optimizer, precision, accelerator=accelerator)),
    )
