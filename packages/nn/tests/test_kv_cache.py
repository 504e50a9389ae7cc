import pytest
import torch
from configurations import config_of, some_ids

from nn import KVCache, TransformerLM


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0), "capacity is 0, but the model's context is 16: give at least 1 and at most the context"),
        ((1, 17), "capacity is 17"),
        ((0,), "batch_size is 0: it must be at least 1"),
    ],
)
def test_invalid_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        KVCache.empty(config_of({}), *arguments)


@pytest.mark.parametrize("positions", [None, torch.arange(2)])
def test_positions_are_required(positions, unchecked):
    model = TransformerLM(config_of({}))
    with pytest.raises(ValueError, match=r"with a cache, give both as \[batch, tokens\]"):
        model(some_ids(1, 2), positions, cache=KVCache.empty(model.config, 1))


def test_a_row_shares_memory():
    cache = KVCache.empty(config_of({"separator_token": 3}), 3)
    cache.row(1).keys[0].fill_(1.0)
    cache.row(1).documents.fill_(7)
    assert [int(keys.sum()) for keys in cache.keys[0]] == [0, cache.keys[0][1].numel(), 0]
    assert cache.documents.unique(dim=1).flatten().tolist() == [0, 7, 0]
