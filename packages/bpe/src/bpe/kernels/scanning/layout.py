"""Arguments of the kernels that split text into pieces and find special tokens. Encoding and training both use them."""

from bpe.kernels.runtime.layout import FIRST_FREE, Positions

_positions = Positions(FIRST_FREE)

TEXT = _positions.array()
"""uint8: the text, with PADDING bytes after its end."""
STARTS = _positions.array()
"""uint64: a bit for every byte of the text, set where a piece starts."""
PATTERN = _positions.number()
"""Which scanner to use: NO_SCANNER (STARTS is given), GPT2, CL100K or O200K."""

CLASS_TABLE = _positions.array()
"""uint8: the class of each code point, see `bpe.kernels.scanning.class_table`."""
MASKS = _positions.array()
"""uint64, scratch: a mask for each class; then, for the patterns that need it, masks of whole texts."""
STATE = _positions.array()
"""uint64, scratch: what one block passes to the next."""

SPECIAL_FIRST_BYTES = _positions.array()
"""uint8: the different first bytes of the special tokens."""
SPECIAL_TEXT = _positions.array()
"""uint8: the UTF-8 of the special tokens, the longest first, one after another."""
SPECIAL_OFFSETS = _positions.array()
"""int64: where each of them begins, and the end of the last."""
SPECIAL_IDS = _positions.array()
"""int64: the id of each of them."""

NUM_SCANNING_ARGUMENTS = _positions.next

STATE_SIZE = 8
"""Words of STATE."""
NUM_LONG_MASKS = 7
"""Masks of whole texts in MASKS, after one word for each class: see `bpe.kernels.scanning.runs`."""

NO_SCANNER, GPT2, CL100K, O200K = range(4)
"""Values of PATTERN."""

NOT_UTF8 = -1
"""Kernels that scan a chunk return `NOT_UTF8 - p` where the text is not UTF-8 in or before byte p."""
