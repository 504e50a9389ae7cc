r"""Several split steps as one automaton, which finds the pieces of the last step in one pass.

    text      no 123a
    step 1    no |123|a        \d{1,3}, isolated
    step 2    no| |123|a       \p{L}+, isolated, within each piece of step 1

Both automata read the text at the same time. Where the first one has a border, the second one reads the end of a text
instead of the next character, as it would if it had only the piece. That takes two conditions, which are checked:

- A border of the first automaton is known when the next character is read. (The last one may be any.)
- After a border of the second automaton, the first one has to be in the state in which a new piece begins, or in one
  from which the same follows: the result has one start.

Each character is then looked at once, however many steps there are. What does not meet the conditions is refused.

Reference: `bpe.pre_tokenizers.SplitSteps.split`.
"""

from collections.abc import Sequence
from functools import lru_cache

from bpe.automata.code_points import refine
from bpe.automata.determinize import DEAD, Automaton, automaton, certain_states, explore
from bpe.automata.syntax import NotTranslatableError
from bpe.automata.total import Join, merged, total
from bpe.pre_tokenizers import PatternKey, PrefixSpace, Split, SplitStep

_JOINS: dict[tuple[str, bool], Join] = {
    ("Contiguous", False): "matches",
    ("Contiguous", True): "matches",
    ("MergedWithPrevious", False): "match_to_gap_before",
    ("MergedWithPrevious", True): "gap_to_match_before",
    ("MergedWithNext", False): "gap_to_match_before",
    ("MergedWithNext", True): "match_to_gap_before",
}
"""What the behavior of a split joins, by the behavior and `invert`."""


@lru_cache(maxsize=64)
def find_automaton_of(pattern: PatternKey) -> Automaton | None:
    """Return the automaton of a pattern or of split steps, or None if there is none; computed once."""
    try:
        return automaton_of(pattern)
    except NotTranslatableError:
        return None


def automaton_of(pattern: PatternKey) -> Automaton:
    """Return the automaton of a pattern or of split steps.

    Raises:
        NotTranslatableError: there is none; the error gives the reason.
    """
    return automaton(pattern) if isinstance(pattern, str) else steps_automaton(pattern)


def steps_automaton(steps: Sequence[SplitStep]) -> Automaton:
    """Return the automaton whose pieces are those of several steps.

    Raises:
        NotTranslatableError: a step has no automaton, or two of them cannot be composed.
    """
    if not steps:
        raise NotTranslatableError("there is no step")
    first, *others = map(step_automaton, steps)
    for other in others:
        first = compose(first, other)
    return first


def step_automaton(step: SplitStep) -> Automaton:
    """Return the automaton that matches each piece of one step.

    Raises:
        NotTranslatableError: there is none; the error gives the reason.
    """
    if not isinstance(step, Split):
        part = "a space in front of each piece" if isinstance(step, PrefixSpace) else "splitting within characters"
        raise NotTranslatableError(f"{part} has no automaton")
    found = automaton(step.pattern)
    if step.behavior == "Isolated":
        return total(found)
    if step.behavior != "Removed":
        return merged(found, _JOINS[step.behavior, step.invert])
    certain = certain_states(found)
    if step.invert and all(s.state in certain for k, s in enumerate(found.steps[0]) if k != found.end):
        return total(found)  # there are no gaps to remove
    raise NotTranslatableError("text that is removed has no automaton")


def compose(first: Automaton, second: Automaton) -> Automaton:
    """Return the automaton of two steps, of which the second one splits the pieces of the first.

    Args:
        first: an automaton that matches every piece of the first step.
        second: the same for the second step.

    Raises:
        NotTranslatableError: the two do not meet the conditions above.
    """
    if not all(step.matched for row in first.steps[1:] for step in row if step.state == DEAD):
        raise NotTranslatableError("a step before the last one has borders that are only known further on")
    if second.knows_final_newline:
        raise NotTranslatableError("a step after the first one treats a newline at the end in a way of its own")
    classes, parts = refine(first.classes, second.classes)
    symbols = [*parts, (first.end, second.end), (first.final_newline, second.final_newline)]

    def follow(state: tuple[int, int, bool], symbol: int) -> tuple[tuple[int, int, bool] | None, bool]:
        """Follow both; the state is theirs, and whether the last possible end meets the second condition."""
        at_first, at_second, can_restart = state
        left, right = (symbols[symbol][0], symbols[symbol][1])
        outer = first.steps[at_first][left]
        if outer.state == DEAD:
            inner = second.steps[at_second][second.end]
            if not inner.matched and not can_restart:
                raise _no_restart()
            return None, inner.matched
        inner = second.steps[at_second][right]
        if inner.matched:
            can_restart = outer.state == first.steps[0][left].state
        if inner.state != DEAD:
            return (outer.state, inner.state, can_restart), inner.matched
        if not can_restart:
            raise _no_restart()
        return None, inner.matched

    return explore(classes, (0, 0, True), follow)


def _no_restart() -> NotTranslatableError:
    return NotTranslatableError("a step splits the pieces of the one before where it cannot begin again")
