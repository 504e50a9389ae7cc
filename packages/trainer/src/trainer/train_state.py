"""The state of a run: model, optimizer and progress, built from the configuration or restored from a checkpoint."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from nn import TransformerLM, choose_backend, compile_blocks, use_float8
from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import Progress
from trainer.checkpoints.reading import Checkpoint
from trainer.checkpoints.rng_state import capture_rng, restore_rng
from trainer.checkpoints.writing import Contents, contents_of_states
from trainer.config import TrainConfig
from trainer.divergence import SkippedSteps
from trainer.optimization import make_optimizer
from trainer.run.directory import RunDirectory
from trainer.run.initial_weights import WeightsSource, restore_initial_weights
from trainer.runtime.compilation import estimate_run_flops, keep_compiled_code, why_not_compiled
from trainer.runtime.distributed import World
from trainer.runtime.peak_flops import MatmulFormat
from trainer.runtime.precision import computes_in_bfloat16, computes_in_float8
from trainer.runtime.sharding import distribute, full_state_dict


class LossModule(Module):
    """The loss of a model as a module: DDP and FSDP wrap modules."""

    def __init__(self, model: TransformerLM, *, compiled: bool, bfloat16: bool) -> None:
        super().__init__()
        self.model = model
        self._compiled = compiled
        self._bfloat16 = bfloat16

    def forward(self, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
        """Return the mean loss."""
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self._bfloat16):
            # Batches of an evaluation have other shapes, each of which would be compiled again.
            return self.model.loss(inputs, targets, compile_chunks=self._compiled and torch.is_grad_enabled())


@dataclass
class TrainState:
    """What a run trains, and how far it is."""

    config: TrainConfig
    world: World
    device: torch.device
    model: TransformerLM
    """Under FSDP each parameter is sharded."""
    loss: Module
    """From inputs and targets to the mean loss of this process's rows."""
    optimizer: Optimizer
    compiled: bool
    """Whether gradients and updates are compiled."""
    notes: list[str]
    """Messages for the start of the log."""
    source: WeightsSource | None = None
    """Where the initial weights came from, if this session started with given ones."""
    progress: Progress = field(default_factory=lambda: Progress(step=0, run_id=secrets.token_hex(8)))
    """Where this session started: at step 0, or at the checkpoint that it resumed from."""
    started: float = field(default_factory=time.perf_counter)
    """When this session of the run started to train."""

    @property
    def matmul_format(self) -> MatmulFormat:
        """The number format of matrix products."""
        settings = self.config.training
        if computes_in_bfloat16(settings.precision, self.device):
            return "bfloat16"
        return "float32" if settings.matmul_precision == "highest" or self.device.type != "cuda" else "tf32"

    @property
    def microbatch_size(self) -> int:
        """Rows that this process computes at once."""
        settings = self.config.training
        return settings.batch_size // settings.gradient_accumulation // self.world.size

    def num_tokens(self, steps: int) -> int:
        """Return the number of tokens in the batches of the first `steps` steps, over all processes."""
        return self.config.training.num_rows(steps) * self.config.model.context_length

    def elapsed_seconds(self) -> float:
        """Return the time spent in training, including earlier sessions of the run."""
        return self.progress.elapsed_seconds + time.perf_counter() - self.started

    def contents(self, progress: Progress) -> Contents | None:
        """Return what a checkpoint contains; None except in the main process. Every process must call it."""
        keep = self.world.is_main
        model = full_state_dict(self.model.state_dict(), keep=keep)
        optimizer = full_state_dict(self.optimizer.state_dict(), keep=keep)
        return contents_of_states(model, optimizer, type(self.optimizer).__name__, progress) if keep else None

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint. The settings of the optimizer stay those of the configuration.

        Raises:
            CheckpointError: the checkpoint does not fit; nothing has been changed.
        """
        progress = checkpoint.progress
        try:
            SkippedSteps(limit=1).restore(progress.extras)
        except ValueError as error:
            raise CheckpointError(f"checkpoint {checkpoint.path} is damaged: {error}; use an earlier one") from None
        checkpoint.restore(self.model, self.optimizer, keep_settings=True)
        self.progress = progress
        if len(progress.rng) > self.world.rank:
            restore_rng(progress.rng[self.world.rank])

    def start(self, run: RunDirectory) -> None:
        """Start with the weights that the run was given, or else with those that the model has.

        Raises:
            CheckpointError: the given weights are damaged, or belong to another model.
            ValueError: the configuration names given weights, but the run's folder does not contain them.
        """
        self.source = restore_initial_weights(self.model, run)
        if self.source is not None:
            self.notes.append(self.source.describe())
        elif self.config.run.init_from is not None:
            raise ValueError(
                f"run.init_from is {self.config.run.init_from!r}, but there are no weights in {run.initial_weights}: "
                "use trainer.run.save_initial_weights, or apps/train_owt.py, which does that"
            )

    def rng(self) -> tuple[dict[str, Any], ...]:
        """Return the state of the random generators of all processes; every process must call it."""
        mine = capture_rng([self.device])
        if self.world.size == 1:
            return (mine,)
        everyone: list[dict[str, Any]] = [{} for _ in range(self.world.size)]
        torch.distributed.all_gather_object(everyone, mine)
        return tuple(everyone)


def build_train_state(config: TrainConfig, world: World, device: torch.device) -> TrainState:
    """Build the model of a run, with initial weights from `run.seed`, and its optimizer.

    Raises:
        ValueError: the configuration asks for something that this machine cannot do.
    """
    settings = config.training
    torch.set_float32_matmul_precision(settings.matmul_precision)
    float8 = computes_in_float8(settings.float8, device)
    # Drawn on the CPU, so that a seed means the same weights on every device.
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed)).to(device)
    flops = estimate_run_flops(config, model.num_parameters())
    why_not = why_not_compiled(settings.compile, device, flops, settings.max_seconds)
    notes = [f"not compiled: {why_not}"]
    if float8:
        use_float8(model.blocks)
    if why_not is None:
        compile_blocks(model)
        notes = [f"gradient and update are compiled at the first step; compiled code is kept in {keep_compiled_code()}"]
    bfloat16 = computes_in_bfloat16(settings.precision, device)
    loss = distribute(
        LossModule(model, compiled=why_not is None, bfloat16=bfloat16),
        list(model.blocks),
        settings.parallel,
        device,
        world.size,
    )
    compiled_update = why_not is None and settings.parallel != "fsdp"
    optimizer = make_optimizer(config.optimizer, model, compiled=compiled_update)
    masked = config.model.window is not None or config.model.separator_token is not None
    if config.model.attention == "auto":
        notes.append(f"attention is computed by the back end {choose_backend(device, masked=masked)}")
    if bfloat16:
        notes.append("matrix products are computed in bfloat16, weights stay in float32")
    if float8:
        notes.append("matrix products of the blocks are computed in float8 (experimental); evaluations do not use it")
    return TrainState(config, world, device, model, loss, optimizer, why_not is None, notes)
