"""Stories, one at a time or as a stream."""

import random
from collections.abc import Iterator

from stories.frame import begin_side, close_story, open_story
from stories.plot import Plot
from stories.plots import PLOTS
from stories.story import Story, new_story

SIDE_CHANCE = 0.3


def tell_story(plot: Plot, rng: random.Random) -> Story:
    """Tell one story with the given plot; the result has the final state of its world beside its text."""
    place = rng.choice(plot.places)
    story = new_story(rng, place, plot.weathers_at(place), plot.barred_traits)
    open_story(story)
    if rng.random() < SIDE_CHANCE:
        begin_side(story, plot.sides_at(place))
    plot.tell(story)
    close_story(story, plot.morals)
    return story


def generate_story(rng: random.Random) -> str:
    """Return one story: plain ASCII, paragraphs separated by an empty line, no newline at the end."""
    return tell_story(rng.choice(PLOTS), rng).text


def generate_stories(num_bytes: int, seed: int) -> Iterator[str]:
    """Yield distinct stories until their text has at least `num_bytes` bytes of UTF-8.

    The stories depend on `seed` alone: a larger `num_bytes` yields the same ones, and then more.

    Raises:
        ValueError: if `num_bytes` is not positive.
    """
    if num_bytes <= 0:
        raise ValueError(f"num_bytes must be at least 1, got {num_bytes}")
    return _distinct_stories(num_bytes, random.Random(seed))  # noqa: S311 - not for cryptography


def _distinct_stories(num_bytes: int, rng: random.Random) -> Iterator[str]:
    """Yield the stories; a function of its own, so that the check above is made at the call, not at the first story."""
    seen: set[str] = set()
    size = 0
    while size < num_bytes:
        story = generate_story(rng)
        if story not in seen:
            seen.add(story)
            size += len(story.encode())
            yield story
