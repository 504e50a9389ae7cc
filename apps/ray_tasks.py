"""Running a task for each of many rows on the cores of one machine or of a cluster, with Ray Data.

Ray starts processes, gives each core a task, and runs the task of a process or machine that is lost again elsewhere.
"""

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_OBJECT_STORE_BYTES = 100_000_000  # rows are small; by default Ray would reserve a third of the memory
_STARTS = 3  # attempts to start Ray
_ANSWER_SECONDS = 10.0

Row = dict[str, Any]


def results(
    task: Callable[[Row], Row], rows: Sequence[Row], *, address: str | None, num_cpus: int | None
) -> Iterator[Row]:
    """Yield what a task returns for each row, as soon as it is finished, in any order.

    The task of a process that is lost is run again without limit, as is Ray Data's default.

    Args:
        task: is called with a row, in another process. Workers import its module, so they need the same code.
        rows: the rows; each is a task of its own.
        address: a cluster; None starts Ray on this machine, and ends it with the last result.
        num_cpus: tasks at once, if Ray is started; None means one for each core.

    Raises:
        ConnectionError: an OSError: there is no cluster at the address.
        ValueError: Ray could not be started, a task raised an error, or could not be loaded by a worker.
    """
    if address is not None:
        _check_reachable(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray sends nothing to its makers
    # Else, below `uv run`, Ray would start each worker with `uv run` too, which may install other packages meanwhile.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    import ray
    import ray.data

    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors are raised
    with _ray(address, num_cpus):
        ray.data.DataContext.get_current().enable_progress_bars = False
        dataset = ray.data.from_items(list(rows), override_num_blocks=len(rows))
        try:
            yield from dataset.map(task, num_cpus=1).iter_rows()
        except ray.exceptions.RayError as error:
            raise ValueError(f"Ray stopped: {_reason(error)}; what is finished is kept") from error


@contextmanager
def _ray(address: str | None, num_cpus: int | None) -> Iterator[None]:
    """Connect to a cluster, or start Ray on this machine, with its files in a temporary folder."""
    import ray

    # Not in the folder of shards: the path of a socket, which is below this folder, may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        try:
            if address is None:
                _start(folder, num_cpus)
            else:
                _connect(address)
            yield
        finally:
            ray.shutdown()


def _start(folder: str, num_cpus: int | None) -> None:
    """Start Ray on this machine. On a busy one, it may not be ready within the 30 s that Ray allows itself."""
    import ray

    for attempt in range(1, _STARTS + 1):
        try:
            ray.init(
                num_cpus=num_cpus,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _temp_dir=folder,
            )
        except Exception as error:  # Ray raises no class of its own here
            ray.shutdown()
            if attempt == _STARTS:
                raise ValueError(f"Ray could not be started on this machine: {_reason(error)}") from error
        else:
            return


def _check_reachable(address: str) -> None:
    """Refuse `HOST:PORT` if nothing answers there, which Ray itself would try for minutes.

    Raises:
        ConnectionError: nothing answers.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
        except (OSError, OverflowError):
            raise _no_cluster(address) from None


def _no_cluster(address: str) -> ConnectionError:
    return ConnectionError(f"there is no Ray cluster at {address}: start one with ray start --head, or omit --address")


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError):  # the latter where nothing answers
        raise _no_cluster(address) from None


def _reason(error: BaseException) -> str:
    """Return the message of the error in a worker, which Ray wraps in errors of its own that contain tracebacks."""
    while (cause := getattr(error, "cause", None) or error.__cause__) is not None:
        error = cause
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
