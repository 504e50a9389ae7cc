"""Arguments of the kernels that split text into pieces and find special tokens. Encoding and training both use them."""

from bpe.kernels.runtime.layout import FIRST_FREE, Positions

_positions = Positions(FIRST_FREE)

TEXT = _positions.array()
"""uint8: the text, with PADDING bytes after its end."""
STARTS = _positions.array()
"""uint64: a bit for every byte of the text, set where a piece starts."""
PATTERN = _positions.number()
"""Which scanner to use: NO_SCANNER (STARTS is given), GPT2 or AUTOMATON."""

CLASS_TABLE = _positions.array()
"""uint8: for GPT2, the class of each code point, see `bpe.kernels.scanning.class_table`."""
MASKS = _positions.array()
"""uint64 `[NUM_CLASSES]`, scratch: a mask for each class."""
STATE = _positions.array()
"""uint64, scratch: what one block passes to the next."""

FOLLOWING = _positions.array()
"""uint16: for AUTOMATON, the rows of `bpe.automata.scanner_table`. A row is given by its offset, the last two bits of
which are its flags; at offset + symbol is the offset of the next row."""
PAIRS = _positions.array()
"""uint16: for AUTOMATON, the same rows for two bytes of ASCII at once, or empty if that would be too large. A row
begins at PAIR_FACTOR times its offset in FOLLOWING; the last four bits of an item are the flags of both bytes, see
`follow_pairs`."""
PAIR_SYMBOLS = _positions.array()
"""uint16 `[256]`: what the first byte of a pair, and what the second one adds to the offset of a row of PAIRS."""
MATCHING = _positions.array()
"""uint16 `[states * symbols]`: the steps of the automaton itself, `2 * state + matched`; DEAD_STATE where it ends."""
CLASS_PAGES = _positions.array()
"""uint16: for each 256 code points the number of their block in CLASS_BLOCKS."""
CLASS_BLOCKS = _positions.array()
"""uint8: blocks of 256 classes. The first is that of the first 256 code points."""
SYMBOLS = _positions.array()
"""uint8 `[NUM_BLOCK_SYMBOLS]`, scratch: the symbols of a block of text."""
NUM_SYMBOLS = _positions.number()
"""How many symbols the automaton has. The last three are the end, a newline before it, and the continuation of a
character, which MATCHING does not have."""
START_OFFSET = _positions.number()
"""The offset of the row for the start of a piece. Smaller ones are those of AGAIN (0) and AGAIN_AFTER_GAP."""
KNOWS_FINAL_NEWLINE = _positions.number()
"""1 if a newline at the end of the text is a symbol of its own."""

SPLITTING_BYTES = _positions.array()
"""uint8 `[256]`: 1 for the bytes at which `bpe.kernels.scanning.byte_steps` may split a piece; empty if it has none."""
BYTE_SYMBOLS = _positions.array()
"""uint8 `[256]`: the symbol of each byte in the automaton of these steps."""
BYTE_MATCHING = _positions.array()
"""uint16 `[states * symbols]`: the steps of this automaton, as in MATCHING."""
NUM_BYTE_SYMBOLS = _positions.number()
"""How many symbols it has. The last two are the end, and one that bytes do not have."""

SPECIAL_BEGINNINGS = _positions.array()
"""int64: the different first two bytes of the special tokens, one after another; ANY_BYTE after a token of one byte."""
SPECIAL_TEXT = _positions.array()
"""uint8: the UTF-8 of the special tokens, the longest first, one after another."""
SPECIAL_OFFSETS = _positions.array()
"""int64: where each of them begins, and the end of the last."""
SPECIAL_IDS = _positions.array()
"""int64: the id of each of them."""

NUM_SCANNING_ARGUMENTS = _positions.next

STATE_SIZE = 8
"""Words of STATE."""
NO_SCANNER, GPT2, AUTOMATON = range(3)
"""Values of PATTERN."""

ANY_BYTE = -1
"""In SPECIAL_BEGINNINGS: whatever the second byte is."""
DEAD_STATE = 0x7FFF
"""In MATCHING: no match is possible any more."""
PAIR_FACTOR = 16
"""The size of a row of PAIRS, in rows of FOLLOWING."""
NUM_BLOCK_SYMBOLS = 64 + 3
"""Items of SYMBOLS: the last character of a block of 64 bytes may have three more."""

NOT_UTF8 = -1
"""Kernels that scan a chunk return `NOT_UTF8 - p` where the text is not UTF-8 in or before byte p."""
