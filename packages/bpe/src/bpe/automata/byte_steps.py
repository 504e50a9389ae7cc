"""Split steps that look at the bytes of each piece: those after `StandIns`.

Falcon's tokenizer splits by signs and by GPT-2's pattern first, and then at runs of digits. To this last step every
byte is a character, its stand-in, and B2, the second byte of "ò", has the stand-in ², which counts as a digit:

    text             ò       1   2
    bytes            C3  B2  31  32
    GPT-2's pattern  ò      |12          steps before the stand-ins, on characters
    runs of digits   C3 |B2 |31  32      steps after them, on bytes

So there are two automata. The second one begins again in each piece of the first, and most pieces have no byte that it
could split at: the kernel passes over these. The first one is that of `bpe.patterns.character_steps`.

Reference: `bpe.pre_tokenizers.SplitSteps.split`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bpe.automata.composition import steps_automaton
from bpe.automata.determinize import DEAD, Automaton
from bpe.pre_tokenizers import PatternKey, StandIns
from bpe.stand_ins import to_stand_ins


@dataclass(frozen=True)
class ByteSteps:
    """The steps after the stand-ins as an automaton."""

    automaton: Automaton
    """Matches every piece."""
    class_of: tuple[int, ...]
    """The class of each byte."""
    splitting: frozenset[int]
    """The bytes without which a piece is not split."""


def byte_steps(pattern: PatternKey) -> ByteSteps | None:
    """Return the steps after `StandIns`, or None if there are none.

    Raises:
        NotTranslatableError: they have no automaton; the error gives the reason.
    """
    if isinstance(pattern, str) or StandIns() not in pattern[:-1]:
        return None
    automaton = steps_automaton(pattern[pattern.index(StandIns()) + 1 :])
    class_of = tuple(automaton.classes.of(ord(stand_in)) for stand_in in to_stand_ins(bytes(range(256))))
    together: set[int] = set()
    for number, _ in Counter(class_of).most_common():
        if _is_never_split(automaton, {*together, number}):
            together.add(number)
    return ByteSteps(automaton, class_of, frozenset(byte for byte in range(256) if class_of[byte] not in together))


def _is_never_split(automaton: Automaton, classes: Iterable[int]) -> bool:
    """Return whether a piece that has only characters of these classes stays whole, whatever their order."""
    queue, reached = [0], {0}
    for state in queue:  # which grows meanwhile
        for number in classes:
            following = automaton.steps[state][number].state
            if following == DEAD or not automaton.steps[following][automaton.end].matched:
                return False
            if following not in reached:
                reached.add(following)
                queue.append(following)
    return True
