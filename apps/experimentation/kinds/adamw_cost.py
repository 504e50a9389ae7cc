"""The cost of AdamW: the memory of a training step, the operations of an update, and how long a training takes.

Memory is the reference count of `nn.accounting`: in float32, every result of the forward pass stored once. It is a
constant, four numbers for each parameter (weight, gradient, two moments), and a part proportional to the batch.

Operations are counted in the equations of `optim.AdamW`, one for each addition, subtraction, multiplication, division
and square root of an element. What is the same for all elements (1 − β1, 1 − β2, the step size, lr·λ) is computed once
in a step and not counted. `UPDATE` lists them.

`values`:
    fixed_bytes, bytes_per_sequence: the memory of a step is `fixed_bytes + batch · bytes_per_sequence`.
    largest_batch: sequences that fit into `memory_bytes`; 0 if not even one does.
    flops_per_parameter, optimizer_flops: operations of an update, for one parameter and for all.
    training_flops: of a step on `batch_size` sequences, by the rule 6 · tokens · parameters.
    days: for `steps` steps by that rule, at `mfu` of `peak_flops`.
    training_flops_counted, days_counted: the same, with three times the matrix products of the forward pass.

`rows`: the same figures with their formulas, and the operations by equation: `quantity`, `formula`, `value`, `unit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from experimentation.kind_settings import read_settings
from experimentation.workspace import Outcome, Workspace
from nn import ModelConfig
from nn.accounting import (
    count_parameters,
    reference_memory,
    training_flops,
    training_flops_by_rule,
    training_seconds,
)

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Settings:
    """The model, the memory that there is, and the training whose time is estimated."""

    model: ModelConfig = field(default_factory=ModelConfig)
    memory_bytes: float = 80e9
    """Memory of the device, in bytes."""
    batch_size: int = 1024
    """Sequences in a step."""
    steps: int = 400_000
    peak_flops: float = 19.5e12
    """Peak FLOPs per second of the device, such as an A100's in float32."""
    mfu: float = 0.5
    """The share of the peak that training reaches."""

    def __post_init__(self) -> None:
        """Check the values that nothing else checks."""
        for name in ("memory_bytes", "batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: give at least 1")


@dataclass(frozen=True)
class Equation:
    """An equation of AdamW's update, and the operations that it takes for each parameter."""

    name: str
    formula: str
    operations: int
    explanation: str


UPDATE = (
    Equation("first moment", "m ← β1·m + (1 − β1)·g", 3, "two multiplications, an addition"),
    Equation("second moment", "v ← β2·v + (1 − β2)·g²", 4, "three multiplications, an addition"),
    Equation("direction", "m / (√v + eps)", 3, "a root, an addition, a division"),
    Equation("step", "θ ← θ − step size · direction", 2, "a multiplication, a subtraction"),
    Equation("weight decay", "θ ← θ − lr·λ · θ", 2, "a multiplication, a subtraction"),
)
"""AdamW's update in the order in which it is computed."""
FLOPS_PER_PARAMETER = sum(equation.operations for equation in UPDATE)


def run(settings: Mapping[str, Any], seed: int, workspace: Workspace) -> Outcome:
    """Compute the costs.

    Raises:
        ValueError: a setting is unknown or out of range.
    """
    del seed, workspace  # nothing is drawn, and nothing is read
    return cost(read_settings(Settings, settings))


def cost(settings: Settings) -> Outcome:
    """Return what the docstring of this module lists."""
    model, batch = settings.model, settings.batch_size
    parameters = count_parameters(model).total
    memory = reference_memory(model, batch=1)
    fixed = memory.total - memory.activations
    by_rule = training_flops_by_rule(model, batch * model.context_length)
    counted = training_flops(model, batch).total
    values: dict[str, float | int | str | bool] = {
        "parameters": parameters,
        "fixed_bytes": fixed,
        "bytes_per_sequence": memory.activations,
        "largest_batch": max(0, int((settings.memory_bytes - fixed) // memory.activations)),
        "flops_per_parameter": FLOPS_PER_PARAMETER,
        "optimizer_flops": FLOPS_PER_PARAMETER * parameters,
        "training_flops": by_rule,
        "days": _days(settings, by_rule),
        "training_flops_counted": counted,
        "days_counted": _days(settings, counted),
    }
    return Outcome(values=values, rows=tuple(_rows(settings, values)))


def _days(settings: Settings, flops_per_step: int) -> float:
    return training_seconds(settings.steps * flops_per_step, settings.peak_flops, settings.mfu) / _SECONDS_PER_DAY


def _rows(settings: Settings, values: Mapping[str, float | int | str | bool]) -> list[dict[str, Any]]:
    """Return the figures with their formulas."""
    fixed, activations = values["fixed_bytes"], values["bytes_per_sequence"]
    speed = f"{settings.mfu:.0%} of {settings.peak_flops / 1e12:g} TFLOP/s"
    lines = [
        ("parameters", "P", values["parameters"], "parameters"),
        ("weights, gradients and two moments", "4 · 4 · P", fixed, "bytes"),
        ("activations", "for each sequence", activations, "bytes"),
        (
            "largest batch",
            f"({settings.memory_bytes:,.0f} − {fixed:,}) / {activations:,}, rounded down",
            values["largest_batch"],
            "sequences",
        ),
        *((f"update: {each.name} ({each.explanation})", each.formula, each.operations, "FLOPs") for each in UPDATE),
        ("update of a parameter", "the sum of these", values["flops_per_parameter"], "FLOPs"),
        ("update", f"{FLOPS_PER_PARAMETER} · P", values["optimizer_flops"], "FLOPs"),
        (
            f"forward and backward pass on {settings.batch_size:,} sequences",
            "6 · tokens · P",
            values["training_flops"],
            "FLOPs",
        ),
        (f"{settings.steps:,} steps at {speed}", "6 · tokens · P", values["days"], "days"),
        ("the same passes", "3 · forward pass", values["training_flops_counted"], "FLOPs"),
        ("the same steps", "3 · forward pass", values["days_counted"], "days"),
    ]
    return [
        {"quantity": quantity, "formula": formula, "value": value, "unit": unit}
        for quantity, formula, value, unit in lines
    ]
