"""Batches prepared and copied to an accelerator while it computes on earlier ones."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from types import TracebackType

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]
_Ready = tuple[Tensors, torch.cuda.Event | None]


@contextmanager
def prefetched(
    prepare: Callable[[int], Tensors], steps: Iterable[int], device: torch.device, *, depth: int = 2
) -> Iterator[Iterator[Tensors]]:
    """Return an iterator over the batch of each step, on the device, for the length of a `with` block.

    On a CPU each batch is prepared when it is asked for, since a thread would compete with the model for cores;
    elsewhere a `Prefetcher` prepares them in advance.

    Args:
        prepare: returns the tensors of a step, on the CPU. It may be called in another thread.
        steps: in order; they are consumed one by one and may be endless.
        device: where the tensors are placed.
        depth: how many batches a thread may prepare in advance.
    """
    if device.type == "cpu":
        yield map(prepare, steps)
        return
    with Prefetcher(prepare, steps, device, depth=depth) as batches:
        yield batches


class Prefetcher:
    """Yields the batch of each step, on the device and in order; a thread prepares the next ones.

    On a GPU the thread also pins their memory and copies them in a stream of its own, so that neither the loop nor the
    device waits for them. There is nothing to save in a checkpoint: a batch follows from its step, and those that were
    prepared but not used are prepared again.

    An error in preparing a batch is raised where that batch is asked for. At the end of the `with` block, however it is
    left, the thread has ended.

    Example::

        with Prefetcher(batches.rows, range(1, steps + 1), device) as prefetcher:
            for inputs, targets in prefetcher:
                ...
    """

    def __init__(
        self,
        prepare: Callable[[int], Tensors],
        steps: Iterable[int],
        device: torch.device,
        *,
        depth: int = 2,
    ) -> None:
        """Start the thread.

        Args:
            prepare: returns the tensors of a step, on the CPU; it is called in the thread.
            steps: in order; they are consumed one by one and may be endless.
            device: where the tensors are placed.
            depth: how many batches may be ready or in preparation.

        Raises:
            ValueError: `depth` is less than 1.
        """
        if depth < 1:
            raise ValueError(f"depth is {depth}: it must be at least 1")
        self._prepare = prepare
        self._steps = iter(steps)
        self._device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # The current device is a property of a thread, so "cuda" alone could be another GPU in the new one.
            self._device = torch.device("cuda", torch.cuda.current_device() if device.index is None else device.index)
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._pending: deque[Future[_Ready]] = deque()
        for step in islice(self._steps, depth):
            self._pending.append(self._pool.submit(self._make, step))

    def __enter__(self) -> "Prefetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Tensors]:
        return self

    def __next__(self) -> Tensors:
        if not self._pending:
            raise StopIteration
        tensors, copied = self._pending.popleft().result()
        for step in islice(self._steps, 1):
            self._pending.append(self._pool.submit(self._make, step))
        if copied is not None:  # the current stream waits for the copies; this thread does not
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(copied)
            for tensor in tensors:
                tensor.record_stream(stream)  # so that its memory is not reused while that stream reads it
        return tensors

    def close(self) -> None:
        """Finish the batch in preparation, start no other, and end the thread. May be called twice."""
        self._steps = iter(())
        self._pending.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, step: int) -> _Ready:
        tensors = self._prepare(step)
        if self._stream is None:
            return tuple(tensor.to(self._device) for tensor in tensors), None
        with torch.cuda.stream(self._stream):
            # PyTorch does not reuse pinned memory before the copies out of it are complete.
            copies = tuple(tensor.pin_memory().to(self._device, non_blocking=True) for tensor in tensors)
            return copies, self._stream.record_event()
