"""Chapter 9: training and talking. Replace the body of a function by your own and run this file with pytest."""

import pytest
import torch
from torch import Tensor

import nn


def greedy(model: nn.TransformerLM, ids: list[int], n: int) -> list[int]:
    """Return the n next tokens, each the most probable one; with the prompt they must fit into the context."""
    text, context = list(ids), model.config.context_length
    with torch.no_grad():
        for _ in range(n):
            window = torch.tensor([text + [0] * (context - len(text))])  # the same shape each time
            text.append(int(model(window)[0, len(text) - 1].argmax()))
    return text[len(ids) :]


def nucleus(probabilities: list[float], p: float) -> list[float]:
    """Return the probabilities with those outside the smallest set that reaches p set to 0, divided by their sum."""
    kept = [0.0] * len(probabilities)
    for i in sorted(range(len(probabilities)), key=lambda i: -probabilities[i]):
        if sum(kept) >= p:
            break
        kept[i] = probabilities[i]
    return [probability / sum(kept) for probability in kept]


def gradient_in_parts(model: nn.TransformerLM, inputs: Tensor, targets: Tensor, parts: int) -> list[Tensor]:
    """Return the gradient of the mean loss of a batch, for each parameter, computed in equal parts."""
    model.zero_grad()
    for part_inputs, part_targets in zip(inputs.chunk(parts), targets.chunk(parts), strict=True):
        (model.loss(part_inputs, part_targets) / parts).backward()
    return [parameter.grad for parameter in model.parameters()]


@pytest.fixture
def model():
    config = nn.ModelConfig(vocab_size=50, context_length=16, d_model=16, num_layers=1, num_heads=2)
    return nn.TransformerLM(config, generator=torch.Generator().manual_seed(0))


def test_greedy(model):
    expected = nn.generate(model, [1, 2, 3], 12, nn.SamplingConfig(temperature=0))
    assert greedy(model, [1, 2, 3], 12) == list(expected)
    assert greedy(model, [1, 2, 3], 0) == []


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 1.0])
def test_nucleus(p):
    logits = torch.tensor([0.5, 2.0, -1.0, 1.0, 0.9])
    expected = nn.next_token_probabilities(logits, nn.SamplingConfig(top_p=p))
    assert nucleus(torch.softmax(logits, -1).tolist(), p) == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_gradient_in_parts(model, parts):
    ids = torch.randint(50, (4, 17), generator=torch.Generator().manual_seed(0))
    model.loss(ids[:, :-1], ids[:, 1:]).backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    found = gradient_in_parts(model, ids[:, :-1], ids[:, 1:], parts)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
