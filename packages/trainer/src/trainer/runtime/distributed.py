"""Several processes that train one model: what of torch.distributed a run needs, and nothing of our own.

A run is started by `torchrun`, which tells each process its place. Every process holds the same model (`ddp`), or its
share of each parameter (`fsdp`, Zhao et al. 2023, arXiv:2304.11277), and computes its rows of the global batch; the
mean of the gradients is that of the whole batch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from trainer.config import Parallel


class DistributedError(ValueError):
    """Processes that do not fit the configuration."""


@dataclass(frozen=True)
class World:
    """The processes of a run, and which of them this one is."""

    rank: int = 0
    """Place of this process, from 0."""
    size: int = 1
    """How many there are."""
    local_rank: int = 0
    """Place on this machine: the number of its GPU."""

    @property
    def is_main(self) -> bool:
        """Whether this process reports and saves."""
        return self.rank == 0

    def rows(self, batch_size: int, parts: int = 1) -> slice:
        """Return which rows of a global batch are this process's.

        Raises:
            DistributedError: the rows cannot be shared equally, or a share not be cut into equal parts.
        """
        if batch_size % (self.size * parts):
            cut = f", each in training.gradient_accumulation = {parts} parts" if parts > 1 else ""
            raise DistributedError(
                f"training.batch_size = {batch_size} cannot be shared by {self.size} processes{cut}: make it a multiple"
            )
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
            value /= self.size
        return value

    def total(self, *values: float) -> tuple[float, ...]:
        """Return the sum of each value over all processes, by the CPU."""
        return self._by_cpu(values, torch.distributed.ReduceOp.SUM)

    def agree(self, *values: float) -> tuple[float, ...]:
        """Return the largest of each value over all processes, by the CPU: no GPU is waited for."""
        return self._by_cpu(values, torch.distributed.ReduceOp.MAX)

    def _by_cpu(self, values: tuple[float, ...], operation: Any) -> tuple[float, ...]:
        if self.size == 1:
            return values
        together = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(together, operation)
        return tuple(together.tolist())

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def joined_world(parallel: Parallel, device: torch.device) -> Iterator[World]:
    """Join the other processes, if there are any, and leave them at the end.

    Raises:
        DistributedError: torchrun has started several processes, but the run is for one.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if parallel == "none":
        if size > 1:
            raise DistributedError(f"there are {size} processes, but training.parallel is none: give ddp or fsdp")
        yield World()
        return
    if "RANK" not in os.environ:
        raise DistributedError(
            f"training.parallel is {parallel}, but this process is alone: start it with "
            "torchrun --nproc-per-node N, or give --training.parallel none"
        )
    # Both back ends on a GPU: what the processes agree upon goes by the CPU.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        world = World(torch.distributed.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
        if device.type == "cuda":
            torch.cuda.set_device(world.local_rank)
        yield world
        world.wait()  # lest one take the connections away from another that is still at it
    finally:
        torch.distributed.destroy_process_group()


def distribute(loss: Module, blocks: list[Module], parallel: Parallel, device: torch.device, size: int) -> Module:
    """Make a module that computes the loss one that all processes compute together.

    Args:
        loss: maps inputs and targets to the mean loss; holds the model.
        blocks: parts of the model whose parameters are gathered and let go together, under fsdp.
        parallel: how.
        device: of the model.
        size: number of processes.
    """
    if parallel == "ddp":
        return DistributedDataParallel(loss, device_ids=[device.index] if device.type == "cuda" else None)
    if parallel == "fsdp":
        mesh = init_device_mesh(device.type, (size,))
        for block in blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(loss, mesh=mesh)  # in place
    return loss


@contextmanager
def without_exchange(module: object, *, last: bool) -> Iterator[None]:
    """Leave gradients where they are but in the last part of an accumulated batch: one exchange a step is enough."""
    if last:
        yield
    elif isinstance(module, DistributedDataParallel):
        with module.no_sync():
            yield
    elif isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            module.set_requires_gradient_sync(True)
    else:
        yield


def gathered(state: Any, *, keep: bool) -> Any:
    """Return state with each sharded tensor made whole; every process must call it, in the same order.

    What is one tensor under two names stays one.

    Args:
        state: a state_dict.
        keep: have the whole tensors, in the CPU's memory; else this process only helps to gather them, one by one, and
            none of what is returned may be used.
    """
    whole: dict[tuple[int, torch.Size], Tensor] = {}

    def gather(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, DTensor):
            return tensor
        place = (tensor.to_local().data_ptr(), tensor.shape)
        if place not in whole or not place[0]:
            gathered_tensor = tensor.full_tensor()
            whole[place] = gathered_tensor.cpu() if keep else tensor
        return whole[place]

    return _map_tensors(state, gather)


def shared_out(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor in the form of another: sharded as it is, or whole."""
    if isinstance(like, DTensor):
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
    return tensor


def without_numbers(tensor: Tensor) -> Tensor:
    """Return a sharded tensor's shape and dtype as a whole one on no device; other tensors as they are."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta") if isinstance(tensor, DTensor) else tensor


def _map_tensors(state: Any, function: Callable[[Tensor], Tensor]) -> Any:
    match state:
        case Tensor():
            return function(state)
        case dict():
            return {key: _map_tensors(value, function) for key, value in state.items()}
        case list() | tuple():
            return type(state)(_map_tensors(value, function) for value in state)
    return state
