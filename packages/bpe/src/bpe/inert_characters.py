r"""Characters that a normalizer leaves as they are, whatever is around them.

Most texts are normalized already. A text of *inert* characters only is, and can be encoded as it is, without a search
for what to change. Such characters are normalized by themselves, are not reordered, and do not combine with one
before them:

>>> inert = InertCharacters(["NFC"])
>>> inert.includes("Déjà vu 狐"), inert.includes("De\u0301ja\u0300 vu")
(True, False)

The rule is cautious: a character for which it is not certain counts as one that may change.
"""

import unicodedata
from collections.abc import Sequence

from bpe.normalizers import Form

_JAMO = range(0x1100, 0x1200)
"""Parts of Korean syllables, which are composed."""
_WITH_OTHERS = frozenset(";K`")
"""The characters of ASCII that others become: U+037E, U+212A and U+1FEF."""
_RARE_LETTERS = range(0x10000, 0x20000)
"""Where new versions of Unicode add scripts. Some of their vowels are letters that combine with the one before."""


def is_only_itself(text: str) -> bool:
    """Return whether no other text becomes this one by a canonical form (NFC, NFD): it is ASCII without `;K``."""
    return text.isascii() and _WITH_OTHERS.isdisjoint(text)


class InertCharacters:
    """The characters that none of some normalization forms changes."""

    def __init__(self, forms: Sequence[Form]) -> None:
        """Give the forms that are applied to a text, in order."""
        self._forms = tuple(forms)
        self._inert: set[str] = set()
        self._others: set[str] = set()

    def includes(self, text: str) -> bool:
        """Return whether all characters of a text are inert."""
        if text.isascii():
            return True
        return self._all_inert(set(text))

    def includes_bytes(self, data: bytes) -> bool:
        """Return whether all characters are inert of which these are the UTF-8, in order, without those of ASCII.

        Bytes that are not UTF-8 are not.
        """
        try:
            return not data or self._all_inert(set(data.decode()))
        except UnicodeDecodeError:
            return False

    def _all_inert(self, characters: set[str]) -> bool:
        if not self._others.isdisjoint(characters):
            return False
        for character in characters - self._inert:
            if not self._is_inert(character):
                self._others.add(character)
                return False
            self._inert.add(character)
        return True

    def _is_inert(self, character: str) -> bool:
        category = unicodedata.category(character)
        return (
            not category.startswith("M")
            and category != "Cs"
            and ord(character) not in _JAMO
            and not (category == "Lo" and ord(character) in _RARE_LETTERS)
            and unicodedata.combining(character) == 0
            and all(unicodedata.normalize(form, character) == character for form in self._forms)
        )
