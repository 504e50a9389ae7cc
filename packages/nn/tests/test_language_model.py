import itertools
import math

import pytest
import torch

from nn import ModelConfig, TransformerBlock, TransformerLM, cross_entropy

TINY = {"vocab_size": 50, "context_length": 16, "d_model": 32, "num_layers": 2, "num_heads": 4}
VARIANTS = [
    {"norm": norm, "position": position, "ffn": ffn, "tie_embeddings": tied, "num_kv_heads": kv}
    for (norm, position, ffn), (tied, kv) in zip(
        itertools.product(["pre", "post", "none"], ["rope", "none"], ["swiglu", "silu", "relu2"]),
        itertools.cycle(itertools.product([False, True], [None, 2, 1])),
        strict=False,
    )
]


@pytest.fixture(params=VARIANTS, ids=lambda variant: "-".join(str(value) for value in variant.values()))
def config(request):
    return ModelConfig(**TINY, **request.param)


def test_every_variant_runs_and_learns(config):
    model = TransformerLM(config)
    ids = torch.randint(50, (3, 17))
    loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    with torch.no_grad():
        norm = sum(parameter.grad.square().sum() for parameter in model.parameters()).sqrt()
        for parameter in model.parameters():
            parameter -= 1e-2 / norm * parameter.grad
    assert cross_entropy(model(ids[:, :-1]), ids[:, 1:]) < loss


def test_every_variant_hides_the_future(config):
    model = TransformerLM(config)
    ids = torch.randint(50, (1, 12))
    changed = ids.clone()
    changed[0, 8:] = (changed[0, 8:] + 1) % 50
    torch.testing.assert_close(model(ids)[:, :8], model(changed)[:, :8])
    assert not torch.allclose(model(ids)[:, 8:], model(changed)[:, 8:])


def test_only_the_norms_asked_for_exist(config):
    names = [name for name, _ in TransformerLM(config).named_parameters() if "norm" in name]
    assert len(names) == (0 if config.norm == "none" else 2 * config.num_layers + 1)


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_block_equations(norm):
    config = ModelConfig(**TINY, norm=norm)
    block = TransformerBlock(config)
    attention, ffn = block.attention, block.feedforward
    if norm != "none":
        norm1, norm2 = block.attention_norm, block.feedforward_norm
    x = torch.randn(2, 5, 32)
    if norm == "pre":
        z = x + attention(norm1(x))
        y = z + ffn(norm2(z))
    elif norm == "post":
        z = norm1(x + attention(x))
        y = norm2(z + ffn(z))
    else:
        z = x + attention(x)
        y = z + ffn(z)
    assert torch.equal(block(x), y)


def test_the_base_model_has_the_published_number_of_parameters():
    model = TransformerLM(ModelConfig(), device="meta")
    per_block = 4 * 512 * 512 + 3 * 512 * 1344 + 2 * 512
    assert model.num_parameters() == 4 * per_block + 2 * 10_000 * 512 + 512 == 22_696_448
    assert model.num_parameters(embedding=False) == 17_576_448  # "about 17 M"


@pytest.mark.parametrize(
    ("layers", "d_model", "heads", "parameters"), [(48, 1600, 25, 1_635_537_600), (12, 768, 12, 162_148_608)]
)
def test_gpt2_shapes_have_the_published_number_of_parameters(layers, d_model, heads, parameters):
    config = ModelConfig(
        vocab_size=50_257, context_length=1024, d_model=d_model, num_layers=layers, num_heads=heads, ffn="silu"
    )
    assert TransformerLM(config, device="meta").num_parameters() == parameters


def test_tied_embeddings_are_one_matrix_with_a_sane_first_loss():
    config = ModelConfig(**{**TINY, "vocab_size": 1000, "d_model": 256}, tie_embeddings=True)
    model = TransformerLM(config)
    assert model.lm_head.weight is model.embedding.weight
    assert (
        model.num_parameters()
        == TransformerLM(ModelConfig(**{**TINY, "vocab_size": 1000, "d_model": 256})).num_parameters() - 256_000
    )
    assert model.embedding.weight.std().item() == pytest.approx(0.9866 / math.sqrt(256), rel=0.02)
    ids = torch.randint(1000, (4, 16))
    loss = cross_entropy(model(ids), torch.randint(1000, (4, 16)))
    assert loss.item() == pytest.approx(math.log(1000) + 0.5, abs=0.4)  # logits of variance 1 cost half a nat


@pytest.mark.parametrize("tied", [False, True])
def test_a_generator_decides_all_weights(tied):
    config = ModelConfig(**TINY, tie_embeddings=tied)
    one, two, other = (
        TransformerLM(config, generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    drawn = [name for name in one if "norm" not in name]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_device_and_dtype_reach_every_parameter():
    model = TransformerLM(ModelConfig(**TINY, num_kv_heads=2), device="meta", dtype=torch.bfloat16)
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.bfloat16)}


def test_bfloat16_agrees_with_float32():
    model = TransformerLM(ModelConfig(**TINY))
    ids = torch.randint(50, (2, 16))
    expected = model(ids)
    torch.testing.assert_close(model.bfloat16()(ids).float(), expected, rtol=0.1, atol=0.1)


def test_a_sequence_longer_than_the_context_is_refused():
    with pytest.raises(
        ValueError, match="shape \\(1, 17\\): give \\[\\.\\.\\., t\\], with at most the model's context of 16"
    ):
        TransformerLM(ModelConfig(**TINY))(torch.zeros(1, 17, dtype=torch.long))


def test_it_memorizes_one_batch():
    """With Adam on one batch the loss must go to zero: then gradients reach everything they should."""
    model = TransformerLM(ModelConfig(**TINY))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    ids = torch.randint(50, (4, 17))
    ids[:, 0] = torch.arange(4)  # two sequences with the same start could not both be foreseen
    for _ in range(200):
        loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
