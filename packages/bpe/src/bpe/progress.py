"""The progress of long work, as one line on standard error."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TextIO

_SECONDS_BETWEEN = 0.2
_SECONDS_BETWEEN_LINES = 10.0  # in a log, where lines cannot be overwritten


def progress_line(label: str, done: int, total: int | None, seconds: float, unit: str = "bytes") -> str:
    """Describe `done` of `total` bytes, or of another unit, after some seconds; `total` is None if it is unknown.

    >>> progress_line("novels.txt", 25_000_000, 100_000_000, 5.0)
    'novels.txt  25.0/100.0 MB  25%  5.0 MB/s  0:15 left'
    >>> progress_line("merging", 8_000, 10_000, 2.0, "merges")
    'merging  8,000/10,000 merges  80%  4,000 merges/s  0:00 left'
    """
    name = "MB" if unit == "bytes" else unit
    of_total = f"/{_amount(total, unit)} {name}  {100 * done // total}%" if total else f" {name}"
    fields = [label, _amount(done, unit) + of_total]
    if done and seconds:
        fields.append(f"{_amount(done / seconds, unit)} {name}/s")
        if total:
            minutes, rest = divmod(round(seconds * max(total - done, 0) / done), 60)
            fields.append(f"{minutes}:{rest:02} left")
    return "  ".join(field for field in fields if field)


def _amount(number: float, unit: str) -> str:
    return f"{number / 1e6:.1f}" if unit == "bytes" else f"{number:,.0f}"


class Progress:
    """Shows the line of `progress_line` while a `with` block runs, at most a few times a second.

    At the end of the block a terminal keeps the last line; after an error the line is erased, so that the message is
    alone. If standard error is not a terminal, nothing is shown unless `shown` is True, and then as complete lines,
    rarely. Work that finishes before the first line is due shows nothing either, unless `shown` is True.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        *,
        unit: str = "bytes",
        shown: bool | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a display.

        Args:
            label: the beginning of the line.
            total: the total in bytes, or in another unit, if known.
            unit: the name of that unit.
            shown: whether to show anything; None means only on a terminal, and only if the work takes a while.
            stream: where to write, standard error by default.
            clock: returns seconds since some fixed time.
        """
        self._label = label
        self._total = total
        self._unit = unit
        self._stream: TextIO | None = sys.stderr if stream is None else stream  # None if there is no console
        self._is_terminal = self._stream is not None and self._stream.isatty()
        self._shown = self._is_terminal if shown is None else shown and self._stream is not None
        self._asked = shown is True
        self._drawn = False
        self._clock = clock
        self._start = self._last = clock()
        self.done = 0
        """The amount of finished work."""
        self._width = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._shown:
            return
        if kind is None:
            if self._asked or self._drawn:
                self._show()
                self._write("\n" if self._is_terminal else "")
        elif self._is_terminal:
            self._write("\r" + " " * self._width + "\r")

    def advance(self, amount: int) -> None:
        """Add to the amount of finished work, in bytes or in the unit."""
        self.done += amount
        between = _SECONDS_BETWEEN if self._is_terminal else _SECONDS_BETWEEN_LINES
        if self._shown and self._clock() - self._last >= between:
            self._show()

    def watch(self, chunks: Iterable[str]) -> Iterator[str]:
        """Yield the chunks of a text, and add the bytes of each when the next one is requested."""
        for chunk in chunks:
            yield chunk
            self.advance(len(chunk) if chunk.isascii() else len(chunk.encode()))

    def _show(self) -> None:
        self._last = self._clock()
        self._drawn = True
        line = progress_line(self._label, self.done, self._total, self._last - self._start, self._unit)
        if not self._is_terminal:
            self._write(line + "\n")
            return
        import shutil  # with modules for archives, which few programs need

        line = line[: shutil.get_terminal_size().columns - 1]  # a longer one would wrap and could not be overwritten
        self._write("\r" + line.ljust(self._width))
        self._width = len(line)

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(text)
        self._stream.flush()
