import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
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


def test_causal_mask():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]


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


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_vocabulary():
    assert cross_entropy(torch.zeros(4, 10_000), torch.arange(4)).item() == pytest.approx(math.log(10_000))
