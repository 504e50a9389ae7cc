"""What a model costs, against published figures, real modules and torch's own counter."""

import pytest
import torch
from configurations import covering_array, name_of
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from nn import KVCache, ModelConfig, TransformerLM
from nn.accounting import (
    attention_pairs,
    backward_flops,
    count_parameters,
    forward_flops,
    kv_cache_bytes,
    optimizer_values,
    reference_memory,
    training_flops,
    training_flops_by_rule,
    training_seconds,
)

SHAPES = {"xl": (48, 1600, 25), "large": (36, 1280, 20), "medium": (24, 1024, 16), "small": (12, 768, 12)}
FLOPS = {  # qkv, scores, output, both matrices of the feed-forward network, head, total
    "xl": (754_974_720_000, 161_061_273_600, 251_658_240_000, 2_013_265_920_000, 164_682_137_600, 3_506_703_564_800),
    "large": (362_387_865_600, 96_636_764_160, 120_795_955_200, 966_367_641_600, 131_745_710_080, 1_774_570_700_800),
    "medium": (154_618_822_656, 51_539_607_552, 51_539_607_552, 412_316_860_416, 105_396_568_064, 826_951_073_792),
    "small": (43_486_543_872, 19_327_352_832, 14_495_514_624, 115_964_116_992, 79_047_426_048, 291_648_307_200),
}


def gpt2(size, **changes):
    layers, d_model, heads = SHAPES[size]
    shape = {"vocab_size": 50_257, "context_length": 1024, "d_model": d_model, "num_layers": layers}
    return ModelConfig(**{**shape, "num_heads": heads, "ffn": "silu", **changes})


@pytest.mark.parametrize("size", SHAPES)
def test_flops_of_the_gpt2_shapes(size):
    count = forward_flops(gpt2(size))
    qkv, scores, output, feedforward, head, total = FLOPS[size]
    assert (count.qkv, count.scores, count.values) == (qkv, scores, scores)
    assert (count.output, count.feedforward, count.head, count.total) == (output, feedforward, head, total)


def test_the_other_figures_of_gpt2_xl():
    xl = gpt2("xl")
    assert count_parameters(xl).total == 1_635_537_600
    assert 4 * count_parameters(xl).total == 6_542_150_400
    assert forward_flops(xl, sequence=16_384).total == pytest.approx(1.33e14, rel=4e-3)
    for batch in (1, 3, 1024):
        assert reference_memory(xl, batch).total == 15_311_904_768 * batch + 26_168_601_600
    assert reference_memory(xl, 3).total <= 80e9 < reference_memory(xl, 4).total
    step = training_flops_by_rule(xl, 1024 * 1024)
    assert step == 10_289_912_846_745_600
    assert round(training_seconds(400_000 * step, 19.5e12, 0.5) / 86_400) == 4_886


SWITCHES = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["pre", "post", "none"]),
        "position": st.sampled_from(["rope", "none"]),
        "ffn": st.sampled_from(["swiglu", "silu", "relu2"]),
        "num_kv_heads": st.sampled_from([None, 1, 2]),
        "d_ff": st.none() | st.integers(1, 50),
        "num_layers": st.integers(1, 3),
        "tie_embeddings": st.booleans(),
        "qk_norm": st.booleans(),
        "value_residual": st.booleans(),
        "embedding_shortcut": st.booleans(),
        "embedding_norm": st.booleans(),
        "zero_init_outputs": st.booleans(),
    }
)


@given(SWITCHES)
def test_parameters_equal_those_of_the_module(switches):
    config = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_heads=4, **switches)
    count = count_parameters(config)
    model = TransformerLM(config, device="meta")
    assert count.total == model.num_parameters()
    assert count.total - count.embedding == model.num_parameters(embedding=False)
    inside = [p.numel() for name, p in model.named_parameters() if "blocks" in name and p.ndim == 2]
    assert count.hidden_matrices == sum(inside)


def measured_flops(config):
    model = TransformerLM(config)
    ids = torch.zeros(3, 8, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        loss = model(ids).sum()
        forward = counter.get_total_flops()
        loss.backward()
    return forward, counter.get_total_flops() - forward


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_flops_equal_those_that_torch_counts(row):
    config = ModelConfig(
        **{**row, "attention": "einx"}, vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=4, d_ff=20
    )
    forward, backward = measured_flops(config)
    assert forward_flops(config, batch=3).total == forward
    assert backward_flops(config, batch=3).total == backward
    assert training_flops(config, batch=3).total == forward + backward


def test_the_fused_back_end_computes_the_scores_once_more():
    config = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=4, attention="fused")
    forward, backward = measured_flops(config)
    assert forward == forward_flops(config, batch=3).total
    assert backward == backward_flops(config, batch=3).total + forward_flops(config, batch=3).scores


def test_the_chunked_loss_computes_the_same():
    config = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=4)
    model, ids = TransformerLM(config), torch.zeros(3, 8, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model.loss(ids, ids, chunk_tokens=24).backward()  # one chunk: the counter knows no addmm_, which adds up more
    assert counter.get_total_flops() == training_flops(config, batch=3).total


@given(sequence=st.integers(1, 30), window=st.none() | st.integers(1, 40))
def test_visible_pairs_are_those_of_the_mask(sequence, window):
    config = ModelConfig(window=window)
    expected = sum(
        key <= query and (window is None or query - key < window)
        for query in range(sequence)
        for key in range(sequence)
    )
    assert attention_pairs(config, sequence, "visible") == expected
    assert attention_pairs(config, sequence) == sequence**2


def test_what_optimizers_keep():
    config = ModelConfig(vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=4)
    count = count_parameters(config)
    assert optimizer_values(config, "adamw") == 2 * count.total
    assert optimizer_values(config, "sgd") == 0
    assert optimizer_values(config, "muon") == count.hidden_matrices + 2 * (count.total - count.hidden_matrices)


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_the_cache_has_the_size_of_the_real_one(row):
    config = ModelConfig(**row, vocab_size=31, context_length=8, d_model=16, num_layers=2, num_heads=4)
    cache = KVCache.empty(config, 3)
    assert kv_cache_bytes(config, 3) == sum(tensor.nbytes for tensor in (*cache.keys, *cache.values))


def test_a_window_needs_less_than_the_cache_has():
    config = ModelConfig(window=10, num_kv_heads=4)
    assert kv_cache_bytes(config, precision="bfloat16") == 2 * 4 * 4 * 256 * 32 * 2
    assert kv_cache_bytes(config, only_window=True) == 2 * 4 * 4 * 10 * 32 * 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forward_flops(ModelConfig(), batch=0), "batch is 0"),
        (lambda: forward_flops(ModelConfig(), sequence=-1), "sequence is -1"),
        (lambda: training_flops_by_rule(ModelConfig(), 0), "tokens is 0"),
        (lambda: kv_cache_bytes(ModelConfig(), capacity=0), "capacity is 0"),
        (lambda: training_seconds(-1.0, 1e12, 0.5), "flops is -1.0"),
        (lambda: training_seconds(1e12, 0.0, 0.5), "peak_flops is 0.0"),
        (lambda: training_seconds(1e12, 1e12, 1.5), "mfu is 1.5"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
