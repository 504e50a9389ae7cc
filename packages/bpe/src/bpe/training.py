"""Training a tokenizer: count the pieces of a corpus, then learn merges from them."""

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Literal, NamedTuple

import regex

from bpe.patterns import DEFAULT_PATTERN, compile_pattern
from bpe.reference import Pair, count_pieces, learn_merges
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.training_report import TrainingReport, peak_memory
from bpe.training_sources import Source, TrainingSource, open_source

Engine = Literal["auto", "textbook", "compiled"]
ReportProgress = Callable[[str, int, int], None]
"""Is told the phase, how much of it is done, and how much there is in all (0 if that is not known)."""

_COMPILED_FROM_BYTES = 4_000_000  # below, loading the kernels takes longer than they save
_NUM_LONGEST = 5


def train_bpe(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = DEFAULT_PATTERN,
    num_threads: int | None = None,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    progress: bool = False,
    engine: Engine = "auto",
) -> tuple[dict[int, bytes], list[Pair]]:
    """Learn a byte-level BPE vocabulary from UTF-8 text.

    The text is read in chunks: memory follows the number of distinct pieces, not the size of the text. The same text
    gives the same merges, whatever the engine and the number of threads.

    Args:
        source: a path; a list or tuple of paths; or any other iterable, which yields strings. Each file and each
            string is a text of its own: no piece lies across two of them.
        vocab_size: entries of the vocabulary: special tokens, the 256 bytes and the merges together.
        special_tokens: strings that separate documents; they are never counted and take no part in merges.
        pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.
        num_threads: threads that the compiled engine counts with, by default one for each core.
        min_frequency: a pair is merged only if it occurs at least so often.
        max_token_length: a pair is merged only if the token is no longer than this, in bytes; None for no limit.
        progress: whether to show on standard error how far the work is.
        engine: `"textbook"` (plain Python), `"compiled"` (needs the extra `bpe[fast]`), or `"auto"`: compiled for large
            corpora if it is installed.

    Returns:
        `(vocab, merges)`: the bytes of each id (special tokens first, in the order given, then the 256 bytes,
        then the merges), and the merges in the order of their creation.

    Raises:
        ValueError: an argument is out of its range, the vocabulary is too small, a special token is empty or given
            twice, the pattern is not a regular expression, or the iterable yields something that is no text.
        TextFileError: a file is empty or not UTF-8.
        OSError: a file cannot be read.

    Warns:
        UserWarning: training stopped early because no pair of tokens is left to merge.
    """
    vocab, merges, _ = _train(
        source, vocab_size, special_tokens, pattern, num_threads, min_frequency, max_token_length, progress, engine
    )
    return vocab, merges


def train_bpe_with_report(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = DEFAULT_PATTERN,
    num_threads: int | None = None,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    progress: bool = False,
    engine: Engine = "auto",
) -> tuple[dict[int, bytes], list[Pair], TrainingReport]:
    """Do what `train_bpe` does, and also return a report: times, memory, and what was counted."""
    return _train(
        source, vocab_size, special_tokens, pattern, num_threads, min_frequency, max_token_length, progress, engine
    )


def _train(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str],
    pattern: str,
    num_threads: int | None,
    min_frequency: int,
    max_token_length: int | None,
    progress: bool,
    engine: Engine,
) -> tuple[dict[int, bytes], list[Pair], TrainingReport]:
    _check_number("vocab_size", vocab_size, None)
    _check_number("min_frequency", min_frequency, 1)
    if max_token_length is not None:
        _check_number("max_token_length", max_token_length, 1)
    if num_threads is not None:
        _check_number("num_threads", num_threads, 1)
    specials = SpecialTokens(special_tokens)
    smallest = 256 + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(
            f"vocab_size is {vocab_size}, but the 256 bytes and {len(special_tokens)} special tokens "
            f"already make {smallest}: ask for at least {smallest}"
        )
    compiled = compile_pattern(pattern)
    opened = open_source(source)
    chosen = _choose_engine(engine, opened.size)
    train = _train_compiled if chosen == "compiled" else _train_textbook
    started = time.perf_counter()
    learned = train(
        opened,
        specials,
        compiled,
        vocab_size - smallest,
        num_threads or available_cores(),
        min_frequency,
        max_token_length,
        _write_progress if progress else _ignore_progress,
    )
    total_seconds = time.perf_counter() - started
    if progress:
        sys.stderr.write("\n")
    merges = learned.merges
    made = [left + right for left, right in merges]
    tokens = [*(token.encode() for token in special_tokens), *(bytes([byte]) for byte in range(256)), *made]
    if len(tokens) < vocab_size:
        limits = f" that occurs {min_frequency} times" if min_frequency > 1 else ""
        limits += f" and makes at most {max_token_length} bytes" if max_token_length is not None else ""
        warnings.warn(
            f"training stopped at {len(tokens)} entries instead of {vocab_size}: "
            f"no pair of tokens{limits} is left to merge in {opened.name}",
            stacklevel=3,
        )
    report = TrainingReport(
        engine=chosen,
        bytes_read=opened.bytes_read,
        num_pieces=learned.num_pieces,
        num_distinct_pieces=learned.num_distinct,
        num_merges=len(merges),
        longest_tokens=tuple(sorted(set(made), key=lambda token: (-len(token), token))[:_NUM_LONGEST]),
        count_seconds=learned.count_seconds,
        merge_seconds=learned.merge_seconds,
        total_seconds=total_seconds,
        peak_memory_bytes=peak_memory(),
    )
    return dict(enumerate(tokens)), merges, report


class _Learned(NamedTuple):
    """What either engine brings back."""

    merges: list[Pair]
    num_pieces: int
    num_distinct: int
    count_seconds: float
    merge_seconds: float


def _train_textbook(
    source: TrainingSource,
    specials: SpecialTokens,
    pattern: "regex.Pattern[str]",
    num_merges: int,
    num_threads: int,  # noqa: ARG001 (Python's threads share one core)
    min_frequency: int,
    max_token_length: int | None,
    report_progress: ReportProgress,
) -> _Learned:
    started = time.perf_counter()
    counts = count_pieces(_ordinary_parts(source, specials, pattern, report_progress), pattern)
    counted = time.perf_counter()
    report_progress("merging", 0, num_merges)
    merges = learn_merges(counts, num_merges, min_frequency=min_frequency, max_token_length=max_token_length)
    report_progress("merging", len(merges), num_merges)
    merged = time.perf_counter()
    return _Learned(merges, counts.total(), len(counts), counted - started, merged - counted)


def _train_compiled(
    source: TrainingSource,
    specials: SpecialTokens,
    pattern: "regex.Pattern[str]",
    num_merges: int,
    num_threads: int,
    min_frequency: int,
    max_token_length: int | None,
    report_progress: ReportProgress,
) -> _Learned:
    from bpe.kernels import counting, learning

    started = time.perf_counter()
    parts = _ordinary_parts(source, specials, pattern, report_progress)
    counts = counting.count_pieces(parts, lambda part: [counting.mark_textbook(part, pattern)], num_threads)
    words = counts.words()
    counted = time.perf_counter()
    merges = learning.learn_merges(
        *words,
        num_merges,
        min_frequency=min_frequency,
        max_token_length=max_token_length,
        report_progress=lambda done, total: report_progress("merging", done, total),
    )
    merged = time.perf_counter()
    return _Learned(merges, counts.num_pieces, counts.num_distinct, counted - started, merged - counted)


def _ordinary_parts(
    source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]", report_progress: ReportProgress
) -> Iterator[str]:
    """Yield the corpus in parts that may be split into pieces by themselves, without the special tokens."""
    for chunks in source.texts():
        for part, is_special in safe_parts(chunks, specials, pattern):
            if not is_special:
                report_progress("counting", source.bytes_read, source.size or 0)
                yield part


def _choose_engine(engine: Engine, size: int | None) -> Literal["textbook", "compiled"]:
    """Decide which engine trains on a corpus of `size` bytes, None if that is not known."""
    if engine not in ("auto", "textbook", "compiled"):
        raise ValueError(f"engine is {engine!r}: it has to be 'auto', 'textbook' or 'compiled'")
    installed = find_spec("numba") is not None
    if engine == "compiled" and not installed:
        raise ValueError("engine is 'compiled', but Numba is not installed: install bpe[fast], or ask for 'auto'")
    if engine == "auto":
        return "compiled" if installed and (size is None or size >= _COMPILED_FROM_BYTES) else "textbook"
    return engine


def _check_number(name: str, value: object, smallest: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}: it has to be a whole number")
    if smallest is not None and value < smallest:
        raise ValueError(f"{name} is {value}: it has to be at least {smallest}")


def available_cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ignore_progress(phase: str, done: int, total: int) -> None:
    pass


def _write_progress(phase: str, done: int, total: int) -> None:
    share = f" {100 * done // total:3} %" if total else f" {done:,}"
    sys.stderr.write(f"\r{phase}{share}")
