"""Compare the ids of tokenizer files with those of the `tokenizers` library.

python -m benchmarks.tokenizer.families tokenizer.json…

Prints a row for each `tokenizer.json`: what it consists of, and how many of 2,000 texts have equal ids, with and
without the tokens around a text, as a stream, with the kernels, and with the tables that they kept. The texts are
random Unicode, documentation, source code, emoji, combining marks, numbers, spaces, and the file's added tokens. A
refused file has its reason instead. The last column is how many times as fast an array of ids of the documentation is
made with the kernels, in one thread.
"""

import argparse
import json
import random
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import tokenizers

from benchmarks.common import command_line
from benchmarks.common.markdown import table
from bpe import Tokenizer

_ROOT = Path(__file__).resolve().parents[2]
_NUM_TEXTS = 2_000
_CHUNK = 37  # characters of a stream's parts
_TIMED = 300_000  # characters of documentation
_LISTS = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
}
_HARD = (
    *("'s", "'LL", " ", "  ", "    ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "e\u0301", "\u0301", "狐狸", "ひらがな"),
    *(
        "한국어",
        "👍🏽",
        "👩\u200d👩\u200d👧",
        "🇵🇱",
        "12345",
        "3.14",
        "½",
        "²",
        "Ⅷ",
        "٣٤",
        "ﬁ",
        "ﷺ",
        "Hello",
        "WORLD",
        "_x_",
    ),
    *("camelCase", "->", "!=", "...", "。", "<0x0A>", "▁", "Ġ", "ſ", "İ", "ß"),
)


def main(arguments: Sequence[str]) -> None:
    """Compare each file, and print the table.

    Raises:
        ValueError: the command line is wrong, or a file is not one that `tokenizers` reads.
        OSError: a file cannot be read.
    """
    parser = command_line.OneLineParser(prog="python -m benchmarks.tokenizer.families", allow_abbrev=False)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a tokenizer.json")
    parser.add_argument("--texts", type=command_line.positive_integer, default=_NUM_TEXTS, help="default 2000")
    given: argparse.Namespace = parser.parse_args(arguments)
    rows = [[_name(path), *compare(path, given.texts)] for path in given.files]
    print(table(["file", "parts", "texts with equal ids", "decoded texts that differ", "speed"], rows))


def compare(path: Path, num_texts: int) -> tuple[str, str, str, str]:
    """Return what a file consists of, how many texts have equal ids, how many are decoded differently, and the speed.

    Args:
        path: the `tokenizer.json`.
        num_texts: how many texts are encoded.

    Raises:
        ValueError: `tokenizers` cannot read the file either.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        content = json.loads(data)
        theirs = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises Exception itself
        raise ValueError(f"{path} is not a tokenizer.json that tokenizers can read: {error}") from None
    theirs.no_truncation()
    theirs.no_padding()
    try:
        ours = Tokenizer.load(path)
    except ValueError as error:
        return parts(content), f"refused: {str(error).removeprefix(f'{path}: ')}", "", ""
    added = [token["content"] for token in content.get("added_tokens") or []]
    chosen = list(texts([*added[:20], *added[-20:]], num_texts))
    with_tokens = [theirs.encode(text).ids for text in chosen]
    equal = [ours.encode(text, add_special_tokens=True) == ids for text, ids in zip(chosen, with_tokens, strict=True)]
    differing = 0
    expected = [theirs.encode(text, add_special_tokens=False).ids for text in chosen]
    for k, (text, ids) in enumerate(zip(chosen, expected, strict=True)):
        stream = ours.encode_iterable(text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK))
        equal[k] = equal[k] and ours.encode(text) == list(stream) == ids
        differing += ours.decode(ids, skip_special_tokens=True) != theirs.decode(ids)
    speed = "no kernels"
    if ours.load_kernels(1):
        speed = f"{speed_ratio(ours, theirs):.0f}×"
        for tokenizer in (ours, Tokenizer.load(path)):
            batch = tokenizer.encode_batch(chosen, num_threads=1)
            equal = [same and found == ids for same, found, ids in zip(equal, batch, expected, strict=True)]
    return parts(content), f"{sum(equal):,} of {num_texts:,}", f"{differing:,}", speed


def speed_ratio(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> float:
    """Return how many times as fast as theirs our tokenizer encodes the documentation, after a first call."""
    text = _joined(sorted((_ROOT / "docs").rglob("*.md")))[:_TIMED]
    ours.encode_to_numpy(text)

    def seconds(encode: Callable[[str], object]) -> float:
        started = time.perf_counter()
        encode(text)
        return time.perf_counter() - started

    mine = min(seconds(ours.encode_to_numpy) for _ in range(5))
    return seconds(lambda text: theirs.encode(text, add_special_tokens=False)) / mine


def texts(added_tokens: Sequence[str], count: int) -> Iterator[str]:
    """Yield texts of five kinds in turn, the same ones for the same tokens."""
    rng = random.Random(0)  # noqa: S311 - not for cryptography
    # Of an old version of Unicode: libraries differ in the newest one that they know.
    known = [
        chr(code)
        for code in range(0x30000)
        if not 0xD800 <= code < 0xE000 and unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Co")
    ]
    prose = _joined(sorted((_ROOT / "docs").glob("*.md")))
    code = _joined(sorted(Path(__file__).parent.glob("*.py")))
    for number in range(count):
        match number % 5:
            case 0:
                yield "".join(rng.choices(known, k=rng.randint(0, 30)))
            case 1 | 2 as kind:
                source = prose if kind == 1 else code
                start = rng.randrange(len(source) - 300)
                yield source[start : start + rng.randint(1, 300)]
            case 3:
                yield "".join(rng.choices(_HARD, k=rng.randint(0, 20)))
            case _:
                yield "".join(rng.choices([*_HARD, *added_tokens, *added_tokens], k=rng.randint(0, 15)))


def parts(content: Any) -> str:
    """Return the types of the steps in a `tokenizer.json`, as text."""
    steps = [step["type"] for name, listed in _LISTS.items() for step in _steps(content.get(name), listed)]
    fallback = ["byte fallback"] if content["model"].get("byte_fallback") else []
    return ", ".join([*steps, *fallback, f"{len(content.get('added_tokens') or []):,} added tokens"])


def _steps(part: Any, listed: str) -> Iterator[Any]:
    if part is not None and part["type"] == "Sequence":
        for step in part[listed]:
            yield from _steps(step, listed)
    elif part is not None:
        yield part


def _joined(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)


def _name(path: Path) -> str:
    return path.stem if path.name != "tokenizer.json" else path.resolve().parent.name


if __name__ == "__main__":
    command_line.run(main)
