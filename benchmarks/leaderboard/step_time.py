"""The worker that compares the time of a training step of two configurations, in turns in one process."""

import json
import sys
import time
from statistics import median
from typing import Any

import torch

from benchmarks.leaderboard.changes import Options
from benchmarks.leaderboard.training import EQUAL_STEPS, as_arguments
from text_config import TextRunConfig
from trainer import TrainState, build_train_state, parse_config, train_step
from trainer.runtime import World

_SEQUENCES_PER_TURN = 8
_TURNS = 9


def measure(request: dict[str, Any]) -> tuple[float, float]:
    """Return how long a step of the changed configuration takes, relative to the unchanged one, and that in seconds."""
    reference: Options = {"config": request["config"], **EQUAL_STEPS}
    device, options = torch.device(request["device"]), request["options"]
    states = [_state(reference, device), _state(reference | options, device)]
    times = [[_seconds_per_step(state) for state in states] for _ in range(_TURNS + 1)][1:]
    return median(changed / unchanged for unchanged, changed in times), median(unchanged for unchanged, _ in times)


def _state(options: Options, device: torch.device) -> TrainState:
    config, _ = parse_config(TextRunConfig, as_arguments(options))
    return build_train_state(config, World(), device)


def _seconds_per_step(state: TrainState) -> float:
    config = state.config
    steps = max(1, _SEQUENCES_PER_TURN // config.training.batch_size)
    shape = (config.training.batch_size, config.model.context_length)
    ids = torch.randint(config.model.vocab_size, shape, device=state.device)
    started = time.perf_counter()
    for _ in range(steps):
        train_step(
            state.loss,
            state.optimizer,
            ids,
            ids,
            learning_rate=1e-4,
            gradient_accumulation=config.training.gradient_accumulation,
            max_grad_norm=config.training.max_grad_norm,
        )
    if state.device.type != "cpu":
        torch.accelerator.synchronize(state.device)
    return (time.perf_counter() - started) / steps


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
