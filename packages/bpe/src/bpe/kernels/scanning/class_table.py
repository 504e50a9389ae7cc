"""The class of every character, computed with the `regex` package. No Numba here.

    table[ord("a")] = LETTER        table[ord("7")] = NUMBER        table[0x110000 + 0xE7] = LETTER

After the 1,114,112 code points come 256 more entries: the class of all characters whose UTF-8 begins with that byte, or
MIXED where they differ.
"""

import numpy as np

OTHER, LETTER, NUMBER, SPACE, MIXED = range(5)
NUM_CLASSES = 4

NUM_CODE_POINTS = 0x110000

_EXPRESSIONS = {
    LETTER: r"\p{L}+",
    NUMBER: r"\p{N}+",
    SPACE: r"\s+",
}


def class_table() -> np.ndarray:
    """Return the class of every code point and of every first byte, uint8 `[1114112 + 256]`."""
    import regex  # only here, since workers import the constants above

    code_points = np.delete(np.arange(NUM_CODE_POINTS, dtype="<u4"), np.s_[0xD800:0xE000])  # no surrogates
    characters = code_points.tobytes().decode("utf-32-le")
    table = np.full(NUM_CODE_POINTS + 256, OTHER, np.uint8)
    for character_class, expression in _EXPRESSIONS.items():
        for match in regex.finditer(expression, characters):
            table[code_points[match.start() : match.end()]] = character_class
    for first in range(256):
        table[NUM_CODE_POINTS + first] = _common_class(table, first)
    return table


def _common_class(table: np.ndarray, first: int) -> int:
    """Return the class of all characters whose UTF-8 begins with the byte `first`, or MIXED."""
    if 0xC2 <= first < 0xE0:
        classes = table[(first & 0x1F) << 6 : ((first & 0x1F) + 1) << 6]
    elif 0xE1 <= first < 0xF0 and first != 0xED:  # E0, ED, F0 and F4 also begin sequences that are not characters
        classes = table[(first & 0x0F) << 12 : ((first & 0x0F) + 1) << 12]
    elif 0xF1 <= first < 0xF4:
        classes = table[(first & 0x07) << 18 : ((first & 0x07) + 1) << 18]
    else:
        return MIXED
    return int(classes[0]) if (classes == classes[0]).all() else MIXED
