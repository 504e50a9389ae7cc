"""What a checkpoint costs: the seconds until it is on the disk, and those for which training waits.

Usage:
    checkpoints.py [--folder FOLDER] [--repeats 5] [--model.num_layers 12 …]

The model is the base model of TinyStories (22.7 million parameters), with the moments of AdamW; foreground and
background take turns, each after the same pause. FOLDER decides which disk is measured.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from nn import ModelConfig, TransformerLM
from optim import AdamW
from trainer import CheckpointConfig, CheckpointStore, CheckpointWriter, Progress, capture_rng, parse_config

_BASE = ModelConfig(vocab_size=10_000, context_length=256, d_model=512, num_layers=4, num_heads=16, d_ff=1344)


@dataclass(frozen=True)
class CheckpointBenchmark:
    """What is measured."""

    folder: str = tempfile.gettempdir()
    """The disk that is written to."""
    repeats: int = 5
    """Checkpoints each way; the median counts."""
    model: ModelConfig = field(default_factory=lambda: _BASE)
    """The model that is saved."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats is {self.repeats}: it must be at least 1")


@dataclass(frozen=True)
class Cost:
    """Medians over all repetitions."""

    way: str
    nbytes: int
    seconds: float
    stall_seconds: float


def main(arguments: Sequence[str]) -> int:
    """Measure and print; returns the exit code."""
    try:
        config, _ = parse_config(CheckpointBenchmark, arguments, description=__doc__ or "")
        costs = measure(config)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {costs[0].nbytes / 1e6:,.0f} MB a checkpoint")
    for cost in costs:
        print(f"{cost.way:22} {cost.seconds:7.3f} s on the disk, training waits {cost.stall_seconds:7.3f} s")
    return 0


def measure(config: CheckpointBenchmark) -> list[Cost]:
    """Return what checkpoints cost in the foreground, and in the background at first and afterwards."""
    model = TransformerLM(config.model, generator=torch.Generator().manual_seed(0))
    optimizer = AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    seen: dict[str, list[tuple[float, float]]] = {}
    nbytes = 0
    with tempfile.TemporaryDirectory(dir=config.folder) as folder:
        writers = {
            name: CheckpointWriter(CheckpointStore(Path(folder) / name, CheckpointConfig(1, 0, background)))
            for name, background in (("foreground", False), ("background", True))
        }
        for step in range(1, config.repeats + 2):  # the first copy in the background has to get its memory
            for name, writer in writers.items():
                time.sleep(0.2)
                writer.save(model, optimizer, Progress(step, rng=(capture_rng(),)))
                writer.wait()
                if (written := writer.last_written) is not None:
                    way = f"{name}, the first" if step == 1 else name
                    seen.setdefault(way, []).append((written.seconds, written.stall_seconds))
                    nbytes = written.nbytes
    return [
        Cost(way, nbytes, statistics.median(both[0] for both in pairs), statistics.median(both[1] for both in pairs))
        for way, pairs in seen.items()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
