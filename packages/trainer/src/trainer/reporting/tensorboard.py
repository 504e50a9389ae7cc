"""TensorBoard, for those who have it installed."""

import importlib.util
from pathlib import Path

from trainer.reporting.reporter import Metrics, Reporter, ReportingError


def check_tensorboard() -> None:
    """Refuse to report to TensorBoard where it is not installed.

    Raises:
        ReportingError: it is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ReportingError(
            "reporting.tensorboard is true, but the package tensorboard is not installed: "
            "install it (uv pip install tensorboard), or leave the option out"
        )


class TensorBoard(Reporter):
    """Writes event files that `tensorboard --logdir` shows.

    Args:
        directory: the folder for the event files.
        first_step: the steps that are done already; TensorBoard hides what an earlier session told of later ones.

    Raises:
        ReportingError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path, first_step: int) -> None:
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter  # here, since it needs the package

        purge_step = first_step + 1 if first_step else None
        self._writer = SummaryWriter(str(directory), purge_step=purge_step)

    def metrics(self, step: int, values: Metrics) -> None:
        """Write each figure."""
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)

    def sync(self) -> None:
        """Write out what is held back."""
        self._writer.flush()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the files are complete either way
        """Close the event file."""
        self._writer.close()
