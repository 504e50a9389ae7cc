"""The losses of a run in bfloat16 against those in float32 (on a GPU with TF32 products), on the same batches."""

import dataclasses
import importlib
from statistics import fmean

from benchmarks.gpu.request import NotMeasuredError, Request, Rows
from benchmarks.gpu.token_text import token_data, vocabulary
from benchmarks.model.implementations.ours import train_config
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from trainer import ScheduleConfig

_STEPS, _TINY_STEPS = 200, 40
_LAST = 50
"""The losses of single batches scatter; the means of this many last ones are shown."""


def measure(request: Request) -> Rows:
    """Train the base model twice, from the same weights."""
    try:
        precision = importlib.import_module("benchmarks.gpu.precision")
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
        training=dataclasses.replace(config.training, steps=_TINY_STEPS if request.tiny else _STEPS),
    )
    float32, bfloat16 = (precision.loss_curve(config, name) for name in ("float32", "bfloat16"))
    yield {
        "case": "bfloat16 against float32",
        "largest_gap_nats": precision.largest_gap(float32, bfloat16),
        "float32_last_loss": fmean(float32[-_LAST:]),
        "bfloat16_last_loss": fmean(bfloat16[-_LAST:]),
    }
