"""Generate text with a trained model: `uv run apps/generate.py runs/quickstart --prompt "One day"`.

Texts are printed as they are generated, or as JSON (`--json`); `--interactive` writes one in turn with the user.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from command import CommandLineParser, number, one_of, run_command, whole_number
from generated_text import Sample, Throughput, collect, note
from nn import SamplingConfig
from prompts import prompt_ids, read_prompts, stop_token
from trained_run import TrainedModel, find_model

if TYPE_CHECKING:
    from speaker import Speaker, SpokenToken

SAMPLES_AT_ONCE = 64
"""More samples are generated in several batches: each takes memory for keys and values."""


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Generate text with a trained model.",
        usage="MODEL [OPTIONS]",
        examples=(
            'runs/quickstart --prompt "Once upon a time"',
            "runs/quickstart --num-samples 3 --temperature 0.5 --seed 1",
            "runs/quickstart --interactive",
            "runs/quickstart/checkpoints/step_00000200 --prompts prompts.txt --json --alternatives 3",
        ),
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="folder of a run, of a checkpoint, or of a Llama of transformers")
    given_by = parser.add_mutually_exclusive_group().add_argument
    given_by("--prompt", metavar="TEXT", help="text to continue; -: standard input (default: begin a new document)")
    given_by("--prompt-file", type=Path, metavar="FILE", help="a file that contains the prompt; -: standard input")
    given_by("--prompts", type=Path, metavar="FILE", help='one prompt a line; in .jsonl: {"prompt": "…"} a line')
    add("--interactive", action="store_true", help="write a text in turn with the model")
    add(
        "--json",
        action="store_true",
        help="print a JSON object for each text, with log-probabilities, and nothing else",
    )
    add("--alternatives", type=whole_number, default=0, metavar="N", help="with --json: the N most probable tokens")
    add("--stats", action="store_true", help="print tokens/s on standard error (default: if it is a terminal)")
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


def check(given: Namespace) -> None:
    """Refuse values and combinations of options that have no meaning.

    Raises:
        ValueError: the message names the option.
    """
    if given.num_samples < 1:
        raise ValueError(f"--num-samples is {given.num_samples}: give at least 1")
    if not 0 <= given.seed < 2**63 - given.num_samples:
        raise ValueError(f"--seed is {given.seed}: give 0 or more, below 2**63")
    if given.max_new_tokens < 0:
        raise ValueError(f"--max-new-tokens is {given.max_new_tokens}: give 0 or more")
    if given.alternatives and not given.json:
        raise ValueError("--alternatives needs --json, which shows them")
    unusable = {"--json": given.json, "--prompts": given.prompts, "--num-samples": given.num_samples > 1}
    for option, is_given in unusable.items():
        if given.interactive and is_given:
            raise ValueError(f"--interactive writes one text, so {option} cannot be given with it")
    if given.interactive and "-" in (given.prompt, str(given.prompt_file)):
        raise ValueError("--interactive reads standard input, so it cannot contain the prompt: give --prompt-file FILE")


def sampling_settings(given: Namespace) -> SamplingConfig:
    """Return how to sample.

    Raises:
        ValueError: a setting is out of range.
    """
    return SamplingConfig(
        temperature=given.temperature,
        top_k=given.top_k,
        top_p=given.top_p,
        min_p=given.min_p,
        repetition_penalty=given.repetition_penalty,
    )


def main(arguments: list[str]) -> None:
    """Find the model, read the prompts, and only then load torch, which a mistake need not wait for."""
    given = parse(arguments)
    check(given)
    sampling = sampling_settings(given)
    found = find_model(given.model, given.checkpoint)
    vocab_size = found.config.vocab_size
    if not 0 <= given.alternatives <= vocab_size:
        raise ValueError(
            f"--alternatives is {given.alternatives}: give a number from 0 to {vocab_size}, the vocabulary"
        )
    stops = [stop_token(found.tokenizer, vocab_size, text) for text in given.stop]
    typed = given.interactive and given.prompt is None and given.prompt_file is None
    prompts = [] if typed else read_prompts(given.prompt, given.prompt_file, given.prompts)
    samples = [] if given.interactive else make_samples(given, found, prompts)

    from speaker import load_model
    from trainer.runtime import missing_compiler

    speaker = load_model(found, given.device)
    if given.compile == "on" and (missing := missing_compiler(speaker.model.embedding.weight.device)):
        raise ValueError(f"--compile is on, but {missing}: give --compile auto")
    show_throughput = given.stats or sys.stderr.isatty()
    if given.interactive:
        from conversation import Conversation, converse

        conversation = Conversation(speaker, sampling, given.seed, given.max_new_tokens, stops, given.compile)
        converse(conversation, *prompts, show_throughput=show_throughput)
        return
    throughput = Throughput()
    for begin in range(0, len(samples), SAMPLES_AT_ONCE):
        batch = samples[begin : begin + SAMPLES_AT_ONCE]
        steps = speaker.stream(
            [sample.prompt_ids for sample in batch],
            given.max_new_tokens,
            sampling,
            [sample.seed for sample in batch],
            stop_tokens=stops,
            num_alternatives=given.alternatives,
            compile=given.compile,
        )
        print_samples(batch, throughput.watch(steps), speaker, given, of=len(samples))
    if show_throughput:
        note(str(throughput))


def make_samples(given: Namespace, found: TrainedModel, prompts: list[str]) -> list[Sample]:
    """Return the texts to generate: of each prompt, --num-samples with seeds that follow one another.

    Raises:
        ValueError: a prompt is longer than the model's context.
    """
    samples: list[Sample] = []
    for prompt in prompts:
        context_length = found.config.context_length
        ids = prompt_ids(found.tokenizer, context_length, prompt, text=found.text, truncate=given.truncate_prompt)
        samples += [Sample(len(samples) + i, prompt, ids, given.seed + i) for i in range(given.num_samples)]
    return samples


def print_samples(
    samples: list[Sample], steps: "Iterator[list[SpokenToken | None]]", speaker: "Speaker", given: Namespace, *, of: int
) -> None:
    """Print texts that are generated together: the first one as it comes, then the others; or all as JSON."""
    if given.json:
        collect(samples, steps)
        for sample in samples:
            print(sample.to_json(speaker, given.max_new_tokens), flush=True)
        return
    from speaker import separate_rows

    for sample, row in zip(samples, separate_rows(steps, len(samples)), strict=True):
        if of > 1:
            print(f"--- {sample.number + 1} of {of} (seed {sample.seed}) ---")
        print_stream(sample.prompt, (spoken.text for spoken in row))


def print_stream(prompt: str, parts: Iterator[str]) -> None:
    """Print a prompt and its continuation, each part as soon as it is there."""
    print(prompt, end="", flush=True)
    started = bool(prompt)
    for part in parts:
        text = part if started else part.lstrip()  # a new document begins with the line end after the separator
        started = started or bool(text)
        print(text, end="", flush=True)
    print(flush=True)


if __name__ == "__main__":
    run_command(main)
