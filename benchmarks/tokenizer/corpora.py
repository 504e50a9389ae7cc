"""Mixed corpora from any folder of text.

Tokenizers are fast on English, where a few thousand words make up most of a text. Their speed on many scripts, emoji
and source code shows only on a text that contains them. `assemble` makes such a text.
"""

import codecs
import heapq
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import regex

from benchmarks.tokenizer import SEPARATOR

_BLOCK_BYTES = 32_768
_CODE = regex.compile(
    r"\.(c|cc|cfg|cpp|cs|css|go|h|hpp|html|java|js|json|kt|less|lua|mjs|php|pl|pyi?|r|rb|rs|sh|sql|swift|toml|tsx?|xml"
    r"|ya?ml)"
)


@dataclass
class Assembly:
    """The contents of a mixed corpus."""

    documents: int = 0
    bytes_written: int = 0
    bytes_of_code: int = 0
    """Bytes from files whose names end like those of source code."""
    bytes_by_folder: Counter[str] = field(default_factory=Counter)
    """Bytes from each of the first-level folders."""
    skipped: list[str] = field(default_factory=list)
    """Files that are not UTF-8 text."""


def assemble(folder: str | os.PathLike[str], out: str | os.PathLike[str], size: int) -> Assembly:
    """Write about `size` bytes of mixed text from all UTF-8 files under `folder`.

    Each folder's share of the text is divided equally among its files and subfolders until they are used up, so the
    directory tree determines the mixture. Files are read in blocks of about 32 kB that end with a line. Each block is
    a document, followed by `<|endoftext|>` on its own line.

    The order is that of the names: the same folder gives the same text.

    Raises:
        ValueError: there is no text in the folder.
        OSError: a file cannot be read or written.
    """
    root, target = Path(folder), Path(out)
    assembly = Assembly()
    ending = f"{SEPARATOR}\n".encode()
    with target.open("wb") as file:
        for path, block in _blocks(root, target.resolve(), assembly.skipped):
            if not block.endswith(b"\n"):
                block += b"\n"
            file.write(block + ending)
            assembly.documents += 1
            assembly.bytes_written += len(block) + len(ending)
            assembly.bytes_by_folder[path.relative_to(root).parts[0]] += len(block)
            assembly.bytes_of_code += len(block) if _CODE.fullmatch(path.suffix.lower()) else 0
            if assembly.bytes_written >= size:
                break
    if assembly.documents == 0:
        target.unlink()
        raise ValueError(f"{root} contains no UTF-8 text files: pass a folder of text")
    return assembly


def _blocks(folder: Path, target: Path, skipped: list[str]) -> Iterator[tuple[Path, bytes]]:
    """Yield blocks of the files under `folder`, each from the child that has contributed the fewest bytes so far."""
    children = sorted(path for path in folder.iterdir() if not path.is_symlink() and path.resolve() != target)
    queue = [
        (0, place, _blocks(path, target, skipped) if path.is_dir() else _file_blocks(path, skipped))
        for place, path in enumerate(children)
    ]
    while queue:
        contributed, place, blocks = queue[0]
        found = next(blocks, None)
        if found is None:
            heapq.heappop(queue)
        else:
            yield found
            heapq.heapreplace(queue, (contributed + len(found[1]), place, blocks))


def _file_blocks(path: Path, skipped: list[str]) -> Iterator[tuple[Path, bytes]]:
    """Yield the blocks of a file, or add its name to `skipped` if it is not text."""
    if not _is_text(path):
        skipped.append(str(path))
        return
    offset = 0
    while block := _read_block(path, offset):
        yield path, block
        offset += len(block)


def _is_text(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                if b"\0" in chunk:
                    return False
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _read_block(path: Path, offset: int) -> bytes:
    """Read a block that ends with a line, or within a very long line (then between two characters)."""
    with path.open("rb") as file:  # opened for each block: thousands of files take turns
        file.seek(offset)
        block = file.read(_BLOCK_BYTES) + file.readline(_BLOCK_BYTES)
    if block.endswith(b"\n"):
        return block
    return block.decode("utf-8", errors="ignore").encode()  # the file is UTF-8: this drops only a cut last character


def cut(path: str | os.PathLike[str], out: str | os.PathLike[str], size: int) -> int:
    """Write the longest beginning of a text file that has at most `size` bytes and ends with a line; return its bytes.

    Raises:
        ValueError: the first line alone is longer than `size`.
        OSError: a file cannot be read or written.
    """
    with Path(path).open("rb") as file:
        head = file.read(size + 1)
    if len(head) > size:
        head = head[: head.rfind(b"\n", 0, size) + 1]
    if not head:
        raise ValueError(f"{path} has no line end within its first {size} bytes: pass a text with shorter lines")
    return Path(out).write_bytes(head)
