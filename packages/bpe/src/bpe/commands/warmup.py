"""Compile the kernels now instead of at the first long text. Needs the extra bpe[fast].

The result is kept on disk.
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
        ValueError: numba or numpy is not installed.
    """
    del options
    start = time.monotonic()
    try:
        importlib.import_module("bpe.kernels.loading").warmup()
    except ImportError as error:
        raise ValueError(
            f"there are no kernels to compile ({error}): install the package with its extra, bpe[fast]; without it "
            "all commands work, but slower"
        ) from error
    sys.stdout.write(f"compiled in {time.monotonic() - start:.1f} s\n")
