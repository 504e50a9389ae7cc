"""One file for each tokenizer with everything that was computed from its own files, for processes that come later.

Reading the files of a tokenizer and building the tables of the kernels takes some tenths of a second, always with the
same result. So the result is kept beside the kernels (`bpe.kernels.runtime.cache_files`), under a name that is a hash
of all that it depends on: the content of the tokenizer's files, the options, the sources of this package, the versions
of Python and `regex`. The file has arrays, which are mapped into memory and not copied, and *facts*, which are JSON:

    magic, checksum of the head | length, head: facts, checksum and places of the arrays | arrays

No numpy here: facts are enough for a tokenizer that encodes nothing, or short texts only.
"""

import hashlib
import json
import mmap
import os
import sys
from array import array
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from bpe.kernels.runtime.cache_files import CHECKSUM_BYTES, checksum, trusted_files, write_file

_MAGIC = b"bpe tables 1\n"
_LENGTH_BYTES = 8
_ALIGNMENT = 64  # a cache line
_SUFFIX = ".tables"
_TOKENS, _ENDS, _IDS = "vocabulary", "vocabulary ends", "vocabulary ids"
_MAX_KEPT_BYTES = 256 << 20
"""All files together, in a folder; the ones that were used least recently are removed."""
_TOUCH_SECONDS = 3600.0


class Section(NamedTuple):
    """An array as bytes."""

    dtype: str
    """The type of its items, as numpy writes it."""
    data: memoryview


class TableFile:
    """A file whose head was read and checked."""

    def __init__(self, facts: Any, arrays: Mapping[str, tuple[str, int, int]], content: memoryview, check: str) -> None:
        """Wrap a mapped file.

        Args:
            facts: the facts.
            arrays: the type, the offset and the length in bytes of each array.
            content: the part of the file with all arrays.
            check: their checksum.
        """
        self.facts = facts
        self._arrays = arrays
        self._content = content
        self._check = check

    @cached_property
    def sections(self) -> dict[str, Section] | None:
        """All arrays, or None if the file is damaged."""
        if checksum([self._content]).decode() != self._check:
            return None
        return {
            name: Section(dtype, self._content[begin : begin + length])
            for name, (dtype, begin, length) in self._arrays.items()
        }


def content_key(kind: str, contents: Iterable[bytes], options: Any) -> str | None:
    """Return a hash of everything that a tokenizer is made from, or None if the options are not what they should be.

    Args:
        kind: the kind of its own files.
        contents: what they contain.
        options: whatever else determines the tokenizer, as JSON can express it.
    """
    try:
        h = hashlib.sha256(json.dumps([kind, options]).encode())
    except (TypeError, ValueError):
        return None
    for content in contents:
        h.update(len(content).to_bytes(8, "little"))
        h.update(content)
    return h.hexdigest()


def read_tables(key: str) -> TableFile | None:
    """Return the file for a `content_key` that is trusted and whose head is valid, or None."""
    for file in trusted_files(_file_name(key)):
        with suppress(OSError, ValueError, KeyError, TypeError):
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            found = _parse(mapped)
            if found is not None:
                _mark_as_used(file.fileno())
                return found
    return None


def write_tables(key: str, facts: Any, arrays: Mapping[str, Section]) -> None:
    """Write the file for a `content_key`; do nothing where no folder for it can be written."""
    places: dict[str, tuple[str, int, int]] = {}
    parts: list[bytes | memoryview] = []
    end = 0
    for name, (dtype, data) in arrays.items():
        places[name] = dtype, end, data.nbytes
        padding = -data.nbytes % _ALIGNMENT
        parts += [data, bytes(padding)]
        end += data.nbytes + padding
    head = json.dumps({"facts": facts, "arrays": places, "bytes": end, "check": checksum(parts).decode()}).encode()
    head += b" " * (-(len(_MAGIC) + CHECKSUM_BYTES + _LENGTH_BYTES + len(head)) % _ALIGNMENT)
    length = len(head).to_bytes(_LENGTH_BYTES, "little")
    path = write_file(_file_name(key), [_MAGIC, checksum([length, head]), length, head, *parts])
    if path is not None:
        _remove_oldest(path.parent)


def vocabulary_sections(vocab: Mapping[int, bytes]) -> dict[str, Section]:
    """Return the bytes of each id as arrays, which `kept_vocabulary` reads."""
    ends = array("q", accumulate(map(len, vocab.values())))
    return {
        _TOKENS: Section("|u1", memoryview(b"".join(vocab.values()))),
        _ENDS: Section("q", memoryview(ends.tobytes())),
        _IDS: Section("q", memoryview(array("q", vocab).tobytes())),
    }


def kept_vocabulary(file: TableFile) -> dict[int, bytes] | None:
    """Return the bytes of each id, or None if the file is damaged."""
    sections = file.sections
    if sections is None:
        return None
    tokens, ends = bytes(sections[_TOKENS].data), sections[_ENDS].data.cast("q").tolist()
    ids = sections[_IDS].data.cast("q").tolist()
    return {token_id: tokens[begin:end] for token_id, begin, end in zip(ids, [0, *ends], ends, strict=False)}


def _parse(mapped: memoryview) -> TableFile | None:
    begin = len(_MAGIC) + CHECKSUM_BYTES
    length = mapped[begin : begin + _LENGTH_BYTES]
    end = begin + _LENGTH_BYTES + int.from_bytes(length, "little")
    head = mapped[begin + _LENGTH_BYTES : end]
    if mapped[:begin] != _MAGIC + checksum([length, head]):
        return None
    found = json.loads(bytes(head))
    if len(mapped) != end + found["bytes"]:
        return None
    return TableFile(found["facts"], found["arrays"], mapped[end:], found["check"])


def _file_name(key: str) -> str:
    """Return the name of the file for a tokenizer. A tokenizer that is pickled takes its key to other environments."""
    return hashlib.sha256(json.dumps([key, *_environment()]).encode()).hexdigest()[:32] + _SUFFIX


@lru_cache(maxsize=1)
def _environment() -> list[Any]:
    """Return what tables depend on besides the tokenizer: the code that computes them.

    Sources are identified by time and size, as Python does for its own compiled files. Where they are in no folder, as
    in an archive, nothing identifies them, and tables are for this process alone.
    """
    regex = find_spec("regex")
    folders = [Path(__file__).parent] + ([Path(regex.origin).parent] if regex and regex.origin else [])
    try:
        return [sys.version, sys.byteorder, *(entry for folder in folders for entry in _listing(str(folder)))]
    except OSError:
        return [os.urandom(16).hex()]


def _listing(folder: str) -> list[tuple[str, int, int]]:
    """Return path, time and size of all files with code in a folder and below it."""
    entries = []
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_dir():
                entries += _listing(entry.path) if entry.name != "__pycache__" else []
            elif entry.name.endswith((".py", ".so", ".pyd")):
                status = entry.stat()
                entries.append((entry.path, status.st_mtime_ns, status.st_size))
    return entries


def _mark_as_used(descriptor: int) -> None:
    """Set the time of a file to now, so that it is not among the oldest; rarely, since that writes to the disk."""
    import time

    if time.time() - os.fstat(descriptor).st_mtime > _TOUCH_SECONDS:
        with suppress(OSError, TypeError):  # not every system can do it with a descriptor
            os.utime(descriptor)


def _remove_oldest(folder: Path) -> None:
    """Remove the files that were not used for longest, if there are more than `_MAX_KEPT_BYTES`."""
    with suppress(OSError):
        found = [(path.stat(), path) for path in folder.glob(f"*{_SUFFIX}")]
        total = 0
        for status, path in sorted(found, key=lambda item: item[0].st_mtime, reverse=True):
            total += status.st_size
            if total > _MAX_KEPT_BYTES:
                path.unlink(missing_ok=True)
