"""Copies of tensors in the CPU's memory, which do not change while training continues.

The memory is reused: the next copy of the same tensors allocates nothing. For tensors on a GPU it is pinned, and the
copy is queued in the current stream, before later updates of the tensors; it is complete when `wait` returns.
"""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from trainer.checkpoints.writing import Contents


class Snapshots:
    """Memory for one copy of the tensors of a checkpoint; each `take` overwrites the copy of the last."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, str], Tensor] = {}
        self._copied: list[torch.Event] = []

    def take(self, contents: Contents) -> Contents:
        """Return the contents with a copy of each tensor, which is complete when `wait` has returned."""
        devices: set[torch.device] = set()
        copied = dataclasses.replace(
            contents,
            model_tensors=self._copy("model", contents.model_tensors, devices),
            optimizer_tensors=self._copy("optimizer", contents.optimizer_tensors, devices),
        )
        self._copied = []
        for device in devices:
            event = torch.Event(device)
            event.record(torch.accelerator.current_stream(device))
            self._copied.append(event)
        return copied

    def wait(self) -> None:
        """Wait until the copies of the last `take` are complete; may be called from any thread."""
        for event in self._copied:
            event.synchronize()

    @torch.no_grad()
    def _copy(self, owner: str, tensors: Mapping[str, Tensor], devices: set[torch.device]) -> dict[str, Tensor]:
        copies = {}
        for name, tensor in tensors.items():
            buffer = self._buffers.get((owner, name))
            if buffer is None or buffer.shape != tensor.shape or buffer.dtype != tensor.dtype:
                pinned = tensor.device.type == "cuda"
                buffer = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
                self._buffers[owner, name] = buffer
            buffer.copy_(tensor, non_blocking=buffer.is_pinned())
            if tensor.device.type == "cuda":
                devices.add(tensor.device)
            copies[name] = buffer
        return copies
