"""A training step of whole models, and the share of the machine's best matrix product that it reaches."""

from statistics import median

import torch

from benchmarks.common.resident_workers import Outcome
from benchmarks.common.workers import WorkerError
from benchmarks.model.implementations import nanochat
from benchmarks.model.sections.agreement import agree
from benchmarks.model.sections.first_steps import add_first_steps
from benchmarks.model.settings import OTHER_MODEL, TRAINED, Row, Settings, distance, measured
from trainer.runtime import datasheet_peak_flops, device_name

_MATMUL_SIZE = {"cpu": 2_048, "cuda": 8_192}


def train(settings: Settings) -> Row:
    """Measure a training step of each shape, eager and compiled."""
    agreement, rows = [], []
    for device in settings.devices:
        for shape in settings.shapes_on(device):
            agreement += agree(settings, device, shape)
            for mode in settings.modes_of(shape):
                rows += train_shape(settings, device, shape, mode)
    add_first_steps(settings, rows)
    return {"agreement": agreement, "rows": rows}


def train_shape(settings: Settings, device: str, name: str, mode: str) -> list[Row]:
    """Measure a training step of all libraries for one shape; ours is the reference.

    Raises:
        WorkerError: the matrix product, which all rows are related to, could not be measured.
    """
    size = 128 if settings.quick else _MATMUL_SIZE[device]
    cases: list[Row] = [{"task": "matmul", "library": "matmul", "mode": mode, "size": size}]
    cases += [{"library": library, "mode": mode, "shape": name} for library in TRAINED[device]]
    matmul, *outcomes = settings.measure(device, "train", cases)
    if matmul.failed is not None:
        raise WorkerError(matmul.failed)
    shape = settings.shape(name)
    tokens = shape.batch[device] * shape.context_length
    peak = datasheet_peak_flops(device_name(torch.device(device)), "bfloat16")
    rows = []
    for library, outcome in zip(TRAINED[device], outcomes, strict=True):
        row: Row = {"device": device, "shape": name, "mode": mode, "library": library, "tokens": tokens}
        row |= measured(outcome, outcomes[0])
        if outcome.failed is None:
            row["tokens_per_second"] = tokens / row["seconds"]
            row["mfu"] = _utilization(tokens * shape.flops_per_token, outcome, matmul)
            if peak is not None:
                row["datasheet_mfu"] = shape.flops_per_token * row["tokens_per_second"] / peak
            row["matmul_flops_per_second"] = median(answer["flops_per_second"] for answer in matmul.rounds)
            if library == OTHER_MODEL:
                row["parameters"] = nanochat.num_parameters(shape)
            elif outcomes[0].failed is None:
                row["first_step_differs_by"] = distance(outcomes[0].prepared, outcome.prepared)
        rows.append(row)
    return rows


def _utilization(flops: int, outcome: Outcome, matmul: Outcome) -> float:
    """Return the median share of the speed of the matrix product of the same round."""
    return median(
        flops / answer["seconds"] / best["flops_per_second"]
        for answer, best in zip(outcome.rounds, matmul.rounds, strict=True)
    )
