import math

import pytest
import torch
from hypothesis import given, strategies as st

from nn import RotaryPositionalEmbedding

ROPE = RotaryPositionalEmbedding(10_000.0, 8, 200)


def at(x, position):
    return ROPE(x.unsqueeze(0), torch.tensor([position])).squeeze(0)


def test_it_rotates_neighbouring_pairs():
    x = torch.randn(8)
    turned = at(x, 7)
    for p in range(4):
        angle = 7 * 10_000 ** (-2 * p / 8)
        first, second = x[2 * p].item(), x[2 * p + 1].item()
        assert turned[2 * p].item() == pytest.approx(math.cos(angle) * first - math.sin(angle) * second, abs=1e-5)
        assert turned[2 * p + 1].item() == pytest.approx(math.sin(angle) * first + math.cos(angle) * second, abs=1e-5)


def test_it_equals_multiplication_by_complex_numbers():
    x = torch.randn(2, 50, 8)
    positions = torch.arange(50)
    angles = positions[:, None] * 10_000.0 ** (-torch.arange(0, 8, 2) / 8)
    turned = torch.view_as_complex(x.reshape(2, 50, 4, 2)) * torch.polar(torch.ones_like(angles), angles)
    torch.testing.assert_close(ROPE(x, positions), torch.view_as_real(turned).flatten(-2), rtol=1e-4, atol=1e-5)


def test_position_zero_changes_nothing():
    x = torch.randn(8)
    assert torch.equal(at(x, 0), x)


@given(position=st.integers(0, 199))
def test_lengths_do_not_change(position):
    x = torch.randn(8)
    torch.testing.assert_close(at(x, position).norm(), x.norm())


@given(i=st.integers(0, 99), j=st.integers(0, 99), shift=st.integers(0, 100))
def test_products_depend_only_on_the_distance(i, j, shift):
    q, k = torch.randn(8), torch.randn(8)
    here = at(q, i) @ at(k, j)
    there = at(q, i + shift) @ at(k, j + shift)
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-4)


def test_positions_may_have_leading_dimensions():
    x = torch.randn(2, 3, 5, 8)
    positions = torch.stack([torch.arange(5), torch.arange(10, 15)])
    turned = ROPE(x, positions.unsqueeze(1))
    torch.testing.assert_close(turned[0], ROPE(x[0], positions[0]))
    torch.testing.assert_close(turned[1], ROPE(x[1], positions[1]))


def test_tables_are_not_saved_and_far_positions_are_exact():
    rope = RotaryPositionalEmbedding(10_000.0, 64, 20_000)
    assert rope.state_dict() == {}
    assert rope.cos[19_999, 2].item() == pytest.approx(math.cos(19_999 * 10_000 ** (-2 / 64)), abs=1e-6)


def test_the_tables_stay_exact_when_the_dtype_of_the_weights_changes():
    rope = RotaryPositionalEmbedding(10_000.0, 8, 200)
    moved = RotaryPositionalEmbedding(10_000.0, 8, 200).bfloat16()
    assert torch.equal(moved.cos, rope.cos)
    assert moved.cos.dtype == torch.float32
    from_meta = RotaryPositionalEmbedding(10_000.0, 8, 200, device="meta")
    assert from_meta.cos.device.type == "meta"
    assert torch.equal(from_meta.to_empty(device="cpu").sin, rope.sin)
    assert RotaryPositionalEmbedding(10_000.0, 8, 200, dtype=torch.float64).cos.dtype == torch.float64


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="d_k is 7"):
        RotaryPositionalEmbedding(10_000.0, 7, 10)


def test_positions_are_0_1_2_if_not_given():
    x = torch.randn(2, 5, 8)
    assert torch.equal(ROPE(x), ROPE(x, torch.arange(5)))


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (
            torch.ones(5, 5, dtype=torch.bool),
            r"token_positions has the dtype torch.bool and the shape \(5, 5\): give one",
        ),
        (torch.arange(5.0), "token_positions has the dtype torch.float32"),
        (torch.arange(4), r"the shape \(4,\): give one integer for each vector, in a tensor of shape \[..., 5\]"),
        (torch.tensor(3), r"the shape \(\)"),
    ],
)
def test_what_are_not_positions_is_refused(positions, message, unchecked):
    with pytest.raises(ValueError, match=message):
        ROPE(torch.randn(2, 5, 8), positions)


def test_more_positions_than_the_tables_have_are_refused():
    with pytest.raises(ValueError, match="201 positions are more than max_seq_len = 200"):
        ROPE(torch.randn(201, 8))


def test_the_gradient_is_the_rotation_back():
    x = torch.randn(2, 5, 8, requires_grad=True, dtype=torch.float32)
    gradient = torch.randn(2, 5, 8)
    (found,) = torch.autograd.grad(ROPE(x), x, gradient)
    even, odd = gradient[..., 0::2], gradient[..., 1::2]
    cos, sin = ROPE.cos[:5, 0::2], ROPE.sin[:5, 1::2]
    torch.testing.assert_close(found[..., 0::2], cos * even + sin * odd)
    torch.testing.assert_close(found[..., 1::2], cos * odd - sin * even)
    wide = x.detach().double().requires_grad_()
    torch.autograd.gradgradcheck(lambda y: ROPE(y.float()).double(), wide, atol=1e-3, eps=1e-2)
