r"""Encoding with different split patterns: ours, the same through `regex`, and two libraries.

python -m benchmarks.tokenizer.patterns --corpus novels.txt --megabytes 4

All encode with GPT-2's vocabulary, whatever the pattern, so that only the pattern differs. One thread; each call is
made several times in turn, and the ratio is the median of the ratios. The ids are compared first. tiktoken has no
patterns in several steps, and drops what a pattern does not match: there it has no column, or other ids.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import command_line
from benchmarks.common.machine import describe_machine, installed_version
from benchmarks.common.markdown import table
from benchmarks.tokenizer import SEPARATOR, gpt2_files
from benchmarks.tokenizer.split_patterns import SPLIT_PATTERNS, Step

if TYPE_CHECKING:
    from bpe import Tokenizer

_REFERENCE = "`regex`"
_SMALL = 1_000_000  # bytes for those that are slow
_NO_AUTOMATON = "|(?<=a)(?!b)b"
"""An alternative that never matches, and for which there is no automaton."""
_BYTE_LEVEL: Step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "patterns.md"
_HEAD = ["pattern", "array, MB/s", "list, MB/s", "`regex`", "tiktoken", "tiktoken, lists", "tokenizers", "other ids"]


@dataclass(frozen=True)
class Contestant:
    """One way to encode."""

    name: str
    encode: Callable[[str], Any]
    num_bytes: int


@dataclass(frozen=True)
class Measured:
    """What was measured of one way to encode."""

    speed: float
    """The median, in bytes per second."""
    ratio: float
    """How many times as fast ours is that makes the same, an array or a list: the median of the ratios."""
    is_equal: bool
    """Whether the ids are those of the reference."""


def contestants(steps: Sequence[Step], files: dict[str, str], num_bytes: int) -> list[Contestant]:
    """Return all ways to encode with a pattern; ours first, into an array and into a list."""
    import tokenizers

    from bpe import Tokenizer

    base = Tokenizer.from_files(files["vocab"], files["merges"], [SEPARATOR])
    small = min(num_bytes, _SMALL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokenizer.json")
        _write_file(base, steps, path)
        scanned = Tokenizer.load(path)
        theirs = tokenizers.Tokenizer.from_file(str(path))
        last = steps[-1]["pattern"]["Regex"]
        without = steps[-1] | {"pattern": {"Regex": f"(?:{last}){_NO_AUTOMATON}"}}
        _write_file(base, [*steps[:-1], without], path)
        by_regex = Tokenizer.load(path)
    for tokenizer in (scanned, by_regex):
        tokenizer.load_kernels(1)
    ways = [
        Contestant("ours", scanned.encode_to_numpy, num_bytes),
        Contestant("ours, lists", scanned.encode, num_bytes),
        Contestant("tokenizers", lambda text: theirs.encode(text).ids, small),
    ]
    if len(steps) == 1:
        import tiktoken

        specials = base.special_tokens
        ranks = {token: token_id for token_id, token in base.vocab.items() if token_id not in specials.values()}
        peer = tiktoken.Encoding("gpt2", pat_str=last, mergeable_ranks=ranks, special_tokens=specials)
        ways.append(Contestant("tiktoken", peer.encode_to_numpy, num_bytes))
        ways.append(Contestant("tiktoken, lists", peer.encode_ordinary, num_bytes))
    # The last one is before ours when all are called in turn: the same one for each pattern, since what another library
    # leaves in the caches of the processor makes a difference.
    return [*ways, Contestant(_REFERENCE, by_regex.encode_to_numpy, small)]


def _write_file(base: "Tokenizer", steps: Sequence[Step], path: Path) -> None:
    """Write a `tokenizer.json` with the vocabulary of `base` that splits in these steps."""
    base.save(path)
    content = json.loads(path.read_text("utf-8"))
    if all(step["type"] != "ByteLevel" for step in steps):
        steps = [*steps, _BYTE_LEVEL]
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
    path.write_text(json.dumps(content), "utf-8")


def measure(steps: Sequence[Step], text: str, files: dict[str, str], repetitions: int) -> dict[str, Measured]:
    """Return what is measured of each way to encode, by name."""
    ways = contestants(steps, files, len(text))
    reference = {size: list(ways[-1].encode(text[:size])) for size in {way.num_bytes for way in ways}}
    equal = {way.name: list(way.encode(text[: way.num_bytes])) == reference[way.num_bytes] for way in ways}
    speeds: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(repetitions):
        for way in ways:
            part = text[: way.num_bytes]
            started = time.perf_counter()
            way.encode(part)
            speeds[way.name].append(len(part.encode()) / (time.perf_counter() - started))
    found = {}
    for name, others in speeds.items():
        mine = speeds["ours, lists" if name.endswith("lists") else "ours"]
        ratio = statistics.median(mine / other for mine, other in zip(mine, others, strict=True))
        found[name] = Measured(statistics.median(others), ratio, equal[name])
    return found


def row(name: str, found: dict[str, Measured]) -> list[str]:
    """Return the cells of a pattern."""
    peers = [found.get(way) for way in (_REFERENCE, "tiktoken", "tiktoken, lists", "tokenizers")]
    return [
        name,
        *(f"{found[way].speed / 1e6:.1f}" for way in ("ours", "ours, lists")),
        *(f"{peer.ratio:.1f}×" if peer else "" for peer in peers),
        ", ".join(way for way, measured in found.items() if not measured.is_equal) or "none",
    ]


def page(rows: Sequence[Sequence[str]], command: str, corpus: str) -> str:
    """Return the page for docs/benchmarks."""
    machine = describe_machine()
    versions = ", ".join(f"{name} {installed_version(name)}" for name in ("regex", "tiktoken", "tokenizers", "numba"))
    return "\n\n".join(
        [
            "# Encoding by split pattern",
            f"_Generated by `{command}`; do not edit._",
            "All encode with GPT-2's vocabulary, so that only the pattern differs, in one thread, after a first call. "
            f"The text is the beginning of {corpus}. MB/s are ours; each ratio is how many times as fast ours is, into "
            "an array or, for lists, into a list. `regex` is our encoder if it has no automaton. The last column names "
            "the ways with other ids than the reference: tiktoken drops what a pattern does not match.",
            table(_HEAD, rows),
            f"Medians. {machine['processor']}, {machine['cores']} cores, {machine['system']}, Python "
            f"{machine['python']}; {versions}.\n",
        ]
    )


def main(arguments: Sequence[str]) -> None:
    """Measure all patterns and print a table.

    Raises:
        ValueError: an option is wrong, or GPT-2's files are not found.
        OSError: the corpus cannot be read.
    """
    options = _parser().parse_args(arguments)
    unknown = set(options.pattern or ()) - SPLIT_PATTERNS.keys()
    if unknown:
        raise ValueError(f"--pattern is {unknown.pop()!r}: give one of {', '.join(SPLIT_PATTERNS)}")
    files = gpt2_files.find(options.vocab, options.merges)
    if not options.corpus.is_file():
        raise ValueError(f"--corpus is {options.corpus}, which is not a file: pass a UTF-8 text file")
    data = options.corpus.read_bytes()[: options.megabytes * 1_000_000]
    text = data.decode(errors="ignore").replace(SEPARATOR, "")  # the same ordinary text for all
    rows = []
    for name in options.pattern or SPLIT_PATTERNS:
        command_line.show_progress(name)
        rows.append(row(name, measure(SPLIT_PATTERNS[name], text, files, options.repetitions)))
    command_line.show_progress("")
    print(table(_HEAD, rows))
    if options.write_docs:
        command = command_line.shown_command("tokenizer.patterns", arguments, [options.corpus])
        _PAGE.write_text(page(rows, command, f"`{options.corpus.name}`, {len(text.encode()):,} bytes"), "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.make_parser("tokenizer.patterns", "Encoding with different split patterns, on one thread.")
    number = command_line.positive_integer
    parser.add_argument("--corpus", type=Path, required=True, help="a UTF-8 text file")
    parser.add_argument("--megabytes", type=number, default=4, help="how much of it (default 4)")
    parser.add_argument("--repetitions", type=number, default=5, help="calls of each (default 5)")
    parser.add_argument("--pattern", action="append", help="measure only this pattern; repeatable")
    parser.add_argument("--vocab", type=Path, help="GPT-2's vocab.json, if no installed package has it")
    parser.add_argument("--merges", type=Path, help="its merges.txt")
    parser.add_argument("--write-docs", action="store_true", help="write docs/benchmarks/patterns.md")
    return parser


if __name__ == "__main__":
    command_line.run(main)
