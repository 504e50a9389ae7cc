"""Where a run tells of itself: metrics.jsonl (the truth), the console and log.txt, Weights & Biases."""

import json
import math
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.config import WandbConfig


class ReportingError(ValueError):
    """A place to report to that cannot be used."""


Metrics = dict[str, float | int]


class Reporter(Protocol):
    """Something that metrics and messages are told to."""

    def metrics(self, step: int, values: Metrics) -> None:
        """Take the figures of a step."""

    def message(self, text: str) -> None:
        """Take a line for people."""

    def close(self, *, failed: bool) -> None:
        """Finish, after an error or not; nothing comes after this."""


class MetricsFile:
    """Appends one JSON object a line to `metrics.jsonl`, each written through at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def metrics(self, step: int, values: Metrics) -> None:
        """Append a line."""
        # JSON knows no infinity: a perplexity beyond all floats becomes null.
        known = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self._file.write(json.dumps({"step": step, **known}, allow_nan=False) + "\n")
        self._file.flush()

    def message(self, text: str) -> None:
        """Leave messages to the log."""

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the file is complete either way
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a `metrics.jsonl`, without a last line that was cut short."""
    entries = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries


class ConsoleAndLog:
    """A progress bar on the terminal, and messages there and in `log.txt`."""

    def __init__(self, log_path: Path, first_step: int, num_steps: int, console: Console | None = None) -> None:
        self._log = log_path.open("a", encoding="utf-8")
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("training", total=num_steps, completed=first_step, figures="")
        self._progress.start()

    def metrics(self, step: int, values: Metrics) -> None:
        """Move the bar."""
        if "train_loss" in values:
            figures = f"loss {values['train_loss']:.3f}  {values['tokens_per_second']:,.0f} tokens/s"
            self._progress.update(self._task, figures=figures)
        self._progress.update(self._task, completed=step)

    def message(self, text: str) -> None:
        """Print a line above the bar, and append it to the log with the time of day."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        self._log.flush()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the error itself is told elsewhere
        """Stop the bar and close the log."""
        self._progress.stop()
        self._log.close()


class WeightsAndBiases:
    """Sends metrics to Weights & Biases, or keeps them in the run's folder to be synced later."""

    def __init__(self, config: WandbConfig, directory: Path, run_config: dict[str, Any]) -> None:
        import wandb  # here, since it takes a second to import and most runs do without

        try:
            self._run = wandb.init(
                project=config.project,
                name=directory.name,
                dir=str(directory),
                config=run_config,
                mode=config.mode,
                settings=wandb.Settings(silent=True),
            )
        except wandb.Error as error:
            raise ReportingError(
                f"Weights & Biases cannot be used ({error}): log in with `wandb login`, or give --wandb.mode offline"
            ) from None

    def metrics(self, step: int, values: Metrics) -> None:
        """Log the figures."""
        self._run.log(dict(values), step=step)

    def message(self, text: str) -> None:
        """Leave messages to the log."""

    def close(self, *, failed: bool) -> None:
        """Finish the run, marked as failed after an error."""
        self._run.finish(exit_code=1 if failed else 0)


class Reporters:
    """Tells several reporters at once, and closes them all."""

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with ExitStack() as stack:  # which closes the others though one of them fails
            for reporter in reversed(self._reporters):
                stack.callback(reporter.close, failed=error is not None)
