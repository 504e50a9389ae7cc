import pytest
import torch
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask

from nn import CausalMultiHeadSelfAttention, RotaryPositionalEmbedding, causal_attention
from nn.attention import choose_backend
from nn.attention_backends import fused_attention
from nn.functional import causal_mask, scaled_dot_product_attention


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


def test_scaled_scores_are_those_of_larger_queries():
    attention = CausalMultiHeadSelfAttention(16, 4, qk_scale=1.44)
    x = torch.randn(2, 6, 16)
    scaled = attention(x)
    assert not torch.allclose(scaled, reference(attention, x), atol=1e-3)
    with torch.no_grad():
        attention.q_proj.weight *= 1.44
    torch.testing.assert_close(scaled, reference(attention, x))


def test_embedded_values_are_added_by_a_gate_for_each_head():
    attention = CausalMultiHeadSelfAttention(16, 4, num_kv_heads=2, add_embedded_values=True)
    x, embedded = torch.randn(2, 6, 16), torch.randn(2, 6, 8)
    assert torch.equal(attention.value_gate(x), torch.full((2, 6, 2), 1.5))
    torch.nn.init.normal_(attention.value_gate.weight)
    ours, own_values = attention(x, embedded_values=embedded, return_values=True)
    queries, keys, values = (getattr(attention, f"{name}_proj")(x).unflatten(-1, (-1, 4)).mT for name in "qkv")
    queries, keys, values = (heads.permute(0, 3, 1, 2) for heads in (queries, keys, values))
    gates = 3 * torch.sigmoid(x[..., :12] @ attention.value_gate.weight.mT)
    torch.testing.assert_close(own_values, values)
    values = values + gates.mT[..., None] * embedded.unflatten(-1, (2, 4)).transpose(1, 2)
    attended = scaled_dot_product_attention(queries, keys, values, causal_mask(6))
    torch.testing.assert_close(ours, attention.output_proj(attended.transpose(1, 2).flatten(2)))


def test_it_equals_torchs_multihead_attention():
    ours, theirs = CausalMultiHeadSelfAttention(16, 4), torch.nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q_proj.weight, ours.k_proj.weight, ours.v_proj.weight]))
        theirs.out_proj.weight.copy_(ours.output_proj.weight)
    x = torch.randn(2, 6, 16)
    forbidden = torch.ones(6, 6).triu(1).bool()
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=forbidden, need_weights=False)[0])


@pytest.mark.parametrize("backend", ["einx", "fused", "flex"])
@pytest.mark.parametrize("num_kv_heads", [4, 2])
def test_any_number_of_leading_dimensions(backend, num_kv_heads):
    rope = RotaryPositionalEmbedding(1e4, 4, 10)
    attention = CausalMultiHeadSelfAttention(16, 4, num_kv_heads=num_kv_heads, rope=rope, backend=backend)
    x = torch.randn(2, 3, 6, 16)
    positions = torch.randint(10, (2, 3, 6))
    rows = torch.stack([attention(x.flatten(0, 1)[i], positions.flatten(0, 1)[i]) for i in range(6)])
    torch.testing.assert_close(attention(x, positions), rows.view_as(x))
    torch.testing.assert_close(attention(x, positions[1])[0], attention(x[0], positions[1]))


def test_later_positions_are_hidden():
    attention = CausalMultiHeadSelfAttention(16, 4, rope=RotaryPositionalEmbedding(1e4, 4, 10))
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[0, 4:] += 1
    torch.testing.assert_close(attention(x)[:, :4], attention(changed)[:, :4], rtol=0, atol=0)
    assert not torch.allclose(attention(x)[:, 4:], attention(changed)[:, 4:])


def test_with_rotation_only_distances_matter():
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


def test_an_unknown_back_end_is_refused(unchecked):
    with pytest.raises(ValueError, match="backend is 'flash': choose one of auto, einx, fused, flex"):
        CausalMultiHeadSelfAttention(16, 4, backend="flash")


def test_first_values_are_mixed_in():
    first = CausalMultiHeadSelfAttention(16, 4)
    later = CausalMultiHeadSelfAttention(16, 4, mix_first_values=True)
    x = torch.randn(2, 6, 16)
    output, first_values = first(x, return_values=True)
    assert torch.equal(output, first(x))
    assert first_values.shape == (2, 4, 6, 4)
    with torch.no_grad():
        later.value_mix.weight.copy_(torch.tensor([0.0, 1.0]))
        for ours, theirs in zip(later.parameters(), first.parameters(), strict=False):
            ours.copy_(theirs)
        later.v_proj.weight.normal_()
    torch.testing.assert_close(later(x, first_values=first_values), output)
    with pytest.raises(ValueError, match="pass first_values"):
        later(x)


def test_the_fastest_function_is_chosen():
    cpu = torch.device("cpu")
    with torch.no_grad():
        assert isinstance(causal_attention("flex", 16, cpu).args[0], BlockMask)
        assert causal_attention("fused", 16, cpu) is fused_attention  # without a mask the kernel skips half of the work
        assert causal_attention("fused", 16, cpu, window=16) is fused_attention
        assert causal_attention("fused", 16, cpu, window=15).keywords["mask"].shape == (16, 16)
    assert causal_attention("flex", 16, cpu) is fused_attention  # on a CPU torch cannot train with flex attention


@pytest.mark.parametrize(("device", "masked", "backend"), [("cpu", True, "fused"), ("mps", True, "fused")])
def test_auto_is_fused_where_flex_does_not_train(device, masked, backend):
    assert choose_backend(torch.device(device), masked=masked) == backend


def test_auto_on_a_gpu_is_flex_for_masks_if_it_can_be_compiled(monkeypatch):
    cuda = torch.device("cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert choose_backend(cuda, masked=True) == "flex"
    assert choose_backend(cuda, masked=False) == "fused"
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert choose_backend(cuda, masked=True) == "fused"
