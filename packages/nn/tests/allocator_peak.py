"""The peak memory of a computation, counted by the allocator and read from torch's profiler.

It counts every allocation of the CPU allocator, including those inside kernels and compiled functions, and nothing
else. So, unlike a resident set size, it is the same in every run on every machine.
"""

import torch
from torch.profiler import ProfilerActivity, profile


def peak_bytes(compute):
    """Call `compute` and return the most bytes allocated at a time, besides those allocated before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        compute()
    changes = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        now += change.nbytes()
        most = max(most, now)
    assert changes
    return most


def training_peak(step, model, optimizer):
    """Return the most bytes in one training step, including weights and the optimizer's state.

    The second step is measured, since the optimizer allocates its state in the first.
    """
    step()
    optimizer.zero_grad(set_to_none=True)
    kept = [*model.parameters()]
    kept += [value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
    return sum(tensor.nbytes for tensor in kept) + peak_bytes(step)
