"""Tests of the story generator: the same stories everywhere, varied and grammatical."""

import hashlib
import os
import random
import re
import subprocess
import sys
from collections import Counter
from itertools import islice

import pytest

import stories.generator
from stories import generate_stories, generate_story, people, things
from stories.frame import begin_side
from stories.generator import tell_story
from stories.places import INDOORS, OUTDOORS
from stories.plots import PLOTS
from stories.side_events import SIDES

from .conftest import APPS

FIRST_200_SHA256 = "0fd3c660fc01304a4a4c72cd4686c57cf8ca05595bb1521887dcd7fea62d41da"


@pytest.fixture(scope="module")
def sample() -> list[str]:
    rng = random.Random(7)
    return [generate_story(rng) for _ in range(2000)]


# ---------------------------------------------------------------- determinism


def digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def test_first_stories_are_pinned():
    assert digest(list(islice(generate_stories(10**6, seed=1234), 200))) == FIRST_200_SHA256


def test_hash_seed_does_not_matter():
    code = "import stories; print(*stories.generate_stories(50_000, 3), sep='@')"
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(APPS)},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "4242")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].decode().rstrip("\n").split("@") == list(generate_stories(50_000, 3))


def test_more_bytes_continue_the_same_stream():
    few, many = list(generate_stories(20_000, 5)), list(generate_stories(40_000, 5))
    assert many[: len(few)] == few
    assert list(generate_stories(20_000, 6)) != few


def test_stream_stops_as_soon_as_it_is_long_enough():
    texts = list(generate_stories(30_000, 8))
    sizes = [len(text.encode()) for text in texts]
    assert sum(sizes[:-1]) < 30_000 <= sum(sizes)


def test_a_repeated_story_is_skipped(monkeypatch):
    texts = iter(["one", "two", "one", "three"])
    monkeypatch.setattr(stories.generator, "generate_story", lambda rng: next(texts))
    assert list(generate_stories(len("onetwothree"), 0)) == ["one", "two", "three"]


# ---------------------------------------------------------------- variety


def test_stories_and_words_vary(sample):
    assert len(set(sample)) == len(sample)
    words = Counter(word for text in sample for word in re.findall(r"[a-z']+", text.lower()))
    assert len(words) >= 1000
    assert sum(count >= 5 for count in words.values()) >= 500
    assert len({text.split(".")[0] for text in sample}) > 1500


def test_every_plot_and_side_event_appears(monkeypatch):
    plots, sides = Counter(), Counter()

    def count_plot(plot, rng):
        plots[plot.name] += 1
        return tell_story(plot, rng)

    def count_side(story, choices):
        begin_side(story, choices)
        sides[story.pending.begin] += 1

    monkeypatch.setattr(stories.generator, "tell_story", count_plot)
    monkeypatch.setattr(stories.generator, "begin_side", count_side)
    rng = random.Random(3)
    for _ in range(2000):
        generate_story(rng)
    assert min(plots[plot.name] for plot in PLOTS) >= 50
    assert min(sides[side.begin] for side in SIDES) >= 20


def test_the_world_is_large_enough():
    names = [name for group in (people.CHILDREN, people.ANIMALS) for names in group.values() for name in names]
    assert len(set(names)) == len(names) >= 24
    assert len({place.name for place in OUTDOORS + INDOORS}) >= 20
    assert all(len(set(place.spots)) == 3 for place in OUTDOORS + INDOORS)
    kinds = things.TOYS + things.POCKET_THINGS + things.CLOTHS + things.FLYERS + things.FOODS + things.PRIZES
    assert len({kind.noun for kind in kinds}) >= 40
    assert len(people.TRAITS) >= 12
    assert len(PLOTS) >= 10


def test_length(sample):
    lengths = [len(text.split()) for text in sample]
    assert min(lengths) >= 80
    assert max(lengths) <= 230
    assert 120 <= sum(lengths) / len(lengths) <= 180


# ---------------------------------------------------------------- grammar


@pytest.mark.parametrize(
    "error",
    [
        r"[^ -~\n]",  # not ASCII
        r"  | \n|\n |\n\n\n|\A\s|\s\Z",  # stray space
        r"[{}\[\]|@<>_\\]",  # something left of a template
        r"\b[Aa] [aeiou]|\b[Aa]n (?!hour)[^aeiou]",  # wrong article
        r"\b(?!choo\b)(\w+) \1\b",  # a word twice
        r" [.,!?]|[.,!?]{2}|,\"? ?$",  # stray punctuation
        r"(?m)^\"?[^A-Z\"\n]",  # a paragraph that starts without a capital
        r"(?m)[^.!?\"\n]$|[^.!?]\"$",  # a paragraph that ends without a full stop
        r"[.!?] \"?[^A-Z\"]",  # a sentence that starts without a capital
        r"\.\" \"?[^A-Z\"]",  # the same, after a speech
        r"[!?]\" (?!(?:he|she|said|asked|cried|called|thought)\b|\"|[A-Z])",  # a call, then a small letter
        r"[a-z] \"[A-Za-z]|, \"[a-z]",  # a speech without a comma before it, or without a capital
        r"\bNone\b|object at 0x",  # a piece of state that is missing
    ],
)
def test_no_error_in_the_text(sample, error):
    found = [match[0] + " in " + text for text in sample if (match := re.search(error, text))]
    assert found == []


def test_shape(sample):
    for text in sample:
        paragraphs = text.split("\n\n")
        assert len(paragraphs) >= 2
        assert all(paragraph.count('"') % 2 == 0 for paragraph in paragraphs)


def test_most_stories_have_direct_speech(sample):
    assert sum('"' in text for text in sample) > 0.95 * len(sample)
