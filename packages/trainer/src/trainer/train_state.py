"""What a run works on, built from its configuration and, if it resumes, filled from a checkpoint."""

import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from nn import TransformerLM
from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import Progress
from trainer.checkpoints.reading import Checkpoint
from trainer.checkpoints.rng_state import capture_rng, restore_rng
from trainer.checkpoints.writing import Contents, contents_of_states
from trainer.config import TrainConfig
from trainer.guards import NonFiniteGuard
from trainer.runtime.compilation import compile_blocks, estimate_run_flops, make_loss_function, why_not_compiled
from trainer.runtime.distributed import World
from trainer.runtime.peak_flops import MatmulFormat
from trainer.runtime.precision import autocast, computes_in_bfloat16
from trainer.runtime.sharding import distribute, full_state_dict, no_sync
from trainer.step import make_optimizer


class LossModule(Module):
    """The model's loss as a module, since what makes processes work together wraps modules."""

    def __init__(self, model: TransformerLM, *, compiled: bool, bfloat16: bool) -> None:
        super().__init__()
        self.model = model
        self._compiled = make_loss_function(model, compiled=compiled)
        self._bfloat16 = bfloat16

    def forward(self, inputs: Int[Tensor, "batch seq"], targets: Int[Tensor, "batch seq"]) -> Float[Tensor, ""]:
        """Return the mean loss."""
        with autocast(inputs.device, bfloat16=self._bfloat16):
            # Evaluation has batches of other sizes, each of which would be compiled anew.
            return self._compiled(inputs, targets) if self.training else self.model.loss(inputs, targets)


@dataclass
class Session:
    """The parts of a run, and how far it has come."""

    config: TrainConfig
    world: World
    device: torch.device
    model: TransformerLM
    """Its parameters may be this process's share of the whole ones."""
    loss: Module
    """From inputs and targets to the mean loss over this process's rows."""
    optimizer: Optimizer
    notes: list[str]
    """What to say at the start."""
    progress: Progress = field(default_factory=lambda: Progress(step=0, run_id=secrets.token_hex(8)))
    started: float = field(default_factory=time.perf_counter)

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, each once."""
        return list(self.model.parameters())

    @property
    def precision(self) -> MatmulFormat:
        """That of the matrix products."""
        settings = self.config.training
        if computes_in_bfloat16(settings.precision, self.device):
            return "bfloat16"
        return "float32" if settings.matmul_precision == "highest" or self.device.type != "cuda" else "tf32"

    def seconds(self) -> float:
        """Return the time spent in the loop, earlier sessions included."""
        return self.progress.elapsed_seconds + time.perf_counter() - self.started

    def part_context(self, last: bool) -> AbstractContextManager[None]:
        """Return what a part of an accumulated batch is computed in."""
        return nullcontext() if last else no_sync(self.loss)

    def contents(self, progress: Progress) -> Contents | None:
        """Return what a checkpoint holds, in the main process; every process must take part."""
        keep = self.world.is_main
        model = full_state_dict(self.model.state_dict(), keep=keep)
        optimizer = full_state_dict(self.optimizer.state_dict(), keep=keep)
        return contents_of_states(model, optimizer, type(self.optimizer).__name__, progress) if keep else None

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; the optimizer's settings stay those of the configuration.

        Raises:
            CheckpointError: it does not fit; nothing has been changed then.
        """
        progress = checkpoint.progress
        try:
            NonFiniteGuard(1).go_on(progress.extras)
        except ValueError as error:
            raise CheckpointError(f"checkpoint {checkpoint.path} is damaged: {error}; use an earlier one") from None
        checkpoint.restore(self.model, self.optimizer, keep_settings=True)
        self.progress = progress
        if len(progress.rng) > self.world.rank:
            restore_rng(progress.rng[self.world.rank])

    def rng(self) -> tuple[dict[str, Any], ...]:
        """Return the state of the random generators of all processes; each must take part."""
        mine = capture_rng([self.device])
        if self.world.size == 1:
            return (mine,)
        everyone: list[dict[str, Any]] = [{} for _ in range(self.world.size)]
        torch.distributed.all_gather_object(everyone, mine)
        return tuple(everyone)


def build_session(config: TrainConfig, world: World, device: torch.device) -> Session:
    """Build the model and all that trains it; its weights start from `run.seed`.

    Raises:
        ValueError: what the configuration asks for cannot be done here.
    """
    settings = config.training
    torch.set_float32_matmul_precision(settings.matmul_precision)
    # Drawn on the CPU, so that a seed means the same weights on every device.
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed)).to(device)
    why_not = why_not_compiled(settings.compile, device, estimate_run_flops(config, model.num_parameters()))
    compiled = why_not is None
    by_block = compiled and settings.parallel == "fsdp"
    if by_block:  # as the parameters of each block are gathered only when it is reached
        compile_blocks(model)
    bfloat16 = computes_in_bfloat16(settings.precision, device)
    alone = LossModule(model, compiled=compiled and not by_block, bfloat16=bfloat16)
    loss = distribute(alone, list(model.blocks), settings.parallel, device, world.size)
    compiled_update = compiled and not by_block and device.type == "cpu"
    optimizer = make_optimizer(config.optimizer, model, compiled=compiled_update)
    notes = ["the first step compiles" if compiled else f"not compiled: {why_not}"]
    if bfloat16:
        notes.append("products are computed in bfloat16, weights kept in float32")
    return Session(config, world, device, model, loss, optimizer, notes)
