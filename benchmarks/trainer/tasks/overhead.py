"""The training loop of `trainer.train` compared with a minimal loop: alternating steps on the same batches.

Whenever the trainer asks for the batch of its next step, the minimal loop first takes a step on that batch. The time of
the trainer's step is that from there until it asks for the next batch, so that it includes everything that the trainer
does.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.trainer.loop_timer import LoopTimer
from benchmarks.trainer.token_files import write_tokens
from benchmarks.trainer.trained_model import model_config
from nn import TransformerLM
from optim import clip_grad_norm
from trainer import (
    DataConfig,
    RunConfig,
    RunDirectory,
    ScheduleConfig,
    TrainConfig,
    TrainingConfig,
    make_optimizer,
    open_data,
    train,
)

_TOKENS = 10_000_000
_NEVER = 10**9


def overhead(request: Mapping[str, Any]) -> dict[str, Any]:
    """Train with both loops; return the seconds of each pair of steps and the final difference of the weights."""
    config = _write_data_and_configure(request)
    run = RunDirectory(Path(config.run.directory))
    run.path.mkdir()
    plain = PlainLoop(config)
    timer = LoopTimer(plain.step)
    with timer.installed():
        trained = train(config, run, open_data(config.data, config.model)).model
    pairs = zip(trained.parameters(), plain.model.parameters(), strict=True)
    with torch.no_grad():
        differs_by = max(float((one - other).abs().max()) for one, other in pairs)
    return {"steps": timer.steps[1:], "differs_by": differs_by}


def _write_data_and_configure(request: Mapping[str, Any]) -> TrainConfig:
    folder = Path(request["scratch"])
    model = model_config(request["quick"])
    write_tokens(folder / "train.bin", 20_000 if request["quick"] else _TOKENS, model.vocab_size, seed=0)
    write_tokens(folder / "valid.bin", 20 * model.context_length, model.vocab_size, seed=1)
    return TrainConfig(
        model=model,
        data=DataConfig(str(folder / "train.bin"), str(folder / "valid.bin")),
        schedule=ScheduleConfig(shape="constant", warmup_fraction=0.0),
        training=TrainingConfig(
            steps=request["steps"] + 2,  # the first step is untypical, and the end of the last one cannot be observed
            batch_size=request["batch_size"],
            log_interval=1,
            eval_batches=1,
            eval_interval=_NEVER,
            checkpoint_interval=_NEVER,
            compile="off",
        ),
        run=RunConfig(directory=str(folder / "run"), device="cpu"),
    )


class PlainLoop:
    """The minimal training step, with the model, the optimizer and the clipping that the trainer uses."""

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
