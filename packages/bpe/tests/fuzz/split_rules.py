"""Random split patterns, and random lists of split steps."""

from random import Random

import regex

from bpe import PATTERNS
from bpe.patterns import WHOLE_TEXT, compile_pattern
from bpe.pre_tokenizers import PrefixSpace, Split, SplitStep, SplitSteps, StandIns
from bpe.stand_ins import to_stand_ins

from ..automata.published_patterns import PUBLISHED
from ..automata.strategies import random_pattern, random_text

_LONGEST_SECONDS = 0.05
_BEHAVIORS = ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")
_REPEATED_GROUP = regex.compile(r"\)(?:[*+]|\{[0-9]*,\})(?!\+)")
_WITHOUT_AUTOMATON = (r"[\w']+|\s|(?<=\.)\.", r"\b\w+\b|.", r"(?<=a)b|\w+", r"(?>a+)b?|\s+")


def fuzz_pattern(random: Random) -> str:
    """Return a split pattern: a name, a published one, a random one, or one that has no automaton."""
    kind = random.random()
    if kind < 0.3:
        return random.choice(list(PATTERNS))
    if kind < 0.6:
        return random.choice(list(PUBLISHED.values()))
    if kind < 0.9:
        return _quick_pattern(random)
    return random.choice((*_WITHOUT_AUTOMATON, WHOLE_TEXT))


def fuzz_steps(random: Random) -> SplitSteps:
    """Return one to three steps, with or without others before them."""
    steps: list[SplitStep] = [
        Split(_step_pattern(random), random.choice(_BEHAVIORS), random.random() < 0.3)  # type: ignore[arg-type]
        for _ in range(random.randint(1, 3))
    ]
    if random.random() < 0.3:  # not at the end, where it would have no effect
        steps.insert(random.randrange(len(steps)), StandIns())
    if random.random() < 0.2:
        steps = [PrefixSpace(), Split(PATTERNS["gpt2"], "Isolated"), *steps]
    return SplitSteps(steps)


def _step_pattern(random: Random) -> str:
    kind = random.random()
    if kind < 0.3:
        return random.choice((" ", r"\d", r"\p{N}", r"\s", r"[0-9]{3}", "[一-龥]+", r"\p{P}", "'", "a"))
    return random.choice(list(PUBLISHED.values())) if kind < 0.6 else _quick_pattern(random)


def _quick_pattern(random: Random) -> str:
    """Return a random pattern that does not need exponential time, so far as a few texts show."""
    while True:
        pattern = random_pattern(random, depth=random.choice((0, 1, 1, 2)))
        if _REPEATED_GROUP.search(pattern):
            continue  # such as (?:a|aa)+b, which is quick for some texts, and endless for a part of one of them
        texts = [random_text(random) for _ in range(5)] + ["a" * 60, "ab" * 30, " \n" * 30]
        if not any(takes_long(pattern, text) for text in texts):
            return pattern


def takes_long(pattern: str | SplitSteps, text: str) -> bool:
    """Return whether `regex` needs long to split a text: with `(?:a+)+b` it may need exponential time."""
    patterns, texts = [pattern], [text]
    if isinstance(pattern, SplitSteps):
        patterns = [step.pattern for step in pattern.steps if isinstance(step, Split)]
        texts += [to_stand_ins(text.encode())] if pattern.in_stand_ins else []
    try:
        for one in patterns:
            for seen in texts:
                compile_pattern(one).findall(seen, timeout=_LONGEST_SECONDS)
    except TimeoutError:
        return True
    return False
