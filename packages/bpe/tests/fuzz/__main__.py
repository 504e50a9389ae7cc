"""Compare all ways from random texts to ids, with random tokenizers.

    python -m packages.bpe.tests.fuzz --seconds 20

from the root of the repository. A difference, a crash, or an input that hangs is printed with the command that repeats
it, and the exit code is then 1.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from bpe import Progress

from .differences import Difference
from .run import INPUTS_PER_TOKENIZER, fuzz_tokenizer
from .watching import watch

_COMMAND = "python -m packages.bpe.tests.fuzz"
_SECONDS = 20.0


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code: 0, or 1 if something differs."""
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=_positive_number, help=f"how long to run, by default {_SECONDS:.0f}")
    length.add_argument("--inputs", type=_natural_number, help="how many inputs to compare instead")
    length.add_argument("--input", type=_natural_number, help="repeat this input alone, with a seed")
    parser.add_argument("--seed", type=_natural_number, help="by default another one each second")
    parser.add_argument("--differences", type=_natural_number, default=1, help="how many end the run, by default 1")
    options = parser.parse_args(arguments)
    if options.input is not None:
        if options.seed is None:
            parser.error("--input needs the --seed of the run that it is from")
        return _repeat(options.seed, options.input)
    seed = int(time.time()) if options.seed is None else options.seed
    seconds = options.seconds or (_SECONDS if options.inputs is None else None)
    return _run(seed, seconds, options.inputs, options.differences)


def _run(seed: int, seconds: float | None, num_inputs: int | None, most_differences: int) -> int:
    def show(difference: Difference) -> None:
        _show(*difference.lines(), f"  repeat it {_COMMAND} --seed {seed} --input {difference.number}")

    _show(f"seed {seed}")
    with Progress("fuzzing", num_inputs, unit="inputs", shown=True) as progress:
        outcome = watch(
            seed,
            seconds=seconds,
            num_inputs=num_inputs,
            most_differences=most_differences,
            report=lambda count: progress.advance(count - progress.done),
            found=show,
        )
    if outcome.failed is not None:
        number, what = outcome.failed
        _show(f"input {number:,} {what}", f"  repeat it {_COMMAND} --seed {seed} --input {max(0, number)}")
    tokenizers = -(-outcome.num_inputs // INPUTS_PER_TOKENIZER)
    _show(f"{outcome.num_inputs:,} inputs, {tokenizers:,} tokenizers, {len(outcome.differences)} differences")
    return 1 if outcome.differences or outcome.failed else 0


def _repeat(seed: int, number: int) -> int:
    """Compare one input in this process, after those of the same tokenizer that came before it."""
    difference = fuzz_tokenizer(seed, number - number % INPUTS_PER_TOKENIZER, number)
    _show(*(difference.lines() if difference else [f"input {number:,} does not differ"]))
    return 1 if difference else 0


def _show(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _natural_number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _positive_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
