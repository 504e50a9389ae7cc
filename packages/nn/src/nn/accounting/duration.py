"""How long computing takes."""

import math

SECONDS_PER_DAY = 86_400


def training_seconds(flops: float | int, peak_flops: float | int, mfu: float | int) -> float:
    """Return `flops / (mfu · peak_flops)`.

    Args:
        flops: the FLOPs to compute.
        peak_flops: the most FLOPs per second of the hardware, by its data sheet, for the dtype used.
        mfu: model FLOPs utilization, the fraction of it that training reaches (Chowdhery et al. 2022, arXiv:2204.02311,
            appendix B): 0.3 to 0.5 is common.

    Raises:
        ValueError: a number is out of range.

    >>> round(training_seconds(400_000 * 10_289_912_846_745_600, 19.5e12, 0.5) / SECONDS_PER_DAY)
    4886
    """
    if not 0 <= flops < math.inf:
        raise ValueError(f"flops is {flops}: give a number of at least 0")
    if not 0 < peak_flops < math.inf:
        raise ValueError(f"peak_flops is {peak_flops}: give the FLOPs per second of your hardware, such as 19.5e12")
    if not 0 < mfu <= 1:
        raise ValueError(f"mfu is {mfu}: give a fraction above 0 and at most 1, such as 0.5")
    return flops / (mfu * peak_flops)
