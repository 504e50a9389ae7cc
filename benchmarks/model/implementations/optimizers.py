"""The optimizers that are measured, by update rule and implementation."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import optim
from benchmarks.model.setup import BETAS, EPS, LEARNING_RATE, WEIGHT_DECAY

Make = Callable[[Sequence[Tensor]], Any]


def _adamw(implementation: Any) -> Make:
    def make(weights: Sequence[Tensor]) -> Any:
        settings = (LEARNING_RATE, BETAS, EPS, WEIGHT_DECAY)
        return optim.AdamW(list(weights), *settings, implementation=implementation)

    return make


def _torch_adamw(**choice: bool) -> Make:
    def make(weights: Sequence[Tensor]) -> Any:
        return torch.optim.AdamW(list(weights), LEARNING_RATE, BETAS, EPS, weight_decay=WEIGHT_DECAY, **choice)

    return make


def _muon(implementation: Any = "auto", coefficients: Any = "jordan") -> Make:
    def make(weights: Sequence[Tensor]) -> Any:
        return optim.Muon(
            list(weights),
            LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            implementation=implementation,
            coefficients=coefficients,
        )

    return make


def _torch_muon(weights: Sequence[Tensor]) -> Any:
    return torch.optim.Muon(list(weights), LEARNING_RATE, weight_decay=WEIGHT_DECAY, adjust_lr_fn="original")


OPTIMIZERS: dict[str, dict[str, Make]] = {
    "adamw": {
        "ours, loop": _adamw("loop"),
        "ours, foreach": _adamw("foreach"),
        "ours, compiled": _adamw("compiled"),
        "torch, fused": _torch_adamw(fused=True),
        "torch, foreach": _torch_adamw(foreach=True),
    },
    "muon": {
        "ours": _muon(),
        "ours, compiled": _muon("compiled"),
        "ours, polar express": _muon(coefficients="polar_express"),
        "torch": _torch_muon,
    },
}
