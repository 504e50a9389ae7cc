"""Models on several processes: replicated (DDP) or sharded (FSDP), and conversion between sharded and full tensors.

`ddp` keeps the whole model in every process; `fsdp` keeps a shard of each parameter (Zhao et al. 2023,
arXiv:2304.11277). Both average the gradients over the processes, so that an update is that of the global batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from trainer.config import Parallel


def distribute(loss: Module, blocks: list[Module], parallel: Parallel, device: torch.device, size: int) -> Module:
    """Return a module that computes the loss and averages gradients over all processes.

    Args:
        loss: maps inputs and targets to the mean loss; contains the model. With fsdp its parameters are sharded in
            place.
        blocks: submodules whose parameters are gathered and released together, with fsdp.
        parallel: none, ddp or fsdp.
        device: of the model.
        size: number of processes.
    """
    if parallel == "ddp":
        return DistributedDataParallel(loss, device_ids=[device.index] if device.type == "cuda" else None)
    if parallel == "fsdp":
        mesh = init_device_mesh(device.type, (size,))
        for block in blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(loss, mesh=mesh)
    return loss


@contextmanager
def no_sync(module: object) -> Iterator[None]:
    """Accumulate gradients in each process without averaging them, for all microbatches of a step but the last.

    Args:
        module: what `distribute` returned; nothing happens if it runs on one process.
    """
    if isinstance(module, DistributedDataParallel):
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


def reshard(module: Module) -> None:
    """Free the full parameters that FSDP keeps after a forward pass for the backward pass.

    Call it after an evaluation, which has no backward pass: otherwise the next step would use them, and its update
    would not be seen by the step after it.
    """
    if isinstance(module, FSDPModule):
        module.reshard()


def full_state_dict(state: Any, *, keep: bool) -> Any:
    """Return a state_dict with each sharded tensor replaced by the full one; a tied tensor stays a single tensor.

    Every process must call this, with the same keys in the same order.

    Args:
        state: of a model or an optimizer.
        keep: return full tensors, in the CPU's memory. Otherwise this process only contributes its shards, to one
            tensor after the other, and the result must not be used.
    """
    full: dict[tuple[int, torch.Size], Tensor] = {}

    def gather(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, DTensor):
            return tensor
        identity = (tensor.to_local().data_ptr(), tensor.shape)
        if identity not in full or not identity[0]:  # an empty shard has the address 0
            gathered = tensor.full_tensor()
            full[identity] = gathered.cpu() if keep else tensor
        return full[identity]

    return _map_tensors(state, gather)


def shard_like(tensor: Tensor, reference: Tensor) -> Tensor:
    """Return a full tensor sharded as `reference` is and on its device, or the tensor itself if that is not sharded.

    Every process must have the same full tensor: each takes its shard of its own, without communication.
    """
    if isinstance(reference, DTensor):
        return distribute_tensor(
            tensor.to(reference.device), reference.device_mesh, reference.placements, src_data_rank=None
        )
    return tensor


def local_shard(tensor: Tensor) -> Tensor:
    """Return this process's shard of a sharded tensor; other tensors are returned as they are."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _map_tensors(state: Any, function: Callable[[Tensor], Tensor]) -> Any:
    match state:
        case Tensor():
            return function(state)
        case dict():
            return {key: _map_tensors(value, function) for key, value in state.items()}
        case list() | tuple():
            return type(state)(_map_tensors(value, function) for value in state)
    return state
