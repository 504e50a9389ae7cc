"""Random texts and random patterns, for the tests of automata and for `fuzz`."""

from random import Random

from hypothesis import strategies as st

from ..conftest import texts

TYPICAL = [*"  aAbsSlLreVdtm79'.,!/-()|ſéǄǅ狐ʰ٣½ガ\n\n\r\t", "\u0301", "\u3000", "\u00a0", "\x85", "👍", "\U0010ffff"]
"""Characters of every kind that some pattern distinguishes, the important ones several times."""

all_texts = (
    st.lists(st.sampled_from(TYPICAL), max_size=40).map("".join)
    | texts(30)
    | st.text(st.characters(codec="utf-8"), max_size=30)
)

_ATOMS = [
    *(
        "a",
        "b",
        " ",
        r"\n",
        "'",
        "é",
        r"\.",
        "狐",
        ".",
        r"\s",
        r"\S",
        r"\d",
        r"\D",
        r"\w",
        r"\p{L}",
        r"\P{L}",
        r"\p{Lu}",
    ),
    *("[ab]", "[^ab]", r"[\s\d]", r"[^\s\p{L}\p{N}]", r"[a-z\-']", r"[^\r\n]", "[]a]", "[^]a]", r"\p{Han}", r"\x41"),
    *("(?i:a)", "(?i:[a-c])", "(?i:s)", r"(?i:[^s\n])", r"(?i:\p{L})", "(?i:ſ)", r"[\u00e0-\u00ff]", "[a-]"),
]
_CONDITIONS = [r"(?!\S)", r"(?=\s)", "(?!a)", "(?=a|$)", "$", r"\Z", r"(?=[^a])", r"(?!a|$)", r"(?!\n)"]
_QUANTIFIERS = ["", "", "", "?", "*", "+", "+", "{2}", "{1,3}", "{0,2}", "{,2}", "{2,}", "??", "*?", "+?", "{1,3}?"]
_POSSESSIVE = ["?+", "*+", "++", "{1,3}+", "{2}+"]


def random_text(random: Random, longest: int = 40) -> str:
    """Return a text of some of the characters, which are fewer in every second text."""
    characters = TYPICAL if random.random() < 0.5 else random.sample(TYPICAL, 5)
    return "".join(random.choices(characters, k=random.randint(0, longest)))


def random_pattern(random: Random, depth: int = 3) -> str:
    """Return a pattern of the subset. Some can match the empty text, or repeat what is empty."""
    return "|".join(_sequence(random, depth) for _ in range(random.randint(1, 3)))


def _sequence(random: Random, depth: int) -> str:
    return "".join(_part(random, depth) for _ in range(random.randint(1, 3)))


def _part(random: Random, depth: int) -> str:
    kind = random.random()
    if kind < 0.15:
        return random.choice(_CONDITIONS)
    if kind < 0.4 and depth:
        group = random.choice(["(?:", "(", "(?i:"]) + random_pattern(random, depth - 1) + ")"
        return group + random.choice(_QUANTIFIERS)
    return random.choice(_ATOMS) + random.choice(_QUANTIFIERS if kind < 0.9 else _POSSESSIVE)
