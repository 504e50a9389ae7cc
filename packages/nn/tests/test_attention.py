import pytest
import torch
from torch.nn import functional

from nn import CausalMultiHeadSelfAttention, RotaryPositionalEmbedding


def reference(attention, x):
    """The same in plain torch, head by head, without rotation."""
    d_head = x.shape[-1] // attention.num_heads
    q, k, v = (functional.linear(x, getattr(attention, f"{name}_proj").weight) for name in "qkv")
    heads = []
    for h in range(attention.num_heads):
        shared = h // (attention.num_heads // attention.num_kv_heads)
        one = slice(h * d_head, (h + 1) * d_head)
        kv = slice(shared * d_head, (shared + 1) * d_head)
        heads.append(functional.scaled_dot_product_attention(q[..., one], k[..., kv], v[..., kv], is_causal=True))
    return functional.linear(torch.cat(heads, -1), attention.output_proj.weight)


@pytest.mark.parametrize("num_kv_heads", [None, 4, 2, 1])
def test_it_equals_attention_head_by_head(num_kv_heads):
    attention = CausalMultiHeadSelfAttention(16, 4, num_kv_heads=num_kv_heads)
    x = torch.randn(2, 6, 16)
    torch.testing.assert_close(attention(x), reference(attention, x))


def test_it_equals_torchs_multihead_attention():
    ours, theirs = CausalMultiHeadSelfAttention(16, 4), torch.nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q_proj.weight, ours.k_proj.weight, ours.v_proj.weight]))
        theirs.out_proj.weight.copy_(ours.output_proj.weight)
    x = torch.randn(2, 6, 16)
    forbidden = torch.ones(6, 6).triu(1).bool()
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=forbidden, need_weights=False)[0])


def test_the_future_is_hidden():
    attention = CausalMultiHeadSelfAttention(16, 4, rope=RotaryPositionalEmbedding(1e4, 4, 10))
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[0, 4:] += 1
    torch.testing.assert_close(attention(x)[:, :4], attention(changed)[:, :4], rtol=0, atol=0)
    assert not torch.allclose(attention(x)[:, 4:], attention(changed)[:, 4:])


def test_rotation_knows_distances_but_not_places():
    attention = CausalMultiHeadSelfAttention(16, 4, rope=RotaryPositionalEmbedding(1e4, 4, 100))
    x = torch.randn(2, 6, 16)
    torch.testing.assert_close(attention(x), attention(x, torch.arange(6)), rtol=0, atol=0)
    torch.testing.assert_close(attention(x), attention(x, torch.arange(6) + 90), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(attention(x), attention(x, 3 * torch.arange(6)), atol=1e-3)
    rows = torch.stack([torch.arange(6), 3 * torch.arange(6)])
    torch.testing.assert_close(attention(x, rows)[1], attention(x, rows[1])[1])


def test_without_rotation_positions_do_not_matter():
    attention = CausalMultiHeadSelfAttention(16, 4)
    x = torch.randn(1, 6, 16)
    assert torch.equal(attention(x), attention(x, torch.arange(6) * 7))


@pytest.mark.parametrize(("num_heads", "num_kv_heads"), [(3, None), (4, 3)])
def test_heads_that_do_not_divide_are_refused(num_heads, num_kv_heads):
    with pytest.raises(ValueError, match=f"{num_heads} heads must divide d_model = 16"):
        CausalMultiHeadSelfAttention(16, num_heads, num_kv_heads=num_kv_heads)
