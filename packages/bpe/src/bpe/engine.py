"""Which engine serves an input: the textbook, which starts at once, or the kernels, which are fast.

The kernels are worth it when what they save is more than what it takes to have them ready. How much text that is was
measured (`benchmarks/tokenizer.py startup`; see `docs/benchmarks/tokenizer.md`) and depends on where they are: already
in memory, in a file, or not compiled yet.
"""

import warnings
from functools import lru_cache
from importlib.util import find_spec

from bpe.checks import Engine

FROM_MEMORY = 50
"""Bytes of text from which kernels that are in memory are faster."""
FROM_FILE = 400_000
"""Bytes of text from which loading them from a file pays: a fifth to a third of a second."""
FROM_SOURCE = 20_000_000
"""Bytes of text from which compiling them pays, although it takes some twenty seconds: it is done once."""
LARGE = 20_000_000
"""Bytes of text from which it is worth telling that the kernels are not installed."""


@lru_cache(maxsize=1)
def kernels_installed() -> bool:
    """Tell whether all that the compiled path needs is installed."""
    return all(find_spec(name) is not None for name in ("numba", "llvmlite", "numpy"))


def use_kernels(engine: Engine, num_bytes: int, kernel: str, *, ready: bool) -> bool:
    """Decide whether the kernels are to do a piece of work.

    Args:
        engine: what the user asked for.
        num_bytes: how much text there is, about.
        kernel: the kernel that it takes, by its name in `bpe.kernels.loading.KERNELS`.
        ready: whether that is in memory and knows the vocabulary.

    Raises:
        ValueError: `engine` is "compiled" and the extra is not installed.

    Warns:
        UserWarning: the work is large, and the extra is not installed; said once.
    """
    if engine == "textbook" or (engine == "auto" and num_bytes < FROM_MEMORY):
        return False
    if ready:
        return True
    if engine == "compiled" or num_bytes >= FROM_FILE:
        if not kernels_installed():
            if engine == "compiled":
                raise ValueError(
                    'engine="compiled" needs numba and numpy: install the package with its extra, bpe[fast]'
                )
            if num_bytes >= LARGE:
                _advise()
            return False
        if engine == "compiled" or num_bytes >= FROM_SOURCE:
            return True
        from bpe.kernels import loading

        return loading.is_kept(kernel)
    return False


@lru_cache(maxsize=1)
def _advise() -> None:
    warnings.warn(
        "this much text takes long in plain Python: install the package with its extra, bpe[fast], for some fifty "
        "times the speed and the same ids",
        stacklevel=2,
    )
