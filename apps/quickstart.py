"""From nothing to a talking model, without network, in about two minutes: `uv run apps/quickstart.py`.

It tells itself a corpus of little stories, trains a tokenizer and a small model on them, evaluates, and lets the
model tell three stories of its own. Everything it makes is in the run's folder.
"""

import time
from dataclasses import replace
from pathlib import Path

from command import run_command, say
from generate import load_speaker, print_stream
from nn import SamplingConfig
from stories import write_corpus
from text_data import TextDataConfig, prepare_data, token_files
from text_run import CONFIGS, TextRunConfig, train_and_plot, with_directory
from trainer import RunDirectory, choose_device, new_run_directory, open_data, parse_config, perplexity, save_config

CORPUS_BYTES = 3_000_000


def main(arguments: list[str]) -> None:
    """Make the corpus, the tokenizer, the model and three stories."""
    started = time.perf_counter()
    config, options = parse_config(
        TextRunConfig,
        arguments,
        files=[CONFIGS / "quickstart.yaml"],
        description="Train a small model on generated stories, offline.",
        options={"corpus_bytes": f"Size of the corpus (default {CORPUS_BYTES})."},
    )
    choose_device(config.run.device)
    num_bytes = corpus_size(options["corpus_bytes"])
    if replace(config.data, pattern="") != TextDataConfig(pattern=""):
        raise ValueError("the quickstart makes its own data: give yours to apps/train_tinystories.py")
    directory = free_directory(Path(config.run.directory))
    corpus = directory / "corpus"
    config = with_directory(config, str(directory))
    config = replace(
        config,
        data=replace(config.data, train_text=str(corpus / "train.txt"), valid_text=str(corpus / "valid.txt")),
    )
    with new_run_directory(directory) as run:
        train_text, valid_text = run.path / "corpus" / "train.txt", run.path / "corpus" / "valid.txt"
        train_text.parent.mkdir()
        write_corpus(train_text, valid_text, num_bytes, config.run.seed)
        say(f"corpus: {train_text.stat().st_size:,} bytes of stories to train on")
        here = replace(config.data, train_text=str(train_text), valid_text=str(valid_text))
        prepare_data(here, config.model, run)
        save_config(config, run.config)
    made = RunDirectory(directory)
    result = train_and_plot(config, made, open_data(token_files(config.data, made), config.model))
    tell_stories(RunDirectory(directory))
    print(
        f"\nvalidation loss {result.valid_loss:.3f} (perplexity {perplexity(result.valid_loss):.2f}) "
        f"after {result.steps} steps; {time.perf_counter() - started:.0f} s in all\n\n"
        "Go on with:\n"
        f'  uv run apps/generate.py {directory} --prompt "Once upon a time" --num-samples 3\n'
        f"  uv run apps/train_tinystories.py --resume {directory} --training.steps {2 * result.steps}\n"
        "  uv run apps/train_tinystories.py --config configs/tinystories_cpu.yaml "
        "--data.train_text your_train.txt --data.valid_text your_valid.txt"
    )


def corpus_size(option: str | None) -> int:
    """Return the size that the command line asks for, in bytes.

    Raises:
        ValueError: it is not a number.
    """
    if option is None:
        return CORPUS_BYTES
    if not option.isdecimal():
        raise ValueError(f"--corpus_bytes is {option!r}: give a number of bytes, such as {CORPUS_BYTES}")
    return int(option)


def free_directory(path: Path) -> Path:
    """Return `path`, or with `-2`, `-3`, … appended the first that does not exist yet."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def tell_stories(run: RunDirectory) -> None:
    """Print three stories of the trained model."""
    speaker = load_speaker(run)
    prompt_ids = speaker.encode_prompt("")
    for seed in range(3):
        print(f"\n--- story {seed + 1} ---")
        print_stream("", speaker.speak(prompt_ids, 400, SamplingConfig(temperature=0.7, top_p=0.9), seed))


if __name__ == "__main__":
    run_command(main)
