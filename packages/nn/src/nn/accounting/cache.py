"""The memory that decoding needs for keys and values of the tokens read so far."""

from nn.accounting.breakdown import at_least_one
from nn.accounting.precision import PrecisionScheme, activation_bytes
from nn.config import ModelConfig


def kv_cache_bytes(
    config: ModelConfig,
    batch: int = 1,
    capacity: int | None = None,
    *,
    precision: PrecisionScheme = "float32",
    only_window: bool = False,
) -> int:
    """Return the bytes of `2 · layers · batch · kv_heads · capacity · d_head` numbers: keys and values.

    Args:
        config: the model.
        batch: sequences.
        capacity: positions in each; the model's context if not given.
        precision: decides the width of the activations.
        only_window: count only the last `window` positions, which attention needs, instead of the whole capacity, which
            `KVCache` allocates.

    Raises:
        ValueError: a size is below 1.

    >>> kv_cache_bytes(ModelConfig())  # 2 · 4 layers · 16 heads · 256 positions · 32 numbers of 4 bytes
    4194304
    """
    capacity = config.context_length if capacity is None else capacity
    at_least_one(batch=batch, capacity=capacity)
    if only_window and config.window is not None:
        capacity = min(capacity, config.window)
    values = 2 * config.num_layers * batch * config.kv_heads * capacity * config.d_head
    return values * activation_bytes(precision)
