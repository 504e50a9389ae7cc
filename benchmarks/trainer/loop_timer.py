"""Times the steps of `trainer.train` and their parts, by wrapping functions of the trainer while it runs.

This is the only file of the benchmarks that uses more than the public names of the trainer: timing the parts of a step
needs the functions that the loop calls.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor

from trainer.loop import Loop

Parts = dict[str, float]
"""Seconds of one step: `plain` of the other loop's, `whole` of the trainer's, and those of its parts."""
_PREPARE_BATCH = (Loop, "_prepare")
"""The method that returns the batch of a step."""
_METHODS = {"agreement": (Loop, "_agree"), "report": (Loop, "_report")}
_FUNCTIONS = {"gradients": "compute_gradients", "update": "apply_update"}
"""Functions of `trainer.step`, by the part of the step that they compute."""


class LoopTimer:
    """Times each step of the trainer's loop and its parts, and runs a step of another loop before each."""

    def __init__(self, other_step: Callable[[Tensor, Tensor], float]) -> None:
        """`other_step` takes a batch and returns its seconds."""
        self.steps: list[Parts] = []
        """The completed steps."""
        self._other_step = other_step
        self._current: Parts | None = None
        self._started = 0.0
        self._ended: dict[str, float] = {}
        self._rehearsed = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Wrap the functions of the trainer in the block."""
        wrapped = [(*method, part) for part, method in _METHODS.items()]
        for part, function in _FUNCTIONS.items():
            wrapped += [(module, function, part) for module in _modules_that_import(function)]
        with ExitStack() as stack:
            for owner, name, part in wrapped:
                stack.enter_context(_wrapped(owner, name, partial(self._timed, part)))
            stack.enter_context(_wrapped(*_PREPARE_BATCH, self._next_step))
            yield

    def _timed(self, part: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that records the seconds of a part of the step."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            if part == "update" and self._current is not None:
                self._current["check"] = start - self._ended["gradients"]
            result = original(*arguments, **keywords)
            self._ended[part] = time.perf_counter()
            if self._current is not None:
                self._current[part] = self._ended[part] - start
            return result

        return timed

    def _next_step(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that ends the current step and begins the next one, then prepares its batch."""
        timed = self._timed("batch", prepare)

        def next_step(*arguments: Any) -> Any:
            if not self._rehearsed:  # the trainer computes its first batch once before its first step
                self._rehearsed = True
                return prepare(*arguments)
            if self._current is not None:
                self._current["whole"] = time.perf_counter() - self._started
                self.steps.append(self._current)
            self._current = {"plain": self._other_step(*prepare(*arguments))}
            self._started = time.perf_counter()
            return timed(*arguments)

        return next_step


def _modules_that_import(function: str) -> list[Any]:
    """Return the modules of the trainer that have imported a function of `trainer.step`."""
    modules = [module for name, module in sys.modules.items() if name.startswith("trainer.") and name != "trainer.step"]
    return [module for module in modules if function in vars(module)]


@contextmanager
def _wrapped(owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Replace an attribute by its wrapped function in the block."""
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
