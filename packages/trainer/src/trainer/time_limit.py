"""The time limit of a run, which includes compilation, the final evaluation and the last checkpoint.

Training ends early enough for both, so that a schedule by time reaches its end at that moment. How long they will take
is estimated from the evaluations and checkpoints so far; before the first ones, from a few batches and from the size.
"""

from dataclasses import dataclass, field

from trainer.checkpoints.retrying import Saver
from trainer.evaluation import Evaluator
from trainer.train_state import TrainState

_MARGIN = 1.1
"""What is reserved, as a multiple of what is expected: the time of an evaluation varies by a few percent."""

_BYTES_PER_PARAMETER = 12
"""Of a checkpoint: a weight and two moments of AdamW, in float32; the other optimizers have less."""

_BYTES_PER_SECOND = 200e6
"""Of a checkpoint, before the first one is written: hashed, written and synced by a slow disk."""


@dataclass
class TimeLimit:
    """How long a run may train; every process must make the same calls."""

    max_seconds: float
    """Of the whole run."""
    state: TrainState
    evaluator: Evaluator
    saver: Saver
    training_seconds: float = field(init=False)
    """When training must have ended, as of the last call of `update`; the same in all processes."""
    ended_after: float | None = None
    """Seconds after which training has ended because of the limit; None if it has not."""

    def __post_init__(self) -> None:
        self.training_seconds = self.max_seconds

    @property
    def reserved_seconds(self) -> float:
        """How much of the limit is reserved for what comes after training."""
        return self.max_seconds - self.training_seconds

    def start(self) -> str:
        """Measure a few batches of the final evaluation, and return a message about the limit.

        Raises:
            ValueError: the final evaluation and the checkpoint alone would take longer.
        """
        self.evaluator.measure_speed()
        self.update()
        parts = f"the final evaluation (about {self.evaluator.final_seconds():.1f} s) and the last checkpoint"
        if self.training_seconds <= 0:
            raise ValueError(
                f"training.max_seconds is {self.max_seconds:g}, but {parts} would take {self.reserved_seconds:.1f} s: "
                "raise it, or lower training.final_eval_batches"
            )
        return f"time limit {self.max_seconds:g} s, of which {self.reserved_seconds:.1f} s are reserved for {parts}"

    def update(self) -> None:
        """Estimate again, after an evaluation or a checkpoint."""
        expected = self.evaluator.final_seconds() + self._checkpoint_seconds()
        (reserved,) = self.state.world.max(_MARGIN * expected)
        self.training_seconds = self.max_seconds - reserved

    def summary(self) -> str:
        """Return a message about what was reserved and what was used, once the last checkpoint is written."""
        seconds = self.state.elapsed_seconds()
        trained = seconds if self.ended_after is None else self.ended_after
        return (
            f"time limit {self.max_seconds:g} s: trained for {trained:.1f} s, then {seconds - trained:.1f} s for the "
            f"final evaluation and the last checkpoint ({self.reserved_seconds:.1f} s reserved); {seconds:.1f} s in all"
        )

    def _checkpoint_seconds(self) -> float:
        """Return how long a checkpoint takes; only the main process writes it."""
        if not self.state.world.is_main:
            return 0.0
        written = self.saver.writer.last_written
        if written is not None:
            return written.seconds
        return self.state.model.num_parameters() * _BYTES_PER_PARAMETER / _BYTES_PER_SECOND
