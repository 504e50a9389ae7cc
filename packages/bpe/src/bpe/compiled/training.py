"""Training with the kernels: threads that count, each with a table of its own, then one that learns merges."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import regex

from bpe.compiled.corpus import Task, tasks
from bpe.compiled.counting import PieceCounter
from bpe.compiled.scanner import has_scanner
from bpe.compiled.worker import Specials
from bpe.special_tokens import SpecialTokens
from bpe.training_sources import TrainingSource


def count_source(
    source: TrainingSource, specials: SpecialTokens, pattern: "regex.Pattern[str]", num_threads: int
) -> PieceCounter:
    """Count the pieces of a corpus.

    Args:
        source: the texts.
        specials: special tokens, which are not counted.
        pattern: the pattern that splits the texts.
        num_threads: at least 1.

    Raises:
        TextFileError: a file is empty or not UTF-8.
        ValueError: the iterable yields something that is not text, or nothing at all.
        OSError: a file cannot be read.
    """
    kernel_specials = Specials(dict.fromkeys(specials.tokens, 0) if has_scanner(pattern.pattern) else {})
    return count_all(
        tasks(source, specials, pattern), lambda: PieceCounter(pattern.pattern, kernel_specials), num_threads
    )


def count_all(tasks: Iterable[Task], new_counter: Callable[[], PieceCounter], num_threads: int) -> PieceCounter:
    """Run all tasks in several threads, and return the sum of their counts.

    A task is requested when a thread is free, so memory does not grow with the number of tasks. If some fail, the error
    is that of the first of them in their order, whichever thread ran it.
    """
    shared = _SharedTasks(tasks)

    def work() -> PieceCounter:
        counter = new_counter()
        shared.work(counter)
        return counter

    if num_threads == 1:
        counter = work()
        shared.raise_error()
        return counter
    with ThreadPoolExecutor(num_threads) as pool:
        futures = [pool.submit(work) for _ in range(num_threads)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            shared.stop()  # after an interrupt the threads need not continue
        counter, *others = [future.result() for future in futures]
    shared.raise_error()
    for other in others:
        counter.add(other)
    return counter


class _SharedTasks:
    """Gives each task to one of several threads, until one fails."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._lock = threading.Lock()
        self._stopped = False
        self._given_out = 0
        self._errors: dict[int, Exception] = {}

    def work(self, counter: PieceCounter) -> None:
        """Run tasks until none is left or one has failed."""
        while True:
            number = 0
            try:
                with self._lock:
                    if self._stopped:
                        return
                    self._given_out = number = self._given_out + 1
                    task = next(self._tasks, None)
                if task is None:
                    return
                task(counter)
            except Exception as error:  # raised again by `raise_error`
                self._stopped = True
                self._errors[number] = error
                return

    def stop(self) -> None:
        """Give out no more tasks."""
        self._stopped = True

    def raise_error(self) -> None:
        """Raise the error of the first task that failed, if any."""
        if self._errors:
            raise self._errors[min(self._errors)]
