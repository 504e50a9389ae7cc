"""Gradient clipping: against torch's, by hand, and in edge cases."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_

from optim import clip_grad_norm


def with_gradients(*gradients: torch.Tensor) -> list[Parameter]:
    """Parameters of zeros that have the given gradients."""
    params = []
    for gradient in gradients:
        parameter = Parameter(torch.zeros_like(gradient))
        parameter.grad = gradient.clone()
        params.append(parameter)
    return params


def random_gradients(seed: int, scale: float = 1.0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(shape, generator=generator) for shape in [(), (7,), (5, 3), (2, 3, 4), (0,)]]


@given(seed=st.integers(0, 10_000), log_scale=st.floats(-4, 4), max_norm=st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_agrees_with_torch(seed, log_scale, max_norm):
    gradients = random_gradients(seed, 10**log_scale)
    ours, torchs = with_gradients(*gradients), with_gradients(*gradients)
    norm = clip_grad_norm(ours, max_norm)
    torch.testing.assert_close(norm, clip_grad_norm_(torchs, max_norm))
    # torch scales if norm + eps > max_norm, we if norm > max_norm: a relative difference of 1e-6/max_norm.
    for a, b in zip(ours, torchs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5 + 1e-6 / max_norm, atol=0)


@given(seed=st.integers(0, 10_000), log_scale=st.floats(-6, 6), max_norm=st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_the_clipped_norm_is_within_the_limit(seed, log_scale, max_norm):
    params = with_gradients(*random_gradients(seed, 10**log_scale))
    before = clip_grad_norm(params, max_norm)
    after = clip_grad_norm(params, math.inf)
    expected = min(before.item(), max_norm)
    assert after.item() <= max_norm * (1 + 1e-5)
    assert after.item() == pytest.approx(expected, rel=1e-5 + 1e-6 / max_norm)


def test_by_hand_with_a_large_eps():
    a, b = with_gradients(torch.tensor([3.0, 0.0]), torch.tensor([[4.0]]))
    norm = clip_grad_norm([a, b], max_norm=3.0, eps=1.0)
    assert norm.item() == 5.0
    assert norm.shape == ()
    torch.testing.assert_close(a.grad, torch.tensor([1.5, 0.0]))  # 3/(5 + 1) = ½
    torch.testing.assert_close(b.grad, torch.tensor([[2.0]]))


@pytest.mark.parametrize("max_norm", [5.0, 5.1, math.inf])
def test_a_norm_up_to_the_limit_changes_no_bit(max_norm):
    # At the limit itself, eps must not shrink the gradient: only a norm *above* is scaled.
    a, b = with_gradients(torch.tensor([3.0]), torch.tensor([4.0]))
    assert clip_grad_norm([a, b], max_norm).item() == 5.0
    assert (a.grad.item(), b.grad.item()) == (3.0, 4.0)


def test_is_in_place():
    (parameter,) = with_gradients(torch.tensor([30.0]))
    gradient = parameter.grad
    clip_grad_norm([parameter], 1.0)
    assert parameter.grad is gradient
    assert gradient.item() == pytest.approx(1.0)


def test_parameters_without_gradient_are_ignored():
    (with_one,) = with_gradients(torch.tensor([6.0, 8.0]))
    without = Parameter(torch.full((3,), 100.0))
    assert clip_grad_norm([without, with_one], 1.0).item() == 10.0
    assert without.grad is None
    torch.testing.assert_close(with_one.grad, torch.tensor([0.6, 0.8]))


def test_no_gradients_at_all_give_zero():
    for params in ([], [Parameter(torch.ones(2))]):
        norm = clip_grad_norm(params, 1.0)
        assert norm.item() == 0.0
        assert norm.shape == ()


def test_gradients_of_zeros_stay_zeros_without_eps():
    (parameter,) = with_gradients(torch.zeros(3))
    assert clip_grad_norm([parameter], 1.0, eps=0.0).item() == 0.0
    assert torch.equal(parameter.grad, torch.zeros(3))


def test_accepts_an_iterator_or_a_single_tensor():
    params = with_gradients(torch.tensor([3.0]), torch.tensor([4.0]))
    assert clip_grad_norm(iter(params), 1.0).item() == 5.0
    torch.testing.assert_close(params[1].grad, torch.tensor([0.8]))

    (single,) = with_gradients(torch.tensor([[3.0], [4.0]]))
    assert clip_grad_norm(single, 1.0).item() == 5.0
    torch.testing.assert_close(single.grad, torch.tensor([[0.6], [0.8]]))


def test_small_types_are_measured_in_float32():
    # The norm, √1000·3000 ≈ 94 868, is beyond float16, whose largest number is 65 504.
    (parameter,) = with_gradients(torch.full((1000,), 3000.0, dtype=torch.float16))
    norm = clip_grad_norm([parameter], 1.0)
    assert norm.dtype == torch.float32
    assert norm.item() == pytest.approx(math.sqrt(1000) * 3000)
    torch.testing.assert_close(parameter.grad, torch.full((1000,), 1000**-0.5, dtype=torch.float16))


def test_types_may_be_mixed():
    types = [torch.bfloat16, torch.float32, torch.float64]
    params = with_gradients(*(torch.tensor([2.0], dtype=dtype) for dtype in types), torch.tensor([[2.0]]))
    assert clip_grad_norm(params, 2.0).item() == 4.0
    assert [p.grad.dtype for p in params] == [*types, torch.float32]
    assert [p.grad.item() for p in params] == pytest.approx([1.0] * 4, rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_makes_the_norm_not_finite(bad):
    params = with_gradients(torch.tensor([1.0, bad]), torch.tensor([2.0]))
    assert not math.isfinite(clip_grad_norm(params, 1.0).item())


@pytest.mark.parametrize("max_norm", [0.0, -1.0, math.nan])
def test_bad_limits_are_refused(max_norm):
    (parameter,) = with_gradients(torch.tensor([2.0]))
    with pytest.raises(ValueError, match=f"max_norm is {max_norm}, but it must be more than 0"):
        clip_grad_norm([parameter], max_norm)
    assert parameter.grad.item() == 2.0


@pytest.mark.parametrize("eps", [-1e-6, math.nan, math.inf])
def test_bad_eps_is_refused(eps):
    with pytest.raises(ValueError, match=f"eps is {eps}, but it must be finite and at least 0"):
        clip_grad_norm([], 1.0, eps=eps)


def test_it_does_not_wait_for_a_value():
    # Reading a tensor's value makes the host wait for an accelerator; fake tensors have no value to read.
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        params = with_gradients(torch.empty(3, 2), torch.empty(4, dtype=torch.bfloat16))
        assert clip_grad_norm(params, 1.0).shape == ()
        with pytest.raises(RuntimeError, match="_local_scalar_dense"):  # so reading a value is an error here
            clip_grad_norm(params, 1.0).item()
