"""Print what a training run costs: `uv run apps/account.py --config configs/tinystories.yaml`.

Parameters, floating-point operations, memory and time follow from the configuration alone; no model is built, and torch
is not loaded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from command import run_command
from nn.accounting import (
    attention_pairs,
    backward_flops,
    count_parameters,
    forward_flops,
    kv_cache_bytes,
    reference_memory,
    training_flops,
    training_flops_by_rule,
    training_memory,
    training_seconds,
)
from text_config import TextRunConfig
from trainer import parse_config

DESCRIPTION = "Print the parameters, floating-point operations, memory and time of a training run."
EXAMPLES = (
    "--config configs/leaderboard.yaml --account.peak_flops 989e12 --account.precision mixed",
    "--model.num_layers 12 --training.batch_size 32 --json",
)
NumberFormat = Literal["float32", "bfloat16", "mixed"]
Loss = Literal["plain", "chunked"]


@dataclass(frozen=True)
class AccountConfig:
    """The hardware, and how it computes: what the run's own configuration does not determine."""

    precision: NumberFormat = "float32"
    """float32 or bfloat16 for everything, or mixed: weights in float32, matrix products in bfloat16."""
    compiled: bool = False
    """Whether the training step is compiled, which needs less memory."""
    loss: Loss = "chunked"
    """chunked, as in training runs, or plain: with all logits in memory at once."""
    accelerator: bool = False
    """Whether the run uses an accelerator, where optimizers use more memory to be faster."""
    peak_flops: float = 100e9
    """Peak floating-point operations per second of the hardware, such as 989e12 for an H100 in bfloat16."""
    mfu: float = 0.4
    """Model FLOPs utilization: the share of the peak that training reaches."""

    def __post_init__(self) -> None:
        training_seconds(0, self.peak_flops, self.mfu)  # refuses values that are out of range


@dataclass(frozen=True)
class AccountedRunConfig(TextRunConfig):
    """A run, and what else its costs depend on."""

    account: AccountConfig = field(default_factory=AccountConfig)


def account(config: AccountedRunConfig) -> dict[str, Any]:
    """Return the costs, in the structure of the JSON output."""
    model, training, given = config.model, config.training, config.account
    batch = training.batch_size // training.gradient_accumulation
    tokens_per_step = training.batch_size * model.context_length
    tokens = training.num_rows(training.steps) * model.context_length
    step = training_flops(model, training.batch_size)
    flops = training.num_rows(training.steps) * step.total // training.batch_size
    memory = training_memory(
        model,
        batch,
        optimizer=config.optimizer.name,
        precision=given.precision,
        compiled=given.compiled,
        loss=given.loss,
        accumulates=training.gradient_accumulation > 1,
        accelerator=given.accelerator,
    )
    reference = reference_memory(model, batch, optimizer=config.optimizer.name, precision=given.precision)
    parameters = count_parameters(model)
    forward, backward = forward_flops(model), backward_flops(model)
    visible = forward_flops(model, pairs="visible")
    return {
        "parameters": {**parameters.parts(), "total": parameters.total},
        "forward_flops_per_sequence": {**forward.parts(), "total": forward.total},
        "forward_flops_visible_only": {**visible.parts(), "total": visible.total},
        "backward_flops_per_sequence": {**backward.parts(), "total": backward.total},
        "visible_share_of_scores": attention_pairs(model, model.context_length, "visible") / model.context_length**2,
        "training": {
            "tokens_per_step": tokens_per_step,
            "tokens": tokens,
            "flops_per_step": step.total,
            "flops": flops,
            "flops_by_rule_6nd": training_flops_by_rule(model, tokens),
            "seconds": training_seconds(flops, given.peak_flops, given.mfu),
        },
        "memory_bytes": {
            "sequences_at_once": batch,
            **memory.peak.parts(),
            "peak": memory.peak.total,
            "peak_moment": memory.peak_moment,
            "reference": {**reference.parts(), "total": reference.total},
        },
        "kv_cache_bytes_per_sequence": {
            "float32": kv_cache_bytes(model),
            "bfloat16": kv_cache_bytes(model, precision="bfloat16"),
        },
    }


def main(arguments: list[str]) -> None:
    """Print the costs."""
    config, given = parse_config(
        AccountedRunConfig,
        arguments,
        description=DESCRIPTION,
        examples=EXAMPLES,
        flags={"json": "Print JSON instead of tables."},
    )
    counted = account(config)
    if given["json"]:
        print(json.dumps(counted, indent=2))
    else:
        print_account(config, counted)


def print_account(config: AccountedRunConfig, counted: Mapping[str, Any]) -> None:
    """Print the costs as tables."""
    given, training, memory = config.account, counted["training"], counted["memory_bytes"]
    _table("parameters", counted["parameters"])
    _table(
        f"forward FLOPs of a sequence of {config.model.context_length} tokens", counted["forward_flops_per_sequence"]
    )
    print(f"  {counted['visible_share_of_scores']:.0%} of the scores are visible; without the others", end=" ")
    print(f"the total is {counted['forward_flops_visible_only']['total']:,}")
    print(f"  the backward pass takes twice as many: {counted['backward_flops_per_sequence']['total']:,}\n")
    print(f"training on {training['tokens']:,} tokens, {training['tokens_per_step']:,} a step")
    print(f"  {training['flops_per_step']:.4g} FLOPs a step, {training['flops']:.4g} in all", end=" ")
    print(f"(6·N·D: {training['flops_by_rule_6nd']:.4g})")
    print(f"  {_duration(training['seconds'])} at {given.mfu:.0%} of {given.peak_flops:.4g} FLOP/s\n")
    parts = ("parameters", "optimizer", "gradients", "activations", "working")
    title = (
        f"memory of a training step on {memory['sequences_at_once']} sequences at once: "
        f"{config.model.attention} attention, {given.precision}, {given.loss} loss, "
        f"{'compiled' if given.compiled else 'not compiled'}"
    )
    _table(title, {**{part: memory[part] for part in parts}, "peak": memory["peak"]}, unit="MB", scale=1e6)
    print(f"  reached in {memory['peak_moment'].replace('_', ' ')};", end=" ")
    print(f"the reference formula, which counts every result, gives {memory['reference']['total'] / 1e6:,.1f} MB\n")
    cache = counted["kv_cache_bytes_per_sequence"]
    print(f"key/value cache of a sequence: {cache['float32']:,} bytes, in bfloat16 {cache['bfloat16']:,}")


def _table(title: str, parts: Mapping[str, float], unit: str = "", scale: float = 1) -> None:
    print(title)
    total = max(parts.values(), default=0) or 1
    for name, value in parts.items():
        number = f"{value / scale:,.1f} {unit}" if unit else f"{value:,}"
        print(f"  {name:<12} {number:>22}  {value / total:>4.0%}")
    print()


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.1f} seconds"


if __name__ == "__main__":
    run_command(main)
