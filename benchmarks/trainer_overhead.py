"""The loop of `trainer.train` against one written by hand: in one process, a step of each in turn.

The trainer runs as it always does. Whenever it asks for the batch of its next step, the plain loop takes a step on that
batch first; the trainer's step is the time from there until it asks again, so that nothing it does is left out.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nn import TransformerLM
from optim import clip_grad_norm
from trainer import (
    DataConfig,
    RunConfig,
    RunDirectory,
    ScheduleConfig,
    TrainConfig,
    TrainingConfig,
    loop,
    make_optimizer,
    open_data,
    train,
)
from trainer_model import model_config
from trainer_tokens import write_tokens

_TOKENS = 10_000_000
_NEVER = 10**9
Parts = dict[str, float]
"""Seconds of one step: `plain` of the plain loop's, `whole` of the trainer's, and those of its parts."""


def overhead(request: Mapping[str, Any]) -> dict[str, Any]:
    """Train both ways at once; tells the seconds of `steps` pairs, and by how much the weights differ in the end."""
    folder = Path(request["scratch"])
    model = model_config(request["quick"])
    write_tokens(folder / "train.bin", 20_000 if request["quick"] else _TOKENS, model.vocab_size, seed=0)
    write_tokens(folder / "valid.bin", 20 * model.context_length, model.vocab_size, seed=1)
    config = TrainConfig(
        model=model,
        data=DataConfig(str(folder / "train.bin"), str(folder / "valid.bin")),
        schedule=ScheduleConfig(shape="constant", warmup_fraction=0.0),
        training=TrainingConfig(
            steps=request["steps"] + 2,  # the first is none like the others, and the last one's end is not seen
            batch_size=request["batch_size"],
            log_interval=1,
            eval_batches=1,
            eval_interval=_NEVER,
            checkpoint_interval=_NEVER,
            compile="off",
        ),
        run=RunConfig(directory=str(folder / "run"), device="cpu"),
    )
    run = RunDirectory(Path(config.run.directory))
    run.path.mkdir()
    plain = PlainLoop(config)
    watch = Watch(plain.step)
    with watch.watching():
        trained = train(config, run, open_data(config.data, config.model)).model
    pairs = zip(trained.parameters(), plain.model.parameters(), strict=True)
    with torch.no_grad():
        differs_by = max(float((one - other).abs().max()) for one, other in pairs)
    return {"steps": watch.steps[1:], "differs_by": differs_by}


class PlainLoop:
    """What a step needs at least: model, optimizer and clipping of the trainer's classes, and nothing else."""

    def __init__(self, config: TrainConfig) -> None:
        self.model = TransformerLM(config.model, generator=torch.Generator().manual_seed(config.run.seed))
        self._optimizer = make_optimizer(config.optimizer, self.model)
        for group in self._optimizer.param_groups:
            group["lr"] = config.schedule.max_lr
        self._max_grad_norm = config.training.max_grad_norm or float("inf")

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """Take a step and return its seconds."""
        start = time.perf_counter()
        self._optimizer.zero_grad()
        self.model.loss(inputs, targets).backward()  # type: ignore[no-untyped-call]
        clip_grad_norm(self.model.parameters(), self._max_grad_norm)
        self._optimizer.step()
        return time.perf_counter() - start


class Watch:
    """Times a step of the trainer's loop and its parts, and lets the other loop take its step between two of them."""

    def __init__(self, other: Callable[[Tensor, Tensor], float]) -> None:
        self.steps: list[Parts] = []
        self._other = other
        self._now: Parts | None = None
        """The step that is going on."""
        self._started = 0.0
        self._ended: dict[str, float] = {}
        self._rehearsed = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the loop's functions for ones that are timed."""
        timed: list[tuple[Any, str, str]] = [(loop.Loop, "_agree", "agreement"), (loop.Loop, "_report", "report")]
        for function, part in (("compute_gradients", "gradients"), ("apply_update", "update")):
            timed += [(module, function, part) for module in _modules_that_use(function)]
        with ExitStack() as stack:
            for owner, function, part in timed:
                stack.enter_context(_replaced(owner, function, partial(self._timed, part)))
            stack.enter_context(_replaced(loop.Loop, "_prepare", self._next_step))
            yield

    def _timed(self, part: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            if part == "update" and self._now is not None:
                self._now["check"] = start - self._ended["gradients"]
            result = original(*arguments, **keywords)
            self._ended[part] = time.perf_counter()
            if self._now is not None:
                self._now[part] = self._ended[part] - start
            return result

        return timed

    def _next_step(self, prepare: Callable[..., Any]) -> Callable[..., Any]:
        """Return what is called when the loop asks for a batch: a step ends and another one begins."""
        timed = self._timed("batch", prepare)

        def next_step(*arguments: Any) -> Any:
            if not self._rehearsed:  # the loop computes its first batch once before it begins
                self._rehearsed = True
                return prepare(*arguments)
            if self._now is not None:
                self._now["whole"] = time.perf_counter() - self._started
                self.steps.append(self._now)
            self._now = {"plain": self._other(*prepare(*arguments))}
            self._started = time.perf_counter()
            return timed(*arguments)

        return next_step


def _modules_that_use(function: str) -> list[Any]:
    """Return the modules of the trainer that have imported a function of `trainer.step`."""
    found = [module for name, module in sys.modules.items() if name.startswith("trainer.") and name != "trainer.step"]
    return [module for module in found if hasattr(module, function)]


@contextmanager
def _replaced(owner: Any, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Put another function in the place of one."""
    original = getattr(owner, name)
    setattr(owner, name, change(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
