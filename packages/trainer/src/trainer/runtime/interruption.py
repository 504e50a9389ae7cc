"""Being asked to stop: Ctrl-C and SIGTERM let the step finish and be saved; a second Ctrl-C leaves at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

INTERRUPTED_EXIT_CODE = 75
"""How a run ends that was asked to stop and has saved itself, so that a scheduler can tell it from a failure.

It is EX_TEMPFAIL of sysexits.h: try again later.
"""


class TrainingInterrupted(BaseException):
    """Training has stopped because it was asked to, and is saved as far as it has come.

    Not an `Exception`, so that no handler of errors takes it for one.
    """


class Interruption:
    """Notes that the process was asked to stop, while it is open; the loop looks when it is ready to.

    With the first SIGINT or SIGTERM `requested` becomes the signal's name. A second SIGINT raises KeyboardInterrupt
    where the program stands. Outside the main thread, where Python allows no handlers, nothing is caught.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 signal's own signature
        if self.requested is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = signal.Signals(number).name
