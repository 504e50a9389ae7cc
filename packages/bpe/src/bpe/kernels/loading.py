"""Loading a kernel: from memory, from its file, or by compiling it.

Importing Numba takes a second and compiling takes several more, too long for small inputs. But a kernel is machine code
that needs nothing of Numba (`bpe.kernels.runtime.compiler` ensures that). So it is compiled once and its object code is
kept in a file. Later processes load a shared library made of it, or link it with LLVM alone, which takes some
hundredths of a second, and call it with `ctypes`, which releases the global interpreter lock.

    kernel("encode16")     in memory?  ->  in a file?  ->  compile (with a message on standard error), write the file

Of several processes that need a kernel at the same time, one compiles it and the others wait for its file.

`bpe.kernels.runtime.object_files` describes the files. Where none can be written, each process compiles its own.
"""

import os
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from bpe.kernels.runtime.compile_lock import one_process
from bpe.kernels.runtime.linking import Kernel, function_at, link
from bpe.kernels.runtime.object_files import find_file, kept_paths, load_object, read_object, write_object
from bpe.kernels.warming import compile_in_processes
from bpe.parallel import available_cores
from bpe.progress import Progress

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
            _loaded[name] = _from_file(name) or _compile_once(name)
    return _loaded[name]


def warmup() -> Path | None:
    """Compile all kernels that are not in a file yet, at the same time as far as there are cores.

    Returns:
        The folder that they are kept in, or None where no folder can be written.

    Raises:
        KernelsMissingError: Numba or numpy is not installed.
    """
    missing = [name for name in KERNELS if not is_kept(name)]
    if len(missing) > 1 and available_cores() > 1 and available():
        if not _on_terminal():
            _say(f"compiling {len(missing)} kernels for this machine; this happens once")
        with Progress("compiling", len(missing), unit="kernels") as progress:
            compile_in_processes(
                missing, available_cores(), is_kept, lambda count: progress.advance(count - progress.done)
            )
    for name in KERNELS:
        kernel(name)
    path = find_file(KERNELS[0])
    return None if path is None else path.parent


def _from_file(name: str) -> Kernel | None:
    found = read_object(name)
    if found is None:
        return None
    symbol, code = found
    return load_object(name, symbol) or link(symbol, code)


def _compile_once(name: str) -> Kernel:
    """Compile a kernel, or wait for another process that is compiling it, and load its file."""
    locks = (path.with_suffix(".lock") for path in kept_paths(name))
    with one_process(locks, lambda: _say(f"waiting for another process, which is compiling the kernel {name!r}")):
        return _from_file(name) or _compile(name)


def _compile(name: str) -> Kernel:
    """Compile a kernel and keep its object code for other processes."""
    from bpe.kernels import entry_points

    started = time.monotonic()
    if not _on_terminal():
        _say(f"compiling the kernel {name!r} for this machine; this happens once")
    with Progress(f"bpe: compiling the kernel {name!r}", None, unit="functions") as progress:
        compiled = entry_points.compile_entry_point(name, lambda: progress.advance(1))
    code = entry_points.object_code(compiled)
    if code is not None:
        write_object(name, compiled.native_name, code)
    kept = "" if find_file(name) else ", not kept: no folder for it can be written (set BPE_CACHE_DIR to one)"
    _say(f"compiled the kernel {name!r} in {time.monotonic() - started:.0f} s{kept}")
    return function_at(compiled.address, compiled)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _say(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"bpe: {message}\n")
