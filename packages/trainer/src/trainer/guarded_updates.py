"""Updates of the weights, each left out if its loss or gradient is not a finite number.

On a CPU the answer is there with the gradient, and the update is made or not. An accelerator works behind the loop: to
ask it for the answer would be to wait until it has nothing left to do. So there the update is given the answer where
it lies, as a tensor, and changes nothing if it is no; and the loop reads it a step later, when the gradients of the
next step are in line, so that the accelerator always has work. Either way the weights are the same.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainer.data.batches import TrainingBatches
from trainer.guards import DivergedError, NonFiniteGuard
from trainer.step import apply_update, compute_gradients, set_learning_rate
from trainer.train_state import Session


class Answer:
    """A yes or no on a device, on its way to the processor."""

    def __init__(self, value: Bool[Tensor, ""]) -> None:
        self._value = value
        self._arrived: torch.Event | None = None
        if value.device.type == "cuda":
            self._value = torch.empty((), dtype=torch.bool, pin_memory=True)
            self._value.copy_(value, non_blocking=True)
            self._arrived = torch.Event(value.device)
            self._arrived.record(torch.accelerator.current_stream(value.device))

    def read(self) -> bool:
        """Wait for it; what was put in line after it is not waited for."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return bool(self._value)


def answers_late(session: Session) -> bool:
    """Say whether the answers of a session are read a step later.

    Not where parameters are shared out, since all their parts would have to be given the answer.
    """
    return session.device.type == "cuda" and session.config.training.parallel != "fsdp"


@dataclass
class GuardedUpdates:
    """Makes the updates of a session, and keeps count of those that are left out."""

    session: Session
    guard: NonFiniteGuard
    batches: TrainingBatches
    replay: Path
    """Where the batches of a run that has diverged are written down."""
    tell: Callable[[str], None]
    """Takes a line for people."""
    deferred: bool
    """Whether the answer is read a step later, as on an accelerator."""
    _unread: tuple[int, Answer] | None = field(default=None, init=False)

    def update(
        self, step: int, inputs: Int[Tensor, "rows seq"], targets: Int[Tensor, "rows seq"], rate: float
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Compute the gradient of the step's batch, and update by it if it is finite.

        Returns:
            The mean loss over the global batch, and the gradient's norm before clipping, both on the device.

        Raises:
            DivergedError: too many updates in a row were left out.
        """
        session, settings = self.session, self.session.config.training
        loss, norm = compute_gradients(
            session.loss,
            session.parameters,
            inputs,
            targets,
            gradient_accumulation=settings.gradient_accumulation,
            max_grad_norm=settings.max_grad_norm,
            part_context=session.part_context,
        )
        loss = session.world.mean(loss)
        finite = torch.isfinite(loss + norm)
        self.settle()  # before this update, for which it matters how many there have been
        if self.deferred:
            apply_update(session.optimizer, rate, only_if=finite)
            self._unread = step, Answer(finite)
        elif bool(finite):
            apply_update(session.optimizer, rate)
            self.guard.saw(step, finite=True)
        else:
            set_learning_rate(session.optimizer, rate)  # which is saved, as that of an update which was made
            self._left_out(step)
        return loss, norm

    def settle(self) -> None:
        """Find out whether the last update was left out, if that is not known yet.

        Raises:
            DivergedError: it was, and so were too many before it.
        """
        if self._unread is None:
            return
        (step, answer), self._unread = self._unread, None
        if answer.read():
            self.guard.saw(step, finite=True)
        else:
            self.session.optimizer.retract_step()  # type: ignore[attr-defined]
            self._left_out(step)

    def _left_out(self, step: int) -> None:
        try:
            self.guard.saw(step, finite=False)
        except DivergedError as error:
            raise DivergedError(f"{error}; {self._keep_for_replay()}") from None
        self.tell(f"step {step} was left out: loss or gradient is not a finite number")

    def _keep_for_replay(self) -> str:
        """Write down the batches of the steps that were left out last, so that they can be looked at."""
        rows = np.arange(self.batches.batch_size)
        steps = {}
        for step in self.guard.in_a_row:
            files, starts = self.batches.places(step, rows)
            steps[str(step)] = [[int(file), int(start)] for file, start in zip(files, starts, strict=True)]
        if self.session.world.is_main:
            files_named = [str(path) for path in self.batches.paths]
            content = {"context_length": self.batches.context_length, "files": files_named, "file_and_start": steps}
            self.replay.write_text(json.dumps(content) + "\n", "utf-8")
        return f"the places of their batches in the training tokens are in {self.replay}"
