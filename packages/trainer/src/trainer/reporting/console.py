"""The console, with a progress bar where it is a terminal, and log.txt."""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.reporting.append_file import AppendFile
from trainer.reporting.reporter import Metrics, Reporter

_SECONDS_BETWEEN_LINES = 10.0


class ConsoleAndLog(Reporter):
    """Prints metrics on the console, and messages on the console and in `log.txt`.

    On a terminal the metrics are shown next to a progress bar. Elsewhere (a file, a batch system) they are printed as a
    line, at most every ten seconds, and at the last step. If the console is closed, such as the other end of a pipe,
    the run continues, and so does the log.

    Args:
        log_path: the log file, which is appended to.
        first_step: number of steps done in earlier sessions.
        num_steps: number of steps of the whole run.
        console: where to print; standard output by default.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        log_path: Path,
        first_step: int,
        num_steps: int,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = AppendFile(log_path)
        self._console = console or Console()
        self._num_steps = num_steps
        self._clock = clock
        self._last_line = float("-inf")
        self._closed = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("training", total=num_steps, completed=first_step, metrics="")
        self._progress.start()

    def metrics(self, step: int, values: Metrics) -> None:
        """Advance the progress bar, or print a line if the last one was long enough ago."""
        line = format_metrics(values)
        if not self._console.is_terminal:
            if line and (step == self._num_steps or self._clock() - self._last_line >= _SECONDS_BETWEEN_LINES):
                self._last_line = self._clock()
                self._print(f"step {step:,}/{self._num_steps:,}  {line}")
        elif line:
            self._progress.update(self._task, completed=step, metrics=line)
        else:
            self._progress.update(self._task, completed=step)

    def message(self, text: str) -> None:
        """Print a line above the progress bar, and append it to the log with date and time.

        Raises:
            OSError: the log cannot be written.
        """
        self._print(text)
        self._append(text)

    def sync(self) -> None:
        """Write the log to the disk."""
        self._log.sync()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the error is reported elsewhere
        """Stop the progress bar and close the log."""
        try:
            self._progress.stop()
        except (OSError, SystemExit):
            pass
        finally:
            self._log.close()

    def _append(self, text: str) -> None:
        self._log.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _print(self, text: str) -> None:
        if self._closed:
            return
        # Characters that the console cannot print, such as non-ASCII ones with LANG=C, are escaped.
        printable = text.encode(self._console.encoding, "backslashreplace").decode(self._console.encoding)
        try:
            self._console.print(printable, markup=False, highlight=False, soft_wrap=True)
        except (OSError, SystemExit) as error:  # rich raises SystemExit at a broken pipe
            self._closed = True
            self._append(f"the console is closed ({error or type(error).__name__}): messages continue in this log only")


def format_metrics(values: Metrics) -> str:
    """Return the metrics of a training step as a line of text; an empty string for those of an evaluation.

    >>> format_metrics({"train_loss": 2.5, "tokens_per_second": 1234.0, "mfu": 0.4137})
    'loss 2.500  1,234 tokens/s  MFU 41.4 %'
    >>> format_metrics({"train_loss": 2.5, "mfu": None, "memory_bytes": 3 << 30})
    'loss 2.500  MFU n/a  3.0 GiB'
    """
    if "train_loss" not in values:
        return ""
    loss = values["train_loss"]
    parts = [f"loss {loss:.3f}" if loss is not None else "loss n/a"]
    if (speed := values.get("tokens_per_second")) is not None:
        parts.append(f"{speed:,.0f} tokens/s")
    if "mfu" in values:
        mfu = values["mfu"]
        parts.append(f"MFU {100 * mfu:.1f} %" if mfu is not None else "MFU n/a")
    if (rate := values.get("learning_rate")) is not None:
        parts.append(f"rate {rate:.2e}")
    if (norm := values.get("grad_norm")) is not None:
        parts.append(f"norm {norm:.2f}")
    if (memory := values.get("memory_bytes")) is not None:
        parts.append(f"{memory / 2**30:.1f} GiB")
    if skipped := values.get("skipped_steps"):
        parts.append(f"{skipped} skipped")
    return "  ".join(parts)
