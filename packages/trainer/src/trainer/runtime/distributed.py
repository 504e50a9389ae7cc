"""The processes of a run: how many there are, which rows of a batch each computes, and what they exchange.

A run on several processes is started by `torchrun`, which sets `RANK`, `WORLD_SIZE` and `LOCAL_RANK` in the environment
of each process. Every process computes its rows of the global batch; `trainer.runtime.sharding` averages the gradients.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed
from torch import Tensor

from trainer.config import Parallel


class DistributedError(ValueError):
    """The number of processes does not match the configuration."""


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

    def barrier(self) -> None:
        """Wait until every process has reached this point."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def process_group(parallel: Parallel, device: torch.device) -> Iterator[World]:
    """Initialize the process group of a run, if it has several processes, and destroy it at the end of the block.

    Raises:
        DistributedError: torchrun has started several processes, but `training.parallel` is none; or the reverse.
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
    # On a GPU both back ends: gradients go through NCCL, the values of World.sum and World.max through gloo.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        world = World(torch.distributed.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
        if device.type == "cuda":
            torch.cuda.set_device(world.local_rank)
        yield world
        world.barrier()  # so that no process closes connections that another one still uses
    finally:
        torch.distributed.destroy_process_group()
