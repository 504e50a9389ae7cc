import pytest
import regex

pytest.importorskip("numpy", reason="needs numpy")
from bpe.kernels.scanning import class_table

is_letter, is_number, is_space = (regex.compile(expression).match for expression in (r"\p{L}", r"\p{N}", r"\s"))


def expected_class(character):
    """The class of the character by `regex`."""
    if is_letter(character):
        return class_table.LETTER
    if is_number(character):
        return class_table.NUMBER
    return class_table.SPACE if is_space(character) else class_table.OTHER


def test_the_class_of_every_character():
    table = class_table.class_table()
    commons = {}
    for code_point in [*range(0x30000), *range(0xE0000, 0x110000, 7)]:
        if 0xD800 <= code_point < 0xE000:
            continue
        character = chr(code_point)
        assert table[code_point] == expected_class(character), hex(code_point)
        commons.setdefault(character.encode()[0], set()).add(table[code_point])
    for first, classes in commons.items():
        common = table[class_table.NUM_CODE_POINTS + first]
        assert common == class_table.MIXED or (first >= 0x80 and classes == {common})
