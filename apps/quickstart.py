"""From nothing to a model that tells stories, offline, in about two minutes: `uv run apps/quickstart.py`.

It generates a corpus of little stories, trains a tokenizer and a small model on them, evaluates the model, and lets it
tell three stories of its own. Everything is written to the run's folder.
"""

import math
import time
from dataclasses import replace
from itertools import tee
from pathlib import Path

import trainer  # trainer.perplexity loads torch when it is first used
from check_stories import begin_stories
from command import run_command, say
from generate import print_stream
from step_memory import require_memory
from stories import write_corpus
from stories.agreement import StoryShares, check_stories
from text_config import CONFIGS, TextDataConfig, TextRunConfig, with_directory
from text_data import prepare_data
from text_run import train_and_plot
from trainer import RunDirectory, new_run_directory, parse_config, save_config

CORPUS_BYTES = 5_000_000
NUM_PRINTED, NUM_CHECKED = 3, 40
"""Stories of the model that are printed, and that are checked: those and others, generated in one batch."""


def main(arguments: list[str]) -> None:
    """Generate the corpus, train the tokenizer and the model, and print three stories."""
    started = time.perf_counter()
    config, num_bytes = read_command_line(arguments)
    require_memory(config)  # refuses a device that this machine does not have, too
    run = prepare_run(config, num_bytes)
    guessing = math.log(config.model.vocab_size)
    say(f"\nThe model learns to predict the next token. Loss is its error: {guessing:.1f} for guessing, 0 at best.\n")
    result = train_and_plot(config, run)
    say("\nIt now writes stories of its own, from nothing but the token that begins a document.")
    shares = tell_stories(run)
    print_summary(result, shares, run)
    print(f"\n{time.perf_counter() - started:.0f} s in all; README.md explains each line (What the quickstart prints)")


def print_summary(result: "trainer.TrainingResult", shares: StoryShares, run: RunDirectory) -> None:
    """Print how good the model is, and what can be done next."""
    print(
        f"\nvalidation loss {result.valid_loss:.3f} after {result.steps} steps: in stories that it was not trained on, "
        f"it is as unsure as among {trainer.perplexity(result.valid_loss):.2f} equally likely tokens (perplexity)\n"
        f"of {NUM_CHECKED} stories, {shares.agreeing.hits} have only pronouns that agree with their names, and "
        f"{shares.introducing.hits} introduce everybody they name\n\n"
        "Next:\n"
        "  # more stories\n"
        f'  uv run apps/generate.py {run.path} --prompt "Once upon a time" --num-samples 3\n'
        "  # twice as much training\n"
        f"  uv run apps/train_tinystories.py --resume {run.path} --training.steps {2 * result.steps}\n"
        "  # a model of your own text\n"
        "  uv run apps/train_tinystories.py --config configs/tinystories_cpu.yaml "
        "--data.train_text your_train.txt --data.valid_text your_valid.txt"
    )


def read_command_line(arguments: list[str]) -> tuple[TextRunConfig, int]:
    """Return the configuration, with a folder for the run that does not exist yet, and the size of the corpus in bytes.

    Raises:
        ValueError: an option is wrong.
    """
    config, options = parse_config(
        TextRunConfig,
        arguments,
        files=[CONFIGS / "quickstart.yaml"],
        description="Train a small model on generated stories, offline.",
        examples=["", "--training.steps 300 --run.directory runs/short"],
        options={"corpus_bytes": f"Size of the corpus in bytes (default {CORPUS_BYTES})."},
    )
    num_bytes = corpus_size(options["corpus_bytes"])
    if replace(config.data, pattern="") != TextDataConfig(pattern=""):
        raise ValueError("the quickstart generates its own data: give yours to apps/train_tinystories.py")
    directory = free_directory(Path(config.run.directory))
    corpus = directory / "corpus"
    data = replace(config.data, train_text=str(corpus / "train.txt"), valid_text=str(corpus / "valid.txt"))
    return replace(with_directory(config, str(directory)), data=data), num_bytes


def prepare_run(config: TextRunConfig, num_bytes: int) -> RunDirectory:
    """Create the run's folder with the corpus, the tokenizer and the token files."""
    with new_run_directory(config.run.directory) as unfinished:
        corpus = unfinished.path / "corpus"
        corpus.mkdir()
        train_text, valid_text = corpus / "train.txt", corpus / "valid.txt"
        write_corpus(train_text, valid_text, num_bytes, config.run.seed)
        say(f"corpus: {train_text.stat().st_size:,} bytes of stories to train on")
        here = replace(config.data, train_text=str(train_text), valid_text=str(valid_text))
        prepare_data(here, config.model, unfinished)
        save_config(config, unfinished.config)
    return RunDirectory(Path(config.run.directory))


def corpus_size(option: str | None) -> int:
    """Return the size of the corpus in bytes.

    Raises:
        ValueError: the option is not a whole number.
    """
    if option is None:
        return CORPUS_BYTES
    if not option.isdecimal():
        raise ValueError(f"--corpus_bytes is {option!r}: give a number of bytes, such as {CORPUS_BYTES}")
    return int(option)


def free_directory(path: Path) -> Path:
    """Return `path`, or the first of `path-2`, `path-3`, … that does not exist yet."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def tell_stories(run: RunDirectory) -> StoryShares:
    """Print the first of the trained model's stories as they are generated, and check all of them."""
    from speaker import load_speaker  # loads torch

    texts = []
    for number, parts in enumerate(begin_stories(load_speaker(run), range(NUM_CHECKED)), start=1):
        printed, kept = tee(parts)
        if number <= NUM_PRINTED:
            print(f"\n--- story {number} ---")
            print_stream("", printed)
        texts.append("".join(kept))
    return check_stories(texts)


if __name__ == "__main__":
    run_command(main)
