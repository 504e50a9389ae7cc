import pytest
import regex

pytest.importorskip("numpy", reason="needs numpy")
from bpe.kernels.scanning import class_table

is_letter, is_caseless, is_lower, is_number, is_space, is_mark = (
    regex.compile(expression).match
    for expression in (r"\p{L}", r"[\p{Lm}\p{Lo}]", r"\p{Ll}", r"\p{N}", r"\s", r"\p{M}")
)


def expected_class(character, cased):
    """The class of the character by `regex`."""
    if is_letter(character):
        if not cased or is_caseless(character):
            return class_table.CASELESS
        return class_table.LOWER if is_lower(character) else class_table.UPPER
    if is_number(character):
        return class_table.NUMBER
    if is_space(character):
        return class_table.SPACE
    return class_table.MARK if cased and is_mark(character) else class_table.OTHER


@pytest.mark.parametrize("cased", [False, True])
def test_the_class_of_every_character(cased):
    table = class_table.class_table(cased=cased)
    commons = {}
    for code_point in [*range(0x30000), *range(0xE0000, 0x110000, 7)]:
        if 0xD800 <= code_point < 0xE000:
            continue
        character = chr(code_point)
        assert table[code_point] == expected_class(character, cased), hex(code_point)
        commons.setdefault(character.encode()[0], set()).add(table[code_point])
    for first, classes in commons.items():
        common = table[class_table.NUM_CODE_POINTS + first]
        assert common == class_table.MIXED or (first >= 0x80 and classes == {common})
