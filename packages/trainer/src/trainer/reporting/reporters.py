"""All reporters of a run as one: files and console first, services that may fail last."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trainer.config import ReportingConfig, WandbConfig
from trainer.reporting.console import ConsoleAndLog
from trainer.reporting.isolation import BestEffort
from trainer.reporting.metrics_file import MetricsFile
from trainer.reporting.reporter import Metrics, Reporter
from trainer.reporting.tensorboard import TensorBoard, check_tensorboard
from trainer.reporting.wandb import WeightsAndBiases
from trainer.run.directory import RunDirectory


class Reporters(Reporter):
    """Reports to several reporters, and closes all of them, the last one first."""

    def __init__(self, reporters: list[Reporter]) -> None:
        self._reporters = reporters

    def metrics(self, step: int, values: Metrics) -> None:
        """Report the metrics of a step to all of them."""
        for reporter in self._reporters:
            reporter.metrics(step, values)

    def message(self, text: str) -> None:
        """Report a line of text to all of them."""
        for reporter in self._reporters:
            reporter.message(text)

    def sync(self) -> None:
        """Write everything reported so far to the disk."""
        for reporter in self._reporters:
            reporter.sync()

    def close(self, *, failed: bool) -> None:
        """Close all of them, even if closing one raises an error."""
        with ExitStack() as stack:
            for reporter in self._reporters:
                stack.callback(reporter.close, failed=failed)

    def abandon(self) -> None:
        """Abandon all of them."""
        with ExitStack() as stack:
            for reporter in self._reporters:
                stack.callback(reporter.abandon)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):  # a second Ctrl-C
            self.abandon()
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
    """Open everything that a run reports to: metrics.jsonl, the console with log.txt, and the configured services.

    If the files cannot be written, reporting raises OSError, and the run should stop. If a service fails, there is a
    warning, and the run continues without it.

    Args:
        run: the folder of the run.
        first_step: number of steps done in earlier sessions.
        num_steps: number of steps of the whole run.
        wandb: settings of Weights & Biases.
        reporting: settings of other services.
        run_config: the configuration to show with the run.

    Raises:
        ReportingError: TensorBoard is configured and not installed.
        OSError: metrics.jsonl or log.txt cannot be written.
    """
    if reporting.tensorboard:
        check_tensorboard()
    console = ConsoleAndLog(run.log, first_step, num_steps)
    try:
        reporters: list[Reporter] = [MetricsFile(run.metrics), console]
    except BaseException:
        console.close(failed=True)  # so that no progress bar remains
        raise
    if reporting.tensorboard:
        folder: Path = run.path / "tensorboard"
        reporters.append(BestEffort("TensorBoard", lambda: TensorBoard(folder, first_step), console.message))
    if wandb.mode != "disabled":
        reporters.append(
            BestEffort("Weights & Biases", lambda: WeightsAndBiases(wandb, run.path, run_config), console.message)
        )
    return Reporters(reporters)
