"""Is a story, written by the generator or by a model, consistent about its characters?

Two rules hold in every generated story, and a model that has learned the stories keeps them:

* a pronoun stands for the person named last: after "Tom met Lily.", "she" is Lily, and "he" is a mistake;
* everybody is introduced: the first person named is the hero, the next one is called a friend or described where the
  name first appears ("Lily, a shy girl"), and there is one grown-up at most.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from stories.people import ANIMALS, CHILDREN, ELDERS, HE, SHE

_ELDERS = {*ELDERS[HE], *ELDERS[SHE]}
_MALE = {*CHILDREN[HE], *ANIMALS[HE], *ELDERS[HE]}
_FEMALE = {*CHILDREN[SHE], *ANIMALS[SHE], *ELDERS[SHE]}
_HE_WORDS = {"he", "him", "his", "himself", "boy"}
_NAME = "|".join(sorted(_MALE | _FEMALE))
_WORDS = re.compile(
    rf"\b(?P<name>{_NAME})\b|\b(?P<gendered>(?i:he|him|his|himself|she|her|hers|herself)|boy|girl)\b"
    rf"(?: named (?P<named>{_NAME})\b)?"
)


@dataclass(frozen=True)
class StoryCheck:
    """What is inconsistent in a story."""

    pronouns: int
    """How many pronouns there are, "boy" and "girl" included."""
    disagreeing: tuple[str, ...]
    """Those that do not agree with their name, each with it: "she for Tom"."""
    strangers: tuple[str, ...]
    """Names of people who were not introduced."""


def check_story(text: str) -> StoryCheck:
    """Read a story, and compare each pronoun with the person named last, and each new name with its introduction."""
    pronouns = 0
    disagreeing, strangers = [], []
    people: list[str] = []
    last = ""
    for match in _WORDS.finditer(text):
        name = match["name"] or match["named"] or last
        if name and name not in people:
            if not _is_introduced(name, people, text[: match.end()], text[match.end() :]):
                strangers.append(name)
            people.append(name)
        if match["gendered"]:
            pronouns += 1
            if name not in (_MALE if match["gendered"].lower() in _HE_WORDS else _FEMALE):
                disagreeing.append(f"{match['gendered'].lower()} for {name or 'nobody'}")
        last = name
    return StoryCheck(pronouns, tuple(disagreeing), tuple(strangers))


def _is_introduced(name: str, people: list[str], before: str, after: str) -> bool:
    """Return whether the first mention of a name, between the two texts, is in order after those of other people."""
    if name in _ELDERS:
        return not _ELDERS.intersection(people)
    others = [person for person in people if person not in _ELDERS]
    described = before.endswith(f"friend {name}") or after.startswith((", a ", ", an "))
    return not others or (len(others) == 1 and described)


@dataclass(frozen=True)
class Share:
    """A share of a sample, with the interval that contains the true share in 95 of 100 samples (Wilson 1927)."""

    hits: int
    count: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits / self.count:.0%} ({low:.0%} to {high:.0%})"

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the interval."""
        z, share = 1.96, self.hits / self.count
        center = share + z * z / (2 * self.count)
        spread = z * math.sqrt(share * (1 - share) / self.count + z * z / (4 * self.count**2))
        scale = 1 + z * z / self.count
        return max(0.0, (center - spread) / scale), min(1.0, (center + spread) / scale)


@dataclass(frozen=True)
class StoryShares:
    """How many stories of a sample are consistent."""

    agreeing: Share
    """Stories in which every pronoun agrees with its name."""
    introducing: Share
    """Stories in which everybody is introduced."""
    consistent: Share
    """Stories for which both hold."""


def check_stories(texts: Iterable[str]) -> StoryShares:
    """Check each story of a sample.

    Raises:
        ValueError: there is no story.
    """
    checks = [check_story(text) for text in texts]
    if not checks:
        raise ValueError("no stories were given: give at least one")
    return StoryShares(
        agreeing=Share(sum(not check.disagreeing for check in checks), len(checks)),
        introducing=Share(sum(not check.strangers for check in checks), len(checks)),
        consistent=Share(sum(not (check.disagreeing or check.strangers) for check in checks), len(checks)),
    )
