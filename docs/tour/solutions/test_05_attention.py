"""Chapter 5: attention. Replace the body of a function by your own and run this file with pytest."""

import cmath
import math

import pytest
import torch

import nn

Vector = list[float]


def softmax(scores: Vector) -> Vector:
    """Return positive weights that sum to 1."""
    highest = max(scores)
    exponentials = [math.exp(score - highest) for score in scores]
    return [value / sum(exponentials) for value in exponentials]


def attention(q: list[Vector], k: list[Vector], v: list[Vector]) -> list[Vector]:
    """Return for each query the weighted mean of the values at its own position and before it."""
    results = []
    for i, query in enumerate(q):
        scores = [sum(a * b for a, b in zip(query, k[j], strict=True)) / math.sqrt(len(query)) for j in range(i + 1)]
        weights = softmax(scores)
        width = len(v[0])
        results.append([sum(weight * v[j][c] for j, weight in enumerate(weights)) for c in range(width)])
    return results


def rotate_pairs(x: Vector, position: int, theta: float) -> Vector:
    """Return the vector with each pair of components turned by `position · theta^(−2p/e)`."""
    e = len(x)
    rotated: Vector = []
    for p in range(e // 2):
        turned = complex(x[2 * p], x[2 * p + 1]) * cmath.exp(1j * position * theta ** (-2 * p / e))
        rotated += [turned.real, turned.imag]
    return rotated


@pytest.mark.parametrize("scores", [[0.0], [1.0, 2.0, -1.0], [1000.0, 999.0], [-1000.0, -1001.0]])
def test_softmax(scores):
    assert softmax(scores) == pytest.approx(nn.softmax(torch.tensor(scores), -1).tolist(), rel=1e-5)


def test_attention():
    q, k, v = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = nn.scaled_dot_product_attention(q, k, v, nn.causal_mask(5))
    torch.testing.assert_close(torch.tensor(attention(q.tolist(), k.tolist(), v.tolist())), expected)


@pytest.mark.parametrize("position", [0, 1, 17])
def test_rotate_pairs(position):
    x = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    expected = nn.RotaryPositionalEmbedding(100.0, 8, 32)(x, torch.tensor([position]))
    torch.testing.assert_close(torch.tensor([rotate_pairs(x[0].tolist(), position, 100.0)]), expected)
