"""Stories, one at a time or as a stream."""

import random
from collections.abc import Iterator

from stories.frame import begin_side, close_story, open_story
from stories.plot import Plot
from stories.plots import PLOTS
from stories.story import Story, new_story

SIDE_CHANCE = 0.6


def tell_story(plot: Plot, rng: random.Random) -> Story:
    """Tell one story with the given plot; the world it leaves behind can be looked at together with its text."""
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
    """Yield distinct stories until their text amounts to at least `num_bytes` bytes of UTF-8.

    The stories depend on `seed` alone: a larger `num_bytes` yields the same ones, and then more.

    Raises:
        ValueError: if `num_bytes` is not positive.
    """
    if num_bytes <= 0:
        raise ValueError(f"num_bytes must be at least 1, got {num_bytes}")
    return _distinct_stories(num_bytes, random.Random(seed))  # noqa: S311 - stories are no secret


def _distinct_stories(num_bytes: int, rng: random.Random) -> Iterator[str]:
    """Yield the stories; apart from the check above it, so that the check does not wait for the first story."""
    told: set[str] = set()
    size = 0
    while size < num_bytes:
        story = generate_story(rng)
        if story not in told:
            told.add(story)
            size += len(story.encode())
            yield story
