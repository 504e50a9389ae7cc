"""How fast a run trains: tokens a second, and the share of the device's peak that this makes (MFU).

The time is that of training steps alone: evaluation, checkpoints and samples are left out.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Speed:
    """What was reached since the last reading."""

    tokens_per_second: float
    """Of all devices together; 0 if there was no step."""
    mfu: float | None
    """Model FLOPs utilization, 0 to 1; None where the peak or the FLOPs of a token are not known."""


class Throughput:
    """Counts tokens and the seconds that the steps took.

    Model FLOPs utilization (Chowdhery et al. 2022, "PaLM", appendix B) is

        MFU = tokens/s × FLOPs per token / (devices × peak FLOP/s)

    where the FLOPs are those that the model's definition needs, forward and backward: what is computed again to save
    memory does not count.

    Args:
        device: its queue of work is waited for whenever the clock is stopped or read, and only then.
        flops_per_token: of training, forward and backward, three times those of the forward pass; None: not known.
        peak_flops: of one device, a second, at the precision of the matrix products; None: not known.
        num_devices: how many share the tokens that are counted.
        clock: tells seconds.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        flops_per_token: float | None = None,
        peak_flops: float | None = None,
        num_devices: int = 1,
        tokens: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._device = device
        self._flops_per_token = flops_per_token
        self._peak_flops = None if peak_flops is None else num_devices * peak_flops
        self._clock = clock
        self._started = clock()
        self._tokens = tokens

    @contextmanager
    def excluded(self) -> Iterator[None]:
        """Leave the time of the block out."""
        synchronize(self._device)
        before = self._clock()
        try:
            yield
        finally:
            synchronize(self._device)
            self._started += self._clock() - before

    def read(self, tokens: int) -> Speed:
        """Return the speed since the last reading, or since the beginning, and start anew."""
        synchronize(self._device)
        now = self._clock()
        seconds, new_tokens = now - self._started, tokens - self._tokens
        self._started, self._tokens = now, tokens
        per_second = new_tokens / seconds if seconds > 0 else 0.0
        if self._peak_flops is None or self._flops_per_token is None:
            return Speed(per_second, None)
        return Speed(per_second, per_second * self._flops_per_token / self._peak_flops)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was given; a CPU always has."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
