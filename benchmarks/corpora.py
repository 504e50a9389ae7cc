"""Mixed corpora out of any folder of text, and what scripts a text is written in.

Tokenizers are fast on English, where a few thousand words cover a text. How they do on many scripts, emoji and code
shows only on a text that has them, and such a text is made here from whatever lies in a folder.
"""

import codecs
import heapq
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import regex

SEPARATOR = "<|endoftext|>"
_BLOCK_BYTES = 32_768
_CODE = regex.compile(
    r"\.(c|cc|cfg|cpp|cs|css|go|h|hpp|html|java|js|json|kt|less|lua|mjs|php|pl|pyi?|r|rb|rs|sh|sql|swift|toml|tsx?|xml"
    r"|ya?ml)"
)
# fmt: off
_SCRIPTS = (
    "Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac", "Thaana", "Nko",
    "Adlam", "Hanifi_Rohingya", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu",
    "Kannada", "Malayalam", "Sinhala", "Ol_Chiki", "Meetei_Mayek", "Chakma", "Thai", "Lao", "Tibetan",
    "Myanmar", "Khmer", "Tai_Le", "New_Tai_Lue", "Javanese", "Balinese", "Mongolian", "Han", "Hiragana",
    "Katakana", "Bopomofo", "Hangul", "Yi", "Ethiopic", "Tifinagh", "Cherokee", "Canadian_Aboriginal", "Runic",
    "Gothic",
)
# fmt: on
_CLASSES = regex.compile(
    r"(?P<emoji>[[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]--[©®™]])"
    r"|(?P<white_space>\s)|(?P<digits>\p{Nd})|"
    + "|".join(rf"(?P<{name}>\p{{Script={name}}})" for name in _SCRIPTS)
    + r"|(?P<other_letters>[\p{L}\p{M}])",
    regex.VERSION1,
)


@dataclass
class Assembly:
    """What a mixed corpus was made of."""

    documents: int = 0
    bytes_written: int = 0
    bytes_of_code: int = 0
    """Bytes that came from files whose names end like code."""
    bytes_by_folder: Counter[str] = field(default_factory=Counter)
    """Bytes from each of the first-level folders."""
    skipped: list[str] = field(default_factory=list)
    """Files that hold no UTF-8 text."""


def assemble(folder: str | os.PathLike[str], out: str | os.PathLike[str], size: int) -> Assembly:
    """Write about `size` bytes of mixed text from all UTF-8 files under `folder`.

    Each folder gives its share of the text in equal parts to what lies in it, files and folders alike, until they
    are used up; so the tree says how much of what there will be. Files are taken in blocks of about 32 kB that end
    with a line. A block is a document; `<|endoftext|>` on a line of its own follows each.

    The same folder gives the same text: the order is that of the names.

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
        raise ValueError(f"{root} has no file with UTF-8 text in it: name a folder of text")
    return assembly


def _blocks(folder: Path, target: Path, skipped: list[str]) -> Iterator[tuple[Path, bytes]]:
    """Yield blocks of the files under `folder`, always from the child that has given the fewest bytes so far."""
    children = sorted(path for path in folder.iterdir() if not path.is_symlink() and path.resolve() != target)
    queue = [
        (0, place, _blocks(path, target, skipped) if path.is_dir() else _file_blocks(path, skipped))
        for place, path in enumerate(children)
    ]
    while queue:
        given, place, blocks = queue[0]
        found = next(blocks, None)
        if found is None:
            heapq.heappop(queue)
        else:
            yield found
            heapq.heapreplace(queue, (given + len(found[1]), place, blocks))


def _file_blocks(path: Path, skipped: list[str]) -> Iterator[tuple[Path, bytes]]:
    """Yield a file's blocks; a file that is not text gives none, and its name goes to `skipped`."""
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
    """Read a block that ends with a line, or within one that is very long (then between two characters)."""
    with path.open("rb") as file:  # opened anew for each block: thousands of files take turns
        file.seek(offset)
        block = file.read(_BLOCK_BYTES) + file.readline(_BLOCK_BYTES)
    if block.endswith(b"\n"):
        return block
    return block.decode("utf-8", errors="ignore").encode()  # the file is UTF-8: only a cut last character is left out


def cut(path: str | os.PathLike[str], out: str | os.PathLike[str], size: int) -> int:
    """Write the longest beginning of a text file that has at most `size` bytes and ends with a line; give its bytes.

    Raises:
        ValueError: the first line alone is longer than `size`.
        OSError: a file cannot be read or written.
    """
    with Path(path).open("rb") as file:
        head = file.read(size + 1)
    if len(head) > size:
        head = head[: head.rfind(b"\n", 0, size) + 1]
    if not head:
        raise ValueError(f"{path} has no line end within its first {size} bytes: give a text with shorter lines")
    return Path(out).write_bytes(head)


def bytes_by_class(path: str | os.PathLike[str]) -> dict[str, int]:
    """Count a text's bytes by script, emoji, digits, white space and other signs."""
    characters: Counter[str] = Counter()
    with Path(path).open(encoding="utf-8", newline="") as file:
        while chunk := file.read(1 << 20):
            characters.update(chunk)
    classes: Counter[str] = Counter()
    for character, count in characters.items():
        classes[_class_of(character)] += count * len(character.encode())
    return dict(classes.most_common())


def _class_of(character: str) -> str:
    found = _CLASSES.match(character)
    return "other signs" if found is None or found.lastgroup is None else found.lastgroup.replace("_", " ")
