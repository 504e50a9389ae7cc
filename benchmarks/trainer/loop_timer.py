"""Times the steps of `trainer.train` and their parts, by wrapping functions of the trainer while it runs.

This is the only file of the benchmarks that uses more than the public names of the trainer: timing the parts of a step
needs the functions that the loop and the step call.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

import trainer.loop
import trainer.step
from trainer.loop import Loop
from trainer.run_report import RunReport

Parts = dict[str, float]
"""Seconds of one step: `plain` of the other loop's, `whole` of the trainer's, and those of its parts."""
_PREPARE_BATCH = (Loop, "_rows")
"""The method that returns the batch of a step."""
_METHODS = {"agreement": (Loop, "_signals"), "report": (RunReport, "step")}


class LoopTimer:
    """Times each step of the trainer's loop and its parts, and runs a step of another loop before each."""

    def __init__(self, other_step: Callable[[Tensor, Tensor], float]) -> None:
        """`other_step` takes a batch and returns its seconds."""
        self.steps: list[Parts] = []
        """The completed steps."""
        self._other_step = other_step
        self._current: Parts | None = None
        self._started = 0.0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Wrap the functions of the trainer in the block."""
        with ExitStack() as stack:
            for part, method in _METHODS.items():
                stack.enter_context(_wrapped(*method, partial(self._timed, part)))
            stack.enter_context(_wrapped(trainer.loop, "train_step", self._timed_step))
            stack.enter_context(_wrapped(*_PREPARE_BATCH, self._next_step))
            yield

    def _timed(self, part: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that records the seconds of a part of the step."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            result = original(*arguments, **keywords)
            if self._current is not None:
                self._current[part] = time.perf_counter() - start
            return result

        return timed

    def _timed_step(self, train_step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a training step that records the seconds until clipping is done, of the check, and of the update."""

        def timed(loss_function: Any, optimizer: Optimizer, *arguments: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            clipped = start

            def clip(original: Callable[..., Any]) -> Callable[..., Any]:
                def clip_and_note(*of_clip: Any) -> Any:
                    nonlocal clipped
                    norm = original(*of_clip)
                    clipped = time.perf_counter()
                    return norm

                return clip_and_note

            def update(original: Callable[..., Any]) -> Callable[..., Any]:
                def note_and_update() -> Any:
                    if self._current is not None:
                        self._current["gradients"] = clipped - start
                        self._current["check"] = time.perf_counter() - clipped
                    return self._timed("update", original)()

                return note_and_update

            with _wrapped(trainer.step, "clip_grad_norm", clip), _wrapped(optimizer, "step", update):
                return train_step(loss_function, optimizer, *arguments, **keywords)

        return timed

    def _next_step(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that ends the current step and begins the next one, then prepares its batch."""
        timed = self._timed("batch", prepare)

        def next_step(*arguments: Any) -> Any:
            if self._current is not None:
                self._current["whole"] = time.perf_counter() - self._started
                self.steps.append(self._current)
            self._current = {"plain": self._other_step(*prepare(*arguments))}
            self._started = time.perf_counter()
            return timed(*arguments)

        return next_step


@contextmanager
def _wrapped(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Replace an attribute by its wrapped function in the block."""
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
