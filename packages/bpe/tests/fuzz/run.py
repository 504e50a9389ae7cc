"""Fuzzing: a random tokenizer for every few hundred inputs, and a random text for each.

Everything about an input follows from the seed and its number, except for what caches contain, which depends on the
texts before it. So an input is repeated together with the earlier ones of its tokenizer.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from .checks import find_difference
from .differences import Difference, DifferenceError
from .small_chunks import small_chunks
from .split_rules import takes_long
from .subjects import Subject, fuzz_subject
from .texts import fuzz_text

INPUTS_PER_TOKENIZER = 500

Make = Callable[[Random, Path], Subject]


def fuzz_tokenizer(
    seed: int,
    first: int,
    last: int,
    report: Callable[[int], object] = lambda number: None,
    make: Make = fuzz_subject,
) -> Difference | None:
    """Compare all inputs of one tokenizer, up to the first that differs.

    Args:
        seed: the seed of the run.
        first: the number of the first input, a multiple of `INPUTS_PER_TOKENIZER`.
        last: the number of the last input, at most `INPUTS_PER_TOKENIZER` - 1 more.
        report: called with the number of each input before it is compared.
        make: makes the tokenizer.

    Returns:
        The difference, with the text made as short as is easily possible; or None.
    """
    random = Random(f"{seed} {first} tokenizer")
    report(first)
    with small_chunks(random), TemporaryDirectory(prefix="bpe-fuzz-") as name:
        folder = Path(name)
        try:
            subject = make(random, folder)
        except DifferenceError as error:
            return Difference.of(error, first, "not made yet")
        for number in range(first, last + 1):
            report(number)
            text = fuzz_text(Random(f"{seed} {number} text"), subject.strings)
            if takes_long(subject.pattern, text):
                continue

            def compare(text: str, choices: str = f"{seed} {number} checks") -> DifferenceError | None:
                try:
                    find_difference(subject, text, Random(choices), folder)
                except DifferenceError as error:
                    return error
                return None

            if (error := compare(text)) is not None:
                difference = Difference.of(error, number, str(subject))
                return difference.with_shorter(shortest(error, compare))
    return None


def shortest(error: DifferenceError, compare: Callable[[str], DifferenceError | None]) -> DifferenceError:
    """Remove parts of a text, halves first and single characters last, as long as the same check differs."""
    if compare(error.text) is None:
        return error  # only what was encoded before explains it
    size = max(1, len(error.text) // 2)
    while True:
        start, smaller = 0, False
        while start < len(error.text):
            found = compare(error.text[:start] + error.text[start + size :])
            if found is not None and found.check == error.check:
                error, smaller = found, True
            else:
                start += size
        if size == 1 and not smaller:
            return error
        size = max(1, size // 2)
