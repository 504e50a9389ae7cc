r"""The scanner for every other pattern: an automaton that is followed from character to character.

Its table (`bpe.automata.scanner_table`) has a row for each state and a column for each class of characters. One load
gives the next state, and the next state says whether a piece began here: so there is no branch that depends on where
the pieces are, and none could be predicted. The time is that of one load after another, so in blocks of 64 bytes in
ASCII each load is for two bytes, from a table with a column for each pair of classes. In other blocks the class of each
character is looked up first, and the bytes that continue it have a symbol on which nothing changes:

    text       n    é        1         '
    symbols    L    L   -    N         other
    state      in a word     a number  other
    starts     1    0   0    1         1

Where the table does not say what follows (AGAIN), the piece is found as in Python, from where it began.

Reference: `bpe.automata.determinize.Automaton.split`, and `bpe.patterns.split_pieces`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import inlined, kernel
from bpe.kernels.runtime.masks import between
from bpe.kernels.runtime.memory import view
from bpe.kernels.scanning.classes import valid_mask
from bpe.kernels.scanning.layout import (
    CLASS_BLOCKS,
    CLASS_PAGES,
    DEAD_STATE,
    FOLLOWING,
    KNOWS_FINAL_NEWLINE,
    MATCHING,
    NUM_SYMBOLS,
    PAIR_FACTOR,
    PAIR_SYMBOLS,
    PAIRS,
    START_OFFSET,
    STARTS,
    SYMBOLS,
    TEXT,
)
from bpe.kernels.scanning.starts import last_start, mark

_ONE, _ALL = np.uint64(1), ~np.uint64(0)
_TWO, _FACTOR, _SECOND = np.uint64(2), np.uint64(PAIR_FACTOR), np.uint64(0x80)
_ROW_FLAGS, _PAIR_FLAGS = np.uint64(3), np.uint64(15)
_IDENTITY = np.arange(256, dtype=np.uint8)


@inlined
def length_of(first: int) -> int:
    """Return the number of bytes of a character that begins with this byte."""
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@inlined
def following_bits(text: np.ndarray, p: int) -> int:
    """Return the six bits in the byte at p, which continues a character; more than 0x3F if it does not."""
    return np.int64(text[p]) ^ 0x80


@inlined
def wide_character(text: np.ndarray, p: int) -> int:
    """Decode the character of several bytes at p; return -1 if they are not UTF-8 (Unicode, table 3-7)."""
    first, second = np.int64(text[p]), following_bits(text, p + 1)
    if first < 0xE0:
        return (first & 0x1F) << 6 | second if first >= 0xC2 and second < 0x40 else -1
    third = following_bits(text, p + 2)
    if first < 0xF0:
        value = (first & 0x0F) << 12 | second << 6 | third
        is_valid = (second | third) < 0x40 and value >= 0x800 and (value < 0xD800 or value >= 0xE000)
        return value if is_valid else -1
    fourth = following_bits(text, p + 3)
    value = (first & 0x07) << 18 | second << 12 | third << 6 | fourth
    is_valid = first < 0xF8 and (second | third | fourth) < 0x40 and 0x10000 <= value < 0x110000
    return value if is_valid else -1


@inlined
def class_of(value: int, pages: np.ndarray, blocks: np.ndarray) -> int:
    """Return the class of a code point."""
    return blocks[np.uint64(pages[np.uint64(value >> 8)]) << np.uint64(8) | np.uint64(value & 0xFF)]


@kernel
def list_symbols(a: Any, i: int, j: int, stop: int, end: int, carried: int) -> int:
    """Write the symbols of the block at i, from its byte j to before `stop`.

    Args:
        a: the arguments.
        i: where the block begins.
        j: the first byte, counted from i; a character begins there, or continues with `carried` bytes.
        stop: the byte after the last, counted from i.
        end: where the text ends.
        carried: the number of bytes that continue a character of the block before.

    Returns:
        How many bytes of the last character are in the next block; or -1 - p where byte p, from i, is not UTF-8.
    """
    text, symbols = view(a, TEXT, np.uint8), view(a, SYMBOLS, np.uint8)
    pages, blocks = view(a, CLASS_PAGES, np.uint16), view(a, CLASS_BLOCKS, np.uint8)
    continuation = np.uint8(a[NUM_SYMBOLS] - 1)
    for _ in range(carried):
        symbols[j] = continuation
        j += 1
    while j < stop:
        first = text[i + j]
        if first < 0x80:
            symbols[j] = blocks[first]
            j += 1
            continue
        value = wide_character(text, i + j)
        if value < 0:
            return -1 - j
        symbols[j] = class_of(value, pages, blocks)
        symbols[j + 1] = symbols[j + 2] = symbols[j + 3] = continuation  # as many as there may be
        j += length_of(first)
    return -1 - j if i + j > end else j - stop


@inlined
def follow(
    source: np.ndarray, i: int, j: int, stop: int, symbol_of: np.ndarray, following: np.ndarray, row: int, least: int
) -> tuple[int, int, int, int]:
    """Follow the table over `source[i + j : i + stop]`, up to a row before `least`.

    Returns:
        The row; the byte at which it was entered, or `stop`; the mask of the borders there and one byte back.
    """
    here = back = np.uint64(0)
    while j < stop:
        row = np.uint64(following[np.uint64(row) + np.uint64(symbol_of[source[i + j]])])
        if row < least:
            break
        here |= (row & _ONE) << np.uint64(j)
        back |= (row >> _ONE & _ONE) << np.uint64(j)
        j += 1
    return row, j, here, back


@inlined
def follow_pairs(
    text: np.ndarray, i: int, j: int, stop: int, pair_symbols: np.ndarray, pairs: np.ndarray, row: int, least: int
) -> tuple[int, int, int, int]:
    """Do what `follow` does for bytes of ASCII, two at a time, as long as both have a next row.

    The last bits of an item of PAIRS are: a border at the first byte, at the second; one byte before the first, the
    second.

    Returns:
        The row, as in FOLLOWING; the next byte; the mask of the borders at bytes, and of those one byte back.
    """
    here = back = np.uint64(0)
    item = (row & ~_ROW_FLAGS) * _FACTOR | (row & _ONE) << _ONE | (row & _TWO) << _TWO
    while j + 1 < stop:
        symbols = np.uint64(pair_symbols[text[i + j]]) + np.uint64(pair_symbols[np.uint64(text[i + j + 1]) + _SECOND])
        following = np.uint64(pairs[(item & ~_PAIR_FLAGS) + symbols])
        if following < least:
            break
        item = following
        here |= (item & _ROW_FLAGS) << np.uint64(j)
        back |= (item >> _TWO & _ROW_FLAGS) << np.uint64(j)
        j += 2
    return (item & ~_PAIR_FLAGS) // _FACTOR | (item >> _ONE & _ONE) | (item >> _TWO & _TWO), j, here, back


@kernel
def match_end(a: Any, p: int, end: int) -> int:
    """Return where the match that begins at byte p ends; p if there is none; -1 - q where byte q is not UTF-8."""
    text, matching = view(a, TEXT, np.uint8), view(a, MATCHING, np.uint16)
    pages, blocks = view(a, CLASS_PAGES, np.uint16), view(a, CLASS_BLOCKS, np.uint8)
    num_symbols = a[NUM_SYMBOLS] - 1
    state, found = np.int64(0), p
    while True:
        length = 1
        if p == end:
            symbol = num_symbols - 2
        elif text[p] < 0x80:
            symbol = np.int64(blocks[text[p]])
            if text[p] == 0x0A and p == end - 1:
                symbol = num_symbols - 1
        else:
            value = wide_character(text, p)
            length = length_of(text[p])
            if value < 0 or p + length > end:
                return -1 - p
            symbol = np.int64(class_of(value, pages, blocks))
        step = np.int64(matching[state * num_symbols + symbol])
        if step & 1:
            found = p
        state = step >> 1
        if state == DEAD_STATE or p == end:
            return found
        p += length


@kernel
def search_again(a: Any, begin: int, p: int, end: int, starts: np.ndarray, after_gap: bool) -> int:
    """Find the next piece with the automaton itself, and mark where it and the next one start.

    Args:
        a: the arguments.
        begin: where the scan began.
        p: where the piece before it ends; with `after_gap` some text has been skipped, and a match may begin here.
        end: where the text ends.
        starts: STARTS.
        after_gap: whether a piece that no match belongs to ends where the next match begins.

    Returns:
        Where the next piece starts, or `end`; or -1 - p where byte p is not UTF-8.
    """
    text = view(a, TEXT, np.uint8)
    while p < end:
        found = match_end(a, p, end)
        if found < 0:
            return found
        if found > p:
            if after_gap:
                mark(starts, p - begin)
            if found < end:
                mark(starts, found - begin)
            return found
        after_gap = True
        p += length_of(text[p])
    return end


@kernel
def scan_automaton(a: Any, begin: int, end: int) -> int:
    """Find the pieces of the bytes from `begin` to `end`, as `scan_gpt2` does."""
    text, starts, following = view(a, TEXT, np.uint8), view(a, STARTS, np.uint64), view(a, FOLLOWING, np.uint16)
    symbols, blocks = view(a, SYMBOLS, np.uint8), view(a, CLASS_BLOCKS, np.uint8)
    pairs, pair_symbols = view(a, PAIRS, np.uint16), view(a, PAIR_SYMBOLS, np.uint16)
    least = np.uint64(a[START_OFFSET])
    starts[: ((end - begin) >> 6) + 1] = 0
    mark(starts, 0)
    limit = end - 1 if a[KNOWS_FINAL_NEWLINE] and text[end - 1] == 0x0A else end
    row, p, carried = least, begin, 0
    while True:
        while p < limit and row >= least:
            block = (p - begin) >> 6
            i = begin + (block << 6)
            j, stop = p - i, min(64, limit - i)
            if between(text, i, 0x80, 0x80) & valid_mask(i, limit) & (_ALL << np.uint64(j)):
                carried = list_symbols(a, i, j, stop, end, carried)
                if carried < 0:
                    return i - carried - 1
                row, j, here, back = follow(symbols, 0, j, stop, _IDENTITY, following, row, least)
            else:
                first_here = first_back = np.uint64(0)
                if pairs.shape[0] > 0:
                    row, j, first_here, first_back = follow_pairs(
                        text, i, j, stop, pair_symbols, pairs, row, least * _FACTOR
                    )
                row, j, here, back = follow(text, i, j, stop, blocks, following, row, least)
                here |= first_here
                back |= first_back
            starts[block] |= here | back >> _ONE
            if back & _ONE:
                mark(starts, (block << 6) - 1)
            p = i + j
        for k in range(limit, end + 1):
            if row >= least:
                symbol = a[NUM_SYMBOLS] - (3 if k == end else 2)
                p = k
                row = np.uint64(following[row + np.uint64(symbol)])
                if row >= least and row & _ONE:
                    mark(starts, k - begin)
                if row >= least and row & np.uint64(2):
                    mark(starts, k - begin - 1)
        if row >= least:
            return -1
        after_gap = row != 0
        q = p if after_gap else begin + last_start(starts, p - begin)
        p = search_again(a, begin, q, end, starts, after_gap)
        if p < 0:
            return -1 - p
        if p == end:
            return -1
        row, carried = least, 0
