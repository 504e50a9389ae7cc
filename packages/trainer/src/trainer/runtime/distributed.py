"""The processes of a run: how many there are, which rows of a batch each computes, and what they exchange.

A run on several processes is started by `torchrun`, which sets `RANK`, `WORLD_SIZE` and `LOCAL_RANK` in the environment
of each process, or by another launcher that does. Every process computes its rows of the global batch;
`trainer.runtime.sharding` averages the gradients.
"""

import ctypes
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed
from torch import Tensor

from trainer.config import Parallel

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

_LOST = ("gloo/transport", "Timed out waiting", "Connection closed by peer", "Connection reset by peer")
"""In the messages of errors that gloo raises as plain RuntimeError."""


class DistributedError(ValueError):
    """The processes do not fit the configuration, or each other."""


class LostProcessError(ConnectionError):
    """Another process has ended, or has not answered for `training.collective_timeout` seconds."""


@dataclass(frozen=True)
class World:
    """The processes of a run, and which of them this one is."""

    rank: int = 0
    """Number of this process, from 0."""
    size: int = 1
    """Number of processes."""
    local_rank: int = 0
    """Number of this process on its machine, which is the index of its GPU."""

    @property
    def is_main(self) -> bool:
        """Whether this process reports and saves."""
        return self.rank == 0

    def rows(self, batch_size: int, num_microbatches: int = 1) -> slice:
        """Return which rows of a global batch this process computes.

        Raises:
            DistributedError: the batch cannot be divided into equal microbatches for each process.
        """
        if batch_size % (self.size * num_microbatches):
            accumulation = f" x training.gradient_accumulation = {num_microbatches}" if num_microbatches > 1 else ""
            raise DistributedError(
                f"training.batch_size = {batch_size} is not divisible by {self.size} processes{accumulation}: "
                f"use a multiple of {self.size * num_microbatches}"
            )
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes; the tensor itself is overwritten."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
            value /= self.size
        return value

    def sum(self, *values: float) -> tuple[float, ...]:
        """Return the sum of each value over all processes, exchanged between CPUs."""
        return self._all_reduce(values, torch.distributed.ReduceOp.SUM)

    def max(self, *values: float) -> tuple[float, ...]:
        """Return the maximum of each value over all processes, exchanged between CPUs: no GPU is waited for."""
        return self._all_reduce(values, torch.distributed.ReduceOp.MAX)

    def _all_reduce(self, values: tuple[float, ...], operation: Any) -> tuple[float, ...]:
        if self.size == 1:
            return values
        reduced = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(reduced, operation)
        return tuple(reduced.tolist())

    def require_same(self, settings: Mapping[str, object]) -> None:
        """Refuse to train with processes that would compute different things, and never notice.

        Args:
            settings: what must be equal in all processes, by name; each value must be picklable.

        Raises:
            DistributedError: a setting differs; the message names the first one.
        """
        if self.size == 1:
            return
        everyone: list[Mapping[str, object]] = [{}] * self.size
        torch.distributed.all_gather_object(everyone, settings)
        for rank, others in enumerate(everyone):
            for name, value in everyone[0].items():
                if others.get(name) != value:
                    raise DistributedError(
                        f"process 0 has {name}: {value}, but process {rank} has {others.get(name)}: start all "
                        "with the same command and the same code, and with run.directory on storage that they share"
                    )

    def barrier(self) -> None:
        """Wait until every process has reached this point."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def process_group(parallel: Parallel, device: torch.device, timeout: float = 600.0) -> Iterator[World]:
    """Initialize the process group of a run, if it has several processes, and destroy it at the end of the block.

    Args:
        parallel: `training.parallel`.
        device: of the run.
        timeout: seconds after which a process that waits for another one gives up.

    Raises:
        DistributedError: torchrun has started several processes, but `training.parallel` is none; or the reverse.
        LostProcessError: another process has ended or does not answer.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if parallel == "none":
        if size > 1:
            raise DistributedError(
                f"torchrun has started {size} processes, but training.parallel is none: use ddp or fsdp"
            )
        yield World()
        return
    if "RANK" not in os.environ:
        raise DistributedError(
            f"training.parallel is {parallel}, but this process was not started by torchrun: start it with "
            "torchrun --nproc-per-node N, or use --training.parallel none"
        )
    stop_with_torchrun()
    with _readable_connection_errors(timeout):
        # On a GPU both back ends: gradients go through NCCL, the values of World.sum and World.max through gloo.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        torch.distributed.init_process_group(backend, timeout=timedelta(seconds=timeout))
        try:
            world = World(torch.distributed.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
            if device.type == "cuda":
                torch.cuda.set_device(world.local_rank)
            yield world
            world.barrier()  # so that no process closes connections that another one still uses
        finally:
            torch.distributed.destroy_process_group()


def stop_with_torchrun() -> None:
    """Let the system send SIGTERM to this process when the torchrun that has started it is killed.

    Otherwise it would train on, together with the processes of the other machines, and nothing could stop it or would
    restart it. Only on Linux; elsewhere nothing happens.
    """
    if sys.platform == "linux" and "TORCHELASTIC_RUN_ID" in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def _readable_connection_errors(timeout: float) -> Iterator[None]:
    """Raise a LostProcessError instead of the errors of the back ends."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if not isinstance(error, torch.distributed.DistError) and not any(part in text for part in _LOST):
            raise
        cause = re.sub(r"^\[\S+\] ", "", text.partition("\n")[0]).partition(". This is typically")[0]
        raise LostProcessError(
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} has lost the others: one has ended, and its "
            f"own messages say why, or has not answered for {timeout:g} s (training.collective_timeout); "
            f"start all of them again with --resume auto ({cause})"
        ) from error
