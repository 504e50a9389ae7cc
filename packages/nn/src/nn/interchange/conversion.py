"""What all formats share: changing the dtype, shortening the context, and a model without initial weights."""

from dataclasses import replace

import torch
from torch import Tensor

from nn.config import ModelConfig
from nn.interchange.dtype_names import DTYPE_NAMES
from nn.interchange.errors import InterchangeError
from nn.language_model import TransformerLM

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in DTYPE_NAMES}
"""The dtypes that weights may be stored as, by name."""


def checked_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype if weights may be stored as it.

    Raises:
        InterchangeError: it is not one of `DTYPES`.
    """
    if dtype not in DTYPES.values():
        raise InterchangeError(f"weights cannot be {dtype}: choose one of {', '.join(DTYPES)}")
    return dtype


def convert(tensor: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    """Change the dtype.

    Raises:
        InterchangeError: the result contains infinity or NaN, perhaps because the range of the dtype is too small
            (float16 ends at 65,504).
    """
    converted = tensor.to(dtype)
    if not converted.isfinite().all():
        reason = "contains infinity or NaN" if converted.dtype == tensor.dtype else f"is not finite in {dtype}"
        raise InterchangeError(f"{name} {reason}: use float32 if the weights are finite there, or other weights")
    return converted


def shorten_context(config: ModelConfig, context_length: int | None) -> ModelConfig:
    """Return the configuration with a shorter context, if one is given.

    Raises:
        ValueError: it is longer than the context of the model, or below 1.
    """
    if context_length is None:
        return config
    if context_length > config.context_length:
        raise InterchangeError(
            f"context_length is {context_length}, but the model's is {config.context_length}: give at most that"
        )
    return replace(config, context_length=context_length)


def empty_model(config: ModelConfig, *, device: torch.device | str | None, dtype: torch.dtype) -> TransformerLM:
    """Make a model whose weights are allocated but not initialized: the caller must set all of them."""
    model = TransformerLM(config, device="meta", dtype=dtype)
    model.to_empty(device=torch.get_default_device() if device is None else device)
    if config.tie_embeddings:  # to_empty has given each of them its own memory
        model.lm_head.weight = model.embedding.weight
    return model
