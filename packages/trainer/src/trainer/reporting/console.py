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
    """Figures on the console, and messages there and in `log.txt`.

    On a terminal the figures stand beside a progress bar; elsewhere (a file, a batch system) they are a line of their
    own, once in ten seconds at most, and at the last step. A console that is gone, such as a closed pipe, does not stop
    a run: the log goes on.

    Args:
        log_path: the log, which is appended to.
        first_step: the steps that are done already.
        num_steps: all steps.
        console: where to print; the process' own output if not given.
        clock: tells seconds.
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
        self._lost = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("training", total=num_steps, completed=first_step, figures="")
        self._progress.start()

    def metrics(self, step: int, values: Metrics) -> None:
        """Move the bar, or print a line if the last one is long enough ago."""
        figures = describe_figures(values)
        if not self._console.is_terminal:
            if figures and (step == self._num_steps or self._clock() - self._last_line >= _SECONDS_BETWEEN_LINES):
                self._last_line = self._clock()
                self._print(f"step {step:,}/{self._num_steps:,}  {figures}")
        elif figures:
            self._progress.update(self._task, completed=step, figures=figures)
        else:
            self._progress.update(self._task, completed=step)

    def message(self, text: str) -> None:
        """Print a line above the bar, and append it to the log with the time of day.

        Raises:
            OSError: the log cannot be written.
        """
        self._print(text)
        self._note(text)

    def sync(self) -> None:
        """Make sure that the log so far survives a power cut."""
        self._log.sync()

    def close(self, *, failed: bool) -> None:  # noqa: ARG002 the error itself is told elsewhere
        """Stop the bar and close the log."""
        try:
            self._progress.stop()
        except (OSError, SystemExit):
            pass
        finally:
            self._log.close()

    def _note(self, text: str) -> None:
        self._log.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _print(self, text: str) -> None:
        if self._lost:
            return
        # A console of few characters, such as that of LANG=C, gets what it can print.
        printable = text.encode(self._console.encoding, "backslashreplace").decode(self._console.encoding)
        try:
            self._console.print(printable, markup=False, highlight=False, soft_wrap=True)
        except (OSError, SystemExit) as error:  # rich leaves the program at a broken pipe
            self._lost = True
            self._note(f"the console is gone ({error or type(error).__name__}): this log goes on without it")


def describe_figures(values: Metrics) -> str:
    """Return the figures of a training step as people read them; nothing for those of an evaluation.

    >>> describe_figures({"train_loss": 2.5, "tokens_per_second": 1234.0, "mfu": 0.4137})
    'loss 2.500  1,234 tokens/s  MFU 41.4 %'
    >>> describe_figures({"train_loss": 2.5, "mfu": None, "memory_bytes": 3 << 30})
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
