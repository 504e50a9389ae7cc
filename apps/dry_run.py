"""What a run would be, without training: shapes, costs, data, and the time that a step takes here."""

import dataclasses
import re
import time
from collections import Counter
from pathlib import Path

import torch
from torch.nn import Module

from command import is_main_process
from nn.accounting import count_parameters, training_flops
from presets import cpu_preset_note
from step_memory import MEGABYTE, StepPlan, device_memory, readable_memory_errors, require_memory
from text_config import TextRunConfig
from text_data import token_files
from trainer import RunDirectory, TrainState, build_train_state, open_data, train_step
from trainer.data import TrainingData, fingerprint_file
from trainer.runtime import World


def print_dry_run(config: TextRunConfig, run: RunDirectory | None, preset: str | None) -> None:
    """Print it, after computing the gradient of one microbatch, and one update.

    Args:
        config: the run.
        run: its folder, if it exists already.
        preset: the file of `configs/` that it comes from, if the command line does not name one.

    Raises:
        ValueError: what the configuration asks for cannot be done here, such as for lack of memory.
    """
    if not is_main_process():
        return
    model, training = config.model, config.training
    if note := cpu_preset_note(config, preset):
        print(note)
    plan = require_memory(config)
    texts = [Path(text) for text in (config.data.train_text, config.data.valid_text) if text is not None and not run]
    files = config.data if run is None else token_files(config.data, run)
    corpus = None if run or config.data.has_files else config.data.corpus
    data = None if texts or corpus else open_data(files, model)

    print(f"parameters: {count_parameters(model).total:,}")
    alone = dataclasses.replace(training, parallel="none", compile="off")
    with readable_memory_errors():
        state = build_train_state(dataclasses.replace(config, training=alone), World(), plan.device)
    print("\n".join(_shapes(state.model)))
    if config.run.init_from is not None:
        print(f"initial weights: those of {config.run.init_from}")
    flops = training_flops(model, training.batch_size).total
    tokens = training.batch_size * model.context_length
    print(
        f"batch: {training.batch_size} × {model.context_length} = {tokens:,} tokens, "
        f"{plan.sequences_at_once} sequences at once"
    )
    rows = training.num_rows(training.steps)
    print(f"tokens: {rows * model.context_length:,} in {training.steps:,} steps")
    print(f"FLOPs: {flops:.4g} a step, {rows / training.batch_size * flops:.4g} in all")
    _print_memory(plan)
    _print_time(state, plan)
    if corpus is not None:
        print(f"data: {corpus} with {model.vocab_size:,} entries, which the run prepares first")
    _print_data(data, texts)


def _shapes(model: Module) -> list[str]:
    """Return a line for each kind of parameter, with those of all blocks together."""
    kinds = Counter((re.sub(r"\.\d+\.", ".*.", name), tuple(value.shape)) for name, value in model.named_parameters())
    longest = max(len(name) for name, _ in kinds)
    return [
        f"  {name:{longest}}  {' × '.join(map(str, shape))}{f'  ({count} of them)' if count > 1 else ''}"
        for (name, shape), count in kinds.items()
    ]


def _print_memory(plan: StepPlan) -> None:
    how = "compiled" if plan.why_not_compiled is None else f"not compiled: {plan.why_not_compiled}"
    sharding = ", if no parameter were sharded" if plan.config.training.parallel == "fsdp" else ""
    print(f"memory: about {plan.memory_bytes() / MEGABYTE:,.0f} MB for a step, {plan.precision}{sharding} ({how})")


def _print_time(state: TrainState, plan: StepPlan) -> None:
    training, memory = state.config.training, device_memory(plan.device)
    if memory is not None and plan.memory_bytes() > memory.available:
        print(f"time: not measured, since only {memory.available / MEGABYTE:,.0f} MB of memory are available now")
    else:
        with readable_memory_errors():
            seconds = _step_seconds(state, plan.sequences_at_once)
        less = "; the run is compiled, which should take less" if plan.why_not_compiled is None else ""
        in_all = _duration(training.num_rows(training.steps) / training.batch_size * seconds)
        print(f"time: {seconds:.3g} s a step as measured here, not compiled, {in_all} in all{less}")
    if training.max_seconds is not None:
        print(f"time limit: {_duration(training.max_seconds)}")


def _step_seconds(state: TrainState, microbatch_size: int) -> float:
    """Return the seconds of a step, by measuring one of one microbatch, and one of two if the run has more than one."""
    accumulation = state.config.training.gradient_accumulation
    seconds = _measure_step(state, microbatch_size, 1)
    if accumulation > 1:
        further = max(0.0, _measure_step(state, microbatch_size, 2) - seconds)
        seconds += (accumulation - 1) * further
    return seconds


def _measure_step(state: TrainState, microbatch_size: int, num_microbatches: int) -> float:
    """Return the seconds of a step: of the second one, since the first is slower."""
    model = state.config.model
    shape = (num_microbatches * microbatch_size, model.context_length)
    ids = torch.randint(model.vocab_size, shape, device=state.device)
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
            max_grad_norm=state.config.training.max_grad_norm,
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


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
