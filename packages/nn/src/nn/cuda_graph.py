"""A CUDA graph: a list of kernels that the GPU runs without the host, which otherwise launches them one by one."""

from collections.abc import Callable

import torch


class CudaGraph:
    """A function of tensors at fixed addresses that is captured at its second call and replayed from then on.

    The function must leave its results in tensors that exist before it is called, do the same operations at each call,
    and never wait for the GPU. Its first call runs as it is: that initializes libraries and compiles kernels, which a
    capture must not contain.
    """

    def __init__(self, function: Callable[[], None], device: torch.device) -> None:
        """Take a function whose tensors are all on one CUDA device."""
        self._function, self._device = function, device
        self._warm = False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Launch the function on the device's current stream."""
        with torch.cuda.device(self._device):
            if not self._warm:
                self._run_on_a_side_stream()
                self._warm = True
                return
            if self._graph is None:
                self._graph = self._capture()
            self._graph.replay()

    def _run_on_a_side_stream(self) -> None:
        """Run the function as torch recommends before a capture, which uses a side stream too."""
        current = torch.cuda.current_stream()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            self._function()
        current.wait_stream(stream)

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # Other threads, such as one that copies the next training batch, may go on using the device meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._function()
        return graph
