"""Whether a training step fits the memory of the device, decided before anything is allocated.

Without this check the operating system would end a run on the CPU that needs too much memory, without any message.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import trainer
from command import say
from nn.accounting import training_flops_by_rule, training_memory
from trainer import TrainConfig

if TYPE_CHECKING:
    import torch

MEGABYTE = 1_000_000

_HELD_BY_A_PROCESS = 1.3
"""On a CPU a process holds more than its tensors need: blocks that were freed, between others still in use. Measured
in steps that are estimated to need 0.4 to 2.1 GB: 1.25 to 1.36 times as much; torch alone holds 0.7 GB besides."""


@dataclass(frozen=True)
class StepPlan:
    """How this process computes a training step, as far as it determines the memory."""

    config: TrainConfig
    device: "torch.device"
    processes: int
    precision: Literal["float32", "mixed"]
    why_not_compiled: str | None

    @property
    def rows(self) -> int:
        """Sequences of a batch in this process."""
        return self.config.training.batch_size // self.processes

    @property
    def sequences_at_once(self) -> int:
        """Sequences in a microbatch of this process."""
        return self.rows // self.config.training.gradient_accumulation

    def memory_bytes(self, sequences_at_once: int | None = None) -> int:
        """Return the estimated peak memory of a step, with another size of microbatches if one is given.

        On a CPU this is what the process holds for it, on an accelerator what the tensors need.
        """
        sequences = sequences_at_once or self.sequences_at_once
        needed = training_memory(
            self.config.model,
            sequences,
            optimizer=self.config.optimizer.name,
            precision=self.precision,
            compiled=self.why_not_compiled is None,
            accumulates=sequences < self.rows,
            accelerator=self.device.type != "cpu",
        )
        return round(needed.peak.total * (_HELD_BY_A_PROCESS if self.device.type == "cpu" else 1))


@dataclass(frozen=True)
class DeviceMemory:
    """The memory of a device in bytes, as far as this process may use it."""

    total: int
    available: int


def plan_step(config: TrainConfig) -> StepPlan:
    """Return how a step of a run is computed here.

    Raises:
        ValueError: the device is missing, or a batch cannot be divided among processes and microbatches.
    """
    from trainer.runtime import World, computes_in_bfloat16, why_not_compiled  # loads torch

    training, processes = config.training, int(os.environ.get("WORLD_SIZE", "1"))
    World(size=processes).rows(training.batch_size, training.gradient_accumulation)
    device = trainer.choose_device(config.run.device)
    tokens = training.num_rows(training.steps) * config.model.context_length
    return StepPlan(
        config,
        device,
        processes,
        "mixed" if computes_in_bfloat16(training.precision, device) else "float32",
        why_not_compiled(training.compile, device, training_flops_by_rule(config.model, tokens), training.max_seconds),
    )


def require_memory(config: TrainConfig) -> StepPlan:
    """Refuse a run whose training step needs more memory than the device has; returns how a step is computed.

    If it has enough, but other programs use it now, a note is printed. With sharded parameters (training.parallel =
    fsdp) each process needs less than the estimate, so such a run is not refused.

    Raises:
        ValueError: it does not fit; the message names the gradient accumulation with which it would.
    """
    plan = plan_step(config)
    memory = device_memory(plan.device)
    needed = plan.memory_bytes()
    if memory is None or needed <= memory.available or config.training.parallel == "fsdp":
        return plan
    if needed <= memory.total:
        say(
            f"note: a training step needs about {needed / MEGABYTE:,.0f} MB of memory, "
            f"but only {memory.available / MEGABYTE:,.0f} MB are available now"
        )
        return plan
    raise ValueError(
        f"a training step with {plan.sequences_at_once} sequences at once needs about {needed / MEGABYTE:,.0f} MB, "
        f"but {plan.device} has {memory.total / MEGABYTE:,.0f} MB: {_what_fits(plan, memory)}"
    )


def _what_fits(plan: StepPlan, memory: DeviceMemory) -> str:
    """Return which option makes a step fit."""
    smaller = [size for size in range(plan.sequences_at_once - 1, 0, -1) if plan.rows % size == 0]
    for size in smaller:
        needed = plan.memory_bytes(size)
        if needed <= memory.available:
            return (
                f"give --training.gradient_accumulation {plan.rows // size} "
                f"({size} at once, about {needed / MEGABYTE:,.0f} MB)"
            )
    return (
        f"even one sequence at once needs about {plan.memory_bytes(1) / MEGABYTE:,.0f} MB of the "
        f"{memory.available / MEGABYTE:,.0f} MB that are available, "
        "so lower model.context_length, model.d_model or model.num_layers"
    )


def device_memory(device: "torch.device") -> DeviceMemory | None:
    """Return the memory of a device, or None if this system does not report it.

    On a CPU it is divided among the processes that torchrun has started on this machine.
    """
    if device.type == "cuda":
        import torch

        available, total = torch.cuda.mem_get_info(device)
        return DeviceMemory(total, available)
    if device.type not in ("cpu", "mps"):  # mps shares the CPU's memory
        return None
    sizes = _system_memory()
    if sizes is None:
        return None
    total, available = sizes
    limit = min([total, *_container_limits()])
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return DeviceMemory(limit // processes, min(limit, available) // processes)


def _system_memory() -> tuple[int, int] | None:
    """Return the total and the available bytes of this machine's memory."""
    try:
        lines = Path("/proc/meminfo").read_text("utf-8").splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line}
        return 1024 * kilobytes["MemTotal"], 1024 * kilobytes["MemAvailable"]
    except (OSError, ValueError, LookupError):  # not Linux
        pass
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
    return total, total


def _container_limits() -> Iterator[int]:
    """Yield the memory limit of the container that this process runs in, if there is one."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            yield int(Path(file).read_text("utf-8"))
        except (OSError, ValueError):  # no such file, or `max`
            continue


@contextmanager
def readable_memory_errors() -> Iterator[None]:
    """Turn an error for lack of memory, from Python or from torch, into one that says what to do.

    Raises:
        ValueError: the memory was not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise ValueError(
                "out of memory: lower training.batch_size, or raise training.gradient_accumulation"
            ) from error
        raise
