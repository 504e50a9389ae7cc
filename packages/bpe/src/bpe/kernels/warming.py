"""Compiling several kernels at the same time, each in a process of its own, as far as there are cores.

Kernels that have most of their functions in common are compiled faster by one process, which infers the types of these
only once; that pays where there are fewer cores than kernels.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence

_SECONDS_BETWEEN = 0.1
_PROGRAM = "import sys; from bpe.kernels.loading import kernel; list(map(kernel, sys.argv[1:]))"


def groups(names: Sequence[str], num_cores: int) -> list[list[str]]:
    """Return the kernels that each process compiles.

    >>> groups(["tables", "encode16", "encode32", "train"], 2)
    [['tables', 'encode16', 'encode32'], ['train']]

    Args:
        names: the kernels.
        num_cores: how many processes may run at the same time.
    """
    if num_cores >= len(names):
        return [[name] for name in names]
    if num_cores == 1:
        return [list(names)]
    encoding = [name for name in names if name != "train"]
    return [group for group in (encoding, [name for name in names if name == "train"]) if group]


def compile_in_processes(
    names: Sequence[str], num_cores: int, is_kept: Callable[[str], bool], report: Callable[[int], object]
) -> None:
    """Compile kernels in other processes, which write their files. What fails there is still missing afterwards.

    Args:
        names: the kernels.
        num_cores: how many processes may run at the same time.
        is_kept: returns whether there is the file of a kernel.
        report: called again and again with the number of kernels that are finished.
    """
    import subprocess  # not where kernels are only loaded

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _PROGRAM]
    processes = [
        subprocess.Popen(  # noqa: S603  # this Python, with names of kernels
            [*command, *group], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        for group in groups(names, num_cores)
    ]
    try:
        while any(process.poll() is None for process in processes):
            report(sum(map(is_kept, names)))
            time.sleep(_SECONDS_BETWEEN)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    report(sum(map(is_kept, names)))
