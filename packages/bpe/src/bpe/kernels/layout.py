"""Where everything stands in the array of integers that a kernel is called with.

An array takes two places, its address and its length; numbers follow. `bpe.compiled.calling.Arguments` writes them,
`bpe.kernels.memory.view` reads them. No Numba here: the caller may not have loaded it.
"""

_names = iter(range(0, 1000, 2))

TEXT = next(_names)
"""uint8: the text, with PADDING bytes after its end."""
STARTS = next(_names)
"""uint64: a bit for every byte of the text, set where a piece starts."""
OUT = next(_names)
"""uint16 or uint32: the ids, with a place for every byte of the text and PADDING bytes more."""

CLASS_TABLE = next(_names)
"""uint8: see `bpe.kernels.class_table`."""
MASKS = next(_names)
"""uint64, scratch of the scanner: a mask for each class; then, for the patterns that need it, masks of whole texts."""
STATE = next(_names)
"""uint64, scratch of the scanner: what one block hands over to the next."""

SPECIAL_FIRST_BYTES = next(_names)
"""uint8: the different bytes that special tokens begin with."""
SPECIAL_TEXT = next(_names)
"""uint8: the UTF-8 of the special tokens, the longest first, one after the other."""
SPECIAL_OFFSETS = next(_names)
"""int64: where each one begins, and the end of the last."""
SPECIAL_IDS = next(_names)
"""int64: the id of each."""

BYTE_IDS = next(_names)
"""int64 `[256]`: the id of each byte."""
BYTE_PAIRS = next(_names)
"""uint64 `[65536]`: the value of each pair of bytes, see `bpe.kernels.merge`."""
PAIRS = next(_names)
"""uint64: the hash table of all pairs that merge."""
NEIGHBOURS = next(_names)
"""uint64 `[1024]`: a bit for each pair of bytes, set where some token has them side by side."""

TABLE = next(_names)
"""uint64: the cache of pieces of at most 15 bytes, see `bpe.kernels.pieces`."""
LONG_TABLE = next(_names)
"""uint64: the cache of longer ones: hash, offset of the bytes, length below count, offset of the ids; 0 is empty."""
LONG_BYTES = next(_names)
"""uint8: the bytes of the longer pieces."""
IDS = next(_names)
"""uint16 or uint32: the ids of the longer pieces, and of short ones that have more than their place holds."""
COUNTERS = next(_names)
"""int64 `[NUM_COUNTERS]`: how much of the cache is used."""

POSITIONS = next(_names)
"""uint32, scratch: where pieces start."""
KEYS = next(_names)
"""uint64, scratch: three words for every piece that is looked up."""
VALUES = next(_names)
"""uint64, scratch: three words for each byte of the longest piece."""
LINKS = next(_names)
"""int64, scratch: two words for each byte of the longest piece."""
KEY_MASKS = next(_names)
"""uint64 `[51]`: see `bpe.compiled.calling.key_masks`."""

OLD_TABLE = next(_names)
"""uint64: the table that TABLE takes over from."""
ENDS = next(_names)
"""int64: where each token of the vocabulary ends in TEXT."""
WHOLE = next(_names)
"""int64: the id of each token of the vocabulary."""
MERGES = next(_names)
"""int64: left, right and merged id of each merge, in order of rank."""

FIRST_NUMBER = next(_names)
_numbers = iter(range(FIRST_NUMBER, 1000))

LENGTH = next(_numbers)
"""Bytes of text."""
PATTERN = next(_numbers)
"""Which scanner: GIVEN (the pieces are in STARTS already), GPT2, CL100K or O200K."""
PAIR_SHIFT = next(_numbers)
"""64 less the number of bits of a place in PAIRS."""
SHIFT = next(_numbers)
"""64 less the number of bits of a place in TABLE."""
LONG_SHIFT = next(_numbers)
"""64 less the number of bits of a place in LONG_TABLE."""

TASK = next(_numbers)
"""What an entry point is to do."""
TAKEN_WHOLE = next(_numbers)
"""1 if a piece that is itself a token is taken whole (`ignore_merges`), else 0."""

NUM_ARGUMENTS = next(_numbers)

ENCODE, LEARN_VOCABULARY, FILL_PAIRS, GROW_TABLE = range(4)

GIVEN, GPT2, CL100K, O200K = range(4)

SHORT_USED, LONG_USED, BYTES_USED, IDS_USED, NUM_COUNTERS = range(5)

PADDING = 64
"""Bytes that must be readable after the end of a text, and writable after the end of an output."""

LONGEST_KEY = 15
"""Bytes of the longest piece that has its bytes in the cache's table itself."""
LONGEST_CACHED = 1024
"""Bytes above which a piece is not remembered."""
MOST_PROBES = 64
"""Places that a search in a cache looks at. Chance hardly ever needs ten; a text made to collide shall not stop us."""
SEGMENT = 64
"""Words of STARTS that are turned into positions at a time: 2,048 bytes, whose pieces stay in the L1 cache."""
NUM_POSITIONS = 64 * SEGMENT + 128
"""Places of POSITIONS: every byte of a segment may start a piece, and eight are written at a time."""
NUM_KEYS = NUM_POSITIONS + LONGEST_CACHED
"""Pieces that KEYS has room for: those of a segment, the last of which may begin before it and be cut in many."""
