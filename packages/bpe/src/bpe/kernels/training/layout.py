"""Arguments of the kernels that train, after those of `bpe.kernels.scanning.layout`.

The items of the arrays (SHORT_PIECE, TOKEN, …) are defined in `bpe.kernels.training.records`.
"""

from bpe.kernels.runtime.layout import Positions
from bpe.kernels.scanning.layout import NUM_SCANNING_ARGUMENTS

_positions = Positions(NUM_SCANNING_ARGUMENTS)

# ---------------------------------------------------------------- counting

TEXT_ENDS = _positions.array()
"""int64: TEXT contains several texts one after another; where each ends."""
SHORT_SLOTS = _positions.array()
"""int32 `[a power of two]`: numbers of short pieces by hash, −1 where a slot is empty."""
SHORT_PIECES = _positions.array()
"""SHORT_PIECE, at most half as many as slots."""
LONG_SLOTS = _positions.array()
"""int32 `[a power of two]`: numbers of long pieces by hash, −1 where a slot is empty."""
LONG_PIECES = _positions.array()
"""LONG_PIECE, at most half as many as slots."""
LONG_PIECE_BYTES = _positions.array()
"""uint8: the bytes of the long pieces."""
COUNTS = _positions.array()
"""int64 `[NUM_COUNTS]`: how much of each array is used, and where counting continues."""
LOOKUPS = _positions.array()
"""LOOKUP `[BATCH]`, scratch: the pieces of a batch."""

OTHER_SHORT_PIECES = _positions.array()
"""SHORT_PIECE: of the table that is added to this one, as are the next three."""
OTHER_LONG_PIECES = _positions.array()
"""LONG_PIECE."""
OTHER_LONG_PIECE_BYTES = _positions.array()
"""uint8."""
OTHER_COUNTS = _positions.array()
"""int64 `[NUM_COUNTS]`."""

# ---------------------------------------------------------------- learning merges

WORDS = _positions.array()
"""uint8: the distinct pieces one after another, with one byte before, between and after them."""
BORDERS = _positions.array()
"""int64 `[words + 1]`: where these bytes are."""
FREQUENCY = _positions.array()
"""int64 `[words]`: how often each word occurs."""

SYMBOLS = _positions.array()
"""int32, as long as WORDS: see `bpe.kernels.training.learn`."""
BYTE_PAIR_TIMES = _positions.array()
"""int64 `[65536]`: by pair of bytes, at how many places it is; later, where its next place is written."""
BYTE_PAIR_WEIGHT = _positions.array()
"""int64 `[65536]`: by pair of bytes, how often it occurs in the text."""
TOKENS = _positions.array()
"""TOKEN, by id."""
PAIR_RECORDS = _positions.array()
"""PAIR_RECORD, by number."""
PLACES = _positions.array()
"""int64: the places of all pairs, `place << 32 | word`, those of one pair in a row."""
QUEUE = _positions.array()
"""QUEUE_ENTRY: at least as many as PAIR_RECORDS."""
NOTES = _positions.array()
"""NOTE: the tokens before the places of the new token (items 0, 2, 4, …) and after them (1, 3, 5, …)."""
NEIGHBOURS = _positions.array()
"""NEIGHBOUR `[2 * tokens]`, both sides interleaved in the same way; zero between two steps."""
LEARNED_MERGES = _positions.array()
"""int32 `[2 * merges]`: left and right token of each merge."""
PROGRESS = _positions.array()
"""int64 `[PROGRESS_SIZE]`: how much of each array is used, and what else learning keeps between two calls."""

GOAL = _positions.number()
"""Total number of merges after which learning returns."""
MIN_FREQUENCY = _positions.number()
"""Pairs with a lower count are not merged; at least 1."""
MAX_LENGTH = _positions.number()
"""Pairs that would make a longer token, in bytes, are not merged."""

NUM_TRAINING_ARGUMENTS = _positions.next

# ---------------------------------------------------------------- values

COUNT, ADD_TABLE, FILL_SLOTS, WRITE_WORDS, COUNT_BYTE_PAIRS, LIST_BYTE_PAIRS, LEARN = range(7)
"""The tasks: values of TASK."""

(
    TEXT_NUMBER,  # counting continues in this text of TEXT_ENDS,
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
"""What COUNTS contains. While another table is added, its TEXT_NUMBER and POSITION are the numbers of short and long
pieces of it that have been added."""

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
"""What PROGRESS contains."""

DONE, GROW, EXHAUSTED = range(3)
"""What the tasks return: finished; an array is too small, and a call with a larger one continues; no pair is left.
COUNT may also return `NOT_UTF8 - p`: see `bpe.kernels.scanning.layout`."""

SHORT_BYTES = 15
"""The longest piece that fits into two words together with its length."""
BATCH = 256
"""Pieces that are looked up together. A table of short pieces needs room for this many more."""
BORDER = -1
"""The symbol before, between and after the words."""
