"""Fuzzing in a process of its own, so that one that crashes or hangs is reported like a difference.

The process writes the number of each input into shared memory before it compares it. A kernel works on raw memory: if
it fails, the process is gone, but the number is still there.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized

from .differences import Difference
from .run import INPUTS_PER_TOKENIZER, Make, fuzz_tokenizer
from .subjects import fuzz_subject

_HANGS_SECONDS = 120.0
_START_SECONDS = 600.0  # until the first input: Python starts, and kernels may have to be compiled


@dataclass
class Outcome:
    """What a run found."""

    num_inputs: int = 0
    """How many inputs were compared."""
    differences: list[Difference] = field(default_factory=list)
    failed: tuple[int, str] | None = None
    """The number of the input at which the process ended or hung, and what happened."""


def watch(
    seed: int,
    *,
    seconds: float | None = None,
    num_inputs: int | None = None,
    most_differences: int = 1,
    report: Callable[[int], object] = lambda count: None,
    found: Callable[[Difference], object] = lambda difference: None,
    make: Make = fuzz_subject,
    hangs_seconds: float = _HANGS_SECONDS,
) -> Outcome:
    """Fuzz in another process, and watch it.

    Args:
        seed: the seed.
        seconds: how long to run, counted from the first input; None for no limit.
        num_inputs: how many inputs to compare; None for no limit.
        most_differences: how many differences end the run. After each, it continues with the next tokenizer.
        report: called a few times a second with the number of inputs so far.
        found: called with each difference.
        make: makes a tokenizer.
        hangs_seconds: after how many seconds at one input the process counts as hanging, and is ended.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    current = context.Value("q", -1)
    arguments = (seed, seconds, num_inputs, most_differences, make, current, writer)
    process = context.Process(target=_fuzz, args=arguments, daemon=True)
    process.start()
    writer.close()  # so that the pipe ends with the process
    outcome = Outcome()
    last, since = -1, time.monotonic()
    try:
        while True:
            if wait([reader], timeout=0.2):
                try:
                    outcome.differences.append(reader.recv())
                except EOFError:
                    break
                found(outcome.differences[-1])
            if current.value != last:
                last, since = current.value, time.monotonic()
                report(last + 1)
            if time.monotonic() - since > (hangs_seconds if last >= 0 else _START_SECONDS):
                outcome.failed = last, f"does not end: nothing happened in {time.monotonic() - since:.0f} s"
                process.kill()
                break
        process.join()
    finally:
        process.kill()
    outcome.num_inputs = current.value + 1
    if outcome.failed is None and process.exitcode:
        outcome.failed = current.value, f"ended the process with exit code {process.exitcode}"
    return outcome


def _fuzz(
    seed: int,
    seconds: float | None,
    num_inputs: int | None,
    most_differences: int,
    make: Make,
    current: "Synchronized[int]",
    writer: Connection,
) -> None:
    """Fuzz in this process until the time or the inputs are used up."""
    from bpe.kernels import loading

    loading.warmup()
    end = time.monotonic() + seconds if seconds is not None else None
    first = num_differences = 0
    while num_differences < most_differences and (num_inputs is None or first < num_inputs):
        last = first + INPUTS_PER_TOKENIZER - 1
        last = last if num_inputs is None else min(last, num_inputs - 1)

        def at(number: int) -> None:
            current.value = number
            if end is not None and time.monotonic() > end:
                raise TimeoutError

        try:
            difference = fuzz_tokenizer(seed, first, last, at, make)
        except TimeoutError:
            return
        if difference is not None:
            writer.send(difference)
            num_differences += 1
        first += INPUTS_PER_TOKENIZER
