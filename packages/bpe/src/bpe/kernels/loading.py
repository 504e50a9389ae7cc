"""Getting a kernel to call: from memory, from its file, or by compiling it.

Numba needs a second to import and several more to compile, which short work must not pay. A kernel, though, is machine
code that needs nothing of Numba: `bpe.kernels.compiler` sees to that. So it is compiled once and its object code kept
in a file; later processes link it with LLVM alone, which takes some hundredths of a second, and call it with `ctypes`,
which lets other threads run meanwhile.

    kernel("encode16")     in memory?  ->  in a file?  ->  compile (says so on standard error), keep in a file

The file's name is a hash of all that the code depends on: the sources of this package's kernels, the versions of Numba,
llvmlite and Python, the processor. It lies in the first of these folders that can be written: the one that the
environment variable `BPE_CACHE_DIR` names, the user's cache folder, `__pycache__` beside this file. Where none can,
each process compiles for itself. A file that is damaged, or that someone else may write, is not used.
"""

import ctypes
import hashlib
import os
import platform
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

KERNELS = ("tables", "encode16", "encode32", "train")

Kernel = Callable[[int], int]
"""Takes the address of an array of arguments (`bpe.kernels.layout`); what it returns is up to each."""

NEVER_CALLED = {
    *("NRT_Free", "NRT_MemInfo_call_dtor", "numba_do_raise", "numba_gil_ensure", "numba_gil_release"),
    *("numba_runtime_build_excinfo_struct", "numba_unpickle"),
}
"""Functions of Numba that object code names, for the memory and the exceptions that kernels never have."""

_MAGIC = b"bpe kernel 1\n"
_PACKAGE = Path(__file__).parent

_lock = threading.Lock()
_loaded: dict[str, Kernel] = {}
_kept_alive: list[object] = []


class KernelsMissingError(ImportError):
    """The extra `bpe[fast]` is not installed."""


def available() -> bool:
    """Tell whether the compiled path can be used: Numba (with llvmlite) and numpy are installed."""
    return all(find_spec(name) is not None for name in ("numba", "llvmlite", "numpy"))


def is_loaded(name: str) -> bool:
    """Tell whether a kernel is in memory."""
    return name in _loaded


def is_kept(name: str) -> bool:
    """Tell whether a kernel is in memory or in a file, so that it need not be compiled."""
    return name in _loaded or is_kept_on_disk(name)


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
                raise KernelsMissingError("the compiled path needs numba and numpy: install bpe[fast]")
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
    return next((path.parent for path in _candidates(KERNELS[0]) if _can_be_used(path)), None)


# ---------------------------------------------------------------- files


def _folders() -> Iterator[Path]:
    """Yield the folders that may hold kernels, the preferred first."""
    if named := os.environ.get("BPE_CACHE_DIR"):
        yield Path(named)
    if sys.platform == "win32":
        roots = [os.environ.get("LOCALAPPDATA")]
    elif sys.platform == "darwin":
        roots = ["~/Library/Caches"]
    else:
        roots = [os.environ.get("XDG_CACHE_HOME"), "~/.cache"]
    for root in filter(None, roots):
        expanded = Path(os.path.expanduser(root))  # noqa: PTH111 (Path.expanduser raises where there is no home)
        if expanded.is_absolute():
            yield expanded / "bpe-kernels"
    yield _PACKAGE / "__pycache__"


def _candidates(name: str) -> Iterator[Path]:
    key = _key()
    for folder in _folders():
        yield folder / f"{name}-{key}.kernel"


@lru_cache(maxsize=1)
def _key() -> str:
    """Return a hash of all that the object code depends on."""
    import llvmlite.binding as llvm

    h = hashlib.sha256()
    for path in sorted(_PACKAGE.glob("*.py")):
        h.update(path.name.encode() + path.read_bytes())
    facts = [platform.python_version(), platform.machine(), sys.platform, llvm.get_host_cpu_name()]
    facts.append(llvm.get_host_cpu_features().flatten())
    for package in ("numba", "llvmlite", "numpy"):
        try:
            facts.append(version(package))
        except PackageNotFoundError:
            facts.append("unknown")
    h.update("\n".join(facts).encode())
    return h.hexdigest()[:24]


def _from_file(name: str) -> Kernel | None:
    """Load a kernel from its file, if there is one that can be trusted."""
    for path in _candidates(name):
        try:
            with path.open("rb") as file:
                if not _is_ours(os.fstat(file.fileno())):
                    continue
                content = file.read()
        except OSError:
            continue
        header, _, rest = content[len(_MAGIC) :].partition(b"\n")
        if content.startswith(_MAGIC) and hashlib.sha256(rest).hexdigest().encode() == header:
            symbol, _, code = rest.partition(b"\n")
            return _link(symbol.decode(), code)
    return None


def _can_be_used(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:  # not there, or in a folder that is someone else's
        return False
    return stat.S_ISREG(status.st_mode) and _is_ours(status) and os.access(path, os.R_OK)


def _is_ours(status: os.stat_result) -> bool:
    """Tell whether nobody but this user and the administrator can have written a file."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (0, os.getuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _keep(name: str, symbol: str, code: bytes) -> None:
    """Write a kernel's file into the first folder that takes it."""
    rest = symbol.encode() + b"\n" + code
    content = _MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
    for path in _candidates(name):
        temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            continue
        return


# ---------------------------------------------------------------- linking and compiling


def _link(symbol: str, code: bytes) -> Kernel:
    """Put object code into memory and return the function that it calls `symbol`."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    unreachable = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for name in NEVER_CALLED:
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, unreachable)
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _kept_alive.append(engine)
    return _callable(engine.get_function_address(symbol))


def _callable(address: int) -> Kernel:
    function: Kernel = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(address)
    return function


def _compile(name: str) -> Kernel:
    """Compile a kernel and keep its object code for the next process."""
    from bpe.kernels import entry_points

    if sys.stderr is not None:
        sys.stderr.write(f"bpe: compiling the kernel {name!r} for this machine; this happens once\n")
    started = time.monotonic()
    compiled = entry_points.compile_entry_point(name)
    _kept_alive.append(compiled)
    code = entry_points.object_code(compiled)
    if code is not None:
        _keep(name, compiled.native_name, code)
    if sys.stderr is not None:
        kept = "" if is_kept_on_disk(name) else ", not kept: no folder for it can be written"
        sys.stderr.write(f"bpe: compiled in {time.monotonic() - started:.0f} s{kept}\n")
    return _callable(compiled.address)


def is_kept_on_disk(name: str) -> bool:
    """Tell whether a kernel's file is there, to be read and to be trusted."""
    return any(map(_can_be_used, _candidates(name)))


__all__ = ["KERNELS", "KernelsMissingError", "available", "is_kept", "is_loaded", "kernel", "warmup"]
