"""Compile the fast path ahead of its first use. Needs the extra bpe[fast].

The result is kept on disk: without this, the first long text waits for it.
"""

import importlib
import sys
import time
from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare that `bpe warmup` has no options."""
    del parser


def run(options: Namespace) -> None:
    """Compile all kernels.

    Raises:
        ValueError: numba or numpy is missing.
    """
    del options
    start = time.monotonic()
    try:
        importlib.import_module("bpe.kernels.loading").warmup()
    except ImportError as error:
        raise ValueError(
            f"there is nothing to compile without the fast path ({error}): install the package with its extra, "
            "bpe[fast]; all commands work without it, slower"
        ) from error
    sys.stdout.write(f"compiled in {time.monotonic() - start:.1f} s\n")
