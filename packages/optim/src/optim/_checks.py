"""The checks that several modules share. Every message says what was given, what is allowed and what to do."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch


def require_non_negative(name: str, value: float, advice: str) -> None:
    """Refuse a setting that is negative, infinite or NaN.

    Args:
        name: What the caller calls the setting.
        value: What was given.
        advice: What to do about it, as the end of a sentence.

    Raises:
        ValueError: ``value`` is not a finite number of at least 0.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}, but it must be finite and at least 0: {advice}")


def require_dense_real_gradients(optimizer: str, param_groups: Iterable[Mapping[str, Any]]) -> None:
    """Refuse gradients that an element-by-element update on real numbers would get wrong.

    Optimizers call this before they change anything, so a refused step leaves every parameter as it was.

    Args:
        optimizer: Name of the optimizer, for the message.
        param_groups: The ``param_groups`` of a ``torch.optim.Optimizer``.

    Raises:
        ValueError: A gradient is sparse, or complex.
    """
    for index, group in enumerate(param_groups):
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            where = f"the gradient of a parameter of shape {tuple(parameter.shape)} in parameter group {index}"
            if gradient.layout != torch.strided:
                raise ValueError(
                    f"{where} has the layout {gradient.layout}, but {optimizer} takes dense gradients only: "
                    "build the embedding with sparse=False, or call .to_dense() on the gradient before step()"
                )
            if gradient.is_complex():
                raise ValueError(
                    f"{where} has the type {gradient.dtype}, but {optimizer} takes real gradients only: "
                    "keep the parameter as torch.view_as_real(...), with real and imaginary part side by side"
                )
