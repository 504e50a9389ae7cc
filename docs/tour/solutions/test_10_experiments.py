"""Chapter 10: experiments. Replace the body of a function by your own and run this file with pytest."""

from math import sqrt
from statistics import fmean, stdev

import pytest

from nn import ModelConfig, SiLUNetwork, SwiGLU, accounting


def counts(a: list[float], b: list[float]) -> bool:
    """Return whether the means differ by more than twice the standard error of their difference."""
    error = sqrt(stdev(a) ** 2 / len(a) + stdev(b) ** 2 / len(b))
    return abs(fmean(a) - fmean(b)) > 2 * error


def tokens_for(budget: float, n: int) -> float:
    """Return on how many tokens a model of n parameters can be trained: budget = 6·N·D."""
    return budget / (6 * n)


def silu_width(d_ff: int) -> int:
    """Return the width of a network with two matrices that has as many parameters as SwiGLU: 3·d·d_ff = 2·d·width."""
    return 3 * d_ff // 2


def test_counts():
    assert counts([2.61, 2.64, 2.60], [2.70, 2.66, 2.71])
    assert not counts([2.61, 2.64, 2.60], [2.62, 2.60, 2.66])
    # Standard deviations of 1 and 2, of 4 runs each: the standard error is √(1/4 + 4/4) = 1.118.
    spread = [-sqrt(0.75), -sqrt(0.75), sqrt(0.75), sqrt(0.75)]
    for difference, expected in ((2.2, False), (2.3, True)):
        assert counts(spread, [difference + 2 * deviation for deviation in spread]) == expected


@pytest.mark.parametrize("n_layers", [2, 4])
def test_tokens_for(n_layers):
    """The rule and the exact count agree within a few percent if the context is short and the model not tiny."""
    config = ModelConfig(vocab_size=1000, context_length=64, d_model=512, num_layers=n_layers, num_heads=8)
    in_products = accounting.count_parameters(config).total - 1000 * 512  # all but the embedding
    flops_of_a_token = 3 * accounting.forward_flops(config, sequence=64).total / 64
    assert tokens_for(1e15, in_products) == pytest.approx(1e15 / flops_of_a_token, rel=0.05)


@pytest.mark.parametrize("d_ff", [64, 192])
def test_silu_width(d_ff):
    parameters = [
        sum(p.numel() for p in network.parameters())
        for network in (SwiGLU(32, d_ff), SiLUNetwork(32, silu_width(d_ff)))
    ]
    assert parameters[0] == parameters[1]
