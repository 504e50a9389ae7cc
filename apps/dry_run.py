"""What a run would be, without training: shapes, costs, data, and the time that a step takes here."""

import dataclasses
import os
import re
import time
from collections import Counter
from pathlib import Path

import torch
from torch.nn import Module

from nn.accounting import PrecisionScheme, count_parameters, training_flops, training_memory
from trainer import TrainConfig, TrainState, build_train_state, choose_device, train_step
from trainer.data import TrainingData
from trainer.data.fingerprint import fingerprint_file
from trainer.runtime import estimate_run_flops, why_not_compiled
from trainer.runtime.distributed import World


def print_dry_run(config: TrainConfig, data: TrainingData | None, texts: list[Path]) -> None:
    """Print it, after computing the gradient of one part of a batch, and one update.

    Args:
        config: the run.
        data: its token files, if they are there already.
        texts: files that the run would encode first.

    Raises:
        ValueError: what the configuration asks for cannot be done here.
    """
    model, training = config.model, config.training
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    World(size=processes).rows(training.batch_size, training.gradient_accumulation)
    part = training.batch_size // training.gradient_accumulation // processes
    device = choose_device(config.run.device)
    why_not = why_not_compiled(training.compile, device, estimate_run_flops(config, count_parameters(model).total))
    alone = dataclasses.replace(training, parallel="none", compile="off")
    state = build_train_state(dataclasses.replace(config, training=alone), World(), device)

    print(f"parameters: {count_parameters(model).total:,}")
    print("\n".join(_shapes(state.model)))
    flops = training_flops(model, training.batch_size).total
    tokens = training.batch_size * model.context_length
    print(f"batch: {training.batch_size} × {model.context_length} = {tokens:,} tokens, {part} sequences at once")
    print(f"tokens: {training.steps * tokens:,} in {training.steps:,} steps")
    print(f"FLOPs: {flops:.4g} a step, {training.steps * flops:.4g} in all")
    _print_memory(state, part, why_not)
    _print_time(state, part, why_not)
    _print_data(data, texts)


def _shapes(model: Module) -> list[str]:
    """Return a line for each kind of parameter, with those of all blocks together."""
    kinds = Counter((re.sub(r"\.\d+\.", ".*.", name), tuple(value.shape)) for name, value in model.named_parameters())
    longest = max(len(name) for name, _ in kinds)
    return [
        f"  {name:{longest}}  {' × '.join(map(str, shape))}{f'  ({count} of them)' if count > 1 else ''}"
        for (name, shape), count in kinds.items()
    ]


def _print_memory(state: TrainState, part: int, why_not: str | None) -> None:
    training = state.config.training
    precision: PrecisionScheme = "mixed" if state.matmul_format == "bfloat16" else "float32"
    needed = training_memory(
        state.config.model,
        part,
        optimizer=state.config.optimizer.name,
        precision=precision,
        compiled=why_not is None,
        accumulates=training.gradient_accumulation > 1,
        accelerator=state.device.type != "cpu",
    )
    how = "compiled" if why_not is None else f"not compiled: {why_not}"
    whole = ", were no parameter shared out" if training.parallel == "fsdp" else ""
    print(f"memory: about {needed.peak.total / 1e6:,.0f} MB for a step, {precision}{whole} ({how})")


def _print_time(state: TrainState, part: int, why_not: str | None) -> None:
    training = state.config.training
    seconds = _measure_step(state, part, 1)
    if training.gradient_accumulation > 1:  # each further microbatch takes as long as the second
        seconds += (training.gradient_accumulation - 1) * max(0.0, _measure_step(state, part, 2) - seconds)
    less = "; the run compiles, which should take less" if why_not is None else ""
    print(
        f"time: {seconds:.3g} s a step as measured here, not compiled, {_spoken(training.steps * seconds)} in all{less}"
    )
    if training.max_seconds is not None:
        print(f"time limit: {_spoken(training.max_seconds)}")


def _measure_step(state: TrainState, microbatch_size: int, num_microbatches: int) -> float:
    """Return the seconds of a step: the second one is measured, since the first is slower."""
    model, max_grad_norm = state.config.model, state.config.training.max_grad_norm
    ids = torch.randint(model.vocab_size, (num_microbatches * microbatch_size, model.context_length))
    ids = ids.to(state.device)
    seconds = 0.0
    for _ in range(2):
        started = time.perf_counter()
        train_step(
            state.loss,
            state.optimizer,
            ids,
            ids,
            learning_rate=0.0,
            gradient_accumulation=num_microbatches,
            max_grad_norm=max_grad_norm,
        )
        if state.device.type != "cpu":
            torch.accelerator.synchronize(state.device)
        seconds = time.perf_counter() - started
    return seconds


def _print_data(data: TrainingData | None, texts: list[Path]) -> None:
    for path in texts:
        print(f"data: {path}, {path.stat().st_size:,} bytes of text, which the run encodes first")
    for file in () if data is None else (*data.train_files, data.valid_file):
        known = fingerprint_file(file)
        print(f"data: {file.path}, {len(file.tokens):,} tokens, {known.method} {known.digest}")


def _spoken(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
