"""A training step of the leaderboard model with one setting changed at a time."""

import dataclasses
import gc
import time
from typing import Any

import torch
import yaml

from benchmarks.gpu.alternation import one_line
from benchmarks.gpu.request import Request, Row, Rows
from benchmarks.model.implementations.ours import step_of, train_config
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import Shape, find_shape
from benchmarks.model.weights import draw_tokens
from trainer import TrainConfig, build_train_state
from trainer.runtime import World

_USUAL = ("training.float8=on", "optimizer.name=muon", "model.attention=flex")
"""Tried where the setting exists. The option --variant adds others."""
_WARM_UP, _STEPS = 4, 12


def measure(request: Request) -> Rows:
    """Measure the configuration as it is, then each variant; the ratio is to the first of these."""
    setup, shape = Setup(request.device, request.mode), find_shape("leaderboard", quick=request.tiny)
    usual = train_config(shape, setup)
    base = _row("as it is", usual, shape, setup, tiny=request.tiny)
    yield base
    for setting in (*request.variants, *_USUAL):
        try:
            config = changed(usual, setting)
        except (TypeError, ValueError, AttributeError) as error:
            if setting in request.variants:
                yield {"case": setting, "failed": one_line(error)}
            continue
        row = _row(setting, config, shape, setup, tiny=request.tiny)
        if "ms" in row and "ms" in base:
            row["ratio"] = row["ms"] / base["ms"]
        yield row


def changed(config: TrainConfig, setting: str) -> TrainConfig:
    """Return a configuration with one setting changed, given as `group.key=value`.

    Raises:
        TypeError: there is no such key.
        AttributeError: there is no such group.
        ValueError: the value is refused, or the setting has another form.
    """
    name, _, value = setting.partition("=")
    group, _, key = name.partition(".")
    if not (group and key and value):
        raise ValueError(f"{setting!r} is not a setting: give GROUP.KEY=VALUE, such as training.compile=off")
    # Not as YAML 1.1, in which on and off are booleans, if the key takes words.
    new: Any = value if value in ("on", "off", "auto") else yaml.safe_load(value)
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **{key: new})})


def _row(case: str, config: TrainConfig, shape: Shape, setup: Setup, *, tiny: bool) -> Row:
    try:
        return {"case": case, **_step(config, shape, setup, steps=2 if tiny else _STEPS)}
    except Exception as error:
        return {"case": case, "failed": one_line(error)}
    finally:
        gc.collect()
        if setup.device == "cuda":
            torch.compiler.reset()  # each variant compiles the same functions again, which is limited
            torch.cuda.empty_cache()


def _step(config: TrainConfig, shape: Shape, setup: Setup, *, steps: int) -> Row:
    """Return the milliseconds of a step, the peak of memory, and the loss after the steps."""
    step = step_of(build_train_state(config, World(), torch.device(setup.device)))
    tokens = draw_tokens(shape, config.training.batch_size, shape.context_length + 1, seed=1).to(setup.device)
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    began = time.perf_counter()
    step(inputs, targets)
    setup.synchronize()
    row: Row = {"first_step_seconds": time.perf_counter() - began}
    for _ in range(_WARM_UP):
        step(inputs, targets)
    if setup.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    setup.synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        loss, _norm = step(inputs, targets)
    setup.synchronize()
    row["ms"] = 1e3 * (time.perf_counter() - began) / steps
    if setup.device == "cuda":
        row["GiB"] = torch.cuda.max_memory_allocated() / 2**30
    return {**row, "last_loss": float(loss)}
