"""The shapes that are measured, their arithmetic, and the weights that all models start from."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from benchmarks.model.shapes import SHAPES, shrink  # noqa: E402
from benchmarks.model.weights import to_halves, to_pairs  # noqa: E402
from nn import ModelConfig, TransformerLM  # noqa: E402


def test_flops_of_gpt2_small_are_the_published_ones():
    # Three matrices of width 2,048 have as many weights as the two of 3,072 in the published figure.
    shape = SHAPES["gpt2-small"]
    assert shape.context_length * shape.flops_per_token == 3 * 291_648_307_200


@pytest.mark.parametrize("name", ["base", "gpt2-small"])
def test_a_shape_counts_the_parameters_of_our_model(name):
    shape = SHAPES[name]
    config = ModelConfig(
        vocab_size=shape.vocab_size,
        context_length=shape.context_length,
        d_model=shape.d_model,
        num_layers=shape.num_layers,
        num_heads=shape.num_heads,
        d_ff=shape.d_ff,
        tie_embeddings=shape.tied,
    )
    with torch.device("meta"):
        assert shape.num_parameters == TransformerLM(config).num_parameters()
    if name == "base":
        assert dataclasses.replace(config, d_ff=None) == ModelConfig()
        assert shape.d_ff == ModelConfig().feedforward_width


def test_weights_are_permuted_and_back():
    shape = shrink(SHAPES["base"])
    name = "blocks.0.attention.q_proj.weight"
    weight = torch.arange(shape.d_model**2).view(shape.d_model, shape.d_model)
    halves = to_halves(shape, name, weight)
    assert halves[: shape.d_head, 0].tolist() == (
        weight[0 : shape.d_head : 2, 0].tolist() + weight[1 : shape.d_head : 2, 0].tolist()
    )
    assert torch.equal(to_pairs(shape, name, halves), weight)
    assert torch.equal(to_halves(shape, "blocks.0.attention.v_proj.weight", weight), weight)
