"""Where the kernels that train find their arrays and numbers, beyond those of `bpe.kernels.layout`.

Counting shares with encoding the text, the special tokens and the scanner, so its own places come after theirs. No
Numba here: the caller may not have loaded it.
"""

import numpy as np

from bpe.kernels import layout

# ---------------------------------------------------------------- items of arrays

SHORT = np.dtype([("low", np.uint64), ("high", np.uint64), ("count", np.int64)])
"""A piece of up to SHORT_BYTES bytes: see `bpe.kernels.piece_table`."""

LONG = np.dtype([("hash", np.uint64), ("place", np.int64), ("length", np.int64), ("count", np.int64)])
"""A longer piece: its bytes are those of LONG_BYTES from `place` on."""

KEY = np.dtype([("low", np.uint64), ("high", np.uint64), ("slot", np.int64), ("number", np.int64)])
"""A short piece that is looked up: its words, the slot in which the search begins, and the number there."""

TOKEN = np.dtype(
    [
        ("place", np.int64),  # where in WORDS its bytes are
        ("prefix", np.uint64),  # its first eight bytes, big-endian
        ("length", np.int32),  # in bytes
        ("touched", np.int32),  # the number of the last merge that had it as a part
    ]
)
"""A token, by id: see `bpe.kernels.tokens`."""

PAIR = np.dtype(
    [
        ("left", np.int32),  # a token
        ("right", np.int32),  # a token
        ("bound", np.int64),  # no less than the count
        ("first", np.int64),  # where its places begin in the list of all places
        ("size", np.int32),  # how many places it has
        ("counted", np.int32),  # the bound is the count as long as no later merge had one of the tokens as a part
    ]
)
"""A record of a pair, half a cache line: see `bpe.kernels.pairs`."""

ENTRY = np.dtype([("bound", np.int64), ("pair", np.int64)])
"""An entry of the queue: a record and its bound when it was put in. If it has another one by now, the entry is void."""

NOTE = np.dtype([("place", np.int64), ("token", np.int64)])
"""A neighbour of the new token, and the place of the pair that the two form."""

NEIGHBOUR = np.dtype([("weight", np.int64), ("times", np.int32), ("listed", np.int32)])
"""By token: how often it was noted, counted by frequency and by place. By number: the tokens noted, each once."""

# ---------------------------------------------------------------- arrays

_names = iter(range(layout.NUM_ARGUMENTS, layout.NUM_ARGUMENTS + 1000, 2))

TEXT_ENDS = next(_names)
"""int64: TEXT holds several texts one after another; where each ends."""
SLOTS = next(_names)
"""int32 `[a power of two]`: numbers of short pieces by hash, −1 where nothing is."""
SHORT_PIECES = next(_names)
"""SHORT, at most half as many as slots."""
LONG_SLOTS = next(_names)
"""int32 `[a power of two]`: numbers of long pieces by hash, −1 where nothing is."""
LONG_PIECES = next(_names)
"""LONG, at most half as many as slots."""
LONG_BYTES = next(_names)
"""uint8: the bytes of the long pieces."""
COUNTS = next(_names)
"""int64 `[NUM_COUNTS]`: how much of each array is used, and where counting goes on."""
KEYS = next(_names)
"""KEY `[BATCH]`, scratch: the pieces of a batch."""

OTHER_SHORT_PIECES = next(_names)
"""SHORT: of the table that is added to this one. So are the next three."""
OTHER_LONG_PIECES = next(_names)
"""LONG."""
OTHER_LONG_BYTES = next(_names)
"""uint8."""
OTHER_COUNTS = next(_names)
"""int64 `[NUM_COUNTS]`."""

WORDS = next(_names)
"""uint8: the distinct pieces one after another, with one byte before, between and after them."""
BORDERS = next(_names)
"""int64 `[words + 1]`: where these bytes are."""
FREQUENCY = next(_names)
"""int64 `[words]`: how often each word occurs."""

SYMBOLS = next(_names)
"""int32, as long as WORDS: see `bpe.kernels.learn`."""
BYTE_TIMES = next(_names)
"""int64 `[65536]`: by pair of bytes, at how many places it is; later, where its next place goes."""
BYTE_WEIGHT = next(_names)
"""int64 `[65536]`: by pair of bytes, how often it occurs in the text."""
TOKENS = next(_names)
"""TOKEN, by id."""
PAIRS = next(_names)
"""PAIR, by number."""
PLACES = next(_names)
"""int64: the places of all pairs, `place << 32 | word`, those of one pair in a row."""
QUEUE = next(_names)
"""ENTRY: at least as many as PAIRS."""
NOTES = next(_names)
"""NOTE: what stands before the places of the new token (items 0, 2, 4, …) and after them (1, 3, 5, …)."""
NEIGHBOURS = next(_names)
"""NEIGHBOUR `[2 * tokens]`, in the same way for both sides; zero between two steps."""
MERGES = next(_names)
"""int32 `[2 * merges]`: left and right token of each merge."""
PROGRESS = next(_names)
"""int64 `[PROGRESS_SIZE]`: how much of each array is used, and the rest that learning keeps between two calls."""

# ---------------------------------------------------------------- numbers

_numbers = iter(range(next(_names), 10_000))

GOAL = next(_numbers)
"""Merges in all after which learning returns."""
MIN_FREQUENCY = next(_numbers)
"""Pairs with a lower count are not merged; at least 1."""
MAX_LENGTH = next(_numbers)
"""Pairs that would make a longer token, in bytes, are not merged."""

NUM_ARGUMENTS = next(_numbers)

COUNT, ADD_TABLE, FILL_SLOTS, WRITE_WORDS, COUNT_BYTE_PAIRS, LIST_BYTE_PAIRS, LEARN = range(7)
"""What the entry point `train` does, by `layout.TASK`."""

(
    TEXT_NUMBER,  # counting goes on in this text of TEXT_ENDS,
    STRETCH_BEGIN,  # in this stretch, which is scanned,
    STRETCH_END,
    POSITION,  # at this byte
    NUM_PIECES,  # pieces counted
    NUM_SHORT,  # how much of each array is used
    NUM_LONG,
    NUM_BYTES,
    NEED_BYTES,  # after GROW: bytes of long pieces that there must be room for
    NUM_COUNTS,
) = range(10)
"""What COUNTS holds. While another table is added, its TEXT_NUMBER and POSITION tell how many short and long pieces of
it are done."""

(
    NUM_MERGES,
    NUM_TOKENS,
    NUM_PAIRS,
    NUM_PLACES,
    NUM_QUEUED,
    FLOOR,  # of the queue
    PLACES_READ,
    NEED_PAIRS,  # after GROW: what the arrays must have room for
    NEED_PLACES,
    NEED_NOTES,
    NUM_NOTES,  # before the places of the new token; the next is: after them
    _,
    NUM_NEIGHBOURS,  # different tokens among them, likewise
    _,
    PROGRESS_SIZE,
) = range(15)
"""What PROGRESS holds."""

DONE, GROW, EXHAUSTED = range(3)
"""What the tasks return: all is done; an array is too small, and a call with a larger one goes on; no pair is left.
COUNT may also return `NOT_UTF8 - p`: the text is not UTF-8 in or before byte p."""

NOT_UTF8 = -1
SHORT_BYTES = 15
"""The longest piece that fits into two words together with its length."""
BATCH = 256
"""Pieces that are looked up together. A table of short pieces needs room for so many more."""
BORDER = -1
"""What SYMBOLS has before, between and after the words."""
