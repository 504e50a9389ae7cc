"""Training speed: tokens per second, and the fraction of the device's peak that they amount to (MFU).

The time is that of training steps alone: evaluations, checkpoints and samples are excluded.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Speed:
    """The speed since the last reading."""

    tokens_per_second: float
    """Over all devices; 0 if there was no step."""
    mfu: float | None
    """Model FLOPs utilization, 0 to 1; None if the peak or the FLOPs per token are not known."""


class Throughput:
    """Measures the speed of training between two readings.

    Model FLOPs utilization (Chowdhery et al. 2022, "PaLM", appendix B) is

        MFU = tokens/s × FLOPs per token / (devices × peak FLOP/s)

    where the FLOPs are those of the model's definition, forward and backward: recomputed activations do not count.

    Args:
        device: is synchronized when the clock is stopped or read, and only then.
        tokens: number of tokens processed before, for example in earlier sessions of the run.
        flops_per_token: of training, forward and backward, three times those of the forward pass; None if not known.
        peak_flops: of one device, in FLOP/s, at the precision of the matrix products; None if not known.
        num_devices: number of devices that process the tokens.
        clock: returns the time in seconds.

    Example::

        throughput = Throughput(device)
        for step in range(1, steps + 1):
            ...
            if step % log_interval == 0:
                speed = throughput.read(step * tokens_per_step)
            if step % eval_interval == 0:
                with throughput.excluded():
                    ...
    """

    def __init__(
        self,
        device: torch.device,
        *,
        tokens: int = 0,
        flops_per_token: float | None = None,
        peak_flops: float | None = None,
        num_devices: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._device = device
        self._tokens = tokens
        self._flops_per_token = flops_per_token
        self._peak_flops = None if peak_flops is None else num_devices * peak_flops
        self._clock = clock
        self._started = clock()

    @contextmanager
    def excluded(self) -> Iterator[None]:
        """Do not count the time spent in the `with` block."""
        synchronize(self._device)
        before = self._clock()
        try:
            yield
        finally:
            synchronize(self._device)
            self._started += self._clock() - before

    def read(self, tokens: int) -> Speed:
        """Return the speed since the last reading, or since the beginning.

        Args:
            tokens: number of tokens processed so far, over all devices, since the start of the run.
        """
        synchronize(self._device)
        now = self._clock()
        seconds, processed = now - self._started, tokens - self._tokens
        self._started, self._tokens = now, tokens
        per_second = processed / seconds if seconds > 0 else 0.0
        if self._peak_flops is None or self._flops_per_token is None:
            return Speed(per_second, None)
        return Speed(per_second, per_second * self._flops_per_token / self._peak_flops)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work in its queue; a CPU has no queue."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
