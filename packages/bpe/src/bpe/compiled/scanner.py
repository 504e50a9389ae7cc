"""The scanner of a pattern: which kernel finds its pieces, and the tables that it reads. No Numba here."""

import warnings
from functools import lru_cache

import numpy as np

from bpe.automata.byte_steps import ByteSteps, byte_steps
from bpe.automata.composition import automaton_of, find_automaton_of
from bpe.automata.determinize import DEAD, Automaton
from bpe.automata.scanner_table import BORDER_HERE, START_ROW, ScannerTable, scanner_table
from bpe.automata.syntax import NotTranslatableError
from bpe.compiled.calling import Arguments
from bpe.engine import LARGE
from bpe.kernels.scanning import layout as scanning
from bpe.kernels.scanning.class_table import class_table
from bpe.patterns import PATTERNS, character_steps
from bpe.pre_tokenizers import PatternKey

_LARGEST_OFFSET = 0xFFFF
_FLAG_BITS = 3


def has_scanner(pattern: PatternKey) -> bool:
    """Return whether the kernels have a scanner for this regular expression, or for these split steps."""
    return scanner_arguments(pattern)[scanning.PATTERN] != scanning.NO_SCANNER


def warn_if_slow(pattern: PatternKey, num_bytes: int) -> None:
    """Warn, once for a pattern without a scanner, when `regex` has split so many bytes that it takes long.

    Warns:
        UserWarning: `num_bytes` is at least `bpe.engine.LARGE`.
    """
    if num_bytes >= LARGE:
        _warn_of_regex(pattern)


@lru_cache(maxsize=8)
def _warn_of_regex(pattern: PatternKey) -> None:
    reason = "its automaton is too large"
    try:
        automaton_of(character_steps(pattern))
        byte_steps(pattern)
    except NotTranslatableError as error:
        reason = str(error)
    shown = f"split pattern {pattern!r} has" if isinstance(pattern, str) else f"split steps {list(pattern)} have"
    warnings.warn(
        f"the {shown} no fast scanner, so regex splits the text, which takes most of the time: {reason}",
        stacklevel=2,
    )


@lru_cache(maxsize=8)
def scanner_arguments(pattern: PatternKey) -> Arguments:
    """Return the arguments that make a kernel split by a pattern or in steps, if it has a scanner; computed once."""
    try:
        steps = byte_steps(pattern)
    except NotTranslatableError:
        return automaton_arguments(None)
    pattern = character_steps(pattern)
    if pattern == PATTERNS["gpt2"]:
        a = Arguments()
        a[scanning.PATTERN] = scanning.GPT2
        a[scanning.CLASS_TABLE] = class_table()
    else:
        a = automaton_arguments(find_automaton_of(pattern))
    if steps is not None and a[scanning.PATTERN] != scanning.NO_SCANNER:
        a.update(byte_step_arguments(steps))
    return a


def automaton_arguments(found: Automaton | None) -> Arguments:
    """Return the arguments that make a kernel follow an automaton, or none if there is none or it is too large."""
    a = Arguments()
    a[scanning.PATTERN] = scanning.NO_SCANNER
    if found is None:
        return a
    table = scanner_table(found)
    stride = _stride(table, found)
    if len(table.rows) * stride > _LARGEST_OFFSET:
        return a
    a[scanning.PATTERN] = scanning.AUTOMATON
    a[scanning.FOLLOWING] = _following(table, stride)
    a[scanning.PAIRS], a[scanning.PAIR_SYMBOLS] = _pairs(table, found, stride)
    a[scanning.MATCHING] = _matching(found)
    a[scanning.CLASS_PAGES], a[scanning.CLASS_BLOCKS] = _pages(found)
    a[scanning.NUM_SYMBOLS] = table.continuation + 1
    a[scanning.START_OFFSET] = START_ROW * stride
    a[scanning.KNOWS_FINAL_NEWLINE] = int(found.knows_final_newline)
    return a


def byte_step_arguments(steps: ByteSteps) -> Arguments:
    """Return the arguments that make a kernel split each piece again, in the steps for bytes."""
    a = Arguments()
    a[scanning.SPLITTING_BYTES] = np.array([byte in steps.splitting for byte in range(256)], np.uint8)
    a[scanning.BYTE_SYMBOLS] = np.array(steps.class_of, np.uint8)
    a[scanning.BYTE_MATCHING] = _matching(steps.automaton)
    a[scanning.NUM_BYTE_SYMBOLS] = steps.automaton.final_newline + 1
    return a


def _stride(table: ScannerTable, found: Automaton) -> int:
    """Return the distance between two rows: a multiple of four, so that flags fit into the last bits of an offset.

    PAIR_FACTOR times as much is enough for all pairs of the symbols that ASCII has, if these are few.
    """
    num_pairs = len(_ascii_symbols(found)) ** 2
    needed = max(table.continuation + 1 + _FLAG_BITS, -(-num_pairs // scanning.PAIR_FACTOR))
    return (needed + _FLAG_BITS) & ~_FLAG_BITS


def _ascii_symbols(found: Automaton) -> list[int]:
    return sorted({found.classes.of(byte) for byte in range(0x80)})


def _following(table: ScannerTable, stride: int) -> "np.ndarray":
    offsets = np.arange(len(table.rows)) * stride + np.array(table.flags)
    flat = np.zeros(len(table.rows) * stride, np.uint16)
    for offset, row in zip(offsets, table.rows, strict=True):
        flat[offset : offset + len(row)] = offsets[list(row)]
    return flat


def _pairs(table: ScannerTable, found: Automaton, stride: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return PAIRS and PAIR_SYMBOLS."""
    stride *= scanning.PAIR_FACTOR
    if len(table.rows) * stride > _LARGEST_OFFSET:
        return np.empty(0, np.uint16), np.empty(0, np.uint16)
    symbols = _ascii_symbols(found)
    rows, flags = np.array(table.rows)[:, symbols], np.array(table.flags)
    first = np.repeat(rows[:, :, None], len(symbols), axis=2)  # by row, first and second symbol
    second = rows[rows]
    here, back = flags & BORDER_HERE, flags >> 1
    items = second * stride | here[first] | here[second] << 1 | back[first] << 2 | back[second] << 3
    items[(first < START_ROW) | (second < START_ROW)] = 0
    pairs = np.zeros((len(rows), stride), np.uint16)
    pairs[:, : len(symbols) ** 2] = items.reshape(len(rows), -1)
    numbers = np.searchsorted(symbols, [found.classes.of(byte) for byte in range(0x80)])
    return pairs.reshape(-1), np.concatenate([numbers * len(symbols), numbers]).astype(np.uint16)


def _matching(found: Automaton) -> "np.ndarray":
    steps = [
        2 * (scanning.DEAD_STATE if step.state == DEAD else step.state) + step.matched
        for row in found.steps
        for step in row
    ]
    return np.array(steps, np.uint16)


def _pages(found: Automaton) -> "tuple[np.ndarray, np.ndarray]":
    """Return the number of the block of each 256 code points, and the different blocks one after another."""
    lengths = np.diff(found.classes.firsts, append=0x110000)
    by_code_point = np.repeat(np.array(found.classes.numbers, np.uint8), lengths)
    number_of: dict[bytes, int] = {}
    pages = [number_of.setdefault(page.tobytes(), len(number_of)) for page in by_code_point.reshape(-1, 256)]
    return np.array(pages, np.uint16), np.frombuffer(b"".join(number_of), np.uint8)
