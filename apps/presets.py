"""Which preset of `configs/` suits this machine."""

import os

import trainer  # trainer.choose_device loads torch when it is called
from nn.accounting import training_flops
from text_config import CONFIGS, TextRunConfig

_CORE_FLOPS = 50e9
"""FLOP/s of a CPU core in training steps, in float32; plain PyTorch reached 55e9 on each of two server cores."""


def cpu_preset_note(config: TextRunConfig, preset: str | None) -> str | None:
    """Return a note that a run will take hours on this CPU, which names the preset for a CPU; None if it will not.

    Args:
        config: the run.
        preset: the file of `configs/` that it comes from; None if the command line names one, which is then meant.
    """
    if preset is None or trainer.choose_device(config.run.device).type != "cpu":
        return None
    steps, cores = config.training.steps, usable_cores()
    hours = steps * training_flops(config.model, config.training.batch_size).total / (cores * _CORE_FLOPS) / 3600
    smaller = CONFIGS / preset.replace(".yaml", "_cpu.yaml")
    if hours < 1 or not smaller.is_file():
        return None
    return (
        f"note: there is no accelerator here, and configs/{preset} would take about {hours:,.0f} hours on "
        f"{cores} CPU cores: for a run of minutes give --config {os.path.relpath(smaller)}"
    )


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
