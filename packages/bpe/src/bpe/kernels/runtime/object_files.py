"""Files of object code, one per kernel: where they are, when one is valid and can be trusted.

The name of a file contains a hash of everything that the code depends on: the sources of all kernels, the versions of
Numba, llvmlite, numpy and Python, and the processor. Files are kept in the first of these folders that can be written:
the one named by the environment variable `BPE_CACHE_DIR`, the user's cache folder, `__pycache__` in the package
`bpe.kernels`. A file that is damaged, or that another user could have written, is ignored.
"""

import hashlib
import os
import platform
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_MAGIC = b"bpe kernel 1\n"
_KERNELS = Path(__file__).parents[1]


def read_object(name: str) -> tuple[str, bytes] | None:
    """Return the symbol and the object code of a kernel, or None if no valid and trusted file contains it."""
    for path in _candidates(name):
        try:
            with path.open("rb") as file:
                if not _is_trusted(os.fstat(file.fileno())):
                    continue
                content = file.read()
        except OSError:
            continue
        header, _, rest = content[len(_MAGIC) :].partition(b"\n")
        if content.startswith(_MAGIC) and hashlib.sha256(rest).hexdigest().encode() == header:
            symbol, _, code = rest.partition(b"\n")
            return symbol.decode(), code
    return None


def write_object(name: str, symbol: str, code: bytes) -> None:
    """Write the file of a kernel into the first folder where this is possible; if there is none, do nothing."""
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


def find_file(name: str) -> Path | None:
    """Return the file of a kernel that can be read and trusted, or None."""
    return next(filter(_is_usable, _candidates(name)), None)


def _candidates(name: str) -> Iterator[Path]:
    """Yield the paths that the file of a kernel may have, the preferred one first."""
    key = _key()
    for folder in _folders():
        yield folder / f"{name}-{key}.kernel"


def _folders() -> Iterator[Path]:
    """Yield the folders that may contain kernels, the preferred one first."""
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
    yield _KERNELS / "__pycache__"


@lru_cache(maxsize=1)
def _key() -> str:
    """Return a hash of everything that the object code depends on."""
    import llvmlite.binding as llvm

    h = hashlib.sha256()
    for path in sorted(_KERNELS.rglob("*.py")):
        h.update(path.relative_to(_KERNELS).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    facts = [platform.python_version(), platform.machine(), sys.platform, llvm.get_host_cpu_name()]
    facts.append(llvm.get_host_cpu_features().flatten())
    for package in ("numba", "llvmlite", "numpy"):
        try:
            facts.append(version(package))
        except PackageNotFoundError:
            facts.append("unknown")
    h.update("\n".join(facts).encode())
    return h.hexdigest()[:24]


def _is_usable(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:  # it does not exist, or is in a folder that this user may not read
        return False
    return stat.S_ISREG(status.st_mode) and _is_trusted(status) and os.access(path, os.R_OK)


def _is_trusted(status: os.stat_result) -> bool:
    """Return whether only this user and the administrator can have written a file."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (0, os.getuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
