"""Files of object code, one per kernel: what their names contain, and when their content is valid.

The name of a file contains a hash of everything that the code depends on: the sources of all kernels, the versions of
Numba, llvmlite, numpy and Python, and the processor. `bpe.kernels.runtime.cache_files` describes where they are.
"""

import hashlib
import platform
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from bpe.kernels.runtime import cache_files
from bpe.kernels.runtime.cache_files import CHECKSUM_BYTES, checksum, trusted_files, write_file
from bpe.kernels.runtime.linking import Kernel
from bpe.kernels.runtime.processor import processor
from bpe.kernels.runtime.shared_objects import load_shared, write_shared

_MAGIC = b"bpe kernel 1\n"
_KERNELS = Path(__file__).parents[1]


def read_object(name: str) -> tuple[str, bytes] | None:
    """Return the symbol and the object code of a kernel, or None if no valid and trusted file contains it."""
    for file in trusted_files(file_name(name)):
        content = file.read()
        begin = len(_MAGIC) + CHECKSUM_BYTES
        if content[:begin] == _MAGIC + checksum([content[begin:]]):
            symbol, _, code = content[begin:].partition(b"\n")
            return symbol.decode(), code
    return None


def write_object(name: str, symbol: str, code: bytes) -> None:
    """Write the file of a kernel into the first folder where this is possible; if there is none, do nothing."""
    rest = symbol.encode() + b"\n" + code
    if write_file(file_name(name), [_MAGIC, checksum([rest]), rest]) is not None:
        write_shared(_shared_name(name), code)


def load_object(name: str, symbol: str) -> Kernel | None:
    """Return a kernel from the shared library that was made of its object code, or None if there is no valid one."""
    return load_shared(_shared_name(name), symbol)


def find_file(name: str) -> Path | None:
    """Return the file of a kernel that can be read and trusted, or None."""
    return cache_files.find_file(file_name(name))


def kept_paths(name: str) -> Iterator[Path]:
    """Yield the paths that the file of a kernel may have, the preferred one first."""
    return (folder / file_name(name) for folder in cache_files.folders())


def file_name(name: str) -> str:
    """Return the name of the file of a kernel."""
    return f"{name}-{_key()}.kernel"


def _shared_name(name: str) -> str:
    return f"{name}-{_key()}.so"


@lru_cache(maxsize=1)
def _key() -> str:
    """Return a hash of everything that the object code depends on."""
    h = hashlib.sha256()
    for path in sorted(_KERNELS.rglob("*.py")):
        h.update(path.relative_to(_KERNELS).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    facts = [platform.python_version(), platform.machine(), sys.platform, processor()]
    facts += map(_version, ("numba", "llvmlite", "numpy"))
    h.update("\n".join(facts).encode())
    return h.hexdigest()[:24]


def _version(package: str) -> str:
    """Return the version of an installed package, from the name of the folder that describes it.

    `importlib.metadata` would import a dozen modules, and read the folder's files.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return "missing"
    names = [path.name for path in Path(spec.origin).parents[1].glob(f"{package}-*-info")]
    return " ".join(sorted(names)) or "unknown"
