"""What the trainer costs beside the model: the time around each step, and how fast batches are made.

Usage:
    trainer_costs.py [--steps 12] [--batch_size 16] [--batches 2000] [--json FILE] [--model.num_layers 12 …]

A real run of the base model on random tokens, told of at every step, as often as can be; what happens between one
update and the gradients of the next is the cost. `checkpoints.py` measures what checkpoints cost.
"""

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nn import ModelConfig
from trainer import (
    DataConfig,
    RunConfig,
    RunDirectory,
    TrainConfig,
    TrainingConfig,
    loop,
    open_data,
    parse_config,
    train,
)
from trainer.config import DataOrder

_TOKENS = 10_000_000


@dataclass(frozen=True)
class TrainerBenchmark:
    """What is measured."""

    steps: int = 12
    """Training steps, the first of which does not count."""
    batch_size: int = 16
    """Sequences a step."""
    batches: int = 2_000
    """Batches of the loader alone."""
    json: str | None = None
    """Where the figures go besides."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The model that is trained."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "batches"):
            least = 3 if name == "steps" else 1
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least {least}")


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    try:
        config, _ = parse_config(TrainerBenchmark, arguments, description=__doc__ or "")
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(config, Path(folder))
        if config.json is not None:
            Path(config.json).write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {config.batch_size}")
    print(f"a step takes {figures['step_seconds']:.3f} s, of which {figures['around_seconds'] * 1e3:.2f} ms", end=" ")
    print(f"({figures['around_share']:.2%}) are not gradients and update")
    print(f"loader: {figures['loader_tokens_per_second']:,.0f} tokens/s in random order", end=", ")
    print(f"{figures['epoch_tokens_per_second']:,.0f} in epochs")
    return 0


def measure(config: TrainerBenchmark, folder: Path) -> dict[str, float]:
    """Return the figures."""
    vocab_size, context_length = config.model.vocab_size, config.model.context_length
    for name, count in (("train", _TOKENS), ("valid", 20 * context_length)):
        ids = np.random.default_rng(0).integers(0, vocab_size, count).astype("<u4")
        ids.tofile(folder / f"{name}.bin")
        (folder / f"{name}.bin.json").write_text(json.dumps({"dtype": "uint32", "count": count}))
    run_config = TrainConfig(
        model=config.model,
        data=DataConfig(str(folder / "train.bin"), str(folder / "valid.bin")),
        training=TrainingConfig(
            steps=config.steps,
            batch_size=config.batch_size,
            log_interval=1,
            eval_batches=1,
            eval_interval=10**9,
            checkpoint_interval=10**9,
            compile="off",
        ),
        run=RunConfig(directory=str(folder / "run"), device="cpu"),
    )
    around, steps = _time_around_steps(run_config)
    figures = {"step_seconds": steps, "around_seconds": around, "around_share": around / steps}
    names: dict[DataOrder, str] = {"random": "loader_tokens_per_second", "epoch": "epoch_tokens_per_second"}
    for order, name in names.items():
        data = open_data(dataclasses.replace(run_config.data, order=order), config.model)
        batches = data.batches(seed=0, batch_size=config.batch_size, context_length=context_length)
        started = time.perf_counter()
        for step in range(1, config.batches + 1):
            batches.rows(step)
        seconds = time.perf_counter() - started
        figures[name] = config.batches * config.batch_size * context_length / seconds
    return figures


def _time_around_steps(config: TrainConfig) -> tuple[float, float]:
    """Return the mean time between an update and the gradients of the next step, and that of a whole step."""
    path = Path(config.run.directory)
    path.mkdir()
    began: list[float] = []
    ended: list[float] = []
    with _timed("compute_gradients", before=began), _timed("apply_update", after=ended):
        train(config, RunDirectory(path), open_data(config.data, config.model))
    between = [start - end for start, end in zip(began[2:], ended[1:], strict=False)]
    return sum(between) / len(between), (began[-1] - began[1]) / (len(began) - 2)


@contextmanager
def _timed(name: str, *, before: list[float] | None = None, after: list[float] | None = None) -> Iterator[None]:
    """Note when a function of the loop is called, or when it returns."""
    original: Callable[..., Any] = getattr(loop, name)

    def watched(*arguments: Any, **keywords: Any) -> Any:
        if before is not None:
            before.append(time.perf_counter())
        result = original(*arguments, **keywords)
        if after is not None:
            after.append(time.perf_counter())
        return result

    setattr(loop, name, watched)
    try:
        yield
    finally:
        setattr(loop, name, original)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
