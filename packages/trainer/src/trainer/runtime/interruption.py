"""Stopping on request: after Ctrl-C or SIGTERM a run finishes its step and saves; a second Ctrl-C ends it at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

INTERRUPTED_EXIT_CODE = 75
"""Exit code of a run that was asked to stop and has saved its state, so that a scheduler can resume it.

It is EX_TEMPFAIL of sysexits.h: try again later.
"""


class TrainingInterrupted(BaseException):
    """Training has stopped because the process was asked to; what was done so far is saved.

    Not a subclass of `Exception`, so that `except Exception` does not treat it as an error.
    """


class Interruption:
    """Records that the process was asked to stop, within a `with` block; the loop checks `requested`.

    The first SIGINT or SIGTERM sets `requested` to the name of the signal. A second SIGINT raises KeyboardInterrupt.
    Outside the main thread, where Python does not allow signal handlers, signals are handled as usual.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature of a handler
        if self.requested is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = signal.Signals(number).name
