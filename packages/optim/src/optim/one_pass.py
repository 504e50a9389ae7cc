"""Updates that are compiled into one pass over the memory, for parameters of any shape.

An update reads and writes a few numbers for each weight and computes very little, so its time is that of the memory
accesses. One operation after the other goes through the memory many times; compiled, it goes once.

The parameters of a language model are many tensors in a few sizes. Compiled as one long function, their update takes
a minute to compile; called one by one, the calls take longer than an accelerator needs for them. So the compiled
function takes flat tensors of one size, whatever it is, at most ``AT_ONCE`` at a time, which the compiler turns into
one kernel: it is compiled twice, for ``AT_ONCE`` tensors and for one.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

AT_ONCE = 4
"""Tensors in one kernel. On an H100, 4 take 126 registers per thread; 8 exceed the 255 that there are."""

Update = Callable[..., None]
"""Takes lists of flat tensors, all of one size, and a list of numbers as tensors; changes some of the tensors."""


def fits_one_pass(parameter: Float[Tensor, "..."]) -> bool:
    """Return whether a parameter can be updated in one pass: contiguous, float32, not sharded like FSDP's tensors."""
    plain = type(parameter) in (Parameter, Tensor)
    return plain and parameter.dtype == torch.float32 and parameter.is_contiguous()


def update_in_one_pass(update: Update, *lists: Sequence[Float[Tensor, "..."]], numbers: Iterable[float]) -> None:
    """Call an update, compiled, for all tensors.

    Args:
        update: Element by element; iterates over its lists with ``zip_flat``. Compiled at its first call.
        lists: Of equal length; tensors at the same position have the same shape. All are contiguous.
        numbers: What else it depends on.
    """
    # Scalars on the host, which the compiled function passes to its kernels as arguments. Python's numbers would be
    # constants of the code, but learning rates change; a tensor on an accelerator would have to be copied there.
    scalars = [torch.tensor(number, dtype=torch.float32, device="cpu") for number in numbers]
    positions: dict[int, list[int]] = {}
    for position, tensor in enumerate(lists[0]):
        positions.setdefault(tensor.numel(), []).append(position)
    compiled = _compile(update)
    for size in sorted(positions, reverse=True):  # large ones first: while they run, the others are prepared
        if size > 0:
            for chunk in _chunks(positions[size], size):
                compiled(*([tensors[position].view(-1).data for position in chunk] for tensors in lists), scalars)


def _chunks(positions: list[int], size: int) -> Iterator[list[int]]:
    """Yield full chunks, then single positions, so that there are only two lengths to compile for."""
    full = len(positions) // AT_ONCE * AT_ONCE if size % 16 == 0 else 0
    for first in range(0, full, AT_ONCE):
        yield positions[first : first + AT_ONCE]
    for position in positions[full:]:
        yield [position]


def zip_flat(*lists: list[Float[Tensor, " n"]]) -> Iterator[tuple[Float[Tensor, " n"], ...]]:
    """Iterate over lists of tensors in parallel, in an update that is being compiled."""
    size = lists[0][0].numel()
    # The compiler notes the answers as facts: one kernel then does for all, and reads and writes four numbers at once.
    if all(tensor.numel() == size for tensors in lists for tensor in tensors) and size % 16 == 0:
        pass
    return zip(*lists, strict=True)


@cache
def _compile(update: Update) -> Update:
    return torch.compile(update, dynamic=True)  # not at import: asking for the compiler loads it, which takes a second


def missing_compiler(devices: Iterable[torch.device]) -> str | None:
    """Return what is needed to compile for these devices but not found, as part of a sentence; None if nothing."""
    for kind in {device.type for device in devices}:
        if kind == "cpu":
            if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
                return "no C++ compiler is found: install g++"
        elif find_spec("triton") is None:
            return f"the package triton, which compiles for {kind}, is not found: install it"
    return None
