"""Linear, Embedding and RMSNorm against torch.nn."""

import math
from functools import partial

import pytest
import torch

from nn import Embedding, Linear, Mix, ReLU2Network, RMSNorm, SiLUNetwork, SwiGLU
from nn.initialization import draw_uniform
from nn.layers import joint_linear


def test_linear_equals_torch():
    ours, theirs = Linear(6, 4), torch.nn.Linear(6, 4, bias=False)
    theirs.load_state_dict(ours.state_dict())
    for shape in [(6,), (3, 6), (2, 3, 6)]:
        x = torch.randn(shape)
        torch.testing.assert_close(ours(x), theirs(x))
    assert ours.weight.shape == (4, 6)


@pytest.mark.parametrize(("d_in", "d_out"), [(300, 500), (512, 512), (1000, 10)])
def test_linear_has_the_specified_initial_weights(d_in, d_out):
    weight = Linear(d_in, d_out).weight.detach()
    sigma = math.sqrt(2 / (d_in + d_out))
    assert weight.abs().max() <= 3 * sigma
    assert weight.abs().max() > 2.7 * sigma
    assert weight.mean().abs() < 5 * sigma / math.sqrt(weight.numel())
    # A normal distribution truncated at ±3σ has 0.9866 of its standard deviation.
    assert weight.std().item() == pytest.approx(0.9866 * sigma, rel=0.03)


def test_uniform_initial_weights_keep_the_size_of_the_input():
    weight = Linear(300, 500, init=partial(draw_uniform, scale=0.4)).weight.detach()
    bound = 0.4 * math.sqrt(3 / 300)
    assert 0.999 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(0.4 / math.sqrt(300), rel=0.01)


def test_layers_applied_jointly_equal_each_alone():
    layers = [Linear(6, d_out) for d_out in (5, 3, 8)]
    x = torch.randn(2, 4, 6, requires_grad=True)
    alone, joint = [layer(x) for layer in layers], joint_linear(x, *layers)
    torch.testing.assert_close(list(joint), alone)
    inputs = [x, *(layer.weight for layer in layers)]
    weights = [torch.randn_like(output) for output in alone]
    torch.testing.assert_close(torch.autograd.grad(joint, inputs, weights), torch.autograd.grad(alone, inputs, weights))
    with torch.no_grad():
        torch.testing.assert_close(list(joint_linear(x, *layers)), alone)


def test_the_residual_stream_starts_in_the_dtype_of_autocast():
    embedding, ids = Embedding(20, 6), torch.tensor([3, 5])
    with torch.autocast("cpu", torch.bfloat16):
        rows = embedding(ids)
    assert torch.equal(rows, embedding(ids).bfloat16())
    rows.float().sum().backward()
    assert embedding.weight.grad.dtype == torch.float32


def test_embedding_equals_torch():
    ours, theirs = Embedding(20, 6), torch.nn.Embedding(20, 6)
    theirs.load_state_dict(ours.state_dict())
    ids = torch.randint(20, (3, 5))
    assert torch.equal(ours(ids), theirs(ids))
    ours(ids).square().sum().backward()
    theirs(ids).square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_embedding_has_the_specified_initial_weights():
    weight = Embedding(2000, 100).weight.detach()
    assert 2.9 < weight.abs().max() <= 3
    assert weight.std().item() == pytest.approx(0.9866, rel=0.01)


def test_rms_norm_without_gains_only_normalizes():
    norm, x = RMSNorm(16, gains=False), torch.randn(3, 5, 16)
    assert list(norm.parameters()) == []
    torch.testing.assert_close(norm(x), torch.nn.functional.rms_norm(x, (16,), eps=1e-5))
    assert norm(x.bfloat16()).dtype == torch.bfloat16


def test_rms_norm_equals_torch():
    ours, theirs = RMSNorm(16), torch.nn.RMSNorm(16, eps=1e-5)
    assert torch.equal(ours.weight, torch.ones(16))
    with torch.no_grad():
        ours.weight.copy_(torch.randn(16))
        theirs.weight.copy_(ours.weight)
    x = torch.randn(2, 3, 16, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    (a,) = torch.autograd.grad(ours(x).square().sum(), x)
    (b,) = torch.autograd.grad(theirs(x).square().sum(), x)
    torch.testing.assert_close(a, b)


def test_rms_norm_computes_in_float32():
    norm = RMSNorm(1000, dtype=torch.bfloat16)
    x = (1e3 * torch.randn(4, 1000)).bfloat16()
    assert norm(x).dtype == torch.bfloat16
    expected = x.float() / (x.float().square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), expected.bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda **where: Linear(4, 6, **where),
        lambda **where: Embedding(5, 4, **where),
        lambda **where: RMSNorm(4, **where),
        lambda **where: Mix((1.0, 0.0), **where),
        lambda **where: SwiGLU(4, 64, **where),
        lambda **where: SiLUNetwork(4, 16, **where),
        lambda **where: ReLU2Network(4, 16, **where),
    ],
)
def test_device_and_dtype_reach_every_parameter(make):
    for parameter in make(device="meta", dtype=torch.bfloat16).parameters():
        assert parameter.device.type == "meta"
        assert parameter.dtype == torch.bfloat16


def test_the_gradient_of_an_embedding_is_the_same_every_time():
    """Large enough for several threads, with many ids that share a row: the order of the sums must not vary."""
    torch.set_num_threads(4)
    embedding = Embedding(50, 256)
    ids = torch.randint(50, (32, 64))
    upstream = torch.randn(32, 64, 256)
    gradients = []
    for _ in range(8):
        embedding.weight.grad = None
        embedding(ids).backward(upstream)
        gradients.append(embedding.weight.grad)
    torch.set_num_threads(1)
    assert all(torch.equal(gradients[0], other) for other in gradients[1:])
