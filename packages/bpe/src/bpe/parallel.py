"""Running a function in several threads, with the results in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING = 2  # finished or running calls for each thread


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], num_threads: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the order of the items, computed by several threads.

    Items are taken as they are needed, so memory does not grow with their number. After an error, in the function or in
    the code that consumes the results, no more calls are started.

    >>> list(map_in_order(str.upper, ["a", "b", "c"], 2))
    ['A', 'B', 'C']
    """
    if num_threads == 1:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor  # with logging and more, which one thread does not need

    with ThreadPoolExecutor(num_threads) as pool:
        running: deque[Future[Result]] = deque()
        try:
            for item in items:
                running.append(pool.submit(function, item))
                if len(running) >= _WAITING * num_threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
