"""Reporting to TensorBoard, if it is installed."""

import importlib.util
from pathlib import Path

from trainer.reporting.reporter import Metrics, Reporter, ReportingError


def check_tensorboard() -> None:
    """Check that TensorBoard is installed.

    Raises:
        ReportingError: it is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ReportingError(
            "reporting.tensorboard is true, but the package tensorboard is not installed: "
            "install it (uv pip install tensorboard), or use --reporting.tensorboard false"
        )


class TensorBoard(Reporter):
    """Writes event files for `tensorboard --logdir`.

    Args:
        directory: the folder for the event files.
        first_step: number of steps done in earlier sessions; TensorBoard hides what these reported of later steps.

    Raises:
        ReportingError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path, first_step: int) -> None:
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter  # needs the package tensorboard

        purge_step = first_step + 1 if first_step else None
        self._writer = SummaryWriter(str(directory), purge_step=purge_step)

    def metrics(self, step: int, values: Metrics) -> None:
        """Write the metrics of a step."""
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)

    def sync(self) -> None:
        """Write buffered events to the file."""
        self._writer.flush()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the files are complete either way
        """Close the event file."""
        self._writer.close()
