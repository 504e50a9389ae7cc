"""Pausing the garbage collector while a large number of objects is created that all stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Create objects without collecting garbage in between, which would visit all of them again and again.

    For Gemma's file with its 1.3 million lists and strings that is a third of the time. The collector is that of the
    whole process, so this is for a second or two at most.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
