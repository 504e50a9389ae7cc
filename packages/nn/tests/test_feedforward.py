import torch
from torch.nn import functional

from nn import ReLU2Network, SiLUNetwork, SwiGLU, silu


def test_silu_equals_torch():
    x = 5 * torch.randn(100)
    torch.testing.assert_close(silu(x), functional.silu(x))


def test_networks_equal_their_formulas_in_torch():
    x = torch.randn(2, 3, 8)
    net = SwiGLU(8, 64)
    expected = functional.linear(
        functional.silu(functional.linear(x, net.w1.weight)) * functional.linear(x, net.w3.weight), net.w2.weight
    )
    torch.testing.assert_close(net(x), expected)
    net = SiLUNetwork(8, 32)
    expected = functional.linear(functional.silu(functional.linear(x, net.w1.weight)), net.w2.weight)
    torch.testing.assert_close(net(x), expected)
    net = ReLU2Network(8, 32)
    expected = functional.linear(functional.relu(functional.linear(x, net.w1.weight)).square(), net.w2.weight)
    torch.testing.assert_close(net(x), expected)
