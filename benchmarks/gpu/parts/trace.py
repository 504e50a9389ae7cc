"""A profile of training steps in their loop, with batches that are prepared meanwhile: idle time, kernels by time."""

import dataclasses
from collections.abc import Iterable

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined] # its usual place, though not listed
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.request import Request, Rows
from benchmarks.gpu.token_text import token_data
from benchmarks.model.implementations.ours import step_of, train_config
from benchmarks.model.setup import Setup
from benchmarks.model.shapes import find_shape
from trainer import build_train_state, open_data
from trainer.data import prefetched
from trainer.runtime import World

_WARM_UP, _STEPS, _KERNELS = 4, 4, 30
_TINY_VOCABULARY = 4_096


def measure(request: Request) -> Rows:
    """Profile steps of the leaderboard model; the trace is written to `trace.json`."""
    shape = find_shape("leaderboard", quick=request.tiny)
    if request.tiny:
        shape = dataclasses.replace(shape, vocab_size=_TINY_VOCABULARY)
    config = dataclasses.replace(train_config(shape, Setup(request.device, request.mode)), data=token_data(request))
    device = torch.device(request.device)
    state = build_train_state(config, World(), device)
    step = step_of(state)
    batches = open_data(config.data, config.model).batches(
        seed=0, batch_size=config.training.batch_size, context_length=config.model.context_length
    )
    on_gpu = request.device == "cuda"
    with prefetched(batches.rows, range(1, _WARM_UP + _STEPS + 1), device) as prepared:
        for _ in range(_WARM_UP):
            step(*next(prepared))
        if on_gpu:
            torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiled:
            for _ in range(_STEPS):
                step(*next(prepared))
            if on_gpu:
                torch.cuda.synchronize()
    profiled.export_chrome_trace(str(request.path / "trace.json"))
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    events = [event for event in profiled.events() or () if event.device_type == kind]
    # Annotations, such as that of a whole update, span several kernels.
    events = [event for event in events if not getattr(event, "is_user_annotation", False)]
    if on_gpu:
        busy, idle, longest = gaps((event.time_range.start, event.time_range.end) for event in events)
        shares = {
            "idle": idle / (busy + idle),
            "idle_ms_per_step": idle / _STEPS / 1e3,
            "longest_gap_ms": longest / 1e3,
        }
        yield {"case": "device", **shares}
    else:
        yield {"case": "device", "skipped": "no GPU"}
    spent: dict[str, tuple[float, int]] = {}
    for event in events:
        own = event.time_range.elapsed_us() if on_gpu else event.self_cpu_time_total
        microseconds, count = spent.get(event.name, (0.0, 0))
        spent[event.name] = (microseconds + own, count + 1)
    for name, (microseconds, count) in sorted(spent.items(), key=lambda item: -item[1][0])[:_KERNELS]:
        yield {"case": name[:120], "ms": microseconds / _STEPS / 1e3, "launches": count / _STEPS}


def gaps(intervals: Iterable[tuple[float, float]]) -> tuple[float, float, float]:
    """Return for how long at least one interval covers the time, for how long none does, and the longest such gap.

    The time is that from the first start to the last end.

    >>> gaps([(5, 6), (0, 2), (1, 3)])
    (4, 2, 2)
    """
    busy: float = 0
    idle: float = 0
    longest: float = 0
    reached: float | None = None
    for start, end in sorted(intervals):
        gap = 0 if reached is None else max(0, start - reached)
        idle, longest = idle + gap, max(longest, gap)
        busy += max(0, end - max(start, start if reached is None else reached))
        reached = end if reached is None else max(reached, end)
    return busy, idle, longest
