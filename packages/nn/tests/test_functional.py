import math

import pytest
import torch
from hypothesis import given, strategies as st
from torch.nn import functional

from nn import causal_mask, cross_entropy, scaled_dot_product_attention, softmax


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_equals_torch(dim):
    x = 10 * torch.randn(3, 4, 5)
    torch.testing.assert_close(softmax(x, dim), functional.softmax(x, dim))


def test_softmax_of_huge_numbers():
    x = torch.tensor([1e30, 1e30, -1e30, -torch.inf])
    torch.testing.assert_close(softmax(x, 0), torch.tensor([0.5, 0.5, 0.0, 0.0]))


@given(shift=st.floats(-100, 100), row=st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_softmax_does_not_change_with_a_shift(shift, row):
    x = torch.tensor(row, dtype=torch.float64)
    torch.testing.assert_close(softmax(x + shift, 0), softmax(x, 0), rtol=1e-9, atol=1e-12)


def test_softmax_gradient():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: softmax(x, -1), x)


def test_softmax_in_bfloat16_is_computed_in_float32():
    x = torch.randn(1000).bfloat16()
    assert softmax(x, 0).dtype == torch.bfloat16
    torch.testing.assert_close(softmax(x, 0), softmax(x.float(), 0).bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torch(lead, masked):
    q, k, v = torch.randn(*lead, 5, 8), torch.randn(*lead, 7, 8), torch.randn(*lead, 7, 6)
    mask = (torch.rand(*lead, 5, 7) > 0.5) | (torch.arange(7) == 2) if masked else None
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v, mask), expected)


def test_attention_mask_broadcasts_over_heads():
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 8)
    expected = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v, causal_mask(5)), expected)
    mask = causal_mask(5).expand(2, 1, 5, 5)
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v, mask), expected)


def test_attention_gradients_equal_torch():
    ours = [torch.randn(2, 4, 6, 8, requires_grad=True) for _ in range(3)]
    theirs = [x.detach().clone().requires_grad_() for x in ours]
    scaled_dot_product_attention(*ours, causal_mask(6)).square().sum().backward()
    functional.scaled_dot_product_attention(*theirs, is_causal=True).square().sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)


def test_key_heads_may_be_shared_by_groups_of_query_heads():
    q, k, v = torch.randn(2, 6, 5, 8), torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 8)
    expected = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    torch.testing.assert_close(scaled_dot_product_attention(q, k, v), expected)


def test_causal_mask():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(3, window=2).tolist() == [[True, False, False], [True, True, False], [False, True, True]]
    assert causal_mask(3, queries=torch.tensor([[1], [0]])).tolist() == [[[True, True, False]], [[True, False, False]]]


@pytest.mark.parametrize("lead", [(7,), (2, 5), (2, 3, 4)])
def test_cross_entropy_equals_torch(lead):
    logits = (5 * torch.randn(*lead, 11)).requires_grad_()
    targets = torch.randint(11, lead)
    ours = cross_entropy(logits, targets)
    theirs = functional.cross_entropy(logits.flatten(0, -2), targets.flatten())
    torch.testing.assert_close(ours, theirs)
    (our_gradient,) = torch.autograd.grad(ours, logits)
    (their_gradient,) = torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(our_gradient, their_gradient)


def test_cross_entropy_of_huge_logits_is_finite():
    logits = torch.tensor([[1e30, 0.0], [1e4, -1e4]])
    torch.testing.assert_close(cross_entropy(logits, torch.tensor([0, 1])), torch.tensor(1e4))


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_cross_entropy_in_every_dtype_equals_torch(dtype, scale):
    """In half precision, the logits are exact and only the gradient is rounded."""
    logits = (scale * torch.randn(6, 40)).to(dtype).requires_grad_()
    targets = torch.randint(40, (6,))
    wide = logits.detach().to(torch.promote_types(dtype, torch.float32)).requires_grad_()
    ours, theirs = cross_entropy(logits, targets), functional.cross_entropy(wide, targets)
    assert ours.dtype == wide.dtype
    torch.testing.assert_close(ours, theirs)
    (our_gradient,) = torch.autograd.grad(ours, logits)
    (their_gradient,) = torch.autograd.grad(theirs, wide)
    torch.testing.assert_close(our_gradient, their_gradient.to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_cross_entropy_of_the_largest_logits_equals_torch(dtype):
    largest = torch.finfo(dtype).max / 4
    logits = torch.tensor([[largest, -largest, 0], [largest, largest, -largest]], dtype=dtype, requires_grad=True)
    targets = torch.tensor([0, 1])
    ours, theirs = cross_entropy(logits, targets), functional.cross_entropy(logits, targets)
    torch.testing.assert_close(ours, theirs, check_dtype=False)
    assert ours.item() == pytest.approx(math.log(2) / 2)
    (gradient,) = torch.autograd.grad(ours, logits)
    assert gradient.tolist() == [[0, 0, 0], [0.25, -0.25, 0]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_cross_entropy_beside_tokens_that_cannot_be_equals_that_without_them(dtype):
    logits = torch.randn(3, 4).to(dtype)
    forbidden = torch.full((3, 2), -torch.inf, dtype=dtype)
    wider = torch.cat([logits, forbidden], -1).requires_grad_()
    targets = torch.randint(4, (3,))
    loss = cross_entropy(wider, targets)
    torch.testing.assert_close(loss, cross_entropy(logits, targets))
    (ours,) = torch.autograd.grad(loss, wider)
    (theirs,) = torch.autograd.grad(functional.cross_entropy(wider, targets), wider)
    torch.testing.assert_close(ours, theirs)
    assert (ours[:, 4:] == 0).all()


def test_a_target_that_cannot_be_costs_infinitely_much():
    logits = torch.tensor([[0.0, -torch.inf]])
    assert cross_entropy(logits, torch.tensor([1])).item() == torch.inf


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_vocabulary():
    assert cross_entropy(torch.zeros(4, 10_000), torch.arange(4)).item() == pytest.approx(math.log(10_000))
