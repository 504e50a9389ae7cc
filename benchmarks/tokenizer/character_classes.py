"""What a text is written in: its bytes by script, emoji, digits, white space and other characters."""

import os
from collections import Counter
from pathlib import Path

import regex

# fmt: off
_SCRIPTS = (
    "Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac", "Thaana", "Nko",
    "Adlam", "Hanifi_Rohingya", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu",
    "Kannada", "Malayalam", "Sinhala", "Ol_Chiki", "Meetei_Mayek", "Chakma", "Thai", "Lao", "Tibetan",
    "Myanmar", "Khmer", "Tai_Le", "New_Tai_Lue", "Javanese", "Balinese", "Mongolian", "Han", "Hiragana",
    "Katakana", "Bopomofo", "Hangul", "Yi", "Ethiopic", "Tifinagh", "Cherokee", "Canadian_Aboriginal", "Runic",
    "Gothic",
)
# fmt: on
_CLASSES = regex.compile(
    r"(?P<emoji>[[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]--[©®™]])"
    r"|(?P<white_space>\s)|(?P<digits>\p{Nd})|"
    + "|".join(rf"(?P<{name}>\p{{Script={name}}})" for name in _SCRIPTS)
    + r"|(?P<other_letters>[\p{L}\p{M}])",
    regex.VERSION1,
)


def bytes_by_class(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return the bytes of a UTF-8 text by class of character, most frequent first."""
    characters: Counter[str] = Counter()
    with Path(path).open(encoding="utf-8", newline="") as file:
        while chunk := file.read(1 << 20):
            characters.update(chunk)
    classes: Counter[str] = Counter()
    for character, count in characters.items():
        classes[_class_of(character)] += count * len(character.encode())
    return dict(classes.most_common())


def _class_of(character: str) -> str:
    found = _CLASSES.match(character)
    return "other signs" if found is None or found.lastgroup is None else found.lastgroup.replace("_", " ")
