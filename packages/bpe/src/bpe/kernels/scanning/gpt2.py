r"""The scanner for GPT-2's pattern: 64 bytes at a time, by bit algebra.

    '(?:[sdmt]|ll|ve|re) | ?\p{L}+ | ?\p{N}+ | ?[^\s\p{L}\p{N}]+ | \s+(?!\S) | \s+

There are four classes of characters: letters L, numbers N, white space S, others. Each block of 64 bytes has one mask
per class, and the result is a *starts* mask with a bit at the first byte of every piece. Shifting a mask left by one
gives the class of the byte before; the top bit of a block is carried into the next block.

- A character that is not white space starts a piece if the one before is of another class and is not a plain space
  (which would belong to the same piece).
- White space starts a piece at the beginning of its run, and again at the last character of the run if something
  follows: `\s+(?!\S)` excludes that character, so that it can be the space before a word.
- An apostrophe that starts a piece may be a contraction: then the letter after it does not start a piece, and the
  character after the contraction does.

    text      I ' l l     g o          The two spaces: the first is a piece, the second belongs to "go".
    L         1 0 1 1 0 0 1 1
    S         0 0 0 0 1 1 0 0
    starts    1 1 0 0 1 1 0 0

Reference: `bpe.patterns.split_pieces`.
"""

import numpy as np

from bpe.kernels.runtime.bits import lowest_bit
from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.masks import ascii_letters, between, equals
from bpe.kernels.scanning.class_table import LETTER, NUMBER, SPACE
from bpe.kernels.scanning.classes import EXPECTED, ascii_digits, ascii_spaces, classify_wide, valid_mask

_ONE, _TWO, _LAST = np.uint64(1), np.uint64(2), np.uint64(63)


@kernel
def contraction_length(text: np.ndarray, p: int, n: int) -> int:
    """Return the number of bytes of a contraction at the apostrophe at byte p; 0 if there is none."""
    if p + 1 >= n:
        return 0
    a = text[p + 1]
    if a == ord("s") or a == ord("d") or a == ord("m") or a == ord("t"):
        return 2
    if p + 2 >= n:
        return 0
    b = text[p + 2]
    if (a == ord("l") and b == ord("l")) or ((a == ord("v") or a == ord("r")) and b == ord("e")):
        return 3
    return 0


@kernel
def scan_gpt2(
    text: np.ndarray,
    begin: int,
    n: int,
    table: np.ndarray,
    starts: np.ndarray,
    masks: np.ndarray,
    state: np.ndarray,
) -> int:
    """Find the pieces of `text[begin:n]`.

    Args:
        text: uint8, UTF-8, with PADDING bytes after n.
        begin: the first byte.
        n: the byte after the last.
        table: from `class_table`.
        starts: uint64, at least `(n - begin) // 64 + 1` words; bit i is set where a piece starts at byte `begin + i`.
        masks: uint64 `[NUM_CLASSES]`, scratch.
        state: uint64 `[STATE_SIZE]`, scratch.

    Returns:
        -1, or the first byte at which the text is not UTF-8.
    """
    state[:] = 0
    # Of the block before this one, which is completed once this one is classified:
    letters = numbers = spaces = plain = continuation = apostrophes = valid = np.uint64(0)
    # Carried over from the block before that: the classes of its last byte, and what contractions decided.
    last_letter = last_number = last_other = last_space = last_plain = np.uint64(0)
    add_starts = drop_starts = np.uint64(0)
    num_blocks = (n - begin + 63) >> 6
    for block in range(num_blocks + 1):
        i = begin + (block << 6)
        if block < num_blocks:
            next_valid = valid_mask(i, n)
            next_letters = ascii_letters(text, i) & next_valid
            next_numbers = ascii_digits(text, i) & next_valid
            next_spaces = ascii_spaces(text, i) & next_valid
            next_continuation = np.uint64(0)
            if (between(text, i, 0x80, 0x80) & next_valid) | state[EXPECTED]:
                bad = classify_wide(text, i, next_valid, table, masks, state)
                if bad >= 0:
                    return bad
                next_letters |= masks[LETTER]
                next_numbers |= masks[NUMBER]
                next_spaces |= masks[SPACE]
                next_continuation = between(text, i, 0x80, 0x40) & next_valid
            followed_by_space = next_spaces & _ONE
        else:
            if state[EXPECTED]:
                return n
            next_valid = next_letters = next_numbers = next_spaces = next_continuation = np.uint64(0)
            followed_by_space = _ONE  # the end: nothing follows to which the last space could belong
        if block:
            others = valid & ~(letters | numbers | spaces)
            same = (
                (letters & (letters << _ONE | last_letter))
                | (numbers & (numbers << _ONE | last_number))
                | (others & (others << _ONE | last_other))
            )
            found = valid & ~spaces & ~same & ~(plain << _ONE | last_plain)
            found |= spaces & ~(spaces << _ONE | last_space)
            ends = spaces & ~((spaces | ~valid) >> _ONE | followed_by_space << _LAST)
            wide_ends = ends & continuation
            found |= ends & ~continuation
            found = (found | add_starts) & ~drop_starts
            add_starts = drop_starts = np.uint64(0)
            candidates = found & apostrophes
            while candidates:
                b = lowest_bit(candidates)
                candidates &= candidates - _ONE
                length = contraction_length(text, i - 64 + b, n)
                if length:
                    if b < 63:
                        found &= ~(_TWO << np.uint64(b))
                    else:
                        drop_starts = _ONE
                    if b + length < 64:
                        found |= _ONE << np.uint64(b + length)
                    else:
                        add_starts |= _ONE << np.uint64(b + length - 64)
            starts[block - 1] = found & valid
            while wide_ends:  # a last white space of several bytes: its first one starts the piece
                p = i - 64 + lowest_bit(wide_ends)
                wide_ends &= wide_ends - _ONE
                while text[p] & 0xC0 == 0x80:
                    p -= 1
                starts[(p - begin) >> 6] |= _ONE << np.uint64((p - begin) & 63)
            last_letter, last_number, last_other = letters >> _LAST, numbers >> _LAST, others >> _LAST
            last_space, last_plain = spaces >> _LAST, plain >> _LAST
        letters, numbers, spaces, valid = next_letters, next_numbers, next_spaces, next_valid
        continuation = next_continuation
        if block < num_blocks:
            plain = equals(text, i, 0x20) & valid
            apostrophes = equals(text, i, 0x27) & valid
    return -1
