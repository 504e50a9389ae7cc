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
    cores, limit = usable_cores(), config.training.max_seconds
    step_seconds = training_flops(config.model, config.training.batch_size).total / (cores * _CORE_FLOPS)
    hours = config.training.steps * step_seconds / 3600
    smaller = CONFIGS / preset.replace(".yaml", "_cpu.yaml")
    if hours < 1 or not smaller.is_file():
        return None
    would = f"would take about {hours:,.0f} hours"
    if limit is not None and limit < hours * 3600:
        would = f"would make about {limit / step_seconds:,.0f} steps in its {limit / 3600:.2g} hours"
    return (
        f"note: there is no accelerator here, and configs/{preset} {would} on {cores} CPU cores: for a run of minutes "
        f"give --config {os.path.relpath(smaller)}"
    )


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
