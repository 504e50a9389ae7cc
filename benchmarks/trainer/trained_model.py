"""The model that is trained and saved."""

from typing import Any

import torch

from nn import ModelConfig, TransformerLM

_TINY = ModelConfig(vocab_size=50, context_length=16, d_model=16, num_layers=1, num_heads=2)


def model_config(quick: bool) -> ModelConfig:
    """Return the configuration of the model: the base model of TinyStories, or a tiny one."""
    return _TINY if quick else ModelConfig()


def model_facts(quick: bool) -> dict[str, Any]:
    """Return the description of the model on the page."""
    config = model_config(quick)
    with torch.device("meta"):
        parameters = TransformerLM(config).num_parameters()
    names = ("num_layers", "d_model", "num_heads", "vocab_size", "context_length")
    return {"parameters": parameters, "d_ff": config.feedforward_width} | {
        name: getattr(config, name) for name in names
    }
