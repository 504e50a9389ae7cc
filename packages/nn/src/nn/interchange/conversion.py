"""What all formats share: another dtype, a shorter context, and a model that waits for its weights."""

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
    """Return a dtype that weights may be stored as.

    Raises:
        InterchangeError: it is another one.
    """
    if dtype not in DTYPES.values():
        raise InterchangeError(f"weights cannot be {dtype}: choose one of {', '.join(DTYPES)}")
    return dtype


def convert(tensor: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    """Change the dtype.

    Raises:
        InterchangeError: there is infinity or NaN in the result, perhaps for want of range (float16 ends at 65,504).
    """
    converted = tensor.to(dtype)
    if not converted.isfinite().all():
        reason = "holds infinity or NaN" if converted.dtype == tensor.dtype else f"is not finite in {dtype}"
        raise InterchangeError(f"{name} {reason}: use other weights, or float32 if these are finite there")
    return converted


def shorten_context(config: ModelConfig, context_length: int | None) -> ModelConfig:
    """Return the configuration with a shorter context, if one is given.

    Raises:
        ValueError: it is longer than what the model was made for, or below 1.
    """
    if context_length is None:
        return config
    if context_length > config.context_length:
        raise InterchangeError(
            f"context_length = {context_length} is beyond what the model was made for: give at most "
            f"{config.context_length}"
        )
    return replace(config, context_length=context_length)


def empty_model(config: ModelConfig, *, device: torch.device | str | None, dtype: torch.dtype) -> TransformerLM:
    """Make a model whose weights are in memory but not drawn: whoever asks for it fills them all."""
    model = TransformerLM(config, device="meta", dtype=dtype)
    model.to_empty(device=torch.get_default_device() if device is None else device)
    if config.tie_embeddings:  # each module has got memory of its own
        model.lm_head.weight = model.embedding.weight
    return model
