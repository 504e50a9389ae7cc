import pytest
import torch
from hypothesis import given, strategies as st
from sizes import PRODUCTS, Sizes

from nn import ModelConfig, TransformerLM, cross_entropy, linear_cross_entropy, soft_cap


def plain(hidden, weight, targets, cap=None):
    logits = hidden @ weight.T
    return cross_entropy(logits if cap is None else soft_cap(logits, cap), targets)


def problem(lead=(3, 7), d=8, vocab=50, dtype=torch.float32):
    hidden = torch.randn(*lead, d).to(dtype).requires_grad_()
    weight = torch.randn(vocab, d).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(vocab, lead)


def assert_equal_to_plain(hidden, weight, targets, cap=None, chunk_tokens=None, **tolerance):
    ours = linear_cross_entropy(hidden, weight, targets, soft_cap=cap, chunk_tokens=chunk_tokens)
    theirs = plain(hidden, weight, targets, cap)
    torch.testing.assert_close(ours, theirs, **tolerance)
    leaves = [x for x in (hidden, weight) if x.requires_grad]
    # A factor, as from gradient accumulation or from a scaler of losses.
    for a, b in zip(torch.autograd.grad(ours * 3, leaves), torch.autograd.grad(theirs * 3, leaves), strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, **tolerance)


@given(
    lead=st.sampled_from([(1,), (5,), (2, 6), (2, 3, 2)]),
    cap=st.sampled_from([None, 0.7, 5.0]),
    chunk_tokens=st.none() | st.integers(1, 14),
)
def test_value_and_gradients_equal_the_plain_way(lead, cap, chunk_tokens):
    assert_equal_to_plain(*problem(lead), cap, chunk_tokens)


def test_one_hidden_state_without_leading_dimensions():
    assert_equal_to_plain(*problem(()))


def test_float64_is_kept():
    assert_equal_to_plain(*problem(dtype=torch.float64), chunk_tokens=4, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cap", [None, 3.0])
@pytest.mark.parametrize(("dtype", "error"), [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
def test_half_precision(dtype, error, cap):
    hidden, weight, targets = problem(dtype=dtype)
    assert_equal_to_plain(hidden, weight, targets, cap, 4, rtol=error, atol=error)
    exact = [x.detach().double().requires_grad_() for x in (hidden, weight)]
    ours = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets, chunk_tokens=4), (hidden, weight))
    for a, b in zip(ours, torch.autograd.grad(plain(*exact, targets), exact), strict=True):
        torch.testing.assert_close(a.double(), b, rtol=error, atol=error)


def test_many_chunks_in_bfloat16_lose_nothing():
    """Each chunk adds less than bfloat16 could tell from nothing."""
    tokens = 2_000
    hidden = torch.ones(tokens, 1, dtype=torch.bfloat16)
    weight = torch.zeros(2, 1, dtype=torch.bfloat16, requires_grad=True)
    linear_cross_entropy(hidden, weight, torch.zeros(tokens, dtype=torch.long), chunk_tokens=1).backward()
    assert weight.grad.flatten().tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("frozen", ["hidden", "weight", "both"])
def test_what_needs_no_gradient_gets_none(frozen):
    hidden, weight, targets = problem()
    hidden.requires_grad_(frozen == "weight")
    weight.requires_grad_(frozen == "hidden")
    if frozen == "both":
        loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=4)
        assert not loss.requires_grad
        torch.testing.assert_close(loss, plain(hidden, weight, targets))
    else:
        assert_equal_to_plain(hidden, weight, targets, chunk_tokens=4)


def test_gradients_add_up():
    hidden, weight, targets = problem((4, 6))
    for h, t in zip(hidden.split(2), targets.split(2), strict=True):
        (linear_cross_entropy(h, weight, t, chunk_tokens=5) / 2).backward()
    expected = torch.autograd.grad(plain(hidden, weight, targets), (hidden, weight))
    torch.testing.assert_close((hidden.grad, weight.grad), expected)


def test_backward_twice_gives_the_same_gradient():
    hidden, weight, targets = problem()
    loss = linear_cross_entropy(hidden, weight, targets)
    first, again = (torch.autograd.grad(2 * loss, (hidden, weight), retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, first, again))


def test_gradients_of_gradients_are_refused():
    hidden, weight, targets = problem()
    loss = linear_cross_entropy(hidden, weight, targets)
    with pytest.raises(RuntimeError, match="does not support gradients of gradients"):
        torch.autograd.grad(loss, hidden, create_graph=True)


@pytest.mark.parametrize("cap", [None, 2.0])
def test_it_compiles_into_one_graph(cap, unchecked):
    hidden, weight, targets = problem()
    # The compiled way is not the point, but that it is one graph: so no C++ compiler, which takes most of the time.
    function = torch.compile(linear_cross_entropy, fullgraph=True, dynamic=False, backend="aot_eager")
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            ours = function(hidden, weight, targets, soft_cap=cap, chunk_tokens=4)
            theirs = linear_cross_entropy(hidden, weight, targets, soft_cap=cap, chunk_tokens=4)
        torch.testing.assert_close(ours, theirs)
        gradients = [torch.autograd.grad(loss * 3, (hidden, weight)) for loss in (ours, theirs)]
        torch.testing.assert_close(*gradients)
    with torch.no_grad():
        torch.testing.assert_close(function(hidden, weight, targets), linear_cross_entropy(hidden, weight, targets))


def test_huge_and_impossible_logits():
    hidden = torch.tensor([[1.0], [1.0]], requires_grad=True)
    weight = torch.tensor([[1e30], [0.0], [-torch.inf]], requires_grad=True)
    loss = linear_cross_entropy(hidden, weight, torch.tensor([0, 1]))
    torch.testing.assert_close(loss, torch.tensor(5e29))
    (gradient,) = torch.autograd.grad(loss, weight)
    assert gradient.flatten().tolist() == [0.5, -0.5, 0.0]


@pytest.mark.parametrize("tie", [True, False])
def test_the_model_learns_the_same(tie):
    config = ModelConfig(vocab_size=60, context_length=8, d_model=16, num_layers=1, num_heads=2, tie_embeddings=tie)
    model = TransformerLM(config, generator=torch.Generator().manual_seed(0))
    ids = torch.randint(60, (3, 9))
    inputs, targets = ids[:, :-1], ids[:, 1:]
    ours = torch.autograd.grad(
        linear_cross_entropy(model.hidden_states(inputs), model.lm_head.weight, targets, chunk_tokens=7),
        list(model.parameters()),
    )
    torch.testing.assert_close(ours, torch.autograd.grad(cross_entropy(model(inputs), targets), model.parameters()))


@pytest.mark.parametrize("cap", [None, 2.0])
def test_the_logits_are_never_all_there(cap):
    hidden, weight, targets = problem((8, 50), d=4, vocab=1_000)
    with Sizes() as plainly:
        plain(hidden, weight, targets, cap).backward()
    assert plainly.largest == 400 * 1_000
    with Sizes() as ours:
        linear_cross_entropy(hidden, weight, targets, soft_cap=cap, chunk_tokens=32).backward()
    assert ours.largest == 32 * 1_000
    with Sizes() as ours:
        linear_cross_entropy(*problem((2_000,), d=4, vocab=100), soft_cap=cap).backward()
    assert ours.largest == 512 * 100
    with Sizes() as ours:
        linear_cross_entropy(*problem((32_000,), d=1, vocab=50), soft_cap=cap).backward()
    assert ours.largest == 1_000 * 50


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_without_gradients_one_product_a_chunk(off):
    hidden, weight, targets = problem((10,))
    with off(), Sizes() as seen:
        loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=4)
    assert not loss.requires_grad
    assert sum(name in PRODUCTS for name in seen.operations) == 3
    torch.testing.assert_close(loss, plain(hidden, weight, targets).detach())


def test_autocast_multiplies_in_bfloat16_and_sums_in_float32():
    hidden, weight, targets = problem((40,))
    with Sizes() as seen, torch.autocast("cpu", torch.bfloat16):
        loss = linear_cross_entropy(hidden, weight, targets, chunk_tokens=7)
        loss.backward()
    assert seen.multiplied == {torch.bfloat16}
    assert loss.dtype == hidden.grad.dtype == weight.grad.dtype == torch.float32
    torch.testing.assert_close(loss, plain(hidden, weight, targets), rtol=1e-2, atol=0)
    expected = torch.autograd.grad(plain(hidden, weight, targets), (hidden, weight))
    torch.testing.assert_close((hidden.grad, weight.grad), expected, rtol=2e-2, atol=1e-3)


def test_autocast_leaves_float64_alone():
    with torch.autocast("cpu", torch.bfloat16):
        assert_equal_to_plain(*problem(dtype=torch.float64), chunk_tokens=4)


@pytest.mark.parametrize("chunk_tokens", [0, -1])
def test_no_tokens_at_a_time_are_refused(chunk_tokens):
    with pytest.raises(ValueError, match=f"chunk_tokens is {chunk_tokens}: give at least 1"):
        linear_cross_entropy(*problem(), chunk_tokens=chunk_tokens)


def test_a_missing_target_is_refused(unchecked):
    hidden, weight, targets = problem((3, 7))
    for wrong in (targets[:2], targets.flatten()):
        with pytest.raises(ValueError, match="give one target for each"):
            linear_cross_entropy(hidden, weight, wrong)
