"""Rows of a training step, from the task `train` of `benchmarks.model`."""

from collections.abc import Sequence
from statistics import median

import torch

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.gpu.alternation import alternate
from benchmarks.gpu.request import Request, Row
from benchmarks.model.shapes import find_shape
from trainer.runtime import datasheet_peak_flops, device_name

_MATMUL = "best matrix product"


def training_rows(request: Request, shape: str, libraries: Sequence[str], *, rounds: int = 5) -> list[Row]:
    """Measure a training step of some libraries in turns, with the best matrix product.

    Args:
        request: where.
        shape: name of a shape of `benchmarks.model`.
        libraries: the first one is compared with the others.
        rounds: of a few steps each.

    Returns:
        A row for each library, one for the matrix product, and one for each ratio "first/other" of seconds.
    """
    cases = {name: request.case("train", name, shape=shape, steps=4, warm_up=3, lead_in=1) for name in libraries}
    cases[_MATMUL] = request.case("matmul", "matmul", size=128 if request.tiny else 8_192)
    outcomes = alternate(cases, request.rounds(rounds))
    best = outcomes.pop(_MATMUL)
    fastest = median_of(best.rounds, "flops_per_second")
    size = find_shape(shape, quick=request.tiny)
    tokens = size.batch[request.device] * size.context_length
    rows: list[Row] = []
    for name, outcome in outcomes.items():
        if outcome.failed is not None:
            rows.append({"case": name, "failed": outcome.failed})
            continue
        seconds = median_of(outcome.rounds, "seconds")
        row = {"case": name, "ms": 1e3 * seconds, "tokens_per_second": tokens / seconds}
        row |= utilization(tokens * size.flops_per_token / seconds, request.device)
        row["mfu_of_best_product"] = median(
            tokens * size.flops_per_token / one["seconds"] / other["flops_per_second"]
            for one, other in zip(outcome.rounds, best.rounds, strict=True)
        )
        row |= {"GiB": outcome.total["memory"] / 2**30, "first_loss": outcome.prepared["loss"]}
        rows.append(row)
    rows.append({"case": _MATMUL, "TFLOP_per_second": fastest / 1e12})
    first, *others = libraries
    for other in others:
        if outcomes[first].failed is None and outcomes[other].failed is None:
            ratio = median_ratio(outcomes[first].rounds, outcomes[other].rounds, "seconds")
            rows.append({"case": f"{first}/{other}", "ratio": ratio})
    return rows


def utilization(flops_per_second: float, device: str) -> dict[str, float]:
    """Return the MFU of the datasheet as `mfu`, or nothing for a device that is not in the table of datasheets."""
    peak = datasheet_peak_flops(device_name(torch.device(device)), "bfloat16")
    return {} if peak is None else {"mfu": flops_per_second / peak}
