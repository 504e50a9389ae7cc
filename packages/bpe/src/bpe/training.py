"""Training a tokenizer: count the pieces of a corpus, then learn merges from them."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import regex

from bpe.checks import Engine, check_engine, check_integer, check_num_threads
from bpe.document_files import DEFAULT_COLUMN
from bpe.engine import FROM_FILE, FROM_SOURCE, kernels_installed, use_kernels
from bpe.input_files import TextFileError
from bpe.parallel import available_cores
from bpe.patterns import DEFAULT_PATTERN, compile_pattern
from bpe.progress import Progress
from bpe.reference import Pair, count_pieces, learn_merges
from bpe.special_tokens import SpecialTokens
from bpe.streaming import safe_parts
from bpe.training_report import TrainingReport, peak_memory
from bpe.training_sources import Source, TrainingSource, open_source

_NUM_LONGEST = 5


def train_bpe(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    column: str = DEFAULT_COLUMN,
    pattern: str = DEFAULT_PATTERN,
    num_threads: int | None = None,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    progress: bool = False,
    engine: Engine = "auto",
) -> tuple[dict[int, bytes], list[Pair]]:
    """Learn a byte-level BPE vocabulary from UTF-8 text.

    The text is read in chunks: memory grows with the number of distinct pieces, not with the size of the text. The same
    text gives the same merges, whatever the engine and the number of threads.

    Args:
        source: a path; a list or tuple of paths; or any other iterable, which yields strings. (To train on a list of
            texts, give `iter(texts)`.) Files are text, JSON lines (`.jsonl`, `.ndjson`, `.json`) or `.parquet`, and may
            be compressed (`.gz`, `.zst`). Each text file, each document of the other files and each string is a text of
            its own: no piece extends across two of them.
        vocab_size: the number of entries of the vocabulary: special tokens, the 256 bytes and the merges together.
        special_tokens: strings that separate documents; they are never counted and never merged.
        column: the field or column with the text, for JSON lines and parquet.
        pattern: the split pattern, a name of `bpe.PATTERNS` or a regular expression.
        num_threads: the number of threads for counting with the compiled engine, by default one for each core.
        min_frequency: a pair is merged only if it occurs at least this often.
        max_token_length: a pair is merged only if the token is no longer than this, in bytes; None for no limit.
        progress: whether to show the progress on standard error.
        engine: `"reference"` (plain Python), `"compiled"` (needs the extra `bpe[fast]`), or `"auto"`: compiled for
            large corpora if it is installed.

    Returns:
        `(vocab, merges)`: the bytes of each id (special tokens first, in the order given, then the 256 bytes,
        then the merges), and the merges in the order of their creation.

    Raises:
        ValueError: an argument is out of its range, the vocabulary is too small, a special token is empty or given
            twice, the pattern is not a regular expression, the iterable yields something that is not text, or a text
            is given where a path is expected.
        TextFileError: a file is empty, damaged, not UTF-8, or has no such column; or a package that is needed to read
            it is not installed.
        OSError: a file cannot be read.

    Warns:
        UserWarning: training stopped early because no pair of tokens is left to merge.
    """
    vocab, merges, _ = _train(
        source,
        vocab_size,
        special_tokens,
        column,
        pattern,
        num_threads,
        min_frequency,
        max_token_length,
        progress,
        engine,
    )
    return vocab, merges


def train_bpe_with_report(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    column: str = DEFAULT_COLUMN,
    pattern: str = DEFAULT_PATTERN,
    num_threads: int | None = None,
    min_frequency: int = 1,
    max_token_length: int | None = None,
    progress: bool = False,
    engine: Engine = "auto",
) -> tuple[dict[int, bytes], list[Pair], TrainingReport]:
    """Do what `train_bpe` does, and also return a report: times, memory, and what was counted."""
    return _train(
        source,
        vocab_size,
        special_tokens,
        column,
        pattern,
        num_threads,
        min_frequency,
        max_token_length,
        progress,
        engine,
    )


def _train(
    source: Source,
    vocab_size: int,
    special_tokens: Sequence[str],
    column: str,
    pattern: str,
    num_threads: int | None,
    min_frequency: int,
    max_token_length: int | None,
    progress: bool,
    engine: Engine,
) -> tuple[dict[int, bytes], list[Pair], TrainingReport]:
    check_integer("vocab_size", vocab_size)
    check_integer("min_frequency", min_frequency, 1)
    if max_token_length is not None:
        check_integer("max_token_length", max_token_length, 1)
    check_num_threads(num_threads)
    check_engine(engine)
    specials = SpecialTokens(special_tokens)
    smallest = 256 + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(
            f"vocab_size is {vocab_size}, but the 256 bytes and {len(special_tokens)} special tokens "
            f"already make {smallest}: ask for at least {smallest}"
        )
    compiled = compile_pattern(pattern)
    opened = open_source(source, column)
    is_compiled = _choose_kernels(engine, opened)
    started = time.perf_counter()
    if is_compiled:
        _load_kernels()
    counting_began = time.perf_counter()
    with Progress("counting", opened.size, shown=progress) as display:
        opened.on_read = display.advance
        if is_compiled:
            counted = _count_compiled(opened, specials, compiled, num_threads or available_cores())
        else:
            counted = _count_reference(opened, specials, compiled)
    if opened.bytes_read == 0:
        raise TextFileError(f"there is no text in {opened.name}: give files with documents in them")
    counting_done = time.perf_counter()
    num_merges = vocab_size - smallest
    with Progress("merging", num_merges, unit="merges", shown=progress) as display:
        merges = counted.learn(
            num_merges,
            min_frequency=min_frequency,
            max_token_length=max_token_length,
            report_progress=display.advance,
        )
    merging_done = time.perf_counter()
    merged = [left + right for left, right in merges]
    tokens = [*(token.encode() for token in special_tokens), *(bytes([byte]) for byte in range(256)), *merged]
    if len(tokens) < vocab_size:
        limits = f" that occurs {min_frequency} times" if min_frequency > 1 else ""
        limits += f" and makes at most {max_token_length} bytes" if max_token_length is not None else ""
        _warn_of_early_stop(len(tokens), vocab_size, f"no pair of tokens{limits} is left to merge in {opened.name}")
    report = TrainingReport(
        engine="compiled" if is_compiled else "reference",
        bytes_read=opened.bytes_read,
        num_pieces=counted.num_pieces,
        num_distinct_pieces=counted.num_distinct,
        num_merges=len(merges),
        longest_tokens=tuple(sorted(set(merged), key=lambda token: (-len(token), token))[:_NUM_LONGEST]),
        count_seconds=counting_done - counting_began,
        merge_seconds=merging_done - counting_done,
        total_seconds=time.perf_counter() - started,
        peak_memory_bytes=peak_memory(),
    )
    return dict(enumerate(tokens)), merges, report


def _warn_of_early_stop(num_tokens: int, vocab_size: int, reason: str) -> None:
    message = f"training stopped at {num_tokens} entries instead of {vocab_size}: {reason}"
    warnings.warn(message, stacklevel=4)  # at the call of `train_bpe`


class _Learns(Protocol):
    def __call__(
        self,
        num_merges: int,
        *,
        min_frequency: int,
        max_token_length: int | None,
        report_progress: Callable[[int], None],
    ) -> list[Pair]: ...


class _Counted(NamedTuple):
    """The result of counting, and the function that learns merges from it."""

    num_pieces: int
    num_distinct: int
    learn: _Learns


def _count_reference(source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]") -> _Counted:
    counts = count_pieces(_ordinary_parts(source, specials, pattern), pattern)

    def learn(
        num_merges: int, *, min_frequency: int, max_token_length: int | None, report_progress: Callable[[int], None]
    ) -> list[Pair]:
        merges = learn_merges(counts, num_merges, min_frequency=min_frequency, max_token_length=max_token_length)
        report_progress(len(merges))
        return merges

    return _Counted(counts.total(), len(counts), learn)


def _count_compiled(
    source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]", num_threads: int
) -> _Counted:
    from bpe.compiled import learning
    from bpe.compiled.training import count_source

    counter = count_source(source, specials, pattern, num_threads)
    return _Counted(counter.num_pieces, counter.num_distinct, partial(learning.learn_merges, *counter.words()))


def _ordinary_parts(source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]") -> Iterator[str]:
    """Yield the corpus in parts that can be split into pieces independently, without the special tokens."""
    for chunks in source.texts():
        for part, is_special in safe_parts(chunks, specials, pattern):
            if not is_special:
                yield part


def _choose_kernels(engine: Engine, source: TrainingSource) -> bool:
    """Decide whether to train with the kernels.

    If the size of the corpus is unknown, strings are fetched until there are enough of them to decide.
    """
    from bpe.kernels import loading

    ready = loading.is_loaded("train")
    size = source.about_bytes
    if size is None:
        size = FROM_FILE  # the size of a pipe is unknown
        if source.paths is None and engine == "auto":
            size = source.look_ahead(FROM_FILE)
            if size >= FROM_FILE and not ready and not (kernels_installed() and loading.is_kept("train")):
                size += source.look_ahead(FROM_SOURCE - FROM_FILE)
    return use_kernels(engine, size, "train", ready=ready)


def _load_kernels() -> None:
    """Load now what counting would load otherwise, so that the times in the report are separate."""
    from bpe.compiled import learning, training
    from bpe.kernels.loading import kernel

    del learning, training
    kernel("train")
