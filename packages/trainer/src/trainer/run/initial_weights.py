"""Initial weights that were given to a run, instead of random ones: copied into its folder, with where they came from.

They are stored as a checkpoint of the model alone. So a run can be started again, and resumed, when their source is
gone, and every process reads what was verified when the run was created.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from torch.nn import Module

from trainer.checkpoints.errors import CheckpointError
from trainer.checkpoints.format import Progress, shorten
from trainer.checkpoints.reading import open_checkpoint
from trainer.checkpoints.writing import contents_of, write_checkpoint
from trainer.run.directory import RunDirectory


@dataclass(frozen=True)
class WeightsSource:
    """Where the initial weights of a run came from."""

    path: str
    """The checkpoint, folder or file that they were read from."""
    step: int | None = None
    """The step of the checkpoint; None if it is not a checkpoint of a run."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files with the weights, by name."""
    changes: tuple[str, ...] = ()
    """Where the configuration of the model differs from that of the source."""

    def describe(self) -> str:
        """Return a sentence for the log."""
        step = "" if self.step is None else f", trained for {self.step:,} steps"
        hashes = ", ".join(f"{name} {sha256[:12]}…" for name, sha256 in self.sha256.items())
        changes = f"; {'; '.join(self.changes)}" if self.changes else ""
        return f"initial weights from {self.path}{step} (SHA-256 of {hashes}){changes}"


def save_initial_weights(model: Module, run: RunDirectory, source: WeightsSource) -> None:
    """Store the weights of a model as those that a new run starts from.

    Raises:
        CheckpointWriteError: they cannot be written.
    """
    extras = {**asdict(source), "changes": list(source.changes)}
    write_checkpoint(run.initial_weights, contents_of(model, None, Progress(0, extras=extras)))


def restore_initial_weights(model: Module, run: RunDirectory) -> WeightsSource | None:
    """Fill a model with the initial weights that a run was given; parameters may be sharded, if every process calls it.

    Returns:
        Where they came from; None if the run was given none, and the model is unchanged.

    Raises:
        CheckpointError: they are damaged, or belong to another model.
    """
    if not run.initial_weights.exists():
        return None
    extras = open_checkpoint(run.initial_weights).restore(model).extras
    try:
        return WeightsSource(**{**extras, "changes": tuple(extras.get("changes", ()))})
    except TypeError as error:
        raise CheckpointError(
            f"{run.initial_weights} does not say where the weights came from ({shorten(str(error))}): start a new run"
        ) from None
