"""Chapter 6: the whole model. Replace the body of a function by your own and run this file with pytest."""

import pytest
import torch
from torch import Tensor

from nn import ModelConfig, TransformerLM, accounting


def count_parameters(v: int, d: int, f: int, layers: int, *, tied: bool = False) -> int:
    """Return the number of parameters of a model with SwiGLU and a norm before each part."""
    blocks = layers * (4 * d * d + 3 * d * f + 2 * d)
    return v * d + blocks + d + (0 if tied else d * v)


def forward_flops(v: int, d: int, f: int, layers: int, t: int) -> int:
    """Return the FLOPs of a forward pass for one sequence of t tokens."""
    in_each_block = 2 * t * (4 * d * d + 3 * d * f) + 2 * (2 * t * t * d)
    return layers * in_each_block + 2 * t * d * v


def logits_of(model: TransformerLM, ids: Tensor) -> Tensor:
    """Return the logits of a model with pre-norm or post-norm, from its parts."""
    x = model.embedding(ids)
    for block in model.blocks:
        if model.config.norm == "pre":
            x = x + block.attention(block.attention_norm(x))
            x = x + block.feedforward(block.feedforward_norm(x))
        else:
            x = block.attention_norm(x + block.attention(x))
            x = block.feedforward_norm(x + block.feedforward(x))
    return model.lm_head(model.final_norm(x))


CONFIGS = [
    ModelConfig(vocab_size=512, context_length=64, d_model=64, num_layers=2, num_heads=4),
    ModelConfig(vocab_size=300, context_length=32, d_model=16, num_layers=3, num_heads=2, d_ff=40, tie_embeddings=True),
]


@pytest.mark.parametrize("config", CONFIGS, ids=["tour", "tied"])
def test_count_parameters(config):
    shape = (config.vocab_size, config.d_model, config.feedforward_width, config.num_layers)
    assert count_parameters(*shape, tied=config.tie_embeddings) == TransformerLM(config).num_parameters()


@pytest.mark.parametrize("config", CONFIGS, ids=["tour", "tied"])
def test_forward_flops(config):
    shape = (config.vocab_size, config.d_model, config.feedforward_width, config.num_layers)
    for t in (8, config.context_length):
        assert forward_flops(*shape, t) == accounting.forward_flops(config, sequence=t).total


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_logits_of(norm):
    config = ModelConfig(vocab_size=50, context_length=8, d_model=16, num_layers=2, num_heads=2, norm=norm)
    model = TransformerLM(config, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[1, 2, 3, 4], [9, 8, 7, 6]])
    torch.testing.assert_close(logits_of(model, ids), model(ids))
