"""Kernels as shared libraries, which the system's loader maps: LLVM, which takes a while to import, is not needed.

    object code  ->  cc -shared  ->  name-key.so, beside name-key.kernel  ->  dlopen

The library is made once, by the first process that links the object code and finds a C compiler, on Linux only. Without
it the object code is linked in each process (`bpe.kernels.runtime.linking`). It begins as any library does; at its end
is its checksum, which the loader ignores.
"""

import ctypes
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

from bpe.kernels.runtime.cache_files import CHECKSUM_BYTES, checksum, trusted_files, write_file
from bpe.kernels.runtime.linking import NEVER_CALLED, Kernel, function_at

_SECONDS = 60  # that the C compiler may take
_numbers = count()


def load_shared(name: str, symbol: str) -> Kernel | None:
    """Return a function of a shared library.

    Args:
        name: the name of the file.
        symbol: the name of the function.

    Returns:
        The function, or None if there is no valid and trusted file, or the system refuses to load it.
    """
    if sys.platform != "linux":
        return None
    for file in trusted_files(name):
        content = file.read()
        if content[-CHECKSUM_BYTES:] != checksum([content[:-CHECKSUM_BYTES]]):
            continue
        # By its descriptor: its path could be that of another file by now. The loader takes files whose names are equal
        # for the same library, so each has a name of its own.
        path = f"/proc/self/fd/{'./' * next(_numbers)}{file.fileno()}"
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(path)
            address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
            return None if address is None else function_at(address, library)
    return None


def write_shared(name: str, code: bytes) -> None:
    """Make a shared library of object code and keep it; do nothing where that is not possible.

    Args:
        name: the name of the file.
        code: the object code.
    """
    import shutil
    import subprocess
    import tempfile

    compiler = shutil.which("cc") if sys.platform == "linux" else None
    if compiler is None:
        return
    with tempfile.TemporaryDirectory(prefix="bpe-") as folder, suppress(OSError, subprocess.SubprocessError):
        kernel, stubs, library = (Path(folder, file) for file in ("kernel.o", "stubs.c", "kernel.so"))
        kernel.write_bytes(code)
        stubs.write_text(
            "".join(f"void {function}(void) {{ __builtin_trap(); }}\n" for function in sorted(NEVER_CALLED))
        )
        # Numba's code is not relocatable without writing to it (DT_TEXTREL), which linkers warn of.
        options = ["-shared", "-nostdlib", "-Wl,-Bsymbolic", "-Wl,-z,notext", "-o"]
        command = [compiler, "-O1", "-fPIC", *options, str(library), str(kernel), str(stubs)]
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
        content = library.read_bytes()
        write_file(name, [content, checksum([content])])
