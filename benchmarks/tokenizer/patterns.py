r"""Encoding with different split patterns: ours, the same through `regex`, and two libraries.

python -m benchmarks.tokenizer.patterns --corpus novels.txt --megabytes 4

All encode with GPT-2's vocabulary, whatever the pattern, so that only the pattern differs. One thread; each call is
made several times in turn, and the ratio is the median of the ratios. The ids are compared first. (tiktoken drops what
a pattern does not match, such as numbers with the last of DeepSeek's three: there its ids are others.)
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import command_line
from benchmarks.common.markdown import table
from benchmarks.tokenizer import SEPARATOR, gpt2_files

_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"

OTHER_PATTERNS = {
    "Qwen 2 and 3": (_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACES),
    "Mistral's tekken": (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _SPACES
    ),
    "DeepSeek V3": (
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"| ?[\p{P}\p{S}]+[\r\n]*" + _SPACES
    ),
}
"""Published patterns without a name; of DeepSeek's three, the last."""

_SMALL = 1_000_000  # bytes for those that are slow


@dataclass(frozen=True)
class Contestant:
    """One way to encode."""

    name: str
    encode: Callable[[str], Any]
    num_bytes: int


def contestants(pattern: str, files: dict[str, str], num_bytes: int) -> list[Contestant]:
    """Return all ways to encode with a pattern, ours first."""
    import tiktoken
    import tokenizers

    from bpe import Tokenizer

    base = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
    ours = Tokenizer(base.vocab, base.merges, [SEPARATOR], pattern=pattern, engine="compiled")
    # A look-behind that never matches: there is no automaton for it.
    by_regex = Tokenizer(
        base.vocab, base.merges, [SEPARATOR], pattern=f"(?:{ours.pattern})|(?<=a)(?!)", engine="compiled"
    )
    specials = base.special_tokens
    ranks = {token: token_id for token_id, token in base.vocab.items() if token_id not in specials.values()}
    encoding = tiktoken.Encoding("gpt2", pat_str=ours.pattern, mergeable_ranks=ranks, special_tokens=specials)
    with tempfile.TemporaryDirectory() as folder:
        base.save(Path(folder, "tokenizer.json"))
        theirs = tokenizers.Tokenizer.from_file(str(Path(folder, "tokenizer.json")))
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(ours.pattern), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return [
        Contestant("ours", ours.encode_to_numpy, num_bytes),
        Contestant("ours, a list", ours.encode, num_bytes),
        Contestant("ours by regex", by_regex.encode_to_numpy, min(num_bytes, _SMALL)),
        Contestant("tiktoken", encoding.encode_to_numpy, num_bytes),
        Contestant("tokenizers", lambda text: theirs.encode(text).ids, min(num_bytes, _SMALL)),
    ]


def measure(pattern: str, text: str, files: dict[str, str], repetitions: int) -> dict[str, tuple[float, float, bool]]:
    """Return for each way the bytes per second, how many times as fast ours is, and whether the ids are the same."""
    ways = contestants(pattern, files, len(text))
    speeds: dict[str, list[float]] = {way.name: [] for way in ways}
    reference = {size: list(ways[2].encode(text[:size])) for size in {way.num_bytes for way in ways}}
    equal = {way.name: list(way.encode(text[: way.num_bytes])) == reference[way.num_bytes] for way in ways}
    for _ in range(repetitions):
        for way in ways:
            part = text[: way.num_bytes]
            started = time.perf_counter()
            way.encode(part)
            speeds[way.name].append(len(part.encode()) / (time.perf_counter() - started))
    ours = speeds[ways[0].name]
    return {
        name: (
            statistics.median(found),
            statistics.median(mine / other for mine, other in zip(ours, found, strict=True)),
            equal[name],
        )
        for name, found in speeds.items()
    }


def main(arguments: Sequence[str]) -> None:
    """Measure all patterns and print a table.

    Raises:
        ValueError: an option is wrong, or GPT-2's files are not found.
        OSError: the corpus cannot be read.
    """
    from bpe import PATTERNS

    parser = command_line.make_parser("tokenizer.patterns", "Encoding with different split patterns, on one thread.")
    _add_options(parser)
    options = parser.parse_args(arguments)
    files = gpt2_files.find(None, None)
    if not options.corpus.is_file():
        raise ValueError(f"--corpus is {options.corpus}, which is not a file: pass a UTF-8 text file")
    text = options.corpus.read_bytes()[: options.megabytes * 1_000_000].decode(errors="ignore")
    text = text.replace(SEPARATOR, "")  # the same ordinary text for all
    rows = []
    for name, pattern in (PATTERNS | OTHER_PATTERNS).items():
        if options.pattern and name not in options.pattern:
            continue
        for way, (speed, ratio, is_equal) in measure(pattern, text, files, options.repetitions).items():
            rows.append([name, way, f"{speed / 1e6:.1f}", f"{ratio:.1f}", "same" if is_equal else "other"])
    print(table(["pattern", "", "MB/s", "ours is faster by", "ids"], rows))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, required=True, help="a UTF-8 text file")
    parser.add_argument("--megabytes", type=command_line.positive_integer, default=4, help="how much of it (default 4)")
    parser.add_argument(
        "--repetitions", type=command_line.positive_integer, default=5, help="calls of each (default 5)"
    )
    parser.add_argument("--pattern", action="append", help="measure only this pattern; repeatable")


if __name__ == "__main__":
    command_line.run(main)
