r"""Where a text can be cut so that the pieces of both parts are those of the whole, whatever the parts are.

A cut between two characters is safe if no piece can contain both, and if every piece that ends there ends there for the
end of the text as well. With an automaton this can be decided for each pair of classes, once:

    \w+|\W+      safe between a letter and a space, and between a space and a letter
    ` ?\w+|\W`   safe between a letter and a space only: " a" is one piece

Let x and y be the classes. In every state that reading x can lead to, nothing must go on after y, and it must make no
difference to the match whether y or the end of the text follows. Then no attempt to match extends over the cut, and
those before it succeed or fail alike. In addition x alone must match before y. So it is never skipped, but belongs to a
piece, and that piece ends at the cut. There is no look-behind, so what is after the cut does not depend on what is
before it.
"""

from functools import lru_cache

from bpe.automata.determinize import DEAD, Automaton

_NEWLINE = 10


@lru_cache(maxsize=64)
def safe_pairs(automaton: Automaton) -> tuple[frozenset[int], ...]:
    """Return for each class the classes before which a text can be cut if a character of the first class is before."""
    steps, end = automaton.steps, automaton.end
    pairs = []
    for left in range(automaton.classes.count):
        alone = steps[0][left].state
        # Only at the end of a text is this newline different: a part that ends with it would be split differently.
        is_unsafe = left == automaton.classes.of(_NEWLINE) and automaton.knows_final_newline
        if alone == DEAD or is_unsafe:
            pairs.append(frozenset[int]())
            continue
        states = {row[left].state for row in steps} - {DEAD}
        pairs.append(
            frozenset(
                right
                for right in range(automaton.classes.count)
                if steps[alone][right].matched
                and all(steps[s][right].state == DEAD for s in states)
                and all(steps[s][right].matched == steps[s][end].matched for s in states)
            )
        )
    return tuple(pairs)


def last_cut(text: str, automaton: Automaton) -> int:
    """Return the last position at which `text` can be cut, whatever precedes or follows it; 0 if there is none."""
    pairs, class_of = safe_pairs(automaton), automaton.classes.of
    if not any(pairs) or not text:
        return 0
    right = class_of(ord(text[-1]))
    for position in range(len(text) - 1, 0, -1):
        left = class_of(ord(text[position - 1]))
        if right in pairs[left]:
            return position
        right = left
    return 0
