"""How much memory a computation takes at most: the allocator's own count, read from torch's profiler.

It counts every allocation of the CPU allocator, those inside kernels and compiled functions too, and nothing else: no
pages, no libraries. So it is the same in every run and on every busy machine, which a resident set size is not.
"""

import torch
from torch.profiler import ProfilerActivity, profile


def peak_bytes(compute):
    """Call it, and return the most bytes that were taken at a time beyond those that were there before."""
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
    """Return the most bytes in one training step, weights and the optimizer's own numbers included.

    It is the second step that counts, as the optimizer makes what it keeps in the first.
    """
    step()
    optimizer.zero_grad(set_to_none=True)
    kept = [*model.parameters()]
    kept += [value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
    return sum(tensor.nbytes for tensor in kept) + peak_bytes(step)
