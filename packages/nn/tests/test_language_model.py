import itertools
import math
import re

import pytest
import torch
from configurations import CONTEXT, ROWS, VOCAB, config_of, gpt2, some_ids

from nn import ModelConfig, TransformerLM, cross_entropy

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
    return config_of(request.param)


def test_every_variant_runs_and_learns(config):
    model = TransformerLM(config)
    inputs, targets = some_ids(ROWS, CONTEXT), some_ids(ROWS, CONTEXT, seed=1)
    loss = cross_entropy(model(inputs), targets)
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    with torch.no_grad():
        norm = sum(parameter.grad.square().sum() for parameter in model.parameters()).sqrt()
        for parameter in model.parameters():
            parameter -= 1e-2 / norm * parameter.grad
    assert cross_entropy(model(inputs), targets) < loss


def test_every_variant_hides_the_future(config):
    model = TransformerLM(config)
    ids = some_ids(ROWS, CONTEXT)
    changed = ids.clone()
    changed[:, 8:] = (changed[:, 8:] + 1) % VOCAB
    torch.testing.assert_close(model(ids)[:, :8], model(changed)[:, :8])
    assert not torch.allclose(model(ids)[:, 8:], model(changed)[:, 8:])


def test_only_the_norms_asked_for_exist(config):
    names = [name for name, _ in TransformerLM(config).named_parameters() if "norm" in name]
    assert len(names) == (0 if config.norm == "none" else 2 * config.num_layers + 1)


def test_the_base_model_has_the_published_number_of_parameters():
    model = TransformerLM(ModelConfig(), device="meta")
    per_block = 4 * 512 * 512 + 3 * 512 * 1344 + 2 * 512
    assert model.num_parameters() == 4 * per_block + 2 * 10_000 * 512 + 512 == 22_696_448
    assert model.num_parameters(embedding=False) == 17_576_448  # "about 17 M" in the specification


@pytest.mark.parametrize(("size", "parameters"), [("xl", 1_635_537_600), ("small", 162_148_608)])
def test_gpt2_shapes_have_the_published_number_of_parameters(size, parameters):
    assert TransformerLM(gpt2(size), device="meta").num_parameters() == parameters


def test_tied_embeddings_are_one_matrix_with_a_plausible_first_loss():
    config = config_of({}, vocab_size=1000, d_model=256, tie_embeddings=True)
    model = TransformerLM(config)
    assert model.lm_head.weight is model.embedding.weight
    assert (
        model.num_parameters() == TransformerLM(config_of({}, vocab_size=1000, d_model=256)).num_parameters() - 256_000
    )
    assert model.embedding.weight.std().item() == pytest.approx(0.9866 / math.sqrt(256), rel=0.02)
    ids = torch.randint(1000, (4, 16))
    loss = cross_entropy(model(ids), torch.randint(1000, (4, 16)))
    assert loss.item() == pytest.approx(math.log(1000) + 0.5, abs=0.4)  # logits of variance 1 cost half a nat


@pytest.mark.parametrize("tied", [False, True])
def test_a_generator_decides_all_weights(tied):
    config = config_of({}, tie_embeddings=tied)
    one, two, other = (
        TransformerLM(config, generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    drawn = [name for name in one if "norm" not in name]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_initial_values_by_configuration():
    changes = {
        "init": "uniform",
        "ffn_init_scale": 0.4,
        "embedding_std": 0.8,
        "head_std": 0.001,
        "zero_init_outputs": True,
    }
    config = config_of({}, vocab_size=1000, d_model=256, d_ff=512, **changes)
    model = TransformerLM(config, generator=torch.Generator().manual_seed(0))
    spread = {name: parameter.std().item() for name, parameter in model.named_parameters() if parameter.ndim == 2}
    linear = 1 / math.sqrt(256)
    assert spread["embedding.weight"] == pytest.approx(0.9866 * 0.8, rel=0.02)
    assert spread["lm_head.weight"] == pytest.approx(0.9866 * 0.001, rel=0.02)
    assert spread["blocks.1.attention.q_proj.weight"] == pytest.approx(linear, rel=0.02)
    assert spread["blocks.1.attention.output_proj.weight"] == spread["blocks.1.feedforward.w2.weight"] == 0
    for matrix in ("w1", "w3"):
        assert spread[f"blocks.0.feedforward.{matrix}.weight"] == pytest.approx(0.4 * linear, rel=0.02)
    plain = TransformerLM(config_of({}, vocab_size=1000, d_model=256, init="uniform"))
    assert plain.lm_head.weight.std().item() == pytest.approx(linear, rel=0.02)
    tied = TransformerLM(config_of({}, vocab_size=1000, d_model=256, tie_embeddings=True, embedding_std=0.5))
    assert tied.lm_head.weight.std().item() == pytest.approx(0.9866 * 0.5, rel=0.02)


def test_the_shortcuts_start_by_their_depth():
    starts = {"shortcut_stream_start": (1.15, 1.05), "shortcut_embedding_start": (0.2, 0.05)}
    model = TransformerLM(config_of({"embedding_shortcut": True}, num_layers=3, **starts))
    weights = [block.shortcut_mix.weight.tolist() for block in model.blocks]
    assert [w for pair in weights for w in pair] == pytest.approx([1.15, 0.2, 1.1, 0.125, 1.05, 0.05])
    plain = TransformerLM(config_of({"embedding_shortcut": True}, num_layers=1))
    assert plain.blocks[0].shortcut_mix.weight.tolist() == [1.0, 0.0]


def test_the_initial_weights_of_a_seed_stay_those_of_earlier_versions():
    model = TransformerLM(config_of({}), generator=torch.Generator().manual_seed(1))
    sums = [parameter.double().sum().item() for parameter in model.parameters()]
    assert sum(sums) == pytest.approx(81.69893, rel=1e-4)


def test_device_and_dtype_reach_every_parameter():
    model = TransformerLM(config_of({}, num_kv_heads=2), device="meta", dtype=torch.bfloat16)
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.bfloat16)}


def test_bfloat16_agrees_with_float32():
    model = TransformerLM(config_of({}))
    ids = some_ids(ROWS, CONTEXT)
    expected = model(ids)
    torch.testing.assert_close(model.bfloat16()(ids).float(), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    "changes", [{}, {"separator_token": 3, "window": 5}, {"attention": "fused", "num_kv_heads": 2}]
)
def test_any_number_of_leading_dimensions(changes):
    model = TransformerLM(config_of(changes))
    ids, targets = some_ids(ROWS, CONTEXT), some_ids(ROWS, CONTEXT, seed=1)
    expected = model(ids)
    torch.testing.assert_close(model(ids[1]), expected[1])
    torch.testing.assert_close(model(ids[:, None]), expected[:, None])
    torch.testing.assert_close(model.loss(ids[:, None], targets[:, None]), model.loss(ids, targets))


@pytest.mark.parametrize("shape", [(), (1, 17)])
def test_shapes_that_do_not_fit_are_refused(shape, unchecked):
    message = re.escape(
        f"token_ids has the shape {shape}: give [..., t], with at most the model's context of 16 tokens"
    )
    with pytest.raises(ValueError, match=message):
        TransformerLM(config_of({}))(torch.zeros(shape, dtype=torch.long))


def test_it_memorizes_one_batch():
    """With Adam on one batch the loss goes to zero if all gradients are right."""
    model = TransformerLM(config_of({}))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    ids = some_ids(ROWS, CONTEXT + 1)
    ids[:, 0] = torch.arange(ROWS)  # two sequences with the same start could not both be predicted
    for _ in range(200):
        loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
