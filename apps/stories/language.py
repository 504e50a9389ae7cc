"""Generating English: short lists of words, numbers, articles, and templates turned into sentences.

A template is an English sentence with two kinds of gaps. `[ran|went]` stands for one of its alternatives, and
`{toy.spot}` for a part of the state of the story, so the text cannot disagree with what has happened.
"""

import random
import re


def words(text: str) -> tuple[str, ...]:
    """Split "a, b c, d" into its entries: a list of words is easier to read without a pair of quotes for each."""
    return tuple(entry.strip() for entry in text.split(","))


NUMBERS = words("zero, one, two, three, four, five, six, seven, eight, nine, ten")


def with_article(phrase: str) -> str:
    """Put "a" or "an" before a phrase; no word used here is spelled with a vowel but spoken without, or the reverse."""
    return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"


def counted(number: int, noun: str) -> str:
    """Name a number of things: one coin, two coins."""
    return f"{NUMBERS[number]} {noun}" if number == 1 else f"{NUMBERS[number]} {noun}s"


_ALTERNATIVES = re.compile(r"\[([^\]]*)\]")
# A sentence starts at the very beginning, after a full stop, after a speech that is a sentence of its own, and in a
# speech that follows another. After `!" ` and `?" ` the sentence may go on (`"Help!" she cried`): templates say there.
_SENTENCE_START = re.compile(r'((?:^|[.!?] |\." |[.!?]" (?="))"?)([a-z])')


def sentence_case(text: str) -> str:
    """Write the first letter of each sentence as a capital."""
    return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)


def fill_template(template: str, cast: dict[str, object], rng: random.Random) -> str:
    """Choose between the `[alternatives|in brackets]`, then fill in the `{state}` of who and what is in the cast."""
    template = _ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("|")), template)
    return sentence_case(template.format_map(cast))
