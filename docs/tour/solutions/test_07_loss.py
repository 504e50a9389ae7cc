"""Chapter 7: loss. Replace the body of a function by your own and run this file with pytest."""

import math

import pytest
import torch

import nn


def cross_entropy(logits: list[float], target: int) -> float:
    """Return −log of the probability that softmax gives to the target, in nats."""
    highest = max(logits)
    return math.log(sum(math.exp(logit - highest) for logit in logits)) + highest - logits[target]


def perplexity(loss: float) -> float:
    """Return the number of equally probable tokens that a loss stands for."""
    return math.exp(loss)


def bits_per_byte(loss: float, bytes_per_token: float) -> float:
    """Return the loss in bits for each byte of text, given the loss in nats for each token."""
    return loss / math.log(2) / bytes_per_token


def loss_gradient(logits: list[float], target: int) -> list[float]:
    """Return by how much the loss grows with each logit: its probability, minus 1 for the target."""
    highest = max(logits)
    exponentials = [math.exp(logit - highest) for logit in logits]
    return [value / sum(exponentials) - (i == target) for i, value in enumerate(exponentials)]


LOGITS = [[2.0, 1.0, -1.0], [0.0, 0.0], [1000.0, 999.0, 0.0]]


@pytest.mark.parametrize("logits", LOGITS)
def test_cross_entropy(logits):
    expected = nn.cross_entropy(torch.tensor([logits]), torch.tensor([1])).item()
    assert cross_entropy(logits, 1) == pytest.approx(expected, rel=1e-5)


def test_perplexity():
    assert perplexity(math.log(512)) == pytest.approx(512)
    assert perplexity(0.0) == 1


def test_bits_per_byte():
    assert bits_per_byte(math.log(256), 1.0) == pytest.approx(8)  # guessing among all bytes
    assert bits_per_byte(math.log(256), 4.0) == pytest.approx(2)


@pytest.mark.parametrize("logits", LOGITS)
def test_loss_gradient(logits):
    tensor = torch.tensor([logits], requires_grad=True)
    nn.cross_entropy(tensor, torch.tensor([0])).backward()
    assert loss_gradient(logits, 0) == pytest.approx(tensor.grad[0].tolist(), abs=1e-6)
