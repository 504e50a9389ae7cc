"""Loading a kernel: from memory, from its file, or by compiling it.

Importing Numba takes a second and compiling takes several more, too long for small inputs. But a kernel is machine code
that needs nothing of Numba (`bpe.kernels.runtime.compiler` ensures that). So it is compiled once and its object code is
kept in a file. Later processes link it with LLVM alone, which takes some hundredths of a second, and call it with
`ctypes`, which releases the global interpreter lock.

    kernel("encode16")     in memory?  ->  in a file?  ->  compile (with a message on standard error), write the file

`bpe.kernels.runtime.object_files` describes the files. Where none can be written, each process compiles its own.
"""

import os
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from bpe.kernels.runtime.linking import Kernel, function_at, link
from bpe.kernels.runtime.object_files import find_file, read_object, write_object

KERNELS = ("tables", "encode16", "encode32", "train")

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A child has no thread that would release the lock, so a fork waits until no kernel is being loaded.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
_loaded: dict[str, Kernel] = {}


class KernelsMissingError(ImportError):
    """The extra `bpe[fast]` is not installed."""


def available() -> bool:
    """Return whether the packages that kernels need are installed: Numba (with llvmlite) and numpy."""
    return all(find_spec(name) is not None for name in ("numba", "llvmlite", "numpy"))


def is_loaded(name: str) -> bool:
    """Return whether a kernel is in memory."""
    return name in _loaded


def is_kept(name: str) -> bool:
    """Return whether a kernel is in memory or in a file, so that it need not be compiled."""
    return name in _loaded or find_file(name) is not None


def kernel(name: str) -> Kernel:
    """Return a kernel by its name in `KERNELS`.

    Raises:
        KernelsMissingError: Numba or numpy is not installed.
    """
    found = _loaded.get(name)
    if found is not None:
        return found
    with _lock:
        if name not in _loaded:
            if not available():
                raise KernelsMissingError("the compiled engine needs numba and numpy: install bpe[fast]")
            _loaded[name] = _from_file(name) or _compile(name)
    return _loaded[name]


def warmup() -> Path | None:
    """Compile all kernels that are not in a file yet.

    Returns:
        The folder that they are kept in, or None where no folder can be written.

    Raises:
        KernelsMissingError: Numba or numpy is not installed.
    """
    for name in KERNELS:
        kernel(name)
    path = find_file(KERNELS[0])
    return None if path is None else path.parent


def _from_file(name: str) -> Kernel | None:
    found = read_object(name)
    return None if found is None else link(*found)


def _compile(name: str) -> Kernel:
    """Compile a kernel and keep its object code for other processes."""
    from bpe.kernels import entry_points

    if sys.stderr is not None:
        sys.stderr.write(f"bpe: compiling the kernel {name!r} for this machine; this happens once\n")
    started = time.monotonic()
    compiled = entry_points.compile_entry_point(name)
    code = entry_points.object_code(compiled)
    if code is not None:
        write_object(name, compiled.native_name, code)
    if sys.stderr is not None:
        kept = "" if find_file(name) else ", not kept: no folder for it can be written (set BPE_CACHE_DIR to one)"
        sys.stderr.write(f"bpe: compiled in {time.monotonic() - started:.0f} s{kept}\n")
    return function_at(compiled.address, compiled)
