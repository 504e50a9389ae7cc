"""Which engine encodes or trains: the reference, which starts at once, or the kernels, which are fast.

The kernels pay off when they save more time than it takes to load them. The sizes of text from which they do were
measured (`nox -s bench -- tokenizer startup`; see `docs/benchmarks/tokenizer.md`). They depend on where the kernels
are: already in memory, in a file, or not compiled yet.
"""

import warnings
from functools import lru_cache
from importlib.util import find_spec

from bpe.checks import Engine

FROM_MEMORY = 50
"""Bytes of text from which kernels that are in memory are faster."""
FROM_FILE = 400_000
"""Bytes of text from which it pays to load them from a file and to build their tables of a vocabulary, which takes a
fifth to a third of a second. Where tables were kept, and the reference has no dictionaries yet, every text is worth it
(`bpe.tokenizer_lazy`)."""
FROM_SOURCE = 20_000_000
"""Bytes of text from which it pays to compile them, which takes some twenty seconds, but only once."""
LARGE = 20_000_000
"""Bytes of text from which a warning says that the kernels are not installed, or cannot be used."""


@lru_cache(maxsize=1)
def kernels_installed() -> bool:
    """Return whether all packages that the compiled engine needs are installed."""
    return all(find_spec(name) is not None for name in ("numba", "llvmlite", "numpy"))


def use_kernels(engine: Engine, num_bytes: int, kernel: str, *, ready: bool) -> bool:
    """Decide whether to use the kernels for a text.

    Args:
        engine: the engine that the user chose.
        num_bytes: the approximate length of the text.
        kernel: the name of the kernel that is needed, one of `bpe.kernels.loading.KERNELS`.
        ready: whether this kernel is in memory, with the tables of the vocabulary.

    Raises:
        ValueError: `engine` is "compiled" and the extra is not installed.

    Warns:
        UserWarning: the text is large, and the extra is not installed. Issued once.
    """
    if engine == "reference" or (engine == "auto" and num_bytes < FROM_MEMORY):
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
def warn_of_reference() -> None:
    """Warn, once, that a large text is encoded without the kernels, though they are installed.

    Warns:
        UserWarning: always, the first time.
    """
    warnings.warn(
        "the kernels cannot represent this vocabulary, so plain Python encodes a large text, which takes some fifty "
        "times as long",
        stacklevel=2,
    )


@lru_cache(maxsize=1)
def _advise() -> None:
    warnings.warn(
        "a text of this size takes long in plain Python: install the package with its extra, bpe[fast], which is some "
        "fifty times faster and gives the same ids",
        stacklevel=2,
    )
