"""The losses of a run in bfloat16 against those in float32, on the same batches."""

import dataclasses
import importlib
from collections.abc import Callable
from statistics import fmean
from typing import Any

from benchmarks.gpu.request import NotMeasuredError, Request, Rows
from benchmarks.gpu.token_text import token_data, vocabulary
from benchmarks.model.implementations.ours import train_config
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from trainer import ScheduleConfig, TrainConfig

LossCurve = Callable[[TrainConfig, Any], list[float]]
_STEPS = 200
_LAST = 50
"""The losses of single batches scatter; the means of this many last ones are compared."""


def measure(request: Request) -> Rows:
    """Train the base model twice, from the same weights."""
    try:
        loss_curve: LossCurve = importlib.import_module("benchmarks.gpu.precision").loss_curve
    except ImportError:
        raise NotMeasuredError("benchmarks/gpu/precision.py is missing") from None
    shape = find_shape("base", quick=request.tiny)
    data = token_data(request)
    shape = dataclasses.replace(shape, vocab_size=vocabulary(data, shape.vocab_size))
    config = train_config(shape, Setup(request.device, request.mode))
    config = dataclasses.replace(
        config,
        data=data,
        schedule=ScheduleConfig(max_lr=5e-3, warmup_fraction=0.1),
        training=dataclasses.replace(config.training, steps=10 if request.tiny else _STEPS),
    )
    yield difference_of_losses(*(loss_curve(config, precision) for precision in ("float32", "bfloat16")))


def difference_of_losses(float32: list[float], bfloat16: list[float]) -> dict[str, Any]:
    """Return the row that compares the means of the last losses, and the largest difference at one step."""
    wide, narrow = fmean(float32[-_LAST:]), fmean(bfloat16[-_LAST:])
    return {
        "case": "bfloat16 against float32",
        "differs": abs(narrow - wide) / wide,
        "largest_at_a_step": max(abs(b - a) / a for a, b in zip(float32, bfloat16, strict=True)),
        "float32_loss": wide,
        "bfloat16_loss": narrow,
    }
