"""Batches made ready while the device is busy with the ones before."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]
_Ready = tuple[Tensors, torch.cuda.Event | None]


class Prefetcher:
    """Yields the batch of each step, on the device, in order.

    For a GPU a thread of its own prepares the next batches, pins their memory and copies them in a stream of their own,
    so that neither the loop nor the device waits for them. On a CPU there is nobody to wait: the batch is made when it
    is asked for, since a thread would only take a core from the model. Either way there is nothing to save: batches
    follow from their step, and those that were made ahead in vain are made again.

    An error in preparing a batch is raised where that batch is asked for. Leave the `with` block, however it ends, and
    the thread is gone.
    """

    def __init__(
        self,
        prepare: Callable[[int], Tensors],
        steps: Iterable[int],
        device: torch.device,
        *,
        depth: int = 2,
        threaded: bool | None = None,
    ) -> None:
        """Begin.

        Args:
            prepare: returns the tensors of a step, on the CPU; is called in another thread if `threaded`.
            steps: which, in order; they are taken one by one and may be endless.
            device: where the tensors go.
            depth: how many batches may be ready or in the making.
            threaded: whether a thread works ahead; None means on anything but a CPU.

        Raises:
            ValueError: `depth` is not positive.
        """
        if depth < 1:
            raise ValueError(f"depth is {depth}: it must be at least 1")
        self._prepare = prepare
        self._steps = iter(steps)
        self._device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            # Each thread has a current device of its own, so that "cuda" alone might be another one over there.
            self._device = torch.device("cuda", torch.cuda.current_device() if device.index is None else device.index)
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[_Ready]] = deque()
        if device.type != "cpu" if threaded is None else threaded:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
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
        if self._pool is None:
            return self._arrived(self._make(next(self._steps)))
        if not self._pending:
            raise StopIteration
        ready = self._pending.popleft().result()
        for step in islice(self._steps, 1):
            self._pending.append(self._pool.submit(self._make, step))
        return self._arrived(ready)

    def close(self) -> None:
        """Stop working ahead: what is in the making is finished, nothing new is begun. May be called twice."""
        self._steps = iter(())
        self._pending.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, step: int) -> _Ready:
        tensors = self._prepare(step)
        if self._stream is None:
            return tuple(tensor.to(self._device) for tensor in tensors), None
        with torch.cuda.stream(self._stream):
            # PyTorch keeps pinned memory from being used anew until the copies out of it are done.
            copies = tuple(tensor.pin_memory().to(self._device, non_blocking=True) for tensor in tensors)
            return copies, self._stream.record_event()

    def _arrived(self, ready: _Ready) -> Tensors:
        """Make the stream that the model runs in wait for the copies; the processor does not wait."""
        tensors, event = ready
        if event is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(event)
            for tensor in tensors:
                tensor.record_stream(stream)  # so that its memory is not given away while that stream reads it
        return tensors
