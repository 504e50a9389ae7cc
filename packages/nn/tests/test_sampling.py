import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nn import SamplingConfig, next_token_probabilities, sample, softmax

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5])


def naive(logits, temperature, top_k, top_p, min_p=0.0, penalty=1.0, seen=()):
    """One token after the other, in plain Python."""
    scores = [float(x) for x in logits]
    for i in seen:
        scores[i] = scores[i] / penalty if scores[i] > 0 else scores[i] * penalty
    weights = [math.exp((score - max(scores)) / temperature) for score in scores]
    ranked = sorted(range(len(weights)), key=lambda i: -weights[i])[: top_k or len(weights)]
    total = sum(weights[i] for i in ranked)
    kept, reached = [], 0.0
    for i in ranked:
        if reached >= top_p:
            break
        kept.append(i)
        reached += weights[i] / total
    kept = [i for i in kept if weights[i] >= min_p * weights[kept[0]]]
    total = sum(weights[i] for i in kept)
    return [weights[i] / total if i in kept else 0.0 for i in range(len(weights))]


@given(
    logits=st.lists(st.integers(-400, 400), min_size=1, max_size=10, unique=True),
    temperature=st.sampled_from([0.3, 0.7, 1.0, 2.0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.sampled_from([0.05, 0.311, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.0501, 0.313, 1.0]),
)
def test_probabilities_equal_the_naive_way(logits, temperature, top_k, top_p, min_p):
    logits = torch.tensor(logits) / 100
    ours = next_token_probabilities(logits, SamplingConfig(temperature, top_k, top_p, min_p))
    expected = naive(logits, temperature, top_k, top_p, min_p)
    torch.testing.assert_close(ours.tolist(), expected, rtol=1e-4, atol=1e-5)


@given(
    logits=st.lists(st.integers(-400, 400), min_size=2, max_size=10, unique=True),
    penalty=st.sampled_from([0.5, 1.0, 1.017, 3.01]),
    seen=st.sets(st.integers(0, 9)),
)
def test_what_was_seen_is_penalized(logits, penalty, seen):
    logits = torch.tensor(logits) / 100
    seen = {i for i in seen if i < len(logits)}
    mask = torch.tensor([i in seen for i in range(len(logits))])
    config = SamplingConfig(temperature=0.8, repetition_penalty=penalty)
    expected = naive(logits, 0.8, None, 1.0, penalty=penalty, seen=seen)
    ours = next_token_probabilities(logits, config, seen=mask)
    torch.testing.assert_close(ours.tolist(), expected, rtol=1e-4, atol=1e-5)
    greedy = SamplingConfig(temperature=0.0, repetition_penalty=penalty)
    assert expected[sample(logits, greedy, seen=mask)] == max(expected)


def test_a_penalty_needs_what_was_seen():
    with pytest.raises(ValueError, match=r"repetition_penalty is 1\.2, but not which tokens were seen"):
        sample(LOGITS, SamplingConfig(repetition_penalty=1.2))


def test_rows_have_their_own_sets():
    logits = torch.randn(2, 3, 50)
    config = SamplingConfig(temperature=0.7, top_p=0.8, min_p=0.02)
    together = next_token_probabilities(logits, config)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(together[i, j], next_token_probabilities(logits[i, j], config))


def test_a_large_vocabulary():
    """Most tokens are too unlikely to be sorted at all."""
    logits = torch.randn(20_000) * 3
    ours = next_token_probabilities(logits, SamplingConfig(top_p=0.95))
    expected = torch.tensor(naive(logits, 1.0, None, 0.95))
    assert ((ours > 0) != (expected > 0)).sum() <= 1  # sums of float32 may differ about the last one
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-6)


def test_temperature_zero_is_greedy():
    assert next_token_probabilities(LOGITS, SamplingConfig(temperature=0.0)).tolist() == [1, 0, 0, 0, 0]
    assert sample(LOGITS.expand(3, 5), SamplingConfig(temperature=0.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-50, 5e-324])
def test_a_tiny_temperature_is_greedy(temperature):
    probabilities = next_token_probabilities(LOGITS, SamplingConfig(temperature=temperature))
    assert probabilities.tolist() == [1, 0, 0, 0, 0]


def test_top_p_takes_the_smallest_set_that_reaches_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for top_p, size in [(0.4, 1), (0.6, 2), (0.79, 2), (0.9, 3), (0.97, 4), (1.0, 4)]:
        kept = next_token_probabilities(logits, SamplingConfig(top_p=top_p)) > 0
        assert kept.tolist() == [True] * size + [False] * (4 - size)


def test_draws_follow_the_probabilities():
    generator = torch.Generator().manual_seed(1)
    draws = sample(LOGITS.expand(20_000, 5), SamplingConfig(), generator)
    frequencies = torch.bincount(draws, minlength=5) / 20_000
    torch.testing.assert_close(frequencies, softmax(LOGITS, 0), rtol=0, atol=0.02)


def test_draws_reach_the_whole_interval():
    """A token of no probability is not drawn, at either end of the vocabulary."""
    logits = torch.tensor([-torch.inf, 0.0, 0.0, -torch.inf])
    assert sample(logits.expand(5_000, 4), SamplingConfig()).unique().tolist() == [1, 2]


def test_a_seed_repeats_the_draws():
    draws = [sample(LOGITS.expand(50, 5), SamplingConfig(), torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*draws)


@pytest.mark.parametrize("row", [[float("nan"), 1.0], [float("inf"), 0.0], [-float("inf"), -float("inf")]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_refused(row, temperature):
    with pytest.raises(ValueError, match="logits are not finite"):
        sample(torch.tensor(row), SamplingConfig(temperature))


def test_a_forbidden_token_is_never_drawn():
    logits = torch.tensor([0.0, -torch.inf, 0.0])
    assert 1 not in sample(logits.expand(500, 3), SamplingConfig())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": float("inf")}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"top_p": float("nan")}, "top_p is nan"),
        ({"min_p": -0.1}, "min_p is -0.1"),
        ({"min_p": 1.5}, "min_p is 1.5"),
        ({"min_p": float("nan")}, "min_p is nan"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"repetition_penalty": float("inf")}, "repetition_penalty is inf"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty is nan"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SamplingConfig(**settings)
