"""The Transformer language model, every module written from scratch with einx.

Names are loaded when they are first used: `import nn` and `from nn import ModelConfig` do not load torch.

The axes of all tensors have the same letters everywhere in this package, in equations, einx strings and shapes:

    b   batch; `*b` stands for any number of leading dimensions
    t   positions of a sequence; q those of queries and k those of keys, where they differ
    d   width of the model (d_model); d_in and d_out: input and output width of a linear map
    h   query heads
    kv  key/value heads
    g   query heads that share a key/value head: h = kv·g
    e   width of a head (d_k): d = h·e
    p   pairs that rotary embedding rotates: e = 2p
    f   width of the feed-forward network (d_ff)
    v   vocabulary
    n   tokens of all sequences, in one dimension
    c   capacity of a cache, in positions
    m   candidates for the next token

Tensors have other names than axes, with one exception: the arguments q, k and v of `scaled_dot_product_attention`,
which are called as in its equation.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
