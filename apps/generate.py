"""Generate text with a trained run: `uv run apps/generate.py runs/quickstart --prompt "One day"`."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bpe import Tokenizer
from command import CommandLineParser, number, one_of, run_command, whole_number
from nn import SamplingConfig
from trained_run import open_trained_run

SAMPLES_AT_ONCE = 64
"""More samples are generated in several batches: each takes memory for keys and values."""


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Generate text with a trained run.",
        usage="RUN [OPTIONS]",
        examples=(
            'runs/quickstart --prompt "Once upon a time"',
            "runs/quickstart --num-samples 3 --temperature 0.5 --seed 1",
        ),
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder, such as runs/quickstart")
    add("--prompt", default="", metavar="TEXT", help="text to continue (default: begin a new document)")
    add("--max-new-tokens", type=whole_number, default=256, metavar="N", help="the longest continuation (default 256)")
    add("--temperature", type=number, default=0.7, metavar="X", help="0: always the most probable token (default 0.7)")
    add("--top-p", type=number, default=0.9, metavar="X", help="smallest set with this probability (default 0.9)")
    add("--top-k", type=whole_number, metavar="N", help="only the N most probable tokens (default: no limit)")
    add("--min-p", type=number, default=0.0, metavar="X", help="at least X times the highest probability (default 0)")
    add("--repetition-penalty", type=number, default=1.0, metavar="X", help="above 1: repeat less (default 1)")
    add("--stop", action="append", default=[], metavar="TOKEN", help="end at this token; may be repeated")
    add("--seed", type=whole_number, default=0, metavar="N", help="sample i uses seed N + i (default 0)")
    add("--num-samples", type=whole_number, default=1, metavar="N", help="texts to generate (default 1)")
    add("--truncate-prompt", action="store_true", help="cut the start of a prompt that is too long")
    add("--checkpoint", type=Path, metavar="FOLDER", help="use this checkpoint (default: the run's latest)")
    add("--device", default="auto", help="auto, cpu, cuda, … (default auto)")
    modes = ("auto", "off", "record", "graph", "on")
    add(
        "--compile",
        type=one_of(*modes),
        default="auto",
        metavar=f"{{{','.join(modes)}}}",
        help="how a step runs: as it is, recorded as a list of operations, as a CUDA graph, or compiled (default auto)",
    )
    return parser.parse_all(arguments)


def sampling_settings(given: Namespace) -> SamplingConfig:
    """Return how to sample.

    Raises:
        ValueError: a setting is out of range.
    """
    if given.num_samples < 1:
        raise ValueError(f"--num-samples is {given.num_samples}: give at least 1")
    if not 0 <= given.seed < 2**63 - given.num_samples:
        raise ValueError(f"--seed is {given.seed}: give 0 or more, below 2**63")
    return SamplingConfig(
        temperature=given.temperature,
        top_k=given.top_k,
        top_p=given.top_p,
        min_p=given.min_p,
        repetition_penalty=given.repetition_penalty,
    )


def main(arguments: list[str]) -> None:
    """Print the first text of each batch as it is generated, then the others, which were generated with it."""
    given = parse(arguments)
    sampling = sampling_settings(given)
    run, _ = open_trained_run(given.run, given.checkpoint)
    if not run.tokenizer.is_file():
        raise ValueError(f"{run.tokenizer} does not exist: copy the tokenizer of the run's token files there")
    Tokenizer.load(run.tokenizer)  # refuses a damaged file

    # These load torch, which a mistake in anything above need not wait for.
    from speaker import load_speaker
    from trainer.runtime import missing_compiler

    speaker = load_speaker(run, given.checkpoint, given.device)
    prompt_ids = speaker.encode_prompt(given.prompt, truncate=given.truncate_prompt)
    if given.compile == "on" and (missing := missing_compiler(speaker.model.embedding.weight.device)):
        raise ValueError(f"--compile is on, but {missing}: give --compile auto")
    stops = [speaker.stop_token(text) for text in given.stop]
    for begin in range(0, given.num_samples, SAMPLES_AT_ONCE):
        samples = range(begin, min(begin + SAMPLES_AT_ONCE, given.num_samples))
        seeds = [given.seed + sample for sample in samples]
        texts = speaker.speak(prompt_ids, given.max_new_tokens, sampling, seeds, stops, given.compile)
        for sample, seed, parts in zip(samples, seeds, texts, strict=True):
            if given.num_samples > 1:
                print(f"--- {sample + 1} of {given.num_samples} (seed {seed}) ---")
            print_stream(given.prompt, parts)


def print_stream(prompt: str, parts: Iterator[str]) -> None:
    """Print a prompt and its continuation, each part as soon as it is there."""
    print(prompt, end="", flush=True)
    started = bool(prompt)
    for part in parts:
        text = part if started else part.lstrip()  # a new document begins with the line end after the separator
        started = started or bool(text)
        print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    run_command(main)
