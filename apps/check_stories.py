"""Count how many of a model's stories are consistent: `uv run apps/check_stories.py runs/quickstart`.

This is for the quickstart's run, and other models trained on its stories: whose pronouns agree, and who is introduced,
is known only for the characters of `apps/stories/people.py`.
"""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from command import CommandLineParser, run_command, whole_number
from generate import SAMPLES_AT_ONCE
from nn import SamplingConfig
from stories.agreement import StoryShares, check_stories
from trained_run import open_trained_run

if TYPE_CHECKING:  # loads torch
    from speaker import Speaker

SAMPLING = SamplingConfig(temperature=0.7, top_p=0.9)
LONGEST = 400
"""Tokens after which a story that does not end is cut; the longest of the corpus have about 300."""


def parse(arguments: list[str]) -> Namespace:
    """Read the command line.

    Raises:
        ValueError: an option is wrong.
    """
    parser = CommandLineParser(
        "Count how many stories of a model are consistent.",
        usage="RUN [OPTIONS]",
        examples=("runs/quickstart", "runs/quickstart --num-samples 1000"),
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the folder of a run of the quickstart, such as runs/quickstart")
    add("--num-samples", type=whole_number, default=200, metavar="N", help="stories to generate (default 200)")
    add("--seed", type=whole_number, default=0, metavar="N", help="story i uses seed N + i (default 0)")
    add("--checkpoint", type=Path, metavar="FOLDER", help="use this checkpoint (default: the run's latest)")
    given = parser.parse_all(arguments)
    if given.num_samples < 1:
        raise ValueError(f"--num-samples is {given.num_samples}: give at least 1")
    if not 0 <= given.seed < 2**63 - given.num_samples:
        raise ValueError(f"--seed is {given.seed}: give 0 or more, below 2**63")
    return given


def main(arguments: list[str]) -> None:
    """Generate stories and print the shares."""
    given = parse(arguments)
    run, _ = open_trained_run(given.run, given.checkpoint)
    from speaker import load_speaker  # loads torch

    speaker = load_speaker(run, given.checkpoint)
    last = given.seed + given.num_samples
    texts: list[str] = []
    for start in range(given.seed, last, SAMPLES_AT_ONCE):
        stories = begin_stories(speaker, range(start, min(start + SAMPLES_AT_ONCE, last)))
        texts += ["".join(parts) for parts in stories]
    print(f"{len(texts)} stories of {run.path}, with intervals of 95 % confidence")
    print_shares(check_stories(texts))


def begin_stories(speaker: "Speaker", seeds: range) -> list[Iterator[str]]:
    """Return a story for each seed, in parts that are generated together as they are read."""
    return speaker.speak(speaker.encode_prompt(""), LONGEST, SAMPLING, seeds)


def print_shares(shares: StoryShares) -> None:
    """Print the shares, one a line."""
    print(f"every pronoun agrees with the person named last:  {shares.agreeing}")
    print(f"everybody is introduced:                          {shares.introducing}")
    print(f"both:                                             {shares.consistent}")


if __name__ == "__main__":
    run_command(main)
