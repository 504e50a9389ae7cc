"""Whether a run compiles its loss, and compiling it."""

import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainer.config import TrainConfig

LossFunction = Callable[[Int[Tensor, "b t"], Int[Tensor, "b t"]], Float[Tensor, ""]]
"""Maps inputs and targets to their mean loss, in nats."""

_CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"

WORTHWHILE_FLOPS = 1e14
"""On a CPU compilation takes 20 to 90 s, and a run of this many operations takes a quarter of an hour."""

WORTHWHILE_SECONDS = 900.0
"""The same as a time limit: how many steps such a run makes is not known before."""


def estimate_run_flops(config: TrainConfig, num_parameters: int) -> float:
    """Return about how many operations a whole run takes: 6 · tokens · parameters.

    All steps count, also those done before a run was resumed, so that all its sessions decide alike.
    """
    tokens = config.training.num_rows(config.training.steps) * config.model.context_length
    return 6.0 * tokens * num_parameters


def why_not_compiled(
    setting: str | bool, device: torch.device, flops: float, max_seconds: float | None = None
) -> str | None:
    """Decide whether a run compiles.

    Args:
        setting: `training.compile`.
        device: of the run.
        flops: of the whole run, see `estimate_run_flops`.
        max_seconds: the time limit of the run, if it has one.

    Returns:
        None if it compiles, otherwise the reason why not.

    Raises:
        ValueError: compilation is requested, but not possible here.
    """
    if setting == "off":
        return "training.compile is off"
    missing = missing_compiler(device)
    if setting == "on":
        if missing:
            raise ValueError(f"training.compile is on, but {missing}: use --training.compile auto or off")
        return None
    if missing:
        return missing
    if device.type != "cpu":
        return None
    short = None
    if max_seconds is not None and max_seconds < WORTHWHILE_SECONDS:
        short = f"at most {max_seconds:g} s, below {WORTHWHILE_SECONDS:g}"
    elif flops < WORTHWHILE_FLOPS:
        short = f"{flops:.1e} operations, below {WORTHWHILE_FLOPS:.0e}"
    return short and f"the run is short ({short}); use --training.compile on to compile anyway"


def missing_compiler(device: torch.device) -> str | None:
    """Return what torch.compile needs but does not find for a device, as part of a sentence; None if nothing."""
    if device.type == "cpu":
        found = any(map(shutil.which, ("c++", "g++", "clang++", "cl")))
        return None if found else "there is no C++ compiler (c++, g++ or clang++)"
    if device.type in ("cuda", "xpu"):
        return None if importlib.util.find_spec("triton") else "the package triton, which compiles for GPUs, is missing"
    return f"torch.compile does not support {device.type}"


def keep_compiled_code() -> Path:
    """Let torch keep compiled code in a folder of the user, for the next run, and return the folder.

    Torch's own choice is below the folder for temporary files, which is emptied when the machine restarts. It remains
    where the user has no folder to write to. The environment variable TORCHINDUCTOR_CACHE_DIR overrides both.
    """
    if _CACHE_VARIABLE not in os.environ:
        try:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torch" / "inductor"
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError):  # RuntimeError: the user has no home
            return Path(tempfile.gettempdir())
        if not os.access(folder, os.W_OK):
            return Path(tempfile.gettempdir())
        os.environ[_CACHE_VARIABLE] = str(folder)
    return Path(os.environ[_CACHE_VARIABLE])


@contextmanager
def compilation_progress(what: str, message: Callable[[str], None], every: float = 10.0) -> Iterator[None]:
    """Report how long the block has been running, from another thread, and at its end how long it took.

    Args:
        what: is compiled in the block.
        message: reports a text; the block itself should not call it.
        every: seconds between reports.
    """
    started, done = time.perf_counter(), Event()

    def report() -> None:
        while not done.wait(every):
            message(f"compiling {what}: {time.perf_counter() - started:.0f} s so far")

    thread = Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    message(f"compiled {what} in {time.perf_counter() - started:.1f} s")
