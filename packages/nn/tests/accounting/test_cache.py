import pytest
from configurations import config_of, covering_array, name_of

from nn import KVCache, ModelConfig
from nn.accounting import kv_cache_bytes


@pytest.mark.parametrize("row", covering_array(), ids=name_of)
def test_the_count_equals_the_size_of_the_real_cache(row):
    cache = KVCache.empty(config_of(row), 3)
    assert kv_cache_bytes(config_of(row), 3) == sum(tensor.nbytes for tensor in (*cache.keys, *cache.values))


def test_a_window_needs_less_than_the_capacity():
    config = ModelConfig(window=10, num_kv_heads=4)
    assert kv_cache_bytes(config, precision="bfloat16") == 2 * 4 * 4 * 256 * 32 * 2
    assert kv_cache_bytes(config, only_window=True) == 2 * 4 * 4 * 10 * 32 * 4


def test_a_capacity_of_zero_is_refused():
    with pytest.raises(ValueError, match="capacity is 0"):
        kv_cache_bytes(ModelConfig(), capacity=0)
