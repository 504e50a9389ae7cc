"""The adapters for CS336 against plain torch: the course's names, order of arguments, shapes and names of weights."""

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course import adapters, adapters_2024
from course.weights import filled

B, T, D, FF, HEADS, V, CONTEXT, LAYERS, THETA = 4, 12, 64, 128, 4, 50, 16, 3, 10_000.0
"""As in the course's tests, except the vocabulary, which is 10,000 there."""

PARAMETERS = {
    "run_linear": "d_in d_out weights in_features",
    "run_embedding": "vocab_size d_model weights token_ids",
    "run_swiglu": "d_model d_ff w1_weight w2_weight w3_weight in_features",
    "run_scaled_dot_product_attention": "Q K V mask",
    "run_multihead_self_attention": (
        "d_model num_heads q_proj_weight k_proj_weight v_proj_weight o_proj_weight in_features"
    ),
    "run_multihead_self_attention_with_rope": (
        "d_model num_heads max_seq_len theta q_proj_weight k_proj_weight v_proj_weight o_proj_weight in_features "
        "token_positions"
    ),
    "run_rope": "d_k theta max_seq_len in_query_or_key token_positions",
    "run_transformer_block": "d_model num_heads d_ff max_seq_len theta weights in_features",
    "run_transformer_lm": ("vocab_size context_length d_model num_layers num_heads d_ff rope_theta weights in_indices"),
    "run_rmsnorm": "d_model eps weights in_features",
    "run_silu": "in_features",
    "run_get_batch": "dataset batch_size context_length device",
    "run_softmax": "in_features dim",
    "run_cross_entropy": "inputs targets",
    "run_gradient_clipping": "parameters max_l2_norm",
    "get_adamw_cls": "",
    "run_get_lr_cosine_schedule": "it max_learning_rate min_learning_rate warmup_iters cosine_cycle_iters",
    "run_save_checkpoint": "model optimizer iteration out",
    "run_load_checkpoint": "src model optimizer",
    "get_tokenizer": "vocab merges special_tokens",
    "run_train_bpe": "input_path vocab_size special_tokens",
}
PARAMETERS_2024 = {
    "run_positionwise_feedforward": "d_model d_ff weights in_features",
    "run_scaled_dot_product_attention": "K Q V mask pdrop",
    "run_multihead_self_attention": "d_model num_heads attn_pdrop weights in_features",
    "run_transformer_block": "d_model num_heads d_ff attn_pdrop residual_pdrop weights in_features",
    "run_transformer_lm": (
        "vocab_size context_length d_model num_layers num_heads d_ff attn_pdrop residual_pdrop weights in_indices"
    ),
    "run_gelu": "in_features",
}
ATTENTION = ("q_proj", "k_proj", "v_proj", "output_proj")


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


def model_weights(draw):
    """A state dict with the course's names."""
    weights = {"token_embeddings.weight": draw(V, D)}
    for layer in range(LAYERS):
        weights |= {f"layers.{layer}.attn.{name}.weight": draw(D, D) / D**0.5 for name in ATTENTION}
        weights[f"layers.{layer}.ln1.weight"] = 1 + draw(D) / 4
        weights[f"layers.{layer}.ffn.w1.weight"] = draw(FF, D) / D**0.5
        weights[f"layers.{layer}.ffn.w2.weight"] = draw(D, FF) / FF**0.5
        weights[f"layers.{layer}.ffn.w3.weight"] = draw(FF, D) / D**0.5
        weights[f"layers.{layer}.ln2.weight"] = 1 + draw(D) / 4
    return weights | {"ln_final.weight": 1 + draw(D) / 4, "lm_head.weight": draw(V, D) / D**0.5}


def plain_rope(x, positions, theta=THETA):
    """Each pair as a complex number, multiplied by e^(i·angle)."""
    d = x.shape[-1]
    angles = positions[..., None].double() * theta ** -(torch.arange(0, d, 2).double() / d)
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


def plain_attention(x, q, k, v, output, positions=None):
    queries, keys, values = (F.linear(x, w).unflatten(-1, (HEADS, -1)).transpose(-2, -3) for w in (q, k, v))
    if positions is not None:
        queries, keys = plain_rope(queries, positions), plain_rope(keys, positions)
    attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    return F.linear(attended.transpose(-2, -3).flatten(-2), output)


def plain_block(x, weights):
    def norm(x, name):
        return F.rms_norm(x, (D,), weights[f"{name}.weight"], 1e-5)

    projections = [weights[f"attn.{name}.weight"] for name in ATTENTION]
    x = x + plain_attention(norm(x, "ln1"), *projections, torch.arange(x.shape[-2]))
    w1, w2, w3 = (weights[f"ffn.{name}.weight"] for name in ("w1", "w2", "w3"))
    h = norm(x, "ln2")
    return x + F.linear(F.silu(F.linear(h, w1)) * F.linear(h, w3), w2)


def of_layer(weights, layer):
    prefix = f"layers.{layer}."
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def plain_model(ids, weights):
    x = F.embedding(ids, weights["token_embeddings.weight"])
    for layer in range(LAYERS):
        x = plain_block(x, of_layer(weights, layer))
    return F.linear(F.rms_norm(x, (x.shape[-1],), weights["ln_final.weight"], 1e-5), weights["lm_head.weight"])


@pytest.mark.parametrize(
    ("module", "names"), [(adapters, PARAMETERS), (adapters_2024, PARAMETERS_2024)], ids=["2025, 2026", "2024"]
)
def test_names_and_order_of_the_arguments_are_the_courses(module, names):
    assert {name: " ".join(inspect.signature(getattr(module, name)).parameters) for name in names} == names


def test_the_edition_of_2024_has_all_its_functions():
    later = {"run_linear", "run_embedding", "run_swiglu", "run_silu", "run_rope"}
    later |= {"run_multihead_self_attention_with_rope"}
    for name in (PARAMETERS.keys() | PARAMETERS_2024.keys()) - later:
        assert callable(getattr(adapters_2024, name))


def test_the_layers(draw):
    x, w1, w3, w2 = draw(B, T, D), draw(FF, D), draw(FF, D), draw(D, FF)
    torch.testing.assert_close(adapters.run_linear(D, FF, w1, x), F.linear(x, w1))
    table, ids = draw(V, D), torch.tensor([[1, 0, 49], [3, 3, 7]])
    assert torch.equal(adapters.run_embedding(V, D, table, ids), table[ids])
    expected = F.linear(F.silu(F.linear(x, w1)) * F.linear(x, w3), w2)
    torch.testing.assert_close(adapters.run_swiglu(D, FF, w1, w2, w3, x), expected, atol=1e-3, rtol=1e-4)
    gains = draw(D)
    torch.testing.assert_close(adapters.run_rmsnorm(D, 0.1, gains, x), F.rms_norm(x, (D,), gains, 0.1))
    torch.testing.assert_close(adapters.run_silu(x), F.silu(x))
    torch.testing.assert_close(adapters.run_softmax(x, 1), F.softmax(x, 1))


def test_adapters_take_the_weights_as_they_are(draw):
    weights = draw(FF, D).bfloat16().requires_grad_()
    before = torch.get_rng_state()
    output = adapters.run_linear(D, FF, weights, draw(T, D).bfloat16())
    assert output.dtype == torch.bfloat16
    output.sum().backward()
    assert weights.grad is None
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(RuntimeError, match="size mismatch"):
        adapters.run_linear(D, FF + 1, weights, draw(T, D))
    with pytest.raises(RuntimeError, match="Unexpected key"):
        filled(torch.nn.Linear(2, 2, bias=False), {"weight": draw(2, 2), "gain": draw(2)})


def test_rotation_to_any_positions(draw):
    x = draw(B, T, D)
    for positions in (torch.arange(T), torch.arange(T).flip(0).expand(B, T), torch.arange(T)[None] + 3):
        actual = adapters.run_rope(D, THETA, CONTEXT, x, positions)
        torch.testing.assert_close(actual, plain_rope(x, positions))


def test_attention_under_a_mask(draw):
    q, k, v = draw(B, T, D), draw(B, CONTEXT, D), draw(B, CONTEXT, D)
    mask = draw(B, T, CONTEXT) > 0
    expected = F.scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(adapters.run_scaled_dot_product_attention(q, k, v, mask), expected)
    torch.testing.assert_close(adapters_2024.run_scaled_dot_product_attention(k, q, v, ~mask, 0.0), expected)
    heads = [x.unflatten(0, (2, 2)) for x in (q, k, v, mask)]
    torch.testing.assert_close(adapters.run_scaled_dot_product_attention(*heads).flatten(0, 1), expected)
    unmasked = F.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(adapters.run_scaled_dot_product_attention(q, k, v), unmasked)


def test_self_attention(draw):
    x, projections = draw(B, T, D), [draw(D, D) / D**0.5 for _ in ATTENTION]
    expected = plain_attention(x, *projections)
    torch.testing.assert_close(adapters.run_multihead_self_attention(D, HEADS, *projections, x), expected)
    names = [f"{name}_heads" for name in ("q", "k", "v")]
    by_head = {
        f"{name}.{head}.weight": projection[head * D // HEADS : (head + 1) * D // HEADS]
        for name, projection in zip(names, projections, strict=False)
        for head in range(HEADS)
    }
    by_head["output_proj.weight"] = projections[3]
    actual = adapters_2024.run_multihead_self_attention(D, HEADS, 0.0, by_head, x)
    torch.testing.assert_close(actual, expected)
    rotated = adapters.run_multihead_self_attention_with_rope
    for positions in (None, torch.arange(T)[None], torch.arange(T) + 4):
        expected = plain_attention(x, *projections, torch.arange(T) if positions is None else positions.flatten())
        torch.testing.assert_close(rotated(D, HEADS, CONTEXT, THETA, *projections, x, positions), expected)


def test_block_and_model(draw):
    weights, x = model_weights(draw), draw(B, T, D)
    first = of_layer(weights, 0)
    actual = adapters.run_transformer_block(D, HEADS, FF, CONTEXT, THETA, first, x)
    torch.testing.assert_close(actual, plain_block(x, first), atol=1e-5, rtol=1e-4)
    for t in (T, T // 2):
        ids = torch.randint(0, V, (B, t), generator=torch.Generator().manual_seed(1))
        logits = adapters.run_transformer_lm(V, CONTEXT, D, LAYERS, HEADS, FF, THETA, weights, ids)
        torch.testing.assert_close(logits, plain_model(ids, weights), atol=1e-4, rtol=1e-4)


def test_loss_and_clipping(draw):
    logits, targets = 100 * draw(8, V), torch.arange(8)
    torch.testing.assert_close(adapters.run_cross_entropy(logits, targets), F.cross_entropy(logits, targets))
    ours, theirs = ([torch.nn.Parameter(torch.ones(5, 5)) for _ in range(3)] for _ in range(2))
    for parameters in (ours, theirs):
        sum((i + 1) * parameter.sum() for i, parameter in enumerate(parameters[:2])).backward()
    adapters.run_gradient_clipping(iter(ours), 0.01)
    torch.nn.utils.clip_grad_norm_(theirs, 0.01)
    torch.testing.assert_close([p.grad for p in ours[:2]], [p.grad for p in theirs[:2]])
    assert ours[2].grad is None


def test_adamw_follows_torchs():
    def trained(optimizer_class):
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 6))
        optimizer = optimizer_class([weight], lr=1e-3, weight_decay=0.01, betas=(0.9, 0.999), eps=1e-8)
        for _ in range(100):
            optimizer.zero_grad()
            (weight - 2).square().sum().backward()
            optimizer.step()
        return weight.detach()

    torch.testing.assert_close(trained(adapters.get_adamw_cls()), trained(torch.optim.AdamW), atol=1e-4, rtol=0)


def test_learning_rate():
    actual = [adapters.run_get_lr_cosine_schedule(it, 1.0, 0.1, 7, 21) for it in range(25)]
    expected = [it / 7 for it in range(7)]
    expected += [0.1 + 0.45 * (1 + math.cos(math.pi * (it - 7) / 14)) for it in range(7, 21)] + [0.1] * 4
    assert actual == pytest.approx(expected)


def test_batches():
    starts = set()
    for _ in range(60):
        inputs, targets = adapters.run_get_batch(np.arange(20), 16, 7, "cpu")
        assert inputs.shape == targets.shape == (16, 7)
        assert torch.equal(inputs + 1, targets)
        starts |= set(inputs[:, 0].tolist())
    assert starts == set(range(13))


def test_checkpoint(tmp_path):
    def build(seed):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
        optimizer = adapters.get_adamw_cls()(model.parameters(), lr=0.1)
        model(torch.ones(3)).sum().backward()
        optimizer.step()
        return model, optimizer

    model, optimizer = build(0)
    adapters.run_save_checkpoint(model, optimizer, 10, tmp_path / "checkpoint.pt")
    other, other_optimizer = build(1)
    assert adapters.run_load_checkpoint(tmp_path / "checkpoint.pt", other, other_optimizer) == 10
    torch.testing.assert_close(other.state_dict(), model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(other_optimizer.state_dict(), optimizer.state_dict(), rtol=0, atol=0)


def test_tokenizer(tmp_path):
    text = "\n".join(5 * ["low"] + 2 * ["lower"] + 3 * ["widest"] + 6 * ["newest"])  # the example of the handout
    (tmp_path / "corpus.txt").write_text(text + "<|endoftext|>" + text)
    vocab, merges = adapters.run_train_bpe(tmp_path / "corpus.txt", 263, ["<|endoftext|>"])
    assert set(vocab) == set(range(263))
    assert vocab[0] == b"<|endoftext|>"
    assert [left + right for left, right in merges] == [b"st", b"est", b"ow", b"low", b"west", b"ne"]
    tokenizer = adapters.get_tokenizer(vocab, merges, ["<|endoftext|>"])
    ids = tokenizer.encode(text + "<|endoftext|>")
    assert ids[-1] == 0
    assert list(tokenizer.encode_iterable([text[:7], text[7:], "<|endof", "text|>"])) == ids
    assert tokenizer.decode(ids) == text + "<|endoftext|>"


@pytest.mark.parametrize("probability", [0.1, 1.0])
def test_dropout_is_refused(draw, probability):
    x = draw(T, D)
    with pytest.raises(ValueError, match="dropout"):
        adapters_2024.run_scaled_dot_product_attention(x, x, x, None, probability)


def test_what_nn_does_not_have_is_skipped(draw):
    for call in (
        lambda: adapters_2024.run_gelu(draw(3)),
        lambda: adapters_2024.run_positionwise_feedforward(D, FF, {}, draw(3, D)),
        lambda: adapters_2024.run_transformer_block(D, HEADS, FF, 0.0, 0.0, {}, draw(B, T, D)),
        lambda: adapters_2024.run_transformer_lm(V, CONTEXT, D, 1, HEADS, FF, 0.0, 0.0, {}, torch.zeros(1, 1)),
    ):
        with pytest.raises(pytest.skip.Exception, match="GELU"):
            call()
