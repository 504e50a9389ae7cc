"""Operations of a pass, against published figures and torch's own counter."""

import pytest
import torch
from configurations import CONTEXT, ROWS, config_of, covering_array, gpt2, name_of
from hypothesis import given, strategies as st
from torch.utils.flop_counter import FlopCounterMode

from nn import ModelConfig, TransformerLM
from nn.accounting import (
    attention_pairs,
    backward_flops,
    forward_flops,
    training_flops,
    training_flops_by_rule,
)

FLOPS = {  # qkv, scores, output, both matrices of the feed-forward network, head, total
    "xl": (754_974_720_000, 161_061_273_600, 251_658_240_000, 2_013_265_920_000, 164_682_137_600, 3_506_703_564_800),
    "large": (362_387_865_600, 96_636_764_160, 120_795_955_200, 966_367_641_600, 131_745_710_080, 1_774_570_700_800),
    "medium": (154_618_822_656, 51_539_607_552, 51_539_607_552, 412_316_860_416, 105_396_568_064, 826_951_073_792),
    "small": (43_486_543_872, 19_327_352_832, 14_495_514_624, 115_964_116_992, 79_047_426_048, 291_648_307_200),
}


@pytest.mark.parametrize("size", FLOPS)
def test_gpt2_shapes_have_the_published_figures(size):
    count = forward_flops(gpt2(size))
    qkv, scores, output, feedforward, head, total = FLOPS[size]
    assert (count.qkv, count.scores, count.values) == (qkv, scores, scores)
    assert (count.output, count.feedforward, count.head, count.total) == (output, feedforward, head, total)


def test_a_long_context_and_the_rule_of_thumb():
    xl = gpt2("xl")
    assert forward_flops(xl, sequence=16_384).total == pytest.approx(1.33e14, rel=4e-3)
    assert training_flops_by_rule(xl, 1024 * 1024) == 10_289_912_846_745_600


def measured_flops(config):
    model = TransformerLM(config)
    ids = torch.zeros(ROWS, CONTEXT, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        loss = model(ids).sum()
        forward = counter.get_total_flops()
        loss.backward()
    return forward, counter.get_total_flops() - forward


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_the_count_equals_that_of_torch(row):
    config = config_of(row, attention="einx")
    forward, backward = measured_flops(config)
    assert forward_flops(config, batch=ROWS).total == forward
    assert backward_flops(config, batch=ROWS).total == backward
    assert training_flops(config, batch=ROWS).total == forward + backward


def test_the_fused_back_end_computes_the_scores_once_more():
    config = config_of({}, attention="fused")
    forward, backward = measured_flops(config)
    assert forward == forward_flops(config, batch=ROWS).total
    assert backward == backward_flops(config, batch=ROWS).total + forward_flops(config, batch=ROWS).scores


def test_the_chunked_loss_computes_the_same():
    config = config_of({}, attention="einx")  # fused kernels compute the scores once more in the backward pass
    model, ids = TransformerLM(config), torch.zeros(ROWS, CONTEXT, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model.loss(ids, ids).backward()  # a single chunk: torch's counter does not count addmm_, which adds later ones
    assert counter.get_total_flops() == training_flops(config, batch=ROWS).total


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forward_flops(ModelConfig(), batch=0), "batch is 0"),
        (lambda: forward_flops(ModelConfig(), sequence=-1), "sequence is -1"),
        (lambda: training_flops_by_rule(ModelConfig(), 0), "tokens is 0"),
    ],
)
def test_invalid_sizes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_unknown_kind_of_pairs_is_refused(unchecked):
    with pytest.raises(ValueError, match="pairs is 'all': choose one of dense, visible"):
        attention_pairs(ModelConfig(), 5, "all")
