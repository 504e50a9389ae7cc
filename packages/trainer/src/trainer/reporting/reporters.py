"""Everything that a run tells of itself to, as one: what must not be lost first, what may fail last."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trainer.config import ReportingConfig, WandbConfig
from trainer.reporting.console import ConsoleAndLog
from trainer.reporting.isolation import BestEffort
from trainer.reporting.metrics_file import MetricsFile, read_metrics
from trainer.reporting.reporter import Metrics, Reporter, ReportingError
from trainer.reporting.tensorboard import TensorBoard, check_tensorboard
from trainer.reporting.wandb import WeightsAndBiases
from trainer.run.directory import RunDirectory

__all__ = [
    "BestEffort",
    "ConsoleAndLog",
    "Metrics",
    "MetricsFile",
    "Reporter",
    "Reporters",
    "ReportingError",
    "TensorBoard",
    "WeightsAndBiases",
    "make_reporters",
    "read_metrics",
]


class Reporters(Reporter):
    """Tells several reporters at once, and closes them all, the last one first."""

    def __init__(self, reporters: list[Reporter]) -> None:
        self._reporters = reporters

    def metrics(self, step: int, values: Metrics) -> None:
        """Tell all of them."""
        for reporter in self._reporters:
            reporter.metrics(step, values)

    def message(self, text: str) -> None:
        """Tell all of them."""
        for reporter in self._reporters:
            reporter.message(text)

    def sync(self) -> None:
        """Make sure that what was told so far survives a power cut."""
        for reporter in self._reporters:
            reporter.sync()

    def close(self, *, failed: bool) -> None:
        """Close all of them, even if some cannot be closed."""
        with ExitStack() as stack:
            for reporter in self._reporters:
                stack.callback(reporter.close, failed=failed)

    def leave(self) -> None:
        """Leave all of them."""
        with ExitStack() as stack:
            for reporter in self._reporters:
                stack.callback(reporter.leave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):  # a second Ctrl-C
            self.leave()
        else:
            self.close(failed=error is not None)


def make_reporters(
    run: RunDirectory,
    first_step: int,
    num_steps: int,
    *,
    wandb: WandbConfig,
    reporting: ReportingConfig,
    run_config: dict[str, Any],
) -> Reporters:
    """Open all that a run reports to: metrics.jsonl, console and log.txt, and what the configuration asks for.

    The first two must work: where the disk is full, telling them raises OSError, and the run should stop. The others
    are left out with a warning once they fail.

    Args:
        run: the run's folder.
        first_step: the steps that are done already.
        num_steps: all steps.
        wandb: Weights & Biases, or not.
        reporting: what else.
        run_config: the configuration to show with the run.

    Raises:
        ReportingError: TensorBoard is asked for and not installed.
        OSError: metrics.jsonl or log.txt cannot be written.
    """
    if reporting.tensorboard:
        check_tensorboard()
    console = ConsoleAndLog(run.log, first_step, num_steps)
    try:
        reporters: list[Reporter] = [MetricsFile(run.metrics), console]
    except BaseException:
        console.close(failed=True)  # lest half a bar stay
        raise
    if reporting.tensorboard:
        folder: Path = run.path / "tensorboard"
        reporters.append(BestEffort("TensorBoard", lambda: TensorBoard(folder, first_step), console.message))
    if wandb.mode != "disabled":
        reporters.append(
            BestEffort("Weights & Biases", lambda: WeightsAndBiases(wandb, run.path, run_config), console.message)
        )
    return Reporters(reporters)
