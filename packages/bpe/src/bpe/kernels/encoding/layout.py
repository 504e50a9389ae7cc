"""Arguments of the kernels that encode, after those of `bpe.kernels.scanning.layout`."""

from bpe.kernels.runtime.layout import Positions
from bpe.kernels.scanning.layout import NUM_SCANNING_ARGUMENTS

_positions = Positions(NUM_SCANNING_ARGUMENTS)

# ---------------------------------------------------------------- text and output

TEXT_LENGTH = _positions.number()
"""Bytes of TEXT."""
OUT = _positions.array()
"""uint16 or uint32: the ids, with room for one for every byte of the text and PADDING more."""

# ---------------------------------------------------------------- merges, see `merge`

BYTE_IDS = _positions.array()
"""int64 `[256]`: the id of each byte."""
BYTE_PAIR_VALUES = _positions.array()
"""uint64 `[65536]`: the value of each pair of bytes."""
PAIR_VALUES = _positions.array()
"""uint64: a hash table from pairs of ids to values, for all merges."""
PAIR_VALUES_SHIFT = _positions.number()
"""64 minus the number of bits of a slot number of PAIR_VALUES."""
MERGE_IDS = _positions.array()
"""int64: left, right and merged id of each merge, in order of rank."""
MERGE_VALUES = _positions.array()
"""uint64, scratch: the values or the heap of the piece that is being merged; three words for each of its bytes."""
MERGE_LINKS = _positions.array()
"""int64, scratch: the linked list of tokens of the piece that is being merged; two words for each of its bytes."""

# ---------------------------------------------------------------- the cache, see `short_pieces`, `long_pieces`

SHORT_CACHE = _positions.array()
"""uint64: a hash table of pieces of at most LONGEST_KEY bytes and their ids, four words a slot."""
SHORT_CACHE_SHIFT = _positions.number()
"""64 minus the number of bits of a slot number of SHORT_CACHE."""
OLD_SHORT_CACHE = _positions.array()
"""uint64: the smaller table whose content moves to SHORT_CACHE."""
LONG_CACHE = _positions.array()
"""uint64: a hash table of longer pieces: hash, offset of the bytes, counts of bytes and ids, offset of the ids."""
LONG_CACHE_SHIFT = _positions.number()
"""64 minus the number of bits of a slot number of LONG_CACHE."""
LONG_CACHE_BYTES = _positions.array()
"""uint8: the bytes of the longer pieces."""
CACHED_IDS = _positions.array()
"""uint16 or uint32: the ids of the longer pieces, and of short ones with more ids than fit into a slot."""
CACHE_COUNTERS = _positions.array()
"""int64 `[NUM_CACHE_COUNTERS]`: how much of the cache is used."""

# ---------------------------------------------------------------- looking pieces up, see `keys`

ADJACENT_BYTES = _positions.array()
"""uint64 `[1024]`: a bit for each pair of bytes, set where some token has them side by side."""
POSITIONS = _positions.array()
"""uint32, scratch: where pieces start."""
PIECE_KEYS = _positions.array()
"""uint64, scratch: three words for every piece that is looked up."""
KEY_MASKS = _positions.array()
"""uint64 `[51]`: see `bpe.compiled.calling.key_masks`."""

# ---------------------------------------------------------------- the vocabulary, see `growth`

TOKEN_ENDS = _positions.array()
"""int64: where each token of the vocabulary ends in TEXT."""
TOKEN_IDS = _positions.array()
"""int64: the id of each token of the vocabulary."""
IGNORE_MERGES = _positions.number()
"""1 if a piece that is itself a token gets that token's id, whatever the merges would give; else 0."""

NUM_ENCODING_ARGUMENTS = _positions.next

# ---------------------------------------------------------------- values

ENCODE, CACHE_VOCABULARY, FILL_PAIR_VALUES, GROW_SHORT_CACHE = range(4)
"""The tasks: values of TASK."""

SHORT_USED, LONG_USED, BYTES_USED, IDS_USED, NUM_CACHE_COUNTERS = range(5)
"""What CACHE_COUNTERS contains."""

LONGEST_KEY = 15
"""Bytes of the longest piece whose bytes are in a slot of SHORT_CACHE itself."""
LONGEST_CACHED = 1024
"""Bytes of the longest piece that is cached."""
MAX_PROBES = 64
"""Slots that a search in a cache looks at. Chance hardly ever needs ten; a text made to collide must not stop us."""
SEGMENT = 64
"""Words of STARTS that are turned into positions at a time: 4,096 bytes, whose pieces stay in the L1 cache."""
NUM_POSITIONS = 64 * SEGMENT + 128
"""Items of POSITIONS: every byte of a segment may start a piece, and eight are written at a time."""
NUM_KEYS = NUM_POSITIONS + LONGEST_CACHED
"""Pieces that PIECE_KEYS has room for: those of a segment, the last of which may begin before it and be cut into many
parts."""
